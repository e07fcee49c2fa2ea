"""Attribution maps of a collection's images as labelled arrays, by SmoothGrad or any other method."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from gala_viz.attribution.finite import check_finite
from gala_viz.attribution.map_state import N_GROUPS, MapState
from gala_viz.attribution.methods import METHODS
from gala_viz.attribution.packing import MapJob, run_jobs
from gala_viz.attribution.provenance import network_attrs
from gala_viz.attribution.targets import logits_of, target_index
from gala_viz.collections.collection import Collection
from gala_viz.engine.results.jackknife import monte_carlo_error
from gala_viz.engine.results.reduction import reduce_channels, smooth
from gala_viz.imagenet import label_index
from gala_viz.networks.fuse_batchnorm import fuse_batchnorm
from gala_viz.networks.network import Network
from gala_viz.progress import ProgressCallback, progress_bar
from gala_viz.schema import labelled_map
from gala_viz.specs import MapRequest, Reduction, SmoothGradSpec, Target, settings


def smoothgrad(
    network: Network,
    collection: Collection,
    spec: SmoothGradSpec | None = None,
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
    """Return SmoothGrad maps of images of a collection.

    A map depends on the network, the photograph, the image's id and the settings only; two networks with inputs of one
    shape have the same noise.

    Parameters
    ----------
    network : Network
        Whose logits are explained.
    collection : Collection
        Where photographs are read.
    spec : SmoothGradSpec, optional
        Samples, noise and seed.
    images : sequence of str, optional
        Ids; default: all of the collection.
    target : {"own", "label"}, int or mapping of str to int
        The network's first choice, the true category, a category index, or one for each image.
    reduction, smoothing_px, return_error, return_halves, return_groups, progress, only_finite
        As in ``attribution_maps``.

    Returns
    -------
    DataArray or Dataset
        (image, y, x), float32, logits per input unit, settings in ``attrs``; with ``return_error=True`` a Dataset of
        ``map`` and ``standard_error``.

    Raises
    ------
    ValueError
        The target is not known, or a map has NaN or infinite values (``NonFiniteError``).

    References
    ----------
    D. Smilkov et al. 2017.

    Examples
    --------
    >>> import gala_viz as gv
    >>> photos, network = gv.open_collection("photos"), gv.load_network("lite0-gala-human", device="cpu")
    >>> maps = gv.smoothgrad(network, photos, gv.SmoothGradSpec(n_samples=2), photos.images[:1])
    >>> maps.dims, maps.shape, int(maps.n[0])
    (('image', 'y', 'x'), (1, 224, 224), 2)
    """
    return attribution_maps(
        network,
        collection,
        "smoothgrad",
        spec,
        images,
        target,
        reduction=reduction,
        smoothing_px=smoothing_px,
        return_error=return_error,
        return_halves=return_halves,
        return_groups=return_groups,
        progress=progress,
        only_finite=only_finite,
    )


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
        setting, the checksum of the weights and versions. With ``return_error``, ``return_halves`` or ``return_groups``
        a Dataset of ``map`` and ``standard_error``, ``half_map`` (half, image, y, x) or ``without_group`` (group,
        image, y, x), which are NaN for methods that are not stochastic.

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
    ids = list(collection.images if images is None else images)
    if not ids:
        raise ValueError("at least one image was expected; got none.")
    targets: Mapping[str, Target] = target if isinstance(target, Mapping) else dict.fromkeys(ids, target)
    for one_target in set(targets.values()):  # the same checks as anywhere
        MapRequest(target=one_target, reduction=reduction, smoothing_px=smoothing_px)
    entry = METHODS[method]
    spec = entry.validate_spec(spec)
    fused = fuse_batchnorm(network)
    explainer = entry(fused, spec)

    def shown(mean: np.ndarray) -> np.ndarray:
        return smooth(reduce_channels(mean, reduction), smoothing_px)

    def job_of(image: str) -> MapJob:
        network_input = network.preprocessing.to_input(collection.photo(image))
        explained = _explained(fused, collection, network_input, image, targets[image])
        return MapJob(explainer, network_input, image=image, target=explained)

    maps, states, finished = [], [], []
    chance: dict[str, list[np.ndarray]] = {
        name: []
        for name, wanted in (
            ("standard_error", return_error),
            ("half_map", return_halves),
            ("without_group", return_groups),
        )
        if wanted
    }
    with progress_bar(progress, f"{entry.title}, {network.name}") as tell:
        for job in run_jobs(map(job_of, ids)):
            if not job.done:
                continue
            state, image = job.state(), job.explained.image
            if only_finite:
                check_finite(state.mean, f"values of the {entry.title} map", network.name, image)
            maps.append(shown(state.mean))
            for name, values in chance.items():
                values.append(_by_chance(name, shown, state, maps[-1]))
            states.append(_small(state))
            finished.append(image)
            tell(len(maps), len(ids))
    attrs = {
        "method": method,
        **settings(spec),
        "target": "by image" if isinstance(target, Mapping) else target,
        "reduction": reduction,
        "smoothing_px": smoothing_px,
        "units": entry.units,
        "collection": collection.name,
        "collection_fingerprint": collection.fingerprint,
        **network_attrs(network),
    }
    per_image = {
        "explained": ("image", [state["target"] for state in states]),
        "n": ("image", [state["n"] for state in states]),
        "sigma": ("image", [state["sigma"] for state in states], {"units": "input units"}),
    }
    result = _labelled(np.stack(maps), "map", finished, attrs, per_image)
    if not chance:
        return result
    variables = {"map": result}
    for name, values in chance.items():
        leading = {"half_map": {"half": ["even", "odd"]}, "without_group": {"group": range(N_GROUPS)}}.get(name, {})
        stacked = np.moveaxis(np.stack(values), 0, len(leading))
        variables[name] = _labelled(stacked, name, finished, attrs, per_image, leading)
    return xr.Dataset(variables, attrs=attrs)


def _by_chance(name: str, shown: Callable[[np.ndarray], np.ndarray], state: MapState, whole: np.ndarray) -> np.ndarray:
    """Return one image's error, halves or maps without each group; NaN where the method is not stochastic."""
    if name == "standard_error":
        error = monte_carlo_error(shown, state)
        return np.full_like(whole, np.nan) if error is None else error
    if name == "half_map":
        halves = state.half_means()
        return np.full((2, *whole.shape), np.nan, np.float32) if halves is None else shown(halves)
    without = np.full((N_GROUPS, *whole.shape), np.nan, np.float32)
    means = state.delete_group_means()
    if means is not None:
        without[state.group_counts > 0] = shown(means)
    return without


def _explained(network: Network, collection: Collection, network_input: np.ndarray, image: str, target: Target) -> int:
    """Return the index that ``target`` means; run a forward pass only where the logits decide."""
    n_categories = len(network.categories)
    needs_no_logits = target != "own" and n_categories > 0
    logits = np.zeros(n_categories) if needs_no_logits else logits_of(network, network_input)
    check_finite(logits, "logits", network.name, image)
    label = label_index(network.categories, collection.category(image), collection.target(image))
    return target_index(target, logits, label, image=image)


def _small(state: MapState) -> dict[str, Any]:
    return {"target": state.target, "n": state.n, "sigma": state.sigma}


def _labelled(
    values: np.ndarray,
    name: str,
    images: list[str],
    attrs: dict[str, Any],
    per_image: dict[str, Any],
    leading: Mapping[str, Sequence[Any]] | None = None,
) -> xr.DataArray:
    dims = {**(leading or {}), "image": images}
    return labelled_map(values.astype(np.float32), name=name, leading=dims, attrs=attrs).assign_coords(per_image)
