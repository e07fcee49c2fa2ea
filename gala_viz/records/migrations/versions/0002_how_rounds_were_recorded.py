"""Rounds tell which program recorded them, and by which rule the page kept its paint surface in place."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0002", "0001"


def upgrade() -> None:
    """Add both columns; of former rounds neither is known."""
    op.add_column("rounds", sa.Column("surface_rule", sa.Integer(), nullable=True))
    op.add_column("rounds", sa.Column("software", sa.String(), nullable=True))
