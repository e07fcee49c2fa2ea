"""``gala-viz game``: the ClickMe game on a server, its records in a database."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

import tyro

from gala_viz.commands.serving import Address, serve
from gala_viz.panels.game_options import GameOptions


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Let people paint what matters on photographs until a network recognises them, and keep every round."""

    options: Annotated[GameOptions, tyro.conf.arg(name="")] = field(default_factory=GameOptions)
    at: Annotated[Address, tyro.conf.arg(name="")] = field(default_factory=Address)

    def run(self) -> None:
        """Serve the game until Ctrl-C; what cannot be played is told before the server starts."""
        from gala_viz.commands.game_page import loaded
        from gala_viz.panels.game import game_page
        from gala_viz.play.server import play_patterns

        game = loaded(self.options)
        serve({"game": game_page}, self.at, patterns=play_patterns(game, frozenset(self.at.origins)))
