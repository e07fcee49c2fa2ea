"""Estimates as a forest plot: for one metric a row a network, its interval, what people reach, what chance reaches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from gala_viz.alignment import PARTNER_KINDS
from gala_viz.counts import counted
from gala_viz.evaluation.estimates import Estimate
from gala_viz.evaluation.evaluation import Evaluation
from gala_viz.evaluation.metrics import METRICS, MetricKey, digits, is_told
from gala_viz.evaluation.provenance import Provenance, provenance
from gala_viz.evaluation.table import interval_text

MARGIN = 0.04
"""Share of the plot left free at both ends, at least."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ForestRow:
    """One estimate: who, its text, and where its mean, bounds and floors lie, in per cent of the plot's width.

    ``low`` and ``high`` are None where there is no interval.
    """

    who: str
    text: str
    spread: str
    at: float | None
    low: float | None
    high: float | None
    floors: tuple[tuple[str, float, str], ...] = ()
    note: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class ForestBlock:
    """One metric: its title, all rows on one scale, and what stands behind them.

    ``people`` is (low, high) of the ceiling in per cent of the width, None where it has no interval; ``lines`` where 0
    lies, and 100 % of a fraction.
    """

    title: str
    unit: str
    detail: str
    rows: tuple[ForestRow, ...]
    people: tuple[float, float] | None
    people_text: str
    lines: tuple[float, ...]
    ends: tuple[str, str]
    behind: tuple[str, ...]


def blocks(evaluation: Evaluation, names: Sequence[str]) -> Iterator[ForestBlock]:
    """Return a block for each metric that one of ``names`` has; floors are marks in the rows of what they bound."""
    found = {(estimate.who, estimate.key): estimate for estimate in evaluation.estimates}
    keys = dict.fromkeys(key for who, key in found if who in names and not key.metric.startswith("floor_"))
    order = list(METRICS)
    for key in sorted(keys, key=lambda key: order.index(key.metric)):
        estimates = [found[name, key] for name in names if (name, key) in found]
        if is_told(key) or any(estimate.interval is not None for estimate in estimates):
            yield _block(evaluation, key, estimates, found)


def shared_blocks(evaluation: Evaluation) -> Iterator[ForestBlock]:
    """Return a block for each number of people and of the frame: ceilings, floors, sizes of regions."""
    for estimate in evaluation.estimates:
        if estimate.who not in evaluation.image_metrics and estimate.interval is not None:
            yield _block(evaluation, estimate.key, [estimate], {})


def _block(evaluation: Evaluation, key: MetricKey, estimates: Sequence[Estimate], found: dict) -> ForestBlock:
    metric = METRICS[key.metric]
    places = digits(key)
    behind = {estimate.who: provenance(evaluation, estimate) for estimate in estimates}
    ceiling = _ceiling(evaluation, key, next(iter(behind.values())))
    floors = {estimate.who: _floors(key, estimate, found) for estimate in estimates}
    known = [estimate.interval for estimate in estimates if estimate.interval]
    values = [bound for one in known for bound in (one.low, one.high, one.mean)]
    values += [value for one in floors.values() for _, value in one]
    band = ceiling.interval if ceiling else None
    values += [band.low, band.high] if band else []
    low, high = _ends([value for value in values if np.isfinite(value)])

    def place(value: float) -> float:
        return 100 * (value - low) / (high - low)

    def bound(value: float) -> float | None:
        return place(value) if np.isfinite(value) else None

    def row(estimate: Estimate) -> ForestRow:
        interval = estimate.interval
        return ForestRow(
            who=estimate.who,
            text=interval_text(interval, places),
            spread="" if estimate.sd_over_seeds is None else f"± {estimate.sd_over_seeds:.{places}f} over seeds",
            at=place(interval.mean) if interval else None,
            low=bound(interval.low) if interval else None,
            high=bound(interval.high) if interval else None,
            floors=tuple((kind, place(value), f"{value:.{places}f}") for kind, value in floors[estimate.who]),
            note=estimate.note,
        )

    texts = {who: one.text for who, one in behind.items()}
    same = len(set(texts.values())) == 1
    return ForestBlock(
        title=metric.title,
        unit="" if metric.unit == "1" else metric.unit,
        detail=", ".join(part for part in (key.layer, key.region, key.cells) if part),
        rows=tuple(row(estimate) for estimate in estimates),
        people=(place(band.low), place(band.high)) if band and np.isfinite(band.low) else None,
        people_text=_people_text(ceiling, places) if ceiling else "",
        lines=tuple(place(value) for value in _lines(key) if low < value < high),
        ends=(f"{low:g}", f"{high:g}"),
        behind=tuple(dict.fromkeys(texts.values())) if same else tuple(f"{who}: {text}" for who, text in texts.items()),
    )


def _ceiling(evaluation: Evaluation, key: MetricKey, behind: Provenance) -> Estimate | None:
    """Return what people reach on the grid of a rho of maps."""
    if not key.metric.startswith("rho_"):
        return None
    cells = behind.resolution.removesuffix(" cells")
    fitting = (
        estimate
        for estimate in evaluation.estimates
        if estimate.key.metric == "ceiling" and estimate.key.cells == cells and estimate.interval is not None
    )
    return next(fitting, None)


def _people_text(ceiling: Estimate, places: int) -> str:
    text = f"{interval_text(ceiling.interval, places)}, n = {ceiling.interval.n}"
    people = ceiling.participants
    if people is None:
        return text
    images = "image" if ceiling.interval.n == 1 else "images"
    bounds = f"[{people.low:.{places}f}, {people.high:.{places}f}]"
    return f"{text} {images}; over {counted(people.n, 'participant')} {bounds}"


def _floors(key: MetricKey, estimate: Estimate, found: dict) -> list[tuple[str, float]]:
    if not key.metric.startswith("rho_"):
        return []
    kind = key.metric.removeprefix("rho_")
    estimates = {
        partner: found.get((estimate.who, MetricKey(f"floor_{partner}_{kind}", key.layer))) for partner in PARTNER_KINDS
    }
    return [(partner, one.interval.mean) for partner, one in estimates.items() if one is not None and one.interval]


def _lines(key: MetricKey) -> tuple[float, ...]:
    return (0.0, 100.0) if key.metric.startswith(("fraction_", "explained_")) else (0.0,)


def _ends(values: Sequence[float]) -> tuple[float, float]:
    """Return the ends of a scale that holds all ``values`` and 0: round, with a margin where a value lies there."""
    low, high = min([0.0, *values]), max([0.0, *values])
    if high == low:
        high = low + 1.0
    step = 10.0 ** np.floor(np.log10(high - low)) / 2
    margin = MARGIN * (high - low)
    first = step * np.floor((low - margin) / step) if low < 0 else 0.0
    last = step * np.ceil((high + margin) / step) if high > 0 else 0.0
    return float(first), float(last)
