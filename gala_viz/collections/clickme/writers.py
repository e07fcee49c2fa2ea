"""Writers of rounds and maps as the files that the field exchanges: tables of clicks, TFRecords.

The readers of this package read them back.
"""

from __future__ import annotations

import csv
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import simplejpeg
from numpy.typing import NDArray

from gala_viz.collections.clickme.round_table import RoundTable
from gala_viz.protobuf import masked_crc32c

JPEG_QUALITY = 95
N_TRIALS = "n_catch_trials"


def write_click_csv(
    path: str | Path, rounds: RoundTable, further_columns: Mapping[str, Sequence[str]] | None = None
) -> None:
    """Write rounds as a CSV table, one round a row; numbers keep all digits of float32.

    The columns are image_path, clicks, user_id, user_catch_trial, is_mobile, n_catch_trials (of how many trials the
    score is) and ``further_columns``, name -> one text for each round.
    """
    further_columns = further_columns or {}
    with Path(path).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(
            ["image_path", "clicks", "user_id", "user_catch_trial", "is_mobile", N_TRIALS, *further_columns]
        )
        for number in range(len(rounds)):
            x, y = _clicks(rounds, number)
            clicks = ", ".join(f"({a:.9g}, {b:.9g})" for a, b in zip(x.tolist(), y.tolist(), strict=True))
            score, mobile = rounds.catch_score[number], int(rounds.is_mobile[number])
            n_trials = int(rounds.n_catch_trials[number])
            writer.writerow(
                [
                    rounds.images[rounds.image[number]],
                    f"[{clicks}]",
                    rounds.participants[rounds.participant[number]],
                    "" if np.isnan(score) else f"{score:.9g}",
                    "" if mobile < 0 else bool(mobile),
                    "" if n_trials < 0 else n_trials,
                    *(values[number] for values in further_columns.values()),
                ]
            )


def write_click_npz(
    path: str | Path, rounds: RoundTable, further_columns: Mapping[str, Sequence[str]] | None = None
) -> None:
    """Write rounds as an NPZ file of arrays with one entry a round.

    The arrays are file_pointer, clickmap_x, clickmap_y, user_id, user_catch_trial, is_mobile, n_catch_trials (of how
    many trials the score is) and ``further_columns``, name -> one text for each round.
    """
    clicks = [_clicks(rounds, number) for number in range(len(rounds))]
    further = {name: np.array(values, dtype=object) for name, values in (further_columns or {}).items()}
    np.savez_compressed(
        path,
        file_pointer=np.array([rounds.images[one] for one in rounds.image], dtype=object),
        clickmap_x=_objects([x for x, _ in clicks]),
        clickmap_y=_objects([y for _, y in clicks]),
        user_id=np.array([rounds.participants[one] for one in rounds.participant], dtype=object),
        user_catch_trial=rounds.catch_score,
        is_mobile=np.array([None if one < 0 else bool(one) for one in rounds.is_mobile.tolist()], dtype=object),
        n_catch_trials=np.array([None if one < 0 else one for one in rounds.n_catch_trials.tolist()], dtype=object),
        **further,  # pyright: ignore[reportArgumentType]  # no column is called allow_pickle
    )


@dataclass(frozen=True, slots=True)
class ClickMeRecord:
    """One record: a square photograph (y, x, 3) uint8, its map (y, x) of the same size, label, clicks, file's path.

    ``split`` is the photograph's in the collection that it comes from, "none" where it is in none, "" where it is not
    known. The photograph is encoded anew, so that it cannot be identified by its bytes.
    """

    photo: NDArray[np.uint8]
    heatmap: NDArray[np.floating]
    label: int
    click_count: int
    file_path: str
    split: str = ""


def write_tfrecords(path: str | Path, records: Iterable[ClickMeRecord]) -> int:
    """Write a TFRecord file of the JPEG kind and return how many records it has. A map's largest value becomes 255."""
    count = 0
    with Path(path).open("wb") as file:
        for record in records:
            content = _example(record)
            head = struct.pack("<Q", len(content))
            file.write(head + struct.pack("<I", masked_crc32c(head)))
            file.write(content + struct.pack("<I", masked_crc32c(content)))
            count += 1
    return count


def to_uint8(heatmap: NDArray) -> NDArray[np.uint8]:
    """Scale a map so that its largest value is 255; negative values become 0."""
    top = float(heatmap.max())
    return (255 * heatmap.clip(0) / top).round().astype(np.uint8) if top > 0 else np.zeros(heatmap.shape, np.uint8)


def _clicks(rounds: RoundTable, number: int) -> tuple[NDArray, NDArray]:
    part = slice(rounds.start[number], rounds.start[number + 1])
    return rounds.x_px[part], rounds.y_px[part]


def _objects(arrays: Sequence[NDArray]) -> NDArray:
    objects = np.empty(len(arrays), dtype=object)
    for number, array in enumerate(arrays):
        objects[number] = np.asarray(array)
    return objects


def _example(record: ClickMeRecord) -> bytes:
    """Encode a record as a tf.train.Example."""
    photo = simplejpeg.encode_jpeg(np.ascontiguousarray(record.photo), JPEG_QUALITY, "RGB", "444")
    heat = np.ascontiguousarray(to_uint8(record.heatmap)[..., None])
    features = {
        "image": _bytes_list(photo),
        "heatmap": _bytes_list(simplejpeg.encode_jpeg(heat, JPEG_QUALITY, "GRAY", "Gray")),
        "label": _integers(record.label),
        "click_count": _integers(record.click_count),
        "file_path": _bytes_list(record.file_path.encode()),
        **({"split": _bytes_list(record.split.encode())} if record.split else {}),
    }
    entries = b"".join(_field(1, _field(1, name.encode()) + _field(2, value)) for name, value in features.items())
    return _field(1, entries)


def _bytes_list(content: bytes) -> bytes:
    return _field(1, _field(1, content))


def _integers(value: int) -> bytes:
    return _field(3, _field(1, _varint(value)))


def _field(number: int, content: bytes) -> bytes:
    """Encode a field of a protocol buffer that holds bytes or a message."""
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 127:
        encoded.append(value & 127 | 128)
        value >>= 7
    return bytes([*encoded, value])
