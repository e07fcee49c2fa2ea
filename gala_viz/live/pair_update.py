"""From two signed states to what a page shows: reduced maps in one frame, their delta, errors and reliability."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

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
from gala_viz.networks.imported_maps import UNKNOWN_UNIT
from gala_viz.networks.network import Network
from gala_viz.specs import MapRequest, settings
from gala_viz.store.source import MapUpdate, layer_path_attrs

Shown = Callable[[np.ndarray], np.ndarray]
ScoresOf = Callable[[Sequence[np.ndarray]], xr.Dataset]
"""Returns the scores (network,) of one image; it is given the maps as they are drawn."""


@dataclass(frozen=True, slots=True)
class RunTime:
    """Seconds since a run started, and how many samples of each network it found done already."""

    seconds: float
    n_before: tuple[int, ...]

    def eta_s(self, n: int, n_samples: int, n_before: int) -> float | None:
        """Return the seconds left at the pace so far; None before anything was computed."""
        if n >= n_samples:
            return 0.0
        computed = n - n_before
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


def check_units(request: MapRequest, networks: Sequence[Network] = ()) -> None:
    """Raise ``ValueError`` where two maps would be subtracted in units that differ, or are not known."""
    imported = [network.title for network in networks if network.maps is not None]
    if request.normalise == "none" and imported and networks[0] is not networks[1]:
        raise ValueError(
            f"the unit of the maps of {imported[0]} is not known, as they were computed elsewhere: a difference of "
            "maps as they are is no number. Normalise each map before the delta (percentile, maximum or sum)."
        )
    kinds = [METHODS[request.of_network(number).method] for number in range(2)]
    if request.normalise == "none" and kinds[0].units != kinds[1].units:
        raise ValueError(
            f"{kinds[0].title} is in {kinds[0].units}, {kinds[1].title} in {kinds[1].units}: their difference is no "
            "number. Normalise each map before the delta (percentile, maximum or sum), or choose methods of one unit."
        )


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
    of the delta knows that both saw the same noise, and that the normalisation has an error too. A map without samples
    has no Monte-Carlo error: it is the same in every group, in both halves, and its standard error is 0.

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
    requests = [request.of_network(number) for number in range(2)]
    imported = [network.maps is not None for network in networks]
    sampled = [METHODS[one.method].stochastic and not given for one, given in zip(requests, imported, strict=True)]
    if any(sampled):
        errors, delta_error = _errors(places, maps, states, sampled, request)
        # Of imported maps the error is not known; that of the delta takes them as they are, and its note says so.
        errors = [np.full_like(one, np.nan) if given else one for one, given in zip(errors, imported, strict=True)]
        if done:
            reliability = _reliability(places, states, sampled, request)
    drawn = {"reduction": request.reduction, "smoothing_px": request.smoothing_px, "image": image}
    own_attrs = tuple(
        {**_method_attrs(one, network), **layer_path_attrs([layer]), **drawn, "n": state.n}
        for one, network, layer, state in zip(requests, networks, layers or ("", ""), states, strict=True)
    )
    attrs = {**_method_attrs(request, networks[0]), **layer_path_attrs(layers), **drawn}
    differ = request.second is not None or any(imported)
    if differ:
        attrs = {name: value for name, value in own_attrs[0].items() if own_attrs[1].get(name) == value}
    pair = label_pair(
        maps,
        errors,
        delta_error,
        networks=[network.name for network in networks],
        frame_px=frame_px,
        normalise=request.normalise,
        attrs=attrs,
        delta_degrees_of_freedom=min(
            (int((state.group_counts > 0).sum()) for state, one in zip(states, sampled, strict=True) if one), default=1
        )
        - 1,
    )
    counted = _counting_maps(states, sampled)
    n, n_samples, n_before = (
        min(values[number] for number in counted)
        for values in ([state.n for state in states], [state.n_samples for state in states], run_time.n_before)
    )
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
        eta_s=run_time.eta_s(n, n_samples, n_before),
        done=done,
        scores=scores_of(maps),
        note=_note(states, networks),
        own_attrs=own_attrs if differ else (),
    )


def _method_attrs(request: MapRequest, network: Network) -> dict[str, Any]:
    if network.maps is not None:
        return {"method": network.maps.method, "units": UNKNOWN_UNIT}
    return {"method": request.method, "units": METHODS[request.method].units, **settings(spec_of(request))}


def _counting_maps(states: Sequence[MapState], sampled: Sequence[bool]) -> list[int]:
    """Return which of two maps an update's n is of: both, or of two methods the one that is random, or takes longer.

    While another one is not done, n is that of the map that is not.
    """
    numbers = [number for number, state in enumerate(states) if not state.done] or [0, 1]
    numbers = [number for number in numbers if sampled[number]] or numbers
    most = max(states[number].n_samples for number in numbers)
    return [number for number in numbers if states[number].n_samples == most]


def _shown(request: MapRequest, network: Network, first: Network, photo_px: tuple[int, int]) -> Shown:
    """Return the function from a signed mean to the map in the frame of the first network."""

    def shown(mean: np.ndarray) -> np.ndarray:
        reduced = reduce_channels(mean, request.reduction)
        own, frame = network.preprocessing, first.preprocessing
        return smooth(resample_to_frame(reduced, own, frame, photo_px, frame.input_px), request.smoothing_px)

    return shown


def _errors(
    places: Sequence[Shown],
    maps: Sequence[np.ndarray],
    states: Sequence[MapState],
    sampled: Sequence[bool],
    request: MapRequest,
) -> tuple[list[np.ndarray], np.ndarray]:
    """Return the standard errors of both maps, NaN with fewer than two samples, and that of their delta."""
    counts = [state.group_counts[state.group_counts > 0] for state in states]
    rests = [state.delete_group_means() for state in states]
    shown = [None if rest is None else place(rest) for place, rest in zip(places, rests, strict=True)]
    errors = [
        np.full(one.shape, np.nan, np.float32) if rest is None else jackknife_error(one, rest, count)
        for one, rest, count in zip(maps, shown, counts, strict=True)
    ]
    if not all(sampled):
        return _errors_beside_fixed(maps, shown, errors, sampled, counts, request)
    if shown[0] is not None and shown[1] is not None and np.array_equal(*counts):
        rest = delta(shown[0], shown[1], request.normalise)
        return errors, jackknife_error(delta(*maps, request.normalise), rest, counts[0])
    return errors, independent_delta_error(errors, maps, request.normalise)


def _errors_beside_fixed(
    maps: Sequence[np.ndarray],
    shown: Sequence[np.ndarray | None],
    errors: Sequence[np.ndarray],
    sampled: Sequence[bool],
    counts: Sequence[np.ndarray],
    request: MapRequest,
) -> tuple[list[np.ndarray], np.ndarray]:
    """Return the errors where one of two maps has samples: that of the other is 0, that of the delta has it fixed."""
    at = sampled.index(True)
    errors_beside = [
        error if one else np.where(np.isnan(values), np.nan, 0).astype(np.float32)
        for error, values, one in zip(errors, maps, sampled, strict=True)
    ]
    rest = shown[at]
    if rest is None:
        return errors_beside, np.full(maps[at].shape, np.nan, np.float32)
    first, second = (rest, maps[1]) if at == 0 else (maps[0], rest)
    without = delta(first, second, request.normalise)
    return errors_beside, jackknife_error(delta(maps[0], maps[1], request.normalise), without, counts[at])


def _reliability(
    places: Sequence[Shown], states: Sequence[MapState], sampled: Sequence[bool], request: MapRequest
) -> float:
    """Return the reliability of the delta from the halves of both networks' samples.

    A map without samples is the same in both halves. It is part of what would come again with other samples.
    """
    halves = [state.half_means() if one else state.mean for state, one in zip(states, sampled, strict=True)]
    if any(half is None for half in halves):
        return float("nan")
    first, second = (place(half) for place, half in zip(places, halves, strict=True))
    return split_half_reliability(delta(first, second, request.normalise))


def _note(states: Sequence[MapState], networks: Sequence[Network]) -> str:
    titles, notes = [network.title for network in networks], [state.note for state in states]
    is_one = networks[0] is networks[1]
    if notes[0] == notes[1]:
        notes = [f"both {'maps' if is_one else 'networks'}: {notes[0]}"] if notes[0] else []
    else:
        titles = ["the first map", "the second map"] if is_one else titles
        notes = [f"{title}: {note}" for title, note in zip(titles, notes, strict=True) if note]
    part = common_part_text(titles, [network.preprocessing for network in networks])
    return "; ".join(note for note in (*notes, part) if note)
