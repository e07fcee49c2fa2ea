"""How games and experiments answer a request: JSON that nobody keeps, refusals with their reason."""

from __future__ import annotations

import json
from typing import Any

import tornado.web


class JsonAnswer(tornado.web.RequestHandler):
    """An address that answers with JSON."""

    def set_default_headers(self) -> None:
        """For every answer, refusals among them."""
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Content-Type", "application/json")

    def write_error(self, status_code: int, **_: Any) -> None:
        """The reason, as a page shows it."""
        self.finish(json.dumps({"refused": self._reason}))
