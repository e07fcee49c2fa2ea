"""Maps in the lab's HDF5 layout: named like images, never followed into other files."""

import h5py
import numpy as np
import pytest

from gala_viz.collections import open_collection
from gala_viz.collections.map_files import MapFileError
from tests.collections.pictures import encoded, gradient

MAP = np.random.default_rng(0).random((12, 16)).astype(np.float32)


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    for name in ("n1/a.png", "n1/b.png", "n2/a.png", "n2/c.png", "n2/d.png"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(encoded(gradient(12, 16)))
    return folder


def write_maps(path, maps):
    with h5py.File(path, "w") as file:
        group = file.create_group("clickmaps")
        for name, values in maps.items():
            group.create_group(name).create_dataset("clickmap", data=values)
    return path


def test_maps_are_found_by_name(photos, tmp_path):
    people = np.stack([MAP, 2 * MAP])
    path = write_maps(tmp_path / "maps.h5", {"n1_a.png": MAP, "n2_a": people, "c.png": MAP, "zebra.png": MAP})
    collection = open_collection(photos, human_maps=path)
    np.testing.assert_array_equal(collection.human_map("n1/a.png"), MAP)
    np.testing.assert_array_equal(collection.human_map("n2/a.png"), people.mean(axis=0))
    assert collection.participants("n2/a.png") == ("0", "1")
    assert collection.has_human_map("n2/c.png")
    assert not collection.has_human_map("n1/b.png")
    assert dict(collection.skipped)["maps.h5, zebra.png"].startswith("fits no image")


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (np.full((12, 16), np.nan), "are not"),
        (-MAP, "at least 0"),
        (MAP[:, :4], "do not fit 12 x 16 px"),
        (np.ones(5), "an array \\(y, x\\) of numbers"),
        (np.array([[b"x"]]), "an array \\(y, x\\) of numbers"),
    ],
)
def test_maps_that_cannot_be_are_listed(photos, tmp_path, values, told):
    collection = open_collection(photos, human_maps=write_maps(tmp_path / "maps.h5", {"n1_a.png": values}))
    assert collection.human_map("n1/a.png") is None
    reason = dict(collection.skipped)["maps.h5, n1_a.png"]
    assert told.replace("\\", "") in reason
    assert not collection.has_human_map("n1/a.png")


def test_links_and_values_in_other_files_are_not_followed(photos, tmp_path):
    write_maps(tmp_path / "other.h5", {"n1_a.png": MAP})
    MAP.tofile(tmp_path / "raw")
    path = write_maps(tmp_path / "maps.h5", {"n1_b.png": MAP})
    with h5py.File(path, "a") as file:
        file["clickmaps/n1_a.png"] = h5py.ExternalLink("other.h5", "clickmaps/n1_a.png")
        file["clickmaps"].create_group("n2_a.png").create_dataset(
            "clickmap", MAP.shape, MAP.dtype, external=[(str(tmp_path / "raw"), 0, MAP.nbytes)]
        )
        layout = h5py.VirtualLayout(MAP.shape, MAP.dtype)
        layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5"), "clickmaps/n1_a.png/clickmap", MAP.shape)
        file["clickmaps"].create_group("n2_c.png").create_virtual_dataset("clickmap", layout)
        file["clickmaps"].create_group("n2_d.png")
    collection = open_collection(photos, human_maps=path)
    for image in ("n1/a.png", "n2/a.png", "n2/c.png", "n2/d.png"):
        assert collection.human_map(image) is None
    told = dict(collection.skipped)
    assert "no group" in told["maps.h5, n1_a.png"]
    assert "in another file" in told["maps.h5, n2_a.png"]
    assert "in another file" in told["maps.h5, n2_c.png"]
    assert "has no 'clickmap'" in told["maps.h5, n2_d.png"]
    assert collection.human_map("n1/b.png") is not None


def test_other_files_are_refused(photos, tmp_path):
    (tmp_path / "text.h5").write_text("no HDF5")
    with pytest.raises(MapFileError, match="is no HDF5 file"):
        open_collection(photos, human_maps=tmp_path / "text.h5")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["images"] = MAP
    with pytest.raises(MapFileError, match="no group 'clickmaps'; it has images"):
        open_collection(photos, human_maps=tmp_path / "other.h5")
    with pytest.raises(MapFileError, match=r"none of its 1 maps, for example 'zebra\.png' is named like an image"):
        open_collection(photos, human_maps=write_maps(tmp_path / "zebra.h5", {"zebra.png": MAP}))
    path = write_maps(tmp_path / "cut.h5", {"n1_a.png": MAP})
    path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(MapFileError, match="damaged"):
        open_collection(photos, human_maps=path)
