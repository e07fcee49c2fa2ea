"""The experimenter's password: read from the environment or a file, with a limited number of attempts a minute."""

from __future__ import annotations

import hmac
import os
from pathlib import Path

from gala_viz.records.rate_limits import TokenBuckets

PASSWORD_VARIABLE = "GALA_VIZ_PASSWORD"
MIN_LENGTH = 8
ATTEMPTS_PER_MIN = 10


class Password:
    """A password that is compared in constant time; the limit on attempts is one for everybody, right ones included."""

    def __init__(self, text: str) -> None:
        if len(text) < MIN_LENGTH:
            raise ValueError(f"the experimenter's password has at least {MIN_LENGTH} letters.")
        self._text = text.encode()
        self._tries = TokenBuckets(ATTEMPTS_PER_MIN / 60, ATTEMPTS_PER_MIN)

    def matches(self, attempt: str) -> bool:
        """Return whether ``attempt`` is the password. Raises ``PermissionError`` after too many attempts."""
        if not self._tries.take("all"):
            raise PermissionError("too many tries; wait a minute.")
        return hmac.compare_digest(self._text, attempt.encode())


def read_password(file: Path | None = None) -> Password | None:
    """Return the password in ``file``, by default in the environment's GALA_VIZ_PASSWORD; None where there is none."""
    text = file.read_text(encoding="utf-8").strip() if file is not None else os.environ.get(PASSWORD_VARIABLE, "")
    return Password(text) if text else None
