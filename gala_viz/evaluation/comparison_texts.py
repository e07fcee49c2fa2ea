"""The tests between networks as texts: one row for each, with the difference in every single seed."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gala_viz.evaluation.comparisons import Comparison, families_text
from gala_viz.evaluation.evaluation import Evaluation
from gala_viz.evaluation.image_metrics import MEAN_OF_LAYERS
from gala_viz.evaluation.metadata import MEANS_TEXT
from gala_viz.evaluation.metrics import digits, title
from gala_viz.evaluation.table import NOTHING, p_text


class ComparisonText(NamedTuple):
    """One test, in words and numbers as they are printed."""

    pair: str
    what: str
    difference: str
    by_seed: str
    p: str
    p_adjusted: str
    n: str


HEADER = ComparisonText("", "", "difference, 95 % interval", "in each seed", "p", "p adjusted", "n")


def comparison_texts(evaluation: Evaluation) -> list[ComparisonText]:
    """Return the tests that are not of a single layer or of single trainings; those are in tests.csv."""
    return [
        ComparisonText(
            pair=f"{one.b} minus {one.a}",
            what=title(one.key),
            difference=_difference(one),
            by_seed=_by_seed(evaluation, one) or NOTHING,
            p=p_text(one.test.p, is_bound=one.test.is_bound),
            p_adjusted=p_text(one.p_adjusted),
            n=str(one.test.n),
        )
        for one in evaluation.comparisons
        if one.key.layer in ("", MEAN_OF_LAYERS) and one.family != "seeds"
    ]


def _difference(one: Comparison) -> str:
    """For example "-1.7 [-3.1, -0.2]"; without bounds where there is no interval."""
    places, interval = digits(one.key), one.interval
    text = f"{one.test.difference:+.{places}f}"
    return text if np.isnan(interval.low) else f"{text} [{interval.low:+.{places}f}, {interval.high:+.{places}f}]"


def describe_tests(evaluation: Evaluation) -> str:
    """Which tests, corrected how, about which chance."""
    told = families_text(evaluation.comparisons)
    return f"{told} {MEANS_TEXT}" if evaluation.groups else told


def _by_seed(evaluation: Evaluation, one: Comparison) -> str:
    """For example "-1.7 / +7.3": the same difference in each seed that both groups have."""
    first, second = (evaluation.groups.get(name, ()) for name in (one.a, one.b))
    signs = [
        (other.test.difference, 1 if other.a in first else -1)
        for other in evaluation.comparisons
        if other.family == "seeds"
        and other.key == one.key
        and ((other.a in first and other.b in second) or (other.a in second and other.b in first))
    ]
    return " / ".join(f"{sign * value:+.{digits(one.key)}f}" for value, sign in signs)
