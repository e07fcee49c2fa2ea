"""Sessions of experiments tell the ids that a recruiting service put into the page's address."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0005", "0004"


def upgrade() -> None:
    """Add the column; of former sessions no ids are known."""
    op.add_column("sittings", sa.Column("address_ids", sa.JSON(), nullable=True))
