"""From two signed states to what a page shows: reduced maps in one frame, their delta, errors and reliability."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from gala_viz.attribution.map_state import MapState
from gala_viz.attribution.methods import METHODS
from gala_viz.engine.results.delta import delta, independent_delta_error
from gala_viz.engine.results.half_samples import split_half_reliability
from gala_viz.engine.results.jackknife import jackknife_error
from gala_viz.engine.results.pair_maps import label_pair
from gala_viz.engine.results.reduction import reduce_channels, smooth
from gala_viz.live.network_results import spec_of
from gala_viz.networks.frames import common_part_text, resample_to_frame
from gala_viz.networks.network import Network
from gala_viz.specs import MapRequest, settings
from gala_viz.store.source import MapUpdate, layer_path_attrs

Shown = Callable[[np.ndarray], np.ndarray]
ScoresOf = Callable[[Sequence[np.ndarray]], xr.Dataset]
"""Returns the scores (network,) of one image; it is given the maps as they are drawn."""


@dataclass(frozen=True, slots=True)
class RunTime:
    """Seconds since a run started, and how many samples it found done already."""

    seconds: float
    n_before: int

    def eta_s(self, n: int, n_samples: int) -> float | None:
        """Return the seconds left at the pace so far; None before anything was computed."""
        if n >= n_samples:
            return 0.0
        computed = n - self.n_before
        return self.seconds / computed * (n_samples - n) if computed > 0 else None


class UpdateThrottle:
    """Which batches are worth an update: making one and drawing it costs nearly a batch, on a machine that draws too.

    The first and the last are, and those after which the error has fallen by a fifth, or a second has passed. With
    ``partial`` False only the last is, for a survey, at whose partial maps nobody looks.
    """

    GROWTH, SILENCE_S = 1.5, 1.0

    def __init__(self, partial: bool = True) -> None:
        self._partial, self._n, self._at = partial, 0, time.monotonic()

    def is_due(self, n: int, done: bool) -> bool:
        """Return whether to show that each network has ``n`` samples; maps that are ``done`` are shown always."""
        now = time.monotonic()
        due = n >= self._n * self.GROWTH or now - self._at >= self.SILENCE_S
        if done or (self._partial and due):
            self._n, self._at = n, now
            return True
        return False


def pair_update(
    states: Sequence[MapState],
    request: MapRequest,
    networks: Sequence[Network],
    photo_px: tuple[int, int],
    image: str,
    scores_of: ScoresOf,
    run_time: RunTime,
    layers: Sequence[str] = (),
) -> MapUpdate:
    """Return the update of an ordered pair's maps of one image.

    Errors are by jackknife over groups of samples, with the two networks' groups left out together, so that the error
    of the delta knows that both saw the same noise, and that the normalisation has an error too.

    Parameters
    ----------
    states : sequence of two MapState
        First and second network's.
    request : MapRequest
        Reduction, smoothing and normalisation.
    networks : sequence of two Network
        Maps are brought into the frame of the first.
    photo_px : tuple of int
        Height and width of the photograph.
    image : str
        Id of the image.
    scores_of : callable
        Returns the scores of this image, given both maps as they are drawn.
    run_time : RunTime
        Of this run.
    layers : sequence of str
        For each network the path of the layer at which the method is computed; "" for methods without one.

    Returns
    -------
    MapUpdate
        Done where both states are.
    """
    frame_px = networks[0].preprocessing.input_px
    places = [_shown(request, network, networks[0], photo_px) for network in networks]
    maps = [shown(state.mean) for shown, state in zip(places, states, strict=True)]
    done = all(state.done for state in states)
    errors, delta_error, reliability = None, None, float("nan")
    if METHODS[request.method].stochastic:
        errors, delta_error = _errors(places, maps, states, request)
        if done:
            reliability = _reliability(places, states, request)
    attrs = {"method": request.method, "units": METHODS[request.method].units, **settings(spec_of(request))}
    attrs |= layer_path_attrs(layers)
    attrs |= {"reduction": request.reduction, "smoothing_px": request.smoothing_px, "image": image}
    pair = label_pair(
        maps,
        errors,
        delta_error,
        networks=[network.name for network in networks],
        frame_px=frame_px,
        normalise=request.normalise,
        attrs=attrs,
        delta_degrees_of_freedom=min(int((state.group_counts > 0).sum()) for state in states) - 1 if errors else 0,
    )
    n, n_samples = min(state.n for state in states), min(state.n_samples for state in states)
    return MapUpdate(
        maps=pair.maps,
        standard_error=pair.standard_error,
        delta=pair.delta,
        delta_error=pair.delta_error,
        delta_reliability=reliability,
        targets=tuple(state.target for state in states),
        sigma=tuple(state.sigma for state in states),
        n=n_samples if done else n,
        n_samples=n_samples,
        seconds=run_time.seconds,
        eta_s=run_time.eta_s(n, n_samples),
        done=done,
        scores=scores_of(maps),
        note=_note(states, networks),
    )


def _shown(request: MapRequest, network: Network, first: Network, photo_px: tuple[int, int]) -> Shown:
    """Return the function from a signed mean to the map in the frame of the first network."""

    def shown(mean: np.ndarray) -> np.ndarray:
        reduced = reduce_channels(mean, request.reduction)
        own, frame = network.preprocessing, first.preprocessing
        return smooth(resample_to_frame(reduced, own, frame, photo_px, frame.input_px), request.smoothing_px)

    return shown


def _errors(
    places: Sequence[Shown], maps: Sequence[np.ndarray], states: Sequence[MapState], request: MapRequest
) -> tuple[list[np.ndarray], np.ndarray]:
    """Return the standard errors of both maps, NaN with fewer than two samples, and that of their delta."""
    counts = [state.group_counts[state.group_counts > 0] for state in states]
    rests = [state.delete_group_means() for state in states]
    shown = [None if rest is None else place(rest) for place, rest in zip(places, rests, strict=True)]
    errors = [
        np.full(one.shape, np.nan, np.float32) if rest is None else jackknife_error(one, rest, count)
        for one, rest, count in zip(maps, shown, counts, strict=True)
    ]
    if shown[0] is not None and shown[1] is not None and np.array_equal(*counts):
        rest = delta(shown[0], shown[1], request.normalise)
        return errors, jackknife_error(delta(*maps, request.normalise), rest, counts[0])
    return errors, independent_delta_error(errors, maps, request.normalise)


def _reliability(places: Sequence[Shown], states: Sequence[MapState], request: MapRequest) -> float:
    """Return the reliability of the delta from the halves of both networks' samples."""
    halves = [state.half_means() for state in states]
    if any(half is None for half in halves):
        return float("nan")
    first, second = (place(half) for place, half in zip(places, halves, strict=True))
    return split_half_reliability(delta(first, second, request.normalise))


def _note(states: Sequence[MapState], networks: Sequence[Network]) -> str:
    titles, notes = [network.title for network in networks], [state.note for state in states]
    if notes[0] == notes[1]:
        notes = [f"both networks: {notes[0]}"] if notes[0] else []
    else:
        notes = [f"{title}: {note}" for title, note in zip(titles, notes, strict=True) if note]
    part = common_part_text(titles, [network.preprocessing for network in networks])
    return "; ".join(note for note in (*notes, part) if note)
