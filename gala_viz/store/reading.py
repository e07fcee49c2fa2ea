"""From stored arrays to what a page needs: one image's maps with their delta, and the scores of all images."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from gala_viz.alignment import bootstrap_interval
from gala_viz.engine.results.delta import PERCENTILE, delta, normalisation_scale
from gala_viz.engine.results.prediction import Prediction
from gala_viz.engine.results.reduction import smooth
from gala_viz.engine.results.scores import FLOORS, METRICS, labelled_scores
from gala_viz.networks.frames import resample_to_frame
from gala_viz.networks.preprocessing import Preprocessing
from gala_viz.schema import labelled_map
from gala_viz.specs import MapRequest, SmoothGradSpec, settings
from gala_viz.store.layout import SCORES, segment
from gala_viz.store.source import MapUpdate
from gala_viz.store.spec import ABOUT, StoredNetwork
from gala_viz.store.zarr_store import Store

MANY = 20_000


def requested(store: Store, request: MapRequest) -> bool:
    """Return whether the store holds the maps of a request.

    Smoothing and normalisation are left out: they are applied when maps are read.
    """
    about = store.spec.methods.get(request.method)
    if about is None or (request.target, request.reduction) != (store.spec.target, store.spec.reduction):
        return False
    own = {key: value for key, value in about.items() if key not in ABOUT}
    return request.method != "smoothgrad" or own == settings(request.smoothgrad)


def stored_update(
    store: Store,
    networks: Sequence[StoredNetwork],
    frames: Sequence[Preprocessing],
    image: str,
    photo_px: tuple[int, int],
    request: MapRequest,
    correct: Sequence[bool | None],
) -> MapUpdate:
    """Return the finished maps of two networks on one image, in the frame of the first.

    Errors of the delta are added as if the networks' were independent, which for networks with the same noise is too
    large rather than too small. Smoothed maps have no stored error.

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
        Smoothing and normalisation are taken from it.
    correct : sequence of two bool or None
        Whether each network's first choice is the true category; None where that is not known.

    Returns
    -------
    MapUpdate
        Finished maps.
    """
    about = store.spec.methods[request.method]
    frame, size = frames[0], frames[0].input_px
    single = {
        name: [float(store.read(f"{segment(network.name)}/{request.method}/{name}", image)) for network in networks]
        for name in ("explained", "sigma")
    }

    def placed(name: str) -> np.ndarray:
        values = [store.read(f"{segment(network.name)}/{request.method}/{name}", image) for network in networks]
        return np.stack(
            [resample_to_frame(one, own, frame, photo_px, size) for one, own in zip(values, frames, strict=True)]
        )

    maps = np.stack([smooth(one, request.smoothing_px) for one in placed("map")])
    first = f"{segment(networks[0].name)}/{request.method}"
    errors = placed("standard_error") if store.has(f"{first}/standard_error") and not request.smoothing_px else None
    attrs = {"method": request.method, **about, "reduction": request.reduction, "smoothing_px": request.smoothing_px}
    attrs |= {"image": image}
    leading = {"network": [network.name for network in networks]}
    labelled = labelled_map(maps, name="map", extent_px=size, leading=leading, attrs=attrs)
    attrs["normalise"] = request.normalise
    if request.normalise != "none":
        attrs["units"] = "1"
    if request.normalise == "percentile":
        attrs["percentile"] = PERCENTILE
    difference = labelled_map(delta(maps[0], maps[1], request.normalise), name="delta", extent_px=size, attrs=attrs)
    delta_error = None
    if errors is not None:
        scaled = [error / normalisation_scale(one, request.normalise) for error, one in zip(errors, maps, strict=True)]
        delta_error = difference.copy(data=np.hypot(*scaled).astype(np.float32)).rename("delta_error")
    n_samples = about.get("n_samples", 1)
    return MapUpdate(
        maps=labelled,
        standard_error=None if errors is None else labelled.copy(data=errors).rename("standard_error"),
        delta=difference,
        delta_error=delta_error,
        targets=tuple(int(target) for target in single["explained"]),
        sigma=tuple(single["sigma"]),
        n=n_samples,
        n_samples=n_samples,
        seconds=0.0,
        eta_s=0.0,
        done=True,
        scores=_image_scores(store, networks, image, request.method, correct),
        note="from the store",
    )


def scores_of(store: Store, networks: Sequence[StoredNetwork], request: MapRequest) -> xr.Dataset:
    """Return the scores of two networks on all images; see ``MapSource.scores``."""
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
    ceiling = columns["ceiling"]
    return xr.Dataset(
        {
            "correct": (("network", "image"), columns["correct"][rows]),
            **{name: (("network", "image"), values) for name, values in pairs.items()},
            "rho_attention": (("network", "layer", "image"), columns["rho_attention"][rows]),
            "ceiling": (("image",), ceiling),
            "delta_size": (("image",), size),
            **{name: (("network", "image"), columns[name][order, rows]) for name in FLOORS if stored},
        },
        coords={
            "network": [network.name for network in networks],
            "layer": list(store.spec.layers),
            "image": list(store.images),
        },
        attrs={**_ceiling(ceiling), "resolution_px": store.spec.comparison_cells},
    )


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
    store: Store, networks: Sequence[StoredNetwork], image: str, method: str, correct: Sequence[bool | None]
) -> xr.Dataset:
    """Return the scores of two networks on one image, as ``MapUpdate.scores`` holds them.

    The stored ceiling is in the frame of the store's first network: networks of another frame have no fraction of it.
    """
    rows, order = [store.spec.networks.index(network) for network in networks], list(store.spec.methods).index(method)
    ceiling = float(store.read("scores/ceiling", image))
    values = {name: store.read(f"scores/{name}", image)[order, rows] for name in METRICS}
    of_first = [network.preprocessing == store.spec.networks[0].preprocessing for network in networks]
    return labelled_scores(
        values,
        [network.name for network in networks],
        ceilings=np.where(of_first, ceiling, np.nan),
        ceiling=ceiling,
        correct=correct,
        resolution_px=store.spec.comparison_cells,
    )


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
    return MapRequest(method=method, smoothgrad=grad, target=store.spec.target, reduction=store.spec.reduction)


def held(store: Store) -> str:
    """Return a sentence on what the store holds."""
    methods = "; ".join(
        f"{about['title']}" + "".join(f", {key} {value}" for key, value in about.items() if key not in ABOUT)
        for about in store.spec.methods.values()
    )
    return f"{store.path.name} holds {methods}, of {store.spec.n_images} images of {store.spec.collection['title']}."
