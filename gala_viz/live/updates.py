"""From two signed states to what a page shows: reduced maps in one frame, their delta, errors and scores."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from gala_viz.attribution.map_state import MapState
from gala_viz.attribution.methods import METHODS
from gala_viz.engine.results.delta import PERCENTILE, delta, normalisation_scale
from gala_viz.engine.results.jackknife import jackknife_error
from gala_viz.engine.results.reduction import reduce_channels, smooth
from gala_viz.live.pair import spec_of
from gala_viz.networks.frames import resample_to_frame
from gala_viz.networks.network import Network
from gala_viz.schema import labelled_map
from gala_viz.specs import MapRequest, settings
from gala_viz.store.source import MapUpdate

Shown = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, slots=True)
class Clock:
    """When this run started and how many samples it found done already."""

    seconds: float
    n_before: int

    def eta_s(self, n: int, n_samples: int) -> float | None:
        """Seconds to go at the pace so far; None before anything was computed."""
        if n >= n_samples:
            return 0.0
        computed = n - self.n_before
        return self.seconds / computed * (n_samples - n) if computed > 0 else None


class Told:
    """Which batches are worth an update: making one and drawing it costs nearly a batch, on a machine that draws too.

    The first and the last are, and those after which the error has fallen by a fifth, or a second has passed.
    ``partly`` False: only the last, for a survey, at whose partial maps nobody looks.
    """

    GROWTH, SILENCE_S = 1.5, 1.0

    def __init__(self, partly: bool = True) -> None:
        self._partly, self._n, self._at = partly, 0, time.monotonic()

    def enough(self, n: int, done: bool) -> bool:
        """Whether to tell that each network has ``n`` samples; ``done`` is told always."""
        now = time.monotonic()
        due = n >= self._n * self.GROWTH or now - self._at >= self.SILENCE_S
        if done or (self._partly and due):
            self._n, self._at = n, now
            return True
        return False


def map_update(
    states: Sequence[MapState],
    request: MapRequest,
    networks: Sequence[Network],
    photo_px: tuple[int, int],
    image: str,
    scores: xr.Dataset,
    clock: Clock,
) -> MapUpdate:
    """The update of both networks' maps of one image, which have these ``scores``.

    Errors are by jackknife over groups of samples, with the two networks' groups left out together, so that the error
    of the delta knows that both saw the same noise, and that the normalisation has an error too.
    """
    frame = networks[0].preprocessing
    maps, rests = [], []
    for state, network in zip(states, networks, strict=True):
        shown = _shown(request, network, networks[0], photo_px)
        maps.append(shown(state.mean))
        rest = state.delete_group_means()
        rests.append(None if rest is None else shown(rest))
    by_chance = METHODS[request.method].stochastic
    errors = _errors(maps, rests, states) if by_chance else None
    attrs = {"method": request.method, "units": METHODS[request.method].units, **settings(spec_of(request))}
    attrs |= {"reduction": request.reduction, "smoothing_px": request.smoothing_px, "image": image}
    leading = {"network": [network.name for network in networks]}
    labelled = labelled_map(np.stack(maps), name="map", extent_px=frame.input_px, leading=leading, attrs=attrs)
    about = {**attrs, "normalise": request.normalise, "units": attrs["units"] if request.normalise == "none" else "1"}
    if request.normalise == "percentile":
        about["percentile"] = PERCENTILE
    n, n_samples = min(state.n for state in states), min(state.n_samples for state in states)
    done = all(state.done for state in states)
    return MapUpdate(
        maps=labelled,
        standard_error=None if errors is None else labelled.copy(data=np.stack(errors)).rename("standard_error"),
        delta=labelled_map(delta(*maps, request.normalise), name="delta", extent_px=frame.input_px, attrs=about),
        delta_error=labelled_map(
            _delta_error(maps, rests, states, errors, request),
            name="delta_error",
            extent_px=frame.input_px,
            attrs=about,
        )
        if errors is not None
        else None,
        targets=tuple(state.target for state in states),
        sigma=tuple(state.sigma for state in states),
        n=n_samples if done else n,
        n_samples=n_samples,
        seconds=clock.seconds,
        eta_s=clock.eta_s(n, n_samples),
        done=done,
        scores=scores,
        note=_note(states, networks),
    )


def _shown(request: MapRequest, network: Network, first: Network, photo_px: tuple[int, int]) -> Shown:
    def shown(mean: np.ndarray) -> np.ndarray:
        reduced = reduce_channels(mean, request.reduction)
        own, frame = network.preprocessing, first.preprocessing
        return smooth(resample_to_frame(reduced, own, frame, photo_px, frame.input_px), request.smoothing_px)

    return shown


def _errors(
    maps: Sequence[np.ndarray], rests: Sequence[np.ndarray | None], states: Sequence[MapState]
) -> list[np.ndarray]:
    return [
        np.full(one.shape, np.nan, np.float32) if rest is None else jackknife_error(one, rest, _counts(state))
        for one, rest, state in zip(maps, rests, states, strict=True)
    ]


def _delta_error(
    maps: Sequence[np.ndarray],
    rests: Sequence[np.ndarray | None],
    states: Sequence[MapState],
    errors: Sequence[np.ndarray],
    request: MapRequest,
) -> np.ndarray:
    if rests[0] is not None and rests[1] is not None and np.array_equal(_counts(states[0]), _counts(states[1])):
        whole, rest = delta(maps[0], maps[1], request.normalise), delta(rests[0], rests[1], request.normalise)
        return jackknife_error(whole, rest, _counts(states[0]))
    scaled = [error / normalisation_scale(one, request.normalise) for error, one in zip(errors, maps, strict=True)]
    return np.hypot(*scaled).astype(np.float32)


def _counts(state: MapState) -> np.ndarray:
    return state.group_counts[state.group_counts > 0]


def _note(states: Sequence[MapState], networks: Sequence[Network]) -> str:
    notes = [state.note for state in states]
    if notes[0] == notes[1]:
        return notes[0]
    return "; ".join(f"{network.title}: {note}" for network, note in zip(networks, notes, strict=True) if note)
