"""The experimenter's password: read from the environment or a file, with a limit on wrong attempts a minute."""

from __future__ import annotations

import hmac
import os
from pathlib import Path

from gala_viz.records.rate_limits import TokenBuckets, client_network

PASSWORD_VARIABLE = "GALA_VIZ_PASSWORD"
MIN_LENGTH = 8
ATTEMPTS_PER_MIN, TOTAL_ATTEMPTS_PER_MIN = 10, 100
"""Most wrong attempts of one network address, and of all addresses together."""


class Password:
    """A password that is compared in constant time, for each network address a limited number of times.

    The limit on all addresses together bounds the guesses of somebody who has many. It is wider, so that it takes more
    than one guessing address to keep others out.
    """

    def __init__(self, text: str) -> None:
        if len(text) < MIN_LENGTH:
            raise ValueError(f"the experimenter's password has at least {MIN_LENGTH} letters.")
        self._text = text.encode()
        self._attempts = TokenBuckets(ATTEMPTS_PER_MIN / 60, ATTEMPTS_PER_MIN)
        self._all_attempts = TokenBuckets(TOTAL_ATTEMPTS_PER_MIN / 60, TOTAL_ATTEMPTS_PER_MIN)

    def matches(self, attempt: str, address: str) -> bool:
        """Return whether ``attempt``, which came from ``address``, is the password.

        Raises ``PermissionError`` after too many wrong attempts.
        """
        network = client_network(address)
        if not self._attempts.take(network):
            raise PermissionError("too many tries; wait a minute.")
        if not self._all_attempts.take("all"):
            self._attempts.give_back(network)
            raise PermissionError("too many tries; wait a minute.")
        right = hmac.compare_digest(self._text, attempt.encode("utf-8", "surrogatepass"))
        if right:
            self._attempts.give_back(network)
            self._all_attempts.give_back("all")
        return right


def read_password(file: Path | None = None) -> Password | None:
    """Return the password in ``file``, by default in the environment's GALA_VIZ_PASSWORD; None where there is none."""
    text = file.read_text(encoding="utf-8-sig").strip() if file is not None else os.environ.get(PASSWORD_VARIABLE, "")
    return Password(text) if text else None
