"""Attention norms of every GALA layer, and norms of watched modules' activity, from the prediction's forward pass."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import xarray as xr

from gala_viz.attribution.finite import check_forward_pass
from gala_viz.attribution.frozen_eval import frozen_eval
from gala_viz.attribution.provenance import network_attrs
from gala_viz.collections.collection import Collection
from gala_viz.networks.gala import attention_norm
from gala_viz.networks.network import Network
from gala_viz.progress import ProgressCallback, progress_bar
from gala_viz.schema import labelled_map

BATCH_SIZE = 8


def logits_and_norms(network: Network, batch: np.ndarray) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """One forward pass of inputs (image, 3, y, x): logits (image, category) and, per layer, norms (image, y, x).

    A norm is the L2 norm over channels at each position of the layer's own grid: of A, which is unitless, or of the
    activity of a watched module, in its own unit.
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
        Layer -> L2 norm over channels (image, y, x), float32, unitless, at the layer's own grid. Coordinates are pixel
        centres in the network's input, so that layers and saliency maps share one frame; per image also ``predicted``,
        the index of the first choice in the same pass, and ``probability``, its softmax.

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
    """First choices (image,), indices, and ``attention_norms`` from one forward pass of each image.

    A network without GALA layers gives its choices and no norms. Raises ``NonFiniteError`` for NaN or infinite values.
    """
    chosen = list(collection.images if images is None else images)
    if not chosen:
        raise ValueError("at least one image was expected; got none.")
    norms: dict[str, list[np.ndarray]] = {layer: [] for layer in network.layers}
    predicted, probability = [], []
    with progress_bar(progress, f"attention norms, {network.name}") as tell:
        for start in range(0, len(chosen), BATCH_SIZE):
            names = chosen[start : start + BATCH_SIZE]
            batch = np.stack([network.preprocessing.to_input(collection.photo(image)) for image in names])
            logits, found = logits_and_norms(network, batch)
            for row, image in enumerate(names):
                check_forward_pass(
                    logits[row], {layer: values[row] for layer, values in found.items()}, network.name, image
                )
            for layer, values in found.items():
                norms[layer].append(values)
            predicted.extend(int(row.argmax()) for row in logits)
            probability.extend(float(softmax(row).max()) for row in logits)
            tell(start + len(names), len(chosen))
    attrs = {"quantity": "attention norm", "units": "1", "collection": collection.name, **network_attrs(network)}
    per_image = {"predicted": ("image", predicted), "probability": ("image", probability)}
    choices = xr.DataArray(
        predicted, dims="image", coords={"image": chosen, "probability": per_image["probability"]}, name="first_choice"
    )
    return choices, {
        layer: labelled_map(
            np.concatenate(parts),
            name="attention_norm",
            extent_px=network.preprocessing.input_px,
            leading={"image": chosen},
            attrs={**attrs, "layer": layer},
        ).assign_coords(per_image)
        for layer, parts in norms.items()
    }


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities (..., category), float64, from logits."""
    exponents = np.exp(logits.astype(np.float64) - logits.max(axis=-1, keepdims=True))
    return exponents / exponents.sum(axis=-1, keepdims=True)
