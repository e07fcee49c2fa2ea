"""Export of rounds as files: tables of clicks, TFRecords and maps in Zarr, after round filters."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gala_viz.alignment import area_average
from gala_viz.collections.clickme.clickme_record import NO_SPLIT
from gala_viz.collections.clickme.participant_maps import participant_maps
from gala_viz.collections.clickme.round_filters import FilterResult, RoundFilters, filter_rounds
from gala_viz.collections.clickme.round_table import RoundTable, round_table
from gala_viz.collections.clickme.smoothing import SMOOTHINGS
from gala_viz.collections.clickme.writers import ClickMeRecord, write_click_csv, write_click_npz, write_tfrecords
from gala_viz.collections.collection import Collection
from gala_viz.collections.human_maps.zarr_maps import write_zarr_maps
from gala_viz.collections.photo_files import UnreadableImageError
from gala_viz.counts import counted
from gala_viz.records.canvas import centre_crop_box, crop_to_canvas
from gala_viz.records.database import Database
from gala_viz.records.finished_rounds import COLLECTED_FILTERS, finished_rounds, round_recordings
from gala_viz.records.paint_surface import RULE, RoundRecording, surface_motion_report
from gala_viz.records.round_writer import adopt_journals
from gala_viz.registry import Registry
from gala_viz.splits import SPLITS, splits_of

TFRECORD_SIDE_PX = 256
"""Sides of photographs and maps in TFRecords."""
ZARR_CELLS = 128
"""Sides of maps in Zarr."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ExportSpec:
    """Which rounds are exported and how their maps are smoothed; ``simulated`` takes simulated participants instead."""

    filters: RoundFilters = COLLECTED_FILTERS
    smoothing: str = "discs"
    simulated: bool = False

    def __post_init__(self) -> None:
        SMOOTHINGS[self.smoothing]


def filter_finished_rounds(database: Database, collection: Collection, spec: ExportSpec) -> FilterResult:
    """Return the rounds on ``collection`` that the filters of ``spec`` leave, and how many each filter dropped."""
    return filter_rounds(
        round_table(finished_rounds(database, collection.name, simulated=spec.simulated)), spec.filters
    )


RoundRecordings = Mapping[tuple[str, str], RoundRecording]
"""(image, participant) -> how that round was recorded."""
SURFACE_COLUMN = "surface_moved"


def _csv(path: Path, rounds: RoundTable, collection: Collection, spec: ExportSpec, recorded: RoundRecordings) -> None:
    """Write the clicks as a CSV table, one round a row.

    Parameters
    ----------
    path : Path
        The file without its suffix, which is ``.csv``.
    rounds : RoundTable
        Filtered rounds.
    collection : Collection
        Not used.
    spec : ExportSpec
        Not used.
    recorded : mapping of (str, str) to RoundRecording
        How each round was recorded: the column ``surface_moved``.
    """
    write_click_csv(path.with_suffix(".csv"), rounds, {SURFACE_COLUMN: _surface(rounds, recorded)})


def _npz(path: Path, rounds: RoundTable, collection: Collection, spec: ExportSpec, recorded: RoundRecordings) -> None:
    """Write the clicks as arrays, one entry a round.

    Parameters
    ----------
    path : Path
        The file without its suffix, which is ``.npz``.
    rounds : RoundTable
        Filtered rounds.
    collection : Collection
        Not used.
    spec : ExportSpec
        Not used.
    recorded : mapping of (str, str) to RoundRecording
        How each round was recorded: the array ``surface_moved``.
    """
    write_click_npz(path.with_suffix(".npz"), rounds, {SURFACE_COLUMN: _surface(rounds, recorded)})


def _tfrecords(
    path: Path, rounds: RoundTable, collection: Collection, spec: ExportSpec, recorded: RoundRecordings
) -> None:
    """Write photographs and mean maps as TFRecords, one image a record, 256 x 256 pixels each.

    Parameters
    ----------
    path : Path
        The file without its suffix, which is ``.tfrecords``.
    rounds : RoundTable
        Filtered rounds.
    collection : Collection
        Photographs, labels and splits.
    spec : ExportSpec
        How maps are smoothed.
    recorded : mapping of (str, str) to RoundRecording
        Not used.
    """
    labels = sorted({collection.category(image) or "" for image in collection.images})
    write_tfrecords(path.with_suffix(".tfrecords"), _records(rounds, collection, spec, labels))


def _zarr(path: Path, rounds: RoundTable, collection: Collection, spec: ExportSpec, recorded: RoundRecordings) -> None:
    """Write the map of every round as a Zarr store of (mark, y, x), 128 x 128 cells each.

    Parameters
    ----------
    path : Path
        The file without its suffix, which is ``.zarr``.
    rounds : RoundTable
        Filtered rounds.
    collection : Collection
        Sizes of the photographs.
    spec : ExportSpec
        How maps are smoothed; its settings become attributes.
    recorded : mapping of (str, str) to RoundRecording
        How each round was recorded: the coordinate ``surface_moved``.
    """
    attrs = {**_settings(spec), f"{SURFACE_COLUMN}_rule": RULE}
    who = counted(len(np.unique(rounds.participant)), "participant")
    made = f"{'SIMULATED ' if spec.simulated else ''}ClickMe maps of {who}"
    maps = (
        (image, person, _to_cells(one))
        for image, point_maps in _maps(rounds, collection, spec)
        for person, one in zip(point_maps.participants, point_maps.maps, strict=True)
    )
    write_zarr_maps(
        path.with_suffix(".zarr"),
        maps,
        attrs,
        description=f"{made}, smoothed ({spec.smoothing}).",
        further_coords=lambda image, person: {SURFACE_COLUMN: str(recorded[image, person].surface_motion)},
    )


EXPORT_FORMATS: Registry = Registry(
    "kind of export", {"csv": _csv, "npz": _npz, "tfrecords": _tfrecords, "zarr": _zarr}
)
"""Name -> function (path, rounds, collection, spec, recorded) that writes one file or store."""


def export_rounds(
    database: Database,
    collection: Collection,
    folder: Path,
    spec: ExportSpec,
    formats: tuple[str, ...] = tuple(EXPORT_FORMATS),
) -> dict[str, Any]:
    """Write the rounds on ``collection`` into ``folder`` as files of ``formats``, with a report.

    TFRecords hold the split of each photograph; tables and maps refer to the photographs themselves, whose collection
    knows it. Tables and maps say of each round whether the paint surface may have moved while it was played
    (``gala_viz.records.paint_surface``); the report explains the words and counts them.

    What servers received before they died is stored first; the report counts the entries that still wait and may be
    missing.

    Parameters
    ----------
    database : Database
        The records.
    collection : Collection
        The collection whose rounds are exported, with its photographs.
    folder : Path
        Made if it is not there.
    spec : ExportSpec
        Filters and smoothing, and whether the participants are the simulated ones.
    formats : tuple of str
        Names of ``EXPORT_FORMATS``.

    Returns
    -------
    dict
        The report, as it also stands in ``clicks.json`` (``clicks-simulated.json``).

    Raises
    ------
    ValueError
        No round is left, or a participant was deleted meanwhile; nothing was written.
    UnknownNameError
        There is no such format.
    """
    writers = [EXPORT_FORMATS[kind] for kind in formats]
    n_waiting = adopt_journals(database)
    filtered = filter_finished_rounds(database, collection, spec)
    if not len(filtered.rounds):
        raise ValueError(f"{collection.name}: no round is left to export. {filtered.summary()}")
    path = folder / ("clicks-simulated" if spec.simulated else "clicks")
    recorded = round_recordings(database, collection.name, simulated=spec.simulated)
    if not recorded.keys() >= set(_pairs(filtered.rounds)):
        raise ValueError("a participant was deleted while the rounds were read; nothing was written: export again.")
    folder.mkdir(parents=True, exist_ok=True)
    for write in writers:
        write(path, filtered.rounds, collection, spec, recorded)
    splits = splits_of(collection)
    images = {image for image, _ in _pairs(filtered.rounds)}
    counts = Counter(splits.split_of(image) or NO_SPLIT for image in images)
    report = {
        "collection": collection.name,
        "splits": {split: count for split in (*SPLITS, NO_SPLIT) if (count := counts[split])},
        "split_doubt": splits.doubt,
        "simulated": spec.simulated,
        "smoothing": spec.smoothing,
        "filters": asdict(spec.filters),
        "rounds_before": filtered.n_before,
        "dropped": dict(filtered.dropped),
        "catch_scores_below": list(filtered.catch_scores),
        "rounds": len(filtered.rounds),
        "images": len(images),
        "journal_entries_waiting": n_waiting,
        "participants": len(np.unique(filtered.rounds.participant)),
        SURFACE_COLUMN: surface_motion_report(recorded[pair] for pair in _pairs(filtered.rounds)),
    }
    (folder / f"{path.name}.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return report


def _pairs(rounds: RoundTable) -> list[tuple[str, str]]:
    """Return (image, participant) of each round."""
    pairs = zip(rounds.image, rounds.participant, strict=True)
    return [(rounds.images[image], rounds.participants[participant]) for image, participant in pairs]


def _surface(rounds: RoundTable, recorded: RoundRecordings) -> list[str]:
    return [str(recorded[pair].surface_motion) for pair in _pairs(rounds)]


def _maps(rounds: RoundTable, collection: Collection, spec: ExportSpec) -> Iterator[tuple[str, Any]]:
    """Yield (image, its maps) for every image that can be read, in order of the ids."""
    for code in sorted(np.unique(rounds.image).tolist(), key=lambda one: rounds.images[one]):
        image = rounds.images[code]
        try:
            size = collection.size_px(image)
        except (UnreadableImageError, KeyError):
            continue  # the collection lists it
        yield image, participant_maps(rounds.points(np.flatnonzero(rounds.image == code)), size, spec.smoothing)


def _records(
    rounds: RoundTable, collection: Collection, spec: ExportSpec, labels: list[str]
) -> Iterator[ClickMeRecord]:
    """Yield one record for each image: its centre crop, and the crop of its mean map."""
    splits = splits_of(collection)
    for image, point_maps in _maps(rounds, collection, spec):
        photo = collection.photo(image)
        box = centre_crop_box(*photo.shape[:2])
        mean = point_maps.maps.mean(axis=0)
        scale = mean.shape[0] / photo.shape[0]
        crop = Image.fromarray(mean).resize(
            (TFRECORD_SIDE_PX, TFRECORD_SIDE_PX), Image.Resampling.BILINEAR, box=tuple(side * scale for side in box)
        )
        target = collection.target(image)
        code = rounds.images.index(image)
        yield ClickMeRecord(
            photo=crop_to_canvas(photo, TFRECORD_SIDE_PX, box),
            heatmap=np.asarray(crop),
            label=labels.index(collection.category(image) or "") if target is None else target,
            click_count=int(rounds.n_clicks[rounds.image == code].sum()),
            file_path=image,
            split="" if splits.doubt else splits.split_of(image) or NO_SPLIT,
        )


def _to_cells(values: NDArray) -> NDArray:
    """Return a map with as many rows as columns, so that maps of all photographs fit into one array."""
    return area_average(values, (ZARR_CELLS, ZARR_CELLS))


def _settings(spec: ExportSpec) -> dict[str, Any]:
    settings: dict[str, Any] = {"smoothing": spec.smoothing, "filters": json.dumps(asdict(spec.filters))}
    return {**settings, "simulated": 1} if spec.simulated else settings
