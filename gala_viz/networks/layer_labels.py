"""Labels of layers, what a layer's name says, and the unit that a label tells of the layer's norm."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from gala_viz.registry import unknown_name

ACTIVITY_SUFFIX = " (activity)"
"""Stands in the label of a module with an activation hook, after its path."""

CHANNELS_FIRST, CHANNELS_LAST = "channels_first", "channels_last"
"""Layouts (B, C, H, W) and (B, H, W, C) of a layer's output."""


def layer_units(label: str) -> str:
    """Return the unit of a layer's norm: "1" for the attention of GALA, "activity" for a module's own."""
    return "activity" if label.endswith(ACTIVITY_SUFFIX) else "1"


@dataclass(frozen=True, slots=True)
class LayerName:
    """What a name such as "features.3", "relu#2" or "features.3:channels_last" says.

    Parameters
    ----------
    path : str
        A module's path, as in ``named_modules()``.
    call : int, optional
        Which of its calls in a forward pass, from 1; None: it runs once.
    layout : {"channels_first", "channels_last"}, optional
        Where its channels are, for a layer of which a forward pass does not tell.
    """

    path: str
    call: int | None = None
    layout: str | None = None

    @classmethod
    def parse(cls, name: str, paths: Collection[str]) -> LayerName:
        """Return what ``name`` says, in a network whose modules have ``paths``.

        Raises ``ValueError`` for an unknown path, call or layout; the message names the nearest.
        """
        if name in paths:
            return cls(name)
        path, colon, layout = name.rpartition(":") if ":" in name else (name, "", "")
        if colon and layout not in (CHANNELS_FIRST, CHANNELS_LAST):
            raise ValueError(
                f"behind the colon of a layer {CHANNELS_FIRST} (B, C, H, W) or {CHANNELS_LAST} (B, H, W, C) was "
                f"expected; got {name!r}."
            )
        call = None
        if "#" in path and path not in paths:
            path, _, number = path.rpartition("#")
            if not number.isascii() or not number.isdigit() or not int(number):
                raise ValueError(f"behind the # of a layer the number of a call, from 1, was expected; got {name!r}.")
            call = int(number)
        if path not in paths:
            raise ValueError(unknown_name("module", path, list(paths)))
        return cls(path, call, layout or None)
