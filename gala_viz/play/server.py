"""A game's or an experiment's addresses added to the server that already serves its page."""

from __future__ import annotations

import platform
import re
from collections.abc import Callable

from bokeh.server.tornado import BokehTornado

import gala_viz
from gala_viz.play.game import GameServer
from gala_viz.play.handlers import routes

Routes = Callable[[str], list[tuple]]
"""Prefix, as part of a regular expression -> addresses under it, as Tornado takes them."""


def software_versions() -> dict[str, str]:
    """What recorded a visit."""
    return {"gala_viz": gala_viz.__version__, "python": platform.python_version()}


def game_routes(game: GameServer, origins: frozenset[str] = frozenset()) -> Routes:
    """Those of a game; a server that is about to start puts its own prefix before those under ""."""
    return lambda prefix: routes(game, prefix, software_versions(), origins)


def add_routes(application: BokehTornado, routes: Routes) -> None:
    """Give a running ``application`` addresses beside its pages, under its own prefix."""
    application.add_handlers(".*", routes(re.escape(application.prefix)))
