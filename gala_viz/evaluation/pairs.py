"""Do two networks differ? Paired randomisation tests of every quantity, corrected as one family."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import xarray as xr

from gala_viz.alignment import PairedTest, benjamini_hochberg, paired_randomisations
from gala_viz.evaluation.quantities import Key, columns
from gala_viz.evaluation.spec import EvaluationSpec
from gala_viz.evaluation.values import MEAN_OF_LAYERS

TESTED = ("top1_error", "rho_attention", "rho_smoothgrad", "share_attention", "share_smoothgrad")
"""Quantities that are tested; fractions of the ceiling are rho over the same number, floors are for reading."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """``test`` of ``key`` between the networks called ``a`` and ``b`` (its difference is b - a, in the key's unit).

    ``p_adjusted`` is p after Benjamini and Hochberg over all comparisons of the same evaluation.
    """

    a: str
    b: str
    key: Key
    test: PairedTest
    p_adjusted: float


def compared(values: Mapping[str, xr.Dataset], spec: EvaluationSpec, reference: str | None = None) -> list[Comparison]:
    """All pairs of networks, or each against ``reference``, on every tested quantity that both have.

    Layers are compared where both networks have one of that name; their mean over layers where the layers are the same.
    """
    names = list(values)
    pairs = list(combinations(names, 2)) if reference is None else [(reference, b) for b in names if b != reference]
    tables = {name: columns(one) for name, one in values.items()}
    layers = {name: one["layer"].values.tolist() if "layer" in one.dims else [] for name, one in values.items()}
    found: list[tuple[str, str, Key, PairedTest]] = []
    for a, b in pairs:
        shared = _shared(tables[a][0], tables[b][0], same_layers=layers[a] == layers[b])
        if not shared:
            continue
        first, second = (tables[name][1][:, [tables[name][0].index(key) for key in shared]] for name in (a, b))
        tests = paired_randomisations(second - first, n_iterations=spec.n_iterations, seed=spec.seed)
        found += [(a, b, key, test) for key, test in zip(shared, tests, strict=True) if test is not None]
    adjusted = benjamini_hochberg(np.array([test.p for *_, test in found]))
    return [
        Comparison(a=a, b=b, key=key, test=test, p_adjusted=float(p))
        for (a, b, key, test), p in zip(found, adjusted, strict=True)
    ]


def _shared(first: Sequence[Key], second: Sequence[Key], *, same_layers: bool) -> list[Key]:
    known = set(second)
    return [
        key for key in first if key in known and key.quantity in TESTED and (same_layers or key.layer != MEAN_OF_LAYERS)
    ]


def family(comparisons: Sequence[Comparison]) -> str:
    """Which tests were corrected together, in a sentence."""
    if not comparisons:
        return "No two networks share a quantity; nothing was tested."
    n_pairs = len({(one.a, one.b) for one in comparisons})
    n_keys = len({one.key for one in comparisons})
    first = comparisons[0].test
    how = (
        f"all {first.n_iterations} sign flips" if first.exact else f"{first.n_iterations} sign flips, seed {first.seed}"
    )
    return (
        f"Paired randomisation tests over images, two-sided ({how}); p adjusted by Benjamini and Hochberg over one "
        f"family, all of this evaluation's tests: {len(comparisons)} ({_count(n_pairs, 'pair')} of networks, "
        f"{_count(n_keys, 'quantity', 'quantities')})."
    )


def _count(n: int, one: str, many: str = "") -> str:
    return f"{n} {one if n == 1 else many or one + 's'}"
