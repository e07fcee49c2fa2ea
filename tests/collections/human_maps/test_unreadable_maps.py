"""A map that could not be read just now is listed and tried again: no verdict on its content, and none of others."""

import h5py
import numpy as np
import pytest

from gala_viz.alignment import CeilingSpec
from gala_viz.cache import ArrayCache
from gala_viz.collections.clickme.writers import ClickMeRecord, write_tfrecords
from gala_viz.collections import open_collection
from gala_viz.collections.human_maps import map_files
from gala_viz.collections.human_maps.map_checks import any_unread, usable_map
from gala_viz.evaluation.people import people_of
from tests.collections.pictures import encoded
from tests.collections.test_osie import write_public
from tests.evaluation.fakes import PREPROCESSING

MAP = np.random.default_rng(0).random((48, 48)).astype(np.float32)
PHOTO = np.random.default_rng(1).integers(0, 255, (48, 48, 3), dtype=np.uint8)


def photographs(root, count=4):
    (root / "photos").mkdir()
    for number in range(count):
        (root / "photos" / f"{number}.png").write_bytes(encoded(PHOTO))
    return root / "photos"


def map_folder(root):
    (root / "maps").mkdir()
    for number in range(4):
        np.save(root / "maps" / f"{number}.npy", np.zeros((48, 48)) if number == 3 else MAP)
    return open_collection(photographs(root), human_maps=root / "maps"), "0.png", root / "maps" / "0.npy"


def hdf5(root):
    with h5py.File(root / "maps.h5", "w") as file:
        for number in range(4):
            file[f"clickmaps/{number}.png/clickmap"] = MAP
    return open_collection(photographs(root), human_maps=root / "maps.h5"), "0.png", root / "maps.h5"


def records(root):
    write_tfrecords(root / "a.tfrecords", [ClickMeRecord(PHOTO, MAP, 0, 9, f"{number}.JPEG") for number in range(4)])
    return open_collection(root / "a.tfrecords"), "0.JPEG", root / "a.tfrecords"


def mouse_files(root):
    public = write_public(root)
    (public / "data" / "eye" / "fixations.mat").unlink()
    return open_collection(public), "1002", public / "data" / "mouse_amt" / "1002.mat"


@pytest.mark.parametrize("kind", [map_folder, hdf5, records, mouse_files])
def test_a_map_whose_file_is_away_for_a_moment_is_told_and_read_again(kind, tmp_path):
    collection, image, path = kind(tmp_path)
    listed, _ = collection.skipped, collection.fingerprint
    path.rename(tmp_path / "away")
    for _ in range(2):
        found, why = usable_map(collection, image)
        assert found is None
        assert "cannot be read" in why
        assert collection.has_human_map(image)
        assert any_unread(collection, [image])
        assert why in [reason for _, reason in collection.skipped]
    (tmp_path / "away").rename(path)
    assert usable_map(collection, image)[0] is not None
    assert not any_unread(collection, collection.images)
    assert collection.skipped == listed


def test_a_read_that_fails_half_way_is_no_verdict_on_the_content_either(tmp_path, monkeypatch):
    collection, image, _ = map_folder(tmp_path)

    def fails(*_):
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr(map_files, "_npy", fails)
        assert usable_map(collection, image) == (None, "the map cannot be read (Input/output error).")
    assert usable_map(collection, image)[0] is not None


def test_an_evaluation_keeps_no_block_of_which_a_map_could_not_be_read(tmp_path):
    collection, image, path = map_folder(tmp_path)
    kept = ArrayCache(tmp_path / "kept")

    def people():
        return people_of(collection, collection.images, PREPROCESSING, [(4, 4)], CeilingSpec(), cache=kept)

    path.rename(tmp_path / "away")
    assert people().images == ("1.png", "2.png")
    assert not list((tmp_path / "kept").rglob("*.npz"))
    (tmp_path / "away").rename(path)
    assert people().images == (image, "1.png", "2.png")
    (file,) = (tmp_path / "kept").rglob("*.npz")
    assert people().left_out == {"3.png": "all of its values are 0: nobody marked anything."}
    assert list((tmp_path / "kept").rglob("*.npz")) == [file]


def test_a_map_that_cannot_be_used_has_its_own_reason(tmp_path):
    """However often it is asked for, and whatever else was left out before and after."""
    collection, _, _ = map_folder(tmp_path)
    (tmp_path / "maps" / "1.npy").write_bytes(b"no array")
    (tmp_path / "photos" / "2.png").write_bytes(b"no picture")
    why = {image: usable_map(collection, image)[1] for image in ("3.png", "1.png")}
    with pytest.raises(ValueError, match=r"2\.png"):
        collection.photo("2.png")
    for image, told in why.items():
        assert usable_map(collection, image) == (None, told)
    assert "nobody marked anything" in why["3.png"]
    assert "the map cannot be read" in why["1.png"]
    assert collection.why_no_map("0.png") == ""
