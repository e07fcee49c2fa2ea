"""Upload of a visitor's own photographs and their human maps, sent in pieces: photograph_upload.js."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import param

from gala_viz.collections.human_maps.uploaded_maps import ARRAY_SUFFIXES, NAMES
from gala_viz.collections.photo_files import UPLOAD_LIMITS
from gala_viz.panels.browser_component import MessagingComponent, read_scripts, read_stylesheets

MAX_ARRIVING_BYTES = 128 * 2**20
"""Of all files of a server that have not come as a whole."""
_arriving: weakref.WeakKeyDictionary[PhotographUpload, int] = weakref.WeakKeyDictionary()
"""Uploads and the bytes that have come of each; those of pages that are gone count no more."""


class PhotographUpload(MessagingComponent):
    """Receives files in pieces of 1 MB, so that no websocket limit matters, and refuses what is too large.

    Of several files photographs come first, so that a map finds its photograph. ``on_file(name, content, show)`` is
    called with each whole file, and whether it is to be shown, as the first of several is; ``finish`` then ends the
    browser's wait, which sends the next one.
    """

    map_suffixes = param.List(default=list(ARRAY_SUFFIXES), doc="Ends of file names of maps that are no pictures.")
    map_names = param.String(default=NAMES, doc="How a map is named.")
    limit_bytes = param.Integer(default=UPLOAD_LIMITS.max_bytes)
    on_file = param.Callable(default=None)

    _rename = {"on_file": None, "on_message": None}  # noqa: RUF012
    _esm = read_scripts("compare/photograph_upload")
    _stylesheets = [read_stylesheets("compare/photograph_upload")]  # noqa: RUF012

    def __init__(self, on_file: Callable[[str, bytes, bool], None], **params: Any) -> None:
        super().__init__(on_file=on_file, **params)
        self._upload: int | None = None
        self._pieces: list[bytes] = []

    def finish(self, refusal: str = "", note: str = "") -> None:
        """Tell the visitor that the file was added, with a ``note`` on how it was understood, or why it was refused."""
        self._send_msg({"refused": refusal, "note": note})

    def _drop(self) -> None:
        """Forget the pieces that have come."""
        self._upload, self._pieces = None, []
        _arriving.pop(self, None)

    def _handle_msg(self, data: dict[str, Any]) -> None:
        """Add one piece; after the last one call ``on_file``. A piece of an earlier upload is dropped."""
        if data["piece"] == 0:
            self._drop()
            self._upload = data["upload"]
        if data["upload"] != self._upload:
            return
        self._pieces.append(bytes(data["data"]))
        _arriving[self] = sum(map(len, self._pieces))
        if sum(_arriving.values()) > MAX_ARRIVING_BYTES:
            self._drop()
            self.finish(f"“{data['name']}” was not taken: many files are being uploaded now. Try again in a minute.")
            return
        if _arriving[self] > self.limit_bytes:
            self._drop()
            limit = f"{self.limit_bytes / 1e6:g} MB"
            self.finish(f"“{data['name']}” is larger than {limit}. Make it smaller and try again.")
            return
        if data["piece"] == data["pieces"] - 1:
            content = b"".join(self._pieces)
            self._drop()
            self.on_file(str(data["name"]), content, data.get("show") is not False)
