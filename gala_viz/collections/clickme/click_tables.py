"""Tables of clicks in either format, read once and stored in the user's cache folder."""

from __future__ import annotations

import json
from pathlib import Path

from gala_viz.cache import cache_folder, write_atomically
from gala_viz.collections.clickme import click_csv, click_npz
from gala_viz.collections.clickme.round_table import RoundTable, load_round_table
from gala_viz.collections.human_maps.map_checks import MapFileError
from gala_viz.collections.row_reasons import reasons_text
from gala_viz.specs import fingerprint

READERS = {".csv": click_csv.read_click_csv, ".npz": click_npz.read_click_npz}
_REQUIRED = {".csv": click_csv.REQUIRED, ".npz": click_npz.REQUIRED}
READER_VERSION = 5
"""Rises when tables are read in another way, so that stored rounds of the former way are not used."""


def read_rounds(source: Path, encoding: str | None = None) -> tuple[RoundTable, list[tuple[str, str]]]:
    """Read the rounds of a table, and (name, reason) of what was refused.

    They come from the cache folder where the file has not changed since. ``encoding`` belongs to a CSV table; see
    ``read_click_csv``. Raises ``MapFileError`` for a table that cannot be used.
    """
    reader = READERS.get(source.suffix.lower())
    if reader is None:
        raise MapFileError(f"{source.name}: a table of clicks ends in {' or '.join(READERS)}.")
    if encoding is not None and reader is not READERS[".csv"]:
        raise MapFileError(f"{source.name}: an encoding belongs to a table in CSV; this one has its own.")
    status = source.stat()
    if not status.st_size:
        columns = ", ".join(_REQUIRED[source.suffix.lower()])
        raise MapFileError(f"{source.name} is empty; clicks with {columns} were expected. Copy or export it again.")
    name = fingerprint("rounds", READER_VERSION, str(source), status.st_size, status.st_mtime_ns, encoding)
    table_file = cache_folder() / "rounds" / f"{name}.npz"
    refusals_file = table_file.with_suffix(".json")
    known = load_round_table(table_file)
    if known is not None:
        try:
            return known, [(where, reason) for where, reason in json.loads(refusals_file.read_text(encoding="utf-8"))]
        except (OSError, ValueError, TypeError):
            pass
    try:
        rounds, refused = reader(source) if encoding is None else reader(source, encoding)
    except MapFileError as error:
        raise MapFileError(f"{source.name}: {error}") from None
    if not len(rounds):
        raise MapFileError(f"{source.name}: no row of the table is a round. {reasons_text(refused)}".rstrip())
    if write_atomically(refusals_file, json.dumps(refused).encode()):
        write_atomically(table_file, rounds.to_npz())
    return rounds, refused
