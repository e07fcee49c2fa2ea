"""Do two networks differ? Paired randomisation tests of every metric, corrected in families."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Literal, NamedTuple

import numpy as np
import xarray as xr

from gala_viz.alignment import (
    MIN_IMAGES_FOR_INTERVAL,
    ConfidenceInterval,
    PairedTest,
    benjamini_hochberg,
    bootstrap_intervals,
    paired_randomisations,
)
from gala_viz.evaluation.estimates import clusters_of
from gala_viz.evaluation.image_metrics import MEAN_OF_LAYERS
from gala_viz.evaluation.metrics import METRICS, MetricKey, metric_columns
from gala_viz.evaluation.spec import EvaluationSpec

TESTED = ("top1_error", "rho_attention", "rho_smoothgrad", "share_attention", "share_smoothgrad")
"""Metrics that are tested; fractions of the ceiling are rho over the same number, floors are for reading, and top-5
errors are of the same choices as top-1 errors."""
Family = Literal["main", "detail", "seeds"]
"""Tests that are corrected together: of error and likeness, of single layers and of shares, of single trainings."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """``test`` of ``key`` between the networks called ``a`` and ``b`` (its difference is b - a, in the key's unit).

    ``interval`` is that of the difference, over the same images (or categories).

    ``p_adjusted`` is p after Benjamini and Hochberg over all comparisons of the same ``family``.
    """

    a: str
    b: str
    key: MetricKey
    test: PairedTest
    interval: ConfidenceInterval
    family: Family
    p_adjusted: float = float("nan")


def compare_networks(
    values: Mapping[str, xr.Dataset], spec: EvaluationSpec, reference: str | None = None
) -> list[Comparison]:
    """All pairs of networks, or each against ``reference``, on every tested metric that both have of enough images.

    Layers are compared where both networks have one of that name; their mean over layers where the layers are the same.
    Error, and likeness over all layers, are one family; single layers and shares, of which there are many, another.
    """
    found = _tested(values, spec, reference)
    return _adjusted([one for one in found if one.family == "main"]) + _adjusted(
        [one for one in found if one.family == "detail"]
    )


def compare_by_seed(
    values: Mapping[str, xr.Dataset], seeds: Sequence[Sequence[str]], spec: EvaluationSpec
) -> list[Comparison]:
    """Error and likeness of the networks that share a seed: each of ``seeds`` names those of one. One family."""
    found = [one for names in seeds for one in _tested({name: values[name] for name in names}, spec, None)]
    return _adjusted([replace(one, family="seeds") for one in found if one.family == "main"])


class _Pair(NamedTuple):
    """Two networks, and b - a (image, key) of the tested metrics that both have."""

    a: str
    b: str
    keys: list[MetricKey]
    differences: np.ndarray
    clusters: list[str] | None

    @property
    def n_images(self) -> np.ndarray:
        return np.isfinite(self.differences).sum(axis=0)

    @property
    def n_units(self) -> np.ndarray:
        """How many images, or categories, have a difference of each key."""
        if self.clusters is None:
            return self.n_images
        labels = np.asarray(self.clusters)
        return np.array([len(set(labels[known].tolist())) for known in np.isfinite(self.differences).T], dtype=int)


def _pairs(values: Mapping[str, xr.Dataset], reference: str | None, spec: EvaluationSpec) -> Iterator[_Pair]:
    names = list(values)
    pairs = list(combinations(names, 2)) if reference is None else [(reference, b) for b in names if b != reference]
    tables = {name: metric_columns(one) for name, one in values.items()}
    layers = {name: one["layer"].values.tolist() if "layer" in one.dims else [] for name, one in values.items()}
    for a, b in pairs:
        shared = _shared(tables[a][0], tables[b][0], same_layers=layers[a] == layers[b])
        first, second = (tables[name][1][:, [tables[name][0].index(key) for key in shared]] for name in (a, b))
        yield _Pair(a, b, shared, second - first, clusters_of(values[a], spec))


def _tested(values: Mapping[str, xr.Dataset], spec: EvaluationSpec, reference: str | None) -> list[Comparison]:
    found: list[Comparison] = []
    for pair in _pairs(values, reference, spec):
        enough = np.flatnonzero(pair.n_units >= MIN_IMAGES_FOR_INTERVAL)
        differences, clusters = pair.differences[:, enough], pair.clusters
        tests = paired_randomisations(differences, clusters=clusters, n_iterations=spec.n_iterations, seed=spec.seed)
        intervals = bootstrap_intervals(differences, clusters=clusters, n_resamples=spec.n_resamples, seed=spec.seed)
        keys = [pair.keys[column] for column in enough.tolist()]
        found += [
            Comparison(a=pair.a, b=pair.b, key=key, test=test, interval=interval, family=_family(key))
            for key, test, interval in zip(keys, tests, intervals, strict=True)
            if test is not None and interval is not None
        ]
    return found


def few_images_note(values: Mapping[str, xr.Dataset], spec: EvaluationSpec, reference: str | None = None) -> str:
    """Return which differences are not tested because too few images have both values, in a sentence, or ""."""
    few: dict[str, set[int]] = {}
    for pair in _pairs(values, reference, spec):
        for key, n in zip(pair.keys, pair.n_units.tolist(), strict=True):
            if 0 < n < MIN_IMAGES_FOR_INTERVAL:
                few.setdefault(METRICS[key.metric].title, set()).add(n)
    told = "; ".join(f"{title}, n = {' and '.join(map(str, sorted(ns)))}" for title, ns in few.items())
    return f"Differences of fewer than {MIN_IMAGES_FOR_INTERVAL} {spec.over} are not tested: {told}." if few else ""


def _family(key: MetricKey) -> Family:
    return "main" if key.layer in ("", MEAN_OF_LAYERS) and not key.region else "detail"


def _adjusted(comparisons: Sequence[Comparison]) -> list[Comparison]:
    adjusted = benjamini_hochberg(np.array([one.test.p for one in comparisons]))
    return [replace(one, p_adjusted=float(p)) for one, p in zip(comparisons, adjusted, strict=True)]


def _shared(first: Sequence[MetricKey], second: Sequence[MetricKey], *, same_layers: bool) -> list[MetricKey]:
    known = set(second)
    return [
        key for key in first if key in known and key.metric in TESTED and (same_layers or key.layer != MEAN_OF_LAYERS)
    ]


def families_text(comparisons: Sequence[Comparison]) -> str:
    """Which tests were made, and which of them corrected together, in sentences."""
    if not comparisons:
        return f"No two networks share a quantity of {MIN_IMAGES_FOR_INTERVAL} images or more; nothing was tested."
    tests = [one.test for one in comparisons]
    over = "images" if all(one.n_flipped == one.n for one in tests) else "categories"
    counts = {family: sum(one.family == family for one in comparisons) for family in ("main", "detail", "seeds")}
    told = [
        f"{counts['main']} of error and of rho (over all layers)",
        f"{counts['detail']} of single layers and of shares",
        f"{counts['seeds']} of single trainings of one seed",
    ]
    there = [text for text, count in zip(told, counts.values(), strict=True) if count]
    return (
        f"Paired randomisation tests over {over}, two-sided ({_flips_text(tests, over)}). p is adjusted by Benjamini "
        f"and Hochberg in {'one family' if len(there) == 1 else 'families'}: the tests {'; '.join(there)}."
    )


def _flips_text(tests: Sequence[PairedTest], over: str) -> str:
    """For example "all 256 sign flips of 8 images, so that no p is below 0.0078; 10000 sign flips of more, seed 0"."""
    exact = sorted({one.n_flipped: one for one in tests if one.exact}.items())
    told = [
        f"all {one.n_iterations} sign flips of {n} {over}, so that no p is below {2 / one.n_iterations:.2g}"
        for n, one in exact
    ]
    drawn = {(one.n_iterations, one.seed) for one in tests if not one.exact}
    of_more = f" of more {over}" if exact else ""
    told += [f"{n} sign flips{of_more}, seed {seed}" for n, seed in sorted(drawn)]
    return "; ".join(told)
