"""Presenting: the stage over one session's comparison, and the same stage for all who follow a link."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

import param
from bokeh.document import Document

from gala_viz.panels.compare.compare_view import CompareView
from gala_viz.panels.document_queue import DocumentQueue
from gala_viz.panels.presenting.room import Room, open_room
from gala_viz.panels.presenting.stage import PANELS, Stage, stage_scene
from gala_viz.panels.view_state import DisplaySettings, ImageResults

WATCHED_PARAMETERS = ("image", "layer")


class Presentation(param.Parameterized):
    """What the room sees of ``view``; every change is published to those who opened its link.

    ``on_star`` is called when the presenter bookmarks the image. ``room`` is that of a presentation that goes on with
    this view (default: a new one is opened when the presentation begins).
    """

    active = param.Boolean(default=False)
    panels = param.String(default=",".join(PANELS), doc="Panels, with commas between.")
    blink = param.Boolean(default=False)

    def __init__(self, view: CompareView, on_star: Callable[[], None] = lambda: None, room: Room | None = None) -> None:
        super().__init__()
        self._view, self._on_star = view, on_star
        self._room = room
        self.stage = Stage(on_message=self._heard, margin=(0, 6, 0, 0))
        if room is not None:
            self.stage.link = urlencode({"follow": room.token})
        view.results.param.watch(lambda *_: self._draw(), [name for name in ImageResults.param if name != "name"])
        view.display_settings.param.watch(
            lambda *_: self._draw(), [name for name in DisplaySettings.param if name != "name"]
        )
        view.current.param.watch(lambda *_: self._draw(), WATCHED_PARAMETERS)
        self.param.watch(lambda *_: self._follow(), ["active", "panels", "blink"])

    def close(self) -> None:
        """End the presentation for all who follow."""
        if self._room is not None:
            self._room.close()

    def release_room(self) -> Room | None:
        """Return the room for the presentation of another view; this one publishes nothing any more."""
        room, self._room = self._room, None
        return room

    def _follow(self) -> None:
        if self.active and self._room is None:
            self._room = open_room()
            self.stage.link = urlencode({"follow": self._room.token})
        chosen = [name for name in self.panels.split(",") if name in PANELS]
        self._show(active=self.active, panels=chosen or list(PANELS), blink=self.blink)
        self._draw()

    def _draw(self) -> None:
        """Show the present scene on the stage, while it is active."""
        view, image = self._view, self._view.current.image
        info = view.results.info
        if not self.active or image is None or view.source is None or info is None or info.image != image:
            return
        at, count = view.gallery.current_position()
        place = f"{at + 1:,} of {count:,}" if at is not None else ""
        self._show(scene=stage_scene(view.source, info, view.results, view.current, view.display_settings, place))

    def _show(self, **changes: Any) -> None:
        self.stage.param.update(**changes)
        if self._room is not None:
            self._room.publish(changes)

    def _heard(self, message: dict[str, Any]) -> None:
        """Act on a message of the stage."""
        view = self._view
        if "move" in message:
            view.move(-1 if message["move"] == -1 else 1)
        elif "layer" in message:
            view.current.layer = _next(view.current.layer, 1 if message["layer"] == 1 else -1, view.layers.n_columns)
        elif message.get("panel") in PANELS:
            self.panels = _toggled(self.panels, message["panel"])
        elif message.get("turn") == "blink":
            self.blink = not self.blink
        elif message.get("turn") == "black":
            self._show(black=not self.stage.black)
        elif "star" in message:
            self._on_star()
        elif _pointing(message.get("laser")) and self._room is not None:
            self._room.publish({"laser": message["laser"]})
        elif isinstance(message.get("active"), bool):
            self.active = message["active"]


class Follower:
    """The stage of a session that follows ``room``: it shows what the presenter's stage does and can change nothing."""

    def __init__(self, room: Room, document: Document) -> None:
        self.stage = Stage(is_follower=True, active=True, margin=0)
        self._queue = DocumentQueue(document, lambda name, value: self.stage.param.update(**{name: value}))
        self._leave = room.follow(self._hear)

    def close(self) -> None:
        """Stop following."""
        self._leave()
        self._queue.close()

    def _hear(self, changes: Mapping[str, Any]) -> None:
        for name, value in changes.items():
            self._queue.put(*(("presenter_away", not value) if name == "active" else (name, value)))


def _toggled(chosen: str, panel: str) -> str:
    """Return panels with commas between, ``panel`` added or removed; the last one stays."""
    names = [name for name in PANELS if (name in chosen.split(",")) != (name == panel)]
    return ",".join(names) or chosen


def _next(layer: int | None, by: int, count: int) -> int | None:
    """Return the layer one step on, through no layer, the first, …, the last, and round again."""
    at = (0 if layer is None else layer + 1) + by
    return None if count == 0 or at % (count + 1) == 0 else at % (count + 1) - 1


def _pointing(laser: Any) -> bool:
    return isinstance(laser, list) and (
        not laser
        or (
            len(laser) == 3
            and laser[0] in ("", *PANELS)
            and all(isinstance(one, int | float) and -1 <= one <= 2 for one in laser[1:])
        )
    )
