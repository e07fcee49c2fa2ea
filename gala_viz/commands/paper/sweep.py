"""The trainings at several lambdas, read from a sweep's table or a network's card."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gala_viz.commands.sweep import TABLE
from gala_viz.plots.figures.trade_off import Tried


def trainings_of(name: str, card: Mapping[str, Any], runs: Path, asked: Path | None = None) -> tuple[list[Tried], str]:
    """The trainings of a sweep and where they are told: the table ``asked`` for, that of ``runs``, or the ``card``."""
    path = asked or runs / f"sweep-{name}" / TABLE
    if path.is_file():
        return read_sweep(path), path.name
    if asked is not None:
        raise FileNotFoundError(f"{asked}: there is no such table of a sweep.")
    rows = card.get("selection", {}).get("trade_off", [])
    return [one for row in rows if (one := _tried_row(row)) is not None], "the network's card"


def read_sweep(path: Path) -> list[Tried]:
    """Trainings from a CSV with the columns attention_weight (or weight), seed, accuracy, rho_attention (or rho)."""
    with path.open(newline="", encoding="utf-8") as file:
        return [one for row in csv.DictReader(file) if (one := _tried_row(row)) is not None]


def _tried_row(row: Mapping[str, Any]) -> Tried | None:
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
    return Tried(weight=float(weight), seed=counts["seed"], **told)
