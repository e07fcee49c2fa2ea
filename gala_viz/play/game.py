"""One game on one server: what all of its players share, and the writer that keeps records up with them."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from gala_viz.behavior.database import Database
from gala_viz.behavior.game_spec import GameSpec
from gala_viz.behavior.image_counts import enter_images
from gala_viz.behavior.limits import Buckets, Limits
from gala_viz.behavior.people import People
from gala_viz.behavior.rounds import Rounds
from gala_viz.behavior.unwritten import Unwritten
from gala_viz.collections.collection import Collection
from gala_viz.imagenet import label_index
from gala_viz.live.recogniser import Recogniser
from gala_viz.specs import fingerprint

if TYPE_CHECKING:
    from gala_viz.play.session import Session

Result = TypeVar("Result")

FLUSH_S = 0.25
"""How often points of rounds in play are written: a server that is killed loses less than half a second of them."""
READERS = 4


class Game:
    """The game on ``images`` of ``collection`` (default: all), recognised by ``recogniser``, recorded in ``database``.

    All methods belong to one asyncio loop. Databases and photographs are read and written in threads of their own, all
    writes in one, in their order.
    """

    def __init__(
        self,
        collection: Collection,
        recogniser: Recogniser,
        database: Database,
        spec: GameSpec | None = None,
        limits: Limits | None = None,
        *,
        images: Sequence[str] | None = None,
        seed: int | None = None,
    ) -> None:
        self.collection, self.recogniser, self.database = collection, recogniser, database
        self.spec, self.limits = spec or GameSpec(), limits or Limits()
        self.people, self.rounds = People(database), Rounds(database)
        self.images = playable(collection, recogniser, collection.images if images is None else images)
        if not self.images:
            raise ValueError(
                f"{recogniser.network.name} knows no category of {collection.name}; a game needs images with labels "
                "that its network can recognise."
            )
        enter_images(database, collection.name, self.images)
        self.chance = random.Random(seed)  # which rounds are catch trials, not a secret
        self.sessions: dict[str, Session] = {}
        self.messages = Buckets(self.limits.messages_per_s, 4 * self.limits.messages_per_s)
        self.round_starts = Buckets(self.limits.rounds_per_min / 60, self.limits.rounds_per_min)
        per_hour = self.limits.participants_per_hour
        self.newcomers = Buckets(per_hour / 3600, per_hour)
        self._writer = ThreadPoolExecutor(1, "records")
        self._readers = ThreadPoolExecutor(READERS, "photographs")
        self._unwritten: dict[str, Unwritten] = {}
        self._flusher: asyncio.Task | None = None
        self._tasks: set[asyncio.Task] = set()
        self.settings = {
            **asdict(self.spec),
            "network": recogniser.network.name,
            "network_sha256": recogniser.network.sha256,
            "collection_fingerprint": collection.fingerprint,
        }
        self.settings["fingerprint"] = fingerprint("game", self.settings)

    @staticmethod
    def now_ms() -> float:
        """The clock of all judges; it never runs backwards."""
        return time.monotonic() * 1000

    async def reading(self, act: Callable[..., Result], *arguments, **named) -> Result:
        """``act`` in a thread for reading."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, partial(act, *arguments, **named))

    async def writing(self, act: Callable[..., Result], *arguments, **named) -> Result:
        """``act`` in the thread that writes, after all that was handed to it before."""
        return await asyncio.get_running_loop().run_in_executor(self._writer, partial(act, *arguments, **named))

    def spawn(self, work: Coroutine) -> None:
        """Do ``work`` beside everything else, and tell the log if it fails."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def note(self, round_id: str) -> Unwritten:
        """What is unwritten of a round in play; it is written within ``FLUSH_S``."""
        if self._flusher is None:
            self._flusher = asyncio.ensure_future(self._flush())
        return self._unwritten.setdefault(round_id, Unwritten())

    def taken(self, round_id: str) -> Unwritten:
        """The rest of a round that ends, for its last transaction."""
        return self._unwritten.pop(round_id, Unwritten())

    async def close(self) -> None:
        """End all rounds in play as interrupted, write everything, let go of threads."""
        for session in list(self.sessions.values()):
            await session.close()
        if self._flusher is not None:
            self._flusher.cancel()
        self._writer.shutdown()
        self._readers.shutdown()
        self.recogniser.close()

    def _done(self, task: asyncio.Task) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            logging.getLogger(__name__).error("a round went wrong", exc_info=task.exception())

    async def _flush(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_S)
            new = {one: unwritten.taken() for one, unwritten in self._unwritten.items() if unwritten}
            if not new:
                continue
            try:
                await self.writing(self.rounds.write, new)
            except Exception:  # a full disk, a lost database: the next flush tries again with what is new
                logging.getLogger(__name__).exception("points could not be written")


def playable(collection: Collection, recogniser: Recogniser, images: Sequence[str]) -> list[str]:
    """Those of ``images`` whose category the network knows."""
    known = {}
    for image in images:
        category, target = collection.category(image), collection.target(image)
        key = (category, target)
        if key not in known:
            known[key] = label_index(recogniser.categories, category, target) is not None
    return [image for image in images if known[collection.category(image), collection.target(image)]]
