"""A finished store in few files: arrays are written anew in shards, each of which holds many blocks.

Blocks come first, so that workers write side by side and a kill costs a block at most. Once no block is missing, array
after array is written beside its own blocks and then put in their place. A kill in the middle costs the array that was
being written; the same command goes on.
"""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path

import zarr

from gala_viz.store.layout import Stored, arrays_of, bytes_per_image
from gala_viz.store.spec import StoreSpec
from gala_viz.store.zarr_store import Store

SHARD_BYTES = 128 * 2**20
"""Bytes of a shard before compression, about: what writing takes in memory."""
MAX_FILES = 12_000
"""Files of all arrays that are aimed at; shards get larger where there would be more."""
NEW, OLD = ".new", ".old"
"""Endings of an array that is being written, and of the one that it replaces."""


def compact(store: Store) -> int:
    """Write the arrays of a finished store in shards, and return how many were written.

    Nothing happens where blocks are missing. What is in shards already stays.
    """
    finish_renaming(store)
    if store.missing_blocks():
        return 0
    root = zarr.open_group(store.path, mode="r+", use_consolidated=False)
    arrays = [one for one in arrays_of(store.spec) if one.chunk is None]
    total_bytes = sum(bytes_per_image(one) for one in arrays) * store.spec.n_images
    shard_bytes = max(SHARD_BYTES, total_bytes // MAX_FILES)
    written = 0
    for one in arrays:
        n_images = images_in_shard(store.spec, one, shard_bytes)
        is_empty = 0 in one.shape(1)  # of networks without layers
        if not is_empty and root[one.path].shards is None and n_images > store.spec.block_images:
            _write_shards(root, one, store.spec, n_images)
            _replace(store.path / one.path)
            written += 1
    return written


def images_in_shard(spec: StoreSpec, one: Stored, shard_bytes: int) -> int:
    """Return how many images a shard of an array holds: whole blocks, and no more than there are."""
    blocks = max(1, shard_bytes // max(1, bytes_per_image(one) * spec.block_images))
    return min(blocks, spec.n_blocks) * spec.block_images


def finish_renaming(store: Store) -> None:
    """Put arrays in their places where a process ended between two renamings, and remove what is left of it.

    Only the store's own arrays are looked at: what else lies in the folder stays.
    """
    for one in arrays_of(store.spec):
        place, old, new = _places(store.path / one.path)
        if new.exists() and place.exists():
            shutil.rmtree(new)  # it may be half written
        elif new.exists():
            new.rename(place)
        if old.exists() and place.exists():
            shutil.rmtree(old)


def _write_shards(root: zarr.Group, one: Stored, spec: StoreSpec, n_images: int) -> None:
    """Write an array beside itself, with the same chunks, in shards of ``n_images``."""
    source = root[one.path]
    shards = tuple(n_images if dim == "image" else size for dim, size in zip(one.all_dims(), source.shape, strict=True))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # variable-length text is young in Zarr 3
        array = root.create_array(
            f"{one.path}{NEW}",
            shape=source.shape,
            dtype=one.dtype if one.dtype != "string" else str,
            chunks=source.chunks,
            shards=shards,
            fill_value=one.fill,
            dimension_names=one.all_dims(),
            attributes=dict(source.attrs),
            overwrite=True,
        )
    for start in range(0, spec.n_images, n_images):
        where = slice(start, min(start + n_images, spec.n_images))
        at = (..., where) if one.leading else where
        array[at] = source[at]


def _places(place: Path) -> tuple[Path, Path, Path]:
    """Return where an array lies, where it lies while it is replaced, and where its successor is written."""
    return place, place.with_name(f"{place.name}{OLD}"), place.with_name(f"{place.name}{NEW}")


def _replace(place: Path) -> None:
    place, old, new = _places(place)
    place.rename(old)
    new.rename(place)
    shutil.rmtree(old)
