"""Attention norms of every GALA layer, and norms of hooked modules' activity, from one forward pass."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import xarray as xr

from gala_viz.attribution.finite import check_forward_pass
from gala_viz.networks.frozen_eval import frozen_eval
from gala_viz.attribution.provenance import network_attrs
from gala_viz.collections.collection import Collection
from gala_viz.networks.gala import attention_norm
from gala_viz.networks.layer_labels import layer_units
from gala_viz.networks.network import Network
from gala_viz.progress import ProgressCallback, progress_bar
from gala_viz.schema import labelled_map

BATCH_SIZE = 8


def logits_and_norms(network: Network, batch: np.ndarray) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return the logits and the norms of every layer from one forward pass.

    Parameters
    ----------
    network : Network
        Its module is frozen in eval mode for the pass, and restored afterwards.
    batch : ndarray, (image, 3, y, x)
        Network inputs; they are converted to float32.

    Returns
    -------
    logits : ndarray, (image, category), float32
        Logits of each image.
    norms : dict of str to ndarray
        Layer -> norms (image, y, x) at the layer's own grid. A norm is the L2 norm over channels at each position: of
        A, which is unitless, or of the activity of a hooked module, in its own unit.
    """
    with frozen_eval(network.module), torch.no_grad():
        logits, attention = network.attention(torch.from_numpy(np.asarray(batch, np.float32)).to(network.device))
        norms = {layer: attention_norm(values).cpu().numpy() for layer, values in attention.items()}
        return logits.cpu().numpy(), norms


def attention_norms(
    network: Network,
    collection: Collection,
    images: Sequence[str] | None = None,
    *,
    progress: ProgressCallback | bool | None = None,
) -> dict[str, xr.DataArray]:
    """Return the attention norm of every layer for images of a collection.

    Parameters
    ----------
    network : Network
        One with GALA layers, or with other layers named to ``load_network``.
    collection : Collection
        Where photographs are read.
    images : sequence of str, optional
        Ids; default: all of the collection.
    progress : callable or bool, optional
        Called as ``progress(done, total)`` when images finish; True draws a bar.

    Returns
    -------
    dict of str to DataArray
        Layer -> L2 norm over channels (image, y, x), float32, at the layer's own grid, in ``attrs["units"]``.
        Coordinates are pixel centres in the network's input, so that layers and saliency maps share one frame; per
        image also ``predicted``, the index of the first choice in the same pass, and ``probability``, its softmax.

    Raises
    ------
    ValueError
        The network has no layers, or gives NaN or infinite values (``NonFiniteError``).

    References
    ----------
    Linsley et al. 2019, figure 2.

    Examples
    --------
    >>> import gala_viz as gv
    >>> photos, network = gv.open_collection("photos"), gv.load_network("lite0-gala-human", device="cpu")
    >>> norms = gv.attention_norms(network, photos, photos.images[:1])
    >>> next(iter(norms.values())).shape
    (1, 14, 14)
    """
    if not network.layers:
        raise ValueError(
            f"{network.name} has no GALA layers and no watched modules; add GALA with "
            "gala_viz.networks.insert.add_gala, or load the network with layers=[...]."
        )
    return predictions_and_norms(network, collection, images, progress=progress)[1]


def predictions_and_norms(
    network: Network,
    collection: Collection,
    images: Sequence[str] | None = None,
    *,
    progress: ProgressCallback | bool | None = None,
) -> tuple[xr.DataArray, dict[str, xr.DataArray]]:
    """Return the predictions and the attention norms of images from one forward pass of each.

    Parameters
    ----------
    network : Network
        One without layers gives predictions and no norms.
    collection : Collection
        Where photographs are read.
    images : sequence of str, optional
        Ids; default: all of the collection.
    progress : callable or bool, optional
        Called as ``progress(done, total)`` when images finish; True draws a bar.

    Returns
    -------
    predicted : DataArray, (image,), int
        Index of the category with the largest logit; the coordinate ``probability`` is its softmax.
    norms : dict of str to DataArray
        As ``attention_norms`` returns them.

    Raises
    ------
    ValueError
        There is no image, or the network gives NaN or infinite values (``NonFiniteError``).
    """
    ids = list(collection.images if images is None else images)
    if not ids:
        raise ValueError("at least one image was expected; got none.")
    norms: dict[str, list[np.ndarray]] = {layer: [] for layer in network.layers}
    predicted, probability = [], []
    with progress_bar(progress, f"attention norms, {network.name}") as tell:
        for start in range(0, len(ids), BATCH_SIZE):
            names = ids[start : start + BATCH_SIZE]
            batch = np.stack([network.preprocessing.to_input(collection.photo(image)) for image in names])
            logits, batch_norms = logits_and_norms(network, batch)
            for row, image in enumerate(names):
                check_forward_pass(
                    logits[row], {layer: values[row] for layer, values in batch_norms.items()}, network.name, image
                )
            for layer, values in batch_norms.items():
                norms[layer].append(values)
            predicted.extend(int(row.argmax()) for row in logits)
            probability.extend(float(softmax(row).max()) for row in logits)
            tell(start + len(names), len(ids))
    attrs = {"quantity": "attention norm", "collection": collection.name, **network_attrs(network)}
    per_image = {"predicted": ("image", predicted), "probability": ("image", probability)}
    choices = xr.DataArray(
        predicted, dims="image", coords={"image": ids, "probability": per_image["probability"]}, name="first_choice"
    )
    return choices, {
        layer: labelled_map(
            np.concatenate(parts),
            name="attention_norm",
            extent_px=network.preprocessing.input_px,
            leading={"image": ids},
            attrs={**attrs, "layer": layer, "units": layer_units(layer)},
        ).assign_coords(per_image)
        for layer, parts in norms.items()
    }


def softmax(logits: np.ndarray) -> np.ndarray:
    """Return probabilities, the softmax of logits over the last axis.

    Parameters
    ----------
    logits : ndarray, (..., category)
        Finite values.

    Returns
    -------
    ndarray, (..., category), float64
        Probabilities, which sum to 1 over the categories.
    """
    exponents = np.exp(logits.astype(np.float64) - logits.max(axis=-1, keepdims=True))
    return exponents / exponents.sum(axis=-1, keepdims=True)
