"""A report of several networks as a table to read."""

from __future__ import annotations

import xarray as xr

from gala_viz.alignment import bootstrap_interval, paired_randomisation
from gala_viz.evaluation.report import Report


def table(report: Report) -> str:
    """The report as Markdown: a row a quantity, a column a network, paired tests of the last two networks."""
    columns = [report.reference, *report.numbers]
    lines = [
        f"| {report.split} | "
        + " | ".join(numbers.network.name for numbers in columns)
        + " | last two: difference, p |",
        "|---" * (len(columns) + 2) + "|",
    ]
    lines.append(_row("accuracy", [numbers.correct for numbers in columns]))
    for name in report.reference.agreement:
        lines.append(_row(f"agreement, {name}", [numbers.agreement[name] for numbers in columns]))
    layers = next((n.rho_attention["layer"].values for n in columns if n.rho_attention is not None), [])
    for layer in layers:
        values = [None if n.rho_attention is None else n.rho_attention.sel(layer=layer) for n in columns]
        lines.append(_row(f"rho, attention norm, {layer}", values))
    if report.smoothgrad is not None:
        lines.append(_row(f"rho, SmoothGrad n = {report.smoothgrad.n_samples}", [n.rho_smoothgrad for n in columns]))
    for cells, found in report.ceilings.items():
        span = found.interval
        lines.append(
            f"\nCeiling at {cells} x {cells}: {found.rho:.3f} [{span.low:.3f}, {span.high:.3f}], n = {span.n}."
        )
    return "\n".join(lines)


def _row(name: str, values: list[xr.DataArray | None]) -> str:
    cells = ["–" if value is None else _text(value) for value in values]
    tail = "–"
    if len(values) > 2 and values[-1] is not None and values[-2] is not None:
        test = paired_randomisation(
            values[-2].drop_vars("layer", errors="ignore"), values[-1].drop_vars("layer", errors="ignore")
        )
        tail = f"{test.difference:+.3f}, p = {test.p:.4f}"
    return f"| {name} | " + " | ".join(cells) + f" | {tail} |"


def _text(values: xr.DataArray) -> str:
    found = bootstrap_interval(values)
    return f"{found.mean:.3f} [{found.low:.3f}, {found.high:.3f}] n={found.n}"
