"""Which image comes next: the one with the fewest rounds that the participant has not seen."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, exists, select, update
from sqlalchemy.dialects import postgresql, sqlite

from gala_viz.records.database import Database
from gala_viz.records.round_updates import Outcome
from gala_viz.records.tables import Base, ImageCount, Round

MAP_OUTCOMES = (Outcome.WON, Outcome.LOST)
"""Outcomes that make a map; other rounds no longer count towards their image."""
ROWS_PER_INSERT = 5000


def register_images(database: Database, collection: str, images: Sequence[str]) -> int:
    """Add ``images`` of a collection to the database; return how many were new."""
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


def next_image(
    connection: Connection,
    collection: str,
    participant: str,
    requested: str | None = None,
    excluded: Iterable[str] = (),
) -> str | None:
    """Return the image with the fewest rounds among those that the participant has not seen.

    Chance decides among equal counts. In PostgreSQL the image's row stays locked until the transaction ends, and other
    servers pass over it, so that two participants at once get different images; neither a requested image is locked,
    nor one that is taken because others have locked all the rest.

    Parameters
    ----------
    connection : Connection
        Within a write transaction.
    collection : str
        Name of a collection whose images are registered.
    participant : str
        Id of the participant.
    requested : str, optional
        Image that is returned instead, if the participant has not seen it.
    excluded : iterable of str
        Images that are not returned either.

    Returns
    -------
    str or None
        Id of the image; None where the participant has seen all others.
    """
    seen = exists().where(
        Round.participant_id == participant, Round.collection == collection, Round.image == ImageCount.image
    )
    unseen = select(ImageCount.image).where(
        ImageCount.collection == collection, ~seen, ImageCount.image.not_in(list(excluded))
    )
    unlocked = unseen.order_by(ImageCount.n_rounds, ImageCount.rank).limit(1).with_for_update(skip_locked=True)
    image = None
    if requested is not None:
        image = connection.scalar(unseen.where(ImageCount.image == requested))
    return image or connection.scalar(unlocked) or connection.scalar(unseen.limit(1))


def _if_new(connection: Connection, table: type[Base]):
    """Return the statement that adds rows, and skips those that another server added at the same moment."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    return dialect.insert(table).on_conflict_do_nothing()


def increment_count(collection: str, image: str):
    """Return the statement that adds a round to the image's count, and draws its rank anew."""
    return _of(collection, image).values(n_rounds=ImageCount.n_rounds + 1, rank=_rank())


def decrement_count(collection: str, image: str):
    """Return the statement that subtracts a round from the image's count, which stays at 0 or above."""
    return _of(collection, image).where(ImageCount.n_rounds > 0).values(n_rounds=ImageCount.n_rounds - 1)


def _of(collection: str, image: str):
    return update(ImageCount).where(ImageCount.collection == collection, ImageCount.image == image)


def _rank() -> float:
    return secrets.randbelow(2**53) / 2**53
