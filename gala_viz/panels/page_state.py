"""The state of a page as its address: the whole state, with a version; every value is checked by its parameter.

Links of version 1 hold only what differed from the values that pages began with then, and links that people type have
no version. Both are read with those initial values, whatever a page begins with today.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

import param

LINK_FORMAT = 2
"""Version of links. Version 1 leaves out the values that pages began with then; version 2 holds the whole state. A
newer link is opened as far as it is understood, and the page says so."""
VERSION_NAME = "v"
NON_STATE_NAMES = frozenset({VERSION_NAME, "view", "follow", "token"})
"""Names of an address that are no part of a page's state; ``token`` is of a notebook server that passes pages on."""
BOKEH_PREFIX = "bokeh-"
"""Prefix of Bokeh's own names, in pages that are embedded in others."""
_VERSIONS = tuple(map(str, range(1, LINK_FORMAT + 1)))  # written so, and not as 02
MAX_NAMES, MAX_CHARACTERS = 100, 8000
_WHOLE, _NUMBER = re.compile(r"-?\d{1,15}"), re.compile(r"-?\d{1,30}(\.\d{1,30})?(e[+-]?\d{1,3})?")


@dataclass(frozen=True, kw_only=True, slots=True)
class LinkParameter:
    """One query parameter of a link, and the ``parameter`` of ``owner`` that it stands for.

    With ``push_history`` each change is a step of its own in the browser's history. ``refusal(value)`` returns why a
    value is refused, as a sentence, or "", and ``accepted(value)`` what of a refused value is shown all the same (None:
    nothing of it). ``default`` is the initial value, where that is not the value when the page is created.
    """

    owner: param.Parameterized
    parameter: str
    push_history: bool = False
    refusal: Callable[[Any], str] = lambda value: ""
    accepted: Callable[[Any], Any] = lambda value: None
    default: Any = None

    @property
    def value(self) -> Any:
        """Present value of the parameter."""
        return getattr(self.owner, self.parameter)


class PageState:
    """All link parameters of a page by name; their values when this is created are the initial ones.

    Parameters
    ----------
    parameters : mapping of str to LinkParameter
        Name in links -> what it stands for.
    version_1 : mapping of str to str, optional
        Name -> the text that links of version 1 leave out. Names that are not here begin as the page does.
    """

    def __init__(self, parameters: Mapping[str, LinkParameter], version_1: Mapping[str, str] | None = None) -> None:
        self.parameters = dict(parameters)
        self._first = {
            name: entry.value if entry.default is None else entry.default for name, entry in parameters.items()
        }
        self._version_1 = dict(version_1 or {})

    @property
    def query(self) -> str:
        """The part of an address after ``?``: the version and the whole state."""
        return self.query_for(self.parameters)

    def query_for(self, names: Collection[str]) -> str:
        """Return ``query`` with some of the link parameters alone."""
        values = [(name, format_value(entry.value)) for name, entry in self.parameters.items() if name in names]
        return urlencode([(VERSION_NAME, LINK_FORMAT), *values], quote_via=quote, safe=":,/")

    def restore(self, pairs: Iterable[tuple[str, str]]) -> list[str]:
        """Set every link parameter to its value in ``pairs``, else to its initial one.

        Returns sentences on what could not be restored. The initial values are those of version 1 for links of version
        1 and for links without a version, else the page's own: for version 2 and newer, and without any pairs.
        """
        texts, errors = dict(pairs), []
        version = texts.get(VERSION_NAME, "1")
        if version not in _VERSIONS:
            errors.append(
                f"This link was made by another version ({version[:20]}); it is shown as far as it is understood."
            )
        own = {
            name: text
            for name, text in texts.items()
            if name not in NON_STATE_NAMES and not name.startswith(BOKEH_PREFIX)
        }
        first_version = version == "1" and (own or VERSION_NAME in texts)
        wanted = {**self._first, **(self._beginnings_of_version_1() if first_version else {})}
        for name, text in own.items():
            entry = self.parameters.get(name)
            if entry is None:
                errors.append(f"The link asks for “{name[:40]}”, which this page does not know.")
                continue
            try:
                value = parse_value(entry.owner.param[entry.parameter], text)
                reason = entry.refusal(value)
            except ValueError as error:
                value, reason = None, str(error)
            if reason:
                errors.append(f"The link asks for {name} = “{text[:60]}”: {reason}")
                value = None if value is None else entry.accepted(value)
            if value is not None or not reason:
                wanted[name] = value
        self._set(wanted)
        return errors

    def _beginnings_of_version_1(self) -> dict[str, Any]:
        """Return the initial values of version 1 that this page can show; others begin as the page does today."""
        values = {}
        for name, text in self._version_1.items():
            entry = self.parameters[name]
            try:
                value = parse_value(entry.owner.param[entry.parameter], text)
            except ValueError:
                continue
            if not entry.refusal(value):
                values[name] = value
        return values

    def watch(self, on_change: Callable[[bool], None]) -> None:
        """Call ``on_change(push_history)`` after every change of a link parameter."""
        for entry in self.parameters.values():
            entry.owner.param.watch(lambda _, step=entry.push_history: on_change(step), entry.parameter)

    def _set(self, wanted: Mapping[str, Any]) -> None:
        parts: dict[int, tuple[param.Parameterized, dict[str, Any]]] = {}
        for name, value in wanted.items():
            entry = self.parameters[name]
            if entry.value != value:
                parts.setdefault(id(entry.owner), (entry.owner, {}))[1][entry.parameter] = value
        for part, values in reversed(parts.values()):  # the image, named first, is set after all else
            part.param.update(**values)


def parse_query(query: str) -> list[tuple[str, str]]:
    """Return the names and values of an address's query; none where ``query_problem`` finds one."""
    if query_problem(query):
        return []
    return parse_qsl(query.removeprefix("?"), keep_blank_values=True, max_num_fields=MAX_NAMES)


def query_problem(query: str) -> str:
    """Return why nothing of an address's query is read, as a sentence; "" where it is read."""
    if len(query) > MAX_CHARACTERS:
        problem = f"it has {len(query):,} characters, and at most {MAX_CHARACTERS:,} are read"
    elif query.count("&") >= MAX_NAMES:
        problem = f"it holds {query.count('&') + 1:,} names, and at most {MAX_NAMES} are read"
    elif any("\ud800" <= letter <= "\udfff" for letter in query):
        problem = "it is no valid text"
    else:
        return ""
    return f"This link cannot be read: {problem}. The page begins as it does without a link; copy the link again."


def format_value(value: Any) -> str:
    """Return a value as the text that addresses hold."""
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, list | tuple):
        return ",".join(map(format_value, value))
    return str(value) if isinstance(value, int) else f"{value:.12g}"


def parse_value(parameter: param.Parameter, text: str) -> Any:
    """Return the value that ``text`` means for ``parameter``; raise ``ValueError`` with a sentence for other texts."""
    if isinstance(parameter, param.Boolean):
        if text not in ("0", "1"):
            raise ValueError("1 (yes) or 0 (no) was expected.")
        return text == "1"
    if isinstance(parameter, param.Number) and text == "" and parameter.allow_None:
        return None
    if isinstance(parameter, param.Integer):
        return _within(parameter, int(text)) if _WHOLE.fullmatch(text) else _refuse("a whole number")
    if isinstance(parameter, param.Number):
        return _within(parameter, float(text)) if _NUMBER.fullmatch(text) else _refuse("a number")
    if isinstance(parameter, param.Selector):
        known = {format_value(one): one for one in parameter.objects}
        if text not in known:
            raise ValueError("it is not among what may be chosen.")
        return known[text]
    if isinstance(parameter, param.List):
        numbers = [float(one) if _NUMBER.fullmatch(one) else math.nan for one in text.split(",") if text]
        least, most = parameter.bounds or (0, None)
        if not all(map(math.isfinite, numbers)) or not (least or 0) <= len(numbers) <= (most or len(numbers)):
            _refuse("a list of numbers" + ("" if most is None else f", {most} at most"))
        return numbers
    return None if text == "" and parameter.allow_None else text


def _refuse(expected: str) -> Any:
    raise ValueError(f"{expected} was expected.")


def _within(parameter: param.Number, value: float) -> float:
    """Return ``value`` if it is finite and within the bounds of ``parameter``; raise ``ValueError`` otherwise."""
    low, high = parameter.bounds or (None, None)
    low_counts, high_counts = parameter.inclusive_bounds
    ends = []
    if low is not None:
        ends.append(f"from {low:g}" if low_counts else f"above {low:g}")
    if high is not None:
        ends.append(f"{'to' if ends else 'up to'} {high:g}" if high_counts else f"below {high:g}")
    fits_low = low is None or value > low or (low_counts and value == low)
    fits_high = high is None or value < high or (high_counts and value == high)
    if not (math.isfinite(value) and fits_low and fits_high):
        _refuse(f"a number {' '.join(ends)}" if ends else "a finite number")
    return value
