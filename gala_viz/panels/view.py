"""One visitor's comparison: what is chosen becomes questions, what is answered becomes pictures and words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from bokeh.document import Document

from gala_viz.panels.choosing import main_row_content, people_title
from gala_viz.panels.components import COMPARE_KEYS, Display, Keys, Upload
from gala_viz.panels.controls import LookControls, MapControls
from gala_viz.panels.facts import facts
from gala_viz.panels.figure_download import FigureDownload
from gala_viz.panels.gallery import Gallery
from gala_viz.panels.index import CollectionIndex
from gala_viz.panels.markup import alert, image_heading, top_five
from gala_viz.panels.progress_view import ProgressView
from gala_viz.panels.questions import Questions
from gala_viz.panels.score_view import ScoreView
from gala_viz.panels.spares import Figures, draw_figures
from gala_viz.panels.state import SETTINGS, Answers, Looks, MapSettings, Shown
from gala_viz.panels.survey import Survey
from gala_viz.registry import unknown_name
from gala_viz.store.source import MapSource, MapUpdate, Passage, Prediction

NO_MAP, NO_MAPS = "People did not mark\nthis photograph.", "This collection\nhas no human maps."


class CompareView:
    """All parts of one session and what connects them; ``close`` ends its threads and lets go of everything.

    The source is asked only in worker threads. A new photograph cancels the maps of the one before; new settings ask
    for maps again; looks never ask.
    """

    def __init__(
        self,
        source: MapSource,
        index: CollectionIndex,
        document: Document,
        figures: Figures | None = None,
        *,
        game: str | None = None,
        origin: dict | None = None,
    ) -> None:
        self.source, self.index, self._game = source, index, game
        self.shown, self.settings, self.looks = Shown(), MapSettings.of(source.request), Looks()
        self.answers = Answers()
        self.questions = Questions(source, document, lambda key, value: getattr(self, f"_on_{key}")(value))
        networks = source.networks
        figures = figures or draw_figures(networks)
        self.row, self.layers = figures.row, figures.layers
        self.display = Display(
            key=figures.key,
            layer_cells=[list(cell) for cell in self.layers.cells],
            sizing_mode="stretch_width",
            margin=(2, 0, 0, 0),
        )
        self.display.on_message = lambda message: self._toggle_layer(message.get("layer"))
        self.heading = facts()
        self.fives, self.alert = [facts(), facts()], facts()
        self._told: list[str] = []
        self._missing = ""
        self._predict((None, None), None)
        self.progress = ProgressView(self.cancel)
        self.gallery = Gallery(source, index, self.shown, document)
        self.survey = Survey(self.questions, self.gallery, self.settings.request)
        self.map_controls = MapControls(self.settings, networks[0].categories, source.methods, self.display)
        self.look_controls = LookControls(self.looks, self.shown, self.display, source.map_kinds, source.outlined)
        self.scores = ScoreView(networks, bool(source.map_kinds), figures.scores)
        self.keys = Keys(keys=list(COMPARE_KEYS), on_message=lambda message: self.move(message.get("move", 0)))
        self.upload = Upload(on_file=self.take)
        self.figure = FigureDownload(source, origin or {}, self.shown, self.settings, self._on_error)
        self.shown.param.watch(lambda _: self._ask(new_image=True), "image")
        self.shown.param.watch(
            lambda *_: self.questions.ask_human(self.shown.image, self.shown.kind, self.shown.participant),
            ["kind", "participant"],
        )
        self.shown.param.watch(lambda _: self._draw(), "layer")
        self.settings.param.watch(lambda *_: self._ask(new_image=False), SETTINGS)

    def open(self, image: str | None = None) -> None:
        """Show ``image``, or the gallery's first."""
        self.shown.image = image or self.gallery.first

    def move(self, by: int) -> None:
        """Go ``by`` images on in the gallery's order."""
        self.shown.image = self.gallery.step(by) or self.shown.image

    def cancel(self) -> None:
        """Stop computing; what is there stays."""
        self.questions.cancel_maps()
        self.progress.show_cancelled(self.answers.update)

    def take(self, filename: str, content: bytes) -> None:
        """Add an uploaded photograph and show it; a refusal is told beside the button."""
        self.questions.offer_upload(filename, content)

    def tell(self, sentences: Sequence[str]) -> None:
        """Say at the top what went wrong, in place of what was said before; a participant who is missing stays told."""
        self._told = list(sentences)
        self._show_alert()

    def _show_alert(self) -> None:
        self.alert.object = alert(" ".join(filter(None, [*self._told, self._missing])))

    def close(self) -> None:
        """End all threads and drop what they brought."""
        self.questions.close()
        self.gallery.close()
        self.answers.param.update(photo=None, human=None, update=None, passage=None)
        self.source = None

    def _ask(self, new_image: bool) -> None:
        image = self.shown.image
        if image is None:
            return
        info = self.source.info(image)
        if new_image:
            self.answers.param.update(update=None, passage=None)
            self._forget(info.has_human_map)
        request = self.settings.request(has_label=info.target is not None)
        self.map_controls.show_label(info.target is not None)
        self.progress.say("Asking both networks…", 0, busy=True)
        self.questions.ask_maps(image, request, self.shown.kind, self.shown.participant, new_image)
        if new_image:  # while the thread is at work already
            self.heading.object = image_heading(info, self._game)
            self.display.filename = "".join(c if c.isalnum() or c in "-_." else "_" for c in image)[:80]
        self._missing = "" if new_image else self._missing
        self.tell([])

    def _forget(self, has_map: bool) -> None:
        """Take away what was said of the photograph before; its own answers are on their way."""
        self._predict((None, None), None)
        self.layers.hide()
        self.scores.set_image(None, has_map)

    def _predict(self, predictions: Sequence[Prediction | None], target: int | None) -> None:
        for pane, side, network, prediction in zip(self.fives, "ab", self.source.networks, predictions, strict=True):
            pane.object = top_five(side, network, prediction, target)

    def _on_photo(self, view) -> None:
        self.row.set_photo(view)
        self.answers.photo = view
        if self.answers.update is None:
            self._draw()  # no photograph ever stands under the maps of another

    def _on_parts(self, mask: xr.DataArray | None) -> None:
        self.row.outlines.set_parts(mask)

    def _on_human(self, answer: tuple[xr.DataArray | None, tuple[str, ...], str | None, str | None]) -> None:
        values, people, one, missing = answer
        self._missing = ""
        if missing is not None and values is not None:  # without a map its own place says so
            told = unknown_name("participant of this photograph", missing, people)
            self._missing = f"{told} All of them together are shown."
        self._show_alert()
        self.look_controls.set_participants(people)
        self.row.set_human(values, NO_MAP if self.source.map_kinds else NO_MAPS)
        self.answers.param.update(human=values, people=people_title(values, people, one))
        self.display.titles = {**self.display.titles, "human": self.answers.people}
        self.scores.set_participant(one)

    def _on_passage(self, passage: Passage) -> None:
        self.answers.passage = passage
        self._predict(passage.predictions, self.source.info(self.shown.image).target)
        if self.shown.layer is not None:
            self._draw()

    def _on_layers(self, layers: tuple[np.ndarray, Passage]) -> None:
        self.layers.set_passage(*layers)

    def _on_maps(self, update: MapUpdate) -> None:
        self.answers.update = update
        self.map_controls.show_sigma(update.sigma, noisy=update.standard_error is not None)
        self.scores.set_image(update.scores, self.source.info(self.shown.image).has_human_map)
        if self.shown.layer is None:
            self._draw()
        self.progress.show_update(update)  # last: who reads "done" has the maps

    def _on_scores(self, scores: xr.Dataset) -> None:
        self.scores.set_collection(scores)
        self.gallery.set_scores(scores)

    def _on_error(self, error: Exception) -> None:
        self.tell([f"{error or type(error).__name__}"])
        self.progress.say("Stopped by an error.", 0, busy=False)

    def _on_survey(self, progress) -> None:
        self.survey.show_progress(progress)

    def _on_survey_cancelled(self, _: None) -> None:
        self.survey.cancelled()

    def _on_survey_error(self, error: Exception) -> None:
        self.survey.failed(error)

    def _on_refused(self, reason: str) -> None:
        self.upload.answer(reason)

    def _on_uploaded(self, image: str) -> None:
        self.upload.answer()
        self.gallery.add_upload(image)
        self.shown.image = image

    def _toggle_layer(self, column: int | None) -> None:
        if column is not None:
            self.shown.layer = None if self.shown.layer == column else int(column)

    def _draw(self) -> None:
        self.layers.mark(self.shown.layer)
        content = main_row_content(self.source.networks, self.answers.passage, self.answers.update, self.shown.layer)
        self.row.set_maps(content.maps)
        self.row.set_units(content.unit, content.delta_unit)
        self.display.titles = {**content.titles, "photo": "Photograph", "human": self.answers.people}
