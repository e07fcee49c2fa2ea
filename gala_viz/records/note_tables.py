"""Tables of what researchers leave on pages: notes on images, painted maps, and saved views."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Index
from sqlalchemy.orm import Mapped, mapped_column

from gala_viz.records.tables import Base


class NoteRecord(Base):
    """A note on one image. ``owner`` is a login, "" where there is none."""

    __tablename__ = "notes"
    owner: Mapped[str] = mapped_column(primary_key=True)
    collection: Mapped[str] = mapped_column(primary_key=True)
    image: Mapped[str] = mapped_column(primary_key=True)
    bookmarked: Mapped[bool]
    tags: Mapped[list[Any]]
    text: Mapped[str]
    changed_ms: Mapped[int] = mapped_column(BigInteger)


class PaintedMapRecord(Base):
    """A map that somebody painted on one image under a name. ``owner`` is a login, "" where there is none.

    ``points_px`` are x and y in the photograph's pixels, ``size_px`` its height and width.
    """

    __tablename__ = "painted_maps"
    owner: Mapped[str] = mapped_column(primary_key=True)
    collection: Mapped[str] = mapped_column(primary_key=True)
    image: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    points_px: Mapped[list[Any]]
    size_px: Mapped[list[Any]]
    painted_ms: Mapped[int] = mapped_column(BigInteger)


class SavedViewRecord(Base):
    """A saved view of a page, which everybody who knows its name can open; ``query`` is that of its address."""

    __tablename__ = "views"
    name: Mapped[str] = mapped_column(primary_key=True)
    owner: Mapped[str]
    collection: Mapped[str]
    page: Mapped[str]
    query: Mapped[str]
    made_ms: Mapped[int] = mapped_column(BigInteger)
    __table_args__ = (Index("ix_views_owner", "owner", "collection"),)
