"""Tables to read, in Markdown: intervals as text, rows as lines, and the report of ``gala-viz measure``."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from gala_viz.alignment import MIN_IMAGES_FOR_INTERVAL, ConfidenceInterval, bootstrap_interval, paired_randomisation
from gala_viz.deprecated_paths import deprecated_getattr
from gala_viz.evaluation.estimates import few_images_text
from gala_viz.evaluation.report import Report

NOTHING = "–"
"""Stands where there is no number."""


def interval_text(interval: ConfidenceInterval | None, digits: int = 3) -> str:
    """For example "0.412 [0.380, 0.445]"; the mean alone where there is no interval over images, a dash for nothing."""
    if interval is None or not np.isfinite(interval.mean):
        return NOTHING
    text = f"{interval.mean:.{digits}f}"
    return f"{text} [{interval.low:.{digits}f}, {interval.high:.{digits}f}]" if np.isfinite(interval.low) else text


def p_text(p: float, *, is_bound: bool = False) -> str:
    """Return a p value, or a bound of one, as text, never below what it is."""
    places = 4 if p >= 0.001 else 1 - int(np.floor(np.log10(p))) if p > 0 else 4
    text = f"{np.ceil(p * 10**places - 1e-6) / 10**places:.{places}f}"
    shortest = text[: len("0.0000")]
    return f"p {'≤' if is_bound else '='} {shortest if float(shortest) == float(text) else text}"


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return a Markdown table's lines."""
    lines = ["| " + " | ".join(header) + " |", "|---" * len(header) + "|"]
    return lines + ["| " + " | ".join(row) + " |" for row in rows]


def table(report: Report) -> str:
    """Return the report as Markdown: a row a quantity, a column a network, paired tests of the last two networks."""
    shown = [report.reference, *report.networks]
    rows = [_row("accuracy", [numbers.correct for numbers in shown])]
    for name in report.reference.agreement:
        rows.append(_row(f"agreement, {name}", [numbers.agreement[name] for numbers in shown]))
    layers = next((n.rho_attention["layer"].values for n in shown if n.rho_attention is not None), [])
    for layer in layers:
        values = [None if n.rho_attention is None else n.rho_attention.sel(layer=layer, drop=True) for n in shown]
        rows.append(_row(f"rho, attention norm, {layer}", values))
    if report.smoothgrad is not None:
        rows.append(_row(f"rho, SmoothGrad n = {report.smoothgrad.n_samples}", [n.rho_smoothgrad for n in shown]))
    header = [report.split, *(numbers.network.name for numbers in shown), "last two: difference, p"]
    lines = markdown_table(header, rows)
    for cells, found in report.ceilings.items():
        lines.append(f"\nCeiling at {cells} x {cells}: {interval_text(found.interval)}, n = {found.interval.n}.")
    return "\n".join([*lines, *(f"\n{one.told}" for one in report.used)])


def _row(name: str, values: list[xr.DataArray | None]) -> list[str]:
    cells = [NOTHING if value is None else _text(value) for value in values]
    tail = NOTHING
    if len(values) > 2 and values[-1] is not None and values[-2] is not None and _enough(values[-1] - values[-2]):
        test = paired_randomisation(values[-2], values[-1])
        tail = f"{test.difference:+.3f}, {p_text(test.p, is_bound=test.is_bound)}"
    return [name, *cells, tail]


def _known(values: xr.DataArray) -> bool:
    return bool(np.isfinite(values).any())


def _enough(differences: xr.DataArray) -> bool:
    return int(np.isfinite(differences).sum()) >= MIN_IMAGES_FOR_INTERVAL


def _text(values: xr.DataArray) -> str:
    if not _known(values):
        return NOTHING
    found = bootstrap_interval(values)
    few = few_images_text(found).rstrip(".")
    return f"{interval_text(found)}, {few}" if few else f"{interval_text(found)} n={found.n}"


__getattr__ = deprecated_getattr(__name__)
