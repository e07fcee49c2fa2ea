"""Labels of layers, and the unit that a label tells of the layer's norm."""

from __future__ import annotations

ACTIVITY_SUFFIX = " (activity)"
"""Stands in the label of a module with an activation hook, after its path."""


def layer_units(label: str) -> str:
    """Return the unit of a layer's norm: "1" for the attention of GALA, "activity" for a module's own."""
    return "activity" if label.endswith(ACTIVITY_SUFFIX) else "1"
