"""The tables as they were before revisions were kept."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0001", None

TABLES = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _key(name: str, kind: type | sa.types.TypeEngine = sa.String) -> sa.Column:
    return sa.Column(name, kind, primary_key=True)


def _of(name: str, parent: str, **more) -> sa.Column:
    return sa.Column(name, sa.String, sa.ForeignKey(parent, ondelete="CASCADE"), nullable=False, **more)


def _must(name: str, kind, **more) -> sa.Column:
    return sa.Column(name, kind, nullable=False, **more)


def _may(name: str, kind) -> sa.Column:
    return sa.Column(name, kind, nullable=True)


sa.Table("settings", TABLES, _key("name"), _must("value", sa.String))
sa.Table(
    "participants",
    TABLES,
    _key("id"),
    _must("secret_sha256", sa.String, unique=True),
    _may("nickname", sa.String),
    _may("consented_ms", sa.BigInteger),
    _must("created_ms", sa.BigInteger),
    _must("simulated", sa.Boolean),
)
sa.Table(
    "visits",
    TABLES,
    _key("id"),
    _of("participant_id", "participants.id", index=True),
    _must("began_ms", sa.BigInteger),
    _must("device", sa.JSON),
    _must("mobile", sa.Boolean),
    _must("versions", sa.JSON),
)
sa.Table(
    "rounds",
    TABLES,
    _key("id"),
    _of("participant_id", "participants.id"),
    _of("visit_id", "visits.id"),
    _must("collection", sa.String),
    _must("image", sa.String),
    _must("category", sa.String),
    _must("kind", sa.String),
    _must("box", sa.JSON),
    _must("settings", sa.JSON),
    _must("shown_ms", sa.BigInteger),
    _may("began_ms", sa.BigInteger),
    _may("ended_ms", sa.BigInteger),
    _may("elapsed_ms", sa.Double),
    _may("outcome", sa.String),
    _may("skip_reason", sa.String),
    _must("score", sa.Double),
    _must("combo", sa.Integer),
    _may("answer", sa.String),
    _may("passed", sa.Boolean),
    sa.UniqueConstraint("participant_id", "collection", "image"),
    sa.Index("ix_rounds_image", "collection", "image", "kind"),
    sa.Index("ix_rounds_ended_ms", "ended_ms"),
)
sa.Table(
    "points",
    TABLES,
    sa.Column("round_id", sa.String, sa.ForeignKey("rounds.id", ondelete="CASCADE"), primary_key=True),
    _key("number", sa.Integer),
    _must("x_px", sa.Double),
    _must("y_px", sa.Double),
    _must("t_ms", sa.Double),
    _must("at_ms", sa.Double),
)
sa.Table(
    "guesses",
    TABLES,
    sa.Column("round_id", sa.String, sa.ForeignKey("rounds.id", ondelete="CASCADE"), primary_key=True),
    _key("n_points", sa.Integer),
    _must("at_ms", sa.Double),
    _must("place", sa.Integer),
    _must("categories", sa.JSON),
    _must("probabilities", sa.JSON),
)
sa.Table(
    "image_counts",
    TABLES,
    _key("collection"),
    _key("image"),
    _must("n_rounds", sa.Integer),
    _must("rank", sa.Double),
    sa.Index("ix_image_counts_next", "collection", "n_rounds", "rank"),
)
sa.Table("experiments", TABLES, _key("hash"), _must("spec", sa.JSON), _must("created_ms", sa.BigInteger))
sa.Table(
    "sittings",
    TABLES,
    _key("id"),
    sa.Column("experiment", sa.String, sa.ForeignKey("experiments.hash"), nullable=False),
    _of("participant_id", "participants.id"),
    _must("set_number", sa.Integer),
    _must("swapped", sa.Boolean),
    _must("seed", sa.Integer),
    _must("began_ms", sa.BigInteger),
    _must("last_ms", sa.BigInteger),
    _may("finished_ms", sa.BigInteger),
    _must("frame_ms", sa.Double),
    _must("device", sa.JSON),
    _must("versions", sa.JSON),
    sa.UniqueConstraint("experiment", "participant_id"),
)
sa.Table(
    "trials",
    TABLES,
    sa.Column("sitting_id", sa.String, sa.ForeignKey("sittings.id", ondelete="CASCADE"), primary_key=True),
    _key("number", sa.Integer),
    _must("begun_ms", sa.BigInteger),
    _may("ended_ms", sa.BigInteger),
    _may("key", sa.String),
    _may("rt_ms", sa.Double),
    _may("fixation_ms", sa.Double),
    _may("stimulus_ms", sa.Double),
    _may("elapsed_ms", sa.Double),
    _may("dropped_frames", sa.Integer),
)
sa.Table(
    "notes",
    TABLES,
    _key("owner"),
    _key("collection"),
    _key("image"),
    _must("bookmarked", sa.Boolean),
    _must("tags", sa.JSON),
    _must("text", sa.String),
    _must("changed_ms", sa.BigInteger),
)
sa.Table(
    "views",
    TABLES,
    _key("name"),
    _must("owner", sa.String),
    _must("collection", sa.String),
    _must("page", sa.String),
    _must("query", sa.String),
    _must("made_ms", sa.BigInteger),
    sa.Index("ix_views_owner", "owner", "collection"),
)


def upgrade() -> None:
    """Make the tables that are not there: all in an empty database, the newer ones in one of early days."""
    TABLES.create_all(op.get_bind(), checkfirst=True)
