"""Predictions: the most probable categories of an image by one network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

N_TOP = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Prediction:
    """A network's five most probable categories, best first; none where its answers are not known.

    ``correct`` is None where the true one is unknown.
    """

    indices: tuple[int, ...]
    categories: tuple[str, ...]
    probabilities: tuple[float, ...]
    correct: bool | None

    @property
    def first_choice(self) -> int | None:
        """Index of the most probable category; None where it is not known."""
        return self.indices[0] if self.indices else None

    @property
    def text(self) -> str:
        """The most probable category with its per cent, in words."""
        return f"{self.categories[0]} {100 * self.probabilities[0]:.0f} %" if self.indices else "answer not known"


def softmax(logits: np.ndarray) -> np.ndarray:
    """Return probabilities, the softmax of logits over the last axis.

    Parameters
    ----------
    logits : ndarray, (..., category)
        Finite values.

    Returns
    -------
    ndarray, (..., category), float64
        Probabilities, which sum to 1 over the categories.
    """
    exponents = np.exp(logits.astype(np.float64) - logits.max(axis=-1, keepdims=True))
    return exponents / exponents.sum(axis=-1, keepdims=True)


def top_categories(logits: np.ndarray, n: int = N_TOP) -> tuple[np.ndarray, np.ndarray]:
    """Return the most probable categories and their probabilities, best first.

    Parameters
    ----------
    logits : ndarray, (..., category)
        Finite values.
    n : int
        How many, at most.

    Returns
    -------
    indices : ndarray, (..., n), int64
        Indices of the categories; of equal ones the first comes first.
    probabilities : ndarray, (..., n), float64
        Their probabilities.
    """
    probabilities = softmax(logits)
    best = np.argsort(-probabilities, axis=-1, kind="stable")[..., :n]
    return best, np.take_along_axis(probabilities, best, axis=-1)


def prediction_of(logits: np.ndarray, categories: Sequence[str], label: int | None) -> Prediction:
    """Return the prediction of one image.

    Parameters
    ----------
    logits : ndarray, (category,)
        Finite values; none of imported maps, whose answers are not known.
    categories : sequence of str
        Names of the categories, in order.
    label : int or None
        Index of the true category; None where it is not known.

    Returns
    -------
    Prediction
        Best first, and whether the best is the true one.
    """
    if not len(logits):
        return Prediction(indices=(), categories=(), probabilities=(), correct=None)
    best, probabilities = top_categories(logits)
    return Prediction(
        indices=tuple(best.tolist()),
        categories=tuple(str(categories[int(index)]) for index in best),
        probabilities=tuple(probabilities.tolist()),
        correct=None if label is None else int(best[0]) == label,
    )
