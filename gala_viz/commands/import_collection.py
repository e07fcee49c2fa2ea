"""``gala-viz import``: a lab's own data as a collection, read through once, with a report of what was left out."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from gala_viz.commands.terminal_progress import progress_printer
from gala_viz.counts import counted

if TYPE_CHECKING:
    from gala_viz.collections.collection import Collection
    from gala_viz.collections.manifest import Manifest

Kind = Literal["clicks", "fixations", "records", "maps", "osie", "photographs"]
MAX_LISTED = 10
_OF_FIXATIONS = ("offset", "units", "columns", "drop_first", "one_based", "weight", "sigma", "px_per_degree")
"""Options that no other kind has."""


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Make a collection of your own data: photographs stay where they are, tables of clicks are copied.

    clicks: a table of clicks (CSV, NPZ) on --photos. fixations: a long table of an eye tracker (CSV, TSV, gz, Parquet),
    or a set (SALICON, CAT2000, MIT1003, COCO-Search18, pysaliency), on --photos; they stay where they are. records:
    TFRecords of ClickMe, a file or a folder. maps: a folder
    of PNG, NPY or NPZ maps, or an HDF5 file, on --photos. osie: a folder in OSIE's layout. photographs: a folder, flat
    or in ImageNet's layout. Everything is read once; what cannot be used is listed with its reason.
    """

    kind: Annotated[Kind, tyro.conf.Positional]
    """What SOURCE is."""
    source: Annotated[Path, tyro.conf.Positional]
    """The file or folder."""
    into: Path
    """Folder of the new collection; other commands take it as --collection."""
    photos: Path | None = None
    """Folder of the photographs that clicks or maps are on."""
    title: str | None = None
    """What pages and tables call the collection."""
    licence: str | None = None
    """Under which licence the photographs are."""
    smoothing: str | None = None
    """discs, gaussian, harmonization or none; default: discs for clicks, harmonization for records."""
    frame: tuple[int, int] | None = None
    """Height and width of the frame in which clicks were recorded, or at which the photograph stood on the display of
    fixations; default: the photograph's own pixels."""
    offset: tuple[float, float] | None = None
    """x and y of the photograph's top left corner in the recording of fixations."""
    units: Literal["px", "fraction"] = "px"
    """fraction: positions of fixations run from 0 to 1 over the photograph."""
    columns: tuple[str, ...] = ()
    """Columns of a table of fixations as ROLE=COLUMN: image, participant, x, y, duration, onset, order, trial."""
    drop_first: bool = False
    """Leave out the first fixation of each participant on each image."""
    one_based: bool = False
    """Positions of fixations count pixels from 1, as MATLAB does; default: as the set does, in tables from the edge."""
    weight: Literal["count", "duration"] = "count"
    """duration: maps sum the durations of fixations."""
    sigma: float | None = None
    """Standard deviation of the Gaussian for fixations, in the recording's pixels, or in degrees with --px-per-degree;
    default: 3 % of the longer side, or 1 degree."""
    px_per_degree: float | None = None
    """How many of the recording's pixels are one degree of visual angle."""
    swap_xy: bool = False
    """Read the first number of a click as y; x and y of fixations change places."""
    encoding: str | None = None
    """Encoding of a table in CSV, for example latin-1, cp1252 or utf-16; default: UTF-8."""
    min_clicks: int = 2
    """Rounds with fewer clicks are dropped."""
    max_clicks: int | None = None
    """Only the first so many clicks of a round count."""
    min_participants: int = 1
    """Images with fewer participants, after all other filters, have no map."""
    min_catch_score: float = 0.95
    """Participants with a lower share of right catch trials are dropped, where that is told; 0 keeps all."""
    catch_rule: Literal["score", "interval"] = "score"
    """score: whose score lies below that share, as the published ClickMe data are filtered; interval: whose 95 %
    interval does, where the table tells the number of trials (n_catch_trials)."""
    min_catch_trials: int = 1
    """With fewer catch trials nobody is dropped by them; above 1 the table has to tell their number."""
    keep_mobile: bool = False
    """Keep rounds on mobile devices."""
    all_rounds: bool = False
    """Keep all rounds of a participant on an image, not the first alone."""
    check: bool = True
    """Read every photograph's head and every map now."""
    quiet: bool = False
    """No progress."""

    def run(self) -> int:
        """Open, read through, write the manifest, and print the report."""
        from gala_viz.collections import open_collection
        from gala_viz.collections.folder_layouts import MANIFEST

        if (self.into / MANIFEST).exists():
            raise FileExistsError(f"{self.into} is a collection already; choose another folder, or remove it.")
        if not self.source.expanduser().exists():
            raise FileNotFoundError(f"{self.source} is not there.")
        self.into.mkdir(parents=True, exist_ok=True)
        manifest = self.manifest()
        path = manifest.write(self.into)
        try:
            collection = open_collection(self.into)
            report = collection_report(collection, check=self.check, quiet=self.quiet)
            replace(manifest, report=report).write(self.into)
        except BaseException:
            path.unlink()
            raise
        sys.stdout.write(report_text(collection, report) + f"written to {self.into}\n")
        return 0

    def manifest(self) -> Manifest:
        """Return the new collection's manifest; a table of clicks is copied beside it."""
        from gala_viz.collections.clickme.click_tables import READERS
        from gala_viz.collections.manifest import Manifest

        source = self.source.expanduser().resolve()
        on_photos = self.kind in ("clicks", "maps", "fixations")
        if on_photos != (self.photos is not None):
            hint = "lie on photographs; tell their folder with --photos" if on_photos else "come with their photographs"
            raise ValueError(f"{self.kind} {hint}.")
        if self.kind == "clicks" and source.suffix.lower() not in READERS:
            raise ValueError(f"clicks are read from {', '.join(sorted(READERS))}; {source.name} is no such table.")
        if (
            self.encoding is not None
            and self.kind != "fixations"
            and (self.kind != "clicks" or source.suffix.lower() != ".csv")
        ):
            raise ValueError(f"--encoding belongs to a table of clicks in CSV; {source.name} is none.")
        needless = [name for name in _OF_FIXATIONS if getattr(self, name) != getattr(type(self), name)]
        if needless and self.kind != "fixations":
            raise ValueError(f"--{', --'.join(needless).replace('_', '-')} belong to fixations; these are {self.kind}.")
        clicks = self._clicks() if self.kind == "clicks" else None
        fixations = self._fixations() if self.kind == "fixations" else None
        maps = source if on_photos else None
        if self.kind == "clicks":
            maps = self.into / source.name
            if maps.resolve() != source:
                maps.write_bytes(source.read_bytes())
        return Manifest(
            title=self.title or self.into.resolve().name,
            licence=self.licence,
            source=self.photos.expanduser() if self.photos else source,
            human_maps=maps,
            clicks=clicks,
            fixations=fixations,
            smoothing=self.smoothing if self.kind == "records" else None,
        )

    def _fixations(self) -> Any:
        """Return the settings of fixation maps that the options make."""
        from gala_viz.collections.fixations.fixation_maps import FixationMapSpec

        wrong = [one for one in self.columns if not all(part.strip() for part in one.partition("=")[::2])]
        if wrong:
            raise ValueError(f"--columns takes ROLE=COLUMN, for example x=FIX_X; got {', '.join(wrong)}.")
        in_degrees = self.px_per_degree is not None
        return FixationMapSpec(
            columns={one.partition("=")[0]: one.partition("=")[2] for one in self.columns},
            frame_px=self.frame,
            offset_px=self.offset,
            units=self.units,
            swap_xy=self.swap_xy,
            one_based=self.one_based or None,
            drop_first=self.drop_first,
            weight=self.weight,
            sigma_px=None if in_degrees else self.sigma,
            sigma_degrees=(self.sigma or 1.0) if in_degrees else None,
            px_per_degree=self.px_per_degree,
            encoding=self.encoding,
        )

    def _clicks(self) -> Any:
        """Return the settings of click maps that the options make."""
        from gala_viz.collections.clickme.click_maps import ClickMapSpec
        from gala_viz.collections.clickme.round_filters import RoundFilters

        filters = RoundFilters(
            first_round=not self.all_rounds,
            min_clicks=self.min_clicks,
            max_clicks=self.max_clicks,
            min_catch_score=self.min_catch_score or None,
            catch_rule=self.catch_rule,
            min_catch_trials=self.min_catch_trials,
            drop_mobile=not self.keep_mobile,
            min_participants=self.min_participants,
        )
        return ClickMapSpec(
            smoothing=self.smoothing or "discs",
            frame_px=self.frame,
            swap_xy=self.swap_xy,
            filters=filters,
            encoding=self.encoding,
        )


def collection_report(collection: Collection, *, check: bool = True, quiet: bool = False) -> dict[str, Any]:
    """Return what a collection holds: images, maps, splits, participants an image, and what was left out.

    With ``check`` every photograph's head and every map are read for it; ``quiet`` shows no progress.
    """
    from gala_viz.collections import UnreadableImageError
    from gala_viz.collections.human_maps.human_map import UNKNOWN_COUNT
    from gala_viz.splits import splits_of
    from gala_viz.training.held_out import HeldOutImages

    progress = progress_printer("reading", quiet=quiet)
    counts: Counter[int] = Counter()
    means: Counter[str] = Counter()
    n_without_marks = 0
    for number, image in enumerate(collection.images if check else (), start=1):
        try:
            collection.size_px(image)
            if (human_map := collection.human_map(image)) is not None:
                counts[len(collection.participants(image))] += 1
                if not collection.participants(image):
                    means[str(human_map.attrs.get("n_participants", UNKNOWN_COUNT))] += 1
                n_without_marks += int(human_map.attrs.get("n_left_out", 0))
        except UnreadableImageError:
            pass  # the collection has listed it
        progress(number, len(collection.images))
    splits = splits_of(collection)
    held_out = HeldOutImages([collection])
    by_content: dict[str, Any] = {}
    if check and held_out.compares_bytes:
        for split, key in (("train", "held_out_under_another_name"), ("validation", "test_under_another_name")):
            conflicts = held_out.find_conflicts(collection, splits.by_split.get(split, ()), split)
            by_content |= {key: [str(twin) for twin in conflicts[:100]], f"n_{key}": len(conflicts)}
    return {
        "imported": datetime.now(UTC).isoformat(timespec="seconds"),
        "fingerprint": collection.fingerprint,
        "n_images": len(collection.images),
        "n_with_maps": sum(map(collection.has_human_map, collection.images)),
        "n_categories": len({collection.category(image) for image in collection.images} - {None}),
        "maps": list(collection.map_kinds.values()),
        "split_rule": splits.rule,
        "images_of_split": dict(Counter(split or "none" for split in splits.by_image.values())),
        "splits": splits.description,
        "compared_by_bytes": bool(by_content),
        **by_content,
        "images_of_n_participants": {str(count): counts[count] for count in sorted(counts) if count},
        "images_of_mean_maps": {count: means[count] for count in sorted(means, key=_by_number)},
        "n_participants_without_marks": n_without_marks,
        "n_left_out": len(collection.skipped),
        "left_out": [list(entry) for entry in collection.skipped[:100]],
    }


def report_text(collection: Collection, report: dict[str, Any]) -> str:
    """Return the report as lines to read."""
    from gala_viz.collections.human_maps.human_map import UNKNOWN_COUNT
    from gala_viz.training.held_out import MOST_IN_A_TRAINING, NOT_COMPARED

    lines = [
        f"{collection.title}: {counted(report['n_images'], 'image')}, {report['n_with_maps']} with human maps, "
        f"{counted(report['n_categories'], 'category', 'categories')}",
        *(f"  {sentence}" for sentence in report["maps"]),
        f"  splits: {report['splits']}",
        *(f"  will not train: {twin}" for twin in report.get("held_out_under_another_name", ())[:MAX_LISTED]),
        *(f"  will not choose: {twin}" for twin in report.get("test_under_another_name", ())[:MAX_LISTED]),
    ]
    if not report["compared_by_bytes"] and len(collection.images) > MOST_IN_A_TRAINING:
        lines.append(f"  {NOT_COMPARED}")
    if report["images_of_n_participants"]:
        parts = (f"{count}: {images}" for count, images in report["images_of_n_participants"].items())
        lines.append(f"  participants an image: {', '.join(parts)}")
    if report["images_of_mean_maps"]:
        parts = (
            f"{'number unknown' if count == UNKNOWN_COUNT else count}: {images}"
            for count, images in report["images_of_mean_maps"].items()
        )
        lines.append(f"  mean maps, without a noise ceiling; participants an image: {', '.join(parts)}")
    if report["n_participants_without_marks"]:
        lines.append(
            f"  left out: {counted(report['n_participants_without_marks'], 'map')} of participants who marked nothing"
        )
    lines += [f"  left out: {name}: {reason}" for name, reason in report["left_out"][:MAX_LISTED]]
    if report["n_left_out"] > MAX_LISTED:
        lines.append(f"  … and {report['n_left_out'] - MAX_LISTED} more, in the collection's file.")
    return "\n".join([*lines, ""])


def _by_number(count: str) -> tuple[bool, int]:
    """Return the key that sorts numbers by value, and what is no number last."""
    return (not count.isdigit(), int(count) if count.isdigit() else 0)
