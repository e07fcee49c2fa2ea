"""Tables of clicks as text: image_path, clicks, user_id, one round a row."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from gala_viz.collections.clickme.click_notation import parse_points
from gala_viz.collections.clickme.round_reading import RoundReading, image_name
from gala_viz.collections.clickme.round_table import Round, RoundTable
from gala_viz.collections.clickme.table_values import parse_bool, parse_count, parse_number, parse_participant
from gala_viz.collections.clickme.text_encoding import check_encoding
from gala_viz.collections.human_maps.map_checks import MapFileError

REQUIRED = ("image_path", "clicks", "user_id")
OPTIONAL = ("timestamp", "user_catch_trial", "n_catch_trials", "is_mobile", "surface_moved")
MAX_FIELD_LENGTH = 2_000_000


def read_click_csv(path: Path, encoding: str | None = None) -> tuple[RoundTable, list[tuple[str, str]]]:
    """Read the rounds of a CSV file, and (lines, reason) of the rows that are none, each reason once.

    ``clicks`` is a text in any of the forms of ``gala_viz.collections.clickme.click_notation``; the image is named by
    the last two parts of ``image_path``. Columns that are not known are listed among the reasons, too, and ignored;
    ``timestamp`` and ``surface_moved`` are known and not used. ``encoding`` is one of Python's names, by default UTF-8
    with or without a byte-order mark. Raises ``MapFileError`` for a file in another encoding, or without the required
    columns.
    """
    encoding = check_encoding(path, encoding)
    csv.field_size_limit(MAX_FIELD_LENGTH)
    reading = RoundReading("line")
    with path.open(newline="", encoding=encoding) as file:
        reader = csv.reader(file)
        try:
            columns = next(reader, [])
            _check(columns)
            for row in reader:
                if not row:
                    continue
                try:
                    _read_row(reading, reader.line_num, columns, row)
                except ValueError as error:
                    reading.refuse(reader.line_num, str(error))
        except csv.Error as error:
            raise MapFileError(f"line {reader.line_num + 1} is no row of a CSV file ({error}).") from None
    table, refused = reading.finish()
    unknown = [name for name in columns if name not in (*REQUIRED, *OPTIONAL)]
    told = [("columns", f"not known and passed over: {', '.join(map(repr, unknown))}.")] if unknown else []
    if "user_catch_trial" not in columns and (scores := [name for name in unknown if "catch" in name.lower()]):
        told.append((scores[0], "if these are catch scores, call the column user_catch_trial: else nobody is dropped."))
    return table, told + refused


def _check(columns: Sequence[str]) -> None:
    if not columns:
        raise MapFileError(f"the table is empty; expected the columns {', '.join(REQUIRED)}. Export it again.")
    missing = [name for name in REQUIRED if name not in columns]
    if missing:
        raise MapFileError(
            f"the table has no column {', '.join(missing)}; expected {', '.join(REQUIRED)}, and perhaps "
            f"{', '.join(OPTIONAL)}, between commas; it has {', '.join(columns[:20])}."
        )
    twice = [name for name, count in Counter(columns).items() if count > 1 and name in (*REQUIRED, *OPTIONAL)]
    if twice:
        raise MapFileError(f"the table has more than one column {', '.join(twice)}; leave one of each.")


def _read_row(reading: RoundReading, number: int, columns: Sequence[str], row: list[str]) -> None:
    """Add one row of the table to ``reading``. Raises ``ValueError`` for a row that is no round."""
    if len(row) != len(columns):
        raise ValueError("the row has another number of columns than the table.")
    fields = dict(zip(columns, row, strict=True))
    participant = parse_participant(fields["user_id"])
    points, has_times = parse_points(fields["clicks"])
    one = Round(
        image=image_name(fields["image_path"]),
        participant=participant,
        x_px=points[:, 0],
        y_px=points[:, 1],
        catch_score=parse_number(fields.get("user_catch_trial"), "user_catch_trial"),
        is_mobile=parse_bool(fields.get("is_mobile"), "is_mobile"),
        n_catch_trials=parse_count(fields.get("n_catch_trials"), "n_catch_trials"),
    )
    reading.add(number, fields["image_path"], one, has_times=has_times)
