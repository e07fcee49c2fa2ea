"""The fit against SciPy and against known functions; thresholds and their intervals."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import norm
from scipy.stats import t as student

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


WITH_FULL = np.append(X, np.inf)


def unlikeliness(parameters, counts, n, levels=WITH_FULL):
    """Minus log-likelihood of (location, log slope, lapse), written anew."""
    with np.errstate(over="ignore"):
        p = 0.5 + (0.5 - parameters[2]) / (1 + np.exp(-np.exp(parameters[1]) * (np.log10(levels) - parameters[0])))
    p = np.clip(p, 1e-12, 1 - 1e-12)
    return -(counts * np.log(p) + (n - counts) * np.log1p(-p)).sum()


def shortfall(rng, n, starts):
    """How far the fit of one random curve stays below the best of many searches by SciPy, in log-likelihood."""
    truth = rng.uniform(0.3, 2.3), rng.uniform(1.5, 12), rng.uniform(0, 0.1)
    right = rng.binomial(n, psychometric_function(WITH_FULL, *truth))
    total = np.full(len(WITH_FULL), n)
    bounds = (LOCATION_BOUNDS, tuple(np.log(SLOPE_BOUNDS)), LAPSE_RATE_BOUNDS)
    lows, highs = np.transpose(bounds)
    searches = [
        minimize(unlikeliness, rng.uniform(lows, highs), args=(right, total), bounds=bounds, method="L-BFGS-B")
        for _ in range(starts)
    ]
    location, slope, lapse = (one[0] for one in fit_psychometric_function(right, total, WITH_FULL))
    return unlikeliness((location, np.log(slope), lapse), right, total) - min(one.fun for one in searches)


@pytest.mark.parametrize("n", [80, 200, 400, 2000])
def test_no_search_from_many_starts_finds_a_likelier_function(n):
    rng = np.random.default_rng(n)
    assert max(shortfall(rng, n, starts=6) for _ in range(15)) < 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("n", [5, 20, 80, 240, 2000])
def test_no_search_from_very_many_starts_finds_a_likelier_function(n):
    rng = np.random.default_rng([n, 1])
    assert max(shortfall(rng, n, starts=12) for _ in range(60)) < 1e-3


def test_the_full_image_tells_the_lapse_rate_whatever_the_levels_say():
    total = np.full(12, 200.0)
    right = 200 * psychometric_function(WITH_FULL, 1.0, 6.0, 0.08)
    without = fit_psychometric_function(right[:-1], total[:-1], X)[2][0]
    assert without == pytest.approx(0.08, abs=0.002)
    lapses = []
    for n_full, errors in ((200, 16), (200, 0), (20_000, 400)):
        right[-1], total[-1] = n_full - errors, n_full
        lapses.append(fit_psychometric_function(right, total, WITH_FULL)[2][0])
    assert lapses[0] == pytest.approx(0.08, abs=0.002)
    assert lapses[1] < lapses[0] - 0.01
    assert lapses[2] == pytest.approx(0.02, abs=0.004)


def test_a_parameter_at_a_bound_is_said_by_name_and_value():
    total = np.full((4, 12), 200.0)
    often_wrong = estimate_threshold(total * psychometric_function(WITH_FULL, 1.0, 6.0, 0.3), total, WITH_FULL)
    assert often_wrong.at_bound == "lapse = 0.1"
    step = np.tile(np.where(WITH_FULL > 10, 200.0, 100.0), (4, 1))
    assert estimate_threshold(step, total, WITH_FULL).at_bound == "slope = 40; lapse = 0"
    plain = estimate_threshold(total * psychometric_function(WITH_FULL, 1.0, 6.0, 0.03), total, WITH_FULL)
    assert plain.at_bound == ""


def test_images_are_resampled_within_their_superclass():
    """The first superclass is always right, the second from 10 % on: as many of each give the same curve every time."""
    level_right = (X >= 10).astype(float)
    right = np.repeat([np.ones(11), level_right], 20, axis=0)
    names = np.repeat(["animal", "vehicle"], 20)
    within = estimate_threshold(right, np.ones_like(right), X, strata=names, n_resamples=200)
    assert within.low == pytest.approx(within.level, rel=1e-6)
    assert within.high == pytest.approx(within.level, rel=1e-6)
    across = estimate_threshold(right, np.ones_like(right), X, n_resamples=200)
    assert across.high > 1.02 * across.low
    alone = estimate_threshold(right, np.ones_like(right), X, strata=["one", *names[1:]], n_resamples=200)
    assert np.isnan(alone.low)
    assert alone.n_resamples == 0


def test_rows_fitted_together_are_fitted_as_each_alone():
    right, total = drawn(1, rows=5)
    together = fit_psychometric_function(right, total, X)
    for row in range(5):
        alone = fit_psychometric_function(right[row], total[row], X)
        np.testing.assert_allclose([one[row] for one in together], [one[0] for one in alone], rtol=1e-9)


def test_the_exact_function_is_recovered_from_its_own_accuracies():
    p = psychometric_function(X, 1.1, 6.0, 0.02)
    location, slope, lapse = (one[0] for one in fit_psychometric_function(1e5 * p, np.full(len(X), 1e5), X))
    assert location == pytest.approx(1.1, abs=1e-4)
    assert slope == pytest.approx(6.0, rel=1e-3)
    assert lapse == pytest.approx(0.02, abs=1e-4)


def test_observers_at_chance_have_no_threshold_and_one_participant_no_interval():
    at_chance = estimate_threshold(np.full((10, 11), 10.0), np.full((10, 11), 20.0), X)
    assert np.isnan(at_chance.level)
    assert at_chance.high == np.inf
    right, total = drawn(2, rows=1)
    single = estimate_threshold(right, total, X)
    assert 10 < single.level < 25
    assert np.isnan(single.low)
    assert single.n_resamples == 0


def test_a_threshold_at_the_largest_level_is_reached_and_one_beyond_it_is_not():
    """Chance at all levels, 75 % at the last one: the likeliest threshold is that level."""
    right = np.where(X < 100, 100.0, 150.0)
    total = np.full((4, 11), 200.0)
    assert estimate_threshold(np.tile(right, (4, 1)), total, X).level == pytest.approx(100, rel=1e-4)
    few = estimate_threshold(np.tile(np.where(X < 100, 100.0, 140.0), (4, 1)), total, X)
    assert np.isnan(few.level)


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


@pytest.mark.parametrize(("n", "strata"), [(20, 2), (12, 3), (7, 1)])
def test_intervals_of_strata_are_as_wide_as_t_with_a_degree_of_freedom_less_for_each(n, strata):
    reach = norm.ppf((1 + expanded_confidence(0.95, n, strata)) / 2)
    assert reach == pytest.approx(np.sqrt(n / (n - strata)) * student.ppf(0.975, n - strata))


@pytest.mark.parametrize("n", [2, 3, 1000])
def test_the_confidence_for_few_participants_is_one_that_an_interval_takes(n):
    assert 0.95 < expanded_confidence(0.95, n) < 1
