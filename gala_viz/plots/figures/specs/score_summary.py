"""Rows of a table of scores: means of all networks, the difference of two, the noise ceiling, with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from gala_viz.alignment import ConfidenceInterval, ceiling_shares
from gala_viz.plots.figures.specs.image_scores import mean_intervals, n_resamples_for
from gala_viz.registry import UnknownNameError, unknown_name
from gala_viz.store.measures import MEASURED

SUMMARY_ROWS = ("accuracy", "rho", "fraction", "dice", "iou", "ceiling")
ATTENTION_PREFIX = "attention:"
"""With a layer's name behind it: rho of its attention norms with people."""
TITLES = {"accuracy": "top-1 accuracy, %", "fraction": "fraction of the noise ceiling"}
TITLES |= {**MEASURED, "ceiling": "noise ceiling (split-half rho)"}


@dataclass(frozen=True, kw_only=True, slots=True)
class SummaryRow:
    """One metric over ``n`` images that have it for all networks; None where nothing is known.

    ``difference`` is the second of two networks minus the first, image by image; ``people`` is the noise ceiling.
    Intervals are in the metric's own unit; a table prints them multiplied by ``factor``, with ``digits`` decimals.
    """

    name: str
    title: str
    networks: tuple[ConfidenceInterval | None, ...] = ()
    difference: ConfidenceInterval | None = None
    people: ConfidenceInterval | None = None
    n: int = 0
    factor: float = 1.0
    digits: int = 3


def summary_row(name: str, scores: xr.Dataset, mask: NDArray[np.bool_]) -> SummaryRow:
    """Return the row ``name`` over the images ``mask`` (image,) of ``scores``.

    ``name`` is one of ``SUMMARY_ROWS`` or "attention:LAYER". Raises ``UnknownNameError`` for a layer that no network
    has.
    """
    if name == "ceiling":
        values = _column(scores, "ceiling", mask)
        (ceiling,) = mean_intervals(values) if len(values) else (None,)
        return SummaryRow(name=name, title=TITLES[name], people=ceiling, n=ceiling.n if ceiling else 0)
    if name == "fraction":
        return _fraction(scores, mask)
    if name.startswith(ATTENTION_PREFIX):
        layer, layers = name.removeprefix(ATTENTION_PREFIX), [str(one) for one in scores["layer"].values]
        if layer not in layers:
            raise UnknownNameError(unknown_name("layer of the networks", layer, layers))
        pair = np.asarray(scores["rho_attention"].sel(layer=layer), dtype=float)[:, mask]
        return _paired(SummaryRow(name=name, title=f"attention rho, {layer}"), pair)
    percent = {"factor": 100.0, "digits": 1} if name == "accuracy" else {}
    line = SummaryRow(name=name, title=TITLES[name], **percent)
    return _paired(line, _column(scores, "correct" if name == "accuracy" else name, mask))


def check_rows(rows: tuple[str, ...]) -> None:
    """Raise ``UnknownNameError`` for a row that no table has."""
    for name in rows:
        if name not in SUMMARY_ROWS and not name.startswith(ATTENTION_PREFIX):
            raise UnknownNameError(unknown_name("row", name, [*SUMMARY_ROWS, f"{ATTENTION_PREFIX}LAYER"]))


def _paired(line: SummaryRow, values: NDArray[np.floating]) -> SummaryRow:
    """Fill ``line`` with the means of ``values`` (network, image) over the images that all networks have.

    Where they share none, each network's mean is over its own images, and there is no difference.
    """
    known = np.isfinite(values)
    shared = known.all(axis=0)
    if not shared.any():
        single = [mean_intervals(row)[0] if there.any() else None for row, there in zip(values, known, strict=True)]
        return replace(line, networks=tuple(single), n=max((one.n for one in single if one is not None), default=0))
    columns, n_networks = list(values[:, shared]), len(values)
    means = mean_intervals(*columns, *_difference(columns))
    return replace(
        line, networks=tuple(means[:n_networks]), difference=next(iter(means[n_networks:]), None), n=int(shared.sum())
    )


def _difference(columns: Sequence[NDArray[np.floating]]) -> list[NDArray[np.floating]]:
    """Return the second column minus the first, of two; of more there is none."""
    return [columns[1] - columns[0]] if len(columns) == 2 else []


def _fraction(scores: xr.Dataset, chosen: NDArray[np.bool_]) -> SummaryRow:
    """Return mean rho over the mean ceiling of the same images, by the rule of ``ceiling_shares``."""
    line = SummaryRow(name="fraction", title=TITLES["fraction"])
    rho, ceiling = _column(scores, "rho", chosen), _column(scores, "ceiling", chosen)
    n = int(np.isfinite(np.vstack([rho, ceiling])).all(axis=0).sum())
    found = ceiling_shares(rho, ceiling, n_resamples=n_resamples_for(n))
    if not found.shares:
        return line
    return replace(line, networks=found.shares, difference=found.difference, n=n)


def _column(scores: xr.Dataset, name: str, chosen: NDArray[np.bool_]) -> NDArray[np.float64]:
    return np.asarray(scores[name], dtype=float)[..., chosen]
