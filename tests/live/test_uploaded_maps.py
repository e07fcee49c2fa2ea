"""Human maps of uploads: people's map of that image alone, scored as in a collection and never among its own."""

import io
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from gala_viz.alignment import area_average, spearman
from gala_viz.cache import BoundedCache
from gala_viz.collections.collection import Collection
from gala_viz.engine.results.scores import COMPARISON_GRID
from gala_viz.live import LiveMaps
from gala_viz.live.compute_scheduler import ComputeScheduler
from gala_viz.live.uploads import Uploads
from gala_viz.registry import UnknownNameError
from gala_viz.specs import MapRequest, SmoothGradSpec
from tests.attribution.tiny import tiny_network
from tests.attribution.tiny_collection import TinyCollection

GRADIENT = MapRequest(method="saliency", smoothing_px=1.0)
NOISY = MapRequest(smoothgrad=SmoothGradSpec(n_samples=4), smoothing_px=1.0)


class OneMapCollection(TinyCollection):
    """Whose human maps are of nobody one by one."""

    fingerprint = "one map"

    def participants(self, image, kind=None):
        return ()

    def participant_maps(self, image, kind=None):
        return None

    def human_map(self, image, kind=None, participant=None):
        return TinyCollection().participant_maps(image).mean("participant").assign_attrs(extent_px=[20.0, 24.0])


def live(collection=None, networks=None):
    networks = networks or (tiny_network(0), tiny_network(1))
    source = LiveMaps(collection or OneMapCollection(), networks, scheduler=ComputeScheduler(0))
    source._cache._memory = BoundedCache(64 * 2**20)
    return source


def last(source, image, request=GRADIENT):
    return list(source.maps(image, request, lambda: False))[-1]


def photograph(image="one"):
    content = io.BytesIO()
    Image.fromarray(TinyCollection().photo(image)).save(content, "PNG")
    return content.getvalue()


def array(values):
    content = io.BytesIO()
    np.save(content, values)
    return content.getvalue()


def human_map(image="one"):
    return np.asarray(OneMapCollection().human_map(image).values, np.float32)


def uploaded(source, name="mine", image="one", values=None):
    """The ids of a photograph of the collection that is uploaded, alone and with its map."""
    alone = source.add_upload(f"{name}.png", photograph(image))
    values = human_map(image) if values is None else values
    return alone, source.add_upload(f"{name}.npy", array(values), [alone])


def test_rho_of_a_photograph_and_map_of_the_collection_is_the_collections_own_to_the_last_digit():
    source = live()
    _, image = uploaded(source)
    own, of_collection = last(source, image), last(source, "one")
    np.testing.assert_array_equal(own.maps.values, of_collection.maps.values)
    for name in ("rho", "dice", "iou", "rho_drawn", "dice_drawn", "iou_drawn", "rho_attention"):
        assert np.isfinite(own.scores[name].values).all()
        np.testing.assert_array_equal(own.scores[name].values, of_collection.scores[name].values, err_msg=name)
    np.testing.assert_array_equal(source.human_map(image).values, source.human_map("one").values)


def test_networks_that_cut_photographs_differently_are_compared_over_what_both_see():
    networks = (tiny_network(0), tiny_network(1, short_px=24))
    source = live(networks=networks)
    if source._pair[0].frame == source._pair[1].frame:
        pytest.fail("the test is of networks with two frames")
    _, image = uploaded(source)
    np.testing.assert_array_equal(last(source, image).scores["rho"].values, last(source, "one").scores["rho"].values)


def test_a_map_beside_a_photograph_changes_nothing_of_what_networks_do():
    source = live()
    alone, image = uploaded(source)
    before = last(source, alone, NOISY)
    update = last(source, image, NOISY)
    np.testing.assert_array_equal(update.maps.values, before.maps.values)
    assert np.isnan(before.scores["rho"]).all()
    assert source.human_map(alone) is None


def test_it_has_no_ceiling_and_no_baseline_and_is_in_no_column_of_the_collection():
    source = live()
    before = source.scores(GRADIENT)
    _, image = uploaded(source)
    update = last(source, image)
    source.painted_results(image, np.full((3, 2), 9.0), GRADIENT)
    assert np.isnan(update.scores["floor_same"]).all()
    assert np.isnan(update.scores["floor_different"]).all()
    assert np.isnan(update.scores["ceiling"])
    assert source.scores(GRADIENT).identical(before)
    assert image not in source.images
    assert source.participants(image) == ()
    assert source.map_kinds == {"marks": "two participants marked each image"}


def test_it_is_told_whose_it_is_whatever_kind_is_asked_for():
    source = live()
    _, image = uploaded(source)
    told = source.human_map(image, "marks")
    assert (told.attrs["kind"], told.attrs["file"], told.attrs["n_participants"]) == ("uploaded", "mine.npy", "unknown")
    info = source.info(image)
    assert (info.filename, info.map_filename, info.has_human_map) == ("mine.png", "mine.npy", True)


def test_a_painted_map_is_compared_with_it():
    source = live()
    _, image = uploaded(source)
    points = np.random.default_rng(5).uniform((4, 2), (20, 18), (40, 2))
    results = source.painted_results(image, points, GRADIENT)
    assert results.human_map is not None
    own, people = (area_average(one.values, COMPARISON_GRID) for one in (results.human_map, source.human_map(image)))
    assert results.rho_people == pytest.approx(float(spearman(own, people)), abs=1e-12)


def test_two_visitors_with_one_photograph_and_two_maps_see_each_their_own():
    source = live()
    alone, first = uploaded(source)
    again, second = uploaded(source, values=human_map()[::-1].copy())
    assert alone == again
    assert len({alone, first, second}) == 3
    np.testing.assert_array_equal(source.human_map(first).values, source.human_map("one").values)
    assert not np.array_equal(source.human_map(second).values, source.human_map(first).values)
    assert not np.array_equal(last(source, first).scores["rho"].values, last(source, second).scores["rho"].values)
    assert uploaded(source)[1] == first, "the same files have the same link"
    assert source.human_map(alone) is None, "the photograph alone stays alone"


def test_another_name_of_the_same_map_does_not_change_the_title_under_a_link():
    source = live()
    alone, image = uploaded(source)
    other = source.add_upload("mine.png.npy", array(human_map()), [alone])
    assert source.human_map(image).attrs["file"] == "mine.npy"
    assert source.human_map(other).attrs["file"] == "mine.png.npy"


def test_a_map_belongs_to_an_upload_of_its_visitor_alone():
    source = live()
    uploaded(source)
    with pytest.raises(ValueError, match=r"“mine\.npy” is a human map, and a photograph called like it was expected"):
        source.add_upload("mine.npy", array(human_map()))


def test_a_second_map_of_a_photograph_that_has_one_takes_its_place():
    source = live()
    _, image = uploaded(source)
    other = source.add_upload("mine.npy", array(human_map()[::-1].copy()), [image])
    assert source.info(other).photograph == source.info(image).photograph
    assert not np.array_equal(source.human_map(other).values, source.human_map(image).values)


def test_refusals_name_the_file_and_what_to_do():
    source = live()
    alone = source.add_upload("mine.png", photograph())
    with pytest.raises(
        ValueError, match=r"^mine.npy: a map covers the whole photograph; 24 x 20 cells do not fit 20 x"
    ):
        source.add_upload("folder/mine.npy", array(human_map().T), [alone])
    with pytest.raises(ValueError, match=r"mine\.npy: all of its values are 2: it tells no place from another"):
        source.add_upload("mine.npy", array(np.full((20, 24), 2)), [alone])
    assert list(source.uploads._kept) == [alone], "nothing of what was refused is kept"


def test_bytes_of_maps_count_and_the_oldest_go_first():
    values, picture = array(human_map()), photograph()
    uploads = Uploads(most=64, most_bytes=len(picture) + 2 * len(values))
    alone = uploads.add("a.png", picture)
    names = [
        uploads.add(f"a{'.png' * (step % 2)}.npy", values[:-4] + bytes([step, 0, 128, 63]), [alone])
        for step in range(3)
    ]
    assert alone not in uploads
    assert [name in uploads for name in names] == [False, True, True]
    np.testing.assert_array_equal(uploads.photo(names[2]), TinyCollection().photo("one"))
    with pytest.raises(UnknownNameError, match="upload it again"):
        uploads.photo(names[0])
    assert uploads.human_map(names[0]) is None
    assert uploads.photograph(names[0]) == alone  # by which noise is drawn, also in a run that has begun


def test_a_map_that_was_let_go_is_a_map_again_when_it_comes_again():
    source = live()
    _, image = uploaded(source)
    expected = last(source, image).scores["rho"].values
    del source.uploads._kept[image]
    with pytest.raises(UnknownNameError, match="no image called"):
        source.human_map(image)
    assert uploaded(source)[1] == image
    np.testing.assert_array_equal(last(source, image).scores["rho"].values, expected)


def test_many_visitors_at_once_get_each_their_own():
    source = live()
    values = [np.roll(human_map(), step, axis=0) for step in range(8)]
    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(lambda step: uploaded(source, f"n{step}", values=values[step])[1], range(8)))
    for image, one in zip(ids, values, strict=True):
        np.testing.assert_array_equal(source.uploads.human_map(image).values, one)


def test_the_uploads_are_what_scores_need_of_a_collection():
    uploads = Uploads()
    for name in ("name", "fingerprint", "images", "map_kinds", "category", "size_px", "map_version", "has_human_map"):
        assert hasattr(uploads, name)
        assert hasattr(Collection, name) or name in Collection.__annotations__
