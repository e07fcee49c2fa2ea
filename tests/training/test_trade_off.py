"""The curve over lambda: intervals over images and seeds, and the lambda that a rule chooses."""

from __future__ import annotations

import numpy as np
import pytest

from gala_viz.training.trade_off import TradeOffPoint, Trial, choose_weight, read_values, trade_off


def point(weight, accuracy, rho, se=0.02):
    bounds = {
        f"{name}_{end}": value for name, value in (("accuracy", accuracy), ("rho", rho)) for end in ("low", "high")
    }
    return TradeOffPoint(
        attention_weight=weight, n_seeds=1, n_labelled=9, n_with_maps=9, accuracy=accuracy, rho=rho, accuracy_se=se,
        **bounds,
    )  # fmt: skip


def test_the_rule_takes_the_most_human_of_those_within_a_standard_error_of_the_best():
    points = [point(0, 0.800, 0.1), point(1, 0.795, 0.3), point(6, 0.781, 0.5), point(12, 0.7, 0.6)]
    assert choose_weight(points) == 6
    assert choose_weight([point(0, 0.8, float("nan"))]) is None
    assert choose_weight([point(2, 0.8, 0.3), point(1, 0.8, 0.3)]) == 1, "of equals the smaller"
    assert choose_weight([]) is None


def test_means_are_those_of_the_values_and_unknown_ones_do_not_count():
    correct = np.array([1.0, 0, 1, np.nan])
    trials = [Trial(2.0, seed, correct, np.array([0.1, np.nan, 0.3, 0.5]) + seed / 10) for seed in (0, 1)]
    (found,) = trade_off([*trials], n_resamples=200)
    assert (found.n_seeds, found.n_labelled, found.n_with_maps) == (2, 3, 3)
    assert found.accuracy == pytest.approx(2 / 3)
    assert found.rho == pytest.approx(0.35)
    assert found.accuracy_low <= found.accuracy <= found.accuracy_high
    nothing = trade_off([Trial(0.0, 0, correct, np.full(4, np.nan))], n_resamples=20)[0]
    assert np.isnan([nothing.rho, nothing.rho_low]).all()


@pytest.mark.parametrize("n_seeds", [1, 3])
def test_intervals_cover_the_truth_over_images(n_seeds):
    """Images differ in difficulty; the truth is their mean in the population."""
    hits = []
    for draw in range(120):
        rng = np.random.default_rng([draw, n_seeds])
        difficulty = rng.beta(4, 2, 80)
        trials = [Trial(1.0, seed, (rng.random(80) < difficulty).astype(float), difficulty) for seed in range(n_seeds)]
        (found,) = trade_off(trials, n_resamples=300)
        hits.append((found.accuracy_low <= 2 / 3 <= found.accuracy_high, found.rho_low <= 2 / 3 <= found.rho_high))
    accuracy, rho = np.mean(hits, axis=0)
    assert accuracy >= 0.88
    assert rho >= 0.88


def test_a_file_that_is_no_table_of_images_is_refused(tmp_path):
    (tmp_path / "a.csv").write_text("image,right\nx,1\n")
    with pytest.raises(ValueError, match="no table of validation images: KeyError"):
        read_values(tmp_path / "a.csv")
    (tmp_path / "b.csv").write_text("collection,image,correct,rho\na,x,1,\nb,x,,0.5\n")
    values = read_values(tmp_path / "b.csv")
    assert values["a", "x"][0] == 1
    assert np.isnan(values["a", "x"][1])
    assert np.isnan(values["b", "x"][0])
