"""Forward passes: predictions, attention norms of every GALA layer, and norms of hooked modules' activity."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from gala_viz.attribution.provenance import network_attrs
from gala_viz.collections.collection import Collection
from gala_viz.engine.precision import with_known_precision
from gala_viz.engine.results.forward_result import ForwardResult
from gala_viz.engine.results.prediction import softmax
from gala_viz.networks.devices import upload
from gala_viz.networks.gala import attention_norm
from gala_viz.networks.layer_labels import layer_units
from gala_viz.networks.network import Network
from gala_viz.progress import ProgressCallback, progress_bar
from gala_viz.registry import UnknownNameError, unknown_name
from gala_viz.schema import labelled_map
from gala_viz.threads import read_ahead

CPU_BATCH_SIZE = 1
ACCELERATOR_BATCH_SIZE = 16


def forward_batch_size(device: torch.device) -> int:
    """Return the number of images in a forward pass: 1 on a CPU, where more is no quicker, 16 on an accelerator."""
    return CPU_BATCH_SIZE if device.type == "cpu" else ACCELERATOR_BATCH_SIZE


@dataclass(frozen=True, slots=True, eq=False)
class LoadedImage:
    """An image as one network sees it, read and uploaded once for all that is measured of it.

    Parameters
    ----------
    image : str
        Id.
    values : ndarray, (channel, y, x), float32
        In the network's input space.
    tensor : Tensor, (channel, y, x), float32
        The same on the network's device.
    """

    image: str
    values: np.ndarray
    tensor: Tensor


def check_opened(network: object, collection: object) -> None:
    """Raise ``TypeError`` for names in place of a network or a collection."""
    for one, what, opener in ((network, "network", "load_network"), (collection, "collection", "open_collection")):
        if isinstance(one, str | Path):
            raise TypeError(f"a {what} was expected; got the name {str(one)!r}: gv.{opener}({str(one)!r}) opens it.")


def image_ids(collection: Collection, images: Sequence[str] | None) -> list[str]:
    """Return the ids of images that are asked for, those of a whole collection where none are named.

    Raises ``TypeError`` for one id instead of several, ``ValueError`` where there is none, and ``UnknownNameError`` for
    an id that the collection does not have.
    """
    if isinstance(images, str):
        raise TypeError(f"ids of several images were expected; got the text {images!r}: put it in a list.")
    every = list(collection.images)
    ids = every if images is None else [str(image) for image in np.asarray(images).tolist()]
    if not ids:
        raise ValueError("at least one image was expected; got none.")
    known = set(every)
    for image in ids:
        if image not in known:
            raise UnknownNameError(unknown_name(f"image of {collection.name}", image, every))
    return ids


def load_images(network: Network, collection: Collection, images: Iterable[str]) -> Iterator[LoadedImage]:
    """Yield images as a network sees them; while a device computes, the next ones are read beside.

    Parameters
    ----------
    network : Network
        Whose preprocessing and device count.
    collection : Collection
        Where photographs are read.
    images : iterable of str
        Ids.

    Yields
    ------
    LoadedImage
        In the order of ``images``.
    """

    def read(image: str) -> tuple[str, np.ndarray]:
        return image, network.preprocessing.to_input(collection.photo(image))

    on_cpu = network.device.type == "cpu"  # whose cores compute: reading beside would only disturb them
    for image, values in map(read, images) if on_cpu else read_ahead(read, images):
        yield LoadedImage(image, values, upload(values, network.device))


def forward(network: Network, inputs: Sequence[Tensor], *, norms: bool = True) -> list[ForwardResult]:
    """Return the results of forward passes.

    Every pass has one shape, and what does not fill it is padded, so that an image's results are the same to the last
    bit in any company.

    Parameters
    ----------
    network : Network
        Its module is frozen in eval mode for each pass, and restored afterwards.
    inputs : sequence of Tensor, (3, y, x), float32
        Images in the network's input space, on its device (``gala_viz.networks.devices.upload``).
    norms : bool
        Whether the results have attention norms; without them, logits alone leave the device.

    Returns
    -------
    list of ForwardResult
        One for each image.
    """
    results: list[ForwardResult] = []
    size = forward_batch_size(network.device)
    for start in range(0, len(inputs), size):
        part = inputs[start : start + size]
        batch = part[0].new_zeros((size, *part[0].shape))
        torch.stack(list(part), out=batch[: len(part)])
        with network.computing(), torch.no_grad():
            logits, attention = network.attention(batch) if norms else (network.logits(batch), {})
            of_layers = {layer: attention_norm(values).cpu().numpy() for layer, values in attention.items()}
            logits = logits.cpu().numpy()
        for row in range(len(part)):  # copied: a row would hold the whole padded batch in memory
            norms_of_one = {layer: values[row].copy() for layer, values in of_layers.items()}
            results.append(ForwardResult(logits[row].copy(), norms_of_one))
    return results


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
    check_opened(network, collection)
    if not network.layers:
        raise ValueError(
            f"{network.name} has no GALA layers and no watched modules; add GALA with "
            "gala_viz.networks.insert.add_gala, or name modules: gv.load_network(..., layers=[...]), or "
            "gv.Network(module, hooked_layers=[...])."
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
    ids = image_ids(collection, images)
    network = with_known_precision(network)
    results: list[ForwardResult] = []
    loaded = load_images(network, collection, ids)
    with progress_bar(progress, f"attention norms, {network.name}") as tell:
        while part := list(islice(loaded, forward_batch_size(network.device))):
            for one, result in zip(part, forward(network, [one.tensor for one in part]), strict=True):
                result.check(network.name, one.image)
                results.append(result)
            tell(len(results), len(ids))
    predicted = [int(result.logits.argmax()) for result in results]
    probability = [float(softmax(result.logits).max()) for result in results]
    attrs = {"quantity": "attention norm", "collection": collection.name, **network_attrs(network)}
    per_image = {"predicted": ("image", predicted), "probability": ("image", probability)}
    choices = xr.DataArray(
        predicted, dims="image", coords={"image": ids, "probability": per_image["probability"]}, name="first_choice"
    )
    return choices, {
        layer: labelled_map(
            np.stack([result.norms[layer] for result in results]),
            name="attention_norm",
            extent_px=network.preprocessing.input_px,
            leading={"image": ids},
            attrs={**attrs, "layer": layer, "units": layer_units(layer)},
        ).assign_coords(per_image)
        for layer in network.layers
    }
