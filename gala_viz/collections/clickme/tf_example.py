"""tf.train.Example without TensorFlow: the features of a record by name.

A record is a protocol buffer: Example has one Features (field 1), which is a row of entries (field 1), each a name (1)
and a Feature (2): one of bytes_list (1), float_list (2), int64_list (3).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import ParamSpec, TypeVar

import numpy as np

from gala_viz.collections.clickme.tfrecord_file import TFRecordError
from gala_viz.protobuf import ProtobufError, length_delimited_fields, message_fields, read_varint

Feature = memoryview
_BYTES, _FLOATS, _INTEGERS = 1, 2, 3
Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def _describe_errors(read: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    @wraps(read)
    def reading(*arguments: Arguments.args, **named: Arguments.kwargs) -> Result:
        try:
            return read(*arguments, **named)
        except ProtobufError as error:
            raise TFRecordError(f"it is no tf.train.Example: {error}") from None

    return reading


@_describe_errors
def example_features(record: bytes | memoryview) -> dict[str, Feature]:
    """Return the serialised features of an Example by name. Raises ``TFRecordError`` for what is none."""
    features: dict[str, Feature] = {}
    wrapped = (part for number, part in length_delimited_fields(memoryview(record)) if number == 1)
    for entry in (entry for part in wrapped for number, entry in length_delimited_fields(part) if number == 1):
        parts = dict(length_delimited_fields(entry))
        name = bytes(parts.get(1, b"")).decode("utf-8", "replace")
        features[name] = parts.get(2, memoryview(b""))
    if not features:
        raise TFRecordError("it is no tf.train.Example, or one without features.")
    return features


@_describe_errors
def bytes_feature(features_by_name: Mapping[str, Feature], name: str) -> memoryview:
    """Return the one value of a bytes feature. Raises ``TFRecordError`` where there is not exactly one."""
    values = [value for part in _lists(features_by_name, name, _BYTES) for _, value in length_delimited_fields(part)]
    if len(values) != 1:
        raise TFRecordError(f"its feature {name!r} should hold one string of bytes; it holds {len(values)}.")
    return values[0]


@_describe_errors
def int64_feature(features_by_name: Mapping[str, Feature], name: str) -> int:
    """Return the one value of an int64 feature. Raises ``TFRecordError`` where there is not exactly one."""
    values: list[int] = []
    for value in (value for part in _lists(features_by_name, name, _INTEGERS) for _, value in message_fields(part)):
        values += _varints(value) if isinstance(value, memoryview) else [value]
    if len(values) != 1:
        raise TFRecordError(f"its feature {name!r} should hold one whole number; it holds {len(values)}.")
    return values[0] - (1 << 64) if values[0] >= 1 << 63 else values[0]


@_describe_errors
def float_feature(features_by_name: Mapping[str, Feature], name: str) -> np.ndarray | None:
    """Return the values of a float feature, float32 (value,); None where the feature holds no floats."""
    parts = _lists(features_by_name, name, _FLOATS)
    if not parts:
        return None
    contents = [value for part in parts for _, value in length_delimited_fields(part)]
    content = contents[0] if len(contents) == 1 else b"".join(contents)  # the one of a packed list is not copied
    if len(content) % 4:
        raise TFRecordError(f"its feature {name!r} is damaged.")
    return np.frombuffer(content, "<f4")


def _lists(features_by_name: Mapping[str, Feature], name: str, kind: int) -> list[memoryview]:
    """Return the lists of one kind in a feature: one, or none."""
    if name not in features_by_name:
        raise TFRecordError(f"it has no feature {name!r}; it has {', '.join(sorted(features_by_name))}.")
    return [part for number, part in length_delimited_fields(features_by_name[name]) if number == kind]


def _varints(packed: memoryview) -> list[int]:
    values, position = [], 0
    while position < len(packed):
        value, position = read_varint(packed, position)
        values.append(value)
    return values
