"""What is exported of a selection: the same numbers as on the page, with the settings that made them."""

import csv
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
import zarr

from gala_viz.plots.figures.selection_export import (
    FORMATS,
    MAX_IMAGES_WITH_MAPS,
    export_selection,
    score_table,
)
from gala_viz.specs import MapRequest, SmoothGradSpec
from tests.panels.fake_source import FakeSource

REQUEST = MapRequest(smoothgrad=SmoothGradSpec(n_samples=10, seed=4), smoothing_px=1.0, human_map="mouse")


@pytest.fixture(scope="module")
def source():
    return FakeSource(count=12)


def never():
    return False


def exported(source, kind, folder, images, request=REQUEST):
    file = folder / FORMATS[kind][1]
    progress = list(export_selection(source, images, request, kind, file, never))
    assert progress[-1].done == progress[-1].total == len(images)
    return file


def opened(kind, file):
    if kind == "netcdf":
        return xr.open_dataset(file, engine="scipy").load()
    return xr.open_zarr(zarr.storage.ZipStore(file, mode="r")).load()


@pytest.mark.parametrize("kind", ["netcdf", "zarr"])
def test_maps_are_those_of_the_page_for_each_image_in_order_whatever_its_name(source, tmp_path, kind):
    images = [source.images[at] for at in (5, 2, 0)]  # the second has a long name
    content = opened(kind, exported(source, kind, tmp_path, images))
    assert [str(one) for one in content["image"].values] == images
    assert [str(one) for one in content["network"].values] == [network.name for network in source.networks]
    for image in images:
        update, one = source.cached(image, REQUEST), content.sel(image=image)
        np.testing.assert_array_equal(one["saliency"].values, update.maps.values.astype(np.float32))
        np.testing.assert_array_equal(one["delta"].values, update.delta.values.astype(np.float32))
        np.testing.assert_array_equal(one["rho"].values, update.scores["rho"].values)
        assert one["explained"].values.tolist() == list(update.targets)
        human = source.human_map(image, "mouse")
        if human is None:
            assert np.isnan(one["human_map"].values).all()
        else:
            np.testing.assert_array_equal(one["human_map"].values, human.values)
        layer = source.networks[1].layers[0]
        norm = source.forward(image).attention_norms[1][layer].values
        np.testing.assert_array_equal(one[f"attention_norm_{layer}_{source.networks[1].name}"].values, norm)
    told = {name: content.attrs[name] for name in ("method", "n_samples", "seed", "smoothing_px", "human_map")}
    assert told == {"method": "smoothgrad", "n_samples": 10, "seed": 4, "smoothing_px": 1.0, "human_map": "mouse"}
    assert content["saliency"].attrs["units"]


def test_the_table_has_a_row_for_each_image_and_the_settings_in_each(source, tmp_path):
    images = list(source.images[:4])
    with exported(source, "csv", tmp_path, images).open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["image"] for row in rows] == images
    scores = source.scores(REQUEST).sel(image=images)
    for number, network in enumerate(source.networks):
        told = [float(row[f"rho {network.name}"] or "nan") for row in rows]
        np.testing.assert_allclose(told, scores["rho"].values[number], rtol=1e-6)
    assert {(row["method"], row["seed"], row["human_map"], row["participant"]) for row in rows} == {
        ("smoothgrad", "4", "mouse", "all")
    }


def test_an_upload_is_taken_along_without_scores(source, tmp_path):
    upload = source.add_upload("mine.webp", source.thumbnail(source.images[3]))
    table = score_table(source, [upload], REQUEST)
    assert table[[f"rho {network.name}" for network in source.networks]].isna().all(axis=None)
    content = opened("netcdf", exported(source, "netcdf", tmp_path, [upload]))
    assert np.isfinite(content["saliency"].values).all()


def test_each_image_tells_whose_human_map_it_is_compared_with(source, tmp_path):
    marked = [image for image in source.images if source.info(image).has_human_map][:2]
    unmarked = next(image for image in source.images if not source.info(image).has_human_map)
    request = replace(REQUEST, participant="p3", target="label")
    content = opened("netcdf", exported(source, "netcdf", tmp_path, [*marked, unmarked], request))
    assert [str(one) for one in content["participant"].values] == ["p3", "p3", "all"]
    assert set(content["target"].values.astype(str)) <= {"label", "own"}
    assert "participant" not in content.attrs
    for image in marked:
        own = source.human_map(image, "mouse", "p3").values
        np.testing.assert_array_equal(content["human_map"].sel(image=image).values, own)


def test_the_table_has_the_scores_of_all_participants_and_says_so(source):
    image = source.images[0]
    table = score_table(source, [image], replace(REQUEST, participant="p3"))
    assert table["participant"].tolist() == ["all"]


def test_cancelling_leaves_no_file(tmp_path):
    source, file = FakeSource(count=4), tmp_path / "maps.nc"
    asked = iter([False, True])
    list(export_selection(source, source.images, REQUEST, "netcdf", file, lambda: next(asked, True)))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("count", "said"), [(0, "no photograph is shown"), (MAX_IMAGES_WITH_MAPS + 1, "gala-viz attribute")]
)
def test_too_few_and_too_many_are_refused_with_what_to_do(source, tmp_path, count, said):
    with pytest.raises(ValueError, match=said):
        list(export_selection(source, ["photo"] * count, REQUEST, "zarr", tmp_path / "maps.zarr.zip", never))
