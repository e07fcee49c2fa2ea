"""Long tables of an eye tracker: one fixation a row, with the image, the participant, x and y."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Container, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import pandas as pd

from gala_viz.collections.clickme.table_values import NO_PARTICIPANT, UNKNOWN_WORDS
from gala_viz.collections.clickme.text_encoding import UTF_8, check_encoding
from gala_viz.collections.fixations.fixation_table import MAX_FIXATIONS, FixationTable
from gala_viz.collections.fixations.table_columns import find_columns
from gala_viz.collections.human_maps.map_checks import MapFileError, damage_refused
from gala_viz.collections.row_reasons import RowReasons, reasons_text

TEXT_SUFFIXES = (".csv", ".tsv", ".txt")
PARQUET = ".parquet"
MAX_BYTES = 8_000_000_000
"""Bytes of the largest table, unpacked."""
_ROWS_AT_ONCE, _CELLS_AT_ONCE = 500_000, 4_000_000
_MAX_HEADER = 100_000
_SEPARATORS = ("\t", ";", ",")
_NO_VALUE = [*sorted(UNKNOWN_WORDS), "."]
"""What stands for "not recorded"; EyeLink writes a dot."""
_EVENT, _EVENT_NUMBER, _RECORDING = "Eye movement type", "Eye movement type index", "Recording name"
"""Columns of Tobii's exports, which have a row for every sample."""
_NUMBERS = ("x", "y", "duration", "onset", "order")
_MORE = "\0more"
"""Name of the column behind the last."""
_DECIMAL_COMMA = r"[+-]?\d+,\d+"


def is_table(path: Path) -> bool:
    """Return whether ``path`` is called like a long table: .csv, .tsv or .txt, perhaps with .gz, or .parquet."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    return suffixes[-1:] == [PARQUET] or bool(
        set(suffixes[-2:]) & set(TEXT_SUFFIXES) and suffixes[-1] in (*TEXT_SUFFIXES, ".gz")
    )


def table_header(path: Path, encoding: str | None = None) -> list[str]:
    """Return the names of a table's columns, without reading its rows. Raises ``MapFileError``, ``OSError``."""
    if path.suffix.lower() == PARQUET:
        return list(_parquet(path).schema_arrow.names)
    with _open_text(path, encoding) as file:
        return _header(file)[0]


def read_long_table(path: Path, columns: Mapping[str, str] | None = None, encoding: str | None = None) -> FixationTable:
    """Read a table with one fixation a row.

    Rows without an image, a participant or a position are left out, with the reason and the number. Fixations are in
    the order of the column ``order`` or else ``onset`` where there is one, else in that of the rows. A scanpath is all
    of one participant on one image, in one ``trial`` where the table tells it. Of Tobii's exports, which have a row for
    every sample, the rows of "Fixation" count, each fixation once.

    Parameters
    ----------
    path : Path
        The table: text with tabs, semicolons, commas or spaces between columns, perhaps packed (.gz), or Parquet.
    columns : mapping of str to str, optional
        Role -> column, for columns that are not known by their names (``table_columns.KNOWN_NAMES``).
    encoding : str, optional
        One of Python's names; None: UTF-8.

    Returns
    -------
    FixationTable
        The fixations, positions as stored.

    Raises
    ------
    MapFileError
        A column is missing or ambiguous, no row is a fixation, or the file is damaged or too large.
    """
    with damage_refused("the table", 160):
        return _read(path, columns, encoding)


def _read(path: Path, columns: Mapping[str, str] | None, encoding: str | None) -> FixationTable:
    if path.suffix.lower() != PARQUET and path.suffix.lower() != ".gz":
        encoding = check_encoding(path, encoding)
    header = table_header(path, encoding)
    column_of = find_columns(header, columns)
    event = [name for name in (_EVENT, _EVENT_NUMBER, _RECORDING) if name in header]
    if _EVENT in event and _EVENT_NUMBER not in event:
        raise MapFileError(
            f"the table has a row for every sample ({_EVENT!r}); export {_EVENT_NUMBER!r} too, which tells the samples "
            "of one fixation, or a table with one fixation a row."
        )
    used = list(dict.fromkeys([*column_of.values(), *(event if _EVENT in event else ())]))
    repeated = [name for name in used if header.count(name) > 1]
    if repeated:
        raise MapFileError(f"the table has several columns {', '.join(map(repr, repeated))}; name them differently.")
    parts, reasons, codes, n_rows, n_comma = [], RowReasons("row"), {"image": {}, "participant": {}, "trial": {}}, 0, 0
    for frame in _frames(path, used, header, encoding):
        if n_rows + len(frame) > MAX_FIXATIONS:
            raise MapFileError(f"the table has more than {MAX_FIXATIONS:,} rows.")
        part, commas = _parse(frame, column_of, _EVENT in event, n_rows, reasons, codes)
        parts.append(part)
        n_rows, n_comma = n_rows + len(frame), n_comma + commas
    rows = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    skipped = tuple(reasons.listed())
    if not len(rows):
        raise MapFileError(f"no row of the table is a fixation: {reasons_text(skipped) or 'it has no rows.'}")
    if _EVENT in event:
        keys = ["image", "participant", "trial", "event", "recording"]
        rows = rows.drop_duplicates(keys, ignore_index=True)
    for role in ("order", "onset"):
        if role in column_of and bool(rows[role].notna().to_numpy().all()):
            rows = rows.sort_values(role, kind="stable", ignore_index=True)
            break
    unused = [name for name in header if name not in used]
    notes = [f"Columns: {', '.join(f'{role} {name!r}' for role, name in column_of.items())}."]
    notes += ["Numbers with a decimal comma were met."] if n_comma else []
    skipped += ((("columns"), f"not used: {', '.join(map(repr, unused[:40]))}."),) if unused else ()
    return FixationTable(
        title="fixations",
        images=tuple((name,) for name in codes["image"]),
        participants=tuple(codes["participant"]),
        image=rows["image"].to_numpy(np.int32),
        participant=rows["participant"].to_numpy(np.int32),
        scanpath=rows.groupby(["image", "participant", "trial"], sort=False).ngroup().to_numpy(np.int64),
        x_px=rows["x"].to_numpy(np.float64),
        y_px=rows["y"].to_numpy(np.float64),
        duration_ms=rows["duration"].to_numpy(np.float64),
        frames_px=((0, 0),) * len(codes["image"]),
        notes=tuple(notes),
        skipped=skipped,
    )


def _parse(
    frame: pd.DataFrame,
    column_of: Mapping[str, str],
    is_samples: bool,
    n_before: int,
    reasons: RowReasons,
    codes: dict[str, dict[str, int]],
) -> tuple[pd.DataFrame, int]:
    """Return the rows of ``frame`` that are fixations, as numbers, and how many numbers had a decimal comma."""
    texts: dict[str, Any] = {
        role: frame[name] if role in _NUMBERS else frame[name].str.strip() for role, name in column_of.items()
    }
    keep = frame[_EVENT].str.strip() == "Fixation" if is_samples else pd.Series(True, index=frame.index)
    n_comma = 0
    numbers: dict[str, Any] = {}
    empty: dict[str, Any] = {}
    for role in _NUMBERS:
        if role not in texts:
            numbers[role] = pd.Series(np.nan, index=frame.index)
            continue
        parsed: Any = pd.to_numeric(texts[role], errors="coerce")
        numbers[role] = parsed.astype(np.float64)
        others = texts[role][numbers[role].isna()].str.strip()  # few, as a rule
        empty[role] = others.str.lower().isin(_NO_VALUE).reindex(frame.index, fill_value=False)
        commas = others[others.str.fullmatch(_DECIMAL_COMMA)]
        n_comma += len(commas)
        numbers[role] = numbers[role].fillna(commas.str.replace(",", ".").astype(np.float64))
    faults = [
        ("the row has more columns than the table.", frame[_MORE].str.strip() != "" if _MORE in frame else ~keep),
        ("there is no image.", texts["image"] == ""),
        ("there is no participant.", _is_among(texts["participant"], NO_PARTICIPANT)),
    ]
    for role in ("x", "y"):
        faults.append((f"there is no {role}.", empty[role]))
        faults.append((f"{role} is a finite number", ~empty[role] & ~np.isfinite(numbers[role])))
    for reason, fault in faults:
        fault = fault & keep
        if fault.any():
            first = int(np.flatnonzero(fault)[0])
            shown = "" if reason.endswith(".") else f"; got {texts[reason[0]].iloc[first][:30]!r}."
            reasons.add(n_before + first + 2, f"{reason}{shown}", int(fault.sum()))
            keep &= ~fault
    part = pd.DataFrame({role: values[keep] for role, values in numbers.items()})
    for role, known in codes.items():
        part[role] = _coded(texts[role][keep], known) if role in texts else 0
    if is_samples:
        part["event"] = frame[_EVENT_NUMBER][keep]
        part["recording"] = frame[_RECORDING][keep] if _RECORDING in frame else ""
    return part, n_comma


def _is_among(texts: pd.Series, words: Container[str]) -> pd.Series:
    """Return which texts are among ``words``, in lower case; each different text is looked at once."""
    positions, names = pd.factorize(texts)
    return pd.Series(np.array([str(name).lower() in words for name in names], bool)[positions], index=texts.index)


def _coded(texts: pd.Series, known: dict[str, int]) -> np.ndarray:
    """Return the number of each text in ``known``, which learns those that are new."""
    positions, names = pd.factorize(texts)
    numbers = np.array([known.setdefault(str(name), len(known)) for name in names], dtype=np.int64)
    return numbers[positions] if len(names) else np.empty(0, np.int64)


def _frames(path: Path, used: list[str], header: list[str], encoding: str | None) -> Iterator[pd.DataFrame]:
    """Yield the rows of the ``used`` columns as texts, in parts."""
    if path.suffix.lower() == PARQUET:
        for batch in _parquet(path).iter_batches(_ROWS_AT_ONCE, columns=used):
            frame = batch.to_pandas()
            yield pd.DataFrame(
                {name: frame[name].astype(object).where(frame[name].notna(), "").astype(str) for name in used}
            )
        return
    with _open_text(path, encoding) as file:
        separator = _header(file)[1]
        names = [*header, _MORE]
        parts = pd.read_csv(
            file,
            sep=separator,
            header=None,
            names=range(len(names)),  # pandas does not count the columns of rows where it reads some columns alone
            index_col=False,
            dtype=str,
            keep_default_na=False,
            chunksize=max(1000, _CELLS_AT_ONCE // len(names)),
        )
        for part in parts:
            columns = {name: part[names.index(name)].fillna("") for name in (*used, _MORE)}
            yield pd.DataFrame(columns).reset_index(drop=True)


@contextmanager
def _open_text(path: Path, encoding: str | None) -> Iterator[TextIO]:
    """Open a table as text, unpacked, of at most ``MAX_BYTES``."""
    try:
        with gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb") as raw:
            bounded = io.BufferedReader(_Bounded(raw), 1 << 20)
            yield io.TextIOWrapper(bounded, encoding=encoding or UTF_8, newline="")
    except UnicodeDecodeError:
        raise MapFileError(
            f"the table is not {encoding or 'UTF-8'}; tell its encoding with --encoding, for example latin-1."
        ) from None
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise MapFileError(f"the packed table is damaged ({error}).") from None


class _Bounded(io.RawIOBase):
    """A stream that refuses to give more than ``MAX_BYTES``."""

    def __init__(self, stream: Any) -> None:
        self._stream, self._left = stream, MAX_BYTES

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        read = self._stream.read(len(buffer))
        self._left -= len(read)
        if self._left < 0:
            raise MapFileError(f"the table unpacks to more than {MAX_BYTES / 1e9:g} GB.")
        buffer[: len(read)] = read
        return len(read)


def _header(file: TextIO) -> tuple[list[str], str]:
    """Read the first row; return the columns' names and the separator."""
    line = file.readline(_MAX_HEADER + 1)
    if len(line) > _MAX_HEADER:
        raise MapFileError("its first line is too long for the names of columns.")
    line = line.rstrip("\r\n")
    if not line.strip():
        raise MapFileError("the table has no names of columns in its first line.")
    options = [one for one in _SEPARATORS if one in line]
    if not options:
        return line.split(), r"\s+"
    rows = {one: next(csv.reader([line], delimiter=one)) for one in options}
    separator = max(options, key=lambda one: len(rows[one]))
    return [name.strip() for name in rows[separator]], separator


def _parquet(path: Path) -> Any:
    """Open a Parquet file; raise ``MapFileError`` where the package that reads it is not installed."""
    try:
        parquet = import_module("pyarrow.parquet")
    except ImportError:
        raise MapFileError(
            f"{path.name} is a Parquet file, which the package pyarrow reads: pip install 'gala_viz[parquet]', "
            "or save the table as CSV."
        ) from None
    return parquet.ParquetFile(path)
