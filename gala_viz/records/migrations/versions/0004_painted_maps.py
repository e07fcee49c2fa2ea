"""Maps that researchers paint on pages and keep beside their notes."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0004", "0003"


def upgrade() -> None:
    """Add their table."""
    op.create_table(
        "painted_maps",
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("collection", sa.String(), nullable=False),
        sa.Column("image", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("points_px", sa.JSON(), nullable=False),
        sa.Column("size_px", sa.JSON(), nullable=False),
        sa.Column("painted_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("owner", "collection", "image", "name"),
    )
