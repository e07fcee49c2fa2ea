"""Overview of the recorded rounds for an experimenter: counts by day and collection, and reliability of the maps."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from sqlalchemy import func, select

from gala_viz.alignment import COMPARISON_CELLS, CeilingSpec, area_average, image_ceilings
from gala_viz.alignment.bootstrap import ConfidenceInterval, bootstrap_interval
from gala_viz.collections.clickme.catch_score import CatchScore
from gala_viz.collections.clickme.participant_maps import participant_maps
from gala_viz.collections.clickme.round_filters import RoundFilters, filter_rounds
from gala_viz.collections.clickme.round_table import round_table
from gala_viz.collections.collection import Collection
from gala_viz.collections.photo_files import UnreadableImageError
from gala_viz.counts import counted
from gala_viz.records.database import Database
from gala_viz.records.finished_rounds import (
    COLLECTED_FILTERS,
    catch_scores,
    count_rounds_by_image,
    finished_rounds,
)
from gala_viz.records.pause import is_paused
from gala_viz.records.tables import GAME, Participant, Round
from gala_viz.schema import labelled_map

DAY_MS = 86_400_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Overview:
    """Counts of a database; ``by_day`` is (day in UTC, people's rounds, simulated rounds).

    ``collections`` counts people's finished rounds by collection.
    """

    paused: bool
    n_participants: int
    n_simulated: int
    outcomes: dict[str, int]
    collections: dict[str, int]
    by_day: tuple[tuple[str, int, int], ...]
    catch_scores: dict[str, CatchScore]

    def summary(self) -> str:
        """Return the counts as lines for a terminal."""
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
            scores = [one.score for one in self.catch_scores.values()]
            n_trials = sorted(one.n_trials for one in self.catch_scores.values())
            each = str(n_trials[0]) if n_trials[0] == n_trials[-1] else f"{n_trials[0]} to {n_trials[-1]}"
            lines.append(
                f"catch trials: {counted(len(scores), 'participant')} met one, {each} each, "
                f"mean score {np.mean(scores):.2f}"
            )
        return "\n".join(lines) + "\n"


@dataclass(frozen=True, kw_only=True, slots=True)
class Reliability:
    """Split-half rho of images with enough participants, and its ``growth``: (rounds, images, mean rho).

    ``filtered`` says how many rounds the filters left, and which they dropped.
    """

    interval: ConfidenceInterval | None
    growth: tuple[tuple[int, int, float], ...]
    filtered: str = ""


def overview(database: Database) -> Overview:
    """Count participants, rounds that ended and finished rounds by collection."""
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
    database: Database,
    collection: Collection,
    *,
    simulated: bool = False,
    smoothing: str = "discs",
    steps: int = 6,
    filters: RoundFilters = COLLECTED_FILTERS,
) -> Reliability:
    """Estimate the split-half rho of the game's maps, from all rounds that the filters leave, and from the first ones.

    Parameters
    ----------
    database : Database
        The records.
    collection : Collection
        The collection whose rounds count, with its photographs.
    simulated : bool
        Whether simulated participants count instead of people.
    smoothing : str
        Name of ``SMOOTHINGS``.
    steps : int
        Points of the growth: after 1 / steps of the rounds, 2 / steps, and so on.
    filters : RoundFilters
        Which rounds count; default: as in an export.

    Returns
    -------
    Reliability
        Mean rho over images of maps of 56 x 56 cells, with its bootstrap interval (None without an image that has
        enough participants), and its growth.

    References
    ----------
    Linsley et al. 2019, section 4.
    """
    filter_result = filter_rounds(round_table(finished_rounds(database, collection.name, simulated=simulated)), filters)
    rounds, spec = filter_result.rounds, CeilingSpec()
    growth: list[tuple[int, int, float]] = []
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
                point_maps = participant_maps(part.points(numbers), collection.size_px(image), smoothing)
            except (UnreadableImageError, KeyError):
                continue
            values = area_average(point_maps.maps, (COMPARISON_CELLS, COMPARISON_CELLS))
            maps = labelled_map(values, name="human_map", leading={"participant": list(point_maps.participants)})
            rhos |= image_ceilings([(image, maps)], spec).rho
        growth.append((int(count), len(rhos), float(np.mean(list(rhos.values()))) if rhos else float("nan")))
    known = np.array(list(rhos.values()))
    return Reliability(
        interval=bootstrap_interval(known) if len(known) else None,
        growth=tuple(growth),
        filtered=filter_result.summary(),
    )
