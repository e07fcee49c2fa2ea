"""Tables of clicks in either format, read once and remembered in the user's cache folder."""

from __future__ import annotations

import json
from pathlib import Path

from gala_viz.collections.cache import cache_folder, write_atomically
from gala_viz.collections.clickme.click_csv import read_click_csv
from gala_viz.collections.clickme.click_npz import read_click_npz
from gala_viz.collections.clickme.round_table import RoundTable, load_round_table, round_table
from gala_viz.collections.map_checks import MapFileError
from gala_viz.specs import fingerprint

READERS = {".csv": read_click_csv, ".npz": read_click_npz}
READER_VERSION = 2
"""Rises when tables are read in another way, so that nothing that was read before is believed."""


def read_rounds(source: Path, encoding: str | None = None) -> tuple[RoundTable, list[tuple[str, str]]]:
    """The rounds of a table and what was refused, from the cache folder where the file has not changed since.

    ``encoding`` belongs to a CSV table; see ``read_click_csv``.
    """
    reader = READERS.get(source.suffix.lower())
    if reader is None:
        raise MapFileError(f"{source.name}: a table of clicks ends in {' or '.join(READERS)}.")
    if encoding is not None and reader is not READERS[".csv"]:
        raise MapFileError(f"{source.name}: an encoding belongs to a table in CSV; this one has its own.")
    status = source.stat()
    if not status.st_size:
        raise MapFileError(f"{source.name} is empty.")
    name = fingerprint("rounds", READER_VERSION, str(source), status.st_size, status.st_mtime_ns, encoding)
    kept = cache_folder() / "rounds" / f"{name}.npz"
    told = kept.with_suffix(".json")
    known = load_round_table(kept)
    if known is not None:
        try:
            return known, [(where, reason) for where, reason in json.loads(told.read_text(encoding="utf-8"))]
        except (OSError, ValueError, TypeError):
            pass
    try:
        listed, refused = reader(source) if encoding is None else reader(source, encoding)
    except MapFileError as error:
        raise MapFileError(f"{source.name}: {error}") from None
    rounds = round_table(listed)
    if write_atomically(told, json.dumps(refused).encode()):
        write_atomically(kept, rounds.to_npz())
    return rounds, refused
