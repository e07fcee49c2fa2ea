"""The game assembled: collection, recogniser and records, added to the server that serves its page.

``apps/game.py`` serves ``build_game_page``, whose first page starts the game; ``gala-viz game`` opens the game with
``open_game`` before it serves.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from gala_viz.commands.background_loading import load_once, page_while_loading
from gala_viz.panels.game.game_options import FEW_CATEGORIES, GameOptions

if TYPE_CHECKING:
    from panel.viewable import Viewable

    from gala_viz.collections.collection import Collection
    from gala_viz.game.server import GameServer
    from gala_viz.records.database import Database
    from gala_viz.records.password import Password
    from gala_viz.wire import Routes

_opened: dict[tuple[str, str], tuple[Collection, Database, Password | None]] = {}
_games: dict[GameOptions, GameServer] = {}
"""Games that were opened before the first page was requested; each is used once."""
_lock = threading.Lock()


def build_game_page(options: GameOptions) -> Viewable:
    """Build the page of one session; the first one starts the game on the server that serves it."""
    from gala_viz.panels.game.game_page import game_page

    return page_while_loading(load_once(options, lambda: _addresses(options)), game_page(), "The game")


def _addresses(options: GameOptions) -> Routes:
    from gala_viz.game.handlers import game_routes

    return game_routes(_games.pop(options, None) or open_game(options))


def prepare_game_page(options: GameOptions, say: Callable[[str], None]) -> None:
    """Open the game of ``options`` as ``open_game`` does, for the first page."""
    _games[options] = open_game(options, say)


def build_experimenter_page(options: GameOptions) -> Viewable:
    """Build the experimenter's page of the same records, for one session; the password is the environment's."""
    from gala_viz.panels.game.experimenter_page import experimenter_page

    return experimenter_page(*_opened_for(options))


def prepare_experimenter_page(options: GameOptions, say: Callable[[str], None]) -> None:
    """Open what the experimenter's page shows, for the first page.

    Raises ``ValueError``, ``OSError`` or ``UnknownNameError`` for what is not there.
    """
    say("Opening the collection…")
    _opened_for(options)


def _opened_for(options: GameOptions) -> tuple[Collection, Database, Password | None]:
    """Return collection, database and password of ``options``; they are opened once a process."""
    from gala_viz.collections import open_collection
    from gala_viz.records.database import Database
    from gala_viz.records.password import read_password

    key = (options.collection, options.records)
    with _lock:
        if key not in _opened:
            password = read_password()
            _opened[key] = (open_collection(options.collection), Database(options.records), password)
        return _opened[key]


def open_game(options: GameOptions, say: Callable[[str], None] = lambda step: None) -> GameServer:
    """Open and check the game of ``options``; ``say`` hears each step.

    What is quick comes first. Raises ``ValueError``, ``OSError`` or ``UnknownNameError`` with a sentence for what is
    not there or cannot be played.
    """
    from gala_viz.collections import open_collection
    from gala_viz.game.game_spec import GameSpec
    from gala_viz.records.database import Database
    from gala_viz.records.password import read_password
    from gala_viz.records.rate_limits import RateLimits
    from gala_viz.splits import splits_of

    read_password()
    limits = RateLimits(participants_per_hour=options.newcomers_per_hour, connections=options.players_per_address)
    say("Opening the collection…")
    collection = open_collection(options.collection)
    images = splits_of(collection).images_of(options.split)
    database = Database(options.records)
    say(f"Loading the network {options.recogniser}…")
    from gala_viz.game.server import GameServer
    from gala_viz.live.recogniser import Recogniser
    from gala_viz.networks.zoo import load_network

    network = load_network(options.recogniser, options.device)
    few = len(network.categories) < FEW_CATEGORIES
    top = options.top or (1 if few else 5)
    if top >= len(network.categories):
        raise ValueError(
            f"--top is below the number of {network.name}'s categories, {len(network.categories)}, or every round "
            f"would be won; got {top}."
        )
    spec = GameSpec(top=top, fill=options.fill, catch_share=options.catch_share)
    recogniser = Recogniser(network)
    recogniser.warm_up()
    game = GameServer(collection, recogniser, database, spec, limits, images=images, simulated=options.simulated)
    journal = game.writer.journal.folder
    sys.stdout.write(f"Rounds are kept in {database.name}; what is received and not stored yet, in {journal}.\n")
    sys.stdout.flush()
    return game
