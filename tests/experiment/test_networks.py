"""Thresholds and tests of networks are over images: their interval holds the truth, and differences are found."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom, permutation_test

from gala_viz.experiment.analysis import analyse_responses, fit_thresholds
from gala_viz.experiment.performance import count_correct, sort_levels
from gala_viz.experiment.psychometric import (
    estimate_threshold,
    fit_psychometric_function,
    inverse_psychometric_function,
)
from gala_viz.experiment.responses import check_responses
from gala_viz.experiment.simulated_observers import (
    SimulatedObserverSpec,
    simulate_network_responses,
    simulate_responses,
)


def sized(spec, each, maps=("clickme", "saliency")):
    images = {name: tuple(f"{name}{at}" for at in range(each)) for name in ("animal", "vehicle")}
    return replace(
        spec, images=images, practice={"animal": (), "vehicle": ()}, maps=dict.fromkeys(maps, "human"), n_blocks=1
    )


@pytest.fixture(scope="module")
def small(spec):
    return sized(spec, 6)


@pytest.fixture(scope="module")
def network(spec):
    return check_responses(
        simulate_network_responses(sized(spec, 24), {"clickme": 20.0, "saliency": 40.0}, threshold_sd=0.4, seed=2)
    )


def holds(low, high, truth):
    return low <= truth <= high


@pytest.mark.slow
def test_the_interval_over_images_holds_the_threshold_where_one_over_sets_does_not(spec):
    """Of 30 intervals of 95 % fewer than 26 hold the truth in one of 60 such tests; the seeds are fixed."""
    large, truth, hits, of_sets = sized(spec, 120, maps=("clickme",)), 20.0, 0, 0
    for seed in range(30):
        table = check_responses(simulate_network_responses(large, {"clickme": truth}, threshold_sd=0.4, seed=seed))
        (row,) = fit_thresholds(table, n_resamples=200, seed=seed).itertuples()
        assert (row.over, row.n) == ("images", 240)
        hits += holds(row.low, row.high, truth)
        levels = sort_levels(table["level"])
        correct, total, _ = count_correct(table, levels)
        numbers = np.array([np.inf if level == "full" else float(level) for level in levels])
        sets = estimate_threshold(correct, total, numbers, n_resamples=200, seed=seed)
        assert sets.level == pytest.approx(row.level, rel=1e-6)
        of_sets += holds(sets.low, sets.high, truth)
    assert hits >= 26
    assert of_sets < 26


def test_people_are_over_participants_and_so_are_others_with_reaction_times_or_a_picture_twice(network, spec):
    people = check_responses(simulate_responses(sized(spec, 24), SimulatedObserverSpec(), 6, seed=0))
    for table, over in [
        (people, "participants"),
        (network, "images"),
        (network.assign(rt=400.0), "participants"),
        (pd.concat([network, network.assign(participant=network["participant"] + " again")]), "participants"),
    ]:
        found = fit_thresholds(table[table["correct"].notna()], n_resamples=100, seed=0)
        assert set(found["over"]) == {over}
        units = table["stimulus" if over == "images" else "participant"].nunique()
        assert set(found["n"]) == {units}


def test_map_types_of_a_network_are_compared_image_by_image_as_scipy_does(small):
    table = simulate_network_responses(small, {"clickme": 8.0, "saliency": 30.0}, threshold_sd=0.5, seed=1)
    tests = analyse_responses(check_responses(table), small, n_resamples=100).tests
    between = tests[tests["question"] == "clickme above saliency"].set_index("level")
    assert (between["over"] == "images").all()
    assert (between["n"] == 12).all()
    assert between["exact"].all()
    wide = table.pivot_table(index="stimulus", columns=["map_type", "level"], values="correct")
    for level in between.index:
        first, second = wide["clickme"][level].to_numpy(), wide["saliency"][level].to_numpy()
        assert between.loc[level, "smallest_p"] == min(1.0, 2.0 ** (1 - np.sum(first != second)))
        told = permutation_test(
            (first, second), lambda x, y: np.mean(x - y), permutation_type="samples", n_resamples=np.inf
        )
        assert between.loc[level, "difference"] == pytest.approx((first - second).mean())
        assert between.loc[level, "p"] == pytest.approx(told.pvalue), level
        assert between.loc[level, "p_by_image"] == between.loc[level, "p"]


def answers(spec, said):
    """A network's table at one map type and level; ``said`` is image -> answer."""
    rows = [
        {
            "observer": "made-up", "participant": "set 00", "stimulus": image, "superclass": superclass,
            "map_type": map_type, "level": "10", "response": said[image], "correct": float(said[image] == superclass),
            "rt": np.nan,
        }
        for superclass, images in spec.images.items() for image in images for map_type in spec.maps
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_a_network_that_prefers_one_answer_is_above_chance_by_what_it_tells_apart(spec):
    """Thirteen animals are told, everything else is called a vehicle: 13 of 13 pairs of images that differ agree."""
    large = sized(spec, 120)
    images = [image for some in large.images.values() for image in some]
    said = dict.fromkeys(images, "vehicle") | dict.fromkeys(large.images["animal"][:13], "animal")
    tests = analyse_responses(answers(large, said), large, n_resamples=100).tests.set_index("question")
    above = tests.loc["clickme above chance"]
    assert (above["over"], above["n"]) == ("image pairs", 120)
    assert above["difference"] == pytest.approx(13 / 240)
    assert above["p"] == pytest.approx(2 / 2**13, abs=8e-4), "10,000 random flips"
    assert 2 * binom.sf(132, 240, 0.5) > 0.05, "right answers alone, image by image, would not tell it"


@pytest.mark.slow
def test_a_network_that_sees_nothing_is_above_chance_about_as_often_as_the_level_of_the_test(spec):
    large, hits = sized(spec, 60, maps=("clickme",)), 0
    images = [image for some in large.images.values() for image in some]
    for seed in range(60):
        drawn = np.random.default_rng(seed).random(len(images)) < 0.85
        said = dict(zip(images, np.where(drawn, "vehicle", "animal"), strict=True))
        hits += analyse_responses(answers(large, said), large, n_resamples=100).tests["p"].iloc[0] < 0.05
    assert hits <= 7


def with_shares(table, share):
    shown = [100.0 if level == "full" else share(image, float(level)) for image, level in
             zip(table["stimulus"], table["level"], strict=True)]  # fmt: skip
    return table.assign(percent_important_shown=shown)


def test_a_threshold_over_the_true_share_is_the_level_s_where_all_images_show_the_same_part_of_it(network):
    found = fit_thresholds(with_shares(network, lambda image, level: 0.6 * level), n_resamples=200, seed=0)
    np.testing.assert_allclose(found["level_shown"], 0.6 * found["level"], rtol=0.015)
    np.testing.assert_allclose(found["low_shown"], 0.6 * found["low"], rtol=0.02)
    np.testing.assert_allclose(found["high_shown"], 0.6 * found["high"], rtol=0.02)
    np.testing.assert_allclose(found["largest_shown"], 60)


def test_a_threshold_over_the_true_share_is_that_of_a_fit_to_single_trials(network):
    """Each image shows another part of its level; the reference takes every trial at its own share, unrounded."""
    own = with_shares(network, lambda image, level: level * (0.3 + 0.02 * int(image[-1])))
    found = fit_thresholds(own, n_resamples=100, seed=0).set_index("map_type")
    for map_type, some in own.groupby("map_type"):
        x = np.where(some["level"] == "full", np.inf, some["percent_important_shown"])
        fit = fit_psychometric_function(some["correct"].to_numpy(), np.ones(len(some)), x)
        expected = inverse_psychometric_function(0.75, *(one[0] for one in fit))
        assert found.loc[map_type, "level_shown"] == pytest.approx(expected, rel=0.01)


def test_without_the_true_share_nothing_is_claimed_of_it(network):
    columns = ["level_shown", "low_shown", "high_shown", "largest_shown"]
    assert fit_thresholds(network, n_resamples=100, seed=0)[columns].isna().all(axis=None)
    partly = with_shares(network, lambda image, level: level)
    partly.loc[partly.index[:3], "percent_important_shown"] = np.nan
    found = fit_thresholds(partly, n_resamples=100, seed=0).set_index("map_type")
    assert found[columns].isna().any(axis=None)


def test_the_results_page_tells_the_thresholds_of_the_shipped_table(repository):
    table = pd.read_csv(repository / "docs" / "experiment" / "thresholds.csv").set_index(["observer", "map_type"])
    page = " ".join((repository / "docs" / "results.md").read_text().split())
    assert (table["over"] == "images").all()
    assert (table["n"] == 240).all()

    def text(observer, map_type, end, beyond):
        row = table.loc[observer, map_type]
        high = beyond if np.isinf(row[f"high{end}"]) else f"{row[f'high{end}']:.0f}"
        return f"{row[f'level{end}']:.0f} % [{row[f'low{end}']:.0f}, {high}]"

    for observer in ("rendered-resnet", "rendered-se", "rendered-gala"):
        assert table.loc[(observer, "clickme"), ["level", "level_shown"]].isna().all()
        for end in ("", "_shown"):
            assert text(observer, "saliency", end, "") in page
    for map_type in ("clickme", "saliency"):
        assert text("rendered-gala-clickme", map_type, "", "more than all") in page
        assert text("rendered-gala-clickme", map_type, "_shown", "more than any image shows") in page
