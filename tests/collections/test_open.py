"""Opening by name and by folder, and what is said when there is no such thing."""

import subprocess
import sys

import numpy as np
import pytest

from gala_viz.collections import open_collection
from gala_viz.collections import photos as photos_module
from gala_viz.collections.clickme.click_maps import ClickMapSpec
from gala_viz.collections.folder_collection import FolderCollection
from gala_viz.collections.open import UnknownCollectionError
from gala_viz.collections.photos import imagenet_label
from gala_viz.imagenet import CATEGORIES
from tests.collections.pictures import encoded, gradient


def test_photos_are_twenty_imagenet_photographs_with_their_labels():
    collection = open_collection("photos")
    assert len(collection) == 20
    assert collection.map_kinds == {}
    for image in collection.images:
        assert collection.photo(image).shape[2] == 3
        assert collection.target(image) == int(image.rsplit("_", 1)[1])
        assert collection.category(image) == CATEGORIES[collection.target(image)][1]
        assert not collection.has_human_map(image)
        assert collection.human_map(image) is None
    assert collection.category("imagenet_14_129") == "spoonbill"
    assert collection.skipped == ()


def test_photos_are_found_without_importing_the_package_that_carries_them():
    code = (
        "import sys; from gala_viz.collections import open_collection; c = open_collection('photos');"
        "c.thumbnail(c.images[0]); sys.exit(' '.join({'foolbox', 'torch', 'panel'} & set(sys.modules)) or 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_without_the_package_the_error_names_it(monkeypatch, tmp_path):
    monkeypatch.setattr(photos_module, "find_spec", lambda name: None)
    with pytest.raises(FileNotFoundError, match="pip install foolbox"):
        open_collection("photos")
    monkeypatch.setattr(photos_module, "photos_folder", lambda: tmp_path)
    with pytest.raises(FileNotFoundError, match="reinstall"):
        open_collection("photos")


@pytest.mark.parametrize(
    ("filename", "label"),
    [
        ("imagenet_00_243.jpg", 243),
        ("imagenet_15_99.jpg", 99),
        ("imagenet_15_1000.jpg", None),
        ("imagenet_15_-1.jpg", None),
        ("cifar10_00_3.png", None),
        ("imagenet_00_243.jpg.bak", None),
    ],
)
def test_a_label_is_read_from_the_file_name(filename, label):
    assert imagenet_label(filename) == label


def test_a_name_that_is_nearly_right_is_answered(tmp_path):
    with pytest.raises(UnknownCollectionError, match="Did you mean 'photos'"):
        open_collection("photo")
    (tmp_path / "caltech").mkdir()
    with pytest.raises(UnknownCollectionError, match="there is 'caltech'"):
        open_collection(tmp_path / "caltec")
    with pytest.raises(UnknownCollectionError, match="is not there either"):
        open_collection(tmp_path / "nowhere" / "caltech")
    with pytest.raises(FileNotFoundError, match="Known: photos"):
        open_collection("")


def test_a_file_or_a_folder_without_photographs_is_refused(tmp_path):
    (tmp_path / "a.png").write_bytes(encoded(gradient()))
    with pytest.raises(NotADirectoryError, match=r"zip archive of NPZ records; .*is none of these"):
        open_collection(tmp_path / "a.png")
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "a.txt").write_text("none")
    with pytest.raises(ValueError, match="no photographs"):
        open_collection(tmp_path / "empty")
    with pytest.raises(ValueError, match="human_maps"):
        open_collection("photos", human_maps=tmp_path)


def test_clicks_without_a_table_of_clicks_are_refused(tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.png").write_bytes(encoded(gradient()))
    (tmp_path / "maps").mkdir()
    np.save(tmp_path / "maps" / "a.npy", gradient()[..., 0])
    told = r"a table of clicks \(CSV, NPZ\) .* expected as human_maps; got {}\. Name the table, or leave clicks out\."
    for name in ("photos", tmp_path / "photos"):
        with pytest.raises(ValueError, match=told.format("none")):
            open_collection(name, clicks=ClickMapSpec())
    with pytest.raises(ValueError, match=told.format("none")):
        FolderCollection(tmp_path / "photos", clicks=ClickMapSpec())
    with pytest.raises(ValueError, match=told.format("maps")):
        open_collection(tmp_path / "photos", human_maps=tmp_path / "maps", clicks=ClickMapSpec())


def test_a_folder_called_photos_opens_by_its_path(tmp_path, monkeypatch):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.png").write_bytes(encoded(gradient()))
    monkeypatch.chdir(tmp_path)
    assert len(open_collection("./photos")) == 1
    assert len(open_collection("photos")) == 20


@pytest.mark.shared
def test_the_shared_imagenet_sample_has_every_category_once(shared_data):
    collection = open_collection(shared_data / "imagenet_sample")
    assert len(collection) == 1000
    assert sorted(collection.target(image) for image in collection.images) == list(range(1000))


@pytest.mark.shared
def test_the_shared_animals_and_vehicles_have_superclasses(shared_data):
    collection = open_collection(shared_data / "caltech_animals_vehicles")
    assert len(collection) == 3654
    assert {collection.superclass(image) for image in collection.images} == {"animal", "vehicle"}
    assert len({collection.category(image) for image in collection.images}) == 46
