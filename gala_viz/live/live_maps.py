"""LiveMaps: a MapSource that computes when asked and caches what it has computed."""

from __future__ import annotations

import time
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import xarray as xr

from gala_viz.attribution.finite import NonFiniteError
from gala_viz.attribution.map_state import MapState
from gala_viz.attribution.methods import METHODS
from gala_viz.attribution.network_identity import NetworkIdentity
from gala_viz.attribution.packing import never_cancelled
from gala_viz.cache import ArrayCache, BoundedCache, cache_folder, n_bytes
from gala_viz.collections.collection import Collection
from gala_viz.collections.fills import FILLS
from gala_viz.collections.photo_files import UnreadableImageError
from gala_viz.engine.forward import forward_batch_size
from gala_viz.engine.results.forward_result import ForwardResult
from gala_viz.engine.results.human_maps import HumanMaps, framed_human_map, framed_outline
from gala_viz.engine.results.painted_results import PaintedResults
from gala_viz.engine.results.painted_scores import score_painted_map
from gala_viz.engine.results.perturbation import (
    REVEAL_PERCENTS,
    check_mask,
    check_percents,
    explained_values,
    label_reveal_curve,
    reveal_mask,
    reveal_order,
    shown_percent,
)
from gala_viz.engine.results.prediction import prediction_of
from gala_viz.engine.results.reduction import reduce_channels
from gala_viz.engine.results.scores import COMPARISON_GRID, has_order
from gala_viz.engine.reveal_curve import beyond_frame_text, perturbed_view
from gala_viz.imagenet import label_index
from gala_viz.live.compute_scheduler import INTERACTIVE, SCHEDULER, SURVEY, ComputeScheduler
from gala_viz.live.descriptions import image_info, labels_of
from gala_viz.live.imported_results import ImportedResults
from gala_viz.live.network_inputs import NetworkInputs
from gala_viz.live.network_pool import NETWORK_BYTES, LazyNetwork, NetworkPool
from gala_viz.live.network_results import NetworkResults
from gala_viz.live.pair_update import RunTime, UpdateThrottle, check_units, pair_update
from gala_viz.live.run_survey import run_survey
from gala_viz.live.scores import Scores, frame_of, scores_with, unknown_scores
from gala_viz.live.shipped_scores import image_at_median_gain, starting_smoothing
from gala_viz.live.training_use import TrainingUse
from gala_viz.live.uploads import Uploads
from gala_viz.networks.frames import resample_to_frame
from gala_viz.networks.imported_maps import MissingMapError
from gala_viz.networks.layer_labels import layer_units
from gala_viz.networks.maps_network import no_answers_text
from gala_viz.networks.network import Network, shared_noise_fraction
from gala_viz.schema import labelled_map
from gala_viz.specs import LAST_LAYER, MapRequest, SmoothGradSpec, Targets, fingerprint, settings
from gala_viz.store.source import (
    Cancelled,
    ForwardResults,
    ImageInfo,
    Labels,
    MapUpdate,
    NetworkChoice,
    PerturbedAnswer,
    PerturbedResults,
    PhotoCut,
    Progress,
    RevealUpdate,
    network_choice,
)

MEMORY = BoundedCache(384 * 2**20)
"""Maps, forward passes and inputs of all sessions of this process."""
FILE_BYTES = 2 * 2**30
"""The most that results take on disk."""


def request_version_1(networks: Sequence[Network]) -> MapRequest:
    """Return what pages of these networks began with in version 0.1.

    It is never changed, since links of then leave it out.
    """
    return MapRequest(
        method="smoothgrad",
        smoothgrad=SmoothGradSpec(n_samples=50, noise_fraction=shared_noise_fraction(networks), seed=0),
        target="own",
        reduction="absolute",
        smoothing_px=0.0,
        normalise="percentile",
    )


def _results_type(network: Network) -> type[NetworkResults]:
    return NetworkResults if network.maps is None else ImportedResults


class _UpdateKey(NamedTuple):
    """Where an update is cached; ``version`` is that of the image's human map."""

    kind: str
    pair: str
    image: str
    version: int
    request: str


class LiveMaps:
    """Images of a collection as an ordered pair of networks sees them; see ``gala_viz.store.source.MapSource``.

    Results lie in bounded memory that all sources of a process share and in a folder, named by weights, behaviour,
    pixels, settings and version of the measurement, so that nothing is ever stale. Batches of several sessions take
    turns; interactive computations go before surveys. All methods may be called from any thread.

    Parameters
    ----------
    collection : Collection
        Its images.
    networks : sequence of Network or LazyNetwork
        At least two, of different names; the first two are the pair. ``pair`` gives any other.
    folder : Path, optional
        Of cached results; default: the user's cache of gala_viz, or GALA_VIZ_CACHE.
    scheduler : ComputeScheduler
        Who computes next.
    network_bytes : int
        Bytes of weights, at most, that are kept of networks that no page shows.

    Raises
    ------
    ValueError
        There are fewer than two networks, or two of one name.
    """

    def __init__(
        self,
        collection: Collection,
        networks: Sequence[Network | LazyNetwork],
        folder: Path | None = None,
        *,
        scheduler: ComputeScheduler = SCHEDULER,
        network_bytes: int = NETWORK_BYTES,
    ) -> None:
        if len(networks) < 2:
            raise ValueError(f"at least two networks are compared; got {len(networks)}.")
        cache = ArrayCache((folder or cache_folder()) / "maps", max_bytes=FILE_BYTES, memory=MEMORY)
        self._collection, self._uploads, self._cache, self._scheduler = collection, Uploads(), cache, scheduler
        self._inputs, self._scores = NetworkInputs(collection, self._uploads, cache), Scores(collection, cache)
        self._pool = NetworkPool(
            networks, lambda network: _results_type(network)(network, self._inputs, cache, scheduler), network_bytes
        )
        self._not_finite: dict[str, str] = {}
        self._show(networks[0].name, networks[1].name)

    def pair(self, first: str, second: str) -> LiveMaps:
        """Return a source of another pair of the networks, which are loaded if need be; all else is shared."""
        source = object.__new__(LiveMaps)
        vars(source).update(vars(self))
        source._show(first, second)
        return source

    def choices(self, request: MapRequest) -> tuple[NetworkChoice, ...]:
        """Return all networks, those that are loaded with their scores so far."""
        loaded, shown = self._pool.loaded(), {results.network.name for results in self._pair}
        choices = []
        for name, title in self._pool.titles.items():
            correct, rho = None, None
            if name in loaded:
                frame = frame_of(self._pair) if name in shown else None
                correct = self._scores.forward_table(loaded[name], frame).columns()["correct"]
                rho = self._scores.map_table(loaded[name], request.of_network(0), frame).columns()["rho"]
            choices.append(network_choice(name, title, correct, rho, self._pool.opened_as[name]))
        return tuple(choices)

    def _show(self, first: str, second: str) -> None:
        """Make this the source of one pair."""
        collection = self._collection
        self._pair = tuple(self._pool.results(name) for name in (first, second))
        networks = self._networks = tuple(results.network for results in self._pair)
        self._frame = self._pair[0].frame
        self._name_of_pair = ""
        imported = [network.title for network in networks if network.maps is not None]
        self.cannot_perturb = no_answers_text(imported[0]) if imported else ""
        self._training_use = TrainingUse(collection, networks)
        self.name, self.title, self.outlined = collection.name, collection.title, collection.outlined
        self.images, self.map_kinds = tuple(collection.images), dict(collection.map_kinds)
        self.networks = tuple(results.info for results in self._pair)
        self.methods = {name: method.title for name, method in METHODS.items()}
        self.precisions = tuple(results.precision for results in self._pair)
        request = MapRequest(smoothgrad=SmoothGradSpec(noise_fraction=shared_noise_fraction(networks)))
        smoothing = starting_smoothing(self._scores.shipped(self._pair[1], request), first)
        self.request = replace(request, smoothing_px=smoothing)
        self.starting_image = image_at_median_gain(self._scores.shipped_rho(self._pair, request), self.images)
        self.request_version_1 = request_version_1(networks)

    @property
    def identities(self) -> tuple[NetworkIdentity, ...]:
        """What tells whether results are of the networks."""
        return tuple(results.identity for results in self._pair)

    @property
    def _name(self) -> str:
        """Name of what determines all results of the pair, made when it is first needed."""
        if not self._name_of_pair:
            collection, keys = self._collection, [results.key for results in self._pair]
            labels = [[list(network.categories), list(network.layers)] for network in self._networks]
            self._name_of_pair = fingerprint("pair", collection.name, collection.fingerprint, keys, labels)
        return self._name_of_pair

    @property
    def uploads(self) -> Container[str]:
        """Ids of uploaded photographs that are kept."""
        return self._uploads

    @property
    def titles(self) -> Mapping[str, str]:
        """Name -> title of all networks."""
        return self._pool.titles

    @property
    def origin(self) -> Mapping[str, str]:
        """By what the collection is opened again; empty where it is not known."""
        return self._collection.origin

    @property
    def skipped(self) -> tuple[tuple[str, str], ...]:
        """Files that could not be shown, and images for which a network's numbers are not finite, with the reason."""
        return (*self._collection.skipped, *self._not_finite.items())

    def info(self, image: str) -> ImageInfo:
        """Return what is known of an image without reading pixels."""
        size = self._inputs.known_size_px(image)
        if image in self._uploads:
            upload = self._uploads.upload(image)
            learnt, by = self._training_use.of_content(upload.content)
            return ImageInfo(
                image=image,
                has_human_map=bool(upload.map_filename),
                size_px=size,
                learnt=learnt,
                learnt_by=by,
                filename=upload.filename,
                map_filename=upload.map_filename,
                photograph=upload.photograph,
                note=upload.note,
            )
        return image_info(self._collection, image, self._label(image, 0), size, self._training_use.of(image))

    def labels(self) -> Labels:
        """Return what is known of all images without reading pixels."""
        return replace(labels_of(self._collection, self.images), learnt=self._training_use.of_all())

    def thumbnail(self, image: str) -> bytes:
        """Return a thumbnail, WebP, at most 128 px at its longer side."""
        return (self._uploads if image in self._uploads else self._collection).thumbnail(image, 128)

    def view(self, image: str) -> np.ndarray:
        """Return the photograph in the first network's frame, uint8 (y, x, 3)."""
        return self._inputs.view(self._frame, image)

    def human_map(self, image: str, kind: str | None = None, participant: str | None = None) -> xr.DataArray | None:
        """Return the human map (y, x) in the frame; None where there is none."""
        if image in self._uploads:
            return framed_human_map(self._uploads, self._frame, image)
        collection, version = self._collection, self._collection.map_version(image)
        frame = fingerprint(self._frame.settings())
        key = ("human", collection.name, collection.fingerprint, frame, image, version, kind, participant)
        human_map = self._cache.recall(key)
        if human_map is None:
            human_map = framed_human_map(collection, self._frame, image, kind, participant)
            if human_map is not None:
                self._cache.remember(key, human_map, n_bytes(human_map.values))
        return human_map

    def photo_cut(self, image: str) -> PhotoCut:
        """Return the frame in the photograph's pixels."""
        size_px = self._inputs.input(self._frame, image).photo_px
        return PhotoCut(self._frame.frame(*size_px), size_px)

    def painted_results(self, image: str, points_px: np.ndarray, request: MapRequest) -> PaintedResults:
        """Return a painted map and its scores with the maps that are finished, and with people's."""
        photo_px, frame = self._inputs.input(self._frame, image).photo_px, frame_of(self._pair)
        states = self._finished(image, request) if has_order(request.reduction) else None
        maps = [None, None] if states is None else [reduce_channels(one.mean, request.reduction) for one in states]
        human = (
            HumanMaps(self._uploads, frame)
            if image in self._uploads
            else self._scores.human_maps(frame, request.human_map, request.participant)
        )
        people = human.on_grid(image, COMPARISON_GRID)
        own = [results.frame for results in self._pair]
        of_networks = list(zip(maps, own, strict=True))
        return score_painted_map(points_px, photo_px, self._frame, frame, of_networks, people, COMPARISON_GRID)

    def participants(self, image: str, kind: str | None = None) -> tuple[str, ...]:
        """Return the ids of the participants whose human maps of the image are known one by one."""
        return () if image in self._uploads else self._collection.participants(image, kind)

    def outline(self, image: str) -> xr.DataArray | None:
        """Return where the diagnostic parts are (y, x) in the frame; None where that is not known."""
        return None if image in self._uploads else framed_outline(self._collection, self._frame, image)

    def forward(self, image: str) -> ForwardResults:
        """Return predictions and attention norms of both networks; they are cached."""
        results = self._forward(image, INTERACTIVE, never_cancelled)
        assert results is not None, "nothing cancels it"
        return self._labelled_forward(image, results)

    def perturb(
        self, image: str, mask: np.ndarray, fill: str, target: Targets, cancelled: Cancelled
    ) -> PerturbedResults | None:
        """Return how both networks answer when a part of the photograph is hidden; None once ``cancelled()``.

        Parameters
        ----------
        image, mask, fill, target, cancelled
            As in ``MapSource.perturb``.

        Returns
        -------
        PerturbedResults or None
            In the frame of the first network.
        """
        self._check_perturbs()
        kept, request = check_mask(mask, self._frame.input_px), MapRequest.of_targets(target)
        filled = self._inputs.filled(self._frame, image, fill)
        whole = self._forward(image, INTERACTIVE, cancelled)
        if whole is None:
            return None
        views, answers = [], []
        for number, (results, explained) in enumerate(
            zip(self._pair, self._targets(image, request, whole), strict=True)
        ):
            views.append(self._perturbed_view(results, image, kept, filled))
            logits = results.view_logits(image, views[-1:], INTERACTIVE, cancelled)
            if logits is None:
                return None
            categories = results.network.categories
            before, after = (explained_values(one, explained) for one in (whole[number].logits, logits[0]))
            answers.append(
                PerturbedAnswer(
                    prediction=prediction_of(logits[0], categories, self._label(image, number)),
                    target=explained,
                    category=str(categories[explained]),
                    logit_whole=float(before[0]),
                    probability_whole=float(before[1]),
                    logit=float(after[0]),
                    probability=float(after[1]),
                )
            )
        return PerturbedResults(
            view=views[0], shown_percent=shown_percent(kept), answers=tuple(answers), note=self._beyond_frame(image)
        )

    def reveal_curve(
        self,
        image: str,
        importance: np.ndarray | xr.DataArray,
        fill: str,
        target: Targets,
        cancelled: Cancelled,
        *,
        percents: Sequence[float] = REVEAL_PERCENTS,
        erase: bool = False,
    ) -> Iterator[RevealUpdate]:
        """Yield the explained logits over what is revealed or erased; stop within one batch once ``cancelled()``.

        Parameters
        ----------
        image, importance, fill, target, cancelled, percents, erase
            As in ``MapSource.reveal_curve``.

        Yields
        ------
        RevealUpdate
            Point by point on a CPU, a batch at a time on an accelerator.
        """
        self._check_perturbs()
        percents, request = check_percents(percents), MapRequest.of_targets(target)
        if np.shape(importance) != self._frame.input_px:
            (rows, columns), shape = self._frame.input_px, np.shape(importance)
            raise ValueError(f"a map of {rows} x {columns} pixels, as drawn, was expected; got shape {shape}.")
        order, told = reveal_order(importance), " and ".join(map(str, target)) if isinstance(target, tuple) else target
        filled = self._inputs.filled(self._frame, image, fill)
        begun = time.monotonic()
        whole = self._forward(image, INTERACTIVE, cancelled)
        if whole is None:
            return
        targets = self._targets(image, request, whole)
        before = np.stack([explained_values(one.logits, index) for one, index in zip(whole, targets, strict=True)])
        values = np.full((len(self._pair), len(percents), 2), np.nan)
        masks = [reveal_mask(order, self._frame.input_px, percent, erase=erase) for percent in percents]
        step = max(forward_batch_size(network.device) for network in self._networks)
        for start in range(0, len(masks), step):
            part = [mask.astype(np.float32) for mask in masks[start : start + step]]
            for number, results in enumerate(self._pair):
                views = [self._perturbed_view(results, image, mask, filled) for mask in part]
                logits = results.view_logits(image, views, INTERACTIVE, cancelled)
                if logits is None:
                    return
                values[number, start : start + step] = explained_values(logits, targets[number])
            done, seconds = start + len(part), time.monotonic() - begun
            curve = label_reveal_curve(
                values.copy(),
                before,
                targets=targets,
                percents=percents,
                erase=erase,
                shown=[shown_percent(mask) for mask in masks],
                leading={"network": [network.name for network in self._networks]},
                attrs={"fill": fill, "fill_description": FILLS[fill].description, "target": told, "image": image},
            )
            progress = Progress(
                done=done, total=len(masks), seconds=seconds, eta_s=seconds / done * (len(masks) - done)
            )
            yield RevealUpdate(curve=curve, progress=progress, note=self._beyond_frame(image))

    def cached(self, image: str, request: MapRequest) -> MapUpdate | None:
        """Return the finished maps if they are at hand; no network runs."""
        update = self._cache.recall(self._update_key(image, request))
        if update is not None:
            return update
        forward, states = self._forward_at_hand(image), self._finished(image, request)
        if forward is None or states is None:
            return None
        return self._update(image, request, forward, states, RunTime(0.0, tuple(one.n_samples for one in states)))

    def maps(
        self, image: str, request: MapRequest, cancelled: Cancelled, *, background: bool = False
    ) -> Iterator[MapUpdate]:
        """Yield the maps of both networks as they sharpen; stop within one batch once ``cancelled()``.

        Parameters
        ----------
        image, request, cancelled, background
            As in ``MapSource.maps``.

        Yields
        ------
        MapUpdate
            The last one is done unless cancelled.
        """
        yield from self._maps(image, request, cancelled, SURVEY if background else INTERACTIVE)

    def cam_layers(self) -> tuple[str, ...]:
        """Return the layers of Grad-CAM that both networks have, "last" first."""
        first, second = (results.cam_layers() for results in self._pair)
        return (LAST_LAYER, *(layer for layer in first if layer in second))

    def scores(self, request: MapRequest) -> xr.Dataset:
        """Return the scores of all images that are known so far; see ``MapSource.scores``."""
        return self._scores.dataset(self._pair, request)

    def survey(self, request: MapRequest | None, images: tuple[str, ...], cancelled: Cancelled) -> Iterator[Progress]:
        """Fill ``scores`` for ``images``; images that are known already, or cannot be read, pass at once."""
        if request is not None:
            self._layers(request)
        try:
            yield from run_survey(images, lambda image: self._survey_one(image, request, cancelled), cancelled)
        finally:
            self._scores.save()

    def add_upload(self, filename: str, content: bytes, beside: Sequence[str] = ()) -> str:
        """Check and add a photograph, or a human map of one; see ``MapSource.add_upload``."""
        return self._uploads.add(filename, content, beside)

    def _check_perturbs(self) -> None:
        if self.cannot_perturb:
            raise ValueError(self.cannot_perturb)

    def _perturbed_view(self, results: NetworkResults, image: str, mask: np.ndarray, filled: np.ndarray) -> np.ndarray:
        """Return what one network sees of the photograph where ``mask`` (y, x), in the frame, does not keep it."""
        photo_px = self._inputs.input(self._frame, image).photo_px
        view = self._inputs.view(results.frame, image)
        return perturbed_view(view, results.frame, mask, filled, self._frame, photo_px)

    def _beyond_frame(self, image: str) -> str:
        """Return a sentence where the second network sees more of the photograph than is shown."""
        photo_px = self._inputs.input(self._frame, image).photo_px
        return beyond_frame_text(self._networks[1].title, self._pair[1].frame, self._frame, photo_px)

    def _survey_one(self, image: str, request: MapRequest | None, cancelled: Cancelled) -> bool:
        """Score one image, and return whether anything had to be computed."""
        computed = False
        try:
            frame, kind = frame_of(self._pair), None if request is None else request.human_map
            if not all(self._scores.is_forward_known(image, results, frame, kind) for results in self._pair):
                forward = self._forward(image, SURVEY, cancelled)
                with self._scheduler.turn(SURVEY, cancelled) as granted:
                    if granted and forward is not None:
                        self._enter_forward(image, forward, kind)
                computed = True
            if request is not None and not self._scores.are_known(image, self._pair, request):
                for _update in self._maps(image, request, cancelled, SURVEY):
                    computed = True
        except UnreadableImageError:
            pass  # the collection has listed it among the skipped
        except (NonFiniteError, MissingMapError) as error:
            self._not_finite[image] = str(error)
        except ValueError:
            if request is None or "label" not in {request.of_network(number).target for number in range(2)}:
                raise  # only a missing true category is a reason to go on to the next image
        return computed

    def _maps(self, image: str, request: MapRequest, cancelled: Cancelled, priority: int) -> Iterator[MapUpdate]:
        key = self._update_key(image, request)
        update = self._cache.recall(key)
        if update is not None:
            self._scores.enter_maps(image, self._pair, request, update, key.version)
            yield update
            return
        begun = time.monotonic()
        self._layers(request)
        forward = self._forward(image, priority, cancelled)
        if forward is None:
            return
        targets = self._targets(image, request, forward)
        n_before = tuple(
            results.n_begun(image, request.of_network(number), target)
            for number, (results, target) in enumerate(zip(self._pair, targets, strict=True))
        )
        throttle = UpdateThrottle(partial=priority != SURVEY)
        for states in self._states(image, request, targets, priority, cancelled):
            done = all(state.done for state in states)
            if throttle.is_due(min(state.n for state in states if done or not state.done), done):
                yield self._update(image, request, forward, states, RunTime(time.monotonic() - begun, n_before))

    def _states(
        self, image: str, request: MapRequest, targets: Sequence[int], priority: int, cancelled: Cancelled
    ) -> Iterator[list[MapState]]:
        """Yield both states after each has advanced by a batch, until both are done or ``cancelled()``."""
        requests = [request.of_network(number) for number in range(len(self._pair))]
        both = list(zip(self._pair, requests, targets, strict=True))
        distinct = both[:1] if both[0] == both[1] else both
        running = [
            results.map_states(image, of_one, target, priority, cancelled) for results, of_one, target in distinct
        ]
        states: list[MapState] = []
        while not states or not all(state.done for state in states):
            for number, run in enumerate(running):
                if number < len(states) and states[number].done:
                    continue
                state = next(run, None)
                if state is None:
                    return
                states[number : number + 1] = [state]
            yield states * (2 // len(states))

    def _forward_at_hand(self, image: str) -> list[ForwardResult] | None:
        """Return both cached forward passes; None where one would have to be computed."""
        forward = [results.forward_at_hand(image) for results in self._pair]
        known = [result for result in forward if result is not None]
        return known if len(known) == len(forward) else None

    def _finished(self, image: str, request: MapRequest) -> list[MapState] | None:
        """Return both finished maps if they are cached; no network runs."""
        forward = self._forward_at_hand(image)
        if forward is None:
            return None
        targets = self._targets(image, request, forward)
        states = [
            results.finished_map(image, request.of_network(number), target)
            for number, (results, target) in enumerate(zip(self._pair, targets, strict=True))
        ]
        known = [state for state in states if state is not None]
        return known if len(known) == len(states) else None

    def _forward(self, image: str, priority: int, cancelled: Cancelled) -> list[ForwardResult] | None:
        forward = []
        for results in self._pair:
            result = results.forward(image, priority, cancelled)
            if result is None:
                return None
            forward.append(result)
        return forward

    def _labelled_forward(self, image: str, forward: Sequence[ForwardResult]) -> ForwardResults:
        """Return predictions and attention norms with labels, in the frame of the first network."""
        key = ("forward", self._name, image)
        labelled = self._cache.recall(key)
        if labelled is not None:
            return labelled
        photo_px, frame = self._inputs.input(self._frame, image).photo_px, self._frame
        predictions, norms = [], []
        for number, (network, result) in enumerate(zip(self._networks, forward, strict=True)):
            predictions.append(prediction_of(result.logits, network.categories, self._label(image, number)))
            norms.append(
                {
                    layer: labelled_map(
                        resample_to_frame(values, network.preprocessing, frame, photo_px, values.shape),
                        name="attention_norm",
                        extent_px=frame.input_px,
                        attrs={"units": layer_units(layer), "layer": layer, "network": network.name},
                    )
                    for layer, values in result.norms.items()
                }
            )
        labelled = ForwardResults(predictions=tuple(predictions), attention_norms=tuple(norms))
        weight = 20_000 + sum(norm.nbytes + 5000 for of_one in norms for norm in of_one.values())
        self._cache.remember(key, labelled, weight)
        return labelled

    def _update(
        self,
        image: str,
        request: MapRequest,
        forward: Sequence[ForwardResult],
        states: Sequence[MapState],
        run_time: RunTime,
    ) -> MapUpdate:
        """Return an update with its scores; those of finished maps are entered in the tables."""
        key = self._update_key(image, request)  # the human map may change while scores are computed
        uploaded, done = image in self._uploads, all(state.done for state in states)
        correct = [one.correct for one in self._labelled_forward(image, forward).predictions]

        def scores(drawn: Sequence[np.ndarray]) -> xr.Dataset:
            if not uploaded:
                return self._scores.of_maps(image, self._pair, states, drawn, forward, request, correct)
            if self._uploads.has_human_map(image):
                human = HumanMaps(self._uploads, frame_of(self._pair))
                return scores_with(human, image, self._pair, states, drawn, forward, request, correct)
            return unknown_scores(self._pair, correct)

        photo_px = self._inputs.input(self._frame, image).photo_px
        layers = self._layers(request)
        update = pair_update(states, request, self._networks, photo_px, image, scores, run_time, layers)
        if done:
            if not uploaded:
                self._enter_forward(image, forward, request.human_map)
            self._scores.enter_maps(image, self._pair, request, update, key.version)
            arrays = (update.maps, update.standard_error, update.delta, update.delta_error)
            weight = 50_000 + n_bytes(*(one.values for one in arrays if one is not None))
            self._cache.remember(key, update, weight)
        return update

    def _enter_forward(self, image: str, forward: Sequence[ForwardResult], kind: str | None) -> None:
        """Enter the scores of forward passes, as far as they are not known yet."""
        predictions, frame = self._labelled_forward(image, forward).predictions, frame_of(self._pair)
        for results, result, prediction in zip(self._pair, forward, predictions, strict=True):
            if not self._scores.is_forward_known(image, results, frame, kind):
                self._scores.enter_forward(image, results, result, prediction.correct, frame, kind)

    def _label(self, image: str, number: int) -> int | None:
        """Return the true category's index for one of the two networks, None where it is not known."""
        if image in self._uploads:
            return None
        category, index = self._collection.category(image), self._collection.target(image)
        return label_index(self._networks[number].categories, category, index)

    def _targets(self, image: str, request: MapRequest, forward: Sequence[ForwardResult]) -> list[int]:
        return [
            results.target(image, request.of_network(number), result, self._label(image, number))
            for number, (results, result) in enumerate(zip(self._pair, forward, strict=True))
        ]

    def _layers(self, request: MapRequest) -> list[str]:
        """Return the layer of each network at which maps are computed.

        Raises ``ValueError`` where one does not have it, and where two methods have no difference.
        """
        check_units(request, self._networks)
        return [results.explained_layer(request.of_network(number)) for number, results in enumerate(self._pair)]

    def _update_key(self, image: str, request: MapRequest) -> _UpdateKey:
        version = 0 if image in self._uploads else self._collection.map_version(image)
        return _UpdateKey("update", self._name, image, version, fingerprint(settings(request)))
