"""The results of one network: forward passes and maps of images, computed when asked, resumed and cached."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np
from torch import Tensor

from gala_viz.attribution.finite import check_finite
from gala_viz.attribution.grad_cam import GradCamSpec, cam_layer_path, cam_layer_paths
from gala_viz.attribution.map_state import MapState
from gala_viz.attribution.methods import METHODS
from gala_viz.attribution.network_identity import NetworkIdentity, network_identity, precision_key
from gala_viz.attribution.packing import map_states, never_cancelled
from gala_viz.attribution.targets import target_index
from gala_viz.cache import ArrayCache, n_bytes
from gala_viz.engine.forward import forward, forward_batch_size
from gala_viz.engine.precision import with_known_precision
from gala_viz.engine.result_keys import circumstances, network_key
from gala_viz.engine.results.forward_result import ForwardResult
from gala_viz.engine.results.near_zero import near_zero_message
from gala_viz.live.compute_scheduler import INTERACTIVE, ComputeScheduler
from gala_viz.live.descriptions import network_info
from gala_viz.live.network_inputs import NetworkInputs, checksum
from gala_viz.networks.devices import upload
from gala_viz.networks.fuse_batchnorm import fuse_batchnorm
from gala_viz.networks.network import Network
from gala_viz.specs import GRAD_CAM, MapRequest, fingerprint, settings
from gala_viz.store.source import Cancelled

NOTE_RULE = 2
"""By which rule a cached map's note was written; what was written by another is asked anew."""


class NetworkResults:
    """Computes and caches the results of one network; where one session was cancelled the next one goes on.

    ``network`` is as it was given, with its precision known; a copy with fused batch norms computes. That copy, the
    network's ``identity`` and ``key``, which names what determines its numbers, are made when they are first needed: a
    page stands before. Every batch takes a turn of ``scheduler``.
    """

    def __init__(self, network: Network, inputs: NetworkInputs, cache: ArrayCache, scheduler: ComputeScheduler) -> None:
        self.opened_as = network.opened_as
        self.network = network = with_known_precision(network)
        self.precision = str(precision_key(network))
        self.frame = network.preprocessing
        self.info = network_info(network)
        self._inputs, self._cache, self._scheduler = inputs, cache, scheduler
        self._cam_paths: dict[str, str] = {}
        self._cam_layers: tuple[str, ...] | None = None

    @property
    def identity(self) -> NetworkIdentity:
        """What tells whether results are of this network."""
        return self._prepared[0]

    @property
    def key(self) -> str:
        """Name of what determines the network's numbers."""
        return self._prepared[1]

    @property
    def computing_network(self) -> Network:
        """The network that computes: a copy with fused batch norms where there are any."""
        return self._prepared[2]

    @cached_property
    def _prepared(self) -> tuple[NetworkIdentity, str, Network]:
        """Identity, key and the network that computes, all of the same weights."""
        identity = network_identity(self.network)
        return identity, network_key(self.network, identity.behaviour, self._cache), fuse_batchnorm(self.network)

    def forward(self, image: str, priority: int, cancelled: Cancelled) -> ForwardResult | None:
        """Return the results of a forward pass, or None once cancelled."""
        network_input = self._inputs.input(self.frame, image)
        key = self._forward_key(network_input.checksum)
        result = self._cached_forward(key)
        if result is None:
            with self._scheduler.turn(priority, cancelled) as granted:
                if not granted:
                    return None
                (result,) = forward(self.computing_network, [upload(network_input.values, self.network.device)])
            result.check(self.network.title, image)
            norms = {_layer(layer): norm for layer, norm in result.norms.items()}
            self._write(key, {"logits": result.logits, **norms})
            self._remember_forward(key, result)
        return result

    def forward_at_hand(self, image: str) -> ForwardResult | None:
        """Return the results of a forward pass if they are cached; the network does not run."""
        return self._cached_forward(self._forward_key(self._inputs.input(self.frame, image).checksum))

    def view_logits(
        self, image: str, views: Sequence[np.ndarray], priority: int, cancelled: Cancelled
    ) -> np.ndarray | None:
        """Return the logits of pictures cut as the network's input; None once cancelled.

        They are computed as ``forward`` does, and kept in memory alone: nobody sees the same strokes again tomorrow.

        Parameters
        ----------
        image : str
            Id of the image that they were made of.
        views : sequence of ndarray, (y, x, 3), uint8
            Pictures before they are normalised.
        priority : int
            Of the batches among those of all sessions.
        cancelled : callable
            Cancellation callback.

        Returns
        -------
        ndarray, (view, category), float32, or None
            In the order of ``views``.

        Raises
        ------
        NonFiniteError
            A logit is NaN or infinite.
        """
        inputs = [self.frame.normalise(view) for view in views]
        keys = [self._forward_key(checksum(values)) for values in inputs]
        logits = {key: known for key in keys if (known := self._view_logits_at_hand(key)) is not None}
        missing = {key: values for key, values in zip(keys, inputs, strict=True) if key not in logits}
        size = forward_batch_size(self.network.device)
        while missing:
            part = {key: missing.pop(key) for key in list(missing)[:size]}
            with self._scheduler.turn(priority, cancelled) as granted:
                if not granted:
                    return None
                tensors = [upload(values, self.network.device) for values in part.values()]
                results = forward(self.computing_network, tensors, norms=False)
            for key, result in zip(part, results, strict=True):
                result.check(self.network.title, image)
                logits[key] = result.logits
                self._cache.remember(f"view {key}", result.logits, n_bytes(result.logits))
        return np.stack([logits[key] for key in keys])

    def target(self, image: str, request: MapRequest, result: ForwardResult, label: int | None) -> int:
        """Return the category index that a request explains.

        Parameters
        ----------
        image : str
            Id of the image.
        request : MapRequest
            Whose target counts.
        result : ForwardResult
            Of the image.
        label : int or None
            Index of the true category; None where it is unknown.

        Returns
        -------
        int
            Index among the network's categories.

        Raises
        ------
        ValueError
            The target is not known.
        """
        return target_index(request.target, result.logits, label, image=image)

    def explained_layer(self, request: MapRequest) -> str:
        """Return the path of the layer that a request's method is computed at; "" for methods without one.

        Raises ``ValueError``, which names the network, where it has no such layer.
        """
        if request.method != GRAD_CAM:
            return ""
        name = request.cam_layer
        if name not in self._cam_paths:
            try:
                with self._scheduler.turn(INTERACTIVE, never_cancelled):
                    self._cam_paths[name] = cam_layer_path(self.computing_network, self._empty_input(), name)
            except ValueError as error:
                raise ValueError(f"{self.network.title}: {error}") from error
        return self._cam_paths[name]

    def cam_layers(self) -> tuple[str, ...]:
        """Return the paths of the layers at which Grad-CAM can be computed, in the order in which they run."""
        if self._cam_layers is None:
            with self._scheduler.turn(INTERACTIVE, never_cancelled):
                self._cam_layers = cam_layer_paths(self.computing_network, self._empty_input())
        return self._cam_layers

    def _empty_input(self) -> Tensor:
        """Return one input of zeros, (1, channel, y, x): its shape alone tells which layers there are."""
        return upload(np.zeros((1, 3, *self.frame.input_px), np.float32), self.network.device)

    def finished_map(self, image: str, request: MapRequest, target: int) -> MapState | None:
        """Return the finished map if it is cached."""
        return self._cached_map(image, request, target)

    def n_begun(self, image: str, request: MapRequest, target: int) -> int:
        """Return the number of samples that are there already, and that a run would not compute again."""
        state = self._cached_map(image, request, target)
        state = state or self._cache.recall(_begun(self._map_key(image, request, target)))
        return 0 if state is None else state.n

    def map_states(
        self, image: str, request: MapRequest, target: int, priority: int, cancelled: Cancelled
    ) -> Iterator[MapState]:
        """Yield the map after every batch of its samples.

        Parameters
        ----------
        image : str
            Id of the image.
        request : MapRequest
            Method and settings.
        target : int
            Category index that is explained.
        priority : int
            Of the batches among those of all sessions.
        cancelled : callable
            Cancellation callback.

        Yields
        ------
        MapState
            The last one is done unless cancelled.
        """
        state = self._cached_map(image, request, target)
        if state is not None:
            yield state
            return
        key, kind, spec = self._map_key(image, request, target), METHODS[request.method], spec_of(request)
        begun = self._cache.recall(_begun(key)) if kind.stochastic else None
        if begun is not None and begun.n >= spec.n_samples:
            begun = None
        values = self._inputs.input(self.frame, image).values
        method = kind(self.computing_network, spec)
        named = self._inputs.noise_image(image)
        states = map_states(method, values, image=named, target=target, resume=begun, cancelled=cancelled)
        span = self._span(image, request)
        while True:
            with self._scheduler.turn(priority, cancelled) as granted:
                state = next(states, None) if granted else None
            if state is None:
                return
            check_finite(state.mean, f"values of the {kind.title} map", self.network.title, image)
            state = self._enter(key, state, span)
            yield state
            if state.done:
                return

    def _enter(self, key: str, state: MapState, span: float) -> MapState:
        """Cache a state, and return it, with what is to be said of a finished one."""
        if state.group_sums is not None:
            self._cache.remember(_begun(key), state, _state_bytes(state))
        if not state.done:
            return state
        arrays = _with_note(state, span).to_arrays()
        finished = MapState.from_arrays(arrays)  # as it is read again, so that its error is the same to the last digit
        assert finished is not None, "what was written can be read"
        self._cache.remember(key, finished, _state_bytes(finished))
        self._write(key, {**arrays, "note_rule": np.array(NOTE_RULE)})
        return finished

    def _span(self, image: str, request: MapRequest) -> float:
        """Return what turns the unit of a request's maps into logits: the range of the network's input, or 1."""
        is_gradient = METHODS[request.method].per_input_unit()
        return float(np.ptp(self._inputs.input(self.frame, image).values)) if is_gradient else 1.0

    def _cached_map(self, image: str, request: MapRequest, target: int) -> MapState | None:
        key = self._map_key(image, request, target)
        state = self._cache.recall(key)
        if state is None:
            arrays = self._cache.read(key) or {}
            state = MapState.from_arrays(arrays)
            if state is not None and arrays.get("note_rule") != NOTE_RULE:
                note = "" if "about zero" in state.note else state.note
                state = _with_note(replace(state, note=note), self._span(image, request))
            if state is not None:
                self._cache.remember(key, state, _state_bytes(state))
        return state if state is not None and state.done and np.isfinite(state.mean).all() else None

    def _cached_forward(self, key: str) -> ForwardResult | None:
        result = self._cache.recall(key)
        if result is None:
            arrays = self._cache.read(key) or {}
            needed = {"logits": 1, **{_layer(layer): 2 for layer in self.network.layers}}
            if not all(
                name in arrays and arrays[name].ndim == dims and np.isfinite(arrays[name]).all()
                for name, dims in needed.items()
            ):
                return None
            result = ForwardResult(arrays["logits"], {layer: arrays[_layer(layer)] for layer in self.network.layers})
            self._remember_forward(key, result)
        return result

    def _view_logits_at_hand(self, key: str) -> np.ndarray | None:
        result = self._cache.recall(key)  # of the untouched photograph
        return self._cache.recall(f"view {key}") if result is None else result.logits

    def _remember_forward(self, key: str, result: ForwardResult) -> None:
        self._cache.remember(key, result, n_bytes(result.logits, *result.norms.values()))

    def _write(self, key: str, arrays: dict[str, np.ndarray]) -> None:
        about = json.dumps(circumstances(self.computing_network))
        self._cache.write(key, {**arrays, "circumstances": np.array(about)})

    def _forward_key(self, checksum: str) -> str:
        return f"forward {fingerprint(self.key, list(self.network.layers))} {checksum}"

    def _map_key(self, image: str, request: MapRequest, target: int) -> str:
        spec = settings(spec_of(request))
        n = spec.get("n_samples") if METHODS[request.method].stochastic else None
        rest = {key: value for key, value in spec.items() if key != "n_samples" or n is None}
        checksum = self._inputs.input(self.frame, image).checksum
        version = METHODS[request.method].version
        noise_image = self._inputs.noise_image(image)
        named = (request.method, rest, target, noise_image, *([version] if version > 1 else []))
        return f"map {fingerprint(self.key, checksum, *named)} n={n}"


def spec_of(request: MapRequest) -> object:
    """Return the settings of a request's method: its SmoothGrad spec, its layer, or the defaults of another method."""
    if request.method == GRAD_CAM:
        return GradCamSpec(layer=request.cam_layer)
    return request.smoothgrad if request.method == "smoothgrad" else METHODS[request.method].validate_spec()


def _begun(key: str) -> str:
    """Return where the state of any number of samples is cached, to go on from: the key without its n."""
    return "begun " + key.rsplit(" n=", 1)[0]


def _layer(name: str) -> str:
    """Return the name of a layer's array in a file, apart from the others' names."""
    return f"layer {name}"


def _with_note(state: MapState, span: float) -> MapState:
    """Return a finished state with what is to be said of a map that says little."""
    message = near_zero_message(state.mean, group_sums=state.group_sums, counts=state.group_counts, input_range=span)
    return replace(state, note=message or state.note)


def _state_bytes(state: MapState) -> int:
    return n_bytes(state.mean, state.group_sums)
