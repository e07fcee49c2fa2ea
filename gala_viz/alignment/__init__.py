"""How human a map is: correlation and overlap, one resolution, noise ceiling and floor, tests and intervals."""

from gala_viz.alignment.bootstrap import Interval, bootstrap_interval, bootstrap_intervals
from gala_viz.alignment.ceiling import (
    CeilingSpec,
    ImageCeilings,
    NoiseCeiling,
    ceiling_of,
    image_ceilings,
    noise_ceiling,
    spearman_brown,
)
from gala_viz.alignment.correlation import dice, iou, spearman
from gala_viz.alignment.explained import PARTNERS, floor, floor_values, fraction_explained, mean_rho
from gala_viz.alignment.resolution import COMPARISON_CELLS, area_average, to_resolution
from gala_viz.alignment.significance import PairedTest, benjamini_hochberg, paired_randomisation, paired_randomisations

__all__ = [
    "COMPARISON_CELLS",
    "PARTNERS",
    "CeilingSpec",
    "ImageCeilings",
    "Interval",
    "NoiseCeiling",
    "PairedTest",
    "area_average",
    "benjamini_hochberg",
    "bootstrap_interval",
    "bootstrap_intervals",
    "ceiling_of",
    "dice",
    "floor",
    "floor_values",
    "fraction_explained",
    "image_ceilings",
    "iou",
    "mean_rho",
    "noise_ceiling",
    "paired_randomisation",
    "paired_randomisations",
    "spearman",
    "spearman_brown",
    "to_resolution",
]
