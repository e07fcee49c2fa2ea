"""``gala-viz game``: the ClickMe game on a server, its records in a database."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Annotated

import tyro

from gala_viz.commands.page_server import CLOSE_S, ServerAddress, check_address, clean_shutdown, serve
from gala_viz.commands.terminal_progress import step_printer
from gala_viz.panels.game.game_options import GameOptions


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Let people paint what matters on photographs until a network recognises them, and keep every round.

    With a password in GALA_VIZ_PASSWORD the experimenter's page is served beside the game, under /experimenter.
    """

    options: Annotated[GameOptions, tyro.conf.arg(name="")] = field(default_factory=GameOptions)
    server_address: Annotated[ServerAddress, tyro.conf.arg(name="")] = field(default_factory=ServerAddress)

    def run(self) -> None:
        """Serve the game until Ctrl-C; what cannot be played is said before the page is announced."""
        with clean_shutdown():
            from tornado.ioloop import IOLoop

            from gala_viz.commands.game_app import build_experimenter_page, open_game
            from gala_viz.game.handlers import game_routes
            from gala_viz.panels.game.game_page import game_page
            from gala_viz.records.password import PASSWORD_VARIABLE

            check_address(self.server_address)
            with step_printer() as say:
                game = open_game(self.options, say)
            pages = {"game": game_page}
            if os.environ.get(PASSWORD_VARIABLE):
                pages["experimenter"] = lambda: build_experimenter_page(self.options)
            try:
                serve(
                    pages, self.server_address, patterns=game_routes(game, frozenset(self.server_address.origins))("")
                )
            finally:
                IOLoop.current().run_sync(lambda: game.close(CLOSE_S))  # the last quarter of a second of rounds in play
