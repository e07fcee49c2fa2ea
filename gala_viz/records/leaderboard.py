"""Who is ahead today, this week and of all time, and the best of every participant."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import func, select

from gala_viz.records.database import Database
from gala_viz.records.round_updates import Outcome
from gala_viz.records.tables import PRACTICE, Participant, Round

N_ROWS = 10


class LeaderboardPeriod(StrEnum):
    """The time from which on rounds count."""

    TODAY = "today"
    WEEK = "week"
    ALL = "all"

    def since_ms(self, now: datetime) -> int:
        """Return the start in ms since 1970, in the time zone of ``now``: midnight, Monday's midnight, or 0."""
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        if self is LeaderboardPeriod.ALL:
            return 0
        begin = midnight if self is LeaderboardPeriod.TODAY else midnight - timedelta(days=midnight.weekday())
        return int(begin.timestamp() * 1000)


@dataclass(frozen=True, kw_only=True, slots=True)
class LeaderboardRow:
    """One line of the leaderboard."""

    place: int
    name: str
    score: float
    n_rounds: int
    own: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class PlayerStatistics:
    """A participant's own statistics: rounds, how many were won, total and best score, fastest win, longest combo."""

    n_rounds: int
    n_won: int
    score: float
    best_score: float
    fastest_ms: float | None
    longest_combo: int


def leaderboard(database: Database, period: LeaderboardPeriod, participant: str, now: datetime) -> list[LeaderboardRow]:
    """Return the ten participants with the highest sum of scores, and one's own row if it is not among them.

    Equal scores share a place. Practice rounds do not count, and a sum of 0 has no row. A participant without a
    nickname is called by the first letters of the id.

    Parameters
    ----------
    database : Database
        The records; all collections count.
    period : LeaderboardPeriod
        Rounds that ended within it count.
    participant : str
        Id of the participant whose row is included, where the sum is above 0, and marked ``own``.
    now : datetime
        Present time; its time zone determines midnight.

    Returns
    -------
    list of LeaderboardRow
        Highest sum first.
    """
    total = func.sum(Round.score)
    scores = (
        select(Participant.id, Participant.nickname, total.label("score"), func.count().label("n"))
        .join(Round, Round.participant_id == Participant.id)
        .where(Round.ended_ms >= period.since_ms(now), Round.kind != PRACTICE)
        .group_by(Participant.id, Participant.nickname)
        .having(total > 0)
        .order_by(total.desc(), Participant.id)
    )
    with database.read_connection() as connection:
        rows = connection.execute(scores).all()
    table = []
    for position, row in enumerate(rows):
        same = position > 0 and row.score == rows[position - 1].score
        place = table[-1].place if same else position + 1
        name = row.nickname or f"Player {row.id[:4]}"
        table.append(LeaderboardRow(place=place, name=name, score=row.score, n_rounds=row.n, own=row.id == participant))
    return [one for position, one in enumerate(table) if position < N_ROWS or one.own]


def player_statistics(database: Database, participant: str) -> PlayerStatistics:
    """Return the participant's statistics over all time; practice does not count, catch trials do."""
    won = Round.outcome == str(Outcome.WON)
    theirs = (Round.participant_id == participant, Round.ended_ms.is_not(None), Round.kind != PRACTICE)
    query = select(
        func.count(),
        func.count().filter(won),
        func.coalesce(func.sum(Round.score), 0.0),
        func.coalesce(func.max(Round.score), 0.0),
        func.min(Round.elapsed_ms).filter(won),
        func.coalesce(func.max(Round.combo), 0),
    ).where(*theirs)
    with database.read_connection() as connection:
        n_rounds, n_won, score, best_score, fastest, combo = connection.execute(query).one()
    return PlayerStatistics(
        n_rounds=n_rounds, n_won=n_won, score=score, best_score=best_score, fastest_ms=fastest, longest_combo=combo
    )
