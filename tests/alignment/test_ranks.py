"""Compiled ranks and rank correlations are SciPy's, for values of any kind."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import rankdata, spearmanr

from gala_viz.alignment import similarity
from gala_viz.alignment.ranks import rank_correlations, rank_rows
from gala_viz.alignment.similarity import average_ranks

RNG = np.random.default_rng(0)
KINDS = {
    "even": RNG.random((30, 3136)),
    "few values": RNG.integers(-3, 4, (30, 500)).astype(float),
    "zeros of both signs": np.where(RNG.random((30, 300)) < 0.5, 0.0, -0.0),
    "mostly zero": np.where(RNG.random((30, 3136)) < 0.9, 0.0, RNG.random((30, 3136))),
    "heavy tails": RNG.standard_cauchy((30, 2000)),
    "one far away": np.concatenate([RNG.normal(size=(30, 999)), np.full((30, 1), 1e12)], axis=1),
    "nearly equal": 1 + 1e-15 * RNG.integers(0, 9, (30, 700)),
    "tiny": 5e-324 * RNG.integers(0, 50, (30, 400)),
    "huge": RNG.choice([-1.7e308, 0.0, 1.7e308], (30, 200)),
    "one value": np.full((30, 50), 0.3),
    "long": RNG.normal(size=(20, 50_000)),
}


@pytest.mark.parametrize("kind", KINDS)
def test_ranks_are_those_of_scipy(kind):
    np.testing.assert_array_equal(rank_rows(KINDS[kind]), rankdata(KINDS[kind], axis=1))


@given(arrays(np.float64, (3, 40), elements=st.floats(-1e300, 1e300, width=64)))
def test_ranks_of_any_numbers_are_those_of_scipy(values):
    np.testing.assert_array_equal(rank_rows(values), rankdata(values, axis=1))


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("one value", "zeros of both signs", "long")])
def test_correlations_are_those_of_scipy(kind):
    first, second = KINDS[kind][:10], KINDS[kind][10:20]
    expected = [spearmanr(a, b).statistic for a, b in zip(first, second, strict=True)]
    np.testing.assert_allclose(rank_correlations(first, second), expected, atol=1e-12)


def test_a_constant_row_has_no_correlation():
    assert np.isnan(rank_correlations(np.ones((2, 9)), np.arange(18.0).reshape(2, 9))).all()


def test_many_maps_have_the_ranks_of_each_alone(monkeypatch):
    values = KINDS["even"]
    many = average_ranks(values)
    monkeypatch.setattr(similarity, "MANY_ROWS", 10**9)
    np.testing.assert_array_equal(average_ranks(values), many)
