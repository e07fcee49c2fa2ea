"""Several networks on one held-out split, and the numbers for their cards."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from gala_viz.alignment import (
    COMPARISON_CELLS,
    CeilingSpec,
    Interval,
    NoiseCeiling,
    bootstrap_interval,
    fraction_explained,
)
from gala_viz.collections.collection import Collection
from gala_viz.evaluation.looking import Looked, look_at_all
from gala_viz.evaluation.people import people_of
from gala_viz.evaluation.spec import EvaluationSpec
from gala_viz.evaluation.values import correct, grids_of, values_of
from gala_viz.networks.network import Network
from gala_viz.specs import SmoothGradSpec
from gala_viz.splits import Split
from gala_viz.training.samples import sources_of_split

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Numbers:
    """One network's values, one an image: ``correct`` (image), ``agreement`` by collection, ``rho_attention``
    (layer, image), ``rho_smoothgrad`` (image); None or empty where the split or the network has no such thing.
    """

    network: Network
    correct: xr.DataArray
    agreement: dict[str, xr.DataArray]
    rho_attention: xr.DataArray | None
    rho_smoothgrad: xr.DataArray | None


@dataclass(frozen=True)
class Report:
    """Numbers of all networks on ``split``, against the ``reference`` network and the people's own ceilings.

    ``ceilings`` are by cells: each layer's grid and the resolution at which SmoothGrad is compared.
    """

    split: Split
    numbers: list[Numbers]
    reference: Numbers
    ceilings: dict[int, NoiseCeiling]
    smoothgrad: SmoothGradSpec | None


def measure(
    networks: Sequence[Network],
    reference: Network,
    *,
    maps: Collection,
    labels: Collection,
    plain: Sequence[Collection],
    split: Split,
    smoothgrad: SmoothGradSpec | None,
    tell: Tell = lambda text: None,
) -> Report:
    """Measure ``networks`` and the ``reference`` on the ``split`` of each collection.

    ``labels`` gives accuracy, ``plain`` and ``maps`` the agreement of first choices with the reference, ``maps`` the
    likeness to people. ``smoothgrad`` None leaves SmoothGrad out. All networks see one frame.
    """
    roles = [("labels", labels), ("maps", maps), *(("plain", collection) for collection in plain)]
    chosen = {source.collection.name: source.images for source in sources_of_split(roles, split)}
    passing, mapping = EvaluationSpec(smoothgrad=None), EvaluationSpec(smoothgrad=smoothgrad)
    everyone = [reference, *networks]
    looked: list[dict[str, Looked]] = []
    for network in everyone:
        tell(f"{network.name}: first choices, attention norms")
        found = {c.name: look_at_all(network, c, chosen[c.name], passing) for c in (labels, *plain)}
        if smoothgrad is not None:
            tell(f"{network.name}: SmoothGrad, n = {smoothgrad.n_samples}, {len(chosen[maps.name])} images")
        looked.append({**found, maps.name: look_at_all(network, maps, chosen[maps.name], mapping)})
    tell("noise ceiling")
    cells = (COMPARISON_CELLS, COMPARISON_CELLS)
    grids = sorted({cells, *(grid for one in looked for grid in grids_of(one[maps.name]))})
    people = people_of(maps, chosen[maps.name], reference.preprocessing, grids, CeilingSpec())
    everything = []
    for network, one in zip(everyone, looked, strict=True):
        values = values_of(network, maps, one[maps.name], people)
        everything.append(
            Numbers(
                network=network,
                correct=correct(network, labels, one[labels.name]),
                agreement={name: _agreement(one[name], looked[0][name]) for name in chosen},
                rho_attention=values.get("rho_attention"),
                rho_smoothgrad=values.get("rho_smoothgrad"),
            )
        )
    ceilings = {grid[0]: found for grid, found in people.ceilings.items() if found is not None} if people else {}
    return Report(split, everything[1:], everything[0], ceilings, smoothgrad)


def _agreement(looked: Looked, reference: Looked) -> xr.DataArray:
    same = (looked.first_choice == reference.first_choice).astype(float)
    return xr.DataArray(same, dims="image", coords={"image": list(looked.images)}, name="agreement")


def card_metrics(report: Report, numbers: Numbers) -> dict[str, Any]:
    """The [metrics] of one network's card: every number with its interval and n."""
    difference = numbers.correct - report.reference.correct
    metrics: dict[str, Any] = {
        "split": report.split,
        "interval": "95 %, percentile bootstrap over images, 10,000 resamples, seed 0",
        "accuracy": {
            "network": _interval(numbers.correct),
            "unmodified": _interval(report.reference.correct),
            "difference": _interval(difference),
        },
        "agreement_with_unmodified": {name: _interval(values) for name, values in numbers.agreement.items()},
        "ceiling": {
            f"cells{cells}": {
                **_plain_interval(found.interval),
                "spearman_brown": round(found.spearman_brown, 4),
                "n_participants": list(found.n_participants),
                "n_splits": found.spec.n_splits,
            }
            for cells, found in report.ceilings.items()
        },
    }
    if numbers.rho_attention is not None:
        layers = numbers.rho_attention["layer"].values
        metrics["rho_attention"] = {
            str(layer).replace(" ", "_"): _interval(numbers.rho_attention.sel(layer=layer)) for layer in layers
        }
    if numbers.rho_smoothgrad is not None and report.smoothgrad is not None:
        spec = report.smoothgrad
        metrics["rho_smoothgrad"] = {
            **_interval(numbers.rho_smoothgrad),
            "unmodified": _interval(report.reference.rho_smoothgrad),
            "settings": f"n = {spec.n_samples}, noise {spec.noise_fraction} of the range, seed {spec.seed}, "
            f"own first choice, {COMPARISON_CELLS} x {COMPARISON_CELLS} cells",
        }
        if COMPARISON_CELLS in report.ceilings:
            metrics["rho_smoothgrad"]["fraction_of_ceiling"] = _fraction(
                numbers.rho_smoothgrad, report.ceilings[COMPARISON_CELLS]
            )
    return metrics


def _fraction(rho: xr.DataArray, ceiling: NoiseCeiling) -> dict[str, Any]:
    """The fraction, or why there is none."""
    try:
        return dict(_plain_interval(fraction_explained(rho, ceiling).fraction))
    except ValueError as error:
        return {"none": str(error)}


def _interval(values: xr.DataArray | None) -> dict[str, float | int]:
    return {} if values is None or not np.isfinite(values).any() else _plain_interval(bootstrap_interval(values))


def _plain_interval(interval: Interval) -> dict[str, float | int]:
    return {
        "mean": round(interval.mean, 4),
        "low": round(interval.low, 4),
        "high": round(interval.high, 4),
        "n": interval.n,
    }
