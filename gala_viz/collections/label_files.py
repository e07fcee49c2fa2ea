"""Labels of ImageNet's flat validation folder, from either file that they are published in.

LOC_val_solution.csv gives each image's WordNet id. ILSVRC2012_validation_ground_truth.txt gives, line by line, the
numbers 1 to 1,000 of the development kit, whose order is not that of sorted WordNet ids: they are translated by the
kit's meta.mat or map_clsloc.txt beside the file, and never without.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from gala_viz.collections.human_maps.image_names import ImageNames
from gala_viz.collections.human_maps.map_checks import MapFileError
from gala_viz.collections.mat_file import cells, read_mat
from gala_viz.imagenet import CATEGORIES, index_of_wnid, is_wnid

N_VALIDATION = 50_000
"""Images of ILSVRC 2012's validation set."""
MAX_BYTES = 2**27
TRANSLATIONS = ("meta.mat", "map_clsloc.txt")
_NUMBER = re.compile(r"ILSVRC2012_val_(\d{8})(\.[A-Za-z]+)?", re.IGNORECASE)
_WNID = re.compile(r"n\d{8}")


class LabelFileError(ValueError):
    """A file of labels that cannot be used; the message says what was expected."""


def read_label_file(path: Path, images: Sequence[str]) -> dict[str, int]:
    """Return image -> ImageNet index, 0 to 999, of those ``images`` that the file has a label of.

    Raises ``LabelFileError``, and ``OSError`` where the file cannot be read.
    """
    if path.stat().st_size > MAX_BYTES:
        raise LabelFileError(f"{path.name}: a file of labels has at most {MAX_BYTES / 1e6:.0f} MB.")
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise LabelFileError(f"{path.name} is no text in UTF-8.") from None
    first = next((line for line in lines if line.strip()), "")
    if first.strip().isdigit():
        labels = _by_number(path, lines, images)
    elif {"ImageId", "PredictionString"} <= set(_row(first)):
        labels = _by_name(path, lines, images)
    else:
        raise LabelFileError(
            f"{path.name} is neither LOC_val_solution.csv (columns ImageId, PredictionString) nor "
            f"ILSVRC2012_validation_ground_truth.txt (a number from 1 to 1000 a line); it begins with {first[:60]!r}."
        )
    if not labels:
        raise LabelFileError(
            f"{path.name}: none of the images is among its own; names like ILSVRC2012_val_00000001.JPEG were expected, "
            f"for example got {images[0] if images else 'none'!r}."
        )
    return labels


def _row(line: str) -> list[str]:
    return next(csv.reader([line]), [])


def _by_name(path: Path, lines: Sequence[str], images: Sequence[str]) -> dict[str, int]:
    """Read rows of an image's name and its boxes, each "WNID x y x y"."""
    known = ImageNames(images)
    labels: dict[str, int] = {}
    for number, row in enumerate(csv.DictReader(lines), start=2):
        name, boxes = (row.get(column) or "" for column in ("ImageId", "PredictionString"))
        wnids = {word for word in boxes.split() if _WNID.fullmatch(word)}
        if len(wnids) != 1 or not is_wnid(wnid := wnids.pop()):
            raise LabelFileError(
                f"{path.name}, line {number}: one WordNet id of ImageNet's 1,000 was expected; got {boxes[:60]!r}."
            )
        for image in found if len(found := known.find(name)) == 1 else ():
            if labels.setdefault(image, index_of_wnid(wnid)) != index_of_wnid(wnid):
                raise LabelFileError(f"{path.name}, line {number}: {name} has another label than before.")
    return labels


def _by_number(path: Path, lines: Sequence[str], images: Sequence[str]) -> dict[str, int]:
    """Read one number of the development kit a line, of the image of that number."""
    numbers = [line.strip() for line in lines if line.strip()]
    if len(numbers) != N_VALIDATION:
        raise LabelFileError(
            f"{path.name}: {N_VALIDATION:,} lines were expected, one for each image of ILSVRC 2012's validation set; "
            f"got {len(numbers):,}."
        )
    translation = _translation(path)
    labels: dict[str, int] = {}
    for image in images:
        match = _NUMBER.fullmatch(image.rpartition("/")[2])
        if match is None or not 1 <= int(match[1]) <= N_VALIDATION:
            continue
        number = numbers[int(match[1]) - 1]
        if not number.isdigit() or int(number) not in translation:
            raise LabelFileError(f"{path.name}, line {int(match[1])}: 1 to 1000 was expected; got {number[:20]!r}.")
        labels[image] = index_of_wnid(translation[int(number)])
    return labels


def _translation(path: Path) -> dict[int, str]:
    """Return number -> WordNet id of the development kit, of the file that lies beside ``path``."""
    places = (path.parent, path.parent / "data", path.parent.parent)
    source = next((file for name in TRANSLATIONS for place in places if (file := place / name).is_file()), None)
    if source is None:
        raise LabelFileError(
            f"{path.name} numbers categories as the development kit does, which is not the order of their WordNet ids. "
            f"Put the kit's {' or '.join(TRANSLATIONS)} beside it, or use LOC_val_solution.csv, which has the ids."
        )
    ids = _of_meta(source) if source.suffix == ".mat" else _of_text(source)
    if sorted(ids) != list(range(1, len(CATEGORIES) + 1)) or sorted(ids.values()) != sorted(
        wnid for wnid, _ in CATEGORIES
    ):
        raise LabelFileError(f"{source.name} does not number ImageNet's 1,000 WordNet ids from 1 to 1000, each once.")
    return ids


def _of_meta(path: Path) -> dict[int, str]:
    try:
        synsets = cells(read_mat(path, ["synsets"]).get("synsets", []))
    except MapFileError as error:
        raise LabelFileError(str(error)) from None
    ids: dict[int, str] = {}
    for one in synsets:
        if not isinstance(one, Mapping) or not {"ILSVRC2012_ID", "WNID"} <= set(one):
            raise LabelFileError(f"{path.name}: synsets with ILSVRC2012_ID and WNID were expected.")
        number = one["ILSVRC2012_ID"]
        if str(number).isdigit() and 1 <= int(number) <= len(CATEGORIES):  # the others are groups of categories
            ids[int(number)] = str(one["WNID"])
    return ids


def _of_text(path: Path) -> dict[int, str]:
    """Read lines "n02119789 1 kit_fox"."""
    if path.stat().st_size > MAX_BYTES:
        raise LabelFileError(f"{path.name}: at most {MAX_BYTES / 1e6:.0f} MB are read.")
    words = (line.split() for line in path.read_text(encoding="utf-8", errors="replace").splitlines())
    return {int(one[1]): one[0] for one in words if len(one) > 1 and one[1].isdigit()}
