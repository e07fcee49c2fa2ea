"""How human a map is: similarity, one resolution, noise ceiling, shuffled-image baseline, tests and intervals."""

from gala_viz.alignment.above_baseline import FractionAboveBaseline, fraction_above_baseline
from gala_viz.alignment.baseline import (
    fraction_explained,
    partner_rhos,
    shuffled_baseline,
    shuffled_rhos,
)
from gala_viz.alignment.bootstrap import (
    MIN_IMAGES_FOR_INTERVAL,
    ConfidenceInterval,
    bootstrap_interval,
    bootstrap_intervals,
)
from gala_viz.alignment.ceiling import (
    CeilingSpec,
    ImageCeilings,
    NoiseCeiling,
    combine_ceilings,
    image_ceilings,
    noise_ceiling,
    spearman_brown,
)
from gala_viz.alignment.ceiling_shares import CeilingShares, ceiling_shares
from gala_viz.alignment.centre_bias import centre_map, partial_rho
from gala_viz.alignment.partner_images import N_PARTNERS, PARTNER_KINDS, PartnerImages
from gala_viz.alignment.resolution import COMPARISON_CELLS, area_average, to_resolution
from gala_viz.alignment.significance import PairedTest, benjamini_hochberg, paired_randomisation, paired_randomisations
from gala_viz.alignment.similarity import dice, iou, spearman

__all__ = [
    "COMPARISON_CELLS",
    "MIN_IMAGES_FOR_INTERVAL",
    "N_PARTNERS",
    "PARTNER_KINDS",
    "CeilingShares",
    "CeilingSpec",
    "ConfidenceInterval",
    "FractionAboveBaseline",
    "ImageCeilings",
    "NoiseCeiling",
    "PairedTest",
    "PartnerImages",
    "area_average",
    "benjamini_hochberg",
    "bootstrap_interval",
    "bootstrap_intervals",
    "ceiling_shares",
    "centre_map",
    "combine_ceilings",
    "dice",
    "fraction_above_baseline",
    "fraction_explained",
    "image_ceilings",
    "iou",
    "noise_ceiling",
    "paired_randomisation",
    "paired_randomisations",
    "partial_rho",
    "partner_rhos",
    "shuffled_baseline",
    "shuffled_rhos",
    "spearman",
    "spearman_brown",
    "to_resolution",
]
