"""Revisions of the tables of records, as Alembic runs them; ``gala_viz.records.upgrade`` decides when.

**How to add a column.** Three steps, all in one commit:

1. Add it to its class in ``gala_viz/records/tables.py`` (or ``note_tables.py``), with ``| None`` in its type: former
   rows do not have it, and an older server that still runs on the same database must be able to insert rows. None means
   "not known"; say so in the docstring. A column that may not be empty needs a ``server_default`` that is true of all
   former rows.
2. Add ``versions/NNNN_what_changes.py`` with the next number, four digits, like the latest one there::

       \"\"\"Trials tell how wide the window was.\"\"\"

       import sqlalchemy as sa
       from alembic import op

       revision, down_revision = "0007", "0006"


       def upgrade() -> None:
           \"\"\"Add the column.\"\"\"
           op.add_column("trials", sa.Column("window_px", sa.Double(), nullable=True))

   It must not import ``tables.py``: the classes change, a revision that was released never does.
3. Run ``pytest tests/records/test_upgrade.py``. It compares the tables of the last revision with the classes, upgrades
   a file of the first revision to it on SQLite and PostgreSQL, and tells what is missing.

A new table is ``op.create_table``. What SQLite cannot alter in place (types, constraints) goes through
``op.batch_alter_table``; foreign keys are off while revisions run and are checked afterwards, so that a copied table
takes no rows of others along. Every revision runs inside of one transaction with all others: no commits. Two revisions
with one number come from two branches: the later one takes the next number and follows the other.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent


@cache
def revisions() -> tuple[str, ...]:
    """Return the numbers of all revisions, the latest last; they are the first words of the files' names."""
    return tuple(sorted(path.name.partition("_")[0] for path in (FOLDER / "versions").glob("[0-9]*_*.py")))
