"""``gala-viz import``: a lab's own data as a collection, read through once, with a report of what was left out."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from collections import Counter
from collections.abc import Iterator
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
_OF_FIXATIONS = ("offset", "columns", "drop_first", "one_based", "weight", "sigma", "px_per_degree")
"""Options that no other kind has."""
PREVIEW = "clicks-preview"
"""Name of the picture of imported clicks, without its ending."""
N_PHOTOGRAPHS, N_PREVIEW_IMAGES, PREVIEW_DPI = 6, 500, 200
KEPT = ".before"
"""Ending of a former collection's files while the new one is made."""


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Make a collection of your own data: photographs stay where they are, tables of clicks are copied.

    clicks: a table of clicks (CSV, NPZ) on --photos. fixations: a long table of an eye tracker (CSV, TSV, gz, Parquet),
    or a set (SALICON, CAT2000, MIT1003, COCO-Search18, pysaliency), on --photos; they stay where they are. records:
    ClickMe's TFRecords or NPZ files, a file, a folder or a zip archive. maps: a folder of PNG, JPEG, NPY or NPZ maps,
    or an HDF5 file, on --photos. osie: a folder in OSIE's layout. photographs: a folder, flat or in ImageNet's layout.
    Everything is read once; what cannot be used is listed with its reason.
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
    units: Literal["pixels", "fraction"] | None = None
    """fraction: clicks or fixations are shares of the photograph's sides, 0 to 1; pixels: clicks are in pixels,
    wherever they lie; default: pixels, and a table that looks otherwise is refused."""
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
    labels_file: Path | None = None
    """LOC_val_solution.csv, or ILSVRC2012_validation_ground_truth.txt beside the development kit's meta.mat: labels of
    ImageNet's flat validation folder."""
    exif: Literal["apply", "ignore"] = "apply"
    """ignore: photographs are read as they are stored, without turning them by their EXIF orientation."""
    covers: Literal["photograph", "crop"] = "photograph"
    """crop: maps cover the central 224 px of photographs with a short side of 256 px; only this part is shown."""
    mask: Literal["imagenet-s", "part-imagenet"] | None = None
    """Maps are label masks of this format: 1 on objects, 0 elsewhere."""
    check: bool = True
    """Read every photograph's head and every map now."""
    replace: bool = False
    """Make a collection anew that is in the folder already; it stays as it is if that fails."""
    quiet: bool = False
    """No progress."""

    def run(self) -> int:
        """Open, read through, write the manifest, and print the report."""
        from gala_viz.collections import open_collection
        from gala_viz.collections.folder_layouts import MANIFEST

        if (self.into / MANIFEST).exists() and not self.replace:
            raise FileExistsError(
                f"{self.into} is a collection already; --replace makes it anew, or choose another folder."
            )
        if not self.source.expanduser().exists():
            raise FileNotFoundError(f"{self.source} is not there.")
        self._check_kind()
        self.into.mkdir(parents=True, exist_ok=True)
        with self._former_files():
            manifest = self.manifest()
            manifest.write(self.into)
            collection = open_collection(self.into)
            report = collection_report(collection, check=self.check, quiet=self.quiet)
            replace(manifest, report=report).write(self.into)
            if self.kind == "clicks":
                write_clicks_preview(collection, self.into)
        sys.stdout.write(report_text(collection, report) + f"written to {self.into}\n")
        return 0

    @contextlib.contextmanager
    def _former_files(self) -> Iterator[None]:
        """Set files of a former collection aside, and put them back, in place of the new ones, where that fails."""
        from gala_viz.collections.folder_layouts import MANIFEST

        source = self.source.expanduser().resolve()
        names = [MANIFEST, *([source.name, f"{PREVIEW}.png", f"{PREVIEW}.md"] if self.kind == "clicks" else [])]
        files = [self.into / name for name in names if (self.into / name).resolve() != source]
        kept = [path for path in files if path.exists()]
        for path in kept:
            os.replace(path, f"{path}{KEPT}")
        try:
            yield
        except BaseException:
            for path in files:
                path.unlink(missing_ok=True)
            for path in kept:
                os.replace(f"{path}{KEPT}", path)
            raise
        for path in kept:
            Path(f"{path}{KEPT}").unlink()

    def _check_kind(self) -> None:
        """Raise ``ValueError`` for options that do not belong to the kind."""
        from gala_viz.collections.clickme.click_tables import READERS

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
        if self.kind != "maps" and (self.covers != "photograph" or self.mask is not None):
            raise ValueError(f"--covers and --mask belong to maps; these are {self.kind}.")
        if self.kind in ("records", "osie") and (self.labels_file is not None or self.exif != "apply"):
            raise ValueError(f"--labels-file and --exif belong to folders of photographs; these are {self.kind}.")
        needless = [name for name in _OF_FIXATIONS if getattr(self, name) != getattr(type(self), name)]
        if self.units is not None and self.kind not in ("clicks", "fixations"):
            raise ValueError(f"--units belongs to clicks and fixations; these are {self.kind}.")
        if needless and self.kind != "fixations":
            raise ValueError(f"--{', --'.join(needless).replace('_', '-')} belong to fixations; these are {self.kind}.")

    def manifest(self) -> Manifest:
        """Return the new collection's manifest; a table of clicks is copied beside it."""
        from gala_viz.collections.folder_spec import FolderSpec
        from gala_viz.collections.manifest import Manifest

        source = self.source.expanduser().resolve()
        on_photos = self.kind in ("clicks", "maps", "fixations")
        clicks = self._clicks() if self.kind == "clicks" else None
        fixations = self._fixations() if self.kind == "fixations" else None
        maps = source if on_photos else None
        if self.kind == "clicks":
            maps = self.into / source.name
            if maps.resolve() != source:
                shutil.copyfile(source, maps)
        return Manifest(
            title=self.title or self.into.resolve().name,
            licence=self.licence,
            source=self.photos.expanduser() if self.photos else source,
            human_maps=maps,
            clicks=clicks,
            fixations=fixations,
            folder=FolderSpec(
                labels=self.labels_file and self.labels_file.expanduser().resolve(),
                exif=self.exif,
                covers=self.covers,
                mask=self.mask,
            ),
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
            units="fraction" if self.units == "fraction" else "px",
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
            units=self.units,
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
    n_without_marks = n_clicks = n_outside = 0
    turned: list[str] = []
    for number, image in enumerate(collection.images if check else (), start=1):
        try:
            collection.size_px(image)
            if collection.has_human_map(image) and collection.exif_orientation(image) != 1:
                turned.append(image)
            if (human_map := collection.human_map(image)) is not None:
                counts[len(collection.participants(image))] += 1
                if not collection.participants(image):
                    means[str(human_map.attrs.get("n_participants", UNKNOWN_COUNT))] += 1
                n_without_marks += int(human_map.attrs.get("n_left_out", 0))
                if {"n_clicks", "n_outside"} <= human_map.attrs.keys():
                    n_clicks += int(human_map.attrs["n_clicks"])
                    n_outside += int(human_map.attrs["n_outside"])
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
        **({"n_clicks": n_clicks, "n_clicks_outside": n_outside} if n_clicks else {}),
        **({"n_turned": len(turned), "turned": turned[:100], "exif": collection.limits.exif} if turned else {}),
        "n_left_out": len(collection.skipped),
        "left_out": [list(entry) for entry in collection.skipped[:100]],
    }


def write_clicks_preview(collection: Collection, folder: Path) -> Path:
    """Write a picture of clicks and maps on six photographs, spread over all, and of where all clicks lie.

    Of more than ``N_PREVIEW_IMAGES`` images so many, spread over all, are in the histogram.
    """
    import numpy as np

    from gala_viz.collections import UnreadableImageError
    from gala_viz.collections.folder_collection import FolderCollection
    from gala_viz.collections.human_maps.map_checks import spread
    from gala_viz.plots.figures.clicks_figure import ClickedPhotograph, clicks_figure
    from gala_viz.plots.figures.print_style import save_figure

    assert isinstance(collection, FolderCollection), "clicks lie on photographs"
    images = [image for image in collection.images if collection.has_human_map(image)]
    shares, photographs = [], []
    for image in spread(images, N_PREVIEW_IMAGES):
        with contextlib.suppress(UnreadableImageError):  # which the collection has listed
            if (clicks := collection.clicks_px(image)) is not None:
                height, width = collection.size_px(image)
                shares.append(clicks / (width, height))
    for image in spread(images, N_PHOTOGRAPHS):
        with contextlib.suppress(UnreadableImageError):
            human_map, clicks = collection.human_map(image), collection.clicks_px(image)
            if human_map is not None and clicks is not None:
                photo = collection.photo(image)
                photographs.append(
                    ClickedPhotograph(title=image, photo=photo, clicks_px=clicks, human_map=human_map.values)
                )
    figure = clicks_figure(photographs, np.concatenate(shares or [np.empty((0, 2))]), len(shares))
    caption = (
        f"Clicks of {collection.title}: on {len(photographs)} photographs, with their maps below; and the positions "
    )
    caption += f"of the clicks on {counted(len(shares), 'image')} in shares of the photographs' sides."
    picture, _ = save_figure(figure, folder, PREVIEW, caption, formats=("png",), dpi=PREVIEW_DPI)
    return picture


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
    if "n_clicks" in report:
        lines.append(
            f"  clicks outside of their photographs, not counted: {report['n_clicks_outside']:,} of "
            f"{counted(report['n_clicks'], 'click')}"
        )
    if report.get("n_turned"):
        named = ", ".join(report["turned"][:3]) + (", …" if report["n_turned"] > 3 else "")
        shown, other = ("upright", "--exif ignore") if report["exif"] == "apply" else ("as stored", "--exif apply")
        lines.append(
            f"  NOT SURE: {counted(report['n_turned'], 'photograph')} with human maps ({named}) have an EXIF "
            f"orientation and are shown {shown}; if people saw them otherwise, import with {other}"
        )
    lines += [f"  left out: {name}: {reason}" for name, reason in report["left_out"][:MAX_LISTED]]
    if report["n_left_out"] > MAX_LISTED:
        lines.append(f"  … and {report['n_left_out'] - MAX_LISTED} more, in the collection's file.")
    return "\n".join([*lines, ""])


def _by_number(count: str) -> tuple[bool, int]:
    """Return the key that sorts numbers by value, and what is no number last."""
    return (not count.isdigit(), int(count) if count.isdigit() else 0)
