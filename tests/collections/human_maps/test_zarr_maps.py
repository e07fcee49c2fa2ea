"""Maps in Zarr, one for each participant: what is refused, and what names them."""

import numpy as np
import pytest
import xarray as xr
import zarr

from gala_viz.alignment.ceiling import CeilingSpec
from gala_viz.cache import ArrayCache
from gala_viz.collections import open_collection
from gala_viz.collections.human_maps.map_checks import MapFileError
from gala_viz.collections.human_maps.zarr_maps import write_zarr_maps
from gala_viz.evaluation.people import people_of
from gala_viz.networks.preprocessing import Preprocessing
from gala_viz.training.dataset import load_dataset
from tests.collections.pictures import encoded, gradient
from tests.training.tiny import maps_of

FRAME = Preprocessing(short_px=16, crop_px=16, mean=(0.0,) * 3, std=(1.0,) * 3)
IMAGES = tuple(f"test/cat/{number}.png" for number in range(3))


@pytest.fixture
def photos(tmp_path):
    for image in IMAGES:
        (tmp_path / "photos" / image).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "photos" / image).write_bytes(encoded(gradient(16, 16)))
    return tmp_path / "photos"


def write(path, people="ab"):
    rng = np.random.default_rng(3)
    return write_zarr_maps(path, [(image, who, rng.random((8, 8))) for image in IMAGES for who in people], {})


def test_maps_that_are_changed_in_place_are_no_more_those_of_before(photos, tmp_path, monkeypatch):
    monkeypatch.setenv("GALA_VIZ_CACHE", str(tmp_path / "cache"))
    path, kept = tmp_path / "maps.zarr", ArrayCache(tmp_path / "kept")
    write(path)

    def people():
        collection = open_collection(photos, human_maps=path)
        collection.categories = ("cat",)
        evaluated = people_of(collection, IMAGES, FRAME, [(4, 4)], CeilingSpec(), cache=kept).maps[4, 4].values
        return collection.fingerprint, evaluated, maps_of(load_dataset(collection, "test", FRAME))

    before, again = people(), people()
    assert again[0] == before[0], "nothing has changed"
    stored = zarr.open(path, mode="r+")["human_map"]
    stored[:] = np.random.default_rng(9).random(stored.shape).astype("f4")
    after = people()
    assert after[0] != before[0]
    assert np.abs(after[1] - before[1]).max() > 0.01
    assert np.abs(after[2] - before[2]).max() > 0.01


def test_the_maps_tell_their_unit_and_where_on_the_photograph_their_cells_are(tmp_path):
    write(tmp_path / "maps.zarr")
    maps = xr.open_zarr(tmp_path / "maps.zarr", consolidated=False)
    (one,) = maps.data_vars.values()
    assert one.attrs["units"]
    assert one.attrs["long_name"]
    for dim in ("y", "x"):
        np.testing.assert_allclose(maps[dim], (np.arange(8) + 0.5) / 8)
        assert maps[dim].attrs["units"] == "1"


def test_one_participant_twice_on_an_image_is_not_two_people(photos, tmp_path):
    path, rng = tmp_path / "maps.zarr", np.random.default_rng(0)
    rows = [(IMAGES[0], "a"), (IMAGES[0], "a"), (IMAGES[1], "a"), (IMAGES[1], "b")]
    with pytest.raises(ValueError, match="one map of each participant on an image"):
        write_zarr_maps(path, [(*row, rng.random((8, 8))) for row in rows], {})
    write_zarr_maps(path, [(image, f"{who}{n}", rng.random((8, 8))) for n, (image, who) in enumerate(rows)], {})
    participants = zarr.open(path, mode="r+")["participant"]
    participants[:] = np.array([who for _, who in rows], dtype=object)
    collection = open_collection(photos, human_maps=path)
    assert collection.participants(IMAGES[0]) == ()
    assert not collection.has_human_map(IMAGES[0])
    assert collection.participants(IMAGES[1]) == ("a", "b")
    ((name, reason),) = collection.skipped
    assert name == f"maps.zarr, {IMAGES[0]}"
    assert reason.startswith("2 maps need as many different participants; 'a' is there 2 times")
    assert collection.why_no_map(IMAGES[0]) == reason
    participants[:] = np.array(["a"] * 4, dtype=object)
    with pytest.raises(MapFileError, match=r"maps\.zarr: on none of its images .* 'a' is there 2 times"):
        open_collection(photos, human_maps=path)
