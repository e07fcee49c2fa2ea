"""TensorFlow's checkpoints ("tensor bundles") without TensorFlow: variables by name, every checksum compared.

The ``.index`` file is a sorted string table: blocks of key-value entries, each followed by one byte of compression
(0: none) and a checksum; the last 48 bytes point to the table's index block, whose values point to the data blocks
(offset and size as variable-length integers). In a block, a key is given as the length it shares with the previous key
and the bytes that follow; the block ends with its restart points, four bytes each, and their number. The value of a
variable's key is a protocol-buffer message: 1 dtype, 2 shape, 3 shard, 4 offset, 5 size, 6 checksum; the tensor lies at
that offset of the shard's ``.data`` file, little-endian and row-major. Nothing in these files is code.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gala_viz.protobuf import ProtobufError, length_delimited_fields, masked_crc32c, message_fields, read_varint

_MAGIC = bytes.fromhex("57fb808b247547db")
_FOOTER, _TRAILER = 48, 5
_DTYPES = {1: np.dtype("<f4"), 2: np.dtype("<f8"), 3: np.dtype("<i4"), 9: np.dtype("<i8"), 19: np.dtype("<f2")}
_MAX_INDEX_BYTES = 100_000_000
_NOTHING = memoryview(b"")


class CheckpointError(ValueError):
    """A checkpoint that is not what it claims; the message names the file and what is wrong with it."""


@dataclass(frozen=True, slots=True)
class _Entry:
    dtype: int
    shape: tuple[int, ...]
    shard: int
    offset: int
    size: int
    checksum: int


class TensorFlowCheckpoint:
    """The variables of the checkpoint ``path``: its prefix, its .index file, or a folder that holds just one.

    ``shapes`` gives every variable's shape by name, in the file's order. Raises ``FileNotFoundError`` where no
    checkpoint is, ``CheckpointError`` for a damaged or foreign file.
    """

    def __init__(self, path: str | Path) -> None:
        self.prefix = _prefix(Path(path).expanduser())
        self._index = Path(f"{self.prefix}.index")
        if self._index.stat().st_size > _MAX_INDEX_BYTES:
            raise CheckpointError(
                f"{self._index.name} has {self._index.stat().st_size:,} bytes: no checkpoint's index."
            )
        try:
            self._n_shards, self._entries = _read_index(memoryview(self._index.read_bytes()))
        except (CheckpointError, ProtobufError) as error:
            raise CheckpointError(f"{self._index.name}: {error}") from None
        except (KeyError, UnicodeDecodeError, TypeError) as error:
            raise CheckpointError(f"{self._index.name} is damaged ({type(error).__name__}).") from None
        self.shapes = {name: entry.shape for name, entry in self._entries.items()}

    def read(self, name: str) -> np.ndarray:
        """Return the values of the variable ``name``, in its own shape and dtype.

        Raises ``CheckpointError`` where their dtype is not supported or they do not fit their shape or checksum.
        """
        entry = self._entries[name]
        dtype = _DTYPES.get(entry.dtype)
        if dtype is None:
            raise CheckpointError(f"{name}: values of TensorFlow's kind {entry.dtype} are not read.")
        if entry.size != dtype.itemsize * math.prod(entry.shape):
            raise CheckpointError(f"{name}: {entry.size} bytes do not fill the shape {entry.shape}.")
        path = Path(f"{self.prefix}.data-{entry.shard:05d}-of-{self._n_shards:05d}")
        with path.open("rb") as file:
            file.seek(entry.offset)
            content = file.read(entry.size)
        if len(content) < entry.size or masked_crc32c(content) != entry.checksum:
            raise CheckpointError(f"{path.name}: the values of {name} do not fit their checksum.")
        return np.frombuffer(content, dtype).reshape(entry.shape)


def _prefix(path: Path) -> Path:
    """Return the checkpoint's prefix: ``path`` without its ending, or the one checkpoint in the folder ``path``."""
    if path.is_dir():
        indices = sorted(path.glob("*.index"))
        if len(indices) != 1:
            names = ", ".join(one.stem for one in indices[:10]) or "none"
            raise FileNotFoundError(f"{path} should hold one checkpoint; it holds: {names}. Name one of them.")
        path = indices[0]
    prefix = path.with_suffix("") if path.suffix in (".index", ".meta") else path
    if not Path(f"{prefix}.index").is_file():
        raise FileNotFoundError(f"{prefix}.index is not there; a checkpoint is NAME.index with NAME.data-….")
    return prefix


def _read_index(table: memoryview) -> tuple[int, dict[str, _Entry]]:
    """Return the number of shards and the variables' entries by name, from the bytes of an .index file."""
    if table[-8:] != _MAGIC or len(table) < _FOOTER:
        raise CheckpointError("it does not end like a TensorFlow checkpoint's index.")
    footer = table[-_FOOTER:-8]
    _, position = _handle(footer, 0)  # that of the meta-index
    (offset, size), _ = _handle(footer, position)
    entries: dict[str, _Entry] = {}
    n_shards = 1
    for _, handle in _block(table, offset, size):
        for key, value in _block(table, *_handle(handle, 0)[0]):
            fields = dict(message_fields(value))
            if not key:  # the empty key holds the bundle's own header
                n_shards = _number(fields.get(1, 1))
                continue
            dims = (dim for number, dim in length_delimited_fields(_content(fields.get(2, _NOTHING))) if number == 2)
            shape = tuple(_number(dict(message_fields(dim)).get(1, 0)) for dim in dims)
            shard, offset_in_shard, n_bytes = (_number(fields.get(field, 0)) for field in (3, 4, 5))
            checksum = int.from_bytes(_content(fields.get(6, _NOTHING)), "little")
            entries[key.decode()] = _Entry(_number(fields[1]), shape, shard, offset_in_shard, n_bytes, checksum)
    return n_shards, entries


def _number(value: int | memoryview) -> int:
    if not isinstance(value, int):
        raise CheckpointError("a field holds bytes in place of a number.")
    return value


def _content(value: int | memoryview) -> memoryview:
    if isinstance(value, int):
        raise CheckpointError("a field holds a number in place of bytes.")
    return value


def _block(table: memoryview, offset: int, size: int) -> Iterator[tuple[bytes, memoryview]]:
    """Yield the keys and values of one block."""
    trailer = bytes(table[offset + size : offset + size + _TRAILER])
    if len(trailer) < _TRAILER or int.from_bytes(trailer[1:], "little") != masked_crc32c(
        table[offset : offset + size + 1]
    ):
        raise CheckpointError("a block does not fit its checksum.")
    if trailer[0] != 0:
        raise CheckpointError("its blocks are compressed, which is not read.")
    block = table[offset : offset + size]
    position, end, key = 0, size - 4 - 4 * int.from_bytes(block[-4:], "little"), b""
    while position < end:
        shared, position = read_varint(block, position)
        fresh, position = read_varint(block, position)
        length, position = read_varint(block, position)
        key = key[:shared] + bytes(block[position : position + fresh])
        position += fresh
        yield key, block[position : position + length]
        position += length


def _handle(message: memoryview, position: int) -> tuple[tuple[int, int], int]:
    offset, position = read_varint(message, position)
    size, position = read_varint(message, position)
    return (offset, size), position
