"""The randomisation test, bootstrap intervals and the correction against SciPy and hand-worked cases."""

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from gala_viz.alignment import (
    benjamini_hochberg,
    bootstrap_interval,
    bootstrap_intervals,
    paired_randomisation,
    paired_randomisations,
)


def test_five_differences_of_one_sign_have_p_of_two_in_thirty_two():
    test = paired_randomisation(np.zeros(5), np.array([1.0, 2.0, 3.0, 4.0, 5.0]))
    assert (test.p, test.exact, test.n_iterations) == (2 / 32, True, 32)
    assert test.difference == 3.0


def test_equal_values_have_p_of_one():
    values = np.random.default_rng(0).random(30)
    assert paired_randomisation(values, values).p == 1.0


def test_p_of_few_pairs_is_scipys_exact_one():
    generator = np.random.default_rng(9)
    a = generator.normal(size=9)
    b = a + generator.normal(0.25, 1.0, size=9)
    expected = stats.permutation_test(
        (b, a), lambda x, y, axis: (x - y).mean(axis=axis), permutation_type="samples", n_resamples=np.inf
    )
    found = paired_randomisation(a, b)
    assert found.exact
    assert found.p == pytest.approx(expected.pvalue, abs=1e-12)


def test_p_of_many_pairs_is_a_plain_loops():
    generator = np.random.default_rng(40)
    a = generator.normal(size=40)
    b = a + generator.normal(0.25, 1.0, size=40)
    observed = abs((b - a).mean())
    hits = 0
    for _ in range(20_000):
        signs = generator.choice([-1, 1], size=40)
        hits += abs((signs * (b - a)).mean()) >= observed
    found = paired_randomisation(a, b, seed=3)
    assert not found.exact
    assert found.p == pytest.approx(hits / 20_000, abs=0.015)


def test_p_is_two_sided_and_does_not_depend_on_the_order_of_the_networks():
    generator = np.random.default_rng(5)
    a, b = generator.normal(size=50), generator.normal(0.4, 1, size=50)
    forward, backward = paired_randomisation(a, b, seed=1), paired_randomisation(b, a, seed=1)
    assert forward.p == backward.p
    assert forward.difference == -backward.difference


def test_p_is_uniform_when_nothing_differs():
    generator = np.random.default_rng(7)
    ps = [paired_randomisation(np.zeros(14), generator.normal(size=14), seed=i).p for i in range(200)]
    assert stats.kstest(ps, "uniform").pvalue > 0.01


def test_the_seed_fixes_p_and_p_is_never_zero():
    a, b = np.zeros(60), np.ones(60)
    assert paired_randomisation(a, b, seed=4) == paired_randomisation(a, b, seed=4)
    assert paired_randomisation(a, b).p == 1 / 10_001


def test_p_does_not_depend_on_how_the_flips_are_blocked(monkeypatch):
    b = np.random.default_rng(2).normal(0.2, 1, size=40)
    whole = paired_randomisation(np.zeros(40), b)
    monkeypatch.setattr("gala_viz.alignment.significance._BLOCK_VALUES", 4_000)
    assert paired_randomisation(np.zeros(40), b).p == whole.p


def test_pairs_with_a_missing_value_are_dropped_and_counted():
    a = np.array([0, 0, 0, np.nan, 0])
    b = np.array([1, 2, np.nan, 1, 3])
    test = paired_randomisation(a, b)
    assert (test.n, test.n_dropped, test.p) == (3, 2, 2 / 8)


def test_labelled_values_are_matched_by_label():
    a = xr.DataArray([1.0, 2.0], dims="image", coords={"image": ["p", "q"]})
    b = xr.DataArray([1.0, 2.0], dims="image", coords={"image": ["p", "r"]})
    with pytest.raises(ValueError, match="image"):
        paired_randomisation(a, b)


def test_what_cannot_be_tested_is_refused():
    with pytest.raises(ValueError, match="at least 10000"):
        paired_randomisation(np.zeros(3), np.ones(3), n_iterations=100)
    with pytest.raises(ValueError, match="one pair an image"):
        paired_randomisation(np.zeros(3), np.ones(4))
    with pytest.raises(ValueError, match="no image"):
        paired_randomisation(np.array([np.nan]), np.array([1.0]))


def test_the_bootstrap_interval_is_near_the_normal_one_for_many_values():
    values = np.random.default_rng(0).normal(0.4, 0.2, size=400)
    interval = bootstrap_interval(values)
    half = 1.96 * values.std() / np.sqrt(400)
    assert interval.mean == pytest.approx(values.mean())
    assert interval.low == pytest.approx(values.mean() - half, abs=0.002)
    assert interval.high == pytest.approx(values.mean() + half, abs=0.002)


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    generator = np.random.default_rng(1)
    hits = 0
    for _ in range(200):
        interval = bootstrap_interval(generator.normal(0, 1, 60), n_resamples=1000, confidence=0.9)
        hits += interval.low <= 0 <= interval.high
    assert 0.83 <= hits / 200 <= 0.96


def test_the_interval_of_one_repeated_value_is_that_value_and_nan_is_left_out():
    interval = bootstrap_interval(np.array([2.0, 2.0, np.nan, 2.0, 2.0, 2.0, 2.0]))
    assert (interval.mean, interval.low, interval.high, interval.n) == (2.0, 2.0, 2.0, 6)


def test_adjusted_p_values_are_scipys_in_any_order_with_labels_and_gaps():
    p = np.random.default_rng(0).random(20) ** 3
    np.testing.assert_allclose(benjamini_hochberg(p), stats.false_discovery_control(p))
    labelled = xr.DataArray([0.01, np.nan, 0.04], dims="image", coords={"image": ["a", "b", "c"]})
    np.testing.assert_allclose(benjamini_hochberg(labelled), [0.02, np.nan, 0.04])
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        benjamini_hochberg(np.array([0.1, 1.2]))


def columns_with_gaps():
    columns = np.random.default_rng(3).normal(0.2, 1, (30, 4))
    columns[4, 1] = columns[:, 2] = np.nan
    return columns


def test_intervals_of_many_columns_are_those_of_each_alone():
    columns = columns_with_gaps()
    found = bootstrap_intervals(columns, n_resamples=500, seed=2)
    assert found[2] is None
    assert [one.n for one in found if one] == [30, 29, 30]
    for column in (0, 1, 3):
        alone = bootstrap_interval(columns[:, column], n_resamples=500, seed=2)
        for name in ("mean", "low", "high"):
            assert getattr(found[column], name) == pytest.approx(getattr(alone, name), abs=1e-12)


def test_the_interval_is_scipys_percentile_bootstrap():
    values = np.random.default_rng(6).gamma(2.0, size=80)
    theirs = stats.bootstrap(
        (values,), np.mean, n_resamples=20_000, method="percentile", rng=np.random.default_rng(0)
    ).confidence_interval
    ours = bootstrap_interval(values, n_resamples=20_000)
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=0.01)


def test_tests_of_many_columns_are_those_of_each_alone():
    columns = columns_with_gaps()
    found = paired_randomisations(columns, seed=5)
    assert found[2] is None
    for column in (0, 1, 3):
        alone = paired_randomisation(np.zeros(30), columns[:, column], seed=5)
        assert found[column].p == alone.p
        assert found[column].difference == pytest.approx(alone.difference)
        assert found[column].n_dropped == alone.n_dropped


def test_one_image_has_a_mean_but_no_width_and_cannot_be_significant():
    interval = bootstrap_interval(np.array([0.3]))
    assert (interval.mean, interval.n) == (0.3, 1)
    assert np.isnan([interval.low, interval.high]).all()
    assert paired_randomisation(np.array([0.0]), np.array([9.0])).p == 1.0


@pytest.mark.parametrize(("n", "least"), [(6, 0.89), (10, 0.92), (20, 0.93)])
def test_intervals_of_few_images_hold_the_truth_too(n, least):
    rng = np.random.default_rng(n)
    columns = rng.normal(0, 1, (n, 1500))
    hits = [one.low <= 0 <= one.high for one in bootstrap_intervals(columns, n_resamples=1000)]
    assert np.mean(hits) > least


def test_over_categories_whole_categories_are_drawn_and_flipped():
    """Images of one category are alike: over images a true null is rejected far too often, over categories not."""
    rng = np.random.default_rng(0)
    clusters = np.repeat([f"c{number}" for number in range(12)], 10)
    between = rng.normal(0, 0.6, (12, 300))
    values = np.repeat(between, 10, axis=0) + rng.normal(0, 1, (120, 300))
    found = {
        over: (
            bootstrap_intervals(values, clusters=labels, n_resamples=500),
            paired_randomisations(values, clusters=labels),
        )
        for over, labels in (("images", None), ("categories", clusters))
    }
    missed = {over: np.mean([not one.low <= 0 <= one.high for one in both[0]]) for over, both in found.items()}
    rejected = {over: np.mean([one.p <= 0.05 for one in both[1]]) for over, both in found.items()}
    assert missed["images"] > 0.15
    assert rejected["images"] > 0.15
    assert missed["categories"] < 0.1
    assert rejected["categories"] < 0.09
    test = found["categories"][1][0]
    assert (test.exact, test.n_iterations, test.n_flipped, test.n) == (True, 2**12, 12, 120)
    assert found["categories"][0][0].mean == pytest.approx(values[:, 0].mean())
    assert test.difference == pytest.approx(values[:, 0].mean())


def test_with_each_image_a_category_of_its_own_nothing_changes():
    values = np.random.default_rng(1).normal(0.2, 1, (12, 2))
    names = [f"c{number:02}" for number in range(12)]
    for one, plain in zip(bootstrap_intervals(values, clusters=names), bootstrap_intervals(values), strict=True):
        assert (one.mean, one.low, one.high, one.n) == (plain.mean, plain.low, plain.high, plain.n)
        assert (one.n_categories, plain.n_categories) == (12, None)
    assert [one.p for one in paired_randomisations(values, clusters=names)] == [
        one.p for one in paired_randomisations(values)
    ]


def test_five_categories_bound_nothing():
    values = np.random.default_rng(1).normal(size=(50, 1))
    (one,) = bootstrap_intervals(values, clusters=[f"c{number % 5}" for number in range(50)])
    assert np.isnan([one.low, one.high]).all()
    assert one.n == 50


@pytest.mark.parametrize(("n", "least"), [(3, 0.25), (6, 2 / 64), (13, 2 / 8192), (40, 1 / 10_001)])
def test_the_smallest_p_that_can_be_had_is_told_and_reached(n, least):
    test = paired_randomisation(np.zeros(n), np.full(n, 100.0) + np.arange(n))
    assert test.smallest_p == pytest.approx(least)
    assert test.p == pytest.approx(least)


def test_pairs_that_do_not_differ_give_no_smaller_p():
    test = paired_randomisation(np.zeros(9), np.array([1.0, 1, 1, 0, 0, 0, 0, 0, 0]))
    assert test.smallest_p == test.p == pytest.approx(0.25)
    nothing = paired_randomisation(np.zeros(20), np.zeros(20))
    assert nothing.smallest_p == nothing.p == 1.0
