"""Numbers of a selection are over exactly the images that have all values concerned."""

import numpy as np
import pytest
import xarray as xr

from gala_viz.alignment import fraction_explained
from gala_viz.engine.results.score_selection import select_scores


@pytest.fixture
def scores():
    rng = np.random.default_rng(3)
    rho = rng.uniform(0.2, 0.6, (2, 40))
    rho[0, 3], rho[1, 5] = np.nan, np.nan
    ceiling = rng.uniform(0.6, 0.8, 40)
    ceiling[[7, 8]] = np.nan
    floor = rng.uniform(0, 0.2, (2, 40))
    floor[0, 9] = np.nan
    return xr.Dataset(
        {
            "rho": (("network", "image"), rho),
            "ceiling": ("image", ceiling),
            "floor_same": (("network", "image"), floor),
            "rho_attention": (("network", "layer", "image"), rng.uniform(0, 1, (2, 2, 40))),
        },
        coords={"layer": ["early", "late"]},
    )


def test_means_ceiling_share_and_floor_are_over_the_images_that_have_them(scores):
    mask = np.zeros(40, bool)
    mask[:20] = True
    selection = select_scores(scores, "rho", mask)
    rho = scores["rho"].values
    known = mask & np.isfinite(rho).all(axis=0)
    assert selection.n == known.sum() == 18
    np.testing.assert_allclose(selection.means, rho[:, known].mean(axis=1))
    both = known & np.isfinite(scores["ceiling"].values)
    assert selection.n_ceiling == both.sum() == 16
    assert selection.ceiling == pytest.approx(scores["ceiling"].values[both].mean())
    for row, (share, (low, high)) in enumerate(selection.fractions):
        images = {"image": np.flatnonzero(both)}
        parts = (xr.DataArray(one[both], dims="image", coords=images) for one in (rho[row], scores["ceiling"].values))
        expected = fraction_explained(*parts)
        assert share == pytest.approx(expected.fraction.mean)
        assert low < share < high
        np.testing.assert_allclose((low, high), (expected.fraction.low, expected.fraction.high), atol=0.01)
    floor = scores["floor_same"].values
    there = known & np.isfinite(floor).all(axis=0)
    means, n = selection.floors["same"]
    assert n == there.sum() == 17
    np.testing.assert_allclose(means, floor[:, there].mean(axis=1))


def test_too_few_images_have_values_and_no_interval(scores):
    mask = np.zeros(40, bool)
    mask[20:25] = True
    selection = select_scores(scores, "rho", mask)
    assert (selection.n, selection.n_ceiling) == (5, 5)
    assert selection.ceiling_interval is None
    assert selection.fractions == ()
    assert select_scores(scores, "rho", np.zeros(40, bool)).n == 0


def test_a_share_of_a_ceiling_that_may_be_nothing_is_refused_on_pages_as_in_tables(scores):
    scores["ceiling"] = ("image", np.random.default_rng(0).normal(0.05, 0.4, 40))
    selection = select_scores(scores, "rho", np.ones(40, bool))
    assert selection.ceiling_interval is not None
    assert selection.fractions == ()
    both = np.isfinite(scores["rho"].values).all(axis=0)
    with pytest.raises(ValueError, match="not surely above 0"):
        fraction_explained(scores["rho"][0, both], scores["ceiling"][both])


def test_a_layers_rho_has_no_ceiling_beside_it(scores):
    selection = select_scores(scores, "rho", np.ones(40, bool), ("late", "early"))
    np.testing.assert_array_equal(selection.values[0], scores["rho_attention"].values[0, 1])
    np.testing.assert_array_equal(selection.values[1], scores["rho_attention"].values[1, 0])
    assert np.isnan(selection.ceiling)
    assert selection.floors == {}
    assert select_scores(scores, "rho", np.ones(40, bool), ("late", None)).n == 0


def test_visitors_who_see_the_same_share_its_numbers_and_others_have_their_own(scores):
    everything = np.ones(40, bool)
    first = select_scores(scores, "rho", everything)
    assert select_scores(scores.copy(deep=True), "rho", everything) is first
    assert not first.values.flags.writeable
    other = scores.copy(deep=True)
    other["ceiling"][0] += 0.01
    changed = select_scores(other, "rho", everything)
    assert changed.ceiling != first.ceiling
    assert changed.means == first.means
    assert select_scores(scores, "rho", everything, ["early", "late"]).n != first.n
