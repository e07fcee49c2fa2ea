"""How often a test split was looked at: a small file beside the results, which each evaluation adds to.

Who chooses by the test split reports chance. What is looked at elsewhere is not in the file, and the text says so.
"""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from pathlib import Path

from gala_viz.cache import write_atomically
from gala_viz.evaluation.evaluation import Evaluation
from gala_viz.specs import fingerprint, settings

FILE = "test-looks.csv"
COLUMNS: tuple[str, ...] = (
    "look",
    "first_at",
    "collection",
    "collection_fingerprint",
    "split",
    "n_images",
    "networks",
    "what",
)
"""``what`` is a fingerprint of the images, maps, weights and settings: the same evaluation again is no new look."""


def record_look(evaluation: Evaluation, folder: Path) -> str:
    """Add an evaluation of test images to the file in ``folder``, and return how many looks there were, in a sentence.

    Looks are those at one collection, by its name, whatever its human maps are made of.

    Parameters
    ----------
    evaluation : Evaluation
        What is about to be written.
    folder : Path
        Folder of the results.

    Returns
    -------
    str
        "" for an evaluation of training or validation images; else the number of this look, or why it is not known.
    """
    split, collection = evaluation.spec.split, evaluation.collection
    if split not in ("test", "all"):
        return ""
    weights = sorted(str(one["weights_sha256"]) for one in evaluation.networks.values())
    about = (collection["fingerprint"], list(evaluation.images), weights, settings(evaluation.spec))
    row = {
        "first_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "collection": str(collection["name"]),
        "collection_fingerprint": str(collection["fingerprint"]),
        "split": split,
        "n_images": str(len(evaluation.images)),
        "networks": "; ".join(evaluation.networks),
        "what": fingerprint(*about),
    }
    path = folder / FILE
    try:
        rows = _read(path)
        same = [one for one in rows if one["collection"] == row["collection"]]
        again = next((number for number, one in enumerate(same, 1) if one["what"] == row["what"]), None)
        number = again or len(same) + 1
        if again is None and not write_atomically(path, _text([*rows, {"look": str(number), **row}]).encode()):
            raise OSError("it cannot be written")
    except (OSError, UnicodeDecodeError, csv.Error, ValueError) as error:
        return f"How often the test images were looked at before is not known: {FILE} cannot be used ({error})."
    others = len(same) - (again is not None)
    before = "no other look stands" if not others else f"{others} other{'s stand' if others > 1 else ' stands'}"
    return (
        f"Look number {number} at the test images of {collection['name']} that is counted in {FILE} beside these "
        f"results, where {before}, at other networks, images, maps or settings. What was looked at from elsewhere is "
        "not known; choose on validation images."
    )


def _read(path: Path) -> list[dict[str, str]]:
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    if not text:
        return []
    reader = csv.DictReader(io.StringIO(text, newline=""))
    rows = list(reader)
    if tuple(reader.fieldnames or ()) != COLUMNS or any(None in one.values() or None in one for one in rows):
        raise ValueError(f"its columns are not {', '.join(COLUMNS)}")
    return rows


def _text(rows: list[dict[str, str]]) -> str:
    stream = io.StringIO(newline="")
    writer = csv.DictWriter(stream, COLUMNS)
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()
