"""The game assembled: collection, recogniser and records, added to the server that serves its page.

``apps/game.py`` and ``gala-viz game`` both serve ``page``; the first page that is asked for starts the game.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from gala_viz.panels.game_options import FEW_CATEGORIES, GameOptions

if TYPE_CHECKING:
    from bokeh.server.tornado import BokehTornado
    from panel.viewable import Viewable

    from gala_viz.play.game import Game

_log = logging.getLogger(__name__)
_started: dict[GameOptions, threading.Thread] = {}
_opened: dict[tuple[str, str], tuple] = {}
_lock = threading.Lock()


def page(options: GameOptions) -> Viewable:
    """The page of one session; the first one starts the game on the server that serves it."""
    from gala_viz.panels.game import game_page

    start(options)
    return game_page()


def start(options: GameOptions, server: BokehTornado | None = None, origins: frozenset[str] = frozenset()) -> None:
    """Load the game in a thread, unless that was begun; its addresses answer once it is there.

    Without ``server`` it is added to the servers of this process.
    """
    from tornado.ioloop import IOLoop

    loop = IOLoop.current()
    with _lock:
        if options in _started:
            return
        thread = threading.Thread(target=_load, args=(options, server, origins, loop.add_callback), daemon=True)
        _started[options] = thread
    thread.start()


def experimenter(options: GameOptions) -> Viewable:
    """The experimenter's page of the same records, for one session; the password is the environment's."""
    from gala_viz.behavior.database import Database
    from gala_viz.behavior.password import password_told
    from gala_viz.collections import open_collection
    from gala_viz.panels.experimenter import experimenter_page

    key = (options.collection, options.records)
    with _lock:
        if key not in _opened:
            _opened[key] = (open_collection(options.collection), Database(options.records), password_told())
    return experimenter_page(*_opened[key])


def loaded(options: GameOptions) -> Game:
    """The game of these options. Raises a sentence for what is not there."""
    from gala_viz.behavior.database import Database
    from gala_viz.behavior.game_spec import GameSpec
    from gala_viz.behavior.limits import Limits
    from gala_viz.collections import open_collection
    from gala_viz.live.recogniser import Recogniser
    from gala_viz.networks.zoo import load_network
    from gala_viz.play.game import Game

    collection = open_collection(options.collection)
    network = load_network(options.recogniser, options.device)
    few = len(network.categories) < FEW_CATEGORIES
    top = options.top or (1 if few else 5)
    spec = GameSpec(top=top, fill=options.fill, catch_share=options.catch_share)
    limits = Limits(participants_per_hour=options.newcomers_per_hour, connections=options.players_per_address)
    recogniser = Recogniser(network)
    recogniser.warm_up()
    images = [image for image in collection.images if options.split in ("all", collection.split(image))]
    return Game(collection, recogniser, Database(options.records), spec, limits, images=images)


def _load(
    options: GameOptions,
    server: BokehTornado | None,
    origins: frozenset[str],
    soon: Callable[..., None],
) -> None:
    from gala_viz.play.server import add_game, running_servers

    try:
        game = loaded(options)
    except Exception:  # whoever runs the server reads the log; the page says that nobody answers
        _log.exception("The game could not be started.")
        with _lock:
            _started.pop(options, None)
        return
    for one in [server] if server is not None else running_servers():
        soon(add_game, one, game, origins)
