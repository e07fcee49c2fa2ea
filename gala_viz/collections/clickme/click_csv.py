"""Tables of clicks as text: image_path, clicks, user_id, one round a row."""

from __future__ import annotations

import csv
import re
from pathlib import Path, PurePosixPath

import numpy as np

from gala_viz.collections.clickme.round_table import Round
from gala_viz.collections.clickme.table_values import parse_bool, parse_count, parse_number, parse_participant
from gala_viz.collections.clickme.text_encoding import check_encoding
from gala_viz.collections.human_maps.map_checks import MapFileError

REQUIRED = ("image_path", "clicks", "user_id")
OPTIONAL = ("timestamp", "user_catch_trial", "n_catch_trials", "is_mobile", "surface_moved")
MAX_FIELD_LENGTH = 2_000_000
MAX_REFUSED = 100
_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_PAIR = re.compile(rf"\(\s*({_NUMBER})\s*,\s*({_NUMBER})\s*\)")


def read_click_csv(path: Path, encoding: str | None = None) -> tuple[list[Round], list[tuple[str, str]]]:
    """Read the rounds of a CSV file, and (line, reason) of the rows that are none.

    ``clicks`` is a text like "[(x, y), (x, y)]" or "(x,y),(x,y)"; the image is named by the last two parts of
    ``image_path``. Of the rows that are no rounds ``MAX_REFUSED`` are named and the others counted. Columns that are
    not known are listed there, too, and ignored; ``timestamp`` and ``surface_moved`` are known and not used.
    ``encoding`` is one of Python's names, by default UTF-8 with or without a byte-order mark. Raises ``MapFileError``
    for a file in another encoding, or without the required columns.
    """
    encoding = check_encoding(path, encoding)
    csv.field_size_limit(MAX_FIELD_LENGTH)
    rounds: list[Round] = []
    refused: list[tuple[str, str]] = []
    n_refused = 0
    with path.open(newline="", encoding=encoding) as file:
        reader = csv.DictReader(file)
        try:
            columns = [name or "" for name in reader.fieldnames or ()]
            _check(columns)
            unknown = [name for name in columns if name not in (*REQUIRED, *OPTIONAL)]
            if unknown:
                refused.append(("columns", f"not known and passed over: {', '.join(map(repr, unknown))}."))
            for row in reader:
                try:
                    rounds.append(_round(row))
                except ValueError as error:
                    n_refused += 1
                    if n_refused <= MAX_REFUSED:
                        refused.append((f"line {reader.line_num}", str(error)))
        except csv.Error as error:
            raise MapFileError(f"line {reader.line_num + 1} is no row of a CSV file ({error}).") from None
    if n_refused > MAX_REFUSED:
        refused.append(("…", f"{n_refused - MAX_REFUSED} more lines are no rounds."))
    return rounds, refused


def parse_clicks(text: str) -> tuple[np.ndarray, np.ndarray]:
    """Parse x and y, float32 (click,) each, from a text of clicks. Raises ``ValueError`` for any other text."""
    pairs = _PAIR.findall(text)
    rest = _PAIR.sub("", text).translate({ord(sign): None for sign in " \t\r\n,[]"})
    if rest or not pairs:
        shown = text if len(text) <= 40 else f"{text[:40]}…"
        raise ValueError(f"clicks are written like '[(12, 30), (14, 37)]'; got {shown!r}.")
    points = np.array(pairs, dtype=np.float64)
    if not np.isfinite(points).all() or np.abs(points).max() > 1e6:
        raise ValueError("a click lies further than any image reaches.")
    return points[:, 0].astype(np.float32), points[:, 1].astype(np.float32)


def image_name(path: str) -> str:
    """Return the last two parts of a path, such as "n01440764/a.JPEG". Raises ``ValueError`` where there is none."""
    parts = [part for part in PurePosixPath(path.strip().replace("\\", "/")).parts if part not in ("/", ".", "..")]
    if not parts:
        raise ValueError("there is no image_path.")
    return "/".join(parts[-2:])


def _check(columns: list[str]) -> None:
    if not columns:
        raise MapFileError(f"the table is empty; expected the columns {', '.join(REQUIRED)}.")
    missing = [name for name in REQUIRED if name not in columns]
    if missing:
        raise MapFileError(
            f"the table has no column {', '.join(missing)}; expected {', '.join(REQUIRED)}, and perhaps "
            f"{', '.join(OPTIONAL)}; it has {', '.join(columns[:20])}."
        )


def _round(row: dict[str, str | None]) -> Round:
    """Parse one row of the table. Raises ``ValueError`` for a row that is no round."""
    fields = {name: text for name, text in row.items() if text is not None}
    if None in row or not fields.keys() >= set(REQUIRED):
        raise ValueError("the row has another number of columns than the table.")
    participant = parse_participant(fields["user_id"])
    x_px, y_px = parse_clicks(fields["clicks"])
    return Round(
        image=image_name(fields["image_path"]),
        participant=participant,
        x_px=x_px,
        y_px=y_px,
        catch_score=_score(fields.get("user_catch_trial")),
        is_mobile=parse_bool(fields.get("is_mobile"), "is_mobile"),
        n_catch_trials=parse_count(fields.get("n_catch_trials"), "n_catch_trials"),
    )


def _score(text: str | None) -> float | None:
    score = parse_number(text, "user_catch_trial")
    if score is not None and not 0 <= score <= 1:
        raise ValueError(f"user_catch_trial is a share of catch trials, 0 to 1; got {text!r}.")
    return score
