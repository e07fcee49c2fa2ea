"""The fit against SciPy and against known functions; thresholds and their intervals."""

import numpy as np
import pytest
from scipy.optimize import minimize

from gala_viz.experiment.psychometric import (
    CRITERION,
    LAPSE_RATE_BOUNDS,
    LOCATION_BOUNDS,
    SLOPE_BOUNDS,
    estimate_threshold,
    expanded_confidence,
    fit_psychometric_function,
    inverse_psychometric_function,
    psychometric_function,
)
from gala_viz.experiment.revelation import LEVELS

X = np.array(LEVELS)


def drawn(seed, rows=20, n=240, middle=1.2, slope=5.0, lapse=0.03):
    p = psychometric_function(X, middle, slope, lapse)
    return np.random.default_rng(seed).binomial(n, p, size=(rows, len(X))), np.full((rows, len(X)), n)


def test_accuracy_runs_from_chance_to_the_lapses():
    assert psychometric_function(1e-9, 1.0, 5.0, 0.04) == pytest.approx(0.5)
    assert psychometric_function(1e9, 1.0, 5.0, 0.04) == pytest.approx(0.96)
    assert psychometric_function(10.0, 1.0, 5.0, 0.04) == pytest.approx(0.73)


def test_the_level_of_a_criterion_has_just_that_accuracy():
    for lapse in (0.0, 0.03, 0.1):
        level = inverse_psychometric_function(CRITERION, 1.3, 4.0, lapse)
        assert psychometric_function(level, 1.3, 4.0, lapse) == pytest.approx(CRITERION)
    assert inverse_psychometric_function(CRITERION, 1.3, 4.0, 0.3) == np.inf


def test_no_local_search_finds_a_likelier_function():
    right, total = drawn(0)

    def unlikeliness(parameters, counts, n):
        p = np.clip(psychometric_function(X, parameters[0], np.exp(parameters[1]), parameters[2]), 1e-9, 1 - 1e-9)
        return -(counts * np.log(p) + (n - counts) * np.log1p(-p)).sum()

    bounds = (LOCATION_BOUNDS, tuple(np.log(SLOPE_BOUNDS)), LAPSE_RATE_BOUNDS)
    for row in range(len(right)):
        middle, slope, lapse = (one[0] for one in fit_psychometric_function(right[row], total[row], X))
        start = (middle, np.log(slope), lapse)
        better = minimize(unlikeliness, start, args=(right[row], total[row]), bounds=bounds).fun
        assert unlikeliness(start, right[row], total[row]) - better < 0.02


def test_rows_fitted_together_are_fitted_as_each_alone():
    right, total = drawn(1, rows=5)
    together = fit_psychometric_function(right, total, X)
    for row in range(5):
        alone = fit_psychometric_function(right[row], total[row], X)
        np.testing.assert_allclose([one[row] for one in together], [one[0] for one in alone], rtol=1e-9)


def test_the_exact_function_is_recovered_from_its_own_accuracies():
    p = psychometric_function(X, 1.1, 6.0, 0.02)
    middle, slope, lapse = (one[0] for one in fit_psychometric_function(1e5 * p, np.full(len(X), 1e5), X))
    assert middle == pytest.approx(1.1, abs=0.01)
    assert slope == pytest.approx(6.0, rel=0.03)
    assert lapse == pytest.approx(0.02, abs=0.002)


def test_observers_at_chance_have_no_threshold_and_one_participant_no_interval():
    at_chance = estimate_threshold(np.full((10, 11), 10.0), np.full((10, 11), 20.0), X)
    assert np.isnan(at_chance.level)
    assert at_chance.high == np.inf
    right, total = drawn(2, rows=1)
    single = estimate_threshold(right, total, X)
    assert 10 < single.level < 25
    assert np.isnan(single.low)
    assert single.n_resamples == 0


def test_without_trials_nothing_is_claimed():
    nothing = estimate_threshold(np.zeros((3, 11)), np.zeros((3, 11)), X, seed=4, confidence=0.9)
    assert np.isnan([nothing.level, nothing.low, nothing.high]).all()
    assert nothing.n == 0
    assert (nothing.seed, nothing.confidence) == (4, 0.9), "as they were asked for"


def test_the_interval_depends_on_the_seed_alone_and_narrows_with_participants():
    right, total = drawn(3, rows=48, n=10)
    first, again = (estimate_threshold(right, total, X, seed=4) for _ in range(2))
    assert first == again
    few = estimate_threshold(right[:12], total[:12], X, seed=4)
    assert np.log(few.high / few.low) > np.log(first.high / first.low)


@pytest.mark.parametrize(("n", "least", "most"), [(5, 0.99, 1.0), (24, 0.955, 0.97), (10_000, 0.95, 0.9502)])
def test_intervals_of_few_participants_reach_further_out(n, least, most):
    assert least < expanded_confidence(0.95, n) < most


@pytest.mark.parametrize("n", [2, 3, 1000])
def test_the_confidence_for_few_participants_is_one_that_an_interval_takes(n):
    assert 0.95 < expanded_confidence(0.95, n) < 1
