"""Deltas, normalisations, reductions: identities on arrays, labels, and what is refused."""

import json

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gala_viz.batch.smoothgrad import smoothgrad
from gala_viz.engine.results.delta import NORMALISATIONS, delta, gradient_delta, normalise_maps
from gala_viz.engine.results.half_samples import split_half_reliability
from gala_viz.engine.results.jackknife import jackknife_error
from gala_viz.engine.results.reduction import REDUCTIONS, reduce_channels, smooth
from gala_viz.registry import UnknownNameError
from gala_viz.schema import labelled_map
from gala_viz.specs import SmoothGradSpec
from tests.attribution.tiny import tiny_network
from tests.attribution.tiny_collection import TinyCollection

EVERY = tuple(NORMALISATIONS)
VALUES = arrays(np.float32, (2, 5, 6), elements=st.floats(-1e6, 1e6, width=32))


@pytest.fixture
def maps():
    return np.random.default_rng(0).normal(size=(2, 3, 8, 9)).astype(np.float32)


@pytest.mark.parametrize("how", EVERY)
@given(values=VALUES)
def test_normalising_is_finite_keeps_signs_and_never_divides_by_zero(how, values):
    result = normalise_maps(values, how)
    assert np.isfinite(result).all()
    assert (np.sign(result) * np.sign(values) >= 0).all()


@pytest.mark.parametrize("how", [how for how in EVERY if how != "none"])
def test_normalised_maps_do_not_depend_on_the_unit(how, maps):
    np.testing.assert_allclose(normalise_maps(maps * 1000, how), normalise_maps(maps, how), rtol=1e-4, atol=1e-6)


def test_each_normalisation_brings_its_own_statistic_to_one(maps):
    values = maps[:, 0]
    assert np.abs(normalise_maps(values, "maximum")).max(axis=(1, 2)) == pytest.approx(1)
    assert np.abs(normalise_maps(values, "sum")).sum(axis=(1, 2)) == pytest.approx(1)
    assert np.percentile(np.abs(normalise_maps(values, "percentile")), 99, axis=(1, 2)) == pytest.approx(1)
    assert np.array_equal(normalise_maps(values, "none"), values)


@pytest.mark.parametrize("how", EVERY)
def test_a_map_of_zeros_stays_zero(how):
    assert not normalise_maps(np.zeros((4, 4), np.float32), how).any()


@pytest.mark.parametrize("how", EVERY)
def test_cells_that_are_not_seen_do_not_count(how, maps):
    seen = maps[0, 0].copy()
    hidden = np.vstack([seen, np.full((3, seen.shape[1]), np.nan, np.float32)])
    result = normalise_maps(hidden, how)
    np.testing.assert_allclose(result[:-3], normalise_maps(seen, how), rtol=1e-5)
    assert np.isnan(result[-3:]).all()


@pytest.mark.parametrize("how", EVERY)
def test_swapping_the_networks_turns_the_sign(how, maps):
    first, second = maps[:, 0], maps[:, 1]
    np.testing.assert_allclose(delta(first, second, how), -delta(second, first, how), rtol=1e-6)
    assert not delta(first, first, how).any()


def test_delta_of_one_image_does_not_depend_on_the_others(maps):
    both = delta(maps[:, 0], maps[:, 1])
    np.testing.assert_array_equal(both[1], delta(maps[1, 0], maps[1, 1]))


def labelled(values, **attrs):
    images = [f"image{index}" for index in range(len(values))]
    return labelled_map(values, name="map", leading={"image": images}, attrs={"method": "smoothgrad", **attrs})


def test_gradient_delta_says_which_network_is_which_and_keeps_labels(maps):
    result = gradient_delta(
        labelled(maps[:, 0], network="vanilla", seed=1), labelled(maps[:, 1], network="human", seed=1), normalise="sum"
    )
    assert (result.attrs["first"], result.attrs["second"], result.attrs["normalise"]) == ("vanilla", "human", "sum")
    assert result.attrs["seed"] == 1
    assert list(result.image.values) == ["image0", "image1"]
    np.testing.assert_allclose(result.values, delta(maps[:, 0], maps[:, 1], "sum"))


def test_the_error_of_a_delta_is_that_of_both_maps(maps):
    def with_error(values, error):
        return xr.Dataset({"map": labelled(values), "standard_error": labelled(np.full_like(values, error))})

    result = gradient_delta(with_error(maps[:, 0], 3.0), with_error(maps[:, 1], 4.0), normalise="none")
    np.testing.assert_allclose(result["standard_error"], 5.0)
    np.testing.assert_allclose(result["delta"], maps[:, 1] - maps[:, 0], rtol=1e-6)


def test_a_delta_of_two_precisions_warns(maps):
    a, b = (labelled(maps[:, 0], device=f"CPU, {name}") for name in ("float32", "bfloat16"))
    with pytest.warns(UserWarning, match="computed in float32 and bfloat16") as caught:
        gradient_delta(a, b, normalise="none")
    assert caught[0].filename == __file__


@pytest.mark.parametrize(("key", "value"), [("seed", 2), ("noise_fraction", 0.1), ("method", "saliency")])
def test_maps_that_were_made_differently_are_refused(maps, key, value):
    first = labelled(maps[:, 0], seed=1, noise_fraction=0.15)
    with pytest.raises(ValueError, match=f"made differently.*{key}"):
        gradient_delta(first, first.assign_attrs({key: value}))


def test_maps_of_other_images_or_frames_are_refused(maps):
    first = labelled(maps[:, 0])
    with pytest.raises(ValueError, match="image coordinates differ"):
        gradient_delta(first, first.assign_coords(image=["image0", "other"]))
    with pytest.raises(ValueError, match="one resolution"):
        gradient_delta(first, first[:, :4])
    with pytest.raises(ValueError, match="one of each"):
        gradient_delta(first, first.to_dataset())


def test_an_unknown_normalisation_gets_an_answer(maps):
    with pytest.raises(UnknownNameError, match="Did you mean 'percentile'"):
        normalise_maps(maps, "percentil")


def test_reductions_are_what_their_names_say(maps):
    values = np.float32([[[1.0, -2.0]], [[-3.0, 1.0]], [[1.0, 0.5]]])
    assert reduce_channels(values, "absolute").tolist() == [[5.0, 3.5]]
    assert reduce_channels(values, "maximum").tolist() == [[3.0, 2.0]]
    assert reduce_channels(values, "signed").tolist() == [[-1.0, -0.5]]


@pytest.mark.parametrize("how", REDUCTIONS)
def test_reducing_many_maps_is_reducing_each(how, maps):
    np.testing.assert_array_equal(reduce_channels(maps, how)[1], reduce_channels(maps[1], how))


def test_smoothing_keeps_constants_and_sums_of_inner_points():
    constant = np.full((12, 10), 3.0, np.float32)
    np.testing.assert_allclose(smooth(constant, 2.5), constant, rtol=1e-6)
    point = np.zeros((61, 61))
    point[30, 30] = 1
    spread = smooth(point, 4.0)
    rows = np.arange(61) - 30
    assert spread.sum() == pytest.approx(1)
    assert (spread.sum(axis=1) * rows**2).sum() == pytest.approx(16, rel=0.02)
    assert smooth(point, 0) is point


def test_smoothing_takes_nothing_from_cells_that_are_not_seen():
    values = np.full((10, 10), 2.0, np.float32)
    values[:4] = np.nan
    result = smooth(values, 3)
    np.testing.assert_allclose(result[4:], 2, rtol=1e-6)
    assert np.isnan(result[:4]).all()


def test_smoothing_does_not_mix_images(maps):
    np.testing.assert_allclose(smooth(maps, 1.5)[1, 2], smooth(maps[1, 2], 1.5), rtol=1e-6)


def measured(seed, n=12):
    """Maps of one image by a tiny network as ``smoothgrad`` returns them, with all that is known of chance."""
    return smoothgrad(
        tiny_network(seed),
        TinyCollection(),
        SmoothGradSpec(n_samples=n, noise_fraction=0.2, seed=3),
        images=["one", "two"],
        return_error=True,
        return_halves=True,
        return_groups=True,
    )


@pytest.mark.parametrize("how", ["percentile", "none"])
def test_the_error_of_a_delta_is_by_jackknife_where_the_maps_without_each_group_are_there(how):
    a, b = measured(0), measured(1)
    found = gradient_delta(a, b, how)
    for row in range(2):
        maps = (data["map"].values[row] for data in (a, b))
        counts = np.array([2, 2, 1, 1, 1, 1, 1, 1, 1, 1])
        without = delta(a["without_group"].values[:, row], b["without_group"].values[:, row], how)
        expected = jackknife_error(delta(*maps, how), without, counts)
        np.testing.assert_allclose(found["standard_error"].values[row], expected, rtol=1e-6)
    plain = gradient_delta(a.drop_vars("without_group"), b.drop_vars("without_group"), how)
    assert np.median(plain["standard_error"] / found["standard_error"]) == pytest.approx(1, abs=0.5)
    assert (plain["standard_error"].values != found["standard_error"].values).any()


def test_equal_networks_with_the_same_noise_have_a_delta_without_error():
    a = measured(0)
    found = gradient_delta(a, a)
    np.testing.assert_allclose(found["standard_error"], 0, atol=1e-6)


def test_a_delta_of_halves_tells_its_reliability_by_image():
    a, b = measured(0), measured(1)
    found = gradient_delta(a, b)["delta"]
    expected = [split_half_reliability(delta(a["half_map"].values, b["half_map"].values)[:, row]) for row in range(2)]
    np.testing.assert_allclose(found.reliability, expected)
    assert "reliability" not in gradient_delta(a.drop_vars("half_map"), b)["delta"].coords


def test_the_maps_of_halves_are_those_of_the_even_and_of_the_odd_samples():
    data = measured(0)
    assert data["half_map"].dims == ("half", "image", "y", "x")
    assert data["half_map"]["half"].values.tolist() == ["even", "odd"]
    assert data["without_group"].dims == ("group", "image", "y", "x")
    signed = smoothgrad(
        tiny_network(0), TinyCollection(), SmoothGradSpec(n_samples=12, noise_fraction=0.2, seed=3), images=["one"],
        reduction="signed", return_halves=True,
    )  # fmt: skip
    np.testing.assert_allclose(signed["half_map"].mean("half"), signed["map"], rtol=1e-3, atol=1e-6)


def test_one_image_has_the_delta_that_it_has_among_others():
    a, b = measured(0), measured(1)
    both, one = gradient_delta(a, b), gradient_delta(a.isel(image=1), b.isel(image=1))
    for name in ("delta", "standard_error"):
        np.testing.assert_array_equal(one[name], both[name].isel(image=1))
    assert float(one["delta"].reliability) == float(both["delta"].reliability[1])


def test_maps_of_networks_that_cut_photographs_differently_are_refused(maps):
    first, second = (labelled(one) for one in maps[:2])
    first.attrs["preprocessing"] = json.dumps({"short_px": 256, "crop_px": 224, "mean": [127.0] * 3})
    second.attrs["preprocessing"] = json.dumps({"short_px": 224, "crop_px": 224, "mean": [127.0] * 3})
    with pytest.raises(ValueError, match=r"cut photographs differently: short side and crop are \(256, 224\) and"):
        gradient_delta(first, second)
    second.attrs["preprocessing"] = json.dumps({"short_px": 256, "crop_px": 224, "mean": [0.0] * 3})
    assert gradient_delta(first, second).shape == first.shape


@pytest.mark.parametrize("how", EVERY)
def test_a_delta_is_normalised_over_the_cells_that_both_have(how, maps):
    first, second = maps[0, 0].copy(), maps[1, 0].copy()
    second[:3] = np.nan
    found = delta(first, second, how)
    np.testing.assert_allclose(found[3:], delta(first[3:], second[3:], how), rtol=1e-5, atol=1e-6)
    assert np.isnan(found[:3]).all()
