"""Hide a part of the photograph by a brush or by a map, and ask both networks again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import panel as pn
import param
import xarray as xr
from bokeh.document import Document
from numpy.typing import NDArray

from gala_viz.collections.fills import fill_photo, image_seed
from gala_viz.engine.results.perturbation import reveal_mask, reveal_order
from gala_viz.engine.results.prediction import Prediction
from gala_viz.panels.compare.brush_strokes import paint_strokes, strokes_problem
from gala_viz.panels.compare.changed_predictions import changed_predictions
from gala_viz.panels.compare.erase_reveal_section import (
    ORDERS,
    OUTER_SHEET,
    EraseRevealSection,
    EraseRevealSettings,
)
from gala_viz.panels.compare.main_row import MainRow
from gala_viz.panels.compare.map_display import MapDisplay
from gala_viz.panels.document_queue import DocumentQueue
from gala_viz.panels.html_pane import html_pane
from gala_viz.panels.html_templates import render_html
from gala_viz.panels.latest_job_worker import IsCancelled, LatestJobWorker
from gala_viz.panels.source_client import SourceClient
from gala_viz.panels.view_state import CurrentImage
from gala_viz.specs import MapRequest, Targets
from gala_viz.store.source import MapSource, MapUpdate, PerturbedResults, RevealUpdate, request_of_image

PERCENTS = range(101)
PEOPLE_MISSING = "People did not mark this photograph: choose another map, or use the brush."
OWN_MISSING = "You have painted no map of this photograph: press “Paint”, or choose another map."
MISSING = {"people": PEOPLE_MISSING, "own": OWN_MISSING}
"""Order -> why there may be no map of it."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Question:
    """What is hidden of which photograph, and whose logit is told; ``number`` is of the message that asked last."""

    image: str
    photo: NDArray[np.uint8]
    importance: NDArray | None
    percent: int
    erase: bool
    fill: str
    strokes: str
    target: Targets
    number: int
    live: bool

    def has_curve_of(self, other: _Question | None) -> bool:
        """Return whether its curve is that of another question; a map is the same where it is the same object."""
        if other is None or self.importance is not other.importance:
            return False
        names = ("image", "erase", "fill", "target")
        return all(getattr(self, name) == getattr(other, name) for name in names)


class EraseReveal:
    """The section "Erase and reveal" of one session, closed until its button is pressed.

    While it is closed nothing is computed. Open it fills and orders pixels, and asks networks once something is hidden;
    all that in threads of its own, where the newest question wins.

    Parameters
    ----------
    source : MapSource
        Answers.
    document : Document
        Of the session.
    row : MainRow
        Its photograph is changed.
    display : MapDisplay
        ``display.erase_reveal`` is whether the section is open.
    current : CurrentImage
        Image in view, and the strokes on it.
    client : SourceClient
        Its maps pause while a stroke is drawn.
    target : callable
        Returns whose logit is explained, as ``MapRequest.targets``.
    on_answer : callable
        Called when ``predictions`` returns something else than before.
    """

    def __init__(
        self,
        source: MapSource,
        document: Document,
        row: MainRow,
        display: MapDisplay,
        current: CurrentImage,
        client: SourceClient,
        target: Callable[[], Targets],
        on_answer: Callable[[], None],
    ) -> None:
        self._source, self._row, self._display, self._current = source, row, display, current
        self._client, self._target, self._on_answer = client, target, on_answer
        self.settings = EraseRevealSettings(order="people" if source.map_kinds else "first")
        self._offers_people = bool(source.map_kinds)
        self.pane = pn.Column(visible=False, sizing_mode="stretch_width", margin=0, stylesheets=[OUTER_SHEET])
        self.results: PerturbedResults | None = None
        self.curve: RevealUpdate | None = None
        self._section: EraseRevealSection | None = None
        self._photo: NDArray[np.uint8] | None = None
        self._maps: dict[str, NDArray | None] = {}  # by order, as far as they have arrived; None: there is none
        self._map_update: MapUpdate | None = None
        self._number = 0
        self._sent: tuple[Any, ...] = (None, None, None)
        self._order: tuple[NDArray | None, NDArray[np.int32] | str] = (None, "")
        self._curve_question: _Question | None = None
        self._queue = DocumentQueue(document, self._deliver)
        self._answers = LatestJobWorker("gala-viz erase and reveal", lambda error: self._queue.put("error", error))
        self._curves = LatestJobWorker("gala-viz reveal curve", lambda error: self._queue.put("error", error))
        current.param.watch(self._on_current, ["image", "strokes"])
        display.param.watch(lambda _: self._open(), "erase_reveal")
        self.settings.param.watch(lambda *_: self.refresh(), ["order", "percent", "erase", "fill"])

    @property
    def is_open(self) -> bool:
        """Whether the section is open and networks can answer."""
        return self._display.erase_reveal and not self._source.cannot_perturb

    def predictions(
        self,
        number: int,
        side: str,
        before: Prediction | None,
        target: int | None,
        *,
        named: bool,
        explained: int | None,
        own: str = "",
    ) -> str:
        """Return a network's answer beside the one before, as HTML; "" where its usual predictions stand.

        Parameters
        ----------
        number : int
            0 for the first network, 1 for the second.
        side : {"a", "b"}
            The same, for its colour.
        before : Prediction or None
            For the untouched photograph; None before it is known.
        target : int or None
            Index of the true category.
        named : bool
            Whether the network's title stands above.
        explained : int or None
            As in ``top_five_predictions``.
        own : str
            As in ``top_five_predictions``.

        Returns
        -------
        str
            HTML.
        """
        if not self.is_open or before is None:
            return ""
        answer = None if self.results is None else self.results.answers[number]
        shown = 100.0 if self.results is None else self.results.shown_percent
        network = self._source.networks[number]
        about = {"named": named, "explained": explained, "own": own}
        return changed_predictions(side, network, before, answer, target, shown, **about)

    def set_photo(self, view: NDArray[np.uint8]) -> None:
        """Take the photograph of the image in view, uint8 (y, x, 3)."""
        self._photo = view
        self.refresh()

    def set_human_map(self, human_map: xr.DataArray | None) -> None:
        """Take the human map of the image in view, None where it has none."""
        self._maps["people"] = None if human_map is None else human_map.values
        if human_map is not None and not self._offers_people:  # an upload brought the first one
            self._offers_people = True
            if self._section is not None:
                self._section.offer_orders(ORDERS)
        if self.settings.order == "people":
            self.refresh()

    def set_own_map(self, own_map: xr.DataArray | None) -> None:
        """Take the map that the visitor painted on the image in view, None where there is none."""
        self._maps["own"] = None if own_map is None else own_map.values
        if self.settings.order == "own":
            self.refresh()

    def set_maps(self, update: MapUpdate) -> None:
        """Take the maps of the image in view; they order pixels anew when they are done, and the first time."""
        if not update.done and "first" in self._maps:
            return
        self._map_update = update
        self._maps |= {"first": update.maps.values[0], "second": update.maps.values[1]}
        if self.settings.order in ("first", "second"):
            self.refresh()

    def refresh(self) -> None:
        """Ask again with everything as it is now, if the section is open."""
        if self.is_open and self._section is not None:
            self._ask(self._current.strokes, self.settings.percent, self.settings.erase, live=False)

    def close(self) -> None:
        """End the threads; no answer is delivered any more."""
        for part in (self._answers, self._curves, self._queue):
            part.close()
        self._maps = {}
        self._photo = self._map_update = self.results = self.curve = self._curve_question = None

    def _on_current(self, *events: param.parameterized.Event) -> None:
        """Begin anew with another photograph, whose strokes a link may bring with it; ask again for other strokes."""
        changed = {event.name for event in events}
        if "image" in changed:
            self._photo, self._map_update, self._maps = None, None, {}
            self._forget()
            self._answers.cancel()
            self._row.set_erased(None, None)
            if "strokes" not in changed:
                self._current.strokes = ""
        self._show_mask()
        self.refresh()

    def _forget(self) -> None:
        """Forget answers and curve, which are of another photograph."""
        self._curves.cancel()
        self.results = self.curve = self._curve_question = None
        self._sent = (None, None, None)
        if self._section is not None:
            self._section.show_curve(None, None)

    def _show_mask(self) -> None:
        if self._section is not None:
            image, strokes = self._current.image or "", self._current.strokes
            self._section.tool.mask = {"image": image, "strokes": strokes, "number": self._number}

    def _open(self) -> None:
        """Show the section, built the first time, or hide it and show the untouched photograph and its predictions."""
        is_wanted, refusal = self._display.erase_reveal, self._source.cannot_perturb
        if is_wanted and refusal:
            self.pane.objects = [html_pane(render_html("<p>{{ text }}</p>", text=refusal))]
        elif is_wanted and self._section is None:
            offers_people = self._offers_people or self.settings.order == "people"
            orders = [one for one in ORDERS if one != "people" or offers_people]
            self._section = EraseRevealSection(self._row.key, self._source.networks, self.settings, orders, self._heard)
            self._show_mask()
            self.pane.objects = [self._section.pane]
        self.pane.visible = is_wanted
        if self._section is not None:
            hidden = bool(self._current.strokes) or not self.settings.hides_nothing
            self._section.tool.param.update(shown=is_wanted, brush=is_wanted and not hidden)
        if not is_wanted:
            self._answers.cancel()
            self._curves.cancel()
            self._client.resume_maps()
            self.results = None
        self._on_answer()
        self.refresh()

    def _heard(self, message: Mapping[str, Any]) -> None:
        """Take strokes, checked; while something moves they are asked about and not yet part of the page's link."""
        number, strokes, live = message.get("number"), message.get("strokes"), bool(message.get("live"))
        if not isinstance(number, int) or not isinstance(strokes, str) or strokes_problem(strokes):
            return
        self._number = number
        assert self._section is not None, "it sent the message"
        if message.get("image") != self._current.image:
            self._show_mask()
            self._section.tool.answered = number
        elif not live:
            if strokes == self._current.strokes:
                self._show_mask()
                self.refresh()
            self._current.strokes = strokes
        else:
            percent = message.get("percent")
            if strokes != self._current.strokes:
                self._client.pause_maps()
            if not isinstance(percent, int) or percent not in PERCENTS:
                percent = self.settings.percent
            self._ask(strokes, percent, bool(message.get("erase")), live=True)

    @property
    def _importance(self) -> tuple[NDArray | None, str]:
        """The map that orders pixels, None where there is none, and a sentence on it."""
        order, update = self.settings.order, self._map_update
        if order not in self._maps:
            return None, OWN_MISSING if order == "own" else "This map is on its way."
        if order in MISSING:
            return self._maps[order], MISSING[order] if self._maps[order] is None else ""
        if update is None or update.done:
            return self._maps[order], ""
        return self._maps[order], f"The map is that of {update.n} of {update.n_samples} samples, until all are done."

    def _ask(self, strokes: str, percent: int, erase: bool, *, live: bool) -> None:
        image, photo = self._current.image, self._photo
        if image is None or photo is None:
            if self._section is not None:
                self._section.tool.answered = self._number
            return
        importance, _ = self._importance
        question = _Question(
            image=image,
            photo=photo,
            importance=importance,
            percent=percent,
            erase=erase,
            fill=self.settings.fill,
            strokes=strokes,
            target=self._target(),
            number=self._number,
            live=live,
        )
        self._answers.submit(lambda cancelled: self._answer(question, cancelled))

    def _answer(self, question: _Question, cancelled: IsCancelled) -> None:
        """Order and fill the photograph, and ask both networks where something is hidden; in the worker's thread."""
        order, problem = self._ordered(question.importance)
        image = self._source.info(question.image).photograph or question.image  # by which the networks' is filled too
        filled = fill_photo(question.photo, question.fill, image_seed(image))
        self._queue.put("inputs", (question, filled, order))
        shape = question.photo.shape[:2]
        kept = np.ones(shape, bool)
        if order is not None:
            kept = reveal_mask(order, shape, question.percent, erase=question.erase)
        kept = paint_strokes(kept, question.strokes)
        results = None
        if not kept.all():
            target = self._explained(question)
            results = self._source.perturb(question.image, kept, question.fill, target, cancelled)
            if results is None:
                return
        self._queue.put("answer", (question, results, problem))

    def _ordered(self, importance: NDArray | None) -> tuple[NDArray[np.int32] | None, str]:
        """Return the order of a map's pixels, None where it has none, and why."""
        if importance is None:
            return None, ""
        known, order = self._order
        if known is not importance:
            try:
                order = reveal_order(importance)
            except ValueError as error:
                order = str(error)
            self._order = importance, order
        return (None, order) if isinstance(order, str) else (order, "")

    def _explained(self, question: _Question) -> Targets:
        """Return whose logit is explained, of what this photograph can have; in the worker's thread."""
        return request_of_image(self._source, question.image, MapRequest.of_targets(question.target)).targets

    def _compute_curve(self, question: _Question, cancelled: IsCancelled) -> None:
        assert question.importance is not None, "a curve has an order"
        for update in self._source.reveal_curve(
            question.image,
            question.importance,
            question.fill,
            self._explained(question),
            cancelled,
            erase=question.erase,
        ):
            self._queue.put("curve", (question, update))

    def _deliver(self, key: str, value: Any) -> None:
        if self._section is None:
            return
        if key == "error":
            self._section.tool.answered = self._number
            self._client.resume_maps()
            self._section.show_text(str(value) or type(value).__name__, is_error=True)
        elif key == "curve":
            question, update = value
            if question is self._curve_question:
                self.curve = update
                self._show_curve()
        elif value[0].image == self._current.image and self.is_open:
            (self._show_inputs if key == "inputs" else self._show_answer)(*value)

    def _show_inputs(self, question: _Question, filled: NDArray[np.uint8], order: NDArray[np.int32] | None) -> None:
        """Send fill and order to the browser, where they are not those that it has."""
        assert self._section is not None, "it is open"
        image, fill, sent = self._sent
        if (image, fill) == (question.image, question.fill) and sent is order:
            return
        self._sent = question.image, question.fill, order
        shape = question.photo.shape[:2]
        rank = None
        if order is not None:
            rank = np.empty(len(order), np.int32)
            rank[order] = np.arange(len(order), dtype=np.int32)
            masks = [reveal_mask(order, shape, percent) for percent in PERCENTS]
            self._section.tool.counts = [int(mask.sum()) for mask in masks]
        self._row.set_erased(filled, None if rank is None else rank.reshape(shape))

    def _show_answer(self, question: _Question, results: PerturbedResults | None, problem: str) -> None:
        assert self._section is not None, "it is open"
        self.results = results
        self._on_answer()
        self._section.tool.answered = question.number
        sentences = [problem or self._importance[1], "" if results is None else results.note]
        self._section.show_text(" ".join(f"{one.rstrip('.')}." for one in sentences if one), is_error=bool(problem))
        if question.live:
            return
        self._client.resume_maps()
        has_order = question.importance is not None and not problem
        if has_order and not self.settings.hides_nothing and not question.has_curve_of(self._curve_question):
            self._curve_question, self.curve = question, None
            self._curves.submit(lambda cancelled: self._compute_curve(question, cancelled))
        self._show_curve()

    def _show_curve(self) -> None:
        if self._section is not None:
            by_map_alone = self.results is not None and not self._current.strokes
            self._section.show_curve(self.curve, self.results if by_map_alone else None)
