"""The paper's own numbers, from other networks and other data: to be read beside a table, never inside it.

Source: Linsley, Shiebler, Eberhardt, Serre 2019, "Learning what and where to attend" (ICLR).
"""

from __future__ import annotations

from dataclasses import dataclass

SOURCE = "Linsley, Shiebler, Eberhardt, Serre 2019, Learning what and where to attend (ICLR)"
SAYS = (
    "The paper's own numbers: ResNet-50 networks on ImageNet photographs with ClickMe maps of people. Other networks, "
    "other images, other maps; they show the pattern to look for, not values to reach."
)
"""What stands above the paper's numbers wherever they are shown."""
SPLIT_HALF_RHO = 0.58
"""The paper's noise ceiling: mean split-half rho of ClickMe participants."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Published:
    """One network of the paper, in %: top-1 error on ClickMe test images, top-5 on ILSVRC12, share of the ceiling.

    The paper calls the errors on ILSVRC12 plain errors; of a ResNet-50 they can only be top-5. ``p`` is what the paper
    states of the share, "" where it states nothing; an error is None where it gives none.
    """

    network: str
    top1_error_clickme: float
    human_variability_explained: float
    p: str
    top5_error_ilsvrc12: float | None


PUBLISHED = (
    Published(
        network="GALA-ResNet-50 with ClickMe",
        top1_error_clickme=49.29,
        human_variability_explained=88.56,
        p="p < 0.01",
        top5_error_ilsvrc12=None,
    ),
    Published(
        network="GALA-ResNet-50 without ClickMe",
        top1_error_clickme=53.90,
        human_variability_explained=64.21,
        p="p < 0.01",
        top5_error_ilsvrc12=6.35,
    ),
    Published(
        network="SE-ResNet-50",
        top1_error_clickme=66.17,
        human_variability_explained=64.36,
        p="p < 0.01",
        top5_error_ilsvrc12=6.55,
    ),
    Published(
        network="ResNet-50",
        top1_error_clickme=63.68,
        human_variability_explained=43.61,
        p="",
        top5_error_ilsvrc12=6.86,
    ),
)
