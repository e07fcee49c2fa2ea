"""From stored arrays to what a page needs: one image's maps with their delta, and the scores of all images."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from gala_viz.alignment import bootstrap_interval
from gala_viz.engine.results.delta import delta, independent_delta_error
from gala_viz.engine.results.half_samples import POOLING_PX, half_sample_error, split_half_reliability
from gala_viz.engine.results.human_maps import HumanMaps
from gala_viz.engine.results.pair_maps import label_pair
from gala_viz.engine.results.prediction import Prediction
from gala_viz.engine.results.reduction import smooth
from gala_viz.engine.results.reliability import POOLED_DEGREES_OF_FREEDOM
from gala_viz.engine.results.scores import FLOORS, METRICS, drawn_name, labelled_scores, nan_without_order
from gala_viz.networks.frames import common_part_text, is_same_cut, resample_to_frame
from gala_viz.networks.preprocessing import Preprocessing
from gala_viz.specs import GRAD_CAM, LAST_LAYER, MapRequest, SmoothGradSpec, settings
from gala_viz.store.layout import SCORES, segment
from gala_viz.store.source import STARTING_SMOOTHING_PX, MapUpdate, layer_path_attrs
from gala_viz.store.spec import ABOUT, StoredNetwork
from gala_viz.store.zarr_store import Store

MANY = 20_000
OTHER_KIND = "scores of all images are with {}; those of {} are known image by image"
NOT_KEPT = "from a store of before: the reliability of the delta and errors of smoothed maps are not kept"


def requested(store: Store, request: MapRequest) -> bool:
    """Return whether the store holds the maps of a request.

    Smoothing and normalisation are left out: they are applied when maps are read. Two maps that are made otherwise are
    not stored side by side: their delta and its size are of no method of the store.
    """
    if request.second is not None:
        return False
    about = store.spec.methods.get(request.method)
    if about is None or (request.target, request.reduction) != (store.spec.target, store.spec.reduction):
        return False
    if request.method == GRAD_CAM:
        return request.cam_layer == stored_cam_layer(store)
    own = {key: value for key, value in about.items() if key not in ABOUT}
    return request.method != "smoothgrad" or own == settings(request.smoothgrad)


def stored_cam_layer(store: Store) -> str:
    """Return the layer of the store's Grad-CAM; "last" for a store without Grad-CAM."""
    return store.spec.methods.get(GRAD_CAM, {}).get("layer", LAST_LAYER)


def stored_update(
    store: Store,
    networks: Sequence[StoredNetwork],
    frames: Sequence[Preprocessing],
    image: str,
    photo_px: tuple[int, int],
    request: MapRequest,
    correct: Sequence[bool | None],
    human: HumanMaps,
) -> MapUpdate:
    """Return the finished maps of two networks on one image, in the frame of the first.

    Errors of maps as they are stored are by jackknife. Those of smoothed maps and of deltas are from the two
    half-sample means; a store of format 1 does not have these: its smoothed maps have no error, and errors of its
    deltas are added as if the networks' were independent, which for networks with the same noise is usually too large.

    Parameters
    ----------
    store : Store
        It holds the maps of ``request`` (see ``requested``).
    networks : sequence of two StoredNetwork
        First and second network.
    frames : sequence of two Preprocessing
        Preprocessing of the two networks.
    image : str
        Id of the image.
    photo_px : tuple of int
        (height, width) of the photograph.
    request : MapRequest
        Smoothing, normalisation and human map are taken from it.
    correct : sequence of two bool or None
        Whether each network's first choice is the true category; None where that is not known.
    human : HumanMaps
        Those that the request names, over what all networks of the store see.

    Returns
    -------
    MapUpdate
        Finished maps.
    """
    about = store.spec.methods[request.method]
    paths = [f"{segment(network.name)}/{request.method}" for network in networks]
    targets, sigma = ([store.read(f"{path}/{name}", image) for path in paths] for name in ("explained", "sigma"))

    def placed(name: str, smoothing_px: float) -> list[np.ndarray] | None:
        """Return an array of both networks in the frame of the first, smoothed; None where it is not stored."""
        if not all(store.has(f"{path}/{name}") for path in paths):
            return None
        size = frames[0].input_px
        values = [
            resample_to_frame(store.read(f"{path}/{name}", image), own, frames[0], photo_px, size)
            for path, own in zip(paths, frames, strict=True)
        ]
        return [smooth(one, smoothing_px) for one in values]

    maps = placed("map", request.smoothing_px)
    assert maps is not None, "every store has maps"
    halves = placed("half_map", request.smoothing_px)
    errors = None if request.smoothing_px else placed("standard_error", 0.0)
    delta_error, reliability, pooling_px = None, float("nan"), POOLING_PX + request.smoothing_px
    degrees_of_freedom = 0.0
    if halves is not None:
        half_deltas = delta(halves[0], halves[1], request.normalise)
        delta_error = half_sample_error(half_deltas, pooling_px)
        reliability = split_half_reliability(half_deltas)
        degrees_of_freedom = POOLED_DEGREES_OF_FREEDOM
        errors = errors or [half_sample_error(half, pooling_px) for half in halves]
    elif errors is not None:
        delta_error = independent_delta_error(errors, maps, request.normalise)
    attrs = {"method": request.method, **about, "reduction": request.reduction, "smoothing_px": request.smoothing_px}
    attrs |= layer_path_attrs([store.layer_path(network.name, request.method) for network in networks])
    pair = label_pair(
        maps,
        errors,
        delta_error,
        networks=[network.name for network in networks],
        frame_px=frames[0].input_px,
        normalise=request.normalise,
        attrs={**attrs, "image": image},
        delta_degrees_of_freedom=degrees_of_freedom,
    )
    n_samples = about.get("n_samples", 1)
    return MapUpdate(
        maps=pair.maps,
        standard_error=pair.standard_error,
        delta=pair.delta,
        delta_error=pair.delta_error,
        delta_reliability=reliability,
        targets=tuple(int(target) for target in targets),
        sigma=tuple(float(one) for one in sigma),
        n=n_samples,
        n_samples=n_samples,
        seconds=0.0,
        eta_s=0.0,
        done=True,
        scores=_image_scores(store, networks, frames, image, request, correct, maps, human),
        note="; ".join(
            note
            for note in (
                NOT_KEPT if halves is None and store.has(f"{paths[0]}/standard_error") else "from the store",
                part_text(store),
            )
            if note
        ),
    )


def scores_of(
    store: Store, networks: Sequence[StoredNetwork], request: MapRequest, first_kind: str | None
) -> xr.Dataset:
    """Return the scores of two networks on all images; see ``MapSource.scores``.

    Parameters
    ----------
    store : Store
        Its scores.
    networks : sequence of two StoredNetwork
        First and second network.
    request : MapRequest
        Settings of the maps.
    first_kind : str or None
        Kind of human maps that the scores are with; they are NaN where the request names another one. Those of maps
        that do not rank places by importance (``NO_ORDER``) are NaN, too, whatever the store holds.

    Returns
    -------
    Dataset
        As ``MapSource.scores`` returns it.
    """
    rows = [store.spec.networks.index(network) for network in networks]
    count = len(store.images)
    columns = {name: store.column(f"scores/{name}") for name in SCORES}
    stored = requested(store, request)
    order = list(store.spec.methods).index(request.method) if stored else 0
    pairs = {name: columns[name][order, rows] for name in METRICS}
    size = columns["delta_size"][order, rows[0], rows[1]]
    if not stored:
        pairs = {name: np.full((2, count), np.nan, np.float32) for name in pairs}
        size = np.full(count, np.nan, np.float32)
    floors = {name: columns[name][order, rows] for name in FLOORS if stored}
    pairs, floors = (nan_without_order(some, request.reduction) for some in (pairs, floors))
    ceiling, attention, note = columns["ceiling"], columns["rho_attention"][rows], part_text(store)
    if request.human_map not in (None, first_kind):
        pairs, floors = ({name: np.full_like(one, np.nan) for name, one in some.items()} for some in (pairs, floors))
        ceiling, attention = np.full_like(ceiling, np.nan), np.full_like(attention, np.nan)
        note = "; ".join(filter(None, [note, OTHER_KIND.format(first_kind, request.human_map)]))
    return xr.Dataset(
        {
            "correct": (("network", "image"), columns["correct"][rows]),
            **{name: (("network", "image"), values) for name, values in (pairs | floors).items()},
            "rho_attention": (("network", "layer", "image"), attention),
            "ceiling": (("image",), ceiling),
            "delta_size": (("image",), size),
        },
        coords={
            "network": [network.name for network in networks],
            "layer": list(store.spec.layers),
            "image": list(store.images),
        },
        attrs={
            **_ceiling(ceiling),
            "resolution_px": store.spec.comparison_cells,
            "measurement_version": store.scores_version,
            "note": note,
        },
    )


def part_text(store: Store) -> str:
    """Return a sentence on the part of photographs over which a store's scores are; "" where all networks cut alike."""
    if not store.is_scored_alike:
        return "scores of networks that cut photographs differently are each over what one of them sees"
    frames = [network.frame for network in store.spec.networks]
    return common_part_text([network.title for network in store.spec.networks], frames)


def _ceiling(values: np.ndarray) -> dict[str, float]:
    """Return the mean and its 95 % interval over images as attrs of scores.

    The interval is by bootstrap; for ``MANY`` images or more it is the normal one, which is the same then.
    """
    known_values = values[np.isfinite(values)].astype(float)
    if not len(known_values):
        bounds = (float("nan"),) * 3
    elif len(known_values) < MANY:
        interval = bootstrap_interval(known_values, n_resamples=2000)
        bounds = (interval.mean, interval.low, interval.high)
    else:
        mean, error = float(known_values.mean()), float(known_values.std(ddof=1) / np.sqrt(len(known_values)))
        bounds = (mean, mean - 1.96 * error, mean + 1.96 * error)
    return dict(zip(("ceiling_mean", "ceiling_low", "ceiling_high"), bounds, strict=True))


def _image_scores(
    store: Store,
    networks: Sequence[StoredNetwork],
    frames: Sequence[Preprocessing],
    image: str,
    request: MapRequest,
    correct: Sequence[bool | None],
    drawn: Sequence[np.ndarray],
    human: HumanMaps,
) -> xr.Dataset:
    """Return the scores of two networks on one image, as ``MapUpdate.scores`` holds them.

    Those with the first kind of human map of all participants are stored; others, and those of the maps as they are
    ``drawn``, are computed from the stored maps.

    Scores and ceilings of a store of now are over the part of a photograph that all of its networks see. Ceilings of
    before are in the frame of its first network: networks that cut photographs differently have no fraction of them.
    """
    rows = [store.spec.networks.index(network) for network in networks]
    order, cells = (
        list(store.spec.methods).index(request.method),
        (store.spec.comparison_cells, store.spec.comparison_cells),
    )
    of_pair = list(zip(networks, frames, strict=True))
    if human.kind is None and human.participant is None:
        ceiling = float(store.read("scores/ceiling", image))
        values = {name: np.asarray(store.read(f"scores/{name}", image)[order, rows], float) for name in METRICS}
        attention = np.asarray(store.read("scores/rho_attention", image))[rows]
        known = [dict(zip(store.spec.layers, row.tolist(), strict=True)) for row in attention]
        norm_rhos = [
            {layer: rhos[layer] for layer in network.layers} for network, rhos in zip(networks, known, strict=True)
        ]
    else:
        ceiling = human.ceiling(image, cells)
        maps = [store.read(f"{segment(network.name)}/{request.method}/map", image) for network in networks]
        found = [human.scores(image, one, frame, cells) for one, frame in zip(maps, frames, strict=True)]
        values = {name: np.array([of_one[name] for of_one in found], float) for name in (*METRICS, *FLOORS)}
        norm_rhos = [
            human.norm_rhos(image, {layer: _norm(store, network, layer, image) for layer in network.layers}, frame)
            for network, frame in of_pair
        ]
    if request.smoothing_px:
        found = [human.scores(image, one, frames[0], cells, floors=False) for one in drawn]
        values |= {drawn_name(name): np.array([of_one[name] for of_one in found], float) for name in METRICS}
    values = nan_without_order(values, request.reduction)
    frames = [network.frame for network in (*networks, store.spec.networks[0])]
    has_ceiling = [store.is_scored_alike or is_same_cut(frame, frames[-1]) for frame in frames[:-1]]
    return labelled_scores(
        values,
        [network.name for network in networks],
        ceilings=np.where(has_ceiling, ceiling, np.nan),
        ceiling=ceiling,
        correct=correct,
        norm_rhos=norm_rhos,
        resolution_px=store.spec.comparison_cells,
    )


def _norm(store: Store, network: StoredNetwork, layer: str, image: str) -> np.ndarray:
    return store.read(f"{segment(network.name)}/attention_norm/{segment(layer)}/norm", image)


def stored_prediction(store: Store, network: StoredNetwork, image: str, label: int | None) -> Prediction:
    """Return the five first choices of a network on one image.

    Parameters
    ----------
    store : Store
        The store.
    network : StoredNetwork
        One of its networks.
    image : str
        Id of the image.
    label : int or None
        Index of the true category among the network's; None where it is not known.

    Returns
    -------
    Prediction
        Best first, and whether the first is the true category.
    """
    at = segment(network.name)
    indices = [int(index) for index in store.read(f"{at}/top_index", image) if index >= 0]
    probabilities = store.read(f"{at}/top_probability", image)[: len(indices)]
    return Prediction(
        indices=tuple(indices),
        categories=tuple(network.categories[index] for index in indices),
        probabilities=tuple(float(value) for value in probabilities),
        correct=None if label is None else indices[0] == label,
    )


def first_request(store: Store) -> MapRequest:
    """Return the request of the store's first method with the settings of the store."""
    method, about = next(iter(store.spec.methods.items()))
    settings = {key: value for key, value in about.items() if key not in ABOUT}
    grad = SmoothGradSpec(**settings) if method == "smoothgrad" else SmoothGradSpec()
    return MapRequest(
        method=method,
        smoothgrad=grad,
        target=store.spec.target,
        reduction=store.spec.reduction,
        smoothing_px=STARTING_SMOOTHING_PX,
        cam_layer=stored_cam_layer(store),
    )


def held(store: Store) -> str:
    """Return a sentence on what the store holds."""
    methods = "; ".join(
        f"{about['title']}" + "".join(f", {key} {value}" for key, value in about.items() if key not in ABOUT)
        for about in store.spec.methods.values()
    )
    return f"{store.path.name} holds {methods}, of {store.spec.n_images} images of {store.spec.collection['title']}."
