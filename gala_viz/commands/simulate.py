"""``gala-viz simulate``: simulated participants play a running game, through its own addresses."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Literal

import tyro


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Try a game of the rendered collection with simulated participants, before people come.

    They see what a player sees, and paint as simulated participants of that collection do. Their rounds are marked as
    simulated wherever they are shown or exported, and never mixed with people's.
    """

    url: Annotated[str, tyro.conf.Positional]
    """Address of the server, with its prefix, for example http://localhost:5006."""
    players: int = 8
    """How many play at a time."""
    rounds: int = 10
    """Rounds of each."""
    split: Literal["train", "validation", "test"] = "test"
    """The split that the game plays."""

    def run(self) -> int:
        """Play, and print how the rounds ended."""
        import asyncio

        from gala_viz.collections.rendered.rendered_collection import RenderedCollection
        from gala_viz.game.simulated_players import SimulatedPlayers
        from gala_viz.splits import splits_of

        if self.players < 1 or self.rounds < 1:
            raise ValueError(f"players and rounds are at least 1; got {self.players} and {self.rounds}.")
        collection = RenderedCollection()
        sys.stderr.write(f"looking at the objects of the {self.split} split\n")
        collection.prepare((self.split,))
        players = SimulatedPlayers(collection, splits_of(collection).images_of(self.split))
        outcomes, failed = asyncio.run(self._play(players.choose_points))
        sys.stdout.write(", ".join(f"{outcome} {count}" for outcome, count in sorted(outcomes.items())) + "\n")
        if failed:
            sys.stderr.write(f"{len(failed)} of {self.players} players could not go on; the first: {failed[0]}\n")
        return 1 if failed else 0

    async def _play(self, points: Callable) -> tuple[Counter, list[BaseException]]:
        """Let all players play at a time; return the rounds by outcome, and the errors of players who failed."""
        import asyncio
        from functools import partial

        from gala_viz.game.client import play_rounds
        from gala_viz.game.game_spec import GameSpec

        spec = GameSpec()
        each = [
            play_rounds(self.url, self.rounds, partial(points, spec=spec, number=number))
            for number in range(self.players)
        ]
        played = await asyncio.gather(*each, return_exceptions=True)
        failed = [one for one in played if isinstance(one, BaseException)]
        if len(failed) == len(played):
            raise failed[0]
        rounds = (one for rounds in played if not isinstance(rounds, BaseException) for one in rounds)
        return Counter(str(one.end["outcome"]) for one in rounds), failed
