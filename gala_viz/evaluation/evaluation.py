"""What an evaluation found, as tables, reports and figures take it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from gala_viz.evaluation.comparisons import Comparison
from gala_viz.evaluation.estimates import Estimate
from gala_viz.evaluation.spec import EvaluationSpec


@dataclass(frozen=True, kw_only=True, eq=False)
class Evaluation:
    """What ``evaluate`` found.

    ``image_metrics`` are by network, one value an image, those of ``groups`` being means over seeds.
    ``estimates`` are their means with intervals, and what people reach; ``comparisons`` the paired tests, where there
    are ``groups`` also those of single trainings that share a seed.
    ``networks`` and ``collection`` say what was evaluated; ``left_out`` are (image, reason); ``learnt`` says by
    network whether it learnt from each image, as its card tells (see ``gala_viz.splits``); ``notes`` tell what could
    not be measured and why.
    """

    spec: EvaluationSpec
    collection: dict[str, Any]
    images: tuple[str, ...]
    categories: tuple[str | None, ...]
    left_out: tuple[tuple[str, str], ...]
    learnt: dict[str, NDArray[np.int8]]
    networks: dict[str, dict[str, Any]]
    groups: dict[str, tuple[str, ...]]
    image_metrics: dict[str, xr.Dataset]
    estimates: list[Estimate]
    comparisons: list[Comparison]
    notes: tuple[str, ...]

    @property
    def simulated(self) -> bool:
        """Whether there are human maps and these are of simulated participants."""
        maps = self.collection["human_maps"]
        return maps is not None and maps["simulated"]

    @property
    def trainings(self) -> list[str]:
        """All networks, those of one group side by side."""
        grouped = [name for members in self.groups.values() for name in members]
        return list(dict.fromkeys([*grouped, *self.networks]))
