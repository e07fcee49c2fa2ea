"""The page's own browser parts: each a Python class with its parameters and a script under ``browser/``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import param

from gala_viz.panels.messenger import MessagingComponent, BrowserComponent, read_scripts
from gala_viz.panels.styles import read_stylesheets
from gala_viz.plots.layers import GAP_FRACTION
from gala_viz.plots.palettes import DIVERGING, SEQUENTIAL


class MapDisplay(MessagingComponent):
    """Colours, thresholds, crosshair, readout and flicker of the figures named under ``key``, all in the browser.

    The figures' data sources hold the arrays; whenever one changes, colours and readout follow without the server.
    """

    key = param.String(doc="Prefix of the names of the figures' models.")
    titles = param.Dict(default={}, doc="Panel -> title, as text.")
    filename = param.String(default="region", doc="Name of saved regions, without ending.")
    layer_cells = param.List(default=[], doc="(row, column) of every small multiple.")
    layer_gap = param.Number(default=GAP_FRACTION)
    defaults = param.Dict(default={}, doc="Name -> value of every one of ``state.Looks``.")
    looks = param.Dict(default={}, doc="Those of them that have an input, as they are now.")
    noise = param.Dict(default={}, doc="``noise_fraction`` of the sample that 'Show noise' previews.")
    palettes = param.Dict(default={name: list(colours) for name, colours in SEQUENTIAL.items()})
    diverging = param.List(default=list(DIVERGING))
    flicker = param.Boolean(default=False)
    zoom = param.List(default=[], doc="x0, x1, y0, y1 of what is seen of the frame, in its pixels; empty: all of it.")
    dark = param.Boolean(default=False)

    _esm = read_scripts("texts", "scale", "readout", "titles", "display")
    _stylesheets = [read_stylesheets("abreast", "display")]  # noqa: RUF012


class ThumbnailGrid(MessagingComponent):
    """One page of thumbnails.

    ``items`` are dicts with id, category, thumbnail (a data URL or ""), marks, score, starred and learnt.
    """

    items = param.List(default=[])
    selected = param.String(default=None, allow_None=True)
    note = param.String(default="", doc="How many there are, and of how many.")
    page = param.Integer(default=0)
    pages = param.Integer(default=1)

    _esm = read_scripts("gallery")
    _stylesheets = [read_stylesheets("gallery")]  # noqa: RUF012


SHORTCUTS = (
    ("←  →", "previous and next photograph"),
    ("S", "star: bookmark the photograph, or take the bookmark away"),
    ("?", "show or hide this list"),
    ("Esc", "close this list"),
)
"""What the keyboard does on every page."""
COMPARE_SHORTCUTS = (
    SHORTCUTS[0],
    ("Space", "flicker: the second network in the first one's place"),
    SHORTCUTS[1],
    ("P", "present: full screen, for a room"),
    SHORTCUTS[2],
    ("Esc", "close this list; let go of the crosshair"),
)


class KeyboardShortcuts(MessagingComponent):
    """The keyboard, the card that lists ``keys``, and buttons to move; sends ``{"move": -1 | 1}``."""

    keys = param.List(default=list(SHORTCUTS), doc="(key, what it does) on the card.")

    _esm = read_scripts("keys")
    _stylesheets = [read_stylesheets("keys")]  # noqa: RUF012


class ProgressBar(MessagingComponent):
    """Words, a bar and a button; sends ``{"press": "cancel" | "start"}``. ``action`` names what can be started."""

    text = param.String(default="")
    share = param.Number(default=0, bounds=(0, 1))
    busy = param.Boolean(default=False)
    action = param.String(default="")

    _esm = read_scripts("progress")
    _stylesheets = [read_stylesheets("progress")]  # noqa: RUF012


class NotesPanel(MessagingComponent):
    """The editor and the lists. Sends save, look (at what is stored), go, export, import, and keep or drop (a view)."""

    image = param.String(default="", doc="The photograph in view; empty where none can be noted on.")
    note = param.Dict(default={}, doc="Its note as it is stored, with ``html``.")
    items = param.List(default=[], doc="All notes: image, category, bookmarked, tags, excerpt.")
    views = param.List(default=[], doc="Saved views: name and link.")
    where = param.String(default="", doc="Where notes are kept, and whose they are.")
    read_only = param.Boolean(default=False, doc="Whether nothing can be changed.")
    why_read_only = param.String(default="", doc="Why, and what to do: the tooltip of ``where``.")

    _esm = read_scripts("texts", "notes_all", "notes")
    _stylesheets = [read_stylesheets("notes")]  # noqa: RUF012


class PageReload(BrowserComponent):
    """Loads the page anew once ``asked`` rises; asking again does no harm, so it may be repeated until it is heard."""

    asked = param.Integer(default=0)
    heard = param.Boolean(default=False, doc="Set by the browser before it loads the page anew.")

    _esm = read_scripts("reload")


class ConnectionMonitor(BrowserComponent):
    """Says over the whole page when its server is gone, and loads it anew once the server is back."""

    _esm = read_scripts("connection")


class DarkMode(BrowserComponent):
    """Begins with the browser's choice of light or dark, or the system's, and keeps what is chosen in a cookie.

    The drawer is shut at first where it would cover the page.
    """

    dark = param.Boolean(default=False)
    drawer = param.Boolean(default=True, doc="Whether the drawer is open.")

    _esm = read_scripts("dark")


UPLOAD_LIMIT_BYTES = 20 * 2**20


class PhotographUpload(MessagingComponent):
    """Takes one photograph in pieces of 1 MB, so that no websocket limit matters, and refuses what is too large.

    ``on_file(name, content)`` is called with the whole; ``answer`` ends the wait, with a refusal or "".
    """

    limit_bytes = param.Integer(default=UPLOAD_LIMIT_BYTES)
    on_file = param.Callable(default=None)

    _rename = {"on_file": None, "on_message": None}  # noqa: RUF012
    _esm = read_scripts("upload")
    _stylesheets = [read_stylesheets("upload")]  # noqa: RUF012

    def __init__(self, on_file: Callable[[str, bytes], None], **params: Any) -> None:
        super().__init__(on_file=on_file, **params)
        self._upload: int | None = None
        self._pieces: list[bytes] = []

    def finish(self, refusal: str = "") -> None:
        """Tell the visitor that the photograph was taken, or why not."""
        self._send_msg({"refused": refusal})

    def _handle_msg(self, data: dict[str, Any]) -> None:
        if data["piece"] == 0:
            self._upload, self._pieces = data["upload"], []
        if data["upload"] != self._upload:
            return
        self._pieces.append(bytes(data["data"]))
        if sum(map(len, self._pieces)) > self.limit_bytes:
            self._upload, self._pieces = None, []
            self.finish(
                f"“{data['name']}” is larger than {self.limit_bytes // 2**20} MB. Make it smaller and try again."
            )
            return
        if data["piece"] == data["pieces"] - 1:
            content, self._pieces, self._upload = b"".join(self._pieces), [], None
            self.on_file(str(data["name"]), content)
