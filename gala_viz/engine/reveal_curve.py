"""How a network's answer changes as a photograph is revealed or erased, from its most important places on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from gala_viz.attribution.finite import check_finite
from gala_viz.attribution.provenance import network_attrs
from gala_viz.attribution.targets import target_index
from gala_viz.collections.collection import Collection
from gala_viz.collections.fills import FILLS, fill_photo, image_seed
from gala_viz.engine.attribution_maps import plain_target
from gala_viz.engine.forward import check_opened, forward, forward_batch_size, image_ids
from gala_viz.engine.precision import with_known_precision
from gala_viz.engine.results.perturbation import (
    REVEAL_PERCENTS,
    check_percents,
    explained_values,
    label_reveal_curve,
    perturb_pixels,
    reveal_mask,
    reveal_order,
    shown_percent,
)
from gala_viz.imagenet import label_index
from gala_viz.networks.devices import upload
from gala_viz.networks.frames import resample_to_frame
from gala_viz.networks.fuse_batchnorm import fuse_batchnorm
from gala_viz.networks.network import Network
from gala_viz.networks.preprocessing import Preprocessing
from gala_viz.progress import ProgressCallback, progress_bar
from gala_viz.specs import MapRequest, Target


def perturbed_view(
    view: NDArray[np.uint8],
    own: Preprocessing,
    mask: NDArray[np.float32],
    filled: NDArray[np.uint8],
    frame: Preprocessing,
    photo_px: tuple[int, int],
) -> NDArray[np.uint8]:
    """Return what a network sees of a photograph of which a part is hidden, before it is normalised.

    Mask and fill lie in the frame in which the photograph is shown, that of the first network. Another network sees
    them in its own frame: resampled where it cuts or resizes otherwise. Where its frame reaches beyond what is shown,
    nothing is hidden.

    Parameters
    ----------
    view : ndarray, (y, x, 3), uint8
        What the network sees of the untouched photograph, by ``own.resize_and_crop``.
    own : Preprocessing
        That network's.
    mask : ndarray, (y, x), float32
        Share of the photograph that is kept, 0 to 1, in ``frame``.
    filled : ndarray, (y, x, 3), uint8
        What stands where it is hidden, in ``frame``.
    frame : Preprocessing
        The first network's.
    photo_px : tuple of int
        Height and width of the photograph in pixels.

    Returns
    -------
    ndarray, (y, x, 3), uint8
        ``view`` itself, to the last bit, where all is kept.
    """
    size = view.shape[:2]
    kept = resample_to_frame(mask, frame, own, photo_px, size)
    if kept is not mask:
        hides = np.moveaxis(filled, -1, 0).astype(np.float32)
        filled = np.moveaxis(resample_to_frame(hides, frame, own, photo_px, size), 0, -1)
        beyond = np.isnan(kept)
        kept, filled = np.where(beyond, 1, kept), np.where(beyond[..., None], 0, filled)
    return perturb_pixels(view, filled, kept)


def beyond_frame_text(name: str, own: Preprocessing, frame: Preprocessing, photo_px: tuple[int, int]) -> str:
    """Return a sentence where a network sees more than the frame in which the photograph is shown, else "".

    Parameters
    ----------
    name : str
        What the network is called.
    own, frame, photo_px
        As of ``perturbed_view``.

    Returns
    -------
    str
        Without its end.
    """
    x0, y0, x1, y1 = own.frame(*photo_px)
    left, top, right, bottom = frame.frame(*photo_px)
    both = max(0.0, min(x1, right) - max(x0, left)) * max(0.0, min(y1, bottom) - max(y0, top))
    beyond = 1 - both / ((x1 - x0) * (y1 - y0))
    if beyond < 0.005:
        return ""
    return f"{100 * beyond:.0f} % of what {name} sees lies beyond what is shown; nothing is hidden there"


def reveal_curve(
    network: Network,
    collection: Collection,
    maps: xr.DataArray,
    *,
    fill: str = "grey",
    target: Target = "own",
    percents: Sequence[float] = REVEAL_PERCENTS,
    erase: bool = False,
    progress: ProgressCallback | bool | None = None,
) -> xr.Dataset:
    """Return how a network's logit changes as photographs are revealed from their most important pixels on.

    It is the insertion curve of Petsiuk et al., and with ``erase`` their deletion curve, of any map: a network's or
    people's. What is hidden is filled, which no network has met in training: a drop tells what this network does with
    such pictures, not what it would do without the information (Hooker et al.).

    Parameters
    ----------
    network : Network
        Whose answer is asked.
    collection : Collection
        Where photographs are read.
    maps : DataArray, (image, y, x) or (y, x)
        Importance in the network's frame, with the coordinate ``image`` that names the photographs, as
        ``gala_viz.smoothgrad`` returns it; the largest values are the most important. Human maps get there by
        ``network.preprocessing.map_to_frame``.
    fill : {"grey", "blurred", "phase"}
        What stands where a photograph is hidden, see ``gala_viz.collections.fills.FILLS``.
    target : {"own", "label"} or int
        Whose logit: the network's first choice for the untouched photograph, the true category, or a category index.
    percents : sequence of float
        Per cent of all pixels, the most important ones, that are revealed; they rise, from 0 to 100 at most.
    erase : bool
        Erase these and show all others.
    progress : callable or bool, optional
        Called as ``progress(done, total)`` after every image; True draws a bar.

    Returns
    -------
    Dataset
        ``logit``, ``probability`` and ``logit_drop`` (image, percent) of the explained category; see
        ``gala_viz.engine.results.perturbation.label_reveal_curve``.

    Raises
    ------
    ValueError
        The maps do not name their images or lie in another frame, a map is the same everywhere, the target is not
        known, or the network gives NaN or infinite values (``NonFiniteError``).
    UnknownNameError
        No fill is called so.

    References
    ----------
    V. Petsiuk, A. Das, K. Saenko 2018 (RISE). S. Hooker et al. 2019.

    Examples
    --------
    >>> import gala_viz as gv
    >>> photos, network = gv.open_collection("photos"), gv.load_network("lite0-gala-human", device="cpu")
    >>> maps = gv.smoothgrad(network, photos, gv.SmoothGradSpec(n_samples=2), photos.images[:1], smoothing_px=4)
    >>> curve = gv.reveal_curve(network, photos, maps, percents=(5, 100))
    >>> curve.logit.dims, curve.logit.shape, float(curve.logit_drop[0, 1])
    (('image', 'percent'), (1, 2), 0.0)
    """
    check_opened(network, collection)
    percents, target = check_percents(percents), MapRequest(target=plain_target(target)).target
    by_image = _maps_of_images(maps, network.preprocessing)
    ids = image_ids(collection, list(by_image))
    kind = FILLS[fill]
    network = fuse_batchnorm(with_known_precision(network))
    targets, whole, values, shown = [], [], [], []
    with progress_bar(progress, f"reveal curve, {network.name}") as tell:
        for image, values_of_map in by_image.items():
            order = reveal_order(values_of_map)
            view = network.preprocessing.resize_and_crop(collection.photo(image))
            filled = fill_photo(view, fill, image_seed(image))
            masks = [reveal_mask(order, view.shape[:2], percent, erase=erase) for percent in percents]
            logits = _logits(network, image, [view, *(perturb_pixels(view, filled, mask) for mask in masks)])
            label = label_index(network.categories, collection.category(image), collection.target(image))
            targets.append(target_index(target, logits[0], label, image=image))
            of_image = explained_values(logits, targets[-1])
            whole.append(of_image[0])
            values.append(of_image[1:])
            shown = [shown_percent(mask) for mask in masks]
            tell(len(values), len(ids))
    return label_reveal_curve(
        np.stack(values),
        np.stack(whole),
        targets=targets,
        percents=percents,
        erase=erase,
        shown=shown,
        leading={"image": ids},
        attrs={
            "fill": fill,
            "fill_description": kind.description,
            "target": target,
            "importance": str(maps.attrs.get("method", maps.name or "")),
            "collection": collection.name,
            "collection_fingerprint": collection.fingerprint,
            **network_attrs(network),
        },
    )


def _logits(network: Network, image: str, views: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
    """Return the logits (view, category) of pictures cut as the network's input, a batch of them at a time."""
    logits, size = [], forward_batch_size(network.device)
    for start in range(0, len(views), size):
        part = [upload(network.preprocessing.normalise(view), network.device) for view in views[start : start + size]]
        logits += [result.logits for result in forward(network, part, norms=False)]
    found = np.stack(logits)
    check_finite(found, "logits", network.name, image)
    return found


def _maps_of_images(maps: xr.DataArray, frame: Preprocessing) -> dict[str, NDArray]:
    """Return maps by the image that they name."""
    if (
        not isinstance(maps, xr.DataArray)
        or maps.dims not in (("image", "y", "x"), ("y", "x"))
        or "image" not in (maps.coords)
    ):
        came = f"dims {maps.dims}" if isinstance(maps, xr.DataArray) else type(maps).__name__
        raise ValueError(
            "maps are a DataArray (image, y, x) whose coordinate image names the photographs, as gv.smoothgrad returns "
            f"it; got {came}. A map of one image gets it by maps.assign_coords(image=ID)."
        )
    if maps.shape[-2:] != frame.input_px:
        raise ValueError(
            f"maps of {frame.input_px[0]} x {frame.input_px[1]} pixels, the network's input, were expected; got "
            f"{maps.shape[-2]} x {maps.shape[-1]}. Human maps get there by network.preprocessing.map_to_frame."
        )
    stacked = maps if maps.ndim == 3 else maps.expand_dims("image")
    return {str(image): one for image, one in zip(stacked.image.values.tolist(), stacked.values, strict=True)}
