"""The ceiling, where its value is known beforehand."""

import itertools

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from gala_viz.alignment import CeilingSpec, combine_ceilings, image_ceilings, noise_ceiling, spearman_brown
from gala_viz.alignment.ceiling import mean_share_product
from gala_viz.alignment.split_half import all_halves, n_halvings
from gala_viz.schema import labelled_map
from tests.alignment.crowd import people


def test_people_who_agree_wholly_reach_one():
    ceiling = noise_ceiling(people(6, 0.0), n_splits=5)
    assert ceiling.rho == pytest.approx(1)
    assert ceiling.spearman_brown == pytest.approx(1)


def test_people_who_share_nothing_reach_about_zero():
    images = {f"i{k}": people(6, 1e6, seed=k) for k in range(300)}
    ceiling = noise_ceiling(images, n_splits=10)
    assert abs(ceiling.rho) < 0.02


def test_two_people_give_scipys_rho_of_their_two_maps():
    maps = people(2, 1.0)
    expected = stats.spearmanr(maps.values[0].ravel(), maps.values[1].ravel()).statistic
    assert noise_ceiling(maps, n_splits=3).rho == pytest.approx(expected)


def test_many_splits_approach_the_mean_over_all_splits_of_four_people():
    maps = people(4, 1.0, seed=3)
    rhos = []
    for pair in itertools.combinations(range(4), 2):
        rest = [i for i in range(4) if i not in pair]
        halves = maps.values[list(pair)].mean(axis=0).ravel(), maps.values[rest].mean(axis=0).ravel()
        rhos.append(stats.spearmanr(*halves).statistic)
    assert noise_ceiling(maps, n_splits=3000).rho == pytest.approx(np.mean(rhos), abs=0.005)


def test_an_odd_number_of_people_is_split_without_leaving_anyone_out():
    maps = people(3, 1.0, seed=4)
    rhos = []
    for alone in range(3):
        rest = [i for i in range(3) if i != alone]
        halves = maps.values[alone].ravel(), maps.values[rest].mean(axis=0).ravel()
        rhos.append(stats.spearmanr(*halves).statistic)
    assert noise_ceiling(maps, n_splits=3000).rho == pytest.approx(np.mean(rhos), abs=0.005)


def test_spearman_brown_is_named_apart_and_worked_by_hand():
    ceiling = noise_ceiling(people(8, 2.0), n_splits=20)
    assert ceiling.spearman_brown == pytest.approx(2 * ceiling.rho / (1 + ceiling.rho))
    assert spearman_brown(0.5) == pytest.approx(2 / 3)
    assert ceiling.spearman_brown > ceiling.rho


def test_an_images_ceiling_does_not_depend_on_order_or_company():
    images = {name: people(5, 1.0, seed=k) for k, name in enumerate(["a", "b", "c"])}
    together = noise_ceiling(images, n_splits=8, seed=2).per_image
    turned = noise_ceiling(dict(reversed(images.items())), n_splits=8, seed=2).per_image
    alone = noise_ceiling({"b": images["b"]}, n_splits=8, seed=2).per_image
    assert float(together.sel(image="b")) == float(turned.sel(image="b")) == float(alone.sel(image="b"))
    assert float(noise_ceiling({"b": images["b"]}, n_splits=8, seed=3).rho) != float(alone.mean())


def test_one_array_of_images_is_the_same_as_a_mapping_and_as_a_stream():
    images = {name: people(5, 1.0, seed=k) for k, name in enumerate("abc")}
    stacked = xr.concat(list(images.values()), "image").assign_coords(image=list(images))
    expected = noise_ceiling(images, n_splits=4).per_image
    xr.testing.assert_equal(noise_ceiling(stacked, n_splits=4).per_image, expected)
    xr.testing.assert_equal(noise_ceiling(iter(images.items()), n_splits=4).per_image, expected)


def test_images_without_two_people_or_with_constant_maps_are_left_out_by_name():
    images = {"one": people(1, 1.0), "flat": people(4, 0.0) * 0.0, "good": people(4, 1.0)}
    ceiling = noise_ceiling(images, n_splits=4)
    assert list(ceiling.per_image["image"].values) == ["good"]
    assert [image for image, _ in ceiling.left_out] == ["one", "flat"]
    with pytest.raises(ValueError, match="at least two people"):
        noise_ceiling({"one": people(1, 1.0)})


def test_the_interval_over_participants_is_wider_when_people_differ_more_and_holds_rho():
    spec = CeilingSpec(n_splits=20, over_participants=True)
    alike = noise_ceiling({f"i{k}": people(8, 0.5, seed=k) for k in range(5)}, spec=spec)
    different = noise_ceiling({f"i{k}": people(8, 3.0, seed=k) for k in range(5)}, spec=spec)
    for ceiling in (alike, different):
        assert ceiling.participant_interval.low < ceiling.rho < ceiling.participant_interval.high
    widths = [c.participant_interval.high - c.participant_interval.low for c in (alike, different)]
    assert widths[0] < widths[1]
    assert noise_ceiling(people(4, 1.0), n_splits=2).participant_interval is None


def test_who_took_part_matters_for_all_their_images_at_once():
    generator = np.random.default_rng(0)
    noise = np.array([0.2, 0.2, 5.0, 5.0, 5.0, 5.0])[:, None, None]
    images = {}
    for k in range(60):
        marks = generator.normal(size=(12, 12)) + noise * generator.normal(size=(6, 12, 12))
        images[f"i{k}"] = labelled_map(marks, name="m", leading={"participant": list("abcdef")})
    ceiling = noise_ceiling(images, spec=CeilingSpec(n_splits=50, over_participants=True))
    strangers = {
        image: maps.assign_coords(participant=[f"{image} {name}" for name in "abcdef"])
        for image, maps in images.items()
    }
    apart = noise_ceiling(strangers, spec=CeilingSpec(n_splits=50, over_participants=True))
    widths = [c.participant_interval.high - c.participant_interval.low for c in (ceiling, apart)]
    assert widths[0] > 2 * widths[1]


def test_blocks_of_images_computed_apart_give_the_ceiling_of_all():
    images = {f"i{k}": people(5, 1.0, seed=k) for k in range(6)}
    spec = CeilingSpec(n_splits=6, over_participants=True)
    names = list(images)
    parts = [image_ceilings({name: images[name] for name in block}, spec) for block in (names[:2], names[2:])]
    found, whole = combine_ceilings(parts, spec), noise_ceiling(images, spec=spec)
    xr.testing.assert_equal(found.per_image, whole.per_image)
    assert found.interval == whole.interval
    assert found.participant_interval.low == pytest.approx(whole.participant_interval.low)
    assert found.n_participants == (5, 5)


def test_the_interval_over_participants_counts_people_not_images():
    found = noise_ceiling(
        {f"i{k}": people(4, 1.0, seed=k) for k in range(9)}, spec=CeilingSpec(n_splits=4, over_participants=True)
    )
    assert found.interval.n == 9
    assert found.participant_interval.n == 4


def test_images_are_split_by_chances_of_their_own():
    maps = people(6, 2.0)
    twins = noise_ceiling({"one": maps, "other": maps}, n_splits=3).per_image
    assert float(twins.sel(image="one")) != float(twins.sel(image="other"))


def test_wrong_settings_are_refused():
    for wrong in ({"n_splits": 0}, {"min_participants": 1}):
        with pytest.raises(ValueError, match=r"at least|two"):
            CeilingSpec(**wrong)
    with pytest.raises(ValueError, match="participant"):
        noise_ceiling(labelled_map(np.ones((4, 4)), name="m"))
    with pytest.raises(TypeError, match="labelled"):
        noise_ceiling(np.ones((3, 4, 4)))


def test_over_participants_of_all_images_the_interval_is_the_plain_jackknife():
    images = {f"i{k}": people(6, 1.5, seed=k) for k in range(5)}
    found = noise_ceiling(images, spec=CeilingSpec(n_splits=100, over_participants=True))

    def without(left_out):
        """The mean over images of the mean over all halvings of the others, by SciPy's rank correlation."""
        of_images = []
        for maps in images.values():
            others = np.delete(maps.values, left_out, axis=0).reshape(5, -1)
            rhos = []
            for some in itertools.combinations(range(5), 2):
                rest = [k for k in range(5) if k not in some]
                rhos.append(stats.spearmanr(others[list(some)].mean(axis=0), others[rest].mean(axis=0)).statistic)
            of_images.append(np.mean(rhos))
        return np.mean(of_images)

    thetas = np.array([without(number) for number in range(6)])
    reach = stats.t.ppf(0.975, 5) * np.sqrt(5 / 6 * np.square(thetas - thetas.mean()).sum())
    assert found.participant_interval.low == pytest.approx(found.rho - reach, abs=1e-9)
    assert found.participant_interval.high == pytest.approx(min(1.0, found.rho + reach), abs=1e-9)
    assert found.participant_interval.n == 6


@pytest.mark.parametrize("n", range(2, 9))
def test_all_halvings_are_different_and_as_many_as_counted(n):
    halves = all_halves(n)
    different = {frozenset(tuple(half) for half in one) for one in halves.tolist()}
    assert len(halves) == n_halvings(n) == len(different)
    assert (halves.sum(axis=1) == 1).all()
    assert set(halves.sum(axis=2).ravel()) == {n // 2, n - n // 2}


def test_participants_without_a_mark_in_the_frame_are_in_no_half_and_are_counted():
    maps, spec = people(4, 1.0), CeilingSpec(n_splits=8)
    blank = maps.copy()
    blank[1], blank[3] = 0.0, np.nan
    found = noise_ceiling({"i": blank, "j": people(4, 1.0, seed=5)}, spec=spec)
    two = noise_ceiling({"i": maps[[0, 2]]}, spec=spec)
    assert float(found.per_image.sel(image="i")) == pytest.approx(two.rho)
    assert (found.n_blank, found.n_pairs, found.n_participants) == (2, 1, (2, 4))
    blank[2] = 1.0
    ((image, why),) = noise_ceiling({"i": blank, "j": people(4, 1.0)}, spec=spec).left_out
    assert image == "i"
    assert why.startswith("1 participants of 4, the maps of the others are the same everywhere")


@pytest.mark.parametrize(("k", "m", "of_one"), [(2, 1, 0.4), (3, 1, 0.4), (5, 2, 0.2), (7, 3, 0.7)])
def test_the_reliability_of_the_whole_is_that_of_classical_test_theory_for_parts_of_any_size(k, m, of_one):
    """Parts of m and k - m of k parallel tests correlate as the root of the product of their reliabilities."""

    def reliability(size):
        return size * of_one / (1 + (size - 1) * of_one)

    rho = np.sqrt(reliability(m) * reliability(k - m))
    assert spearman_brown(rho, m * (k - m) / k**2) == pytest.approx(reliability(k), abs=1e-12)


def test_spearman_brown_at_the_ends_and_over_images_of_odd_and_even_numbers_of_people():
    assert spearman_brown(0.5) == pytest.approx(2 / 3)
    assert spearman_brown(1.0, 2 / 9) == 1.0
    assert spearman_brown(-0.2, 2 / 9) == pytest.approx(-0.5)
    assert np.isnan(spearman_brown(-1.0))
    assert mean_share_product([2, 3, 4]) == pytest.approx((0.25 + 2 / 9 + 0.25) / 3)


def test_one_image_of_two_participants_bounds_nothing():
    spec = CeilingSpec(n_splits=4, over_participants=True)
    assert noise_ceiling(people(2, 1.0), spec=spec).participant_interval is None
    assert noise_ceiling(people(6, 1.0), spec=spec).participant_interval is not None
