"""The floor and the share explained, where their values are known beforehand."""

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from gala_viz.alignment import fraction_explained, noise_ceiling, shuffled_baseline, shuffled_rhos
from gala_viz.schema import labelled_map
from tests.alignment.crowd import people


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
    assert found.fraction.low <= 0.5 <= found.fraction.high


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
