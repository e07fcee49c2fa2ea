"""Attribution maps of a collection's images as labelled arrays, by SmoothGrad or any other method."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

import numpy as np
import xarray as xr

from gala_viz.attribution.finite import check_finite
from gala_viz.attribution.map_state import N_GROUPS, MapState, array_functions
from gala_viz.attribution.method import AttributionMethod
from gala_viz.attribution.methods import METHODS
from gala_viz.attribution.packing import MapJob, run_jobs
from gala_viz.attribution.provenance import network_attrs
from gala_viz.attribution.targets import target_index
from gala_viz.collections.collection import Collection
from gala_viz.engine.forward import LoadedImage, forward, forward_batch_size, image_ids, load_images
from gala_viz.engine.precision import with_known_precision
from gala_viz.engine.results.jackknife import monte_carlo_error
from gala_viz.engine.results.reduction import reduce_channels, smooth
from gala_viz.imagenet import label_index
from gala_viz.networks.fuse_batchnorm import fuse_batchnorm
from gala_viz.networks.network import Network
from gala_viz.progress import ProgressCallback, progress_bar
from gala_viz.schema import labelled_map
from gala_viz.specs import MapRequest, Reduction, Target, settings


def attribution_maps(
    network: Network,
    collection: Collection,
    method: str,
    spec: Any = None,
    images: Sequence[str] | None = None,
    target: Target | Mapping[str, int] = "own",
    *,
    reduction: Reduction = "absolute",
    smoothing_px: float = 0.0,
    return_error: bool = False,
    return_halves: bool = False,
    return_groups: bool = False,
    progress: ProgressCallback | bool | None = None,
    only_finite: bool = True,
) -> xr.DataArray | xr.Dataset:
    """Return maps of images of a collection by any attribution method.

    The signed map is reduced over colour after the mean over samples, then smoothed.

    Parameters
    ----------
    network : Network
        Whose logits are explained.
    collection : Collection
        Where photographs are read.
    method : str
        Name in ``gala_viz.attribution.methods.METHODS``.
    spec : object, optional
        Settings of the method's own type; default: its default settings.
    images : sequence of str, optional
        Ids; default: all of the collection.
    target : {"own", "label"}, int or mapping of str to int
        The network's first choice, the true category, a category index, or one for each image.
    reduction : {"absolute", "maximum", "signed"}
        How colour channels become one number, see ``gala_viz.engine.results.reduction.reduce_channels``.
    smoothing_px : float
        Standard deviation of a Gaussian in input pixels, after the reduction; 0: none.
    return_error : bool
        Also return the Monte-Carlo standard error, by jackknife over ten groups of samples.
    return_halves : bool
        Also return the maps of the even and of the odd samples.
    return_groups : bool
        Also return the maps without each of the ten groups of samples, from which ``gradient_delta`` has its error:
        ten times the memory.
    progress : callable or bool, optional
        Called as ``progress(done, total)`` after every image; True draws a bar.
    only_finite : bool
        Refuse maps with NaN or infinite values.

    Returns
    -------
    DataArray or Dataset
        (image, y, x), float32, in the unit of the method. The coordinates ``explained`` (category index), ``n``
        (samples) and ``sigma`` (standard deviation of the noise in input units) are by image; ``attrs`` hold every
        setting, the path of the layer at which Grad-CAM is computed, the checksum of the weights and versions. With
        ``return_error``, ``return_halves`` or ``return_groups`` a Dataset of ``map`` and ``standard_error``,
        ``half_map`` (half, image, y, x) or ``without_group`` (group, image, y, x), which are NaN for methods that are
        not stochastic.

    Raises
    ------
    ValueError
        There is no image, or the target is not known. ``NonFiniteError``: the logits that determine a target "own" are
        not all finite, or with ``only_finite`` a map is not.
    UnknownNameError
        No method is called ``method``.
    TypeError
        ``spec`` is of another method.
    """
    ids, target = image_ids(collection, images), plain_target(target)
    asked: Mapping[str, Target] = target if isinstance(target, Mapping) else dict.fromkeys(ids, target)
    for one_target in set(asked.values()):  # the same checks as anywhere
        MapRequest(target=one_target, reduction=reduction, smoothing_px=smoothing_px)
    targets = _known_targets(network, collection, asked)
    entry = METHODS[method]
    spec = entry.validate_spec(spec)
    network = fuse_batchnorm(with_known_precision(network))
    wanted = {"standard_error": return_error, "half_map": return_halves, "without_group": return_groups}
    loaded, instance = load_images(network, collection, ids), entry(network, spec)
    results = []
    with progress_bar(progress, f"{entry.title}, {network.name}") as tell:
        for one in image_maps(
            instance,
            _with_targets(network, loaded, targets),
            reduction=reduction,
            smoothing_px=smoothing_px,
            wanted=[name for name, is_wanted in wanted.items() if is_wanted],
        ):
            if only_finite:
                check_finite(one.arrays["map"], f"values of the {entry.title} map", network.name, one.image)
            results.append(one)
            tell(len(results), len(ids))
    attrs = map_attrs(network, collection, method, spec, target, reduction, smoothing_px)
    if instance.layer_path is not None:
        attrs["layer_path"] = instance.layer_path
    labelled = labelled_maps(results, attrs)
    return labelled if any(wanted.values()) else labelled["map"]


def map_attrs(
    network: Network,
    collection: Collection,
    method: str,
    spec: Any,
    target: Target | Mapping[str, int],
    reduction: Reduction,
    smoothing_px: float,
) -> dict[str, Any]:
    """Return the attrs of maps: every setting, the collection, the network and versions.

    Parameters
    ----------
    network, collection, method, spec, target, reduction, smoothing_px
        As in ``attribution_maps``.

    Returns
    -------
    dict of str to object
        Plain values.
    """
    return {
        "method": method,
        **settings(spec),
        "target": "by image" if isinstance(target, Mapping) else target,
        "reduction": reduction,
        "smoothing_px": smoothing_px,
        "units": METHODS[method].units,
        "collection": collection.name,
        "collection_fingerprint": collection.fingerprint,
        **network_attrs(network),
    }


@dataclass(frozen=True, slots=True, eq=False)
class ImageMaps:
    """The maps of one image.

    Parameters
    ----------
    image : str
        Id.
    target : int
        Category index that is explained.
    n : int
        Samples.
    sigma : float
        Standard deviation of the noise in input units.
    arrays : dict of str to ndarray, float32
        "map" (y, x), and what was wanted beside it: "standard_error" (y, x), "half_map" (half, y, x), "without_group"
        (group, y, x); NaN for methods that are not stochastic.
    note : str
        A sentence where batches were made smaller, or "".
    """

    image: str
    target: int
    n: int
    sigma: float
    arrays: dict[str, np.ndarray]
    note: str = ""


def image_maps(
    method: AttributionMethod,
    images: Iterable[tuple[LoadedImage, int]],
    *,
    reduction: Reduction = "absolute",
    smoothing_px: float = 0.0,
    wanted: Sequence[str] = (),
) -> Iterator[ImageMaps]:
    """Yield the maps of images in their order, computed in common batches.

    What is wanted of an image is computed where its samples are, and leaves the device at once; maps that are smoothed
    are smoothed on the CPU.

    Parameters
    ----------
    method : AttributionMethod
        With its settings, for a network whose batch norms are fused or not.
    images : iterable of (LoadedImage, int)
        Images with the category index that is explained; taken as they are needed.
    reduction, smoothing_px
        As in ``attribution_maps``.
    wanted : sequence of str
        Of "standard_error", "half_map" and "without_group".

    Yields
    ------
    ImageMaps
        Finite or not.
    """

    def shown(mean: Any) -> Any:
        return smooth(reduce_channels(mean, reduction), smoothing_px)

    on_device = smoothing_px == 0 and method.network.device.type != "cpu"
    jobs = (MapJob(method, one.values, image=one.image, target=target, values=one.tensor) for one, target in images)
    for job in run_jobs(jobs):
        if not job.done:
            continue
        state = job.state(on_device=on_device)
        arrays = {"map": shown(state.mean)}
        for name in wanted:
            arrays[name] = _by_chance(name, shown, state, arrays["map"])
        arrays = _downloaded(arrays) if on_device else arrays
        yield ImageMaps(job.explained.image, state.target, state.n, state.sigma, arrays, state.note)


def labelled_maps(results: Sequence[ImageMaps], attrs: Mapping[str, Any]) -> xr.Dataset:
    """Return maps of several images as labelled arrays, as ``attribution_maps`` gives them.

    Parameters
    ----------
    results : sequence of ImageMaps
        At least one.
    attrs : mapping
        Settings and provenance.

    Returns
    -------
    Dataset
        Of "map" and what else was wanted.
    """
    per_image = {
        "explained": ("image", [one.target for one in results]),
        "n": ("image", [one.n for one in results]),
        "sigma": ("image", np.array([one.sigma for one in results], np.float32), {"units": "input units"}),
    }
    variables = {}
    for name in results[0].arrays:
        leading = {"half_map": {"half": ["even", "odd"]}, "without_group": {"group": range(N_GROUPS)}}.get(name, {})
        stacked = np.moveaxis(np.stack([one.arrays[name] for one in results]), 0, len(leading))
        variables[name] = labelled_map(
            stacked.astype(np.float32),
            name=name,
            leading={**leading, "image": [one.image for one in results]},
            attrs=dict(attrs),
        ).assign_coords(per_image)
    return xr.Dataset(variables, attrs=dict(attrs))


def plain_target(target: Any) -> Any:
    """Return a target as a plain number where it is one of NumPy's."""
    return int(target) if isinstance(target, np.integer) else target


def _known_targets(
    network: Network, collection: Collection, asked: Mapping[str, Target]
) -> dict[str, int | Literal["own"]]:
    """Return the index that each image's target means, before any image is read; "own" where logits decide."""
    logits, known = np.zeros(len(network.categories)), {}
    for image, target in asked.items():
        label = None
        if target == "label":
            label = label_index(network.categories, collection.category(image), collection.target(image))
        known[image] = target if target == "own" else target_index(target, logits, label, image=image)
    return known


def _with_targets(
    network: Network, loaded: Iterator[LoadedImage], targets: Mapping[str, int | Literal["own"]]
) -> Iterator[tuple[LoadedImage, int]]:
    """Yield images with the index that is explained; forward passes run only where logits decide."""
    while part := list(islice(loaded, forward_batch_size(network.device))):
        deciding = [one for one in part if targets[one.image] == "own"]
        results = forward(network, [one.tensor for one in deciding], norms=False)
        chosen: dict[str, int] = {}
        for one, result in zip(deciding, results, strict=True):
            check_finite(result.logits, "logits", network.name, one.image)
            chosen[one.image] = int(result.logits.argmax())
        for one in part:
            target = targets[one.image]
            yield one, chosen[one.image] if target == "own" else target


def _by_chance(name: str, shown: Callable[[Any], Any], state: MapState, whole: Any) -> Any:
    """Return one image's error, halves or maps without each group; NaN where the method is not stochastic."""
    xp = array_functions(whole)
    unknown = xp.full_like(whole, np.nan)
    if name == "standard_error":
        error = monte_carlo_error(shown, state)
        return unknown if error is None else error
    if name == "half_map":
        halves = state.half_means()
        return xp.stack([unknown, unknown]) if halves is None else shown(halves)
    means = state.delete_group_means()
    without = [] if means is None else list(shown(means))
    return xp.stack(without + [unknown] * (N_GROUPS - len(without)))


def _downloaded(tensors: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Return tensors (..., y, x) of one size as arrays, by one copy from their device."""
    whole = tensors["map"]
    rows = {name: one.reshape(-1, *whole.shape) for name, one in tensors.items()}
    together = array_functions(whole).concatenate(list(rows.values())).cpu().numpy()
    ends = np.cumsum([len(one) for one in rows.values()])[:-1]
    parts = zip(tensors.items(), np.split(together, ends), strict=True)
    return {name: part.reshape(tuple(one.shape)) for (name, one), part in parts}
