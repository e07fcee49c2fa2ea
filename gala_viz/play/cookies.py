"""Who asks: a participant known by a cookie's secret, made when somebody agrees, on pages of this server alone."""

from __future__ import annotations

from urllib.parse import urlsplit

import tornado.web
from tornado.httputil import HTTPServerRequest

PARTICIPANT_COOKIE = "gala_viz_player"
COOKIE_LIFETIME_DAYS = 365


def set_participant_cookie(handler: tornado.web.RequestHandler, secret: str) -> None:
    """Give the browser the secret of a new participant; no script can read it."""
    handler.set_cookie(
        PARTICIPANT_COOKIE,
        secret,
        expires_days=COOKIE_LIFETIME_DAYS,
        httponly=True,
        samesite="Lax",
        secure=handler.request.protocol == "https",
        path="/",
    )


def is_same_site(request: HTTPServerRequest, origins: frozenset[str]) -> bool:
    """Whether the page that asks belongs to this host (or one of ``origins``); scripts send no origin and may ask."""
    origin = request.headers.get("Origin")
    if origin is None:
        return request.headers.get("Sec-Fetch-Site", "none") in ("same-origin", "none")
    host = urlsplit(origin).netloc
    return bool(host) and (host == request.host or host in origins)
