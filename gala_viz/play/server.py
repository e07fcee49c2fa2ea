"""A game's or an experiment's addresses added to the server that already serves its page."""

from __future__ import annotations

import platform
import re
from collections.abc import Callable

from bokeh.server.tornado import BokehTornado

import gala_viz
from gala_viz.play.game import Game
from gala_viz.play.handlers import routes

Addresses = Callable[[str], list[tuple]]
"""Prefix, as part of a regular expression -> addresses under it, as Tornado takes them."""


def versions() -> dict[str, str]:
    """What recorded a visit."""
    return {"gala_viz": gala_viz.__version__, "python": platform.python_version()}


def game_addresses(game: Game, origins: frozenset[str] = frozenset()) -> Addresses:
    """Those of a game; a server that is about to start puts its own prefix before those under ""."""
    return lambda prefix: routes(game, prefix, versions(), origins)


def add_addresses(application: BokehTornado, addresses: Addresses) -> None:
    """Give a running ``application`` addresses beside its pages, under its own prefix."""
    application.add_handlers(".*", addresses(re.escape(application.prefix)))
