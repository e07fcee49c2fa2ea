"""The inputs of some settings in two forms: those that are always in view, and the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import param

from gala_viz.panels.form import Field, Form

IN_BAR = ("target", "category", "method", "cam_layer", "n_samples", "scale", "kind")
"""Inputs that are always in view; the others open with "More"."""


class SettingForms:
    """Two forms, ``bar`` of the inputs in ``IN_BAR``, and ``more``.

    Parameters
    ----------
    fields : sequence of Field
        All inputs; the value of each is its default.
    on_change : callable
        Called as that of ``Form``.
    bar_px, more_px : int
        Least width of a column of each form, in pixels.
    """

    def __init__(
        self, fields: Sequence[Field], on_change: Callable[[str, Any], None], bar_px: int, more_px: int
    ) -> None:
        fields = [replace(field, default=field.value) for field in fields]
        self.bar = Form([field for field in fields if field.name in IN_BAR], on_change, min_width_px=bar_px)
        self.more = Form([field for field in fields if field.name not in IN_BAR], on_change, min_width_px=more_px)
        self._forms = (self.bar, self.more)

    @property
    def values(self) -> dict[str, Any]:
        """Name -> value of all inputs."""
        return {**self.bar.values, **self.more.values}

    @property
    def states(self) -> dict[str, Any]:
        """Name -> whether it is shown and enabled, and its hint, of all inputs."""
        return {**self.bar.states, **self.more.states}

    def receive(self, name: str, value: Any) -> None:
        """Take a value as the visitor enters it."""
        for form in self._forms:
            if name in form.values:
                form.receive(name, value)

    def update_field(self, name: str, **changes: Any) -> None:
        """Change an input without calling ``on_change``."""
        for form in self._forms:
            if name in form.values:
                form.update_field(name, **changes)

    def show_values(self, values: Mapping[str, Any]) -> None:
        """Show values without calling ``on_change``."""
        for form in self._forms:
            form.show_values({name: value for name, value in values.items() if name in form.values})

    def sync_from(self, parameterized: param.Parameterized) -> None:
        """Show the changes of ``parameterized``, whoever makes them."""
        for form in self._forms:
            form.sync_from(parameterized)
