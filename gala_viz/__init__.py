"""Global-and-local attention networks, human importance maps, and what each relies on.

Names are loaded when they are first used, so that ``import gala_viz`` is quick and needs no torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_FIGURES = "gala_viz.plots.figures.specs"
_HOME = {
    "Compare": "gala_viz.jupyter.compare",
    "ComparisonSpec": _FIGURES,
    "FigureSpec": _FIGURES,
    "LayersSpec": _FIGURES,
    "MapRequest": "gala_viz.specs",
    "PeopleSpec": _FIGURES,
    "ScatterSpec": _FIGURES,
    "SmoothGradSpec": "gala_viz.specs",
    "TableSpec": _FIGURES,
    "attention_norms": "gala_viz.attribution.attention",
    "dice": "gala_viz.alignment",
    "draw_figure": _FIGURES,
    "explore": "gala_viz.jupyter.explore",
    "gradient_delta": "gala_viz.attribution.delta",
    "iou": "gala_viz.alignment",
    "layers": "gala_viz.jupyter.attention_layers",
    "load_network": "gala_viz.networks.zoo",
    "noise_ceiling": "gala_viz.alignment",
    "open_collection": "gala_viz.collections",
    "open_source": "gala_viz.jupyter.sources",
    "read_figure_spec": _FIGURES,
    "smoothgrad": "gala_viz.attribution.attribution_maps",
    "spearman": "gala_viz.alignment",
    "write_figure": _FIGURES,
}
"""Public name -> the module that it comes from."""

__all__ = [
    "Compare",
    "ComparisonSpec",
    "FigureSpec",
    "LayersSpec",
    "MapRequest",
    "PeopleSpec",
    "ScatterSpec",
    "SmoothGradSpec",
    "TableSpec",
    "__version__",
    "attention_norms",
    "dice",
    "draw_figure",
    "explore",
    "gradient_delta",
    "iou",
    "layers",
    "load_network",
    "noise_ceiling",
    "open_collection",
    "open_source",
    "read_figure_spec",
    "smoothgrad",
    "spearman",
    "write_figure",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("gala_viz")
    if name not in _HOME:
        raise AttributeError(f"module 'gala_viz' has no attribute {name!r}; it offers {', '.join(sorted(_HOME))}.")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
