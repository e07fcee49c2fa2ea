"""Protocol buffers without TensorFlow: fields of messages, and the masked checksums of TensorFlow's files.

Every length is checked against the bytes that there are, so that damaged bytes give ``ProtobufError`` and never a value
from beyond a message.
"""

from __future__ import annotations

from collections.abc import Iterator

from crc32c import crc32c

_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5


class ProtobufError(ValueError):
    """Bytes that are no message."""


def message_fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yield all fields of a message: (number, whole number), or (number, content) for strings and fixed widths.

    Raises ``ProtobufError`` where the bytes are no message.
    """
    position = 0
    while position < len(message):
        tag, position = read_varint(message, position)
        wire = tag & 7
        if wire == _VARINT:
            value, position = read_varint(message, position)
            yield tag >> 3, value
            continue
        if wire == _LENGTH:
            length, position = read_varint(message, position)
        elif wire in (_FIXED32, _FIXED64):
            length = 4 if wire == _FIXED32 else 8
        else:
            raise ProtobufError("a field of unknown kind.")
        if position + length > len(message):
            raise ProtobufError("a field is longer than its message.")
        yield tag >> 3, message[position : position + length]
        position += length


def length_delimited_fields(message: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Return the fields of a message that have a length or a fixed width (messages, strings): (number, content)."""
    return ((number, value) for number, value in message_fields(message) if isinstance(value, memoryview))


def read_varint(message: memoryview, position: int) -> tuple[int, int]:
    """Return the whole number of variable length at ``position``, and the position after it.

    Raises ``ProtobufError`` where it has no end.
    """
    value = shift = 0
    while position < len(message) and shift < 70:
        byte = message[position]
        position += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, position
        shift += 7
    raise ProtobufError("a number has no end.")


def masked_crc32c(data: bytes | memoryview) -> int:
    """Return the CRC-32C of ``data``, rotated right by 15 bits and moved by a constant, as TensorFlow stores it."""
    checksum = crc32c(data)
    return (((checksum >> 15) | (checksum << 17)) + 0xA282EAD8) & 0xFFFFFFFF
