"""Paint your own: a visitor's map of the photograph in view, its scores, and the maps that are kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeGuard

import numpy as np
import panel as pn
import xarray as xr
from bokeh.document import Document

from gala_viz.engine.results.painted_results import PaintedResults
from gala_viz.panels.compare.map_display import MapDisplay
from gala_viz.panels.compare.own_map_tool import OwnMapTool
from gala_viz.panels.document_queue import DocumentQueue
from gala_viz.panels.latest_job_worker import IsCancelled, LatestJobWorker
from gala_viz.panels.markup import people_label
from gala_viz.panels.view_state import CurrentImage
from gala_viz.plots.map_labels import distinct_titles
from gala_viz.records.canvas import CANVAS_PX, Box, canvas_to_photo, photo_to_canvas
from gala_viz.records.painted_maps import (
    MAX_NAME_LENGTH,
    MAX_POINTS,
    PaintedMap,
    PaintedMaps,
    clean_name,
    click_table,
)
from gala_viz.specs import MapRequest
from gala_viz.store.source import MapSource, NetworkInfo, request_of_image
from gala_viz.wire import encode_map

UPLOADED = "Maps are kept on photographs of the collection; this one was uploaded. Save the map as CSV."
NOT_KEPT = "This page keeps no notes, so that maps are kept in this tab alone: save yours as CSV."
HINT = (
    "Made like a map of the game, by one person who sees the other maps: an example, no data. It belongs to this tab "
    "and is never among the people of the collection."
)
_SHEET = """
:host { max-height: none !important; border-top: 1px solid var(--gv-line, #8884); padding-top: 6px; }
"""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Painting:
    """What was painted on which photograph; ``number`` is of the message that told it.

    ``by`` is whose kept map it is, "" for the visitor's own.
    """

    image: str
    strokes: tuple[tuple[tuple[float, float], ...], ...]
    number: int
    by: str = ""

    @property
    def points(self) -> np.ndarray:
        """All points in canvas pixels, (point, 2)."""
        return np.array([point for stroke in self.strokes for point in stroke], dtype=float).reshape(-1, 2)


class OwnMap:
    """The section "Paint your own" of one session, closed until its button is pressed.

    Maps and scores are asked for in a thread of its own, where the newest painting wins; records are used in another.

    Parameters
    ----------
    source : MapSource
        Answers.
    document : Document
        Of the session.
    key : str
        Prefix of the names of the figures' models.
    display : MapDisplay
        ``display.own_map`` is whether the section is open.
    current : CurrentImage
        Image in view.
    request : callable
        Returns the settings of the maps in view.
    on_map : callable
        Called whenever ``human_map`` changes.
    """

    def __init__(
        self,
        source: MapSource,
        document: Document,
        key: str,
        display: MapDisplay,
        current: CurrentImage,
        request: Callable[[], MapRequest],
        on_map: Callable[[], None],
    ) -> None:
        self._source, self._display, self._current = source, display, current
        self._request, self._on_map = request, on_map
        self.results: PaintedResults | None = None
        self.request: MapRequest | None = None
        """Settings that the scores of ``results`` are of."""
        self._painting: _Painting | None = None
        self._number = 0  # of the last message
        self._maps: PaintedMaps | None = None
        self._read_only_reason = ""
        self._kept: list[PaintedMap] = []
        self._count = 0
        self.tool = OwnMapTool(
            key=key, on_message=self._heard, why_not=NOT_KEPT, hint=HINT, sizing_mode="stretch_width", margin=0
        )
        self.pane = pn.Column(visible=False, sizing_mode="stretch_width", margin=0, stylesheets=[_SHEET])
        handlers: dict[str, Callable[[Any], None]] = {
            "painted": self._on_painted,
            "error": self._on_error,
            "kept": self._on_kept,
            "strokes": self._on_strokes,
            "table": self._on_table,
            "said": self._on_said,
            "failed": self._on_failed,
        }
        self._queue = DocumentQueue(document, lambda name, value: handlers[name.split()[0]](value))
        self._answers = LatestJobWorker("gala-viz own map", lambda error: self._queue.put("error", error))
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="gala-viz painted maps")
        current.param.watch(lambda _: self._begin(), "image")
        display.param.watch(lambda _: self._open(), "own_map")

    @property
    def human_map(self) -> xr.DataArray | None:
        """The painted map of the image in view (y, x) in the frame, None where there is none."""
        return None if self.results is None else self.results.human_map

    @property
    def title(self) -> str:
        """Whose map it is, with n."""
        return f"{(self._painting and self._painting.by) or 'You'}, n = 1"

    def attach_records(self, maps: PaintedMaps, read_only_reason: str) -> None:
        """Keep maps on request, unless ``maps`` are read-only for the reason given."""
        self._maps, self._read_only_reason = maps, read_only_reason
        self._offer_to_keep()
        self._read_kept()

    def show_photo(self) -> None:
        """Let the photograph in view be painted on, which has come."""
        self.tool.photo = self._current.image or ""

    def refresh(self) -> None:
        """Form the scores anew, for example because the networks' maps are finished."""
        if self._painting is not None and self._display.own_map:
            self._ask(self._painting)

    def close(self) -> None:
        """End the threads; what was sent to be kept is still written."""
        self._answers.close()
        self._queue.close()
        self._thread.shutdown(wait=False)
        self._painting = self.results = None

    def _open(self) -> None:
        """Show the section, or hide it; a painted map stays."""
        wanted = self._display.own_map
        if wanted and not self.pane.objects:
            self.tool.image = self._current.image or ""
            self.pane.objects = [self.tool]
        self.pane.visible = self.tool.shown = wanted
        if wanted:
            self._read_kept()
            self.refresh()

    def _begin(self) -> None:
        """Begin with another photograph; its browser tells what was painted on it before."""
        self._answers.cancel()
        self._painting, self._kept = None, []
        self.tool.param.update(image=self._current.image or "", photo="", map="", kept=[], answered=self._number)
        self._offer_to_keep()
        self._show(None, None)
        self._read_kept()

    def _offer_to_keep(self) -> None:
        """Say whether the map of the photograph in view can be kept, and if not, why."""
        if self._maps is None:
            why = NOT_KEPT
        elif self._current.image is not None and self._current.image not in self._source.images:
            why = UPLOADED
        else:
            why = self._read_only_reason if self._maps.read_only else ""
        self.tool.param.update(can_keep=not why, why_not=why)

    def _heard(self, message: Mapping[str, Any]) -> None:
        """Take strokes, checked, or a wish about maps that are kept."""
        if "strokes" in message:
            painting, number = _painting(message), message.get("number")
            self._number = number if _is_number(number) else self._number
            if painting is None:
                self.tool.answered = self._number
                return
            if painting.image != self._current.image:
                self.tool.answered = painting.number
                return
            self._painting = painting
            self._ask(painting)
            return
        wishes = {"keep": self._keep, "show": self._show_kept, "drop": self._drop, "export": self._export}
        for name, act in wishes.items():
            if isinstance(message.get(name), str):
                act(message[name])

    def _ask(self, painting: _Painting) -> None:
        request = self._request()

        def answer(cancelled: IsCancelled) -> None:
            points = _on_photo(painting.points, self._source.photo_cut(painting.image).box)
            asked = request_of_image(self._source, painting.image, request)
            results = self._source.painted_results(painting.image, points, asked)
            if not cancelled():
                self._queue.put("painted", (painting, asked, results))

        self._answers.submit(answer)

    def _on_painted(self, answer: tuple[_Painting, MapRequest, PaintedResults]) -> None:
        painting, request, results = answer
        if painting.image == self._current.image:
            self._show(results, request)
        self.tool.answered = painting.number

    def _show(self, results: PaintedResults | None, request: MapRequest | None) -> None:
        """Show a painted map with its scores, which are of a request's maps; None: there is none."""
        self.results, self.request = results, request
        human_map = self.human_map
        encoded = None if human_map is None else encode_map(np.nan_to_num(human_map.values))
        people = "" if request is None else _people_text(self._source, request, self._current.image or "", results)
        rows = score_rows(self._source.networks, results, people)
        self.tool.param.update(
            map=encoded or "", map_image=self._current.image or "", map_title=self.title, scores=rows
        )
        self._on_map()

    def _on_error(self, error: Exception) -> None:
        self._say(str(error) or type(error).__name__, wrong=True)
        if self._painting is not None:
            self.tool.answered = self._painting.number

    # ---- maps that are kept

    def _keep(self, name: str) -> None:
        name = clean_name(name)
        painting, maps = self._painting, self._maps
        if painting is None or maps is None or not self.tool.can_keep:
            return
        if painting.by:
            self._say(f"This is the map by {painting.by}, which is kept already: paint your own first.", wrong=True)
            return

        def save() -> str:
            maps.save(self._painted_map(painting, name))
            return f"Kept as the map of {name}."

        self._submit("said", save)

    def _painted_map(self, painting: _Painting, name: str) -> PaintedMap:
        """Return a painting as it is kept; in a worker's thread."""
        cut = self._source.photo_cut(painting.image)
        points = tuple((round(x, 2), round(y, 2)) for x, y in _on_photo(painting.points, cut.box).tolist())
        return PaintedMap(image=painting.image, name=name, points_px=points, size_px=cut.size_px)

    def _drop(self, name: str) -> None:
        image, maps = self._current.image, self._maps
        if maps is not None and image is not None:
            self._submit("said", lambda: (maps.delete(image, name), f"The map by {name} is deleted.")[1])

    def _show_kept(self, name: str) -> None:
        """Show a kept map in place of the visitor's own, as a step that can be undone."""
        chosen = next((one for one in self._kept if one.name == name), None)
        if chosen is None:
            return

        def strokes() -> tuple[str, str, list, int]:
            x_px, y_px = np.array(chosen.points_px).T
            x, y = photo_to_canvas(x_px, y_px, self._source.photo_cut(chosen.image).box, CANVAS_PX)
            inside = (x >= 0) & (x < CANVAS_PX) & (y >= 0) & (y < CANVAS_PX)
            return chosen.image, name, np.round(np.stack([x, y], axis=1)[inside], 1).tolist(), int((~inside).sum())

        self._submit("strokes", strokes)

    def _export(self, which: str) -> None:
        painting, maps = self._painting, self._maps
        if which == "all" and maps is not None:
            self._submit("table", lambda: (click_table(maps.all()), "painted-maps.csv"))
        elif which == "this" and painting is not None:
            self._submit(
                "table", lambda: (click_table([self._painted_map(painting, painting.by or "you")]), "painted-map.csv")
            )

    def _read_kept(self) -> None:
        image, maps = self._current.image, self._maps
        if maps is not None and image is not None and self._display.own_map:
            self._submit("kept", lambda: (image, maps.of_image(image)))

    def _submit(self, name: str, job: Callable[[], Any]) -> None:
        """Run a job in the thread of the records and deliver its result to ``_on_NAME``; each one counts."""
        self._count += 1
        number = self._count

        def work() -> None:
            try:
                self._queue.put(f"{name} {number}", job())
            except Exception as error:  # of whatever kind: it is shown beside the buttons
                self._queue.put(f"failed {number}", error)

        try:
            self._thread.submit(work)
        except RuntimeError:  # the session has ended
            return

    def _on_kept(self, answer: tuple[str, list[PaintedMap]]) -> None:
        image, kept = answer
        if image == self._current.image:
            self._kept = kept
            self.tool.kept = [{"name": one.name, "when": _day(one.painted_ms)} for one in kept]

    def _on_strokes(self, answer: tuple[str, str, list, int]) -> None:
        image, name, points, n_outside = answer
        self.tool._send_msg({"image": image, "strokes": [points], "by": name})
        if n_outside:
            self._say(f"{n_outside} of its points lie outside of what these networks see.")

    def _on_table(self, answer: tuple[str, str]) -> None:
        self.tool._send_msg({"download": answer[0], "filename": answer[1]})

    def _on_said(self, text: str) -> None:
        self._say(text)
        self._read_kept()

    def _on_failed(self, error: Exception) -> None:
        self._say(str(error) or type(error).__name__, wrong=True)

    def _say(self, text: str, *, wrong: bool = False) -> None:
        self.tool._send_msg({"said": text, "wrong": wrong})


def score_rows(
    networks: tuple[NetworkInfo, ...], results: PaintedResults | None, people: str
) -> list[tuple[str, str, str]]:
    """Return rho of a painted map with each network's map and people's: side of a network, with what, rho as text.

    ``people`` names them, "" where the collection has no human maps.
    """
    if results is None or results.human_map is None:
        return []
    known = zip("ab", distinct_titles(networks), results.rhos, strict=True)
    rows = [(side, title, _rho(rho, "not known yet")) for side, title, rho in known]
    return rows + [("", people, _rho(results.rho_people, "no map here"))] * bool(people)


def _people_text(source: MapSource, request: MapRequest, image: str, results: PaintedResults | None) -> str:
    """Return whose human map of an image a request names; "" where a collection has none, nor an upload."""
    if image in source.uploads:
        has_map = results is not None and np.isfinite(results.rho_people)
        return "people" if has_map or source.map_kinds else ""
    kind = request.human_map or next(iter(source.map_kinds), None)
    if kind is None:
        return ""
    if request.participant is not None:
        return f"participant {request.participant}"
    return people_label({kind: source.map_kinds.get(kind, "")})


def _rho(rho: float, unknown: str) -> str:
    return f"{rho:.3f}" if np.isfinite(rho) else unknown


def _painting(message: Mapping[str, Any]) -> _Painting | None:
    """Return what a message tells; None for what no page of this program sends."""
    image, strokes, number, by = (message.get(name) for name in ("image", "strokes", "number", "by"))
    if not isinstance(image, str) or not _is_number(number) or not isinstance(strokes, list):
        return None
    if not isinstance(by, str) or len(by) > MAX_NAME_LENGTH:
        return None
    if sum(len(stroke) if isinstance(stroke, list) else MAX_POINTS + 1 for stroke in strokes) > MAX_POINTS:
        return None
    if not all(_is_point(point) for stroke in strokes for point in stroke):
        return None
    points = tuple(tuple((float(x), float(y)) for x, y in stroke) for stroke in strokes)
    return _Painting(image=image, strokes=points, number=number, by=by)


def _is_number(value: Any) -> TypeGuard[int]:
    """Return whether a value numbers a message."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31


def _is_point(point: Any) -> bool:
    return (
        isinstance(point, list)
        and len(point) == 2
        and all(isinstance(one, int | float) and 0 <= one <= CANVAS_PX for one in point)
    )


def _on_photo(points: np.ndarray, box: Box) -> np.ndarray:
    """Return points of the canvas, (point, 2), in the photograph's pixels."""
    return np.stack(canvas_to_photo(points[:, 0], points[:, 1], box, CANVAS_PX), axis=1)


def _day(time_ms: int) -> str:
    return f"{datetime.fromtimestamp(time_ms / 1000, UTC):%Y-%m-%d %H:%M} UTC"
