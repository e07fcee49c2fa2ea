"""ClickMe in one NPZ file a photograph, in place: a folder of such files, or the zip archive of one."""

from __future__ import annotations

import io
import json
import zipfile
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Protocol

import numpy as np

from gala_viz.cache import cache_folder, read_npz, write_atomically
from gala_viz.collections.clickme.npz_record import (
    MAX_RECORD_BYTES,
    check_file_bytes,
    npz_heatmap,
    npz_photo_pixels,
    read_label,
)
from gala_viz.collections.clickme.record_collection import RecordCollection, map_kinds, map_name
from gala_viz.collections.clickme.smoothing import SMOOTHINGS
from gala_viz.collections.clickme.tfrecord_file import ProgressCallback, TFRecordError
from gala_viz.collections.clickme.tfrecord_shards import split_of_path
from gala_viz.collections.file_index import index_files
from gala_viz.collections.human_maps.map_checks import spread
from gala_viz.collections.photo_files import FOLDER_LIMITS
from gala_viz.cpu_threads import available_cores
from gala_viz.specs import fingerprint, settings

SUFFIX = ".npz"
METADATA = "metadata.json"
"""Beside the files, or one folder further in: file -> label."""
N_CHECKED = 16
"""Number of files, spread over all, whose labels are compared with those of ``metadata.json``."""
MAX_METADATA_BYTES = 2**28
MAX_MEMBERS = 2_000_000
_UNREAD = -1


class NPZRecordCollection(RecordCollection):
    """The records of ``source``, a folder of NPZ files with image, heatmap and label, or the zip archive of one.

    An image's id is its path inside the folder. Labels from 0 to 999 are ImageNet's, unless the folder has a
    ``categories.txt``. They are those of ``metadata.json`` (file -> label) where it has all and 16 files agree with it;
    else each file is opened once for its label, which is then stored in the user's cache folder. The split is the one
    that a folder's name tells ("clickme_train", "clickme_val", "clickme_test"). Maps come smoothed by ``smoothing``, a
    name in ``SMOOTHINGS``, and as stored.

    ``progress`` is called with (labels read, all files). What cannot be used is listed in ``skipped``. Raises
    ``ValueError`` where no record can be used, or labels and ``metadata.json`` differ.
    """

    def __init__(
        self, source: str | Path, *, smoothing: str = "harmonization", progress: ProgressCallback | None = None
    ) -> None:
        root = Path(source).expanduser().resolve()
        SMOOTHINGS[smoothing]
        self.smoothing = smoothing
        self._files: _Files = _Archive(root) if root.is_file() else _Folder(root)
        labels, refused = _labels(self._files, progress)
        images = [name for name in self._files.names if name in labels]
        if not images:
            reason = f" {refused[0][0]}: {refused[0][1]}" if refused else ""
            raise ValueError(
                f"{root} holds no usable record; NPZ files with the arrays image, heatmap and label were expected."
                f"{reason}"
            )
        self._labels = np.array([labels[name] for name in images], np.int64)
        name = root.stem if root.is_file() else root.name
        self._splits = {folder: split_of_path(f"{name}/{folder}/") for folder in {_folder(one) for one in images}}
        self.has_own_splits = any(self._splits.values())
        self._use_labels(root if root.is_dir() else root.parent, int(self._labels.min()))
        super().__init__(
            name=name,
            title=name,
            images=images,
            map_kinds=map_kinds(smoothing, "NPZ files"),
            skipped=[*self._files.refused, *refused],
        )

    @cached_property
    def fingerprint(self) -> str:
        """Hash of the files, their sizes and modification times, and the smoothing."""
        names = (self.label_names,) if self.label_names else ()
        return fingerprint("npz records", self._files.state, self.smoothing, settings(FOLDER_LIMITS), *names)

    def skipped_noun(self, path: str) -> str:
        """Return whether ``path`` is that of a heatmap or of a record."""
        return "heatmap" if path.endswith(map_name("")) else "record"

    def path(self, image: str) -> Path:
        """Return the path of the image's file, or of the archive that holds it."""
        self.check(image)
        return self._files.path(image)

    def split(self, image: str) -> str | None:
        """Return the split that a folder's or the archive's name tells."""
        self.check(image)
        return self._splits[_folder(image)]

    def label(self, image: str) -> int:
        """Return the record's label as it is stored."""
        return int(self._labels[self.check(image)])

    def has_human_map(self, image: str) -> bool:
        """Return whether the record's heatmap was not refused."""
        self.check(image)
        return map_name(image) not in self._skipped

    def _stored_heatmap(self, image: str) -> np.ndarray:
        return npz_heatmap(self._record(image))

    def _photo_pixels(self, image: str) -> np.ndarray:
        return npz_photo_pixels(self._record(image))

    def _read_record(self, image: str) -> bytes:
        content = self._files.content(image)
        if isinstance(content, bytes):
            return content
        check_file_bytes(content)
        return content.read_bytes()


class _Files(Protocol):
    """The NPZ files of a folder or an archive: sorted paths inside, what is refused, and what tells a change."""

    @property
    def root(self) -> Path: ...

    @property
    def names(self) -> tuple[str, ...]: ...

    @property
    def refused(self) -> Sequence[tuple[str, str]]: ...

    @property
    def state(self) -> Sequence[object]: ...

    def path(self, name: str) -> Path: ...

    def content(self, name: str) -> bytes | Path: ...

    def metadata(self) -> Mapping[str, bytes]:
        """Return folder inside ("" or "name/") -> content of its metadata.json."""
        ...


class _Folder:
    def __init__(self, root: Path) -> None:
        tree = index_files(root, suffixes=frozenset({SUFFIX}))
        self.root, self.refused = root, tree.refused
        self.names = tuple(path for path, _, _ in tree.files)
        self.state = [str(root), tree.files]

    def path(self, name: str) -> Path:
        return self.root / name

    def content(self, name: str) -> bytes | Path:
        path = self.path(name)
        if path.is_symlink() and not path.resolve().is_relative_to(self.root):
            raise TFRecordError("a link that leaves the collection's folder is not followed.")
        return path

    def metadata(self) -> Mapping[str, bytes]:
        near = {folder: self.root / folder / METADATA for folder in {"", *map(_outermost, self.names)}}
        return {
            folder: path.read_bytes()
            for folder, path in near.items()
            if path.is_file() and path.resolve().is_relative_to(self.root) and path.stat().st_size <= MAX_METADATA_BYTES
        }


class _Archive:
    def __init__(self, root: Path) -> None:
        status = root.stat()
        self.root, self.state = root, [str(root), status.st_size, status.st_mtime_ns]
        self.refused: list[tuple[str, str]] = []
        try:
            infos = _opened(root, status.st_mtime_ns).infolist()
        except (OSError, ValueError, zipfile.BadZipFile, NotImplementedError) as error:
            raise ValueError(f"{root.name} is no zip archive, or it is damaged ({error}).") from None
        names: set[str] = set()
        for info in infos[:MAX_MEMBERS]:
            parts = info.filename.split("/")
            if not info.filename.lower().endswith(SUFFIX) or parts[-1].startswith(".") or "__MACOSX" in parts:
                continue
            if why := _why_not(info, names):
                self.refused.append((info.filename, why))
            else:
                names.add(info.filename)
        self.names = tuple(sorted(names))

    def path(self, name: str) -> Path:
        del name
        return self.root

    def content(self, name: str) -> bytes | Path:
        return self._read(name)

    def metadata(self) -> Mapping[str, bytes]:
        archive = _opened(self.root, self.root.stat().st_mtime_ns)
        near = {f"{folder}{METADATA}": folder for folder in {"", *map(_outermost, self.names)}}
        return {
            near[info.filename]: self._read(info.filename)
            for info in archive.infolist()
            if info.filename in near and info.file_size <= MAX_METADATA_BYTES
        }

    def _read(self, name: str) -> bytes:
        archive = _opened(self.root, self.root.stat().st_mtime_ns)
        try:
            info = archive.getinfo(name)
            with archive.open(info) as file:
                return file.read(info.file_size)
        except (KeyError, ValueError, NotImplementedError, RuntimeError, zipfile.BadZipFile, EOFError) as error:
            raise TFRecordError(f"it cannot be unpacked ({error}).") from None
        except Exception as error:  # of the decoder, which has its own kinds
            if isinstance(error, OSError):
                raise
            raise TFRecordError(f"it cannot be unpacked ({type(error).__name__}).") from None


@lru_cache(maxsize=2)
def _opened(path: Path, modified_ns: int) -> zipfile.ZipFile:
    """Return an archive, whose list of members is read once; threads may read it at the same time."""
    del modified_ns
    return zipfile.ZipFile(path)


def _why_not(info: zipfile.ZipInfo, names: set[str]) -> str:
    if info.flag_bits & 1:
        return "it is encrypted."
    if info.file_size > MAX_RECORD_BYTES:
        return f"a record's file has at most {MAX_RECORD_BYTES / 1e6:.0f} MB; this one has {info.file_size / 1e6:.0f}."
    return "the archive has another file of this name, which is used." if info.filename in names else ""


def _labels(files: _Files, progress: ProgressCallback | None) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Return file -> label, and (file, reason) of those without one: from metadata.json, the cache, or the files."""
    told = _told_labels(files)
    if told is not None:
        for name in spread(files.names, N_CHECKED):
            stored, why = _label(files, name)
            if not why and stored != told[name]:
                raise ValueError(
                    f"{files.root}: {METADATA} says that the label of {name} is {told[name]}, the file itself says "
                    f"{stored}. Remove {METADATA} if the files are right."
                )
        return told, []
    cached = cache_folder() / "records" / f"{fingerprint('npz labels', files.state)}.npz"
    arrays = read_npz(cached) or {}
    try:
        numbers, reasons = arrays["labels"].tolist(), json.loads(arrays["reasons"].tobytes())
    except (KeyError, ValueError):
        numbers, reasons = [], {}
    if len(numbers) != len(files.names):
        numbers, reasons = _read_labels(files, progress)
        stream = io.BytesIO()
        np.savez_compressed(
            stream,
            labels=np.array(numbers, np.int64),
            reasons=np.frombuffer(json.dumps(reasons).encode(), np.uint8),
        )
        write_atomically(cached, stream.getvalue())
    labels = {name: label for name, label in zip(files.names, numbers, strict=True) if label != _UNREAD}
    return labels, [(str(name), str(why)) for name, why in reasons.items()]


def _read_labels(files: _Files, progress: ProgressCallback | None) -> tuple[list[int], dict[str, str]]:
    numbers: list[int] = []
    reasons: dict[str, str] = {}
    with ThreadPoolExecutor(min(8, available_cores())) as pool:
        for name, (label, why) in zip(files.names, pool.map(lambda one: _label(files, one), files.names), strict=True):
            numbers.append(label)
            if why:
                reasons[name] = why
            if progress is not None and len(numbers) % 100 == 0:
                progress(len(numbers), len(files.names))
    return numbers, reasons


def _label(files: _Files, name: str) -> tuple[int, str]:
    """Return a file's label and "", or -1 and why it has none."""
    try:
        return read_label(files.content(name)), ""
    except TFRecordError as error:
        return _UNREAD, str(error)
    except OSError as error:
        return _UNREAD, f"its file cannot be read ({error.strerror or error})."


def _told_labels(files: _Files) -> dict[str, int] | None:
    """Return the labels of metadata.json where one tells a whole number of every file; else None.

    A file's labels are in the metadata.json of its own outermost folder, else in that around all. A name without its
    folder counts where one file that it may mean has it.
    """
    try:
        stored = {folder: json.loads(content) for folder, content in files.metadata().items()}
    except (OSError, ValueError, RecursionError, TFRecordError):
        return None
    if not stored or not all(isinstance(one, Mapping) for one in stored.values()):
        return None
    place_of = {name: folder if (folder := _outermost(name)) in stored else "" for name in files.names}
    n_of = Counter((place_of[name], name.rpartition("/")[2]) for name in files.names)
    labels: dict[str, int] = {}
    for name, place in place_of.items():
        inside, base = name.removeprefix(place), name.rpartition("/")[2]
        known = [name, inside, *([base] if n_of[place, base] == 1 else [])]
        keys = [key for one in known for key in (one, one.removesuffix(SUFFIX))]
        label = next((stored[place][key] for key in keys if key in stored.get(place, {})), None)
        if type(label) is not int or label < 0:
            return None
        labels[name] = label
    return labels or None


def _outermost(name: str) -> str:
    """Return the outermost folder of a path inside with its "/"; "" for none."""
    folder, separator, _ = name.partition("/")
    return f"{folder}/" if separator else ""


def _folder(image: str) -> str:
    return image.rpartition("/")[0]
