"""A small reader of TensorFlow's checkpoint format ("tensor bundle"), for reference numbers without TensorFlow.

The ``.index`` file is a sorted string table: blocks of key-value entries, each followed by one byte of compression
(0: none) and a checksum; the last 48 bytes point to the table's index block, whose values point to the data blocks
(offset and size as variable-length integers). In a block, a key is given as the length it shares with the previous key
and the bytes that follow; the block ends with its restart points, four bytes each, and their number. The value of a
variable's key is a protocol-buffer message: 1 dtype, 2 shape, 3 shard, 4 offset, 5 size; the tensor lies at that offset
of the ``.data`` file, little-endian and row-major.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

MAGIC = bytes.fromhex("57fb808b247547db")
FLOAT32 = 1


def read_bundle(prefix: Path) -> dict[str, np.ndarray]:
    """All float32 variables of the one-shard checkpoint ``prefix`` (the path without ``.index``)."""
    table = Path(f"{prefix}.index").read_bytes()
    data = Path(f"{prefix}.data-00000-of-00001").read_bytes()
    if table[-8:] != MAGIC:
        raise ValueError(f"{prefix}.index does not end like a TensorFlow checkpoint's index.")
    footer = table[-48:-8]
    position = _varint(footer, _varint(footer, 0)[1])[1]  # past the handle of the meta-index
    variables = {}
    for _, handle in _entries(table, *_handle(footer, position)):
        for key, value in _entries(table, *_handle(handle, 0)):
            if key:  # the empty key holds the bundle's own header
                variables[key.decode()] = _tensor(data, dict(_fields(value)), value)
    return variables


def _tensor(data: bytes, entry: dict[int, int | bytes], message: bytes) -> np.ndarray:
    if entry[1] != FLOAT32:
        raise ValueError(f"only float32 tensors are read; got dtype {entry[1]} in {message!r}.")
    shape = tuple(dict(_fields(dim)).get(1, 0) for field, dim in _fields(entry.get(2, b"")) if field == 2)
    start = entry.get(4, 0)
    values = np.frombuffer(data[start : start + entry[5]], dtype="<f4")
    return values.reshape(shape)


def _entries(table: bytes, offset: int, size: int) -> Iterator[tuple[bytes, bytes]]:
    if table[offset + size] != 0:
        raise ValueError("compressed blocks are not read.")
    block = table[offset : offset + size]
    n_restarts = int.from_bytes(block[-4:], "little")
    position, end, key = 0, size - 4 - 4 * n_restarts, b""
    while position < end:
        shared, position = _varint(block, position)
        fresh, position = _varint(block, position)
        length, position = _varint(block, position)
        key = key[:shared] + block[position : position + fresh]
        position += fresh
        yield key, block[position : position + length]
        position += length


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a protocol-buffer message: (number, integer or bytes)."""
    position = 0
    while position < len(message):
        tag, position = _varint(message, position)
        kind = tag & 7
        if kind == 0:
            value, position = _varint(message, position)
        else:
            length, position = _varint(message, position) if kind == 2 else ({5: 4, 1: 8}[kind], position)
            value, position = message[position : position + length], position + length
        yield tag >> 3, value


def _handle(message: bytes, position: int) -> tuple[int, int]:
    offset, position = _varint(message, position)
    return offset, _varint(message, position)[0]


def _varint(message: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[position]
        position += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, position
        shift += 7
