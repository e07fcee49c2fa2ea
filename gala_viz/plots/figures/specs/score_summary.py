"""Rows of a table of scores: means of both networks, their difference, the noise ceiling, each with its interval."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from gala_viz.alignment import ConfidenceInterval
from gala_viz.alignment.bootstrap import bootstrap_means, percentile_interval
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
    """One metric over ``n`` images that have it for both networks; None where nothing is known.

    ``difference`` is the second network minus the first, image by image; ``people`` is the noise ceiling. Intervals
    are in the metric's own unit; a table prints them multiplied by ``factor``, with ``digits`` decimals.
    """

    name: str
    title: str
    first: ConfidenceInterval | None = None
    second: ConfidenceInterval | None = None
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
            raise UnknownNameError(unknown_name("layer of the two networks", layer, layers))
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


def _paired(line: SummaryRow, pair: NDArray[np.floating]) -> SummaryRow:
    """Fill ``line`` with the means of ``pair`` (network, image) over the images that both networks have.

    Where they share none, each network's mean is over its own images, and there is no difference.
    """
    known = np.isfinite(pair)
    both = known.all(axis=0)
    if not both.any():
        single = [mean_intervals(row)[0] if there.any() else None for row, there in zip(pair, known, strict=True)]
        n = max((one.n for one in single if one is not None), default=0)
        return replace(line, first=single[0], second=single[1], n=n)
    first, second, difference = mean_intervals(pair[0, both], pair[1, both], pair[1, both] - pair[0, both])
    return replace(line, first=first, second=second, difference=difference, n=int(both.sum()))


def _fraction(scores: xr.Dataset, chosen: NDArray[np.bool_]) -> SummaryRow:
    """Return mean rho over the mean ceiling of the same images, resampled together as ``fraction_explained`` does."""
    line = SummaryRow(name="fraction", title=TITLES["fraction"])
    columns = np.vstack([_column(scores, "rho", chosen), _column(scores, "ceiling", chosen)])
    columns = columns[:, np.isfinite(columns).all(axis=0)]
    n = columns.shape[1]
    if not n or columns[2].mean() <= 0:
        return line
    count = n_resamples_for(n)
    means, draws = columns.mean(axis=1), bootstrap_means(columns.T, n_resamples=count, seed=0)
    if draws[:, 2].min() <= 0:
        return line
    ratios, drawn = means[:2] / means[2], draws[:, :2] / draws[:, 2:]
    intervals = []
    for value, spread in (
        (ratios[0], drawn[:, 0]),
        (ratios[1], drawn[:, 1]),
        (np.diff(ratios)[0], np.diff(drawn)[:, 0]),
    ):
        low, high = percentile_interval(spread, 0.95)
        intervals.append(ConfidenceInterval(mean=float(value), low=low, high=high, n=n, n_resamples=count))
    return replace(line, first=intervals[0], second=intervals[1], difference=intervals[2], n=n)


def _column(scores: xr.Dataset, name: str, chosen: NDArray[np.bool_]) -> NDArray[np.float64]:
    return np.asarray(scores[name], dtype=float)[..., chosen]
