"""Finished rounds: everybody's points in the photograph's pixels, with what round filters need to know."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Row, Select, case, func, select

from gala_viz.collections.clickme.catch_score import CatchScore
from gala_viz.collections.clickme.round_filters import RoundFilters
from gala_viz.collections.clickme.round_table import Round as ClickRound
from gala_viz.records.canvas import canvas_to_photo
from gala_viz.records.database import Database
from gala_viz.records.image_counts import MAP_OUTCOMES
from gala_viz.records.paint_surface import RoundRecording, classify_surface_motion
from gala_viz.records.tables import CATCH, GAME, GameSession, Participant, Round, RoundPoint

ROUNDS_PER_QUERY = 500

COLLECTED_FILTERS = RoundFilters(catch_rule="interval")
"""Default filters of what the game collects: its participants have few catch trials, and their number is known."""


def finished_rounds(
    database: Database, collection: str, images: Sequence[str] | None = None, *, simulated: bool = False
) -> Iterator[ClickRound]:
    """Yield the finished rounds of a collection, in the order in which they ended.

    Parameters
    ----------
    database : Database
        The records.
    collection : str
        Name of the collection.
    images : sequence of str, optional
        Ids of the images; None means all.
    simulated : bool
        Whether rounds of simulated participants are yielded instead of people's: the two are never mixed.

    Yields
    ------
    Round
        Points ``x_px`` and ``y_px`` (point,) float64 in the photograph's pixels. ``catch_score`` is the participant's
        over this collection, None before a first catch trial, ``n_catch_trials`` their number.
    """
    scores = catch_scores(database, collection)
    for row, x_px, y_px in _rounds(database, collection, images, simulated):
        own = scores.get(row.participant_id)
        yield ClickRound(
            image=row.image,
            participant=row.participant_id,
            x_px=x_px,
            y_px=y_px,
            catch_score=None if own is None else own.score,
            is_mobile=bool(row.mobile),
            n_catch_trials=0 if own is None else own.n_trials,
        )


def catch_scores(database: Database, collection: str | None = None) -> dict[str, CatchScore]:
    """Return participant -> how many of their catch trials they passed, where they painted in any."""
    query = select(Round.participant_id, func.sum(_as_number(Round.passed)), func.count()).where(
        Round.kind == CATCH, Round.passed.is_not(None)
    )
    if collection is not None:
        query = query.where(Round.collection == collection)
    with database.read_connection() as connection:
        rows = connection.execute(query.group_by(Round.participant_id)).all()
    return {participant: CatchScore(int(n_passed), int(n_trials)) for participant, n_passed, n_trials in rows}


def count_rounds_by_image(database: Database, collection: str, *, simulated: bool = False) -> dict[str, int]:
    """Return image -> how many finished rounds it has, of people or of ``simulated`` participants."""
    query = _finished(select(Round.image, func.count().label("n")), collection, simulated).group_by(Round.image)
    with database.read_connection() as connection:
        return {row.image: row.n for row in connection.execute(query)}


def participants_by_image(database: Database, collection: str, *, simulated: bool = False) -> dict[str, frozenset[str]]:
    """Return image -> ids of the people, or ``simulated`` participants, who finished a round on it: one round each."""
    ids = func.aggregate_strings(Round.participant_id, " ").label("ids")
    query = _finished(select(Round.image, ids), collection, simulated).group_by(Round.image)
    with database.read_connection() as connection:
        return {row.image: frozenset(row.ids.split()) for row in connection.execute(query)}


def round_recordings(
    database: Database, collection: str, *, simulated: bool = False
) -> dict[tuple[str, str], RoundRecording]:
    """Return (image, participant) -> how that finished round was recorded; a participant has one on an image."""
    query = select(
        Round.image, Round.participant_id, Round.surface_rule, Round.ended_ms, GameSession.mobile, GameSession.device
    )
    query = _finished(query, collection, simulated).join(GameSession, GameSession.id == Round.visit_id)
    with database.read_connection() as connection:
        rows = connection.execute(query).all()
    return {
        (row.image, row.participant_id): RoundRecording(
            classify_surface_motion(
                surface_rule=row.surface_rule, simulated=simulated, mobile=row.mobile, device=row.device
            ),
            row.ended_ms,
        )
        for row in rows
    }


def _rounds(
    database: Database, collection: str, images: Sequence[str] | None, simulated: bool
) -> Iterator[tuple[Row, NDArray, NDArray]]:
    """Yield finished rounds, each with x and y of its points in the photograph's pixels."""
    query = _finished(
        select(Round.id, Round.image, Round.participant_id, Round.box, Round.settings, GameSession.mobile),
        collection,
        simulated,
    )
    query = query.join(GameSession, GameSession.id == Round.visit_id).order_by(Round.ended_ms, Round.id)
    if images is not None:
        query = query.where(Round.image.in_(list(images)))
    with database.read_connection() as connection:
        rows = connection.execute(query).all()
        for start in range(0, len(rows), ROUNDS_PER_QUERY):
            part = rows[start : start + ROUNDS_PER_QUERY]
            points = connection.execute(
                select(RoundPoint.round_id, RoundPoint.x_px, RoundPoint.y_px)
                .where(RoundPoint.round_id.in_([row.id for row in part]))
                .order_by(RoundPoint.round_id, RoundPoint.number)
            ).all()
            by_round: dict[str, list[tuple[float, float]]] = {row.id: [] for row in part}
            for round_id, x, y in points:
                by_round[round_id].append((x, y))
            for row in part:
                xy = np.array(by_round[row.id], dtype=float).reshape(-1, 2)
                yield (row, *canvas_to_photo(xy[:, 0], xy[:, 1], tuple(row.box), row.settings["canvas_px"]))


def _finished(query: Select, collection: str, simulated: bool) -> Select:
    makes_map: ColumnElement[bool] = Round.outcome.in_([str(outcome) for outcome in MAP_OUTCOMES])
    return query.join(Participant, Participant.id == Round.participant_id).where(
        Round.collection == collection, Round.kind == GAME, makes_map, Participant.simulated.is_(simulated)
    )


def _as_number(flag: ColumnElement) -> ColumnElement:
    return case((flag, 1), else_=0)
