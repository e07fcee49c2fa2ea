"""Global-and-local attention networks, human importance maps, and what each relies on.

Names are loaded when they are first used, so that ``import gala_viz`` is quick and needs no torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOME = {
    "Compare": "gala_viz.jupyter.compare",
    "MapRequest": "gala_viz.specs",
    "SmoothGradSpec": "gala_viz.specs",
    "attention_norms": "gala_viz.attribution.attention",
    "dice": "gala_viz.alignment",
    "explore": "gala_viz.jupyter.explore",
    "gradient_delta": "gala_viz.attribution.delta",
    "iou": "gala_viz.alignment",
    "layers": "gala_viz.jupyter.layers",
    "load_network": "gala_viz.networks.zoo",
    "noise_ceiling": "gala_viz.alignment",
    "open_collection": "gala_viz.collections",
    "open_source": "gala_viz.jupyter.sources",
    "smoothgrad": "gala_viz.attribution.labelled",
    "spearman": "gala_viz.alignment",
}
"""Public name -> the module that it comes from."""

__all__ = [
    "Compare",
    "MapRequest",
    "SmoothGradSpec",
    "__version__",
    "attention_norms",
    "dice",
    "explore",
    "gradient_delta",
    "iou",
    "layers",
    "load_network",
    "noise_ceiling",
    "open_collection",
    "open_source",
    "smoothgrad",
    "spearman",
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
