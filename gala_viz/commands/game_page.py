"""The game assembled: collection, recogniser and records, added to the server that serves its page.

``apps/game.py`` and ``gala-viz game`` both serve ``page``; the first page that is asked for starts the game.
"""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING

from gala_viz.commands.loaded_once import load_once
from gala_viz.panels.game_options import FEW_CATEGORIES, GameOptions

if TYPE_CHECKING:
    from panel.viewable import Viewable

    from gala_viz.play.game import Game
    from gala_viz.play.server import Addresses

_opened: dict[tuple[str, str], tuple] = {}
_lock = threading.Lock()


def page(options: GameOptions) -> Viewable:
    """The page of one session; the first one starts the game on the server that serves it."""
    from gala_viz.panels.game import game_page

    load_once(options, lambda: _addresses(options))
    return game_page()


def _addresses(options: GameOptions) -> Addresses:
    from gala_viz.play.server import game_addresses

    return game_addresses(loaded(options))


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
    from gala_viz.splits import splits_of

    collection = open_collection(options.collection)
    network = load_network(options.recogniser, options.device)
    few = len(network.categories) < FEW_CATEGORIES
    top = options.top or (1 if few else 5)
    spec = GameSpec(top=top, fill=options.fill, catch_share=options.catch_share)
    limits = Limits(participants_per_hour=options.newcomers_per_hour, connections=options.players_per_address)
    recogniser = Recogniser(network)
    recogniser.warm_up()
    images = splits_of(collection).images(options.split)
    database = Database(options.records)
    game = Game(collection, recogniser, database, spec, limits, images=images)
    journal = game.writer.journal.folder
    sys.stdout.write(f"Rounds are kept in {database.name}; what is received and not stored yet, in {journal}.\n")
    sys.stdout.flush()
    return game
