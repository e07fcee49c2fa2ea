"""What an experimenter wants to know of what was collected: rounds by day, image and participant, and reliability."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from sqlalchemy import func, select

from gala_viz.alignment import COMPARISON_CELLS, CeilingSpec, area_average, image_ceilings
from gala_viz.alignment.bootstrap import ConfidenceInterval, bootstrap_interval
from gala_viz.collections.clickme.participant_maps import participant_maps
from gala_viz.collections.clickme.round_table import round_table
from gala_viz.collections.collection import Collection
from gala_viz.collections.photo_files import UnreadableImageError
from gala_viz.counts import counted
from gala_viz.records.database import Database
from gala_viz.records.finished_rounds import catch_scores, count_rounds_by_image, finished_rounds
from gala_viz.records.pause import is_paused
from gala_viz.records.tables import GAME, Participant, Round
from gala_viz.schema import labelled_map

DAY_MS = 86_400_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Overview:
    """Counts of a database; ``by_day`` is (day, people's rounds, simulated rounds), days being UTC's."""

    paused: bool
    n_participants: int
    n_simulated: int
    outcomes: dict[str, int]
    collections: dict[str, int]
    by_day: tuple[tuple[str, int, int], ...]
    catch_scores: dict[str, float]

    def summary(self) -> str:
        """As lines for a terminal."""
        rounds = ", ".join(f"{outcome} {count}" for outcome, count in self.outcomes.items()) or "none"
        lines = [
            f"{counted(self.n_participants, 'participant')} and {counted(self.n_simulated, 'simulated one')}"
            + ("; paused" if self.paused else ""),
            f"rounds that ended, practice and catch trials too: {rounds}",
            *(
                f"{name}: {counted(count, 'round')} of people that {'makes' if count == 1 else 'make'} maps, "
                "without practice "
                "and catch trials"
                for name, count in self.collections.items()
            ),
            *(
                f"{day}: {counted(people, 'round')} of people, {simulated:,} simulated"
                for day, people, simulated in self.by_day
            ),
        ]
        if self.catch_scores:
            scores = list(self.catch_scores.values())
            lines.append(
                f"catch trials: {counted(len(scores), 'participant')} met one, mean score {np.mean(scores):.2f}"
            )
        return "\n".join(lines) + "\n"


@dataclass(frozen=True, kw_only=True, slots=True)
class Reliability:
    """Split-half rho of the images with two participants or more, and how it grew: (rounds, images, mean rho)."""

    interval: ConfidenceInterval | None
    growth: tuple[tuple[int, int, float], ...]


def overview(database: Database) -> Overview:
    """Counts of everything."""
    day = (Round.ended_ms - Round.ended_ms % DAY_MS).label("day")
    ended = Round.ended_ms.is_not(None)
    with database.read_connection() as connection:
        people = dict(
            connection.execute(select(Participant.simulated, func.count()).group_by(Participant.simulated)).all()
        )
        outcomes = dict(
            connection.execute(select(Round.outcome, func.count()).where(ended).group_by(Round.outcome)).all()
        )
        collections = connection.scalars(select(Round.collection).where(Round.kind == GAME).distinct()).all()
        days = connection.execute(
            select(day, Participant.simulated, func.count())
            .join(Participant, Participant.id == Round.participant_id)
            .where(ended)
            .group_by(day, Participant.simulated)
            .order_by(day)
        ).all()
    counts: dict[int, list[int]] = {}
    for at, simulated, count in days:
        counts.setdefault(int(at), [0, 0])[int(simulated)] = count
    return Overview(
        paused=is_paused(database),
        n_participants=people.get(False, 0),
        n_simulated=people.get(True, 0),
        outcomes=dict(sorted(outcomes.items())),
        collections={name: sum(count_rounds_by_image(database, name).values()) for name in sorted(collections)},
        by_day=tuple((f"{datetime.fromtimestamp(at / 1000, UTC):%Y-%m-%d}", *pair) for at, pair in counts.items()),
        catch_scores=catch_scores(database),
    )


def reliability(
    database: Database, collection: Collection, *, simulated: bool = False, smoothing: str = "discs", steps: int = 6
) -> Reliability:
    """Split-half rho at 56 x 56 cells of the photographs, of all rounds and of the first ones, in ``steps`` parts."""
    rounds = round_table(finished_rounds(database, collection.name, simulated=simulated))
    spec = CeilingSpec()
    grown: list[tuple[int, int, float]] = []
    rhos: dict[str, float] = {}
    for count in np.unique(np.linspace(0, len(rounds), steps + 1).astype(int))[1:]:
        part = rounds.select(np.arange(len(rounds)) < count)
        rhos = {}
        for code in np.unique(part.image):
            numbers = np.flatnonzero(part.image == code)
            if len(np.unique(part.participant[numbers])) < spec.min_participants:
                continue
            image = part.images[code]
            try:
                found = participant_maps(part.points(numbers), collection.size_px(image), smoothing)
            except (UnreadableImageError, KeyError):
                continue
            values = area_average(found.maps, (COMPARISON_CELLS, COMPARISON_CELLS))
            maps = labelled_map(values, name="human_map", leading={"participant": list(found.participants)})
            rhos |= image_ceilings([(image, maps)], spec).rho
        grown.append((int(count), len(rhos), float(np.mean(list(rhos.values()))) if rhos else float("nan")))
    known = np.array(list(rhos.values()))
    return Reliability(interval=bootstrap_interval(known) if len(known) else None, growth=tuple(grown))
