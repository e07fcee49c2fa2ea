"""The page's own browser parts: each a Python class with its parameters and a script under ``browser/``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import param
from panel.custom import JSComponent

from gala_viz.panels.styles import DISPLAY_CSS, GALLERY_CSS, KEYS_CSS, UPLOAD_CSS
from gala_viz.plots.layers import GAP
from gala_viz.plots.palettes import DEFAULT, DIVERGING, SEQUENTIAL

_BROWSER = Path(__file__).parent / "browser"


def _script(*names: str) -> str:
    return "\n".join((_BROWSER / f"{name}.js").read_text(encoding="utf-8") for name in names)


class _Messenger(JSComponent):
    """A component whose script sends messages; ``on_message`` hears them in the document's turn."""

    on_message = param.Callable(default=None, doc="Called with each message, a dict.")

    _rename = {"on_message": None}  # noqa: RUF012

    __abstract = True

    def _handle_msg(self, data: Any) -> None:
        if callable(self.on_message):
            self.on_message(data)


class Display(_Messenger):
    """Colours, thresholds, crosshair, readout and flicker of the figures named under ``key``, all in the browser.

    The figures' data sources hold the arrays; whenever one changes, colours and readout follow without the server.
    """

    key = param.String(doc="Prefix of the names of the figures' models.")
    titles = param.Dict(default={}, doc="Panel -> title, as text.")
    filename = param.String(default="region", doc="Name of saved regions, without ending.")
    layer_cells = param.List(default=[], doc="(row, column) of every small multiple.")
    layer_gap = param.Number(default=GAP)
    opacity = param.Number(default=0.65)
    threshold = param.Number(default=0)
    scale = param.String(default="shared")
    palette = param.String(default=DEFAULT)
    palettes = param.Dict(default={name: list(colours) for name, colours in SEQUENTIAL.items()})
    diverging = param.List(default=list(DIVERGING))
    human_style = param.String(default="overlay")
    contours = param.Boolean(default=False)
    flicker = param.Boolean(default=False)
    noise_fraction = param.Number(default=0.15, doc="Noise of the sample that 'Show noise' previews.")
    dark = param.Boolean(default=False)

    _esm = _script("scale", "readout", "display")
    _stylesheets = [DISPLAY_CSS]  # noqa: RUF012


class Tiles(_Messenger):
    """One page of thumbnails. ``items`` are dicts with id, category, thumbnail (a data URL or ""), marks and score."""

    items = param.List(default=[])
    selected = param.String(default=None, allow_None=True)
    note = param.String(default="", doc="How many there are, and of how many.")
    page = param.Integer(default=0)
    pages = param.Integer(default=1)

    _esm = _script("gallery")
    _stylesheets = [GALLERY_CSS]  # noqa: RUF012


class Keys(_Messenger):
    """The keyboard and the card that lists its keys; sends ``{"move": -1 | 1}``."""

    _esm = _script("keys")
    _stylesheets = [KEYS_CSS]  # noqa: RUF012


class Reload(JSComponent):
    """Loads the page anew once ``asked`` rises; asking again does no harm, so it may be repeated until it is heard."""

    asked = param.Integer(default=0)
    heard = param.Boolean(default=False, doc="Set by the browser before it loads the page anew.")

    _esm = _script("reload")


UPLOAD_LIMIT_BYTES = 20 * 2**20


class Upload(_Messenger):
    """Takes one photograph in pieces of 1 MB, so that no websocket limit matters, and refuses what is too large.

    ``on_file(name, content)`` is called with the whole; ``answer`` ends the wait, with a refusal or "".
    """

    limit_bytes = param.Integer(default=UPLOAD_LIMIT_BYTES)
    on_file = param.Callable(default=None)

    _rename = {"on_file": None, "on_message": None}  # noqa: RUF012
    _esm = _script("upload")
    _stylesheets = [UPLOAD_CSS]  # noqa: RUF012

    def __init__(self, on_file: Callable[[str, bytes], None], **params: Any) -> None:
        super().__init__(on_file=on_file, **params)
        self._upload: int | None = None
        self._pieces: list[bytes] = []

    def answer(self, refused: str = "") -> None:
        """Tell the visitor that the photograph was taken, or why not."""
        self._send_msg({"refused": refused})

    def _handle_msg(self, data: dict[str, Any]) -> None:
        if data["piece"] == 0:
            self._upload, self._pieces = data["upload"], []
        if data["upload"] != self._upload:
            return
        self._pieces.append(bytes(data["data"]))
        if sum(map(len, self._pieces)) > self.limit_bytes:
            self._upload, self._pieces = None, []
            self.answer(
                f"“{data['name']}” is larger than {self.limit_bytes // 2**20} MB. Make it smaller and try again."
            )
            return
        if data["piece"] == data["pieces"] - 1:
            content, self._pieces, self._upload = b"".join(self._pieces), [], None
            self.on_file(str(data["name"]), content)
