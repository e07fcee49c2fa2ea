"""The trainings at several lambdas, read from a sweep's table or a network's card."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gala_viz.commands.sweep import TABLE_FILE
from gala_viz.plots.figures.trade_off_figure import SweepPoint


def find_sweep_points(
    name: str, card: Mapping[str, Any], runs: Path, table: Path | None = None
) -> tuple[list[SweepPoint], str]:
    """The trainings of a sweep and where they are told: the table ``table`` for, that of ``runs``, or the ``card``."""
    path = table or runs / f"sweep-{name}" / TABLE_FILE
    if path.is_file():
        return read_sweep_table(path), path.name
    if table is not None:
        raise FileNotFoundError(f"{table}: there is no such table of a sweep.")
    rows = card.get("selection", {}).get("trade_off", [])
    return [one for row in rows if (one := _tried_row(row)) is not None], "the network's card"


def read_sweep_table(path: Path) -> list[SweepPoint]:
    """Trainings from a CSV with the columns attention_weight (or weight), seed, accuracy, rho_attention (or rho)."""
    with path.open(newline="", encoding="utf-8") as file:
        return [one for row in csv.DictReader(file) if (one := _tried_row(row)) is not None]


def _tried_row(row: Mapping[str, Any]) -> SweepPoint | None:
    """A row as a training; None where accuracy or rho is not known."""
    weight = row.get("attention_weight", row.get("weight"))
    rho = row.get("rho_attention", row.get("rho"))
    if isinstance(rho, Mapping):
        rho = rho.get("mean_of_layers")
    if isinstance(rho, Sequence) and not isinstance(rho, str) and rho:
        rho = sum(rho) / len(rho)
    if any(value in (None, "", []) for value in (weight, rho, row.get("accuracy"))):
        return None
    counts = {name: int(row.get(name) or 0) for name in ("seed", "n_labelled")}
    told = {"accuracy": float(row["accuracy"]), "rho": float(rho), "n": counts["n_labelled"]}
    return SweepPoint(weight=float(weight), seed=counts["seed"], **told)
