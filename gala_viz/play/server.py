"""The game added to the server that already serves a page."""

from __future__ import annotations

import gc
import platform
import re

from bokeh.server.tornado import BokehTornado

import gala_viz
from gala_viz.play.game import Game
from gala_viz.play.handlers import routes


def versions() -> dict[str, str]:
    """What recorded a visit."""
    return {"gala_viz": gala_viz.__version__, "python": platform.python_version()}


def play_patterns(game: Game, origins: frozenset[str] = frozenset()) -> list[tuple]:
    """The game's addresses for a server that is about to start, which puts its own prefix before them."""
    return routes(game, "", versions(), origins)


def add_game(application: BokehTornado, game: Game, origins: frozenset[str] = frozenset()) -> None:
    """Give ``application`` the game's addresses beside its pages, under its own prefix."""
    application.add_handlers(".*", routes(game, re.escape(application.prefix), versions(), origins))


def running_servers() -> list[BokehTornado]:
    """The servers of this process. ``panel serve`` gives an app no way to its own server, so it is looked for."""
    return [one for one in gc.get_objects() if issubclass(type(one), BokehTornado)]
