"""Requests of a page to its source, in threads; results come back in the document's callbacks, outdated ones never."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import xarray as xr
from bokeh.document import Document

from gala_viz.panels.document_queue import DocumentQueue
from gala_viz.panels.latest_job_worker import IsCancelled, LatestJobWorker
from gala_viz.specs import GRAD_CAM, MapRequest
from gala_viz.store.source import MapSource, NetworkChoice, request_of_image

GATHERED_S = 0.06
"""How long the first answers for a photograph wait for its maps, so that with kept ones nothing is drawn twice."""
SCORES_INTERVAL_S = 2.0
"""Interval at which a collection's scores are read anew while it is being scored."""


@dataclass(frozen=True, slots=True, eq=False)
class CollectionScores:
    """Scores of all images with the settings of ``request``, and what they say of each network."""

    request: MapRequest
    scores: xr.Dataset
    choices: tuple[NetworkChoice, ...]
    second_choices: tuple[NetworkChoice, ...]
    """The same networks, with the scores of their maps by the second's settings."""

    def equals(self, other: CollectionScores) -> bool:
        """Return whether others are of the same settings and hold the same numbers."""
        same = self.request == other.request and self.choices == other.choices
        same = same and self.second_choices == other.second_choices
        return same and self.scores.identical(other.scores)


def read_scores(source: MapSource, request: MapRequest) -> CollectionScores:
    """Read the scores of all images; of many that takes a while, and belongs into a worker thread."""
    choices = source.choices(request.of_network(0))
    second_choices = choices if request.second is None else source.choices(request.of_network(1))
    return CollectionScores(request, source.scores(request), choices, second_choices)


@dataclass(frozen=True, slots=True)
class _Asked:
    """The image of a request for maps, and the number of the request."""

    image: str
    number: int


class SourceClient:
    """Sends one page's requests to one source, in worker threads, and delivers the results.

    ``on_answer(key, value)`` is called in a callback of the document, with the keys info, photo, human, parts, forward,
    layers, cam_layers, maps, scores, error; survey, survey_cancelled, survey_error; uploaded, refused. A new request
    for maps cancels the one before. Maps come as (request, update), scores as ``CollectionScores``. ``on_delivered()``
    is called after the answers that come together.
    """

    def __init__(
        self,
        source: MapSource,
        document: Document,
        on_answer: Callable[[str, Any], None],
        on_delivered: Callable[[], None] = lambda: None,
    ) -> None:
        self._source = source
        self._answer = on_answer
        self._queue = DocumentQueue(document, self._deliver, on_delivered)
        self._maps = LatestJobWorker("gala-viz maps", lambda error: self._queue.put("error", error))
        self._survey = LatestJobWorker("gala-viz survey", lambda error: self._queue.put("survey_error", error))
        self._uploads = LatestJobWorker("gala-viz uploads", lambda error: self._queue.put("refused", str(error)))
        self._others = LatestJobWorker("gala-viz people", lambda error: self._queue.put("error", error))
        self._asked = _Asked("", 0)
        self._unfinished: tuple[str, MapRequest, MapRequest] | None = None  # the maps that are being computed
        self._paused = False
        self._last_scores: CollectionScores | None = None
        self._since, self._told = 1, 0  # first request for this photograph; last one answered in full

    def request_maps(
        self,
        image: str,
        request: MapRequest,
        new_image: bool,
        of_collection: MapRequest | None = None,
        *,
        scores_first: bool = False,
    ) -> None:
        """Request the maps of an image.

        What is known of a new image, its photograph, human map, outlines and predictions come first, even where another
        request replaces this one before they arrived.

        Parameters
        ----------
        image : str
            Id of the image.
        request : MapRequest
            Settings of the maps, with kind and participant of the human map; see ``request_of_image`` for what this
            image cannot have.
        new_image : bool
            Whether the image has changed since the request before.
        of_collection : MapRequest, optional
            Settings of the collection's scores, which come last; default: those of the maps.
        scores_first : bool
            Whether they come before the maps too; else only those that have changed come.
        """
        of_collection = of_collection or replace(request, participant=None)
        self._unfinished, self._paused = (image, request, of_collection), False
        self._asked = request_key = _Asked(image, self._asked.number + 1)
        if new_image:
            self._since = request_key.number
        new_image = self._told < self._since

        def job(cancelled: IsCancelled) -> None:
            post, source, asked = self._poster(request_key, GATHERED_S), self._source, request
            layers = None
            if new_image:
                post("info", source.info(image))
                view = source.view(image)
                post("photo", view)
                self._post_human(post, image, asked.human_map, asked.participant)
                if source.outlined:
                    post("parts", source.outline(image))
                if cancelled():
                    return
                forward_results = source.forward(image)
                post("forward", forward_results)
                layers = (view, forward_results)
            asked = request_of_image(source, image, asked)
            if GRAD_CAM in (asked.method, asked.of_network(1).method):
                self._queue.put("cam_layers", source.cam_layers())
            if scores_first:
                self._put_scores(of_collection)
            done, post = source.cached(image, asked), self._poster(request_key)
            for update in source.maps(image, asked, cancelled) if done is None else [done]:
                post("maps", (asked, update))
                if layers is not None:  # the browser draws the maps first
                    post("layers", layers)
                    layers, self._told = None, request_key.number
            if layers is not None:
                post("layers", layers)
                self._told = request_key.number
            if not cancelled():
                self._put_scores(of_collection, only_changed=True)
                if request_key == self._asked:
                    self._unfinished = None

        self._maps.submit(job)

    def cancel_maps(self) -> None:
        """Stop computing maps; the result of a batch that is still running is dropped."""
        self._maps.cancel()
        self._asked = _Asked(self._asked.image, self._asked.number + 1)
        self._unfinished, self._paused = None, False

    def pause_maps(self) -> None:
        """Stop computing maps that are under way until ``resume_maps``; those that are there stay."""
        if self._unfinished is not None and not self._paused:
            self._maps.cancel()
            self._paused = True

    def resume_maps(self) -> None:
        """Go on computing maps that ``pause_maps`` stopped, from the samples on that are there."""
        if self._unfinished is not None and self._paused:
            image, request, of_collection = self._unfinished
            self.request_maps(image, request, False, of_collection)

    def request_human_map(self, image: str | None, kind: str | None, participant: str | None) -> None:
        """Request another human map of ``image``, the present one; None requests nothing."""
        if image is not None:
            post = self._poster(self._asked)
            self._others.submit(lambda _: self._post_human(post, image, kind, participant))

    def request_scoring(self, request: MapRequest, images: Sequence[str]) -> None:
        """Score ``images`` with ``request``."""

        def job(cancelled: IsCancelled) -> None:
            last = 0.0
            for progress in self._source.survey(request, images, cancelled):
                self._queue.put("survey", progress)
                if progress.seconds - last > SCORES_INTERVAL_S:
                    last = progress.seconds
                    self._put_scores(request)
            self._put_scores(request)
            if cancelled():
                self._queue.put("survey_cancelled", None)

        self._survey.submit(job)

    def cancel_scoring(self) -> None:
        """Stop scoring; what was scored stays in the source."""
        self._survey.cancel()

    def upload(self, filename: str, content: bytes, beside: Sequence[str]) -> None:
        """Add a file to the source, a photograph or a map of one of the uploads ``beside`` it.

        The result is what is known of the photograph, or the reason of a refusal.
        """

        def job(_: IsCancelled) -> None:
            try:
                info = self._source.info(self._source.add_upload(filename, content, beside))
            except ValueError as error:
                self._queue.put("refused", str(error))
            else:
                self._queue.put("uploaded", info)

        self._uploads.submit(job)

    def close(self) -> None:
        """End all threads; no result is delivered any more."""
        for part in (self._maps, self._survey, self._uploads, self._others, self._queue):
            part.close()

    def _put_scores(self, request: MapRequest, *, only_changed: bool = False) -> None:
        """Deliver the scores of all images; with ``only_changed`` not those that were delivered last."""
        read, last = read_scores(self._source, request), self._last_scores
        if only_changed and last is not None and last.equals(read):
            return
        self._last_scores = read
        self._queue.put("scores", read)

    def _post_human(
        self, post: Callable[[str, Any], None], image: str, kind: str | None, participant: str | None
    ) -> None:
        people = self._source.participants(image, kind) if self._source.map_kinds else ()
        one = participant if participant in people else None
        missing = participant if participant and one is None else None
        post("human", (self._source.human_map(image, kind, one), people, one, missing))

    def _poster(self, request_key: _Asked, within_s: float = 0.0) -> Callable[[str, Any], None]:
        return lambda key, value: self._queue.put(key, (request_key, value), within_s=within_s)

    def _deliver(self, key: str, value: Any) -> None:
        if isinstance(value, tuple) and value and isinstance(value[0], _Asked):
            request_key, value = value
            if request_key.image != self._asked.image or (key == "maps" and request_key.number != self._asked.number):
                return
        self._answer(key, value)
