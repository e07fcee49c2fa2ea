"""Plots: pure functions from labelled data to HoloViews, the same for the page and for notebooks."""

from gala_viz.plots.attention_layers import attention_layers
from gala_viz.plots.contours import contours
from gala_viz.plots.map_overlays import delta, human_map, overlay, photograph, saliency
from gala_viz.plots.score_distribution import CeilingInterval, score_distribution

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
