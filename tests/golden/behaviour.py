"""What the product gives: one function for each part, and a command that keeps the results as the reference.

``make golden`` writes one JSON file for each part beside this module and prints what differs from before;
``test_golden.py`` compares. Every intended change is listed in ``CHANGED.md`` with its reason.
"""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

FOLDER = Path(__file__).parent
BEFORE = FOLDER / "before"
"""Files that the first version wrote: a database of a game and an experiment, and the experiment's folder."""
PHOTO_PAIR = ("lite0-gala-vanilla", "lite0-gala-human")
RENDERED_PAIR = ("rendered-gala", "rendered-gala-clickme")
N_RENDERED = 24
CELLS = 14
"""Maps are kept as area averages over so many cells a side."""
N_SAMPLES = 5
DIGITS = 6


def photographs(count: int | None = None) -> dict[str, Any]:
    """Predictions, attention norms and maps with their errors of the (first ``count``) photographs that ship."""
    import gala_viz as gv

    collection = gv.open_collection("photos")
    return _looked_at(collection, PHOTO_PAIR, collection.images[:count])


def first_photographs(part: dict[str, Any], count: int) -> dict[str, Any]:
    """What ``photographs(count)`` gave, of what ``photographs()`` gave."""

    def cut(values: list) -> list:
        return [cut(one) for one in values] if isinstance(values[0], list) else values[:count]

    images = dict(list(part["images"].items())[:count])
    return {"images": images, "scores": {name: cut(values) for name, values in part["scores"].items()}}


def rendered() -> dict[str, Any]:
    """The same of rendered objects, and how close each map is to the (simulated) human map."""
    import gala_viz as gv

    collection = gv.open_collection("rendered")
    images = rendered_images()
    return {
        "human maps": {image: _cells(collection.human_map(image).values) for image in images},
        **_looked_at(collection, RENDERED_PAIR, images),
    }


def evaluation() -> dict[str, Any]:
    """The files of ``gala-viz evaluate`` on rendered objects."""
    with _folder() as folder:
        _run(
            "evaluate", "--collection", "rendered", "--networks", *RENDERED_PAIR, "--images", N_RENDERED,
            "--samples", 4, "--people-resamples", 100, "--out", folder / "out",
        )  # fmt: skip
        found = files(folder / "out", skip=("blocks", "report.html", "table.md", "test-looks.csv"))
    return found


def store() -> dict[str, Any]:
    """The arrays of a store, and the settings that it keeps."""
    import xarray as xr

    from gala_viz.store.zarr_store import Store

    with _folder() as folder, _photo_folder(folder, 3) as photos:
        path = folder / "maps.zarr"
        asked = ("--collection", photos, "--networks", *PHOTO_PAIR, "--methods", "smoothgrad", "grad_cam")
        _run("attribute", *asked, "--store", path, "--samples", N_SAMPLES, "--cells", CELLS, "--workers", 0)
        tree = xr.open_datatree(path, engine="zarr", consolidated=False)
        arrays = {
            f"{node.path}:{name}": {
                "dims": list(map(str, array.dims)),
                "dtype": str(array.dtype),
                "values": _small(array.values),
            }
            for node in tree.subtree
            for name, array in node.variables.items()
        }
        return {"arrays": dict(sorted(arrays.items())), "spec": _plain(Store(path).settings)}


def figure() -> dict[str, Any]:
    """A figure's JSON and the files beside it."""
    with _folder() as folder:
        asked = ("--collection", "rendered", "--images", *rendered_images()[:2], "--samples", N_SAMPLES)
        _run("figure", *asked, "--out", folder / "a", "--dpi", 50)
        _run("figure", folder / "a" / "figure.json", "--out", folder / "b")
        first, second = ({one.name: one.read_bytes() for one in (folder / name).iterdir()} for name in "ab")
        again = sorted(name for name in first if first[name] == second[name])
        table = ("--collection", "rendered", "--images", *rendered_images()[:6], "--samples", 2, "--name", "table")
        _run("figure", "--kind", "table", *table, "--out", folder / "c")
        return {"comparison": files(folder / "a"), "the same bytes": again, "table": files(folder / "c")}


def records() -> dict[str, Any]:
    """Exports of a game's records that the first version wrote, and what is told of them."""
    with _folder() as folder:
        path = shutil.copy(BEFORE / "records.v1", folder / "records.sqlite")
        told = _run("records", "status", "--records", path)
        kept = ("--min-catch-score", 0, "--no-drop-mobile")
        _run("records", "export", "--records", path, "--collection", "photos", "--out", folder / "filtered")
        _run("records", "export", "--records", path, "--collection", "photos", "--out", folder / "all", *kept)
        return {
            "status": re.sub(r"-at-[^.]*[.]\d*Z", "-at-", told).splitlines(),
            "filtered": {**files(folder / "filtered", skip=("clicks.zarr",)), **_exported_maps(folder / "filtered")},
            "all": {**files(folder / "all", skip=("clicks.zarr",)), **_exported_maps(folder / "all")},
            "notes": _notes(path),
        }


def experiment() -> dict[str, Any]:
    """An experiment of the first version: its hash, its stimuli, its responses exported, simulated ones analysed."""
    from gala_viz.commands.experiment.folder import read_folder_spec

    with _folder() as folder:
        path = shutil.copy(BEFORE / "records.v1", folder / "records.sqlite")
        home = Path(shutil.copytree(BEFORE / "experiment", folder / "experiment"))
        _run("experiment", "export", "--folder", home, "--records", path)
        exported = files(home, skip=("experiment.toml",))
        shutil.rmtree(home / "bids")
        _run("experiment", "simulate", "--folder", home, "--participants", 24)
        analysed = _run("experiment", "analyse", "--folder", home)
        _run(
            "experiment", "prepare", "--folder", folder / "new", "--images", 24, "--practice", 2, "--seed", 3,
        )  # fmt: skip
        new = files(folder / "new", skip=("preview.png", "stimuli.csv"))
        with (folder / "new" / "stimuli.csv").open(encoding="utf-8", newline="") as file:
            stimuli = list(csv.DictReader(file))
        return {
            "hash": read_folder_spec(BEFORE / "experiment").hash,
            "exported": exported,
            "analysed": {
                "told": analysed.splitlines(),
                **files(home, skip=("responses", "figure-1b.", "experiment.toml")),
            },
            "prepared": {**new, "stimuli.csv": _table(stimuli[::40])},
        }


def links() -> dict[str, Any]:
    """What links and saved views of the first version open, and what a page says of itself."""
    queries = {
        "compare": [
            "", "v=1", "image=photo 00003", "v=1&n=20&noise=0.2", "v=1&smoothing=2&normalise=sum", "opacity=0.3",
            "v=1&image=photo 00003&maps=mouse&layer=2&explain=chosen&category=5&method=saliency&n=20&noise=0.2"
            "&channels=maximum&smoothing=2&normalise=sum&scale=raw&opacity=0.3&threshold=40&colours=Fire"
            "&people=contours&parts=1&outlines=1&flicker=1&zoom=10,90.5,20,120&panels=a,b"
            "&search=photo&in=school bus&sort=delta&descending=0&mapped=1",
            "v=1&n=0", "v=1&colour=red", "v=1&image=nowhere", "v=7&n=20",
        ],
        "explore": [
            "", "v=1&image=photo 00004&means=1", "v=1&selection=rect:0.2,0.6,0.1,0.9&sort=rho", "v=1&x=nothing",
        ],
    }  # fmt: skip
    with _page_states() as states:
        return {page: {query: _opened(states[page], query) for query in ones} for page, ones in queries.items()}


def commands() -> dict[str, Any]:
    """Names, options and defaults of all commands, as ``--help`` tells them."""
    from gala_viz.cli import COMMANDS

    found = {name: _options(name) for name in COMMANDS}
    steps = re.findall(r"\b(prepare|run|status|export|observe|simulate|analyse)\b", _help("experiment"))
    return {**found, **{f"experiment {step}": _options("experiment", step) for step in dict.fromkeys(steps)}}


PARTS: dict[str, Callable[[], dict[str, Any]]] = {
    one.__name__: one
    for one in (photographs, rendered, evaluation, store, figure, records, experiment, links, commands)
}


def rendered_images() -> list[str]:
    """The first two test images of each category of the rendered objects."""
    import gala_viz as gv

    collection = gv.open_collection("rendered")
    chosen: dict[str, list[str]] = {}
    for image in collection.images:
        if collection.split(image) == "test":
            chosen.setdefault(collection.category(image), []).append(image)
    return [image for images in chosen.values() for image in images[: N_RENDERED // len(chosen)]]


def _looked_at(collection: Any, pair: tuple[str, str], images: Iterable[str]) -> dict[str, Any]:
    """What the page's source says of ``images``: of each network, of their delta, and the scores."""
    import gala_viz as gv
    from gala_viz.live import LiveMaps

    source, images = LiveMaps(collection, [gv.load_network(name) for name in pair]), list(images)
    request = gv.MapRequest(smoothgrad=gv.SmoothGradSpec(n_samples=N_SAMPLES, noise_fraction=0.15, seed=0))
    for _ in source.survey(request, tuple(images), lambda: False):
        pass
    found: dict[str, Any] = {}
    for image in images:
        forward_results, update = source.forward(image), source.cached(image, request)
        found[image] = {
            name: {
                "categories": list(forward_results.predictions[place].categories),
                "probabilities": _plain(forward_results.predictions[place].probabilities),
                "attention norms": {
                    layer: _cells(norm.values, 7) for layer, norm in forward_results.attention_norms[place].items()
                },
                "map": _cells(update.maps[place].values),
                "standard error": _cells(update.standard_error[place].values),
            }
            for place, name in enumerate(pair)
        }
        found[image]["delta"] = _cells(update.delta.values)
    scores = source.scores(request).sel(image=images)
    names = ("correct", "rho", "dice", "iou", "rho_attention", "ceiling", "delta_size")
    return {"images": found, "scores": {name: _plain(scores[name].values) for name in names if name in scores}}


def _exported_maps(folder: Path) -> dict[str, Any]:
    """The Zarr array of an export and what is read back from its TFRecords."""
    import xarray as xr

    import gala_viz as gv

    with xr.open_zarr(folder / "clicks.zarr", consolidated=False) as dataset:
        arrays = {
            str(name): {"dims": list(map(str, one.dims)), "values": _small(one.values)}
            for name, one in dataset.variables.items()
        }
        attributes = _plain(dict(dataset.attrs))
    collection = gv.open_collection(str(folder / "clicks.tfrecords"))
    read = {image: _cells(collection.human_map(image).values) for image in collection.images}
    return {"clicks.zarr": {"arrays": arrays, "attributes": attributes}, "clicks.tfrecords": read}


def _notes(path: str) -> dict[str, Any]:
    from gala_viz.records.database import Database
    from gala_viz.records.notes import Notes
    from gala_viz.records.saved_views import SavedViews

    database = Database(path)
    try:
        exported = Notes(database, "photos").export_notes()
        views = {view.name: [view.page, view.query] for view in SavedViews(database, "photos").own_views()}
    finally:
        database.close()
    return {"notes": _plain(exported), "views": views}


@contextlib.contextmanager
def _page_states() -> Any:
    """State of both pages on a source of synthetic photographs, whose scores are known."""
    from gala_viz.panels.bokeh_documents import ScriptDocument
    from gala_viz.panels.compare.compare_view import CompareView
    from gala_viz.panels.explore.explore_view import ExploreView
    from gala_viz.panels.gallery.collection_index import CollectionIndex
    from gala_viz.panels.gallery.selection_filter import SelectionFilter
    from gala_viz.panels.link_parameters import VERSION_1_DEFAULTS, compare_link_parameters, explore_link_parameters
    from gala_viz.panels.page_state import PageState
    from gala_viz.panels.presenting.presentation import Presentation
    from tests.panels.fake_source import FakeSource

    source, document = FakeSource(count=12), ScriptDocument()
    compared, explored = (kind(source, CollectionIndex(source), document) for kind in (CompareView, ExploreView))
    try:
        places = {
            "compare": compare_link_parameters(
                compared, Presentation(compared), SelectionFilter(source, compared.gallery, document)
            ),
            "explore": explore_link_parameters(explored),
        }
        yield {page: PageState(ones, VERSION_1_DEFAULTS[page](source)) for page, ones in places.items()}
    finally:
        compared.close()
        explored.close()


def _opened(state: Any, query: str) -> dict[str, Any]:
    """What of a page's state a link sets, by its names in links, and the sentences that it is answered with."""
    from gala_viz.panels.page_state import format_value, parse_query

    told = state.restore(parse_query(query))
    return {"told": told, "state": {name: format_value(place.value) for name, place in state.parameters.items()}}


_OPTION = r"(?:-h, --help|--[\w-]+(?:, --[\w-]+)?|[A-Z][A-Z_-]+|\{.*?\})"
_WORDS = r"(?:\[.*?\]+|\{.*?\}|[A-Z-]+)"


def _options(*command: str) -> dict[str, str]:
    """Option as it is typed -> its default, "" where none is told."""
    found: dict[str, str] = {}
    name = None
    for line in _help(*command).splitlines():
        text = line.strip("│ ")
        first = re.match(rf"[│ ] {_OPTION}(?: {_WORDS})*(?:  |$)", line.rstrip("│ "))
        if first:
            name = first[0][2:].strip()
            found[name] = ""
        default = re.search(r"\((?:default: (.*)|(required))\)$", text)
        if name and default:
            found[name] = default[1] or default[2]
    return found


def _help(*command: str) -> str:
    told = io.StringIO()
    before = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = "1000"
    try:
        with contextlib.redirect_stdout(told), contextlib.suppress(SystemExit):
            from gala_viz.cli import main

            main([*command, "--help"])
    finally:
        os.environ.pop("COLUMNS") if before is None else os.environ.update(COLUMNS=before)
    return re.sub(r"\x1b\[[0-9;]*m", "", told.getvalue())


def _run(*arguments: Any) -> str:
    """What a command prints. Raises ``RuntimeError`` with its error where it fails."""
    from gala_viz.cli import main

    told, error = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(told), contextlib.redirect_stderr(error):
        status = main([str(one) for one in arguments])
    if status:
        raise RuntimeError(f"{' '.join(map(str, arguments))}: {error.getvalue()}")
    return _machine_free(told.getvalue())


@contextlib.contextmanager
def _folder() -> Any:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


@contextlib.contextmanager
def _photo_folder(folder: Path, count: int) -> Any:
    """The first ``count`` photographs that ship as a folder of files, with categories."""
    from PIL import Image

    import gala_viz as gv

    collection = gv.open_collection("photos")
    photos = folder / "photos"
    for image in collection.images[:count]:
        path = photos / f"{image}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(collection.photo(image)).save(path)
        os.utime(path, (1_700_000_000, 1_700_000_000))  # a folder's fingerprint holds when its files were written
    yield photos


def files(folder: Path, skip: tuple[str, ...] = ()) -> dict[str, Any]:
    """Relative name -> content of all files: texts, tables, settings and arrays as such, pictures by area averages."""
    found = {}
    for path in sorted(one for one in folder.rglob("*") if one.is_file()):
        name = path.relative_to(folder).as_posix()
        if not any(part in name for part in skip):
            found[name] = _content(path)
    return found


def _content(path: Path) -> Any:
    if path.suffix in (".csv", ".tsv"):
        with path.open(encoding="utf-8", newline="") as file:
            return _table(list(csv.DictReader(file, delimiter="\t" if path.suffix == ".tsv" else ",")))
    if path.name in ("zarr.json", ".zattrs") or path.suffix == ".json":
        return _plain(json.loads(path.read_text(encoding="utf-8")))
    if path.suffix == ".toml":
        return _plain(tomllib.loads(path.read_text(encoding="utf-8")))
    if path.suffix in (".md", ".tex", ".txt"):
        return [_number_free(line) for line in path.read_text(encoding="utf-8").splitlines()]
    if path.suffix == ".png":
        from PIL import Image

        picture = Image.open(path)
        return {"size": list(picture.size), "cells": _cells(np.asarray(picture.convert("L"), np.float64), 12)}
    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as arrays:
            return sorted(arrays.files)  # the CSV beside it holds the same rounds
    if path.suffix == ".nc":
        import xarray as xr

        with xr.open_dataset(path, engine="scipy") as dataset:
            return {
                "attrs": _plain(dict(dataset.attrs)),
                **{
                    str(name): {"dims": list(map(str, one.dims)), "cells": _small(one.values)}
                    for name, one in dataset.items()
                },
            }
    return "there"


def _table(rows: list[dict[str, str]]) -> dict[str, list[Any]]:
    """Columns of a table; what reads as a number is one."""
    columns = {name: [_read(row[name]) for row in rows] for name in (rows[0] if rows else {})}
    return {name: values for name, values in columns.items() if name not in VOLATILE}


def _read(text: str) -> Any:
    for kind in (int, float):
        with contextlib.suppress(ValueError):
            return _plain(kind(text))
    return _plain(text)


def _number_free(line: str) -> str:
    """A line of text without what moves with the machine: decimals (tables hold them), versions, dates."""
    return re.sub(r"\d+\.\d+(?:e-?\d+)?", "#", _machine_free(line))


VOLATILE = (
    "versions",
    "made",
    "machine",
    "seconds",
    "device",
    "gala_viz",
    "torch",
    "numpy",
    "python",
    "platform",
    "version",
    "Version",
    "fingerprint",
    "behaviour",
)
"""Names of settings and columns that tell of the machine or the day, or that have a tolerance of their own."""
_PATHS = re.compile(re.escape(tempfile.gettempdir()) + r"/tmp\w+")


def _machine_free(text: str) -> str:
    return _PATHS.sub("FOLDER", text)


def _plain(value: Any) -> Any:
    """``value`` as JSON holds it, without what tells of the machine; numbers with ``DIGITS`` digits."""
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items() if key not in VOLATILE}
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, float):
        return value if not np.isfinite(value) else float(f"{value:.{DIGITS}g}")
    if isinstance(value, str):
        with contextlib.suppress(ValueError):
            if value[:1] in "{[":
                return _plain(json.loads(value))
        return _machine_free(value)
    return value


def _small(values: np.ndarray) -> Any:
    """Maps (..., y, x) by area averages; anything else as it is."""
    if values.ndim < 3 or not np.issubdtype(values.dtype, np.floating):
        return _plain(values)
    flat = values.reshape(-1, *values.shape[-2:])
    return [_cells(one) for one in flat]


def _cells(values: np.ndarray, side: int = CELLS) -> list[str]:
    """A map as rows of texts, by area averages where it has more than ``side`` cells a side."""
    from gala_viz.alignment import area_average

    grid = tuple(min(side, one) for one in values.shape)
    return [" ".join(f"{one:.4g}" for one in row) for row in area_average(np.asarray(values, np.float64), grid)]


def text_of_part(content: Any) -> str:
    """A part as its file: one line for each row of numbers, so that a change is seen line by line."""
    text = json.dumps(content, indent=1, ensure_ascii=False)
    return re.sub(r"\[\s+((?:[^\[\]{}\"]+))\s+\]", lambda row: "[" + re.sub(r"\s+", " ", row[1]) + "]", text) + "\n"


def kept(name: str) -> Any:
    """A part as it was."""
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def computed(name: str) -> Any:
    """A part as it is, through its file's form."""
    return json.loads(text_of_part(PARTS[name]()))


NUMBER_TOLERANCE = 1e-3
"""Numbers agree within this share of themselves, or within one unit of their last decimal place where that is more: a
table prints 0.0302 for what another machine prints as 0.0301."""
FEWEST_PLACES = 4
MAP_TOLERANCE = 1e-2
"""Cells of a map agree within this share of its largest: on processors of two makers maps of half of
the samples were up to 0.76 % apart, by the same code."""


def differences(before: Any, now: Any, where: str = "") -> list[str]:
    """What differs, one sentence each: integers, texts and names exactly, numbers within a tolerance."""
    if _is_map(before) and _is_map(now):
        return _map_differences(before, now, where)
    if isinstance(before, dict) and isinstance(now, dict):
        found = [f"{where}: {name!r} is new" for name in now if name not in before]
        found += [f"{where}: {name!r} is gone" for name in before if name not in now]
        both = [name for name in before if name in now]
        return found + [one for name in both for one in differences(before[name], now[name], f"{where}/{name}")]
    if isinstance(before, list) and isinstance(now, list):
        if len(before) != len(now):
            return [f"{where}: {len(before)} entries before, {len(now)} now"]
        pairs = enumerate(zip(before, now, strict=True))
        return [one for number, (old, new) in pairs for one in differences(old, new, f"{where}[{number}]")]
    if isinstance(before, float) and isinstance(now, int | float) and not isinstance(now, bool):
        same = np.isclose(before, now, rtol=NUMBER_TOLERANCE, atol=_last_place(before), equal_nan=True)
        return [] if same else [f"{where}: {before} before, {now} now"]
    return [] if before == now and type(before) is type(now) else [f"{where}: {before!r} before, {now!r} now"]


def _last_place(value: float) -> float:
    """One unit of the last decimal place of ``value`` as it is written, of ``FEWEST_PLACES`` at least; 1e-6 for 0."""
    if not value or not np.isfinite(value):
        return 1e-6
    return 1.01 * 10.0 ** -max(FEWEST_PLACES, -Decimal(repr(value)).as_tuple().exponent)


_NUMBER = r"(?:-?[\d.]+(?:e[+-]?\d+)?|nan)"
_ROW = re.compile(rf"{_NUMBER}(?: {_NUMBER})+")


def _is_map(value: Any) -> bool:
    rows = isinstance(value, list) and len(value) > 1 and all(isinstance(row, str) for row in value)
    return rows and all(map(_ROW.fullmatch, value))


def _map_differences(before: list[str], now: list[str], where: str) -> list[str]:
    old, new = (np.array([row.split() for row in rows], float) for rows in (before, now))
    if old.shape != new.shape:
        return [f"{where}: {old.shape} cells before, {new.shape} now"]
    largest = float(np.nanmax(np.abs(old), initial=0.0)) if np.isfinite(old).any() else 0.0
    if (np.isnan(old) != np.isnan(new)).any():
        return [f"{where}: other cells are missing"]
    away = float(np.nanmax(np.abs(old - new), initial=0.0))
    return [f"{where}: {away / (largest or 1):.2%} of its largest value away"] if away > MAP_TOLERANCE * largest else []


def main(names: list[str]) -> None:
    """Write the parts ``names`` (none: all) and print what differs from before."""
    with _folder() as cache:  # nothing that another version computed is taken for what this one gives
        for name in names or PARTS:
            command = [sys.executable, "-m", "tests.golden.behaviour", "--one", name]
            subprocess.run(command, check=True, env={**os.environ, "GALA_VIZ_CACHE": str(cache)})


def renew(name: str) -> None:
    """Write one part, and print what differs from before."""
    path = FOLDER / f"{name}.json"
    text = text_of_part(PARTS[name]())
    changes = differences(kept(name), json.loads(text)) if path.is_file() else ["is new"]
    if not path.is_file() or changes:
        path.write_text(text, encoding="utf-8")
    print(f"{name}: {len(changes)} differences, {len(text) / 1e6:.2f} MB")
    for change in changes[:40]:
        print(f"  {change}")


if __name__ == "__main__":
    renew(sys.argv[2]) if sys.argv[1:2] == ["--one"] else main(sys.argv[1:])
