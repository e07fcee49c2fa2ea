"""The trade-off between accuracy and likeness to people over lambda: intervals, and a lambda by a named rule."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gala_viz.training.rng import named_rng

RULE = (
    "one-standard-error rule (Breiman et al. 1984): of the lambdas whose accuracy is within one standard error of the "
    "best, the one whose attention is most like the maps"
)
N_RESAMPLES = 2000


@dataclass(frozen=True, eq=False)
class Trial:
    """One training of a sweep: what its network does on each validation image.

    ``correct`` and ``rho`` (image,) are NaN where no label or no map is known; the images are those of all trials.
    """

    attention_weight: float
    seed: int
    correct: np.ndarray
    rho: np.ndarray


@dataclass(frozen=True, kw_only=True)
class TradeOffPoint:
    """One lambda: means over images and seeds, with 95 % intervals.

    ``accuracy_se`` is the standard error of the accuracy. NaN: not known.
    """

    attention_weight: float
    n_seeds: int
    n_labelled: int
    n_with_maps: int
    accuracy: float
    accuracy_low: float
    accuracy_high: float
    accuracy_se: float
    rho: float
    rho_low: float
    rho_high: float


def trade_off(trials: Sequence[Trial], *, n_resamples: int = N_RESAMPLES) -> list[TradeOffPoint]:
    """Return a point for each lambda, in rising order.

    Intervals are percentiles of a bootstrap over images and seeds: the same images are drawn for every lambda, and
    seeds within each. With one seed they are over images alone.

    Parameters
    ----------
    trials : sequence of Trial
        Trainings of one recipe, which differ in lambda and seed.
    n_resamples : int
        Draws of the bootstrap.

    Returns
    -------
    list of TradeOffPoint
        One for each lambda.
    """
    points = []
    for weight in sorted({trial.attention_weight for trial in trials}):
        group = [trial for trial in trials if trial.attention_weight == weight]
        drawn = {name: _resampled_means(group, name, n_resamples) for name in ("correct", "rho")}
        means = {name: _mean([getattr(trial, name) for trial in group]) for name in drawn}
        bounds = {name: _percentiles(values) for name, values in drawn.items()}
        points.append(
            TradeOffPoint(
                attention_weight=weight,
                n_seeds=len(group),
                n_labelled=int(np.isfinite(group[0].correct).sum()),
                n_with_maps=int(np.isfinite(group[0].rho).sum()),
                accuracy=means["correct"],
                accuracy_low=bounds["correct"][0],
                accuracy_high=bounds["correct"][1],
                accuracy_se=float(np.std(drawn["correct"])) if len(drawn["correct"]) else float("nan"),
                rho=means["rho"],
                rho_low=bounds["rho"][0],
                rho_high=bounds["rho"][1],
            )
        )
    return points


def choose_weight(points: Sequence[TradeOffPoint]) -> float | None:
    """Return the lambda that ``RULE`` chooses; None where no accuracy or no rho is known."""
    known = [point for point in points if np.isfinite([point.accuracy, point.rho, point.accuracy_se]).all()]
    if not known:
        return None
    best = max(known, key=lambda point: point.accuracy)
    near = [point for point in known if point.accuracy >= best.accuracy - best.accuracy_se]
    return max(near, key=lambda point: (point.rho, -point.attention_weight)).attention_weight


def read_values(path: str | Path) -> dict[tuple[str, str], tuple[float, float]]:
    """Return (collection, image) -> (correct, rho) of the table beside a network's card, NaN for what is empty.

    Raises ``OSError`` or ``ValueError`` where there is no such table.
    """
    with Path(path).open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    try:
        numbers = [(float(row["correct"] or "nan"), float(row["rho"] or "nan")) for row in rows]
        return dict(zip(((row["collection"], row["image"]) for row in rows), numbers, strict=True))
    except (KeyError, TypeError) as error:
        raise ValueError(f"{path} is no table of validation images: {error!r} is missing.") from None


def _mean(values: Sequence[np.ndarray]) -> float:
    stacked = np.stack(values)
    return float(np.nanmean(stacked)) if np.isfinite(stacked).any() else float("nan")


def _resampled_means(group: Sequence[Trial], name: str, n_resamples: int) -> np.ndarray:
    """Return means over drawn seeds and drawn images, (n_resamples,); empty where nothing is known."""
    values = np.stack([getattr(trial, name) for trial in group])
    values = values[:, np.isfinite(values).all(axis=0)]
    if not values.shape[1]:
        return np.empty(0)
    # Images by a generator of their own, so that all lambdas draw the same ones.
    images, seeds = named_rng("trade-off", name, "images"), named_rng("trade-off", name, "seeds")
    means = np.empty(n_resamples)
    for number in range(n_resamples):
        rows = seeds.integers(0, len(values), len(values))
        columns = images.integers(0, values.shape[1], values.shape[1])
        means[number] = values[rows].mean(axis=0)[columns].mean()
    return means


def _percentiles(values: np.ndarray) -> tuple[float, float]:
    if not len(values):
        return float("nan"), float("nan")
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)
