"""The tests between networks as texts: one row for each, with the difference in every single seed."""

from __future__ import annotations

from typing import NamedTuple

from gala_viz.evaluation.evaluation import Evaluation
from gala_viz.evaluation.facts import MEANS_TOLD
from gala_viz.evaluation.pairs import Comparison, families
from gala_viz.evaluation.quantities import digits, title
from gala_viz.evaluation.table import NOTHING, p_text
from gala_viz.evaluation.values import MEAN_OF_LAYERS


class Difference(NamedTuple):
    """One test, in words and numbers as they are printed."""

    pair: str
    what: str
    difference: str
    by_seed: str
    p: str
    p_adjusted: str
    n: str


HEADER = Difference("", "", "difference", "in each seed", "p", "p adjusted", "n")


def differences(evaluation: Evaluation) -> list[Difference]:
    """The tests that are not of a single layer or of single trainings; those are in tests.csv."""
    return [
        Difference(
            pair=f"{one.b} minus {one.a}",
            what=title(one.key),
            difference=f"{one.test.difference:+.{digits(one.key)}f}",
            by_seed=_by_seed(evaluation, one) or NOTHING,
            p=p_text(one.test.p),
            p_adjusted=p_text(one.p_adjusted),
            n=str(one.test.n),
        )
        for one in evaluation.comparisons
        if one.key.layer in ("", MEAN_OF_LAYERS) and one.family != "seeds"
    ]


def families_told(evaluation: Evaluation) -> str:
    """Which tests, corrected how, about which chance."""
    told = families(evaluation.comparisons)
    return f"{told} {MEANS_TOLD}" if evaluation.groups else told


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
