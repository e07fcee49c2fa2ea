"""A participant who plays, as the rounds of the session use one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from gala_viz.game.server import GameServer

Send = Callable[[dict[str, Any]], Awaitable[None]]
"""Sends a message to the player's page."""


class Player:
    """A participant who plays; ``n_rounds`` and ``combo`` (rounds won in a row) change with every round.

    ``session_id`` and ``surface_rule`` are None until the page has said hello.
    """

    def __init__(self, game: GameServer, participant: str, send: Send) -> None:
        self.game, self.participant, self.send = game, participant, send
        self.session_id: str | None = None
        self.surface_rule: int | None = None
        self.simulated = False
        self.n_rounds = 0
        self.combo = 0
