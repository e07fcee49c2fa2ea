"""Errors of other libraries as a part of a sentence: one line, of a bounded length, and never empty."""

from __future__ import annotations


def error_message(error: BaseException, length: int = 120) -> str:
    """Return the message of an error without a stop at its end, or the error's kind where it has none."""
    return " ".join(str(error).split())[:length].rstrip(".") or type(error).__name__


def error_text(error: BaseException) -> str:
    """Return an error's kind and message."""
    message = error_message(error, 300)
    kind = type(error).__name__
    return kind if message == kind else f"{kind}: {message}"
