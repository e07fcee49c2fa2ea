"""Options of the game, read without loading anything heavy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

COLLECTION_RECOGNISERS = {"rendered": "rendered-gala-clickme"}
DEFAULT_RECOGNISER = "lite0"
FEW_CATEGORIES = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class GameOptions:
    """Which collection is played, who recognises it, and where the rounds are kept."""

    collection: str = "photos"
    """A known name (photos, rendered) or a folder of images with categories."""
    split: Literal["train", "validation", "test", "all"] = "all"
    """Which of its images are played; the collection's own split, or by the images' ids where it has none."""
    network: str | None = None
    """Who guesses: a name or folder of a network; left out: lite0, or for rendered its own."""
    records: str = "records.sqlite"
    """Where rounds are kept: a file, or a URL such as postgresql://user@host/name."""
    top: int | None = None
    """A round is won when the category is among so many first guesses; left out: 5, or 1 of fewer than 100."""
    fill: Literal["grey", "noise"] = "grey"
    """What the network sees where nothing is uncovered: grey, or the darkened noise of the published game."""
    catch_share: float = 0.05
    """Share of catch trials: two photographs side by side, one of them named."""
    simulated: bool = False
    """Mark all players as simulated, to try a game before people come; no other game takes simulated players."""
    players_per_address: int = 64
    """Connections at a time from one network address."""
    newcomers_per_hour: int = 60
    """New players an hour from one network address."""
    device: str | None = None
    """cpu, cuda, or what is there."""

    def __post_init__(self) -> None:
        if self.top is not None and self.top < 1:
            raise ValueError(f"--top is at least 1; got {self.top}.")
        if not 0 <= self.catch_share < 1:
            raise ValueError(f"--catch-share is a share of the rounds, from 0 to below 1; got {self.catch_share}.")
        for option, value in {
            "--players-per-address": self.players_per_address,
            "--newcomers-per-hour": self.newcomers_per_hour,
        }.items():
            if value < 1:
                raise ValueError(f"{option} is at least 1; got {value}.")

    @property
    def recogniser(self) -> str:
        """Network that is named, or the one that suits the collection."""
        return self.network or COLLECTION_RECOGNISERS.get(self.collection, DEFAULT_RECOGNISER)
