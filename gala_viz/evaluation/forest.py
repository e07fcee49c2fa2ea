"""Numbers as a forest plot: for one quantity a row a network, its interval, what people reach, what chance reaches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from gala_viz.alignment import PARTNER_KINDS
from gala_viz.counts import counted
from gala_viz.evaluation.evaluation import Evaluation
from gala_viz.evaluation.numbers import Number
from gala_viz.evaluation.provenance import Provenance, provenance
from gala_viz.evaluation.quantities import QUANTITIES, Key, digits
from gala_viz.evaluation.table import interval_text

MARGIN = 0.04
"""Share of the plot left free at both ends, at least."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One number: who, its text, and where its mean, bounds and floors lie, in per cent of the plot's width."""

    who: str
    text: str
    spread: str
    at: float | None
    low: float
    high: float
    floors: tuple[tuple[str, float, str], ...] = ()
    note: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """One quantity: its title, all rows on one scale, and what stands behind them.

    ``people`` is (low, high) of the ceiling in per cent of the width, None where there is none; ``lines`` where 0 lies,
    and 100 % of a fraction.
    """

    title: str
    unit: str
    detail: str
    rows: tuple[Row, ...]
    people: tuple[float, float] | None
    people_text: str
    lines: tuple[float, ...]
    ends: tuple[str, str]
    behind: tuple[str, ...]


def blocks(evaluation: Evaluation, names: Sequence[str]) -> Iterator[Block]:
    """A block for each quantity that one of ``names`` has; floors are marks in the rows of what they bound."""
    found = {(number.who, number.key): number for number in evaluation.numbers}
    keys = dict.fromkeys(key for who, key in found if who in names and not key.quantity.startswith("floor_"))
    order = list(QUANTITIES)
    for key in sorted(keys, key=lambda key: order.index(key.quantity)):
        numbers = [found[name, key] for name in names if (name, key) in found]
        if any(number.interval is not None for number in numbers):
            yield _block(evaluation, key, numbers, found)


def shared_blocks(evaluation: Evaluation) -> Iterator[Block]:
    """A block for each number of people and of the frame: ceilings, floors, sizes of regions."""
    for number in evaluation.numbers:
        if number.who not in evaluation.values and number.interval is not None:
            yield _block(evaluation, number.key, [number], {})


def _block(evaluation: Evaluation, key: Key, numbers: Sequence[Number], found: dict) -> Block:
    quantity = QUANTITIES[key.quantity]
    places = digits(key)
    behind = {number.who: provenance(evaluation, number) for number in numbers}
    ceiling = _ceiling(evaluation, key, next(iter(behind.values())))
    floors = {number.who: _floors(key, number, found) for number in numbers}
    known = [number.interval for number in numbers if number.interval]
    values = [bound for one in known for bound in (one.low, one.high, one.mean)]
    values += [value for one in floors.values() for _, value in one]
    values += [ceiling.interval.low, ceiling.interval.high] if ceiling else []
    low, high = _ends(values)

    def place(value: float) -> float:
        return 100 * (value - low) / (high - low)

    def row(number: Number) -> Row:
        interval = number.interval
        return Row(
            who=number.who,
            text=interval_text(interval, places),
            spread="" if number.sd_over_seeds is None else f"± {number.sd_over_seeds:.{places}f} over seeds",
            at=place(interval.mean) if interval else None,
            low=place(interval.low) if interval else 0.0,
            high=place(interval.high) if interval else 0.0,
            floors=tuple((kind, place(value), f"{value:.{places}f}") for kind, value in floors[number.who]),
            note=number.note,
        )

    texts = {who: one.text for who, one in behind.items()}
    same = len(set(texts.values())) == 1
    return Block(
        title=quantity.title,
        unit="" if quantity.unit == "1" else quantity.unit,
        detail=", ".join(part for part in (key.layer, key.region, key.cells) if part),
        rows=tuple(row(number) for number in numbers),
        people=(place(ceiling.interval.low), place(ceiling.interval.high)) if ceiling else None,
        people_text=_people_text(ceiling, places) if ceiling else "",
        lines=tuple(place(value) for value in _lines(key) if low < value < high),
        ends=(f"{low:.{places}f}", f"{high:.{places}f}"),
        behind=tuple(dict.fromkeys(texts.values())) if same else tuple(f"{who}: {text}" for who, text in texts.items()),
    )


def _ceiling(evaluation: Evaluation, key: Key, behind: Provenance) -> Number | None:
    """What people reach on the grid of a rho of maps."""
    if not key.quantity.startswith("rho_"):
        return None
    cells = behind.resolution.removesuffix(" cells")
    fitting = (
        number
        for number in evaluation.numbers
        if number.key.quantity == "ceiling" and number.key.cells == cells and number.interval is not None
    )
    return next(fitting, None)


def _people_text(ceiling: Number, places: int) -> str:
    text = f"{interval_text(ceiling.interval, places)}, n = {ceiling.interval.n}"
    people = ceiling.participants
    if people is None:
        return text
    images = "image" if ceiling.interval.n == 1 else "images"
    bounds = f"[{people.low:.{places}f}, {people.high:.{places}f}]"
    return f"{text} {images}; over {counted(people.n, 'participant')} {bounds}"


def _floors(key: Key, number: Number, found: dict) -> list[tuple[str, float]]:
    if not key.quantity.startswith("rho_"):
        return []
    kind = key.quantity.removeprefix("rho_")
    numbers = {partner: found.get((number.who, Key(f"floor_{partner}_{kind}", key.layer))) for partner in PARTNER_KINDS}
    return [(partner, one.interval.mean) for partner, one in numbers.items() if one is not None and one.interval]


def _lines(key: Key) -> tuple[float, ...]:
    return (0.0, 100.0) if key.quantity.startswith(("fraction_", "explained_")) else (0.0,)


def _ends(values: Sequence[float]) -> tuple[float, float]:
    """The ends of a scale that holds all ``values`` and 0: round numbers, with a margin where a value lies there."""
    low, high = min(0.0, *values), max(0.0, *values)
    if high == low:
        high = low + 1.0
    step = 10.0 ** np.floor(np.log10(high - low)) / 2
    margin = MARGIN * (high - low)
    first = step * np.floor((low - margin) / step) if low < 0 else 0.0
    last = step * np.ceil((high + margin) / step) if high > 0 else 0.0
    return float(first), float(last)
