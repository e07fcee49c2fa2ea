"""The experimenter's password: told to the server by its environment or a file, tried a few times a minute at most."""

from __future__ import annotations

import hmac
import os
from pathlib import Path

from gala_viz.records.rate_limits import TokenBuckets

PASSWORD_VARIABLE = "GALA_VIZ_PASSWORD"
MIN_LENGTH = 8
ATTEMPTS_PER_MIN = 10


class Password:
    """A password that is compared in constant time; too many wrong tries close the door for a while, for everybody."""

    def __init__(self, text: str) -> None:
        if len(text) < MIN_LENGTH:
            raise ValueError(f"the experimenter's password has at least {MIN_LENGTH} letters.")
        self._text = text.encode()
        self._tries = TokenBuckets(ATTEMPTS_PER_MIN / 60, ATTEMPTS_PER_MIN)

    def matches(self, attempt: str) -> bool:
        """Whether ``attempt`` is it. Raises ``PermissionError`` after too many tries."""
        if not self._tries.take("all"):
            raise PermissionError("too many tries; wait a minute.")
        return hmac.compare_digest(self._text, attempt.encode())


def read_password(file: Path | None = None) -> Password | None:
    """The password in ``file`` or in the environment's GALA_VIZ_PASSWORD; None where there is none."""
    text = file.read_text(encoding="utf-8").strip() if file is not None else os.environ.get(PASSWORD_VARIABLE, "")
    return Password(text) if text else None
