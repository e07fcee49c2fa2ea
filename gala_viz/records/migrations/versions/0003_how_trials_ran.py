"""Trials tell which page began them, how long their parts were, and what happened to the window meanwhile."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0003", "0002"


def upgrade() -> None:
    """Add the columns; of former trials none is known."""
    op.add_column("trials", sa.Column("client_key", sa.String(), nullable=True))
    for name in ("window_ms", "frame_ms"):
        op.add_column("trials", sa.Column(name, sa.Double(), nullable=True))
    for name in ("hidden", "blurred", "resized", "left_full_screen"):
        op.add_column("trials", sa.Column(name, sa.Boolean(), nullable=True))
