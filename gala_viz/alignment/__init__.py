"""How human a map is: correlation and overlap, one resolution, noise ceiling and floor, tests and intervals."""

from gala_viz.alignment.ceiling import CeilingSpec, NoiseCeiling, noise_ceiling, spearman_brown
from gala_viz.alignment.correlation import dice, iou, spearman
from gala_viz.alignment.explained import floor, fraction_explained
from gala_viz.alignment.resolution import COMPARISON_CELLS, area_average, to_resolution
from gala_viz.alignment.significance import benjamini_hochberg, bootstrap_interval, paired_randomisation

__all__ = [
    "COMPARISON_CELLS",
    "CeilingSpec",
    "NoiseCeiling",
    "area_average",
    "benjamini_hochberg",
    "bootstrap_interval",
    "dice",
    "floor",
    "fraction_explained",
    "iou",
    "noise_ceiling",
    "paired_randomisation",
    "spearman",
    "spearman_brown",
    "to_resolution",
]
