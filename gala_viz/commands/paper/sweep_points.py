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
    """Return the trainings of a sweep and where they are recorded.

    Parameters
    ----------
    name : str
        Name of the recipe.
    card : mapping of str to object
        Card of the recipe's network, which may hold the table; it is read where there is no file.
    runs : Path
        Folder of trainings, in which the sweep's table is looked for.
    table : Path, optional
        The table itself.

    Returns
    -------
    points : list of SweepPoint
        The trainings; empty where there are none.
    source : str
        Name of the table, or that it is the card.

    Raises
    ------
    FileNotFoundError
        ``table`` is not there.
    """
    path = table or runs / f"sweep-{name}" / TABLE_FILE
    if path.is_file():
        return read_sweep_table(path), path.name
    if table is not None:
        raise FileNotFoundError(f"{table}: there is no such table of a sweep.")
    rows = card.get("selection", {}).get("trade_off", [])
    return [one for row in rows if (one := _tried_row(row)) is not None], "the network's card"


def read_sweep_table(path: Path) -> list[SweepPoint]:
    """Read trainings from a CSV table.

    Its columns are attention_weight (or weight), seed, accuracy, rho_attention (or rho), and n_labelled where it is
    there.
    """
    with path.open(newline="", encoding="utf-8-sig") as file:
        return [one for row in csv.DictReader(file) if (one := _tried_row(row)) is not None]


def _tried_row(row: Mapping[str, Any]) -> SweepPoint | None:
    """Return a row as a training; None where weight, accuracy or rho is not known."""
    weight = row.get("attention_weight", row.get("weight"))
    rho = row.get("rho_attention", row.get("rho"))
    if isinstance(rho, Mapping):
        rho = rho.get("mean_of_layers")
    if isinstance(rho, Sequence) and not isinstance(rho, str) and rho:
        rho = sum(rho) / len(rho)
    if any(value in (None, "", []) for value in (weight, rho, row.get("accuracy"))):
        return None
    counts = {name: int(row.get(name) or 0) for name in ("seed", "n_labelled")}
    metrics = {"accuracy": float(row["accuracy"]), "rho": float(rho), "n": counts["n_labelled"]}
    return SweepPoint(attention_weight=float(weight), seed=counts["seed"], **metrics)
