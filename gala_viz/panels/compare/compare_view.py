"""One session's comparison: choices become requests to the source, results become pictures and texts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr
from bokeh.document import Document

from gala_viz.collections.clickme.painted_map import KIND as OWN_KIND
from gala_viz.collections.human_maps.uploaded_maps import DESCRIPTION as UPLOADED_TEXT
from gala_viz.collections.human_maps.uploaded_maps import KIND as UPLOADED_KIND
from gala_viz.engine.results.prediction import Prediction
from gala_viz.panels.compare.changed_predictions import CHANGED_STYLESHEET
from gala_viz.panels.compare.controls import AttributionControls, DisplayControls
from gala_viz.panels.compare.controls_bar import ControlsBar
from gala_viz.panels.compare.erase_reveal import EraseReveal
from gala_viz.panels.compare.figure_pool import FigureSet, draw_figure_set
from gala_viz.panels.compare.main_row import PANELS
from gala_viz.panels.compare.main_row_content import human_map_title, layers_in_column, main_row_content
from gala_viz.panels.compare.map_display import MapDisplay
from gala_viz.panels.compare.network_strip import NetworkStrip
from gala_viz.panels.compare.own_map import HINT as OWN_TEXT
from gala_viz.panels.compare.own_map import OwnMap
from gala_viz.panels.compare.photograph_upload import PhotographUpload
from gala_viz.panels.compare.second_controls import SecondControls
from gala_viz.panels.figure_download import ComparisonDownloadButton
from gala_viz.panels.gallery.collection_index import CollectionIndex
from gala_viz.panels.gallery.gallery import Gallery
from gala_viz.panels.html_pane import html_pane
from gala_viz.panels.keyboard_shortcuts import COMPARE_SHORTCUTS, KeyboardShortcuts
from gala_viz.panels.markup import (
    alert,
    delta_heading,
    image_heading,
    people_heading,
    people_label,
    top_five_predictions,
)
from gala_viz.panels.network_pair import PairChooser
from gala_viz.panels.progress_view import ProgressView
from gala_viz.panels.score_view import Compared, ScoreView
from gala_viz.panels.scoring_view import ScoringView
from gala_viz.panels.source_client import CollectionScores, SourceClient
from gala_viz.panels.view_state import (
    AS_FIRST,
    ATTRIBUTION_SETTINGS,
    AttributionSettings,
    CurrentImage,
    DisplaySettings,
    GridSettings,
    ImageResults,
    map_kind_in_view,
)
from gala_viz.plots.map_labels import is_one_network, own_labels
from gala_viz.registry import unknown_name
from gala_viz.specs import MapRequest
from gala_viz.store.source import ForwardResults, ImageInfo, MapSource, MapUpdate, without_label

ASKING, ASKING_ONE = "Asking both networks…", "Asking the network for both maps…"
NO_HUMAN_MAP = "People did not mark\nthis photograph."


class CompareView:
    """All components of one session and what connects them; ``close`` ends its threads and releases everything.

    The source is asked in worker threads alone. A new image cancels the maps of the one before;
    new attribution settings request maps again; display settings never request any.

    Parameters
    ----------
    source : MapSource
        Gives everything that is shown.
    index : CollectionIndex
        Of the source's images.
    document : Document
        Of the session.
    figures : FigureSet, optional
        Figures drawn ahead; default: drawn now.
    game_url : str, optional
        Address of a game on the same collection, to which every photograph links.
    origin : dict, optional
        Fields of a ``FigureSpec`` that say how a command opens this source.
    on_choose_pair : callable, optional
        Called with the names of two networks when the visitor chooses another pair; without it there is no chooser.
    on_cancel : callable
        Called when the visitor cancels, for what the page does beside the maps.
    """

    def __init__(
        self,
        source: MapSource,
        index: CollectionIndex,
        document: Document,
        figures: FigureSet | None = None,
        *,
        game_url: str | None = None,
        origin: dict | None = None,
        on_choose_pair: Callable[[str, str], None] | None = None,
        on_cancel: Callable[[], None] = lambda: None,
    ) -> None:
        self.source, self.index, self._game, self._on_cancel = source, index, game_url, on_cancel
        self.current, self.settings, self.display_settings = (
            CurrentImage(),
            AttributionSettings.from_request(source.request),
            DisplaySettings(),
        )
        self.grid_settings = GridSettings()  # of the grid that a visitor came from, for the way back
        self.results = ImageResults()
        handlers: dict[str, Callable[[Any], None]] = {
            "info": self._on_info,
            "photo": self._on_photo,
            "human": self._on_human,
            "parts": self._on_parts,
            "forward": self._on_forward,
            "layers": self._on_layers,
            "cam_layers": self._on_cam_layers,
            "maps": self._on_maps,
            "scores": self._on_scores,
            "error": self.show_error,
            "survey": self._on_survey,
            "survey_cancelled": self._on_survey_cancelled,
            "survey_error": self._on_survey_error,
            "uploaded": self._on_uploaded,
            "refused": self._on_refused,
        }
        self.source_client = SourceClient(
            source, document, lambda key, value: handlers[key](value), self._clear_missing
        )
        networks = source.networks
        figures = figures or draw_figure_set(networks)
        self.row, self.layers = figures.row, figures.layers
        self.display = MapDisplay(
            key=figures.key,
            panels=[panel for panel in PANELS if panel != "human" or source.map_kinds],
            layer_cells=[list(cell) for cell in self.layers.cells],
            sizing_mode="stretch_width",
            margin=(2, 0, 0, 0),
        )
        self.display.on_message = self._heard
        self.heading, self.people_heading, self.delta_heading = html_pane(), html_pane(), html_pane()
        self.top_five_panes, self.alert = [html_pane(css=CHANGED_STYLESHEET) for _ in "ab"], html_pane()
        self._predictions: tuple[Sequence[Prediction | None], int | None] = ((None, None), None)
        self._told: list[str] = []
        self._missing = ""
        self._map_request: MapRequest | None = None  # what the maps in view are of
        self._target_before = "own"  # whose logit was explained before a category was chosen by a click
        self._second_target_before = AS_FIRST  # the same of the second map alone
        self._is_cancelled = False  # no more samples of them come
        self._is_new = self._has_layers = False  # whether first answers for another image have come, and its layers
        self._shows_upload = True  # whether the photograph that is being uploaded is shown
        self._photo_of: str | None = None  # image whose photograph is in the row
        self._scored_as: MapRequest | None = None  # what the scores of all images are of
        self.progress = ProgressView(self.cancel)
        self.gallery = Gallery(source, index, self.current, document)
        self.scoring = ScoringView(
            self.source_client, self.gallery, lambda: self.settings.to_request(human_map=self.current.kind)
        )
        self.gallery.on_change = lambda: self.score_view.refresh()
        self.attribution_controls = AttributionControls(
            self.settings, networks[0].categories, source.methods, self.display, self._first_choice
        )
        self.display_controls = DisplayControls(
            self.display_settings, self.current, self.display, source.map_kinds, source.outlined
        )
        self.chooser = PairChooser(source, on_choose_pair)
        self.second_controls = SecondControls(source, self.settings, self.current, self.chooser, self._second_choice)
        self.erase_reveal = EraseReveal(
            source,
            document,
            self.row,
            self.display,
            self.current,
            self.source_client,
            lambda: self.request().targets,
            self._show_predictions,
        )
        self.own_map = OwnMap(
            source,
            document,
            figures.key,
            self.display,
            self.current,
            lambda: self._map_request or self.request(),
            self._on_own_map,
        )
        self.controls = ControlsBar(self.attribution_controls, self.display_controls, self.second_controls)
        self.strip = (
            NetworkStrip(source, document, self.settings, self.current, self.chooser)
            if self.chooser.is_needed
            else None
        )
        self._predict((None, None), None)
        self.delta_heading.object = delta_heading()
        self.score_view = ScoreView(
            networks,
            bool(source.map_kinds),
            figures.scores,
            lambda: self.gallery.shown_mask,
            people_label(source.map_kinds),
            has_categories=bool(index.categories),
        )
        self.shortcuts = KeyboardShortcuts(
            keys=list(COMPARE_SHORTCUTS), on_message=lambda message: self.move(message.get("move", 0))
        )
        self.upload = PhotographUpload(on_file=self.add_upload, margin=(10, 12, 2, 12))
        self.figure_download = ComparisonDownloadButton(
            source, origin or {}, self.current, self.settings, self.show_error
        )
        self.current.param.watch(lambda _: self._ask(new_image=True), "image")
        self.current.param.watch(lambda *_: self._ask_for_human_map(), ["kind", "participant"])
        self.current.param.watch(lambda *_: self._draw(), ["layer", "second_layer"])
        self.settings.param.watch(lambda *_: self._ask(new_image=False), ATTRIBUTION_SETTINGS)

    def open(self, image: str | None = None) -> None:
        """Show ``image``, or the one with which a page begins."""
        self.current.image = image or self.first_image

    @property
    def _open_source(self) -> MapSource:
        """The source, before ``close`` lets it go."""
        assert self.source is not None, "the view is open"
        return self.source

    def request(self) -> MapRequest:
        """Return the settings in view, with the human map in view, as a request for any image."""
        return self.settings.to_request(human_map=self.current.kind, participant=self.current.participant)

    @property
    def first_image(self) -> str | None:
        """Image with which the page begins: that of the source where the gallery shows it, else its first."""
        start = self._open_source.starting_image
        return start if start is not None and self.gallery.shows(start) else self.gallery.first_image

    def move(self, by: int) -> None:
        """Go ``by`` images forward in the gallery's order; beyond either end stay."""
        self.current.image = self.gallery.image_at_offset(by) or self.current.image

    def cancel(self) -> None:
        """Stop computing maps and loading networks; what is in view stays."""
        self._on_cancel()
        self.source_client.cancel_maps()
        self._is_cancelled = True
        self.progress.show_cancelled(self.results.map_update)

    def add_upload(self, filename: str, content: bytes, show: bool = True) -> None:
        """Add an uploaded photograph, or its human map, to the gallery, and ``show`` it.

        A refusal is shown beside the button. A map that comes for the photograph in view is shown in any case.
        """
        self._shows_upload = show
        self.source_client.upload(filename, content, tuple(self.gallery.uploads))

    def show_messages(self, sentences: Sequence[str]) -> None:
        """Show ``sentences`` at the top in place of those before; that a participant is missing stays there."""
        self._told = list(sentences)
        self._show_alert()

    def _show_alert(self) -> None:
        self.alert.object = alert(" ".join(filter(None, [*self._told, self._missing])))

    def show_loading(self, text: str) -> None:
        """Say what is being loaded, in the line of the maps' progress; maps are computed no more."""
        self.source_client.cancel_maps()
        self.progress.show_text(text, 0, busy=True)

    def close(self) -> None:
        """End all threads and drop their results."""
        self.source_client.close()
        self.erase_reveal.close()
        self.own_map.close()
        if self.strip is not None:
            self.strip.close()
        self.gallery.close()
        self.results.param.update(info=None, photo=None, human_map=None, map_update=None, forward_result=None)
        self.source = None

    def _first_choice(self) -> int | None:
        """Return the first network's prediction of the image in view; None before it is known."""
        result = self.results.forward_result
        return None if result is None else result.predictions[0].first_choice

    def _second_choice(self) -> int | None:
        """Return the second network's prediction of the image in view; None before it is known."""
        result = self.results.forward_result
        return None if result is None else result.predictions[1].first_choice

    def _ask_for_human_map(self) -> None:
        """Request another human map of the current image, and the scores with it."""
        current, shown = self.current, self._map_request
        self.source_client.request_human_map(current.image, current.kind, current.participant)
        if shown is not None:
            self._map_request = replace(shown, human_map=current.kind, participant=current.participant)
        self._show_image_scores(None)  # those before are with another human map
        self._ask(new_image=False)

    def _ask(self, new_image: bool) -> None:
        """Request the maps of the current image, and show that they are on their way."""
        image = self.current.image
        if image is None:
            return
        request = self.request()
        self._is_cancelled = False
        if new_image:
            self.results.param.update(info=None, map_update=None, forward_result=None)
            self._map_request = None
        else:
            self._show_target_hint()
            self._show_asking()
        of_collection = replace(request, participant=None)
        as_before = self._score_settings(of_collection) == self._scored_as
        if not as_before:  # scores of other settings describe nothing that is in view
            self._scored_as = self._score_settings(of_collection)
            self.score_view.set_collection_scores(None)
        self.source_client.request_maps(image, request, new_image, of_collection, scores_first=not as_before)
        if not new_image:
            self.erase_reveal.refresh()  # perhaps another logit is explained
            self._show_predictions()
        self._missing = "" if new_image else self._missing
        self.show_messages([])

    def _show_image_scores(self, scores: xr.Dataset | None) -> None:
        image = self.current.image or ""
        at, upload = self.index.position.get(image), self.gallery.uploads.get(image)
        has_map = bool(self.index.has_human_map[at]) if at is not None else bool(upload and upload.has_human_map)
        self.score_view.set_image_scores(scores, has_map, is_uploaded=at is None)

    def _show_asking(self) -> None:
        asking = ASKING_ONE if is_one_network(self._open_source.networks) else ASKING
        self.progress.show_text(asking, 0, busy=True)

    def _clear_missing(self) -> None:
        """Clear what is of the image before and did not come with the first answers for the new one."""
        if not self._is_new:
            return
        self._is_new = False
        if self.results.forward_result is None:
            self._predict((None, None), None)
        if not self._has_layers:
            self.layers.hide()
        if self.results.map_update is None:
            self._show_asking()
            self._show_image_scores(None)

    def _predict(self, predictions: Sequence[Prediction | None], target: int | None) -> None:
        self._predictions = (predictions, target)
        self._show_predictions()

    def _show_predictions(self) -> None:
        """Show both networks' predictions, of the changed photograph where a part of it is hidden."""
        predictions, target = self._predictions
        named, networks = not self.chooser.is_needed, self._open_source.networks
        labels = own_labels(self._open_source, self._request_in_view) or ("", "")
        for number, (pane, side) in enumerate(zip(self.top_five_panes, "ab", strict=True)):
            before = predictions[number]
            about = {"named": named, "explained": self._explained(number), "own": labels[number]}
            changed = self.erase_reveal.predictions(number, side, before, target, **about)
            pane.object = changed or top_five_predictions(side, networks[number], before, target, **about)

    @property
    def _request_in_view(self) -> MapRequest:
        """The settings of the maps in view; before there are any, those in which this photograph can have them."""
        request, info = self._map_request or self.request(), self.results.info
        return without_label(request) if info is not None and info.target is None else request

    def _explained(self, number: int) -> int | None:
        """Return the category that is explained by choice, -1 for none; None where a click would name another one.

        A chosen category is an index among those of the first network, unless it is the second map's own.
        """
        networks = self._open_source.networks
        if self._open_source.cannot_perturb:  # a store without its networks explains what it holds
            return None
        if number and self.settings.second_target == "chosen":
            return self.settings.second_category
        if number and self.settings.second_target != AS_FIRST:
            return -1
        if number and networks[number].categories != networks[0].categories:
            return None
        return self.settings.category if self.settings.target == "chosen" else -1

    def _heard(self, message: Mapping[str, Any]) -> None:
        """Show a layer large, or explain a predicted category, or neither any more."""
        index, of_second = message.get("explain"), message.get("second") is True
        of_second = of_second and self.settings.second_target != AS_FIRST
        networks = self._open_source.networks
        if isinstance(index, int) and 0 <= index < len(networks[of_second].categories):
            if of_second:
                self._explain_second(index)
            elif self._explained(0) == index:
                self.settings.target = self._target_before
            elif self._explained(0) is not None:
                self._target_before = "own" if self.settings.target == "chosen" else self.settings.target
                self.settings.param.update(target="chosen", category=index)
        self._toggle_layer(message.get("layer"))

    def _explain_second(self, index: int) -> None:
        """Let the second map explain a category of its own, or no more the one that it explains."""
        settings = self.settings
        if self._explained(1) == index:
            settings.second_target = self._second_target_before
        elif self._explained(1) is not None:
            self._second_target_before = AS_FIRST if settings.second_target == "chosen" else settings.second_target
            settings.param.update(second_target="chosen", second_category=index)

    def _on_info(self, info: ImageInfo) -> None:
        if info.image not in self.index.position and info.image not in self.gallery.uploads:
            self.gallery.add_upload(info)  # a link to it was opened
        self._is_new, self._has_layers = True, False
        self.results.info = info
        self.heading.object = image_heading(info, self._game)
        self._show_target_hint()

    def _show_target_hint(self) -> None:
        """Say where the true category is asked for and the photograph has none that is known."""
        info = self.results.info
        for controls in (self.attribution_controls, self.second_controls):
            controls.show_target_hint(info is None or info.target is not None)

    def _on_photo(self, view) -> None:
        self._photo_of = self.current.image
        self.row.set_photo(view)
        self.results.photo = view
        self.erase_reveal.set_photo(view)
        self.own_map.show_photo()
        if self.results.map_update is None:
            self._draw()  # no photograph is ever below the maps of another

    def _on_parts(self, mask: xr.DataArray | None) -> None:
        self.row.outlines.set_parts(mask)

    def _on_human(self, answer: tuple[xr.DataArray | None, tuple[str, ...], str | None, str | None]) -> None:
        """Show the human map and its participants, or that the participant of the link has none here."""
        values, people, one, missing = answer
        self._missing = ""
        if missing is not None and values is not None:  # where there is no map, its panel says so
            sentence = unknown_name("participant of this photograph", missing, people)
            self._missing = f"{sentence} All of them together are shown."
        self._show_alert()
        self.display_controls.set_participants(people)
        self.erase_reveal.set_human_map(values)
        self.results.param.update(human_map=values, human_map_title=human_map_title(values, people, one))
        if values is not None:
            self._show_people()
        kind = self._kind
        self.score_view.set_people(people_label({kind: ""} if kind else {}))
        self._show_human_map()
        self.own_map.refresh()
        self._tell_compared()

    def _show_people(self) -> None:
        """Have a column of people, also where the collection has no human maps and an upload brings one."""
        if "human" not in self.display.panels:
            self.display.panels = list(PANELS)
            self.score_view.show_human_maps()
            self.display_controls.show_people()

    def _on_own_map(self) -> None:
        self.erase_reveal.set_own_map(self.own_map.human_map)
        if self.results.human_map is None:
            self._show_human_map()

    def _show_human_map(self) -> None:
        """Show the human map of the image in view; where people did not mark it, the visitor's own."""
        shows_own, (title, kind) = self._shows_own, self._human_map_shown
        kinds = {**self._open_source.map_kinds, UPLOADED_KIND: UPLOADED_TEXT}
        description = OWN_TEXT if shows_own else kinds.get(kind, "")
        if not shows_own and self.results.human_map is None:
            kind = description = ""  # nothing of it is shown
        self.row.set_human_map(self.own_map.human_map if shows_own else self.results.human_map, NO_HUMAN_MAP)
        self.row.set_human_unit(kind)
        self.people_heading.object = people_heading(title, kind, description)
        self.display.columns = {**self.display.columns, "human": self._human_map_column}
        self.display.titles = {**self.display.titles, "human": title}

    def _on_forward(self, forward_results: ForwardResults) -> None:
        self.results.forward_result = forward_results
        info = self.results.info
        self._predict(forward_results.predictions, None if info is None else info.target)
        if self.current.layer is not None:
            self._draw()

    def _on_layers(self, layers: tuple[np.ndarray, ForwardResults]) -> None:
        self._has_layers = True
        self.layers.show_attention_norms(*layers)

    def _on_cam_layers(self, layers: tuple[str, ...]) -> None:
        self.attribution_controls.set_cam_layers(layers)
        self.second_controls.set_cam_layers(layers)

    def _on_maps(self, answer: tuple[MapRequest, MapUpdate]) -> None:
        before = self._map_request
        self._map_request, update = answer
        self.results.map_update = update
        if before not in (None, self._map_request):  # maps of other settings stood under these words
            self._show_predictions()
        self.erase_reveal.set_maps(update)
        self.attribution_controls.show_sigma(update.sigma, noisy=update.standard_error is not None)
        self._show_image_scores(update.scores)
        self._tell_compared()
        if self.current.layer is None:
            self._draw()
        if self.strip is not None and update.done:
            self.strip.refresh()
        if update.done or self.own_map.request != self._map_request:
            self.own_map.refresh()
        self._show_progress()  # last: who reads "done" has the maps

    def _score_settings(self, request: MapRequest) -> MapRequest:
        """Return the part of a request that scores of all images depend on."""
        kind = request.human_map or next(iter(self._open_source.map_kinds), None)
        return replace(request, human_map=kind, participant=None, smoothing_px=0.0)

    def _on_scores(self, read: CollectionScores) -> None:
        """Show scores of all images, unless they are of other settings than those in view."""
        scores = read.scores
        if self._score_settings(read.request) != self._scored_as:
            return
        if scores.sizes["image"] != len(self.index):  # a source may score uploads as well
            scores = scores.reindex(image=list(self.index.images))
        self.score_view.set_collection_scores(scores)
        self.gallery.set_scores(scores)
        self.chooser.show_scores(read.choices, read.second_choices)

    def show_error(self, error: Exception) -> None:
        """Show why something failed, above the photograph; maps of another image are taken away."""
        if self._photo_of != self.current.image:
            self.row.set_photo(np.zeros((1, 1, 3), np.uint8))
            self.row.set_human_map(None, "")
            self._draw()
        self.show_messages([f"{error or type(error).__name__}"])
        self.progress.show_text("Stopped by an error.", 0, busy=False)

    def _on_survey(self, progress) -> None:
        self.scoring.show_progress(progress)

    def _on_survey_cancelled(self, _: None) -> None:
        self.scoring.show_scoring_cancelled()

    def _on_survey_error(self, error: Exception) -> None:
        self.scoring.show_scoring_error(error)

    def _on_refused(self, reason: str) -> None:
        self.upload.finish(reason)

    def _on_uploaded(self, info: ImageInfo) -> None:
        self.upload.finish(note=info.note)
        in_view = self.gallery.uploads.get(self.current.image or "")
        if info.map_filename:
            self.gallery.add_map_of_upload(info)
        else:
            self.gallery.add_upload(info)
        is_in_view = in_view is not None and in_view.photograph == info.photograph
        if self._shows_upload or (info.map_filename and is_in_view):
            strokes = self.current.strokes if is_in_view else ""
            self.current.image = info.image
            if strokes:  # the same photograph, with its map
                self.current.strokes = strokes

    def _toggle_layer(self, column: int | None) -> None:
        if column is not None:
            self.current.layer = None if self.current.layer == column else int(column)

    @property
    def _kind(self) -> str:
        """Kind of the human map in view; "" where the collection has none."""
        return map_kind_in_view(self._open_source, self.current, self.results.human_map)

    @property
    def _human_map_column(self) -> str:
        """Name of the human map in a table: whose, and of which kind."""
        return ", ".join(filter(None, self._human_map_shown))

    @property
    def _shows_own(self) -> bool:
        """Whether the column of people shows the visitor's own map."""
        return self.results.human_map is None and self.own_map.human_map is not None

    @property
    def _human_map_shown(self) -> tuple[str, str]:
        """Whose human map the column of people shows, and of which kind."""
        return (self.own_map.title, OWN_KIND) if self._shows_own else (self.results.human_map_title, self._kind)

    def _show_progress(self) -> None:
        """Show the progress of the saliency maps, and that it is theirs where attention norms stand in the main row."""
        update = self.results.map_update
        if update is not None and self._is_cancelled and not update.done:
            self.progress.show_cancelled(update)
        elif update is not None:
            self.progress.show_map_progress(update, "" if self.current.layer is None else "Saliency maps: ")

    def _tell_compared(self) -> None:
        """Say beside the scores what is compared, and with which human map."""
        column, networks = self.current.layer, self._open_source.networks
        request, second = self._request_in_view, self.current.second_layer
        self.score_view.set_compared(
            Compared(
                request=request,
                layers=None if column is None else tuple(layers_in_column(networks, column, second)),
                maps=own_labels(self._open_source, request),
                human_map=self._human_map_column,
            )
        )

    def _draw(self) -> None:
        self.layers.outline_columns(self.current.layer, self.current.second_layer)
        source = self._open_source
        content = main_row_content(
            source.networks,
            self.results.forward_result,
            self.results.map_update,
            self.current.layer,
            self.settings.normalise,
            source.methods,
            self.current.second_layer,
        )
        self._tell_compared()
        shown = self._map_request or self.settings
        signed = not content.from_zero and shown.reduction == "signed"
        self.display_controls.show_scale_hint(signed=signed, has_two_units=content.has_two_units)
        self.display.param.update(from_zero=content.from_zero, own_scales=content.has_two_units)
        self.row.set_maps(content.maps, content.errors)
        self._show_progress()
        self.row.set_units(content.units)
        self.display.param.update(
            titles={**content.titles, "photo": "Photograph", "human": self._human_map_shown[0]},
            explanations=content.explanations,
            captions=content.captions,
            columns={**content.columns, "human": self._human_map_column},
            filename="-".join(filter(None, [_file_name(self.current.image or ""), content.name])),
        )
        reliability, beyond = content.delta_reliability, content.delta_beyond
        self.delta_heading.object = delta_heading(content.titles["delta"], reliability, beyond)


def _file_name(image: str) -> str:
    return "".join(c if c.isalnum() or c in "-_." else "_" for c in image)[:80]
