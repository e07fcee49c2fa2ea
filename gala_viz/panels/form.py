"""Labelled inputs in one light browser component; every value is checked on the server before it counts."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import param

from gala_viz.panels.browser_component import BrowserComponent, read_scripts, read_stylesheets

FieldKind = Literal["choice", "number", "pick", "segments", "slider", "switch", "text"]
MAX_CHARACTERS = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class Field:
    """One input: a choice is a list to open, a pick a list to type into, segments a list laid out flat.

    ``options`` are (label, value) with values of any plain type. Sliders run from ``start`` to ``end`` in steps of
    ``step`` and show ``digits`` decimals; numbers are typed, whole, between the same ends. Texts count with every key,
    all others when they are released. Where the value is not ``default`` the label is marked and tells it.
    """

    name: str
    label: str
    kind: FieldKind
    value: Any
    options: tuple[tuple[str, Any], ...] = ()
    start: float = 0
    end: float = 1
    step: float = 1
    digits: int = 0
    hint: str = ""
    """Text in an empty text field, or below the input."""
    default: Any = None
    """None: the field is never marked."""
    visible: bool = True
    enabled: bool = True

    def validate(self, value: Any) -> Any:
        """Return ``value`` as this field takes it; raise ``ValueError`` for what the form's script cannot send."""
        number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        if self.kind == "switch" and isinstance(value, bool):
            return value
        if self.kind == "text" and isinstance(value, str):
            return value[:MAX_CHARACTERS]
        within = number and self.start <= value <= self.end
        if self.kind == "number" and within and float(value).is_integer():
            return int(value)
        if self.kind == "slider" and within:
            return round(value) if float(self.step).is_integer() else float(value)
        if self.kind in ("choice", "pick", "segments"):
            for _, known in self.options:
                if type(known) is type(value) and known == value:
                    return known
        raise ValueError(f"{self.label}: {value!r} is not among what may be chosen.")


def as_options(options: Mapping[str, Any] | Sequence[str]) -> tuple[tuple[str, Any], ...]:
    """Return the (label, value) of a mapping, or of names that are their own values."""
    return tuple(options.items()) if isinstance(options, Mapping) else tuple((name, name) for name in options)


_STATES = ("visible", "enabled", "hint")


class Form(BrowserComponent):
    """``fields`` in a grid whose columns are at least ``min_width_px`` wide.

    ``on_change(name, value)`` is called with each change by the visitor. ``live_values`` follows every movement of a
    slider in the browser, for components of the page that are linked to it.
    """

    fields = param.List(default=[], doc="The fields as dicts, without what changes often.")
    values = param.Dict(default={}, doc="Name -> value, as it counts.")
    states = param.Dict(default={}, doc="Name -> whether it is shown and enabled, and its hint.")
    acknowledged = param.Dict(
        default={}, doc="Name -> number of the last message that came; older values are outdated."
    )
    live_values = param.Dict(default={}, doc="Name -> value, moved by the browser alone.")
    min_width_px = param.Integer(default=132)
    on_change = param.Callable(default=None)

    _rename = {"on_change": None}  # noqa: RUF012
    _esm = read_scripts("tab_storage", "form")
    _stylesheets = [read_stylesheets("form")]  # noqa: RUF012

    def __init__(self, fields: Sequence[Field], on_change: Callable[[str, Any], None], **params: Any) -> None:
        known = {field.name: field for field in fields}
        super().__init__(
            **{"sizing_mode": "stretch_width", "margin": 0, **params, **_plain(known)}, on_change=on_change
        )
        self.live_values = self.values
        self._known = known

    def _handle_msg(self, data: Any) -> None:
        self.receive(data.get("name"), data.get("value"))
        if data.get("name") in self._known:
            self.acknowledged = {**self.acknowledged, data["name"]: data.get("number")}

    def receive(self, name: str, value: Any) -> None:
        """Check ``value`` as the visitor entered it and call ``on_change``; drop what no field could send."""
        field = self._known.get(name)
        try:
            value = field.validate(value) if field is not None else None
        except ValueError:
            return
        if field is not None and value != field.value:
            self.update_field(name, value=value)
            self.on_change(name, value)

    def sync_from(self, parameterized: param.Parameterized) -> None:
        """Show the changes of ``parameterized``'s parameters that have a field of their name, whoever makes them."""
        names = [name for name in parameterized.param if name in self._known]
        parameterized.param.watch(lambda *events: self.show_values({event.name: event.new for event in events}), names)

    def show_values(self, values: Mapping[str, Any]) -> None:
        """Show ``values`` (name -> value) without calling ``on_change``."""
        different = {name: value for name, value in values.items() if value != self._known[name].value}
        if different:
            self._known |= {name: replace(self._known[name], value=value) for name, value in different.items()}
            self.param.update(**_plain(self._known))

    def update_field(self, name: str, **changes: Any) -> None:
        """Change a field (value, options, hint, whether it is visible or enabled) without calling ``on_change``."""
        changed = replace(self._known[name], **changes)
        if changed != self._known[name]:
            self._known[name] = changed
            self.param.update(**_plain(self._known))


def _plain(fields: Mapping[str, Field]) -> dict[str, Any]:
    all_of = {name: asdict(field) for name, field in fields.items()}
    values = {name: one.pop("value") for name, one in all_of.items()}
    states = {name: {key: one.pop(key) for key in _STATES} for name, one in all_of.items()}
    for one in all_of.values():
        one["options"] = [list(option) for option in one["options"]]
    return {"fields": list(all_of.values()), "values": values, "states": states}
