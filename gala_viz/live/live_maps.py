"""LiveMaps: a MapSource that computes when asked and keeps what it has computed."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import xarray as xr

from gala_viz.attribution.finite import NonFiniteError
from gala_viz.attribution.methods import METHODS
from gala_viz.attribution.network_identity import network_identity
from gala_viz.attribution.packing import never_cancelled
from gala_viz.attribution.targets import target_index
from gala_viz.collections.collection import Collection
from gala_viz.collections.photo_files import UnreadableImageError
from gala_viz.engine.results.human_maps import HumanMaps, framed_human_map, framed_outline
from gala_viz.live.descriptions import image_info, labels_of, network_info
from gala_viz.live.kept import Results, n_bytes
from gala_viz.live.learnt import Learnt
from gala_viz.live.looking import Look, Looking
from gala_viz.live.pair import Pair
from gala_viz.live.scores import Scores
from gala_viz.live.survey import passed_over
from gala_viz.live.turns import LOOKING, SURVEY, TURNS, Turns
from gala_viz.live.updates import Clock, Told, map_update
from gala_viz.live.uploads import Uploads
from gala_viz.networks.fuse_batchnorm import fuse_batchnorm
from gala_viz.networks.network import Network, shared_noise_fraction
from gala_viz.specs import MapRequest, SmoothGradSpec, fingerprint, settings
from gala_viz.store.source import Cancelled, ImageInfo, Labels, MapUpdate, Passage, Progress


def request_version_1(networks: Sequence[Network]) -> MapRequest:
    """What pages of these networks began with in version 0.1; never changed, since links of then leave it out."""
    return MapRequest(
        method="smoothgrad",
        smoothgrad=SmoothGradSpec(n_samples=50, noise_fraction=shared_noise_fraction(networks), seed=0),
        target="own",
        reduction="absolute",
        smoothing_px=0.0,
        normalise="percentile",
    )


class LiveMaps:
    """Images of ``collection`` as a pair of ``networks`` sees them; see ``gala_viz.store.source.MapSource``.

    Results lie in bounded memory that all sources of a process share and in ``cache_folder`` (default: the user's cache
    of gala_viz, or GALA_VIZ_CACHE), named by weights, behaviour, pixels, settings and versions of the code, so that
    nothing is ever stale. ``identities`` tell whose results they are. Chunks of several sessions take turns; somebody
    who looks goes before a survey. All methods may be called from any thread.
    """

    def __init__(
        self,
        collection: Collection,
        networks: Sequence[Network],
        cache_folder: Path | None = None,
        *,
        turns: Turns = TURNS,
    ) -> None:
        if len(networks) != 2:
            raise ValueError(f"two networks are compared; got {len(networks)}.")
        self.identities = tuple(map(network_identity, networks))
        behaviours = [one.behaviour for one in self.identities]
        networks = tuple(fuse_batchnorm(network) for network in networks)
        self._collection, self._networks, self._uploads = collection, networks, Uploads()
        self._results, self._turns = Results(cache_folder), turns
        self._not_finite: dict[str, str] = {}
        self._looking = Looking(collection, self._uploads, networks, behaviours, self._results, turns)
        self._pair = Pair(networks, self._looking.fingerprints, self._results, turns)
        frames = {network.preprocessing: HumanMaps(collection, network.preprocessing) for network in networks}
        human = [frames[network.preprocessing] for network in networks]
        self._scores = Scores(collection, networks, self._looking.name, human, self._results)
        self._learnt = Learnt(collection, networks)
        self.name, self.title, self.outlined = collection.name, collection.title, collection.outlined
        self.images, self.map_kinds = tuple(collection.images), dict(collection.map_kinds)
        self.networks = tuple(network_info(network) for network in networks)
        self.methods = {name: method.title for name, method in METHODS.items()}
        self.request = MapRequest(smoothgrad=SmoothGradSpec(noise_fraction=shared_noise_fraction(networks)))
        self.request_version_1 = request_version_1(networks)

    @property
    def skipped(self) -> tuple[tuple[str, str], ...]:
        """Files that could not be shown, and images for which a network's numbers are not finite, with the reason."""
        return (*self._collection.skipped, *self._not_finite.items())

    def info(self, image: str) -> ImageInfo:
        """Category and the like, without reading pixels."""
        look = self._looking.recalled(image)
        size = look.photo_px if look is not None else None
        if image in self._uploads:
            learnt, by = self._learnt.of_content(self._uploads.content(image))
            name = self._uploads.filename(image)
            return ImageInfo(image=image, size_px=size, filename=name, learnt=learnt, learnt_by=by)
        return image_info(self._collection, image, self._looking.labels(image)[0], size, self._learnt.of(image))

    def labels(self) -> Labels:
        """Categories and the like of all images."""
        return replace(labels_of(self._collection, self.images), learnt=self._learnt.of_all())

    def thumbnail(self, image: str) -> bytes:
        """A WebP picture, at most 128 px at its longer side."""
        return (self._uploads if image in self._uploads else self._collection).thumbnail(image, 128)

    def view(self, image: str) -> np.ndarray:
        """The photograph in the first network's frame, uint8 (y, x, 3)."""
        return self._looking.look(image).view

    def human_map(self, image: str, kind: str | None = None, participant: str | None = None) -> xr.DataArray | None:
        """The human map (y, x) in the frame; None where there is none."""
        if image in self._uploads:
            return None
        version = self._collection.map_version(image)
        key = ("human", self._looking.name, image, version, kind, participant)
        kept = self._results.recall(key)
        if kept is None:
            kept = framed_human_map(self._collection, self._networks[0].preprocessing, image, kind, participant)
            if kept is not None:
                self._results.remember(key, kept, n_bytes(kept.values))
        return kept

    def participants(self, image: str, kind: str | None = None) -> tuple[str, ...]:
        """Ids of those who marked or looked at the image."""
        return () if image in self._uploads else self._collection.participants(image, kind)

    def outline(self, image: str) -> xr.DataArray | None:
        """Where the diagnostic parts are (y, x) in the frame; None where that is not known."""
        if image in self._uploads:
            return None
        return framed_outline(self._collection, self._networks[0].preprocessing, image)

    def passage(self, image: str) -> Passage:
        """Predictions and attention norms of both networks; kept."""
        return self._looking.passage(image, LOOKING, never_cancelled)

    def cached(self, image: str, request: MapRequest) -> MapUpdate | None:
        """The finished maps if they are at hand; no network runs for it."""
        kept = self._results.recall(self._update_key(image, request))
        if kept is not None:
            return kept
        logits = self._looking.logits_at_hand(image)
        if logits is None:
            return None
        look, targets = self._looking.look(image), self._targets(image, request, logits)
        states = self._pair.finished(image, look, request, targets)
        if states is None:
            return None
        return self._update(image, look, request, states, Clock(0.0, states[0].n_samples))

    def maps(self, image: str, request: MapRequest, cancelled: Cancelled) -> Iterator[MapUpdate]:
        """Yield the maps of both networks as they sharpen; stop within one batch once ``cancelled()``."""
        yield from self._maps(image, request, cancelled, LOOKING)

    def scores(self, request: MapRequest) -> xr.Dataset:
        """What is known of all images; see ``MapSource.scores``."""
        return self._scores.dataset(request)

    def survey(self, request: MapRequest | None, images: tuple[str, ...], cancelled: Cancelled) -> Iterator[Progress]:
        """Fill ``scores`` for ``images``; images that are known already, or cannot be read, pass at once."""
        table = self._scores.maps(request) if request is not None else None
        try:
            yield from passed_over(images, lambda image: self._survey_one(image, request, table, cancelled), cancelled)
        finally:
            self._scores.save()

    def add_upload(self, filename: str, content: bytes) -> str:
        """Check and add a photograph for this process; return its image id, or raise ``ValueError``."""
        return self._uploads.add(filename, content)

    def _survey_one(self, image: str, request: MapRequest | None, table: object, cancelled: Cancelled) -> bool:
        """Whether anything had to be computed."""
        computed = False
        try:
            if not self._scores.passages.known(image):
                passage = self._looking.passage(image, SURVEY, cancelled)
                results = self._looking.results(image, SURVEY, cancelled)
                with self._turns.taken(SURVEY, cancelled) as granted:
                    if granted and passage is not None and results is not None:
                        self._scores.enter_passage(image, passage, results)
                computed = True
            if request is not None and not table.known(image):
                for _update in self._maps(image, request, cancelled, SURVEY):
                    computed = True
        except UnreadableImageError:
            pass  # the collection has listed it among the skipped
        except NonFiniteError as error:
            self._not_finite[image] = str(error)
        except ValueError:
            if request is None or request.target != "label":
                raise  # only a missing true category is a reason to go on to the next image
        return computed

    def _maps(self, image: str, request: MapRequest, cancelled: Cancelled, priority: int) -> Iterator[MapUpdate]:
        kept = self._results.recall(self._update_key(image, request))
        if kept is not None:
            self._scores.enter_maps(image, request, kept)
            yield kept
            return
        begun = time.monotonic()
        look, logits = self._looking.look(image), self._looking.logits(image, priority, cancelled)
        if logits is None:
            return
        targets = self._targets(image, request, logits)
        before = self._pair.n_begun(image, look, request, targets)
        told = Told(partly=priority != SURVEY)
        for states in self._pair.states(image, look, request, targets, priority, cancelled):
            if told.enough(min(state.n for state in states), all(state.done for state in states)):
                yield self._update(image, look, request, states, Clock(time.monotonic() - begun, before))

    def _update(self, image: str, look: Look, request: MapRequest, states: Sequence, clock: Clock) -> MapUpdate:
        uploaded, done = image in self._uploads, all(state.done for state in states)
        passage = self._looking.passage(image, LOOKING, never_cancelled)
        correct = [one.correct for one in passage.predictions]
        scores = self._scores.unknown(correct) if uploaded else self._scores.of_maps(image, states, request, correct)
        update = map_update(states, request, self._networks, look.photo_px, image, scores, clock)
        if done:
            if not uploaded and not self._scores.passages.known(image):
                results = self._looking.results(image, LOOKING, never_cancelled)
                if results is not None:
                    self._scores.enter_passage(image, passage, results)
            self._scores.enter_maps(image, request, update)
            arrays = (update.maps, update.standard_error, update.delta, update.delta_error)
            weight = 50_000 + n_bytes(*(one.values for one in arrays if one is not None))
            self._results.remember(self._update_key(image, request), update, weight)
        return update

    def _targets(self, image: str, request: MapRequest, logits: Sequence[np.ndarray]) -> list[int]:
        labels = self._looking.labels(image)
        return [
            target_index(request.target, values, label, image=image)
            for values, label in zip(logits, labels, strict=True)
        ]

    def _update_key(self, image: str, request: MapRequest) -> tuple[str | int, ...]:
        version = 0 if image in self._uploads else self._collection.map_version(image)
        return ("update", self._looking.name, image, version, fingerprint(settings(request)))
