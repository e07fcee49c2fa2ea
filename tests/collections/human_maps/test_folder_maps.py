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
