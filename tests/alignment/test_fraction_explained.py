"""The floor and the share explained, where their values are known beforehand."""

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from gala_viz.alignment import (
    bootstrap_interval,
    ceiling_shares,
    fraction_explained,
    noise_ceiling,
    shuffled_baseline,
    shuffled_rhos,
    spearman_brown,
)
from gala_viz.schema import labelled_map
from tests.alignment.crowd import people
from tests.tiers import slow


def test_the_floor_tells_images_of_the_same_category_from_others():
    values, labels = [], []
    for category in range(3):
        for k in range(4):
            values.append(people(1, 0.5, seed=10 * category + k, truth_seed=category).values[0])
            labels.append(f"category {category}")
    maps = labelled_map(np.stack(values), name="m", leading={"image": [f"i{k}" for k in range(12)]})
    found = shuffled_baseline(maps, labels, n_partners=8)
    assert found.same_category.mean > 0.5
    assert abs(found.different_category.mean) < 0.2
    assert found.same_category.n == found.different_category.n == 12


def test_the_floor_of_two_images_is_scipys_rho_and_without_categories_all_are_different():
    maps = labelled_map(np.random.default_rng(0).normal(size=(2, 6, 6)), name="m", leading={"image": ["a", "b"]})
    found = shuffled_baseline(maps)
    expected = stats.spearmanr(maps.values[0].ravel(), maps.values[1].ravel()).statistic
    assert found.same_category is None
    assert found.different_category.mean == pytest.approx(expected)
    with pytest.raises(ValueError, match="one category an image"):
        shuffled_baseline(maps, ["cat"])


def test_a_networks_floor_is_its_rho_with_peoples_maps_of_other_images():
    generator = np.random.default_rng(1)
    network, human = (
        labelled_map(generator.normal(size=(3, 5, 5)), name="m", leading={"image": list("abc")}) for _ in range(2)
    )
    human[2] = np.nan
    found = shuffled_rhos(network, ["cat", "dog", "cat"], other_maps=human, n_partners=5)

    def rho(first, second):
        return stats.spearmanr(network.values[first].ravel(), human.values[second].ravel()).statistic

    assert found.dims == ("partner", "image")
    assert np.isnan(found.sel(partner="same", image=["a", "b"])).all()
    assert found.sel(partner="same", image="c").item() == pytest.approx(rho(2, 0))
    assert found.sel(partner="different", image="a").item() == pytest.approx(rho(0, 1))
    assert found.sel(partner="different", image="b").item() == pytest.approx(rho(1, 0))


def test_the_fraction_explained_is_a_ratio_of_means_over_the_images_that_have_both():
    rho = xr.DataArray([0.2, 0.4, np.nan, 0.9], dims="image", coords={"image": ["a", "b", "c", "z"]})
    ceiling = xr.DataArray([0.5, 0.7, 0.6], dims="image", coords={"image": ["a", "b", "c"]})
    found = fraction_explained(rho, ceiling)
    assert found.n_images == 2
    assert found.fraction.mean == pytest.approx(0.3 / 0.6)
    assert found.explained_variance.mean == pytest.approx(0.25)
    assert np.isnan([found.fraction.low, found.explained_variance.high]).all(), "no interval below six images"


def crowd(n, mean, spread, seed=0):
    rng = np.random.default_rng(seed)
    ceiling = rng.normal(mean, spread, n)
    return np.clip(0.6 * ceiling + rng.normal(0, 0.1, (2, n)), -1, 1), ceiling


def test_tables_pages_and_figures_give_one_share_and_its_corrected_rho():
    rhos, ceiling = crowd(40, 0.6, 0.1)
    found = ceiling_shares(rhos, ceiling)
    resamples = np.random.default_rng(9).integers(0, 40, (20_000, 40))
    means, ceilings = rhos[:, resamples].mean(axis=2), ceiling[resamples].mean(axis=1)
    for row, rho in enumerate(rhos):
        single = fraction_explained(*(xr.DataArray(one, dims="image") for one in (rho, ceiling)))
        share, corrected = found.shares[row], found.corrected[row]
        assert share.mean == pytest.approx(single.fraction.mean) == pytest.approx(rho.mean() / ceiling.mean())
        assert (share.low, share.high) == pytest.approx((single.fraction.low, single.fraction.high))
        expected = np.quantile(means[row] / ceilings, [0.025, 0.975])
        np.testing.assert_allclose((share.low, share.high), expected, atol=0.01)
        assert found.squares[row].mean == pytest.approx(share.mean**2)
        assert corrected.mean == pytest.approx(rho.mean() / spearman_brown(ceiling.mean()) ** 0.5)
        assert single.corrected_rho.mean == pytest.approx(corrected.mean)
        expected = np.quantile(means[row] / np.sqrt(2 * ceilings / (1 + ceilings)), [0.025, 0.975])
        np.testing.assert_allclose((corrected.low, corrected.high), expected, atol=0.01)
    assert found.difference.mean == pytest.approx(found.shares[1].mean - found.shares[0].mean)
    assert found.ceiling.mean == pytest.approx(ceiling.mean())


@pytest.mark.parametrize("n", [6, 12, 40, *slow(1500)])
def test_whether_there_is_a_share_follows_from_the_ceilings_interval_alone(n):
    """Ceilings around the border: with many resamples one of them is always below 0."""
    kinds = set()
    for seed in range(12):
        rhos, ceiling = crowd(n, (1.2 + 0.2 * seed) / np.sqrt(n), 1.0, seed)
        found = [ceiling_shares(rhos, ceiling, n_resamples=count, seed=count) for count in (100, 700, 4000)]
        (refused,) = {bool(one.why_none) for one in found}
        low = bootstrap_interval(ceiling, n_resamples=20_000, seed=1).low
        if abs(low) > (0.1 if n > 10 else 0.4) / np.sqrt(n):  # resamples of so few images have few means
            assert refused == (low <= 0)
            kinds.add(refused)
        for one in found:
            assert len(one.shares) == len(one.corrected) == (0 if refused else 2)
            assert all(np.isfinite([share.low, share.high]).all() and share.low <= share.high for share in one.shares)
            assert one.ceiling.n == n
    assert kinds == {True, False}


def test_below_six_images_there_are_shares_without_bounds_and_no_corrected_rho():
    rhos, ceiling = crowd(5, 0.6, 0.1)
    found = ceiling_shares(rhos, ceiling)
    assert [one.mean for one in found.shares] == pytest.approx((rhos.mean(axis=1) / ceiling.mean()).tolist())
    assert np.isnan([found.ceiling.low, *(one.high for one in found.shares), found.difference.low]).all()
    assert found.corrected == ()
    assert "n = 5" in found.why_not_corrected
    assert ceiling_shares(rhos, -ceiling).why_none.startswith("the mean ceiling is -0.")
    assert ceiling_shares(rhos * np.nan, ceiling).n_images == 0


def test_a_network_as_good_as_the_ceiling_explains_all():
    ceiling = noise_ceiling({f"i{k}": people(6, 1.0, seed=k) for k in range(6)}, n_splits=5)
    found = fraction_explained(ceiling.per_image, ceiling)
    assert found.fraction.mean == found.fraction.low == found.fraction.high == pytest.approx(1)


def test_a_fraction_without_common_images_or_without_agreement_is_refused():
    one = xr.DataArray([0.5], dims="image", coords={"image": ["a"]})
    other = xr.DataArray([0.5], dims="image", coords={"image": ["b"]})
    with pytest.raises(ValueError, match="no image has both"):
        fraction_explained(one, other)
    with pytest.raises(ValueError, match="do not agree"):
        fraction_explained(one, -one)
    with pytest.raises(ValueError, match="Select one network"):
        fraction_explained(one.expand_dims(network=["v"]), one)


def test_a_ceiling_that_may_be_nothing_gives_no_fraction():
    chance = np.random.default_rng(0)
    weak = xr.DataArray(chance.normal(0.15, 0.4, 20), dims="image", coords={"image": range(20)})
    with pytest.raises(ValueError, match="is not surely above 0"):
        fraction_explained(weak.copy(data=np.full(20, 0.2)), weak)
