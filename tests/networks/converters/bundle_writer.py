"""A small writer of TensorFlow's checkpoint format, so that the reader can be tested on any variables."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from gala_viz.protobuf import masked_crc32c

_MAGIC = bytes.fromhex("57fb808b247547db")
_KINDS = {"float32": 1, "float64": 2, "int64": 9}


def write_bundle(prefix: Path, variables: Mapping[str, np.ndarray], *, n_shards: int = 1, per_block: int = 7) -> Path:
    """Write ``variables`` as a checkpoint; blocks of ``per_block`` keys, tensors dealt over the shards in turn."""
    shards = [b""] * n_shards
    entries = [(b"", _number(1, n_shards))]
    for position, name in enumerate(sorted(variables)):
        values = np.asarray(variables[name], order="C")
        content, shard = values.tobytes(), position % n_shards
        shape = b"".join(_bytes(2, _number(1, size)) for size in values.shape)
        told = _number(1, _KINDS[values.dtype.name]) + _bytes(2, shape) + _number(3, shard)
        told += _number(4, len(shards[shard])) + _number(5, len(content))
        told += _varint(6 << 3 | 5) + masked_crc32c(content).to_bytes(4, "little")
        entries.append((name.encode(), told))
        shards[shard] += content
    for number, content in enumerate(shards):
        Path(f"{prefix}.data-{number:05d}-of-{n_shards:05d}").write_bytes(content)
    table, index = b"", []
    for start in range(0, len(entries), per_block):
        group = entries[start : start + per_block]
        block = _block(group)
        index.append((group[-1][0], _varint(len(table)) + _varint(len(block) - 5)))
        table += block
    handles = b""
    for block in (_block([]), _block(index)):
        handles += _varint(len(table)) + _varint(len(block) - 5)
        table += block
    Path(f"{prefix}.index").write_bytes(table + handles.ljust(40, b"\0") + _MAGIC)
    return prefix


def _block(entries: list[tuple[bytes, bytes]]) -> bytes:
    content, before = b"", b""
    for key, value in entries:
        shared = next(
            (k for k, (a, b) in enumerate(zip(key, before, strict=False)) if a != b), min(len(key), len(before))
        )
        content += _varint(shared) + _varint(len(key) - shared) + _varint(len(value)) + key[shared:] + value
        before = key
    content += bytes(4) + (1).to_bytes(4, "little") + b"\0"
    return content + masked_crc32c(content).to_bytes(4, "little")


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    parts = b""
    while value > 127:
        parts += bytes([value & 127 | 128])
        value >>= 7
    return parts + bytes([value])
