"""One visitor's comparison: reacts to what is chosen, asks the source in a thread, and passes the answers on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import xarray as xr
from bokeh.document import Document

from gala_viz.panels.background import Cancelled, Mailbox, Worker
from gala_viz.panels.components import Display, Keys, Upload
from gala_viz.panels.controls import LookControls, MapControls
from gala_viz.panels.gallery import Gallery
from gala_viz.panels.index import CollectionIndex
from gala_viz.panels.layer_view import LayerView
from gala_viz.panels.main_row import MainRow
from gala_viz.panels.markup import alert, facts, image_heading, top_five
from gala_viz.panels.progress_view import ProgressView
from gala_viz.panels.score_view import NO_MAP, ScoreView
from gala_viz.panels.state import SETTINGS, Looks, MapSettings, Shown
from gala_viz.plots.frame import INPUT_UNIT
from gala_viz.plots.layers import ATTENTION_UNIT, attention_delta
from gala_viz.specs import MapRequest
from gala_viz.store.source import MapSource, MapUpdate, Passage

DELTA_UNIT = "difference of normalised maps"


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a job in the thread was asked for; answers to an older question are dropped."""

    image: str
    number: int


class CompareView:
    """All parts of one session and what connects them; ``close`` ends its threads and lets go of everything.

    The source is asked only in worker threads. A new photograph cancels the maps of the one before; new settings ask
    for maps again; looks never ask.
    """

    def __init__(self, source: MapSource, index: CollectionIndex, document: Document | None) -> None:
        self.source, self.index = source, index
        self.shown, self.settings, self.looks = Shown(), MapSettings(), Looks()
        self._mail = Mailbox(document, self._deliver)
        self._maps = Worker("gala-viz maps", lambda error: self._mail.post("error", error))
        self._survey = Worker("gala-viz survey", lambda error: self._mail.post("survey error", error))
        self._asked = _Asked("", 0)
        self._update: MapUpdate | None = None
        self._passage: Passage | None = None
        networks = source.networks
        key = uuid4().hex[:8]
        size = networks[0].input_px
        self.row = MainRow(key, size)
        self.layers = LayerView(key, networks, size, self.row.sources["photo"])
        self.display = Display(
            key=key,
            layer_cells=[list(cell) for cell in self.layers.cells],
            sizing_mode="stretch_width",
            margin=(2, 0, 0, 0),
        )
        self.display.on_message = lambda message: self._toggle_layer(message.get("layer"))
        self.heading = facts()
        self.fives = [facts(top_five(side, net, None, None)) for side, net in zip("ab", networks, strict=True)]
        self.alert = facts()
        self.progress = ProgressView(self.cancel)
        self.survey = ProgressView(self._survey.cancel)
        self.gallery = Gallery(source, index, self.shown, document)
        self.map_controls = MapControls(self.settings, networks[0].categories, source.methods, self.display)
        self.look_controls = LookControls(self.looks, self.shown, self.display, source.map_kinds)
        self.scores = ScoreView(networks, bool(source.map_kinds))
        self.keys = Keys(on_message=lambda message: self.move(message.get("move", 0)))
        self.upload = Upload(on_file=self.take)
        self.shown.param.watch(lambda _: self._ask(new_image=True), "image")
        self.shown.param.watch(lambda _: self._ask_human(), ["kind", "participant"])
        self.shown.param.watch(lambda _: self._draw(), "layer")
        self.settings.param.watch(lambda _: self._ask(new_image=False), SETTINGS)

    # ---- what visitors do

    def open(self, image: str | None = None) -> None:
        """Show ``image``, or the collection's first."""
        self.shown.image = image or (self.source.images[0] if self.source.images else None)

    def move(self, by: int) -> None:
        """Go ``by`` images on in the gallery's order."""
        image = self.gallery.step(by)
        if image is not None:
            self.shown.image = image
            self.gallery.reveal(image)

    def cancel(self) -> None:
        """Stop computing; what is there stays."""
        self._maps.cancel()
        update = self._update
        text = f"Cancelled at n = {update.n} of {update.n_samples}; what is there stays." if update else "Cancelled."
        self.progress.say(text, update.n / update.n_samples if update else 0, busy=False)

    def score_collection(self) -> None:
        """Score every image of the collection with the present settings, in a thread of its own."""
        request = self.settings.request()

        def job(cancelled: Cancelled) -> None:
            last = -1.0
            for progress in self.source.survey(request, self.source.images, cancelled):
                self._mail.post("survey", progress)
                if progress.seconds - last > 2:
                    last = progress.seconds
                    self._mail.post("scores", self.source.scores(request))
            self._mail.post("scores", self.source.scores(request))
            if cancelled():
                self._mail.post("survey cancelled", None)

        self.survey.say("Scoring the collection…", 0, busy=True)
        self._survey.submit(job)

    def take(self, filename: str, content: bytes) -> None:
        """Add an uploaded photograph and show it; a refusal is told beside the button."""

        def job(cancelled: Cancelled) -> None:
            try:
                image = self.source.add_upload(filename, content)
            except ValueError as error:
                self._mail.post("refused", str(error))
            else:
                self._mail.post("uploaded", image)

        self._survey.submit(job)

    def close(self) -> None:
        """End all threads and drop what they brought."""
        for part in (self._maps, self._survey, self.gallery, self._mail):
            part.close()
        self._update = self._passage = None
        self.source = None

    # ---- questions

    def _ask(self, new_image: bool) -> None:
        image = self.shown.image
        if image is None:
            return
        self._asked = asked = _Asked(image, self._asked.number + 1)
        info = self.source.info(image)
        request = self.settings.request(has_label=info.target is not None)
        kind, participant = self.shown.kind, self.shown.participant
        if new_image:
            self._update = self._passage = None
            self.heading.object = image_heading(info)
            self.display.filename = "".join(c if c.isalnum() or c in "-_." else "_" for c in image)[:80]
        self.alert.object = ""
        self.progress.say("Asking both networks…", 0, busy=True)
        self._maps.submit(lambda cancelled: self._answer(asked, request, kind, participant, new_image, cancelled))

    def _answer(
        self,
        asked: _Asked,
        request: MapRequest,
        kind: str | None,
        participant: str | None,
        new_image: bool,
        cancelled: Cancelled,
    ) -> None:
        post = self._poster(asked)
        source = self.source
        if new_image:
            post("photo", source.view(asked.image))
            self._post_human(post, asked.image, kind, participant)
            if cancelled():
                return
            post("passage", source.passage(asked.image))
        done = source.cached(asked.image, request)
        if done is not None:
            post("maps", done)
        else:
            for update in source.maps(asked.image, request, cancelled):
                post("maps", update)
        if not cancelled():
            post("scores", source.scores(request))

    def _ask_human(self) -> None:
        image, kind, participant = self.shown.image, self.shown.kind, self.shown.participant
        if image is not None:
            post = self._poster(self._asked)
            self._survey.submit(lambda cancelled: self._post_human(post, image, kind, participant))

    def _post_human(self, post, image: str, kind: str | None, participant: str | None) -> None:
        people = self.source.participants(image, kind) if self.source.map_kinds else ()
        if participant not in people:
            participant = None
        post("human", (self.source.human_map(image, kind, participant), people))

    def _poster(self, asked: _Asked):
        def post(key: str, value: Any) -> None:
            self._mail.post(key, (asked, value))

        return post

    # ---- answers, in the document's turn

    def _deliver(self, key: str, value: Any) -> None:
        if isinstance(value, tuple) and value and isinstance(value[0], _Asked):
            asked, value = value
            if asked.image != self._asked.image or (key == "maps" and asked.number != self._asked.number):
                return
        getattr(self, f"_on_{key.replace(' ', '_')}")(value)

    def _on_photo(self, view) -> None:
        self.row.set_photo(view)
        if self._update is None:
            self._draw()  # no photograph ever stands under the maps of another

    def _on_human(self, answer: tuple[xr.DataArray | None, tuple[str, ...]]) -> None:
        values, people = answer
        self.look_controls.set_participants(people)
        self.row.set_human(values, NO_MAP if self.source.map_kinds else "This collection has no human maps.")

    def _on_passage(self, passage: Passage) -> None:
        self._passage = passage
        target = self.source.info(self._asked.image).target
        for pane, side, network, prediction in zip(
            self.fives, "ab", self.source.networks, passage.predictions, strict=True
        ):
            pane.object = top_five(side, network, prediction, target)
        self.layers.set_passage(passage)
        if self.shown.layer is not None or self._update is None:
            self._draw()

    def _on_maps(self, update: MapUpdate) -> None:
        self._update = update
        self.progress.show_update(update)
        self.map_controls.show_sigma(update.sigma, noisy=update.standard_error is not None)
        has_map = self.source.info(self._asked.image).has_human_map
        self.scores.set_image(update.scores, has_map)
        if self.shown.layer is None:
            self._draw()

    def _on_scores(self, scores: xr.Dataset) -> None:
        self.scores.set_collection(scores)
        self.gallery.set_scores(scores)

    def _on_error(self, error: Exception) -> None:
        self.alert.object = alert(f"{error or type(error).__name__}")
        self.progress.say("Stopped by an error.", 0, busy=False)

    def _on_survey(self, progress) -> None:
        self.survey.show_progress(progress)

    def _on_survey_cancelled(self, _: None) -> None:
        self.survey.say("Cancelled; what was scored stays.", 0, busy=False)

    def _on_survey_error(self, error: Exception) -> None:
        self.survey.say("", 0, busy=False)
        self.alert.object = alert(f"{error or type(error).__name__}")

    def _on_refused(self, reason: str) -> None:
        self.upload.answer(reason)

    def _on_uploaded(self, image: str) -> None:
        self.upload.answer()
        self.gallery.add_upload(image)
        self.shown.image = image

    # ---- the main row

    def _toggle_layer(self, column: int | None) -> None:
        if column is not None:
            self.shown.layer = None if self.shown.layer == column else int(column)

    def _draw(self) -> None:
        networks, column = self.source.networks, self.shown.layer
        self.layers.mark(column)
        titles = {"photo": "Photograph", "human": "People"}
        if column is not None and self._passage is not None:
            names = [network.layers[min(column, len(network.layers) - 1)] for network in networks]
            pair = [norms[name] for norms, name in zip(self._passage.attention_norms, names, strict=True)]
            self.row.set_maps({"a": pair[0], "b": pair[1], "delta": attention_delta(*pair)})
            self.row.set_units(ATTENTION_UNIT, "difference of norms, each by its maximum")
            titles |= {
                "a": f"{networks[0].title}, {names[0]}",
                "b": f"{networks[1].title}, {names[1]}",
                "delta": "Delta of attention",
            }
        else:
            update = self._update
            maps = [None, None] if update is None else [update.maps[0], update.maps[1]]
            self.row.set_maps({"a": maps[0], "b": maps[1], "delta": None if update is None else update.delta})
            unit = INPUT_UNIT if update is None else update.maps.attrs.get("units", INPUT_UNIT)
            self.row.set_units(unit, DELTA_UNIT)
            targets = ["", ""] if update is None else [self._target(k, t) for k, t in enumerate(update.targets)]
            titles |= {
                "a": networks[0].title + targets[0],
                "b": networks[1].title + targets[1],
                "delta": "Delta: second minus first",
            }
        self.display.titles = titles

    def _target(self, network: int, target: int) -> str:
        categories = self.source.networks[network].categories
        return f": {categories[target]}" if target < len(categories) else ""
