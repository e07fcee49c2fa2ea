"""The signed maps of both networks, batch by batch in turn, resumed and kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from gala_viz.attribution.finite import check_finite
from gala_viz.attribution.map_state import MapState
from gala_viz.attribution.method import AttributionMethod
from gala_viz.attribution.methods import METHODS
from gala_viz.attribution.packing import map_states
from gala_viz.engine.results.delta import near_zero_message
from gala_viz.engine.results.jackknife import monte_carlo_error
from gala_viz.live.kept import Results, packed, state_bytes, unpacked
from gala_viz.live.looking import Look
from gala_viz.live.turns import Turns
from gala_viz.networks.network import Network
from gala_viz.specs import MapRequest, fingerprint, settings

ENOUGH = 10
"""Samples from which on "about zero within its error" is said."""


class Pair:
    """Computes and keeps the maps of two networks; what one person cancelled is where the next one goes on."""

    def __init__(
        self, networks: Sequence[Network], fingerprints: Sequence[str], results: Results, turns: Turns
    ) -> None:
        self._networks, self._fingerprints = tuple(networks), tuple(fingerprints)
        self._results, self._turns = results, turns

    def finished(self, image: str, look: Look, request: MapRequest, targets: Sequence[int]) -> list[MapState] | None:
        """Both states if both are complete and at hand."""
        states = [self._complete(key) for key in self._keys(image, look, request, targets)]
        return None if any(state is None for state in states) else states  # type: ignore[return-value]

    def states(
        self,
        image: str,
        look: Look,
        request: MapRequest,
        targets: Sequence[int],
        priority: int,
        cancelled: Callable[[], bool],
    ) -> Iterator[list[MapState]]:
        """Yield the states of both after each has advanced by a batch, until both are done or ``cancelled()``."""
        how, spec = METHODS[request.method], spec_of(request)
        keys = self._keys(image, look, request, targets)
        states = [self._complete(key) for key in keys]
        running = [
            None if state is not None else self._start(network, values, how, spec, image, target, key, cancelled)
            for network, values, target, key, state in zip(
                self._networks, look.inputs, targets, keys, states, strict=True
            )
        ]
        if all(iterator is None for iterator in running):
            yield states  # type: ignore[misc]
            return
        while any(iterator is not None for iterator in running):
            for index, iterator in enumerate(running):
                if iterator is None:
                    continue
                with self._turns.taken(priority, cancelled) as granted:
                    state = next(iterator, None) if granted else None
                if state is None:
                    return
                check_finite(state.mean, f"values of the {how.title} map", self._networks[index].title, image)
                span = float(np.ptp(look.inputs[index])) if how.per_input_unit() else 1.0
                states[index] = self._keep(keys[index], state, span)
                if state.done:
                    running[index] = None
            yield list(states)  # type: ignore[arg-type]

    def n_begun(self, image: str, look: Look, request: MapRequest, targets: Sequence[int]) -> int:
        """Samples that both networks have already, and that a run would not compute again."""
        found = [
            self._complete(key) or self._results.recall(_begun(key))
            for key in self._keys(image, look, request, targets)
        ]
        return min(0 if state is None else state.n for state in found)

    def _start(
        self,
        network: Network,
        values: np.ndarray,
        how: type[AttributionMethod],
        spec: object,
        image: str,
        target: int,
        key: str,
        cancelled: Callable[[], bool],
    ) -> Iterator[MapState]:
        begun = self._results.recall(_begun(key)) if how.stochastic else None
        if begun is not None and begun.n >= spec.n_samples:  # type: ignore[attr-defined]
            begun = None
        return map_states(how(network, spec), values, image=image, target=target, resume=begun, cancelled=cancelled)

    def _keep(self, key: str, state: MapState, span: float) -> MapState:
        if state.group_sums is not None:
            self._results.remember(_begun(key), state, state_bytes(state))
        if not state.done:
            return state
        error = monte_carlo_error(lambda mean: mean, state) if state.n >= ENOUGH else None
        silent = near_zero_message(state.mean, error=error, input_range=span)
        full = replace(state, note=silent or state.note)
        self._results.remember(key, full, state_bytes(full))
        self._results.write(key, packed(full))
        return full

    def _complete(self, key: str) -> MapState | None:
        state = self._results.recall(key)
        if state is None:
            arrays = self._results.read(key)
            state = unpacked(arrays) if arrays is not None else None
            if state is not None:
                self._results.remember(key, state, state_bytes(state))
        return state if state is not None and state.done and np.isfinite(state.mean).all() else None

    def _keys(self, image: str, look: Look, request: MapRequest, targets: Sequence[int]) -> list[str]:
        spec = settings(spec_of(request))
        n = spec.get("n_samples") if METHODS[request.method].stochastic else None
        rest = {key: value for key, value in spec.items() if key != "n_samples" or n is None}
        return [
            f"map {fingerprint(name, checksum, request.method, rest, target, image)} n={n}"
            for name, checksum, target in zip(self._fingerprints, look.checksums, targets, strict=True)
        ]


def spec_of(request: MapRequest) -> object:
    """The settings of the request's method: its SmoothGrad spec, or the defaults of another method."""
    how = METHODS[request.method]
    return request.smoothgrad if request.method == "smoothgrad" else how.validate_spec()


def _begun(key: str) -> str:
    """Where the state of any number of samples is kept, to go on from: the key without its n."""
    return "begun " + key.rsplit(" n=", 1)[0]
