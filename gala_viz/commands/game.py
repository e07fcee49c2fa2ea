"""``gala-viz game``: the ClickMe game on a server, its records in a database."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Annotated

import tyro

from gala_viz.commands.progress import steps
from gala_viz.commands.serving import CLOSE_S, Address, check_address, ending_cleanly, serve
from gala_viz.panels.game_options import GameOptions


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Let people paint what matters on photographs until a network recognises them, and keep every round.

    With a password in GALA_VIZ_PASSWORD the experimenter's page is served beside the game, under /experimenter.
    """

    options: Annotated[GameOptions, tyro.conf.arg(name="")] = field(default_factory=GameOptions)
    at: Annotated[Address, tyro.conf.arg(name="")] = field(default_factory=Address)

    def run(self) -> None:
        """Serve the game until Ctrl-C; what cannot be played is told before the page is announced."""
        with ending_cleanly():
            from tornado.ioloop import IOLoop

            from gala_viz.behavior.password import VARIABLE
            from gala_viz.commands.game_page import experimenter, prepare
            from gala_viz.panels.game import game_page
            from gala_viz.play.server import game_addresses

            check_address(self.at)
            with steps() as say:
                game = prepare(self.options, say)
            pages = {"game": game_page}
            if os.environ.get(VARIABLE):
                pages["experimenter"] = lambda: experimenter(self.options)
            try:
                serve(pages, self.at, patterns=game_addresses(game, frozenset(self.at.origins))(""))
            finally:
                IOLoop.current().run_sync(lambda: game.close(CLOSE_S))  # the last quarter of a second of rounds in play
