"""Folders of map files as sets are published: JPEG, fixMap, flat names, and nothing passed over in silence."""

import numpy as np
import pytest
from PIL import Image

from gala_viz.collections import open_collection
from gala_viz.collections.human_maps.map_checks import MapFileError
from gala_viz.collections.human_maps.map_files import read_map_file
from tests.collections.pictures import encoded, gradient

MAP = (np.add.outer(np.arange(60), np.arange(80)) * (255 / 138)).astype(np.uint8)


@pytest.fixture
def photos(tmp_path):
    for name in ("cat/a.png", "dog/b.png"):
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(gradient(60, 80)))
    return tmp_path / "photos"


def picture(path, values, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path, **options)


def test_jpeg_maps_are_read_as_near_as_they_are_kept_and_said_to_be_lossy(photos, tmp_path):
    picture(tmp_path / "maps/cat/a_fixMap.jpg", MAP, quality=95)
    picture(tmp_path / "maps/cat/a_fixPts.jpg", MAP, quality=95)
    picture(tmp_path / "maps/dog/b.jpeg", np.repeat(MAP[..., None], 3, axis=-1), quality=95)
    (tmp_path / "maps/README.txt").write_text("maps")
    collection = open_collection(photos, human_maps=tmp_path / "maps")
    for image in ("cat/a.png", "dog/b.png"):
        human_map = collection.human_map(image)
        assert np.abs(human_map.values - MAP / 255).max() < 0.05
        assert human_map.attrs["n_participants"] == "unknown"
    assert "2 of 2 are JPEG files, which have lost detail" in collection.map_kinds["human"]
    told = dict(collection.skipped)
    assert "1 file of this kind" in told["maps/*.txt"]
    assert "show fixations and no map" in told["maps/*_fixPts"]


def test_a_jpeg_never_takes_the_place_of_a_map_without_loss(photos, tmp_path):
    picture(tmp_path / "maps/cat/a.jpg", 255 - MAP, quality=95)
    picture(tmp_path / "maps/cat/a.png", MAP)
    collection = open_collection(photos, human_maps=tmp_path / "maps")
    np.testing.assert_allclose(collection.human_map("cat/a.png").values, MAP / 255, atol=1e-6)
    assert "comes second for cat/a.png" in dict(collection.skipped)["maps/cat/a.jpg"]
    assert "JPEG" not in collection.map_kinds["human"]


def test_a_photograph_in_colours_is_no_map(tmp_path):
    colours = np.stack([MAP, 255 - MAP, MAP], axis=-1)
    picture(tmp_path / "a.jpg", colours, quality=95)
    with pytest.raises(MapFileError, match="red, green and blue of this JPEG differ"):
        read_map_file(tmp_path / "a.jpg")
    (tmp_path / "b.jpg").write_bytes((tmp_path / "a.jpg").read_bytes()[:300])
    with pytest.raises(MapFileError, match="cannot be read"):
        read_map_file(tmp_path / "b.jpg")


def test_arrays_of_one_map_are_means_named_with_underlines_and_several_without_ids_are_refused(photos, tmp_path):
    (tmp_path / "maps").mkdir()
    np.save(tmp_path / "maps/cat_a.png.npy", MAP[None].astype(np.float32))
    np.save(tmp_path / "maps/dog_b.png.npy", np.stack([MAP, MAP[::-1]]).astype(np.float32))
    collection = open_collection(photos, human_maps=tmp_path / "maps")
    np.testing.assert_array_equal(collection.human_map("cat/a.png").values, MAP)
    assert collection.human_map("cat/a.png").attrs["n_participants"] == "unknown"
    assert collection.participants("cat/a.png") == ()
    assert collection.human_map("dog/b.png") is None
    assert "of whom its 2 maps are is not told" in dict(collection.skipped)["maps/dog_b.png.npy"]


def test_a_name_with_slashes_goes_before_one_with_underlines(tmp_path):
    for name in ("cat/a.png", "cat_a.png"):
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(gradient(60, 80)))
    picture(tmp_path / "maps/cat_a.png", MAP)
    collection = open_collection(tmp_path / "photos", human_maps=tmp_path / "maps")
    assert [image for image in collection.images if collection.has_human_map(image)] == ["cat_a.png"]


def test_a_folder_of_other_files_alone_says_which_there_are(photos, tmp_path):
    (tmp_path / "maps").mkdir()
    for number in range(3):
        (tmp_path / f"maps/a{number}.txt").write_bytes(b"x")
    with pytest.raises(MapFileError, match=r"\*\.txt: 3 files of this kind are no PNG"):
        open_collection(photos, human_maps=tmp_path / "maps")


def people_maps(folder, names, seed=0):
    """One random map of each name, as NPY."""
    random = np.random.default_rng(seed)
    maps = {name: random.random((6, 8)).astype(np.float32) for name in names}
    for name, values in maps.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        np.save(folder / name, values)
    return maps


@pytest.mark.parametrize(
    ("names", "people"),
    [
        (("s1/cat/a.npy", "s2/cat/a.npy", "s10/cat/a.npy"), ("s1", "s2", "s10")),
        (("s1/a.npy", "s2/a.npy", "s10/a.npy"), ("s1", "s2", "s10")),
        (("cat/a_1.npy", "cat/a_2.npy", "cat/a_10.npy"), ("1", "2", "10")),
        (("cat_a_1.npy", "cat_a_2.npy", "cat_a_10.npy"), ("1", "2", "10")),
    ],
)
def test_a_folder_or_an_ending_for_each_participant_gives_their_maps(photos, tmp_path, names, people):
    maps = people_maps(tmp_path / "maps", names)
    collection = open_collection(photos, human_maps=tmp_path / "maps")
    assert collection.participants("cat/a.png") == people
    np.testing.assert_array_equal(collection.participant_maps("cat/a.png").values, np.stack(list(maps.values())))
    np.testing.assert_allclose(collection.human_map("cat/a.png"), np.mean(list(maps.values()), axis=0))
    assert collection.human_map("cat/a.png").attrs["n_participants"] == 3
    assert not collection.has_human_map("dog/b.png")
    assert "for each participant" in collection.map_kinds["human"]


def test_a_participant_who_marked_nothing_does_not_count_and_the_mean_of_all_gives_way(photos, tmp_path):
    maps = people_maps(tmp_path / "maps", ("cat/a_1.npy", "cat/a_2.npy", "cat/a_3.npy", "cat/a.npy", "dog/b.npy"))
    np.save(tmp_path / "maps/cat/a_3.npy", np.zeros((6, 8), np.float32))
    collection = open_collection(photos, human_maps=tmp_path / "maps")
    assert collection.participants("cat/a.png") == ("1", "2")
    assert collection.human_map("cat/a.png").attrs["n_left_out"] == 1
    assert "maps of single participants" in dict(collection.skipped)["maps/cat/a.npy"]
    np.testing.assert_array_equal(collection.human_map("dog/b.png"), maps["dog/b.npy"])
    assert "one file of all on 1" in collection.map_kinds["human"]


def test_maps_of_participants_with_other_cells_or_of_each_other_are_refused(photos, tmp_path):
    people_maps(tmp_path / "maps", ("cat/a_1.npy", "cat/a_2.npy", "dog/b_1.npy"))
    np.save(tmp_path / "maps/cat/a_2.npy", np.ones((3, 4)))
    nested = np.cumsum(np.random.default_rng(0).random((3, 6, 8)), axis=0)
    for number, values in enumerate(nested):
        np.save(tmp_path / f"maps/dog/b_{number}.npy", values)
    collection = open_collection(photos, human_maps=tmp_path / "maps")
    assert collection.human_map("cat/a.png") is None
    assert collection.human_map("dog/b.png") is None
    told = dict(collection.skipped)
    assert "6 x 8 and 3 x 4" in told["maps, maps of cat/a.png"]
    assert "cumulative bins" in told["maps, maps of dog/b.png"]


def test_folders_that_are_not_called_like_people_are_no_participants(photos, tmp_path):
    people_maps(tmp_path / "maps", ("raw/cat/a.npy", "blurred/cat/a.npy"))
    with pytest.raises(MapFileError, match="whether these are of people or made otherwise is not told"):
        open_collection(photos, human_maps=tmp_path / "maps")


def test_counts_beside_a_folder_are_those_that_are_called_like_it(photos, tmp_path):
    people_maps(tmp_path / "sets/maps", ("cat_a.png.npy", "dog_b.png.npy"))
    (tmp_path / "sets/others_click_counts.json").write_text('{"cat/a.png": 7}')
    collection = open_collection(photos, human_maps=tmp_path / "sets/maps")
    assert collection.human_map("cat/a.png").attrs["n_participants"] == "unknown"
    assert "it may be of other maps" in dict(collection.skipped)["maps/others_click_counts.json"]
    (tmp_path / "sets/maps_click_counts.json").write_text('{"cat/a.png": 5}')
    collection = open_collection(photos, human_maps=tmp_path / "sets/maps")
    assert collection.human_map("cat/a.png").attrs["n_participants"] == 5


def test_of_two_numbers_of_one_image_neither_is_used(photos, tmp_path):
    people_maps(tmp_path / "maps", ("cat_a.png.npy", "dog_b.png.npy"))
    counts = tmp_path / "maps/maps_click_counts.json"
    counts.write_text('{"cat/a.png": 3, "cat/a.JPEG": 9, "dog/b.png": 4, "dog/b": 4}')
    collection = open_collection(photos, human_maps=tmp_path / "maps")
    assert collection.human_map("cat/a.png").attrs["n_participants"] == "unknown"
    assert collection.human_map("dog/b.png").attrs["n_participants"] == 4
    assert "two numbers of cat/a.png" in dict(collection.skipped)["maps/maps_click_counts.json"]


def test_a_single_numbered_file_is_no_participant(photos, tmp_path):
    people_maps(tmp_path / "maps", ("cat/a_2.npy", "dog/b.npy"))
    collection = open_collection(photos, human_maps=tmp_path / "maps")
    assert not collection.has_human_map("cat/a.png")
    assert "fits no image" in dict(collection.skipped)["maps/cat/a_2.npy"]


def test_a_file_of_counts_tells_of_how_many_participants_a_mean_is(photos, tmp_path):
    people_maps(tmp_path / "maps", ("cat_a.png.npy", "dog_b.png.npy"))
    counts = tmp_path / "maps/exp_click_counts.json"
    counts.write_text('{"cat/a.png": 7, "dog/b.png": "many"}')
    collection = open_collection(photos, human_maps=tmp_path / "maps")
    assert collection.human_map("cat/a.png").attrs["n_participants"] == 7
    assert collection.human_map("dog/b.png").attrs["n_participants"] == "unknown"
    assert collection.participants("cat/a.png") == ()
    assert "exp_click_counts.json" in collection.map_kinds["human"]
    assert "1 of its 2 entries" in dict(collection.skipped)["maps/exp_click_counts.json"]
    counts.write_text("[")
    collection = open_collection(photos, human_maps=tmp_path / "maps")
    assert collection.human_map("cat/a.png").attrs["n_participants"] == "unknown"
    assert "is not used" in dict(collection.skipped)["maps/exp_click_counts.json"]
