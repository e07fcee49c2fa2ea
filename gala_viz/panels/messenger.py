"""What all browser parts share: a script under ``browser/``, and messages from it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import param
from panel.custom import JSComponent

_BROWSER = Path(__file__).parent / "browser"


def script(*names: str) -> str:
    """The scripts ``browser/NAME.js``, one after the other."""
    return "\n".join((_BROWSER / f"{name}.js").read_text(encoding="utf-8") for name in names)


class Messenger(JSComponent):
    """A component whose script sends messages; ``on_message`` hears them in the document's turn."""

    on_message = param.Callable(default=None, doc="Called with each message, a dict.")

    _rename = {"on_message": None}  # noqa: RUF012

    __abstract = True

    def _handle_msg(self, data: Any) -> None:
        if callable(self.on_message):
            self.on_message(data)
