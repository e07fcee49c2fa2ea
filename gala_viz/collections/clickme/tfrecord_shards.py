"""The TFRecord files of a collection together: their records, the ids of these, and the split of each file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gala_viz.collections.clickme.tfrecord_file import ProgressCallback, TFRecordError
from gala_viz.collections.clickme.tfrecord_index import TFRecordIndex, load_record_index
from gala_viz.collections.clickme.unpacked_records import uncompressed
from gala_viz.collections.file_index import index_files
from gala_viz.collections.folder_layouts import RECORD_SUFFIXES, SHARD
from gala_viz.collections.path_labels import SPLIT_FOLDERS


@dataclass(frozen=True, slots=True)
class Shard:
    """One file: its path, its records, the split that its name tells, and the file itself or its unpacked copy."""

    path: Path
    index: TFRecordIndex
    split: str | None
    unpacked: Path


def open_shards(root: Path, progress: ProgressCallback | None = None) -> tuple[list[Shard], list[tuple[str, str]]]:
    """Open the shards of ``root``, a file or a folder, and list (name, reason) of what cannot be used.

    ``progress`` is called with (bytes read, bytes of all files). Raises ``ValueError`` where there is no usable record
    at all.
    """
    shards: list[Shard] = []
    skipped: list[tuple[str, str]] = []
    files = [root]
    if root.is_dir():
        tree = index_files(root, suffixes=RECORD_SUFFIXES, names=SHARD)
        files, skipped = [root / name for name, _, _ in tree.files], list(tree.refused)
    for path, file_progress in zip(files, _parts(files, progress), strict=True):
        try:
            unpacked = uncompressed(path)
            index = load_record_index(unpacked, file_progress)
        except (TFRecordError, OSError) as error:
            skipped.append((path.name, str(error)))
            continue
        skipped += [(f"{path.name}, {name}", reason) for name, reason in index.refused]
        shards.append(Shard(path, index, split_of_path(path.relative_to(root.parent).as_posix()), unpacked))
    if not any(len(shard.index) for shard in shards):
        reason = f" {skipped[0][0]}: {skipped[0][1]}" if skipped else ""
        expected = (
            "expected files called like a.tfrecord, a.tfrecords or a-00000-of-00010, each perhaps with .gz at its end"
        )
        raise ValueError(f"{root} holds no usable TFRecord; {expected}.{reason}")
    return shards, skipped


def image_ids(shards: list[Shard]) -> list[str]:
    """Return one id for each record, in order: its file_path where all have a different one, else "SHARD/NUMBER"."""
    paths = [path.strip("/") for shard in shards for path in shard.index.file_paths]
    if all(paths) and len(set(paths)) == len(paths):
        return paths
    stems = [_stem(shard.path.name) for shard in shards]
    longer = [f"{shard.path.parent.name}-{_stem(shard.path.name)}" for shard in shards]
    counted = [f"{number}-{stem}" for number, stem in enumerate(stems)]
    names = next(names for names in (stems, longer, counted) if len(set(names)) == len(names))
    return [
        f"{name}/{shard.index.number(row):06d}"
        for name, shard in zip(names, shards, strict=True)
        for row in range(len(shard.index))
    ]


def _parts(files: list[Path], progress: ProgressCallback | None) -> Iterator[ProgressCallback]:
    """Yield for each file a progress callback that reports its progress as a part of all files'."""
    sizes = [path.stat().st_size for path in files]
    for number in range(len(files)):
        before = sum(sizes[:number])

        def report(done: int, _total: int, before: int = before) -> None:
            if progress is not None:
                progress(before + done, sum(sizes))

        yield report


def _stem(name: str) -> str:
    """Return a file's name without its suffix; the number of a shard stays: "a-00000-of-00010"."""
    return re.sub(r"\.tfrecords?(?=$|-)", "", name.removesuffix(".gz"), flags=re.IGNORECASE)


def split_of_path(path: str) -> str | None:
    """Return the split among the words of a path, the innermost first; of the outermost part "dev" does not count."""
    outermost, *rest = path.split("/")
    inner = [word for part in reversed(rest or [outermost]) for word in _words(part)]
    outer = [word for word in _words(outermost) if word not in ("dev", "development")]
    return next((SPLIT_FOLDERS[word] for word in (*inner, *outer) if word in SPLIT_FOLDERS), None)


def _words(name: str) -> list[str]:
    return re.split(r"[^a-z]+", name.lower())
