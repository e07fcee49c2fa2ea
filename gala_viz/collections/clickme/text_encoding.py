"""The encoding of a table: checked on its bytes, never guessed, since names must stay apart.

Read with another encoding than its own, letters beyond ASCII become one replacement character, and two participants
whose names differ in them become one.
"""

from __future__ import annotations

import codecs
from pathlib import Path

from gala_viz.collections.human_maps.map_checks import MapFileError

UTF_8 = "utf-8-sig"
"""UTF-8, with or without a byte-order mark."""
_MARKS = {codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32"}
_MARKS |= {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_REPLACEMENT = "\ufffd"
_HOW = "tell it with --encoding of gala-viz import (in Python ClickMapSpec(encoding=...))"


def check_encoding_name(name: str) -> None:
    """Raise ``ValueError`` for a name that Python does not know as a text's encoding."""
    try:
        b"a".decode(name, "replace")
    except (LookupError, UnicodeError):
        raise ValueError(
            f"encoding is a name like utf-8, latin-1, cp1252, utf-16 or shift_jis; {name!r} is not known."
        ) from None


def check_encoding(path: Path, encoding: str | None = None) -> str:
    """Return the encoding to open the text file ``path`` with: ``encoding``, by default UTF-8.

    Raises ``MapFileError`` where a line cannot be decoded, holds NUL characters (as UTF-16 does when it is read as
    something else), or replacement characters, by which an earlier conversion has lost letters of names.
    """
    codec = encoding or UTF_8
    if codecs.lookup(codec).name == "utf-8":
        codec = UTF_8
    with path.open("rb") as file:
        head = file.read(4)
    mark = next((name for mark, name in _MARKS.items() if head.startswith(mark)), None)
    if mark is not None and encoding is None:
        raise MapFileError(f"the table begins like {mark.upper()}; {_HOW}, for example {mark}.")
    number = 0
    try:
        for number, line in enumerate(_lines(path, codec), start=1):
            if "\0" in line:
                raise MapFileError(
                    f"line {number} holds NUL characters when it is read as {_title(codec)}: the table is in another "
                    f"encoding, for example utf-16; {_HOW}."
                )
            if _REPLACEMENT in line:
                raise MapFileError(
                    f"line {number} holds the character U+FFFD, which stands for letters that an earlier conversion "
                    "lost: names that differed may have become one. Export the table again in UTF-8."
                )
    except UnicodeDecodeError as error:
        fault = f"byte 0x{error.object[error.start]:02x}" if error.start < len(error.object) else "its end"
        raise MapFileError(
            f"line {number + 1} is not {_title(codec)} ({fault}): the table is in another encoding, for example "
            f"{'latin-1 or cp1252' if encoding is None else 'utf-8'}; {_HOW}."
        ) from None
    except UnicodeError as error:  # a codec of several bytes without its byte-order mark
        raise MapFileError(f"the table is not {_title(codec)} ({error}); {_HOW}.") from None
    return codec


def _lines(path: Path, encoding: str):
    """Yield the lines of a text; UTF-8 is cut in bytes, so that a fault is reported with its own line."""
    if encoding != UTF_8:
        with path.open(encoding=encoding, newline="") as file:
            yield from file
        return
    with path.open("rb") as file:
        for line in file:
            yield line.decode(UTF_8)


def _title(encoding: str) -> str:
    return "UTF-8" if encoding == UTF_8 else encoding
