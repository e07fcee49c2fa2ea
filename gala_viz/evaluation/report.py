"""Several networks on one held-out split, and the metrics for their cards."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from gala_viz.alignment import (
    COMPARISON_CELLS,
    MIN_IMAGES_FOR_INTERVAL,
    CeilingSpec,
    ConfidenceInterval,
    NoiseCeiling,
    bootstrap_interval,
    fraction_explained,
)
from gala_viz.collections.collection import Collection
from gala_viz.collections.human_maps.map_checks import describe_usable_maps
from gala_viz.deprecated_paths import deprecated_getattr
from gala_viz.evaluation.estimates import few_images_text
from gala_viz.evaluation.image_metrics import comparison_grids, image_metrics, is_correct
from gala_viz.evaluation.metadata import training_use_text
from gala_viz.evaluation.network_results import NetworkResults, network_results
from gala_viz.evaluation.people import people_of
from gala_viz.evaluation.spec import EvaluationSpec
from gala_viz.networks.frames import common_frame
from gala_viz.networks.network import Network
from gala_viz.specs import SmoothGradSpec
from gala_viz.splits import HELD_OUT, LEARNT, Split, Splits, splits_of
from gala_viz.training.sources import TrainingSource, sources_of_split

Tell = Callable[[str], None]


@dataclass(frozen=True)
class NetworkReport:
    """One network's values, one an image; None or empty where the split or the network has no such thing.

    They are ``correct`` (image), ``agreement`` by collection, ``rho_attention`` (layer, image) and ``rho_smoothgrad``
    (image).
    """

    network: Network
    correct: xr.DataArray
    agreement: dict[str, xr.DataArray]
    rho_attention: xr.DataArray | None
    rho_smoothgrad: xr.DataArray | None


@dataclass(frozen=True, eq=False)
class CollectionUse:
    """The images of one collection in a report; ``learnt`` is by network's name, (image,) (see ``gala_viz.splits``)."""

    name: str
    role: str
    splits: Splits
    n: int
    learnt: dict[str, NDArray[np.int8]]
    maps: str = ""
    """How many human maps are used, and why the others are not; "" where none is wanted."""
    why_unknown: dict[str, str] = field(default_factory=dict)
    """By network's name why of some images it is not known whether it learnt from them."""

    @property
    def told(self) -> str:
        """A few sentences."""
        maps = f" Human maps: {self.maps}." if self.maps else ""
        return (
            f"{self.name}: {self.splits.description}. {training_use_text(self.learnt, self.n, self.why_unknown)}{maps}"
        )

    def entry(self, network: str) -> dict[str, Any]:
        """For the card of ``network``."""
        status = self.learnt[network]
        return {
            "name": self.splits.collection,
            "role": self.role,
            "rule": self.splits.rule,
            **({} if self.splits.seed is None else {"seed": self.splits.seed}),
            "n": self.n,
            "n_learnt_from": int((status == LEARNT).sum()),
            "n_held_out": int((status == HELD_OUT).sum()),
            **({"maps": self.maps} if self.maps else {}),
        }


@dataclass(frozen=True)
class Report:
    """Reports of all networks on ``split``, against the ``reference`` network and the people's own ceilings.

    ``ceilings`` are by cells: each layer's grid and the resolution at which SmoothGrad is compared. ``used`` says of
    each collection by which rule its images were chosen, and how many of them were learnt from.
    """

    split: Split
    networks: list[NetworkReport]
    reference: NetworkReport
    ceilings: dict[int, NoiseCeiling]
    smoothgrad: SmoothGradSpec | None
    used: tuple[CollectionUse, ...] = ()


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
    """Measure networks and a reference on one split of several collections.

    Parameters
    ----------
    networks : sequence of Network
        The networks.
    reference : Network
        With whose predictions theirs are compared.
    maps : Collection
        Gives likeness to people, over the part of a photograph that all networks and the reference see.
    labels : Collection
        Gives accuracy.
    plain : sequence of Collection
        Photographs without labels or maps; like those of ``maps`` they give the agreement with the reference.
    split : {"train", "validation", "test"}
        Of each collection.
    smoothgrad : SmoothGradSpec or None
        None leaves SmoothGrad out.
    tell : callable
        Called with lines on the progress.

    Returns
    -------
    Report
        What ``card_metrics`` and ``table`` take.
    """
    roles = [("labels", labels), ("maps", maps), *(("plain", collection) for collection in plain)]
    sources = sources_of_split(roles, split, frame=reference.preprocessing, categories=reference.categories)
    named = list(zip(_names(sources), sources, strict=True))
    first, second = (name for name, _ in named[:2])
    of_maps = sources[1]
    passing, mapping = EvaluationSpec(smoothgrad=None), EvaluationSpec(smoothgrad=smoothgrad)
    everyone = [reference, *networks]
    frame = common_frame([network.preprocessing for network in everyone])
    results: list[dict[str, NetworkResults]] = []
    for network in everyone:
        tell(f"{network.name}: first choices, attention norms")
        found = {
            name: network_results(network, source.collection, source.images, passing)
            for name, source in named
            if source is not of_maps
        }
        if smoothgrad is not None:
            tell(f"{network.name}: SmoothGrad, n = {smoothgrad.n_samples}, {len(of_maps.images)} images")
        with_maps = network_results(network, maps, of_maps.images, mapping, frame=frame)
        results.append({**found, second: with_maps})
    tell("noise ceiling")
    cells = (COMPARISON_CELLS, COMPARISON_CELLS)
    grids = sorted({cells, *(grid for one in results for grid in comparison_grids(one[second]))})
    people = people_of(maps, of_maps.images, frame, grids, CeilingSpec())
    everything = []
    for network, one in zip(everyone, results, strict=True):
        values = image_metrics(network, maps, one[second], people)
        everything.append(
            NetworkReport(
                network=network,
                correct=is_correct(network, labels, one[first]),
                agreement={name: _agreement(one[name], results[0][name]) for name, _ in named},
                rho_attention=values.get("rho_attention"),
                rho_smoothgrad=values.get("rho_smoothgrad"),
            )
        )
    ceilings = {grid[0]: found for grid, found in people.ceilings.items() if found is not None} if people else {}
    used = tuple(_used(name, source, everyone) for name, source in dict(named).items())
    return Report(split, everything[1:], everything[0], ceilings, smoothgrad, used)


def _names(sources: Sequence[TrainingSource]) -> list[str]:
    """Return what the collections are called: with their role where others of the same name are other ones."""
    taken: dict[str, tuple[str, tuple[str, ...]]] = {}
    names = []
    for source in sources:
        name = source.collection.name
        for more in ("", f" ({source.role})", *(f" ({source.role} {number})" for number in range(2, len(sources) + 2))):
            this = source.collection.fingerprint, source.images
            if taken.setdefault(f"{name}{more}", this) == this:
                names.append(f"{name}{more}")
                break
    return names


def _used(name: str, source: TrainingSource, networks: Sequence[Network]) -> CollectionUse:
    images = source.images
    learnt = {network.name: network.training_data.training_status(source.collection, images) for network in networks}
    maps = describe_usable_maps(len(images), source.unusable) if source.role == "maps" else ""
    why = {network.name: network.training_data.why_unknown(source.collection.name) for network in networks}
    splits = source.splits or splits_of(source.collection)
    return CollectionUse(name, source.role, splits, len(images), learnt, maps, why)


def _agreement(results: NetworkResults, reference: NetworkResults) -> xr.DataArray:
    same = (results.first_choice == reference.first_choice).astype(float)
    return xr.DataArray(same, dims="image", coords={"image": list(results.images)}, name="agreement")


def card_metrics(report: Report, network: NetworkReport) -> dict[str, Any]:
    """Return the [metrics] of one network's card: every number with its interval and n."""
    difference = network.correct - report.reference.correct
    metrics: dict[str, Any] = {
        "split": report.split,
        "images": [one.entry(network.network.name) for one in report.used],
        "interval": "95 %, percentile bootstrap over images, 10,000 resamples, seed 0; none below "
        f"{MIN_IMAGES_FOR_INTERVAL} images",
        "accuracy": {
            "network": _interval(network.correct),
            "unmodified": _interval(report.reference.correct),
            "difference": _interval(difference),
        },
        "agreement_with_unmodified": {name: _interval(values) for name, values in network.agreement.items()},
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
    if network.rho_attention is not None:
        layers = network.rho_attention["layer"].values
        metrics["rho_attention"] = {
            str(layer).replace(" ", "_"): _interval(network.rho_attention.sel(layer=layer)) for layer in layers
        }
    if network.rho_smoothgrad is not None and report.smoothgrad is not None:
        spec = report.smoothgrad
        metrics["rho_smoothgrad"] = {
            **_interval(network.rho_smoothgrad),
            "unmodified": _interval(report.reference.rho_smoothgrad),
            "settings": f"n = {spec.n_samples}, noise {spec.noise_fraction} of the range, seed {spec.seed}, "
            f"own first choice, {COMPARISON_CELLS} x {COMPARISON_CELLS} cells",
        }
        if COMPARISON_CELLS in report.ceilings:
            metrics["rho_smoothgrad"]["fraction_of_ceiling"] = _fraction(
                network.rho_smoothgrad, report.ceilings[COMPARISON_CELLS]
            )
    return metrics


def _fraction(rho: xr.DataArray, ceiling: NoiseCeiling) -> dict[str, Any]:
    """Return the fraction, or why there is none."""
    try:
        return dict(_plain_interval(fraction_explained(rho, ceiling).fraction))
    except ValueError as error:
        return {"none": str(error)}


def _interval(values: xr.DataArray | None) -> dict[str, float | int]:
    return {} if values is None or not np.isfinite(values).any() else _plain_interval(bootstrap_interval(values))


def _plain_interval(interval: ConfidenceInterval) -> dict[str, float | int]:
    return {
        "mean": round(interval.mean, 4),
        **({} if few_images_text(interval) else {"low": round(interval.low, 4), "high": round(interval.high, 4)}),
        "n": interval.n,
    }


__getattr__ = deprecated_getattr(__name__)
