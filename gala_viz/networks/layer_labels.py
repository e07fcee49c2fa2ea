"""Labels of layers, and the unit that a label tells of the layer's norm."""

from __future__ import annotations

WATCHED = " (activity)"
"""Suffix of the label of a module with an activation hook, after its path."""


def layer_units(label: str) -> str:
    """Return the unit of a layer's norm: "1" for attention of GALA, "activation" for the activity of a module."""
    return "activation" if label.endswith(WATCHED) else "1"
