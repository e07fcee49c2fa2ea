"""Closeness to people under the maps, and the answer in a sentence over them."""

import re
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from gala_viz.engine.results.score_selection import select_scores
from gala_viz.panels.closeness import Closeness, ClosenessBars, verdict
from gala_viz.panels.score_view import fractions_text
from tests.panels.fake_source import FakeSource

NETWORKS = FakeSource(count=2).networks


def scores_of(first, second, ceiling=0.6):
    n = len(first)
    return xr.Dataset(
        {
            "rho": (("network", "image"), np.array([first, second], dtype=float)),
            "ceiling": ("image", np.full(n, ceiling)),
        },
        coords={"network": ["one", "two"], "image": [f"{i}" for i in range(n)]},
    )


def closeness_of(scores, here=(0.3, 0.5), **more):
    mask = np.ones(scores.sizes["image"], bool)
    return Closeness(
        metric="Spearman's rho", people="people", selection=select_scores(scores, "rho", mask), here=here, **more
    )


def text_of(html):
    return re.sub(r"<[^>]+>", "", html)


@pytest.fixture
def gains():
    return np.random.default_rng(0).normal(0.1, 0.05, 50)


def test_the_sentence_names_the_nearer_network_and_by_how_much(gains):
    said = text_of(verdict(NETWORKS, closeness_of(scores_of(np.full(50, 0.4), 0.4 + gains))))
    assert said.startswith(
        f"{NETWORKS[1].title} is nearer to people on average: by {gains.mean():.3f} rho (95 % interval "
    )
    assert said.endswith("), n = 50 images shown.")
    low, high = (float(value) for value in re.search(r"interval ([\d.]+) to ([\d.]+)", said).groups())
    half = 1.96 * gains.std(ddof=1) / np.sqrt(50)
    assert low == pytest.approx(gains.mean() - half, abs=0.004)
    assert high == pytest.approx(gains.mean() + half, abs=0.004)


def test_where_the_first_is_nearer_it_is_named_with_positive_numbers(gains):
    said = text_of(verdict(NETWORKS, closeness_of(scores_of(0.4 + gains, np.full(50, 0.4)))))
    assert said.startswith(f"{NETWORKS[0].title} is nearer")
    assert "-" not in said.split("by ")[1]


def test_an_interval_that_holds_zero_names_no_network(gains):
    said = text_of(verdict(NETWORKS, closeness_of(scores_of(np.full(50, 0.4), 0.4 + gains - gains.mean()))))
    assert said.startswith("Neither network is nearer to people on average")


def test_few_images_have_a_difference_and_no_interval(gains):
    said = text_of(verdict(NETWORKS, closeness_of(scores_of(np.full(5, 0.4), 0.4 + gains[:5]))))
    assert "nearer" not in said
    assert said == (
        f"Closeness to people: second minus first {gains[:5].mean():+.3f} rho on average, n = 5 images shown; "
        "no interval below 6 images."
    )


def test_without_scores_of_a_collection_the_bars_show_this_photograph_alone():
    bars = ClosenessBars(NETWORKS)
    bars.show(Closeness(metric="Spearman's rho", people="people", selection=None, here=(0.3, 0.5)))
    assert bars.verdict.object == ""
    assert text_of(bars.panes["a"].object) == "this 0.300"
    assert text_of(bars.panes["delta"].object) == "this +0.200"
    assert bars.panes["human"].object == ""
    assert 'class="bar"' not in bars.panes["a"].object


def test_bars_ceiling_and_marks_stand_at_their_values(gains):
    bars = ClosenessBars(NETWORKS)
    bars.show(closeness_of(scores_of(np.full(50, 0.4), np.full(50, 0.45) + gains), here=(-0.2, 0.5)))
    assert 'class="bar" style="width:40.0%"' in bars.panes["a"].object
    assert 'class="ceiling" style="left:60.0%"' in bars.panes["a"].object
    assert 'class="this" style="left:0.0%"' in bars.panes["a"].object, "a value below 0 stands at the left end"
    assert "this -0.200" in text_of(bars.panes["a"].object), "and is told as it is"
    assert 'class="this" style="left:50.0%"' in bars.panes["b"].object
    assert text_of(bars.panes["human"].object).startswith("ceiling, half with half 0.600")


def test_of_a_layer_the_sentence_and_the_legend_say_so(gains):
    closeness = closeness_of(
        scores_of(np.full(50, 0.4), 0.4 + gains), of=("attention at block9", "attention at block9")
    )
    assert "(attention at block9) is nearer" in text_of(verdict(NETWORKS, closeness))
    few = closeness_of(scores_of(np.full(4, 0.4), 0.4 + gains[:4]), of=("attention at block9", "attention at layer4"))
    assert "people (attention at block9 and attention at layer4): second minus first" in text_of(verdict(NETWORKS, few))
    even = closeness_of(scores_of(np.full(50, 0.4), 0.4 + gains - gains.mean()), of=("attention at block9",) * 2)
    assert text_of(verdict(NETWORKS, even)).startswith("Neither network (attention at block9) is nearer")
    bars = ClosenessBars(NETWORKS)
    bars.show(closeness)
    assert "attention at block9" in bars.panes["photo"].object


def test_networks_of_one_title_are_told_apart_by_name(gains):
    seeds = [replace(network, title="GALA", name=name) for network, name in zip(NETWORKS, ("s0", "s1"), strict=True)]
    said = text_of(verdict(seeds, closeness_of(scores_of(np.full(50, 0.4), 0.4 + gains))))
    assert said.startswith("GALA, s1 is nearer")


def test_a_mean_above_the_ceiling_says_what_that_means_and_one_below_does_not(gains):
    bars = ClosenessBars(NETWORKS)
    bars.show(closeness_of(scores_of(np.full(50, 0.4), 0.6 + gains)))
    meaning = "above the ceiling: the ceiling compares half of the people with the other half"
    assert meaning not in bars.panes["a"].object
    assert meaning in bars.panes["b"].object


def test_shares_of_the_ceiling_above_it_say_what_that_means_also_without_intervals(gains):
    def told(n):
        selection = closeness_of(scores_of(np.full(n, 0.4), 0.6 + gains[:n])).selection
        return fractions_text(selection)

    assert re.fullmatch(
        r"67 % \[.*\] and 11\d % \[.*\] of the ceiling \(above the ceiling: .* with all of them\)", told(50)
    )
    assert told(4).startswith("above the ceiling: the ceiling compares half of the people")
    below = closeness_of(scores_of(np.full(50, 0.4), np.full(50, 0.5))).selection
    assert "above" not in fractions_text(below)
