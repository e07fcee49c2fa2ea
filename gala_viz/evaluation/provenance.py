"""What stands behind each number: how many images, at which resolution, from which maps, drawn with which seeds."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from gala_viz.counts import counted
from gala_viz.evaluation.estimates import Estimate
from gala_viz.evaluation.evaluation import Evaluation
from gala_viz.evaluation.image_metrics import MEAN_OF_LAYERS
from gala_viz.evaluation.metrics import METRICS

NONE = "none"


@dataclass(frozen=True, kw_only=True, slots=True)
class Provenance:
    """What stands behind one estimate: ``n_images``, and settings in words.

    They are the ``resolution`` of the maps that were compared, the ``smoothing`` of the human maps, the ``filters``
    that dropped rounds before them, the ``seeds`` of all chance, and the kind of ``human_map`` where one was named; ""
    where there is no such thing, as an error has no resolution.
    """

    n_images: int
    resolution: str = ""
    smoothing: str = ""
    filters: str = ""
    seeds: str = ""
    human_map: str = ""

    @property
    def text(self) -> str:
        """One line for a reader."""
        parts = [f"n = {counted(self.n_images, 'image')}", self.resolution]
        parts += [f"human maps: {self.human_map}"] if self.human_map else []
        parts += [f"smoothing of human maps: {self.smoothing}"] if self.smoothing else []
        parts += [f"filters: {self.filters}"] if self.filters else []
        return " · ".join(part for part in [*parts, f"seeds: {self.seeds}"] if part)

    def row(self) -> dict[str, str]:
        """Return the columns of a table, without n, which stands beside the interval; a kind only where named."""
        dropped = {"n_images"} if self.human_map else {"n_images", "human_map"}
        return {name: value for name, value in asdict(self).items() if name not in dropped}


def provenance(evaluation: Evaluation, estimate: Estimate) -> Provenance:
    """Return what stands behind ``number`` of ``evaluation``."""
    key, maps = estimate.key, evaluation.collection["human_maps"]
    with_people = maps is not None and METRICS[key.metric].with_people
    return Provenance(
        n_images=0 if estimate.interval is None else estimate.interval.n,
        resolution=_resolution(evaluation, estimate),
        smoothing=smoothing_text(maps["settings"]) if with_people else "",
        filters=filters_text(maps["settings"]) if with_people else "",
        seeds=_seeds(evaluation, estimate),
        human_map=(evaluation.spec.human_map or "") if with_people else "",
    )


def smoothing_text(settings: dict[str, Any]) -> str:
    """How human maps were smoothed, from the settings that they carry."""
    name = settings.get("smoothing")
    if name is None:
        return "as they came, smoothing not known"
    sigma = settings.get("sigma_px")
    return str(name) if sigma is None else f"{name}, sigma {sigma:g} px"


def filters_text(settings: dict[str, Any]) -> str:
    """Which rounds were left out, and how many each filter dropped, from the settings that maps carry."""
    dropped = json.loads(settings.get("dropped_rounds", "{}"))
    told = [f"{what} ({counted(count, 'round')} dropped)" for what, count in dropped.items()]
    at_most = json.loads(settings.get("filters", "{}")).get("max_clicks")
    return "; ".join([*told, f"the first {counted(at_most, 'click')} of a round count"] if at_most else told) or NONE


def _resolution(evaluation: Evaluation, estimate: Estimate) -> str:
    key = estimate.key
    kind = key.metric.rsplit("_", 1)[-1]
    if key.cells:
        return f"{key.cells} cells"
    if kind == "smoothgrad":
        return f"{evaluation.spec.cells} x {evaluation.spec.cells} cells"
    if kind != "attention":
        return ""
    member = evaluation.groups.get(estimate.who, (estimate.who,))[0]
    grids = evaluation.networks[member]["grids"]
    if key.layer != MEAN_OF_LAYERS:
        return f"{grids[key.layer]} cells"
    shared = set(grids.values())
    return f"{shared.pop()} cells" if len(shared) == 1 else "each layer at its own grid"


def _seeds(evaluation: Evaluation, estimate: Estimate) -> str:
    spec, metric = evaluation.spec, estimate.key.metric
    told = [f"resamples {spec.seed}"]
    if metric.startswith(("ceiling", "fraction", "explained", "corrected")):
        told.append(f"splits {spec.ceiling.seed}")
    if metric.startswith("floor"):
        told.append(f"partners {spec.seed}")
    if metric.endswith("smoothgrad") and spec.smoothgrad is not None:
        grad = spec.smoothgrad
        told.append(f"noise {grad.seed} ({grad.n_samples} samples, {grad.noise_fraction:g} of the range)")
    members = evaluation.groups.get(estimate.who, (estimate.who,))
    trained = [evaluation.networks[one].get("seed") for one in members if one in evaluation.networks]
    known = [str(seed) for seed in trained if seed is not None]
    return ", ".join([*told, f"training {' and '.join(known)}"] if known else told)
