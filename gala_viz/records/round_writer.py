"""Round updates on their way into the database: they stay in memory and in a journal until it has stored them.

Each round is written in a transaction of its own. While the database is away, everything waits and is tried again, ever
less often. What the database will never take is refused by itself, stored aside with its reason, and logged.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import asdict, dataclass, field

from sqlalchemy.exc import SQLAlchemyError

from gala_viz.counts import counted
from gala_viz.records.database import Database, DatabaseError
from gala_viz.records.journal import (
    Journal,
    JournalEntry,
    count_waiting_entries,
    journal_folder,
    remove_participant,
    remove_unknown_participants,
)
from gala_viz.records.outages import is_outage
from gala_viz.records.round_updates import RoundKey, RoundUpdate
from gala_viz.records.rounds import ParticipantWithdrawnError, RoundRefusedError, Rounds, RoundTakenOverError

WRITE_INTERVAL_S = 0.25
"""How often points of rounds in play are written."""
MAX_RETRY_WAIT_S = 5.0
"""Longest time between two tries while the database is away."""
MAX_STALE_ENTRIES = 2000
"""About how many stored entries the journal may still hold before it is rewritten."""

WITHDRAWN, TAKEN_OVER, ENDED_ELSEWHERE = "deleted", "taken", "ended"
"""Why a round cannot go on: its participant was deleted, another window shows it, another window's server ended it."""

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class PointCounts:
    """Points received, stored, refused (by reason), and dropped because their participant was deleted."""

    n_received: int = 0
    n_stored: int = 0
    n_refused: Counter[str] = field(default_factory=Counter)
    n_dropped: int = 0


class RoundWriter:
    """Writes rounds of one game into ``database`` in a thread of its own.

    The constructor first stores what a server that died had received, if the database takes it.

    Parameters
    ----------
    database : Database
        The records; they also determine the folder of the journal.
    on_stop : callable
        Called from the writer's thread when a round cannot go on, with the round and ``WITHDRAWN``, ``TAKEN_OVER``
        (nothing of it is stored) or ``ENDED_ELSEWHERE`` (what came is stored).
    """

    def __init__(self, database: Database, on_stop: Callable[[RoundKey, str], None] = lambda *_: None) -> None:
        self.journal, self.counts = Journal(database), PointCounts()
        self._database, self._rounds, self._on_stop = database, Rounds(database), on_stop
        self._pending: dict[RoundKey, list[RoundUpdate]] = {}
        self._waiting: list[tuple[str, Future[None]]] = []
        self._changed = threading.Condition()
        self._urgent, self._asked, self._closing, self._deadline = False, False, False, 0.0
        self._n_entries, self._rewrite_at = 0, MAX_STALE_ENTRIES
        self._journal_fails, self._away_since = False, None
        self._missing: list[
            tuple[RoundKey, RoundUpdate]
        ] = []  # in memory alone, because the journal could not be written
        self._adopt()
        self._thread = threading.Thread(target=self._run, name="round writer", daemon=True)
        self._thread.start()

    def can_keep(self) -> bool:
        """Return whether the database or the journal takes updates now, so that they would outlast this process."""
        with self._changed:
            return self._away_since is None or self._catch_up()

    def add(self, key: RoundKey, update: RoundUpdate) -> None:
        """Add ``update`` of the round ``key``, from any thread; once this returns, it survives the end of this process.

        Where neither the database nor the journal can be written it is in memory alone; the log says so.
        """
        with self._changed:
            self._n_entries += 1
            self._missing.append((key, update))
            self._catch_up()
            self._pending.setdefault(key, []).append(update)
            self.counts.n_received += len(update.points)
            self._urgent |= update.began_ms is not None or update.end is not None
            self._changed.notify_all()

    def flush(self, participant: str) -> Future[None]:
        """Write at once; return a future that is done when all of ``participant`` until now is stored or refused."""
        done: Future[None] = Future()
        with self._changed:
            if any(key.participant == participant for key in self._pending):
                self._waiting.append((participant, done))
                self._asked = True
                self._changed.notify_all()
            else:
                done.set_result(None)
        return done

    def close(self, timeout_s: float = 3.0) -> None:
        """Store what is left; what the database does not take within ``timeout_s`` stays in the journal.

        The log counts the points that wait there, and those that are lost because the journal could not be written
        either.
        """
        with self._changed:
            self._closing, self._deadline = True, time.monotonic() + 0.9 * timeout_s
            self._changed.notify_all()
        self._thread.join(timeout_s)
        with self._changed:  # the thread may still wait for the database
            if not self._catch_up():
                self._rewrite_journal()
            n_lost = sum(len(part.points) for _, part in self._missing)
            n_in_journal, is_lost = self._n_waiting() - n_lost, bool(self._missing)
            is_left = len(self._missing) < sum(map(len, self._pending.values()))
        if is_left:
            _log.error(
                "%s could not be stored yet: kept in %s, and stored when the game is next started.",
                counted(n_in_journal, "point"),
                self.journal.path,
            )
        if is_lost:
            _log.error(
                "%s, and what else came with them, are lost: neither the database nor %s could be written.",
                counted(n_lost, "point"),
                self.journal.path,
            )
        self.journal.close()

    def _n_waiting(self) -> int:
        return sum(len(part.points) for parts in self._pending.values() for part in parts)

    def _run(self) -> None:
        """Write what waits until the writer is closed; wait longer after each failed try."""
        wait_s = WRITE_INTERVAL_S
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._pending or self._closing)
                if self._closing and (not self._pending or time.monotonic() >= self._deadline):
                    return
                urgent = wait_s == WRITE_INTERVAL_S  # not while the database is away, unless somebody waits
                self._changed.wait_for(
                    lambda now=urgent: self._closing or self._asked or (now and self._urgent), wait_s
                )
                self._urgent = self._asked = False
            if self._write():
                wait_s = WRITE_INTERVAL_S
            elif self._closing:
                time.sleep(0.1)
            else:
                wait_s = min(2 * wait_s, MAX_RETRY_WAIT_S)

    def _write(self) -> bool:
        """Try once to write all that waits, round by round; return whether all of it was stored or refused for good."""
        with self._changed:
            waiting = [(key, list(parts)) for key, parts in self._pending.items()]
        complete = True
        for key, parts in waiting:
            try:
                self._write_round(key, parts)
            except Exception as error:
                complete = False
                if is_outage(error):
                    self._tell_away(error)
                    break
                _log.exception("a round could not be written; it is kept and tried again")
        with self._changed:
            self._catch_up()
        if complete and self._away_since is not None:
            _log.warning("the database is back after %.1f s; nothing was lost.", time.monotonic() - self._away_since)
            self._away_since = None
        return complete

    def _write_round(self, key: RoundKey, parts: list[RoundUpdate]) -> None:
        """Write ``parts`` of one round; drop or refuse what can never be stored, and report a round that must stop."""
        try:
            result = self._rounds.write_updates(key.round, *parts, session_id=key.visit, participant=key.participant)
        except ParticipantWithdrawnError:
            self._drop(key.participant)
            self._on_stop(key, WITHDRAWN)
        except RoundRefusedError as error:
            self._refuse(key, parts, str(error))
            self._done(key, parts)
            if isinstance(error, RoundTakenOverError):
                self._on_stop(key, TAKEN_OVER)
        else:
            for refusal in result.refusals:
                self._refuse(key, [refusal.update], refusal.reason)
            n_refused = sum(len(refusal.update.points) for refusal in result.refusals)
            self.counts.n_stored += sum(len(part.points) for part in parts) - n_refused
            self._done(key, parts)
            if result.ended_elsewhere:
                self._on_stop(key, ENDED_ELSEWHERE)

    def _done(self, key: RoundKey, parts: list[RoundUpdate]) -> None:
        with self._changed:
            done = set(map(id, parts))
            self._missing = [pair for pair in self._missing if id(pair[1]) not in done]
            left = self._pending[key][len(parts) :]
            if left:
                self._pending[key] = left
            else:
                del self._pending[key]
            self._tidy()

    def _drop(self, participant: str) -> None:
        """Remove what is left of a withdrawn participant, here and in the journals."""
        with self._changed:
            keys = [key for key in self._pending if key.participant == participant]
            n_dropped = sum(len(part.points) for key in keys for part in self._pending.pop(key))
            self._missing = [pair for pair in self._missing if pair[0].participant != participant]
            self.counts.n_dropped += n_dropped
            remove_participant(self._database, participant)
            self._tidy()
        if n_dropped:
            _log.warning(
                "%s dropped: their participant was deleted meanwhile.", counted(n_dropped, "point was", "points were")
            )

    def _refuse(self, key: RoundKey, parts: Iterable[RoundUpdate], reason: str) -> None:
        """Store refused ``parts`` aside with the ``reason``, count their points, and log them."""
        n_points = 0
        for part in parts:
            n_points += len(part.points)
            try:
                self.journal.refuse(_entry(key, part), reason)
            except OSError:
                _log.exception("what was refused could not be kept: %s", part)
        self.counts.n_refused[reason] += n_points
        _log.error(
            "%s and the rest of a part of round %s were refused: %s. They are kept in %s.",
            counted(n_points, "point"),
            key.round,
            reason,
            self.journal.folder,
        )

    def _tidy(self) -> None:
        """Complete the futures of those who wait, and now and then rewrite the journal with what is pending."""
        still = {key.participant for key in self._pending}
        for participant, done in self._waiting:
            if participant not in still and done.set_running_or_notify_cancel():
                done.set_result(None)
        self._waiting = [(one, done) for one, done in self._waiting if one in still]
        if self._n_entries and (not self._pending or self._n_entries > self._rewrite_at):
            self._rewrite_journal()

    def _rewrite_journal(self) -> None:
        """Rewrite the journal with what is pending, and nothing else."""
        entries = [_entry(key, part) for key, parts in self._pending.items() for part in parts]
        try:
            self.journal.rewrite(entries)
        except OSError as error:
            self._tell_journal(error)
        else:
            self._missing.clear()
            self._n_entries, self._rewrite_at = len(entries), 2 * len(entries) + MAX_STALE_ENTRIES

    def _catch_up(self) -> bool:
        """Append to the journal what it lacks, in order; return whether it has everything now."""
        while self._missing:
            try:
                self.journal.append(_entry(*self._missing[0]))
            except OSError as error:
                self._tell_journal(error)
                return False
            del self._missing[0]
            if self._journal_fails:
                _log.warning("%s can be written again.", self.journal.path)
            self._journal_fails = False
        return True

    def _tell_journal(self, error: OSError) -> None:
        """Log once that the journal cannot be written; updates in memory are stored as long as this process lives."""
        if not self._journal_fails:
            _log.error(
                "%s cannot be written (%s): a crash would lose what is not yet stored.", self.journal.path, error
            )
        self._journal_fails = True

    def _tell_away(self, error: BaseException) -> None:
        """Log once that the database is away, and force the journal to the disk."""
        if self._away_since is None:
            self._away_since = time.monotonic()
            why = " ".join(str(getattr(error, "orig", None) or error).split())
            where = "memory alone" if self._missing else self.journal.path
            _log.error("the database cannot be written (%s); everything waits in %s.", why, where)
            try:
                self.journal.sync()
            except OSError as failed:
                self._tell_journal(failed)

    def _adopt(self) -> None:
        """Store what servers received before they died."""
        if n_gone := remove_unknown_participants(self._database, self._rounds.has_participant):
            _log.warning("%d refused entries of participants who were deleted were removed.", n_gone)
        for entry in self.journal.recover():
            self._n_entries += 1
            try:
                key, part = _part(entry)
            except (KeyError, TypeError, ValueError) as error:
                self.journal.refuse(entry, f"it cannot be read ({error!r})")
                _log.exception("an entry of the journal cannot be read; it is kept in %s", self.journal.folder)
                continue
            self._pending.setdefault(key, []).append(part)
            self.counts.n_received += len(part.points)
        if self._pending:
            self._write()
            _log.warning(
                "of %s that a server had received before it ended, %s stored, %s refused and %s for the database.",
                counted(self.counts.n_received, "point"),
                counted(self.counts.n_stored, "was", "were"),
                counted(self.counts.n_refused.total(), "was", "were"),
                counted(self._n_waiting(), "waits", "wait"),
            )


def adopt_journals(database: Database) -> int:
    """Store what servers of this machine received before they died, so that a reader of ``database`` misses nothing.

    Returns
    -------
    int
        How many entries still wait, at most: those of servers that run, and all where nothing can be written.
    """
    if count_waiting_entries(database):
        try:
            RoundWriter(database).close()
        except (DatabaseError, OSError, SQLAlchemyError) as error:
            _log.warning("%s cannot be taken over: %s", journal_folder(database), " ".join(str(error).split()))
    return count_waiting_entries(database)


def _entry(key: RoundKey, part: RoundUpdate) -> JournalEntry:
    return {**asdict(key), **part.to_entry()}


def _part(entry: JournalEntry) -> tuple[RoundKey, RoundUpdate]:
    key = RoundKey(round=entry["round"], visit=entry["visit"], participant=entry["participant"])
    return key, RoundUpdate.from_entry(entry)
