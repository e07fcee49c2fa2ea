"""tf.train.Example without TensorFlow: the features of a record by name.

A record is a protocol-buffer message: Example has one Features (field 1), which is a row of entries (field 1), each a
name (1) and a Feature (2): one of bytes_list (1), float_list (2), int64_list (3). Every length is checked against what
is there, so that damaged bytes give an error and never a wrong value beyond the record.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from gala_viz.collections.clickme.record_file import RecordError

Feature = memoryview
_BYTES, _FLOATS, _INTEGERS = 1, 2, 3
_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5


def features(record: bytes) -> dict[str, Feature]:
    """The serialised features of an Example by name. Raises ``RecordError`` for what is none."""
    found: dict[str, Feature] = {}
    for number, wrapped in _messages(memoryview(record)):
        if number != 1:
            continue
        for inner, entry in _messages(wrapped):
            if inner != 1:
                continue
            parts = dict(_messages(entry))
            name = bytes(parts.get(1, b"")).decode("utf-8", "replace")
            found[name] = parts.get(2, memoryview(b""))
    if not found:
        raise RecordError("it is no tf.train.Example, or one without features.")
    return found


def bytes_of(found: Mapping[str, Feature], name: str) -> memoryview:
    """The one value of a bytes feature."""
    lists = [part for kind, part in _messages(_feature(found, name)) if kind == _BYTES]
    values = [value for part in lists for _, value in _messages(part)]
    if len(values) != 1:
        raise RecordError(f"its feature {name!r} should hold one string of bytes; it holds {len(values)}.")
    return values[0]


def integer_of(found: Mapping[str, Feature], name: str) -> int:
    """The one value of an int64 feature."""
    lists = [part for kind, part in _messages(_feature(found, name)) if kind == _INTEGERS]
    values: list[int] = []
    for value in (value for part in lists for _, value in _fields(part)):
        values += _varints(value) if isinstance(value, memoryview) else [value]
    if len(values) != 1:
        raise RecordError(f"its feature {name!r} should hold one whole number; it holds {len(values)}.")
    return values[0] - (1 << 64) if values[0] >= 1 << 63 else values[0]


def floats_of(found: Mapping[str, Feature], name: str) -> np.ndarray | None:
    """The values of a float feature, float32; None where the feature holds no floats."""
    parts = [part for kind, part in _messages(_feature(found, name)) if kind == _FLOATS]
    if not parts:
        return None
    content = b"".join(bytes(value) for part in parts for _, value in _fields(part) if isinstance(value, memoryview))
    if len(content) % 4:
        raise RecordError(f"its feature {name!r} is damaged.")
    return np.frombuffer(content, "<f4")


def _feature(found: Mapping[str, Feature], name: str) -> Feature:
    if name not in found:
        known = ", ".join(sorted(found))
        raise RecordError(f"it has no feature {name!r}; it has {known}.")
    return found[name]


def _messages(message: memoryview) -> Iterator[tuple[int, memoryview]]:
    """The fields that are messages or strings: (number, content)."""
    for (number, _), value in _fields(message):
        if isinstance(value, memoryview):
            yield number, value


def _fields(message: memoryview) -> Iterator[tuple[tuple[int, int], int | memoryview]]:
    """All fields: ((number, wire type), whole number or content)."""
    position = 0
    while position < len(message):
        tag, position = _varint(message, position)
        wire = tag & 7
        if wire == _VARINT:
            value, position = _varint(message, position)
            yield (tag >> 3, wire), value
            continue
        if wire == _LENGTH:
            length, position = _varint(message, position)
        elif wire in (_FIXED32, _FIXED64):
            length = 4 if wire == _FIXED32 else 8
        else:
            raise RecordError("it is no tf.train.Example: a field of unknown kind.")
        if position + length > len(message):
            raise RecordError("it is no tf.train.Example: a field is longer than the record.")
        yield (tag >> 3, wire), message[position : position + length]
        position += length


def _varints(packed: memoryview) -> list[int]:
    values, position = [], 0
    while position < len(packed):
        value, position = _varint(packed, position)
        values.append(value)
    return values


def _varint(message: memoryview, position: int) -> tuple[int, int]:
    value = shift = 0
    while position < len(message) and shift < 70:
        byte = message[position]
        position += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, position
        shift += 7
    raise RecordError("it is no tf.train.Example: a number has no end.")
