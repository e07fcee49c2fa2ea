"""A visitor's painted map: scored as the same map would be among the human maps of a collection."""

import numpy as np
import pytest
import xarray as xr

from gala_viz.alignment import area_average, spearman
from gala_viz.cache import BoundedCache
from gala_viz.collections.clickme.painted_map import painted_map
from gala_viz.engine.results.scores import COMPARISON_GRID
from gala_viz.live import LiveMaps
from gala_viz.live.compute_scheduler import ComputeScheduler
from gala_viz.specs import MapRequest, SmoothGradSpec
from tests.attribution.tiny import tiny_network
from tests.attribution.tiny_collection import TinyCollection

REQUEST = MapRequest(smoothgrad=SmoothGradSpec(n_samples=4), smoothing_px=2.0)
PHOTO_PX = (20, 24)
POINTS = np.random.default_rng(5).uniform((4, 2), (20, 18), (40, 2))


class PaintedCollection(TinyCollection):
    """Whose human map of the first image is the one that is painted in these tests."""

    fingerprint = "painted"

    def participants(self, image, kind=None):
        return ()

    def participant_maps(self, image, kind=None):
        return None

    def human_map(self, image, kind=None, participant=None):
        return painted_map(POINTS, PHOTO_PX) if image == "one" else super().human_map(image, kind, participant)


def live(collection, networks=None):
    source = LiveMaps(collection, networks or (tiny_network(0), tiny_network(1)), scheduler=ComputeScheduler(0))
    source._cache._memory = BoundedCache(64 * 2**20)
    return source


def finished(source, image, request=REQUEST):
    return list(source.maps(image, request, lambda: False))[-1]


def test_its_rho_is_that_of_the_same_map_among_a_collections_people_whatever_is_drawn():
    source, of_people = live(TinyCollection()), live(PaintedCollection())
    finished(source, "one")
    expected = finished(of_people, "one").scores["rho"].values
    results = source.painted_results("one", POINTS, REQUEST)
    np.testing.assert_allclose(results.rhos, expected, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(results.human_map.values, of_people.human_map("one").values)


def test_its_rho_with_people_is_spearmans_over_the_cells_of_the_comparison():
    source = live(TinyCollection())
    results = source.painted_results("one", POINTS, REQUEST)
    people = area_average(source.human_map("one").values, COMPARISON_GRID)
    own = area_average(results.human_map.values, COMPARISON_GRID)
    assert results.rho_people == pytest.approx(float(spearman(people, own)), abs=1e-6)
    of_one = source.painted_results("one", POINTS, MapRequest(participant="p2"))
    alone = area_average(source.human_map("one", None, "p2").values, COMPARISON_GRID)
    assert of_one.rho_people == pytest.approx(float(spearman(alone, own)), abs=1e-6)


def test_no_network_runs_and_scores_of_maps_that_are_not_there_are_unknown():
    source = live(TinyCollection())
    results = source.painted_results("one", POINTS, REQUEST)
    assert np.isnan(results.rhos).all()
    assert np.isfinite(results.rho_people)
    assert source._forward_at_hand("one") is None
    finished(source, "four")
    without_people = source.painted_results("four", POINTS, REQUEST)
    assert np.isfinite(without_people.rhos).all()
    assert np.isnan(without_people.rho_people)


def test_signed_sums_of_colours_rank_nothing_and_have_no_rho():
    source, signed = live(TinyCollection()), MapRequest(smoothgrad=REQUEST.smoothgrad, reduction="signed")
    finished(source, "one", signed)
    assert np.isnan(source.painted_results("one", POINTS, signed).rhos).all()


@pytest.mark.parametrize("points", [np.empty((0, 2)), [(-5.0, 3.0)], [(24.0, 3.0)]])
def test_nothing_inside_of_the_frame_is_no_map(points):
    results = live(TinyCollection()).painted_results("one", points, REQUEST)
    assert results.human_map is None
    assert np.isnan([*results.rhos, results.rho_people]).all()


def test_the_frame_is_told_in_the_photographs_pixels():
    cut = live(TinyCollection()).photo_cut("one")
    assert cut.size_px == PHOTO_PX
    assert cut.box == tiny_network(0).preprocessing.frame(*PHOTO_PX)


def test_a_painted_map_says_that_it_is_of_one_participant_and_of_no_collection():
    human_map = painted_map(POINTS, PHOTO_PX)
    assert isinstance(human_map, xr.DataArray)
    assert human_map.attrs["n_participants"] == 1
    assert human_map.attrs["kind"] == "painted on a page"
    assert painted_map(np.empty((0, 2)), PHOTO_PX) is None
