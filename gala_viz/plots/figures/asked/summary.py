"""Numbers of a table of scores: means of both networks, their difference, what people reach, each with its interval."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from gala_viz.alignment import Interval
from gala_viz.alignment.bootstrap import bootstrap_means, percentile_bounds
from gala_viz.plots.figures.asked.scores import intervals, resamples_for
from gala_viz.registry import UnknownNameError, unknown_name
from gala_viz.store.measures import MEASURED

ROWS = ("accuracy", "rho", "fraction", "dice", "iou", "ceiling")
ATTENTION = "attention:"
"""With a layer's name behind it: rho of its attention norms with people."""
TITLES = {"accuracy": "top-1 accuracy, %", "fraction": "fraction of the noise ceiling"}
TITLES |= {**MEASURED, "ceiling": "noise ceiling (split-half rho)"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One quantity over ``n`` images that have it for both networks; None where nothing is known.

    ``difference`` is the second network minus the first, image by image; ``people`` is what they reach. Intervals are
    in the quantity's own unit, of which a table prints ``times`` as many, with ``digits``.
    """

    name: str
    title: str
    first: Interval | None = None
    second: Interval | None = None
    difference: Interval | None = None
    people: Interval | None = None
    n: int = 0
    times: float = 1.0
    digits: int = 3


def line_of(name: str, scores: xr.Dataset, chosen: NDArray[np.bool_]) -> Line:
    """The line ``name``, one of ``ROWS`` or "attention:LAYER", over the images ``chosen`` (image,) of ``scores``.

    Raises ``UnknownNameError`` for a layer that no network has.
    """
    if name == "ceiling":
        values = _column(scores, "ceiling", chosen)
        (found,) = intervals(values) if len(values) else (None,)
        return Line(name=name, title=TITLES[name], people=found, n=found.n if found else 0)
    if name == "fraction":
        return _fraction(scores, chosen)
    if name.startswith(ATTENTION):
        layer, layers = name.removeprefix(ATTENTION), [str(one) for one in scores["layer"].values]
        if layer not in layers:
            raise UnknownNameError(unknown_name("layer of the two networks", layer, layers))
        pair = np.asarray(scores["rho_attention"].sel(layer=layer), dtype=float)[:, chosen]
        return _paired(Line(name=name, title=f"attention rho, {layer}"), pair)
    percent = {"times": 100.0, "digits": 1} if name == "accuracy" else {}
    line = Line(name=name, title=TITLES[name], **percent)
    return _paired(line, _column(scores, "correct" if name == "accuracy" else name, chosen))


def check_rows(rows: tuple[str, ...]) -> None:
    """Raise ``UnknownNameError`` for a row that no table has, ``ValueError`` for none."""
    for name in rows:
        if name not in ROWS and not name.startswith(ATTENTION):
            raise UnknownNameError(unknown_name("row", name, [*ROWS, f"{ATTENTION}LAYER"]))


def _paired(line: Line, pair: NDArray[np.floating]) -> Line:
    """``pair`` (network, image), over the images that both have; a network without any value stands alone."""
    known = np.isfinite(pair)
    both = known.all(axis=0)
    if not both.any():
        single = [intervals(row)[0] if there.any() else None for row, there in zip(pair, known, strict=True)]
        n = max((one.n for one in single if one is not None), default=0)
        return replace(line, first=single[0], second=single[1], n=n)
    first, second, difference = intervals(pair[0, both], pair[1, both], pair[1, both] - pair[0, both])
    return replace(line, first=first, second=second, difference=difference, n=int(both.sum()))


def _fraction(scores: xr.Dataset, chosen: NDArray[np.bool_]) -> Line:
    """Mean rho over the mean ceiling of the same images, resampled together: as ``alignment.fraction_explained``."""
    line = Line(name="fraction", title=TITLES["fraction"])
    columns = np.vstack([_column(scores, "rho", chosen), _column(scores, "ceiling", chosen)])
    columns = columns[:, np.isfinite(columns).all(axis=0)]
    n = columns.shape[1]
    if not n or columns[2].mean() <= 0:
        return line
    count = resamples_for(n)
    means, draws = columns.mean(axis=1), bootstrap_means(columns.T, n_resamples=count, seed=0)
    if draws[:, 2].min() <= 0:
        return line
    ratios, drawn = means[:2] / means[2], draws[:, :2] / draws[:, 2:]
    found = []
    for value, spread in (
        (ratios[0], drawn[:, 0]),
        (ratios[1], drawn[:, 1]),
        (np.diff(ratios)[0], np.diff(drawn)[:, 0]),
    ):
        low, high = percentile_bounds(spread, 0.95)
        found.append(Interval(mean=float(value), low=low, high=high, n=n, n_resamples=count))
    return replace(line, first=found[0], second=found[1], difference=found[2], n=n)


def _column(scores: xr.Dataset, name: str, chosen: NDArray[np.bool_]) -> NDArray[np.float64]:
    return np.asarray(scores[name], dtype=float)[..., chosen]
