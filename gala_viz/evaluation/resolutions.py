"""Likeness to people at several resolutions of the comparison, which one number of cells alone would hide."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gala_viz.alignment import ConfidenceInterval, fraction_explained
from gala_viz.evaluation.evaluation import Evaluation
from gala_viz.evaluation.image_metrics import AT_CELLS
from gala_viz.evaluation.protocol_headline import mean_over_images
from gala_viz.evaluation.table import NOTHING, interval_text


@dataclass(frozen=True, kw_only=True, slots=True)
class AtResolution:
    """rho, ceiling and fraction (of 1) of ``who`` at ``cells`` x ``cells``, with intervals over images.

    None where there is none, which ``note`` explains of the fraction.
    """

    who: str
    cells: int
    rho: ConfidenceInterval | None
    ceiling: ConfidenceInterval | None
    fraction: ConfidenceInterval | None
    note: str = ""


def rho_at_resolutions(evaluation: Evaluation) -> list[AtResolution]:
    """Return one row for each network (or group) and resolution that the evaluation was asked for; none by default."""
    rows, spec = [], evaluation.spec
    for who in evaluation.groups or evaluation.networks:
        values = evaluation.image_metrics[who]
        for cells in spec.resolutions if f"rho_{AT_CELLS}" in values else ():
            rho = values[f"rho_{AT_CELLS}"].sel({AT_CELLS: str(cells)}, drop=True)
            ceiling = values.get(f"ceiling_{AT_CELLS}")
            fraction, note = None, "there is no ceiling."
            if ceiling is not None:
                ceiling = ceiling.sel({AT_CELLS: str(cells)}, drop=True)
                try:
                    clusters = values["category"] if spec.over == "categories" else None
                    found = fraction_explained(
                        rho, ceiling, clusters=clusters, n_resamples=spec.n_resamples, seed=spec.seed
                    )
                    fraction, note = found.fraction, ""
                except ValueError as error:
                    note = str(error)
            rows.append(
                AtResolution(
                    who=who,
                    cells=cells,
                    rho=mean_over_images(rho, spec),
                    ceiling=mean_over_images(ceiling, spec),
                    fraction=fraction,
                    note=note,
                )
            )
    return rows


def resolution_csv_rows(rows: Sequence[AtResolution]) -> list[dict[str, Any]]:
    """Return lines for a CSV file; the fraction in per cent."""
    return [
        {
            "who": row.who,
            "cells": row.cells,
            **interval_columns("rho", row.rho),
            **interval_columns("ceiling", row.ceiling),
            **interval_columns("fraction_of_ceiling", row.fraction, 100.0),
            "note": row.note,
        }
        for row in rows
    ]


def interval_columns(name: str, interval: ConfidenceInterval | None, factor: float = 1.0) -> dict[str, Any]:
    """Return a mean, its bounds and n as columns that begin with ``name``."""
    if interval is None:
        return {name: None, f"{name}_low": None, f"{name}_high": None, f"{name}_n": 0}
    scaled = (factor * number for number in (interval.mean, interval.low, interval.high))
    return {**dict(zip((name, f"{name}_low", f"{name}_high"), scaled, strict=True)), f"{name}_n": interval.n}


def resolution_table(rows: Sequence[AtResolution]) -> tuple[list[str], list[list[str]]]:
    """Return header and lines of a table: a line a resolution, for each network rho and its fraction of the ceiling."""
    names = list(dict.fromkeys(row.who for row in rows))
    found = {(row.who, row.cells): row for row in rows}
    header = ["cells", "ceiling", *(text for name in names for text in (f"{name}: rho", "of the ceiling, %"))]
    lines = []
    for cells in dict.fromkeys(row.cells for row in rows):
        own = [found[name, cells] for name in names]
        line = [f"{cells} x {cells}", interval_text(own[0].ceiling)]
        for row in own:
            line += [_with_n(row.rho), _percent(row.fraction)]
        lines.append(line)
    return header, lines


def _with_n(interval: ConfidenceInterval | None) -> str:
    return NOTHING if interval is None else f"{interval_text(interval)}, n = {interval.n}"


def _percent(interval: ConfidenceInterval | None) -> str:
    if interval is None:
        return NOTHING
    text = f"{100 * interval.mean:.1f}"
    return f"{text} [{100 * interval.low:.1f}, {100 * interval.high:.1f}]" if interval.low == interval.low else text
