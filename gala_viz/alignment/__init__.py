"""How human a map is: correlation and overlap, one resolution, noise ceiling and floor, tests and intervals."""

from gala_viz.alignment.bootstrap import ConfidenceInterval, bootstrap_interval, bootstrap_intervals
from gala_viz.alignment.ceiling import (
    CeilingSpec,
    ImageCeilings,
    NoiseCeiling,
    combine_ceilings,
    image_ceilings,
    noise_ceiling,
    spearman_brown,
)
from gala_viz.alignment.correlation import dice, iou, spearman
from gala_viz.alignment.explained import PARTNER_KINDS, shuffled_baseline, shuffled_rhos, fraction_explained, mean_rho
from gala_viz.alignment.resolution import COMPARISON_CELLS, area_average, to_resolution
from gala_viz.alignment.significance import PairedTest, benjamini_hochberg, paired_randomisation, paired_randomisations

__all__ = [
    "COMPARISON_CELLS",
    "PARTNER_KINDS",
    "CeilingSpec",
    "ImageCeilings",
    "ConfidenceInterval",
    "NoiseCeiling",
    "PairedTest",
    "area_average",
    "benjamini_hochberg",
    "bootstrap_interval",
    "bootstrap_intervals",
    "combine_ceilings",
    "dice",
    "shuffled_baseline",
    "shuffled_rhos",
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
