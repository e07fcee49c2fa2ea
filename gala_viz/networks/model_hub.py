"""Whether the hub of models answers, asked once and quickly, before a library tries for a minute."""

from __future__ import annotations

import os
import socket
import threading
import time
from urllib.parse import urlsplit
from urllib.request import getproxies

from gala_viz.error_text import error_message

_TIMEOUT_S = 4.0
_KEPT_S = 30.0
_asked: dict[str, tuple[float, str]] = {}


def why_unreachable() -> str:
    """Return why the hub of models cannot be reached, as a part of a sentence; "" where it answers.

    HF_HUB_OFFLINE and HF_ENDPOINT are obeyed, and proxies; the answer holds for half a minute.
    """
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE"):
        return "HF_HUB_OFFLINE is set"
    endpoint = os.environ.get("HF_ENDPOINT") or "https://huggingface.co"
    url = getproxies().get(urlsplit(endpoint).scheme) or endpoint
    begun, reason = _asked.get(url, (-_KEPT_S, ""))
    if time.monotonic() - begun >= _KEPT_S:
        reason = _why_no_connection(url)
        _asked[url] = (time.monotonic(), reason)
    return reason


def _why_no_connection(url: str) -> str:
    parts = urlsplit(url if "//" in url else f"//{url}")
    host, port = parts.hostname or "", parts.port or (80 if parts.scheme == "http" else 443)
    reasons = [f"{host} did not answer within {_TIMEOUT_S:.0f} s"]

    def connect() -> None:  # in a thread, because a search for a name has no time limit
        try:
            socket.create_connection((host, port), timeout=_TIMEOUT_S).close()
            reasons.append("")
        except (OSError, ValueError) as error:
            reasons.append(f"{host} cannot be reached ({error_message(error, 100)})")

    thread = threading.Thread(target=connect, daemon=True)
    thread.start()
    thread.join(_TIMEOUT_S + 0.5)
    return reasons[-1]
