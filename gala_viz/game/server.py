"""One game on one server: what all of its players share."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import partial
from typing import Protocol, TypeVar

import numpy as np

from gala_viz.collections.collection import Collection
from gala_viz.collections.fills import GREY
from gala_viz.counts import counted
from gala_viz.game.bubbles import masked_canvas
from gala_viz.game.game_spec import GameSpec
from gala_viz.imagenet import label_index
from gala_viz.live.recogniser import Recogniser, top_indices
from gala_viz.records.database import Database
from gala_viz.records.image_counts import register_images
from gala_viz.records.participants import Participants
from gala_viz.records.rate_limits import RateLimits, TokenBuckets
from gala_viz.records.round_updates import RoundKey, RoundUpdate
from gala_viz.records.round_writer import RoundWriter
from gala_viz.records.rounds import Rounds
from gala_viz.records.tables import now_ms
from gala_viz.specs import fingerprint

T = TypeVar("T")

N_READERS = 4
ABANDONED_S = 3600.0
"""A round that is open for so long is abandoned, unless its page is still connected: its image is given back."""
RELEASE_INTERVAL_S = 600.0
"""How often abandoned rounds are looked for, while players ask for rounds."""
CLOSE_S = 3.0
"""Longest time that closing takes: half of it for rounds that end, the rest for what is not stored yet."""


class PlayerConnection(Protocol):
    """What the server calls of a player's session."""

    @property
    def session_id(self) -> str | None:
        """Id of the session in the database; None until the page has said hello."""
        ...

    async def close(self) -> None:
        """Close the session: interrupt the round in play, and leave the game."""
        ...

    @property
    def open_round(self) -> str | None:
        """Id of the round that is shown and not over, or None."""
        ...

    async def evict(self, reason: str) -> None:
        """End the session and send its page why.

        Parameters
        ----------
        reason : str
            ``WITHDRAWN``, ``TAKEN_OVER`` or ``ENDED_ELSEWHERE`` of ``records.round_writer``.
        """
        ...


class GameServer:
    """The game on ``images`` of ``collection`` (default: all), recognised by ``recogniser``, recorded in ``database``.

    All players of a ``simulated`` game are marked as simulated, and those of no other are.

    All methods belong to one asyncio loop. Databases and photographs are read and written in threads of their own, all
    writes in one, in their order; what players paint goes through ``writer``.
    """

    def __init__(
        self,
        collection: Collection,
        recogniser: Recogniser,
        database: Database,
        spec: GameSpec | None = None,
        limits: RateLimits | None = None,
        *,
        images: Sequence[str] | None = None,
        seed: int | None = None,
        simulated: bool = False,
    ) -> None:
        self.simulated = simulated
        self.collection, self.recogniser, self.database = collection, recogniser, database
        self.spec, self.limits = spec or GameSpec(), limits or RateLimits()
        self.participants, self.rounds = Participants(database), Rounds(database)
        targets = playable_images(collection, recogniser, collection.images if images is None else images)
        if not targets:
            raise ValueError(
                f"{recogniser.network.name} knows no category of {collection.name}; a game needs images with labels "
                "that its network can recognise."
            )
        unseen = guesses_of_nothing(recogniser, self.spec)
        named = [recogniser.categories[index] for index in unseen if index in set(targets.values())]
        self.images = [image for image, target in targets.items() if target not in unseen]
        self.not_offered = frozenset(targets) - frozenset(self.images)
        if not self.images:
            raise ValueError(
                f"{recogniser.network.name} names every category of {collection.name} ({', '.join(named)}) without "
                "seeing anything, so that every round would be won at once; choose fewer first guesses (--top), images "
                "of more categories, or another network."
            )
        if named:
            logging.getLogger(__name__).warning(
                "%d of %s not offered: %s names %s without seeing anything.",
                len(self.not_offered),
                counted(len(targets), "image is", "images are"),
                recogniser.network.name,
                ", ".join(named),
            )
        register_images(database, collection.name, self.images)
        self.rng = random.Random(seed)  # which rounds are catch trials, not a secret
        self.sessions: dict[str, PlayerConnection] = {}
        self.message_limit = TokenBuckets(self.limits.messages_per_s, 4 * self.limits.messages_per_s)
        self.round_limit = TokenBuckets(self.limits.rounds_per_min / 60, self.limits.rounds_per_min)
        per_hour = self.limits.participants_per_hour
        self.newcomer_limit = TokenBuckets(per_hour / 3600, per_hour)
        self._writer = ThreadPoolExecutor(1, "records")
        self._readers = ThreadPoolExecutor(N_READERS, "photographs")
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: set[asyncio.Task] = set()
        self._released_s = float("-inf")
        self.stopping = asyncio.Event()  # set when the game closes and no guess is waited for any more
        self.settings = {
            **asdict(self.spec),
            "network": recogniser.network.name,
            "network_sha256": recogniser.network.sha256,
            "collection_fingerprint": collection.fingerprint,
            "not_offered": named,
        }
        self.settings["fingerprint"] = fingerprint("game", self.settings)
        self.writer = RoundWriter(database, self._stopped)

    @staticmethod
    def clock_ms() -> float:
        """Return the time in ms by the clock of all judges, which never runs backwards."""
        return time.monotonic() * 1000

    async def run_reader(self, function: Callable[..., T], *arguments, **named) -> T:
        """Run ``function`` in a thread for reading and return its result."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, partial(function, *arguments, **named))

    async def run_writer(self, function: Callable[..., T], *arguments, **named) -> T:
        """Run ``function`` in the one thread that writes, after all earlier calls, and return its result."""
        return await asyncio.get_running_loop().run_in_executor(self._writer, partial(function, *arguments, **named))

    def spawn(self, work: Coroutine) -> None:
        """Run ``work`` in a task of its own, and log its failure."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def record(self, key: RoundKey, update: RoundUpdate) -> None:
        """Record an update of the round ``key``; it is in the journal at once and in the database soon."""
        self._loop = asyncio.get_running_loop()
        self.writer.add(key, update)

    async def flush(self, participant: str, timeout_s: float) -> bool:
        """Wait until all that came of ``participant`` is stored, ``timeout_s`` at most; return whether it is."""
        waiting = asyncio.ensure_future(asyncio.wrap_future(self.writer.flush(participant)))
        await asyncio.wait([waiting], timeout=timeout_s)
        return waiting.done() or not waiting.cancel()

    async def release_abandoned(self) -> None:
        """Interrupt rounds that were left open long ago, so that their images are due again; now and then only."""
        if time.monotonic() - self._released_s < RELEASE_INTERVAL_S:
            return
        self._released_s = time.monotonic()
        open_here = {session.open_round for session in self.sessions.values()} - {None}
        before_ms = now_ms() - round(1000 * ABANDONED_S)
        n_released = await self.run_writer(self.rounds.interrupt_abandoned, self.collection.name, before_ms, open_here)
        if n_released:
            logging.getLogger(__name__).info(
                "%s given back.", counted(n_released, "abandoned round was", "abandoned rounds were")
            )

    async def close(self, seconds: float = CLOSE_S) -> None:
        """End all rounds in play as interrupted, write everything, and end the threads.

        What cannot be written within ``seconds`` is logged, and stays in the journal.
        """
        end = time.monotonic() + seconds
        for session in list(self.sessions.values()):
            self.spawn(session.close())
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=seconds / 2)  # these, and rounds that are being summed up
        self.stopping.set()
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=seconds / 10)
        await asyncio.to_thread(self.writer.close, end - time.monotonic())  # readers may all wait for the database
        self._writer.shutdown()
        self._readers.shutdown()
        self.recogniser.close()

    def _done(self, task: asyncio.Task) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            logging.getLogger(__name__).error("a round went wrong", exc_info=task.exception())

    def _stopped(self, key: RoundKey, why: str) -> None:
        """Stop a round that cannot go on; the writer calls this from its thread."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended, and its connections with it
                self._loop.call_soon_threadsafe(self._stop, key, why)

    def _stop(self, key: RoundKey, why: str) -> None:
        session = self.sessions.get(key.participant)
        if session is not None and session.session_id == key.visit:
            self.spawn(session.evict(why))


def playable_images(collection: Collection, recogniser: Recogniser, images: Sequence[str]) -> dict[str, int]:
    """Return those of ``images`` whose category the network knows, each with its index among the network's."""
    known, targets = {}, {}
    for image in images:
        key = (collection.category(image), collection.target(image))
        if key not in known:
            known[key] = label_index(recogniser.categories, *key)
        if known[key] is not None:
            targets[image] = known[key]
    return targets


def guesses_of_nothing(recogniser: Recogniser, spec: GameSpec) -> list[int]:
    """Return the categories, by index, that win a round of ``spec`` before anything is uncovered.

    They are the network's first ``spec.top`` guesses on a canvas that is all hidden; with noise, that of a grey image.
    """
    side = spec.canvas_px
    nothing = masked_canvas(np.full((side, side, 3), GREY, np.uint8), np.zeros((side, side), bool), spec)
    return top_indices(recogniser.recognise(nothing).result(), spec.top)
