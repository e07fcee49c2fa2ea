"""Drawn: pure functions from labelled data to HoloViews, the same for the page and for notebooks."""

from gala_viz.plots.contours import contours
from gala_viz.plots.distribution import CeilingInterval, score_distribution
from gala_viz.plots.frame import delta, human_map, overlay, photograph, saliency
from gala_viz.plots.layers import attention_layers

__all__ = [
    "CeilingInterval",
    "attention_layers",
    "contours",
    "delta",
    "human_map",
    "overlay",
    "photograph",
    "saliency",
    "score_distribution",
]
