"""A table of more than 400 bad inputs: each reader gets what a lab, a copy or a crash may leave.

``python -m tests.bad_inputs`` runs all and prints what is answered with anything but a sentence.
"""

from __future__ import annotations

import io
import sys
import tempfile
import time
import traceback
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import xarray as xr
from PIL import Image

LIMIT_S = 10.0
"""Within which each input is answered."""


@dataclass(frozen=True)
class BadInput:
    """``make`` writes the input into an empty folder; ``open`` reads it there and returns what came of it."""

    name: str
    make: Callable[[Path], None]
    open: Callable[[Path], Any]


def _picture(kind: str = "PNG", side: int = 32) -> bytes:
    out = io.BytesIO()
    pixels = np.random.default_rng(1).integers(0, 255, (side, side, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(out, kind)
    return out.getvalue()


def _npz(**arrays: Any) -> bytes:
    out = io.BytesIO()
    np.savez(out, **arrays)
    return out.getvalue()


def _npy(array: Any) -> bytes:
    out = io.BytesIO()
    np.save(out, array)
    return out.getvalue()


def _hdf5(**entries: Any) -> bytes:
    out = io.BytesIO()
    with h5py.File(out, "w") as file:
        for name, value in entries.items():
            file[name.replace("__", "/")] = value
    return out.getvalue()


def _record() -> bytes:
    from tests.collections.clickme.tfrecord_writer import jpeg_record, write

    with tempfile.TemporaryDirectory() as folder:
        return write(Path(folder) / "a.tfrecords", [jpeg_record(0)]).read_bytes()


def damaged(content: bytes) -> Iterator[tuple[str, bytes]]:
    """Ways in which a copy, a disk or a server spoils a file."""
    n = len(content)
    yield "empty", b""
    yield "one byte", content[:1]
    for part in (0.1, 0.25, 0.5, 0.75, 0.9):
        yield f"cut at {part:.0%}", content[: int(n * part)]
    yield "last byte lost", content[:-1]
    yield "zeros", bytes(n)
    yield "noise", np.random.default_rng(0).bytes(n)
    yield "a web page", b"<!DOCTYPE html><html><body>404</body></html>"
    yield "a pointer of Git LFS", b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n"
    yield "a zip of something else", _zip()
    yield "a pickle", b"\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00\x8c\x02os\x94\x8c\x06system\x94\x93\x94."
    rng = np.random.default_rng(2)
    for number in range(6):
        flipped = bytearray(content)
        for place in rng.integers(0, n, 1 + 4 * number):
            flipped[place] ^= 1 << int(rng.integers(8))
        yield f"{1 + 4 * number} bits flipped", bytes(flipped)
    yield "first byte changed", bytes([content[0] ^ 0xFF]) + content[1:]


def _zip() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as opened:
        opened.writestr("readme.txt", "x")
    return out.getvalue()


def _writer(name: str, content: bytes, photos: bool = True) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        if photos:
            (folder / "photos").mkdir()
            (folder / "photos" / "a.png").write_bytes(_picture())
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    return make


def read_collection(folder: Path) -> str:
    """Read everything of a collection, and check it."""
    from gala_viz.collections import open_collection

    return _checked(open_collection(folder))


def _checked(collection: Any) -> str:
    """Return what a collection gave; raise ``AssertionError`` where that is nothing, or no picture or map."""
    from gala_viz.collections import UnreadableImageError

    usable = 0
    for image in collection.images:
        try:
            pixels = collection.photo(image)
        except UnreadableImageError:  # which the collection lists
            continue
        assert pixels.dtype == np.uint8
        assert pixels.ndim == 3
        usable += 1
        human_map = collection.human_map(image)
        if human_map is not None:
            assert np.isfinite(human_map.values).all()
            assert (human_map.values >= 0).all()
    assert usable or collection.skipped, "nothing usable, and nothing told"
    return f"{usable} usable, {len(collection.skipped)} told"


def _maps_opener(name: str) -> Callable[[Path], str]:
    def open_(folder: Path) -> str:
        from gala_viz.collections import open_collection

        collection = open_collection(folder / "photos", human_maps=folder / name)
        result = _checked(collection)
        has = any(collection.human_map(image) is not None for image in collection.images)
        assert has or collection.skipped, "the map is not there, and nothing says why"
        return result

    return open_


def _weights_opener(name: str) -> Callable[[Path], str]:
    def open_(folder: Path) -> str:
        from gala_viz.networks.state_dict_files import read_state_dict

        return f"{len(read_state_dict(folder / name))} tensors"

    return open_


def _network_opener(name: str) -> Callable[[Path], str]:
    def open_(folder: Path) -> str:
        from gala_viz.networks.zoo import load_network

        return load_network(folder / name if name else folder).name

    return open_


def _name_opener(name: str, kind: str) -> Callable[[Path], str]:
    def open_(folder: Path) -> str:
        if kind == "network":
            from gala_viz.networks.zoo import load_network

            return load_network(name).name
        if kind == "source":
            from gala_viz.fetch.sources import select_files

            return str(len(select_files(name)))
        if kind == "store":
            from gala_viz.store.zarr_store import open_store

            return str(open_store(folder / name))
        from gala_viz.collections import open_collection

        return _checked(open_collection(name))

    return open_


def _manifest_opener(folder: Path) -> str:
    from gala_viz.collections.manifest import read_manifest

    return read_manifest(folder).title and read_collection(folder)


def _card_opener(folder: Path) -> str:
    from gala_viz.networks.network_folders import read_card

    return read_card(folder)["network"]["name"] and _network_opener("")(folder)


def _zip_opener(folder: Path) -> str:
    from gala_viz.fetch.unpack import unpack_zip

    return f"{unpack_zip(folder / 'a.zip', folder / 'out')} files"


def bad_inputs() -> Iterator[BadInput]:
    """Yield every bad input, of each reader in turn."""
    import torch
    from safetensors.torch import save

    yield from _photographs()
    good_map = np.random.default_rng(0).random((32, 32))
    map_files = {
        "maps/a.png": _grey(good_map),
        "maps/a.npy": _npy(good_map),
        "maps/a.npz": _npz(maps=good_map[None], participants=np.array(["p"])),
        "maps.h5": _hdf5(clickmaps__a__clickmap=good_map[None].astype(np.float32)),
    }
    for name, content in map_files.items():
        source = name.split("/")[0]
        for how, spoiled in damaged(content):
            yield BadInput(f"map {name}, {how}", _writer(name, spoiled), _maps_opener(source))
    for how, array in _bad_arrays():
        yield BadInput(f"map NPY, {how}", _writer("maps/a.npy", _npy(array)), _maps_opener("maps"))
        yield BadInput(f"map NPZ, {how}", _writer("maps/a.npz", _npz(maps=array)), _maps_opener("maps"))
        if array.dtype.kind in "fiub":
            content = _hdf5(clickmaps__a__clickmap=array)
            yield BadInput(f"map HDF5, {how}", _writer("maps.h5", content), _maps_opener("maps.h5"))
    for how, entries in _bad_hdf5():
        yield BadInput(f"HDF5, {how}", _writer("maps.h5", _hdf5(**entries)), _maps_opener("maps.h5"))
    for how, text in _bad_tables():
        content = text if isinstance(text, bytes) else text.encode()
        yield BadInput(f"clicks CSV, {how}", _writer("clicks.csv", content), _maps_opener("clicks.csv"))
    for how, arrays in _bad_click_arrays():
        yield BadInput(f"clicks NPZ, {how}", _writer("clicks.npz", _npz(**arrays)), _maps_opener("clicks.npz"))
    good = {"file_pointer": ["a.png"], "clickmap_x": [[3.0]], "clickmap_y": [[4.0]], "user_id": [1]}
    for how, spoiled in damaged(_npz(**{name: np.array(value) for name, value in good.items()})):
        yield BadInput(f"clicks NPZ, {how}", _writer("clicks.npz", spoiled), _maps_opener("clicks.npz"))
    for how, spoiled in damaged(_record()):
        for name in ("a.tfrecords", "train/a.tfrecord"):
            yield BadInput(f"TFRecord {name}, {how}", _writer(name, spoiled, photos=False), read_collection)
    yield from _zarr()
    for how, text in _bad_manifests():
        yield BadInput(f"manifest, {how}", _writer("collection.toml", text.encode()), _manifest_opener)
    for how, text in _bad_cards():
        yield BadInput(f"card, {how}", _writer("card.toml", text.encode(), photos=False), _card_opener)
    tensors = {"weight": torch.ones(3, 3)}
    checkpoint = io.BytesIO()
    torch.save(tensors, checkpoint)
    files = {"a.safetensors": save(tensors), "a.pth": checkpoint.getvalue()}
    for name, content in files.items():
        for how, spoiled in damaged(content):
            yield BadInput(f"weights {name}, {how}", _writer(name, spoiled, photos=False), _weights_opener(name))
    for how, content in _bad_checkpoints():
        out = io.BytesIO()
        torch.save(content, out)
        yield BadInput(f"checkpoint, {how}", _writer("a.pt", out.getvalue(), photos=False), _weights_opener("a.pt"))
    for how, spoiled in damaged(_zip() + bytes(64)):
        yield BadInput(f"archive, {how}", _writer("a.zip", spoiled, photos=False), _zip_opener)
    names = ["", " ", "~nobody", "a\x00b", "n" * 300, "<b>", "ünï", "-", "C:\\x", "photo", "a/b/c"]
    for kind in ("network", "collection", "source", "store"):
        for name in names:
            yield BadInput(f"{kind} {name[:20]!r}", lambda folder: None, _name_opener(name, kind))
    for name in (
        "os:",
        "os:nothing",
        "nothing:at_all",
        "os:getcwd",
        "math:pi",
        "a b:c",
        ":",
        "x@",
        "lite0@3",
        "json:loads",
    ):
        yield BadInput(f"network {name!r}", lambda folder: None, _name_opener(name, "network"))


def _grey(values: Any) -> bytes:
    out = io.BytesIO()
    Image.fromarray((255 * values).astype(np.uint8)).save(out, "PNG")
    return out.getvalue()


def _photographs() -> Iterator[BadInput]:
    for kind in ("PNG", "JPEG", "WEBP", "BMP", "TIFF"):
        for how, spoiled in damaged(_picture(kind)):
            name = f"a.{kind.lower()}"
            yield BadInput(f"photograph {kind}, {how}", _writer(name, spoiled, photos=False), read_collection)
    for name in ("a.gif", "a.svg", "a.heic", "notes.txt", "Thumbs.db", ".hidden.png", "._a.png"):
        yield BadInput(f"only {name}", _writer(name, b"x" * 50, photos=False), read_collection)
    yield BadInput("an empty folder", lambda folder: None, read_collection)
    huge = (
        b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + (2**31 - 1).to_bytes(4, "big") * 2 + b"\x08\x02\x00\x00\x00" + bytes(4)
    )
    yield BadInput("a PNG of 2^31 px a side", _writer("a.png", huge, photos=False), read_collection)
    yield BadInput(
        "a link in a circle", lambda folder: (folder / "a.png").symlink_to(folder / "a.png"), read_collection
    )
    yield BadInput("a link out", lambda folder: (folder / "a.png").symlink_to("/etc/passwd"), read_collection)
    yield BadInput("a folder called a.png", lambda folder: (folder / "a.png").mkdir(), read_collection)


def _bad_arrays() -> Iterator[tuple[str, Any]]:
    side = np.ones((32, 32))
    spot = side.copy()
    spot[3:9, 3:9] = 5
    yield "all zero", 0 * side
    yield "constant", side
    yield "NaN", np.where(spot > 1, np.nan, spot)
    yield "infinite", np.where(spot > 1, np.inf, spot)
    yield "negative", -spot
    yield "1e300", spot * 1e300
    yield "one value", np.array(3.0)
    yield "a row", np.arange(5.0)
    yield "nothing", np.zeros((0, 0))
    yield "other proportions", np.random.default_rng(0).random((32, 320))
    yield "four dims", np.ones((2, 2, 32, 32))
    yield "bins that grow", np.cumsum(np.random.default_rng(0).random((10, 32, 32)), 0)
    yield "complex", spot.astype(complex)
    yield "texts", np.array([["a", "b"]])
    yield "objects", np.array([[{}, None]], dtype=object)
    yield "dates", np.array([["2020-01-01"]], dtype="datetime64[D]")
    yield "fields", np.zeros(3, dtype=[("x", float)])
    yield "truths", spot > 1
    yield "labels to ignore", np.where(spot > 1, 255, 0).astype(np.uint8)
    yield "9,000 a side", np.zeros((9000, 9000), np.uint8)


def _bad_hdf5() -> Iterator[tuple[str, dict[str, Any]]]:
    good = np.random.default_rng(0).random((1, 32, 32)).astype(np.float32)
    yield "nothing in it", {}
    yield "another layout", {"data": good}
    yield "a number for the group", {"clickmaps": 3}
    yield "no map in the group", {"clickmaps__a__other": good}
    yield "a map without a name", {"clickmaps__clickmap": good}
    yield "other images", {"clickmaps__zebra__clickmap": good}
    yield "a text for a map", {"clickmaps__a__clickmap": "text"}
    yield "a negative count", {"clickmaps__a__clickmap": good, "click_counts__a": -3}
    yield "a text for a count", {"clickmaps__a__clickmap": good, "click_counts__a": "many"}
    yield "a NaN count", {"clickmaps__a__clickmap": good, "click_counts__a": np.nan}
    yield "counts as an array", {"clickmaps__a__clickmap": good, "click_counts__a": np.arange(3)}


def _bad_tables() -> Iterator[tuple[str, str | bytes]]:
    head = "image_path,clicks,user_id\n"
    clicks = (
        "", "[]", "{}", "nan", "(1,2)", "[1,2]", "[[1,2],[3]]", "[[1,2,3,4]]", "[['a','b']]", '[{"x":1}]', "[[nan,1]]",
        "[[inf,1]]", "[[-5,-5],[900,900]]", "[[0.1,0.2],[0.3,0.4]]", "__import__('os').system('x')", "[[1e400,1]]",
        "[[1,2],[3,4]", '{"(1,2)","(3,4"}', "null", "[[[1,2]]]", "[[" + "9" * 5000 + ",1]]", "[" * 3000,
    )  # fmt: skip
    for number, one in enumerate(clicks):
        quoted = '"' + one.replace('"', '""') + '"'
        yield f"clicks {number}: {one[:20]}", f"{head}a.png,{quoted},p\n"
    yield "a head alone", head
    yield "no head", 'a.png,"[[1,2],[3,4]]",p\n'
    yield "no column of clicks", "image_path,user_id\na.png,p\n"
    yield "a column twice", "image_path,clicks,clicks,user_id\na.png,1,2,p\n"
    yield "another image", f'{head}zebra.png,"[[1,2],[3,4]]",p\n'
    yield "nobody", f'{head}a.png,"[[1,2],[3,4]]",\n'
    yield "too few cells", f"{head}a.png\n"
    yield "too many cells", f'{head}a.png,"[[1,2],[3,4]]",p,q,r\n'
    yield "an open quote", f'{head}a.png,"[[1,2],[3,4]],p\n'
    yield "latin-1", f'{head}\xfc.png,"[[1,2],[3,4]]",p\n'.encode("latin-1")
    yield "utf-16", f'{head}a.png,"[[1,2],[3,4]]",p\n'.encode("utf-16")
    yield "bytes of 0", b"\x00" * 100
    yield "a path that leads out", f'{head}../../a.png,"[[1,2],[3,4]]",p\n'
    yield "semicolons", head.replace(",", ";") + "a.png;[[1,2],[3,4]];p\n"
    yield "a cell of 200,000 characters", f'{head}a.png,"{"x" * 200_000}",p\n'


def _bad_click_arrays() -> Iterator[tuple[str, dict[str, Any]]]:
    def ragged(*rows: Any) -> Any:
        out = np.empty(len(rows), dtype=object)
        out[:] = rows
        return out

    good = {
        "file_pointer": np.array(["a.png"]),
        "clickmap_x": np.array([[3.0, 4.0]]),
        "clickmap_y": np.array([[3.0, 5.0]]),
        "user_id": np.array(["p"]),
    }
    for name in good:
        yield f"without {name}", {key: value for key, value in good.items() if key != name}
        yield f"{name} of another length", good | {name: np.concatenate([good[name]] * 2)}
        yield f"{name} empty", good | {name: good[name][:0]}
        yield f"{name} as objects", good | {name: ragged({"a": 1})}
    yield "NaN", good | {"clickmap_x": np.array([[np.nan, np.nan]])}
    yield "x longer than y", good | {"clickmap_x": np.array([[3.0, 4.0, 5.0]])}
    yield "texts for numbers", good | {"clickmap_x": np.array([["a", "b"]])}
    yield "complex", good | {"clickmap_x": np.array([[3j, 4j]])}


def _zarr() -> Iterator[BadInput]:
    good = xr.DataArray(
        np.random.default_rng(0).random((1, 32, 32)).astype(np.float32),
        dims=("mark", "y", "x"),
        coords={
            "image": ("mark", np.array(["a.png"], dtype=object)),
            "participant": ("mark", np.array(["p"], dtype=object)),
        },
        name="human_map",
    )
    variants: dict[str, xr.DataArray] = {
        "another variable": good.rename("other"),
        "no participants": good.drop_vars("participant"),
        "no images": good.drop_vars("image"),
        "other dims": good.rename(mark="m"),
        "other images": good.assign_coords(image=("mark", np.array(["zebra"], dtype=object))),
        "NaN": good * np.nan,
        "zero": good * 0,
        "negative": -good,
        "too large": xr.concat([good] * 20, "y").rename("human_map"),
        "numbers for names": good.assign_coords(image=("mark", np.array([3]))),
        "texts for values": xr.zeros_like(good).astype(str).rename("human_map"),
        "complex": good.astype(complex),
    }

    def writer(array: xr.DataArray) -> Callable[[Path], None]:
        def make(folder: Path) -> None:
            _writer("unused/x", b"")(folder)
            array.rename(array.name or "human_map").to_dataset().to_zarr(folder / "maps.zarr", consolidated=False)

        return make

    for how, array in variants.items():
        yield BadInput(f"Zarr, {how}", writer(array), _maps_opener("maps.zarr"))
    for file in ("zarr.json", "human_map/zarr.json", "image/zarr.json", "human_map/c/0/0/0"):
        for how, content in (("gone", None), ("empty", b""), ("noise", b"\xff" * 40), ("{}", b"{}"), ("[]", b"[]")):

            def make(folder: Path, file: str = file, content: bytes | None = content) -> None:
                writer(good)(folder)
                path = folder / "maps.zarr" / file
                if path.exists():
                    path.unlink()
                if content is not None:
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(content)

            yield BadInput(f"Zarr, {file} {how}", make, _maps_opener("maps.zarr"))


def _bad_manifests() -> Iterator[tuple[str, str]]:
    good = '[collection]\ntitle = "t"\nsource = "photos"\n'
    yield "empty", ""
    yield "no TOML", "{"
    yield "no source", "[collection]\ntitle = 't'\n"
    for value in ("3", "[]", "true", "''", "'nowhere'", "'.'", "'photos/a.png'", r'"a\u0000b"'):
        yield f"source {value}", f"[collection]\nsource = {value}\n"
    for value in ("3", "[]", "'x'", "{human_maps = 3}", "{human_maps = 'nowhere'}", "{human_maps = ''}",
                  "{smoothing = 3}", "{smoothing = 'x'}", "{smoothing = []}"):  # fmt: skip
        yield f"maps {value}", f"maps = {value}\n{good}"
    for value in ("3", "[]", "{filters = 3}", "{filters = {min_clicks = 'x'}}", "{filters = {no = 1}}",
                  "{frame_px = 3}", "{frame_px = [1]}", "{frame_px = ['a', 'b']}", "{no = 1}", "{smoothing = 3}",
                  "{encoding = 3}", "{filters = {min_catch_score = 'x'}}"):  # fmt: skip
        yield f"clicks {value}", f"clicks = {value}\nmaps = {{human_maps = 'clicks.csv'}}\n{good}"
    for key in ("title", "licence"):
        for value in ("3", "[]", "{}"):
            yield f"{key} {value}", f"[collection]\nsource = 'photos'\n{key} = {value}\n"
    for value in ("3", "[]", "'x'"):
        yield f"report {value}", f"report = {value}\n{good}"


def _bad_cards() -> Iterator[tuple[str, str]]:
    sections = {
        "network": "[network]\nname = 'n'\nbuilder = 'resnet'\n",
        "weights": "[weights]\nsha256 = 'x'\n",
        "preprocessing": "[preprocessing]\nshort_px = 8\ncrop_px = 8\n",
        "categories": "[categories]\nnames = ['a', 'b']\n",
    }
    yield "empty", ""
    yield "no TOML", "= 3"
    yield "a good card without weights", "".join(sections.values())
    for name in sections:
        yield f"without {name}", "".join(text for other, text in sections.items() if other != name)
        for value in ("3", "[]", "'x'"):
            yield (
                f"{name} = {value}",
                f"{name} = {value}\n" + "".join(text for other, text in sections.items() if other != name),
            )
    for value in ("3", "[]", "'os:system'", "'nothing'", "''"):
        yield f"builder {value}", "".join(sections.values()).replace("'resnet'", value)


def _bad_checkpoints() -> Iterator[tuple[str, Any]]:
    import torch

    yield "a list", [1, 2]
    yield "a number", 3
    yield "None", None
    yield "an empty dict", {}
    yield "texts", {"a": "b"}
    yield "state_dict of numbers", {"state_dict": {"a": 1}}
    yield "state_dict in circles", {"state_dict": {"state_dict": {"state_dict": {}}}}
    yield "a tensor", torch.ones(3)
    yield "numbers for names", {1: torch.ones(3)}
    yield "an optimizer alone", {"optimizer": {"state": {}}}


def answer(bad: BadInput, folder: Path) -> tuple[str, float]:
    """Open one input in an empty ``folder``; return what is wrong with the answer ("": nothing) and its seconds."""
    bad.make(folder)
    start = time.monotonic()
    try:
        bad.open(folder)
    except (ValueError, OSError, KeyError) as error:
        wrong = _why_no_sentence(error)
    except Exception:
        wrong = traceback.format_exc(limit=-3)
    else:
        wrong = ""
    seconds = time.monotonic() - start
    return wrong or (f"{seconds:.0f} s" if seconds > LIMIT_S else ""), seconds


def _why_no_sentence(error: Exception) -> str:
    """Return why an error is none of the project's sentences; "" where it is one, raised here."""
    from gala_viz.registry import UnknownNameError

    frames = traceback.extract_tb(error.__traceback__)
    own = "gala_viz" in Path(frames[-1].filename).parts
    text = str(error)
    if isinstance(error, KeyError) and not isinstance(error, UnknownNameError):
        own = False
    if own and len(text.split()) >= 3:
        return ""
    where = "".join(traceback.format_list(frames[-3:]))
    return f"{type(error).__name__}: {text[:200]}\n{where}"


def main() -> int:
    """Run all, and print those that are answered with no sentence."""
    failures = count = 0
    for bad in bad_inputs():
        with tempfile.TemporaryDirectory() as folder:
            wrong, _ = answer(bad, Path(folder))
        count += 1
        if wrong:
            failures += 1
            sys.stdout.write(f"{bad.name}: {wrong}\n")
    sys.stdout.write(f"{count} bad inputs, {failures} without a sentence\n")
    return int(failures > 0)


if __name__ == "__main__":
    sys.exit(main())
