"""Published sets that no reader takes are refused with what to do."""

import h5py
import numpy as np
import pytest
import scipy.io
import xarray as xr
from PIL import Image

from gala_viz.collections.human_maps.open_human_maps import open_human_maps
from gala_viz.collections.human_maps.unread_sets import unread_set_advice


def _mat(path):
    scipy.io.savemat(path, {"allImages": np.zeros((1, 2))})


def _mat_73(path):
    with h5py.File(path, "w") as file:
        file["fixCell"] = np.zeros((3, 1))


def _text(path):
    path.write_text("1,80,60,800,600,10,20,(12,13,200),(30,31,150)\n2,80,60,800,600,10,20,(12,13,200)\n")


def _pictures(names):
    def write(path):
        path.mkdir()
        for number, name in enumerate(names):
            values = np.random.default_rng(number).integers(0, 255, (60, 80), dtype=np.uint8)
            Image.fromarray(values).save(path / name)

    return write


def _netcdf(path):
    dims = ("presentation", "neuroid")
    xr.DataArray(np.zeros((3, 4)), dims=dims, name="objectome").to_netcdf(path, engine="scipy")


def _npz(path):
    np.savez(path, ims=np.zeros((2, 8, 8, 3)), data_human=np.zeros(4))


@pytest.mark.parametrize(
    ("name", "write", "advice"),
    [
        ("allImages_release.mat", _mat, "pysaliency writes its fixations as HDF5"),
        ("pascalFix.mat", _mat_73, "pysaliency writes its fixations as HDF5"),
        ("Fixation.txt", _text, "one fixation a line"),
        ("vqahat_val", _pictures(["400000_1.png", "400001_1.png"]), "image ids of the questions' file"),
        ("annotations", _pictures(["im0_seg.png", "im0_parts_1.png"]), "make a map of the objects"),
        ("assy_dicarlo.nc", _netcdf, "gala-viz experiment import"),
        ("data_for_zahra.npz", _npz, "gala-viz experiment import"),
        ("n01440764_1.pth", lambda path: path.write_bytes(b"PK\x03\x04"), "pickles can run code"),
    ],
)
def test_a_set_that_is_not_read_is_refused_with_what_to_do(tmp_path, name, write, advice):
    write(tmp_path / name)
    with pytest.raises(ValueError, match=advice) as told:
        open_human_maps(tmp_path / name, ["im0.png", "im1.png"], lambda _: (60, 80))
    assert str(told.value).count(advice) == 1


def test_maps_named_like_their_photographs_are_read_whatever_set_has_such_names(tmp_path):
    _pictures(["400000_1.png", "400000_2.png"])(tmp_path / "maps")
    assert unread_set_advice(tmp_path / "maps")
    maps = open_human_maps(tmp_path / "maps", ["400000.png"], lambda _: (60, 80))
    assert maps.read_map("400000.png", next(iter(maps.kinds)), (60, 80)).participants == ("1", "2")


def test_other_names_have_no_advice(tmp_path):
    (tmp_path / "maps").mkdir()
    assert unread_set_advice(tmp_path / "maps") == unread_set_advice(tmp_path / "clicks.csv") == ""
