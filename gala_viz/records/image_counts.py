"""Which image comes next: the one with the fewest rounds that the participant has not seen."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from sqlalchemy import Connection, exists, select, update
from sqlalchemy.dialects import postgresql, sqlite

from gala_viz.records.database import Database
from gala_viz.records.round_updates import Outcome
from gala_viz.records.tables import Base, ImageCount, Round

MAP_OUTCOMES = (Outcome.WON, Outcome.LOST)
"""Outcomes that make a map; other rounds no longer count towards their image."""
ROWS_PER_INSERT = 5000


def register_images(database: Database, collection: str, images: Sequence[str]) -> int:
    """Make images of a collection known to the database; how many were new."""
    with database.write_transaction() as connection:
        known = set(connection.scalars(select(ImageCount.image).where(ImageCount.collection == collection)))
        new = [image for image in images if image not in known]
        for start in range(0, len(new), ROWS_PER_INSERT):
            rows = [
                {"collection": collection, "image": image, "n_rounds": 0, "rank": _rank()}
                for image in new[start : start + ROWS_PER_INSERT]
            ]
            connection.execute(_if_new(connection, ImageCount), rows)
    return len(new)


def next_image(connection: Connection, collection: str, participant: str, requested: str | None = None) -> str | None:
    """The image with the fewest rounds that ``participant`` has not seen, ties by chance; None where none is left.

    ``requested`` is taken instead, if the participant has not seen it. The row stays locked until the transaction
    ends, and other servers pass over it, so that two participants at once get different images.
    """
    seen = exists().where(
        Round.participant_id == participant, Round.collection == collection, Round.image == ImageCount.image
    )
    unseen = select(ImageCount.image).where(ImageCount.collection == collection, ~seen)
    unlocked = unseen.order_by(ImageCount.n_rounds, ImageCount.rank).limit(1).with_for_update(skip_locked=True)
    found = None
    if requested is not None:
        found = connection.scalar(unseen.where(ImageCount.image == requested))
    return found or connection.scalar(unlocked) or connection.scalar(unseen.limit(1))


def _if_new(connection: Connection, table: type[Base]):
    """The statement that adds rows, and leaves those alone that another server added at the same moment."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    return dialect.insert(table).on_conflict_do_nothing()


def increment_count(collection: str, image: str):
    """The statement that counts a round, and draws the image's rank anew."""
    return _of(collection, image).values(n_rounds=ImageCount.n_rounds + 1, rank=_rank())


def decrement_count(collection: str, image: str):
    """The statement that takes a round back."""
    return _of(collection, image).where(ImageCount.n_rounds > 0).values(n_rounds=ImageCount.n_rounds - 1)


def _of(collection: str, image: str):
    return update(ImageCount).where(ImageCount.collection == collection, ImageCount.image == image)


def _rank() -> float:
    return secrets.randbelow(2**53) / 2**53
