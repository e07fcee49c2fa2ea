"""The state of a page as its address: every name checked by a schema, the whole state, in a version.

Links of the first version hold only what differed from the page's beginning of then, and links that people type have no
version. Both are read with those beginnings, whatever a page begins with today.
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
"""Of links. Version 1 leaves out what a page began with then; version 2 holds the whole state. A newer link is opened
as far as it is understood, and that is told."""
VERSION_NAME = "v"
NON_STATE_NAMES = frozenset({VERSION_NAME, "view", "follow"})
"""Names of an address that are no part of a page's state."""
BOKEH_PREFIX = "bokeh-"
"""What begins so is Bokeh's, in pages that stand within others."""
MAX_NAMES, MAX_CHARACTERS = 100, 8000
_WHOLE, _NUMBER = re.compile(r"-?\d{1,15}"), re.compile(r"-?\d{1,30}(\.\d{1,30})?(e-?\d{1,3})?")


@dataclass(frozen=True, kw_only=True, slots=True)
class LinkParameter:
    """What one name of an address stands for: ``parameter`` of a remembered object.

    ``push_history``: each change is a step of its own in the browser's history. ``refusal(value)`` may give a reason,
    in words. ``default`` is what it begins with where that is not what it holds when the page is made.
    """

    of: param.Parameterized
    parameter: str
    step: bool = False
    refused: Callable[[Any], str] = lambda value: ""
    first: Any = None

    @property
    def value(self) -> Any:
        """As it is now."""
        return getattr(self.of, self.parameter)


class PageState:
    """All ``parameters`` of a page by name; what they hold when this is made is their beginning.

    Parameters
    ----------
    parameters : mapping of str to Place
        Name in links -> what it stands for.
    version_1 : mapping of str to str
        Name -> the text that links of version 1 leave out. Names that are not here begin as the page does.
    """

    def __init__(self, parameters: Mapping[str, LinkParameter], version_1: Mapping[str, str] | None = None) -> None:
        self.parameters = dict(parameters)
        self._first = {name: place.value if place.first is None else place.first for name, place in parameters.items()}
        self._version_1 = dict(version_1 or {})

    @property
    def query(self) -> str:
        """The part of an address after ``?``: the version and the whole state."""
        return self.query_for(self.parameters)

    def query_for(self, names: Collection[str]) -> str:
        """As ``query``, of some of the places."""
        values = [(name, format_value(place.value)) for name, place in self.parameters.items() if name in names]
        return urlencode([(VERSION_NAME, LINK_FORMAT), *values], quote_via=quote, safe=":,/")

    def restore(self, pairs: Iterable[tuple[str, str]]) -> list[str]:
        """Set every place: to what ``pairs`` say, else to its beginning. Returns what could not be, in sentences.

        The beginnings are the page's own for no pairs at all and for links of version 2, else those of version 1.
        """
        given, told = dict(pairs), []
        version = given.get(VERSION_NAME, "1")
        if not (_WHOLE.fullmatch(version) and int(version) <= LINK_FORMAT):
            told.append(
                f"This link was made by another version ({version[:20]}); it is shown as far as it is understood."
            )
        own = {
            name: text
            for name, text in given.items()
            if name not in NON_STATE_NAMES and not name.startswith(BOKEH_PREFIX)
        }
        first_version = version == "1" and (own or VERSION_NAME in given)
        wanted = {**self._first, **(self._beginnings_of_version_1() if first_version else {})}
        for name, text in own.items():
            place = self.parameters.get(name)
            if place is None:
                told.append(f"The link asks for “{name[:40]}”, which this page does not know.")
                continue
            try:
                value = parse_value(place.of.param[place.parameter], text)
                reason = place.refused(value)
            except ValueError as error:
                reason = str(error)
            if reason:
                told.append(f"The link asks for {name} = “{text[:60]}”: {reason}")
            else:
                wanted[name] = value
        self._set(wanted)
        return told

    def _beginnings_of_version_1(self) -> dict[str, Any]:
        """What this page can show of them; a collection or networks without one of them begin as they do today."""
        found = {}
        for name, text in self._version_1.items():
            place = self.parameters[name]
            try:
                value = parse_value(place.of.param[place.parameter], text)
            except ValueError:
                continue
            if not place.refused(value):
                found[name] = value
        return found

    def watch(self, on_change: Callable[[bool], None]) -> None:
        """Call ``on_change(step)`` after every change of a place."""
        for place in self.parameters.values():
            place.of.param.watch(lambda _, step=place.step: on_change(step), place.parameter)

    def _set(self, wanted: Mapping[str, Any]) -> None:
        parts: dict[int, tuple[param.Parameterized, dict[str, Any]]] = {}
        for name, value in wanted.items():
            place = self.parameters[name]
            if place.value != value:
                parts.setdefault(id(place.of), (place.of, {}))[1][place.parameter] = value
        for part, values in reversed(parts.values()):  # the image, named first, is set when all else is in place
            part.param.update(**values)


def parse_query(query: str) -> list[tuple[str, str]]:
    """Names and values of an address's query; nothing of one that is too long for any page of ours."""
    if len(query) > MAX_CHARACTERS:
        return []
    try:
        return parse_qsl(query.removeprefix("?"), keep_blank_values=True, max_num_fields=MAX_NAMES)
    except ValueError:
        return []


def format_value(value: Any) -> str:
    """A value as addresses hold it."""
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, list | tuple):
        return ",".join(map(format_value, value))
    return f"{value:.12g}"


def parse_value(parameter: param.Parameter, text: str) -> Any:
    """The value that ``text`` means for ``parameter``. Raises ``ValueError`` with a sentence for any other text."""
    if isinstance(parameter, param.Boolean):
        if text not in ("0", "1"):
            raise ValueError("1 (yes) or 0 (no) was expected.")
        return text == "1"
    if isinstance(parameter, param.Integer):
        if text == "" and parameter.allow_None:
            return None
        return _within(parameter, int(text)) if _WHOLE.fullmatch(text) else _refuse("a whole number")
    if isinstance(parameter, param.Number):
        return _within(parameter, float(text)) if _NUMBER.fullmatch(text) else _refuse("a number")
    if isinstance(parameter, param.Selector):
        known = {format_value(one): one for one in parameter.objects}
        if text not in known:
            raise ValueError("it is not among what may be chosen.")
        return known[text]
    if isinstance(parameter, param.List):
        numbers = text.split(",") if text else []
        return [float(one) if _NUMBER.fullmatch(one) else _refuse("a list of numbers") for one in numbers]
    return None if text == "" and parameter.allow_None else text


def _refuse(expected: str) -> Any:
    raise ValueError(f"{expected} was expected.")


def _within(parameter: param.Number, value: float) -> float:
    low, high = (None, None) if parameter.bounds is None else parameter.bounds
    if not math.isfinite(value) or (low is not None and value < low) or (high is not None and value > high):
        ends = (
            f"from {low:g}" if high is None else f"from {low:g} to {high:g}" if low is not None else f"up to {high:g}"
        )
        raise ValueError(f"a number {ends} was expected.")
    return value
