"""Human maps that visitors upload, on the comparison: shown, named, compared, and part of what a link opens."""

import html
import io

import numpy as np
import pytest
import xarray as xr
from PIL import Image

from gala_viz.collections.fills import fill_photo, image_seed
from gala_viz.collections.human_maps.uploaded_maps import DESCRIPTION
from gala_viz.panels.compare.compare_view import NO_HUMAN_MAP, CompareView
from gala_viz.panels.compare.sections import map_columns
from gala_viz.panels.gallery.collection_index import CollectionIndex
from gala_viz.panels.score_view import NO_HUMAN_MAPS
from gala_viz.panels.view_state import map_kind_in_view
from gala_viz.plots.figures.selection_export import export_selection, score_table
from gala_viz.plots.map_overlays import pack_rgba
from tests.panels.fake_source import FakeSource, blobs
from tests.panels.script import SCRIPT, until

MAP = blobs(7, 3, 20)


def array(values=MAP):
    content = io.BytesIO()
    np.save(content, values)
    return content.getvalue()


def photograph(size=(40, 40)):
    content = io.BytesIO()
    Image.fromarray(np.random.default_rng(2).integers(0, 255, (*size, 3), np.uint8)).save(content, "JPEG")
    return content.getvalue()


def finished(view):
    update = view.results.map_update
    return update is not None and update.done and view._map_request is not None


def opened(source, image=None):
    view = CompareView(source, CollectionIndex(source), SCRIPT)
    view.answers = []
    view.upload._send_msg = view.answers.append
    view.columns = map_columns(view)
    view.open(image)
    until(lambda: finished(view))
    return view


@pytest.fixture
def view():
    view = opened(FakeSource(count=12))
    yield view
    view.close()


@pytest.fixture
def without():
    """A view of a collection without human maps."""
    view = opened(FakeSource(count=4, human=False))
    yield view
    view.close()


def add(view, name, content, show=True):
    before = len(view.answers)
    view.add_upload(name, content, show=show)
    until(lambda: len(view.answers) > before)
    return view.answers[-1]


def add_both(view, name="cat"):
    add(view, f"{name}.jpg", photograph())
    assert add(view, f"{name}.npy", array(), show=False) == {"refused": "", "note": ""}
    until(lambda: view.results.human_map is not None and view.results.human_map.attrs.get("kind") == "uploaded")
    until(lambda: finished(view))


def test_the_column_of_people_shows_the_map_and_whose_it_is(view):
    add_both(view)
    np.testing.assert_array_equal(view.row.sources["human"].data["image"][0], MAP)
    heading = html.unescape(view.people_heading.object)
    assert "People, cat.npy, number unknown" in heading
    assert f"uploaded · {DESCRIPTION}" in heading
    assert view.display.titles["human"] == "People, cat.npy, number unknown"
    assert view.display.columns["human"] == "People, cat.npy, number unknown, uploaded"
    assert "uploaded" in [
        getattr(one, "title", "") for one in view.row.figures["human"].below if "title" in one.properties()
    ]


def test_its_closeness_stands_alone_beside_no_number_of_the_collection(view):
    add_both(view)
    until(lambda: "0.410" in view.score_view.table.object)
    assert "With: People, cat.npy, number unknown, uploaded." in html.unescape(view.score_view.table.object)
    assert "this <b>0.410</b>" in view.score_view.closeness.panes["a"].object
    assert "mean" not in view.score_view.closeness.panes["a"].object.split('class="words"')[1]
    assert view.score_view.closeness.panes["human"].object == "", "no ceiling"
    assert view.score_view.closeness.verdict.object == ""


def test_the_photograph_with_its_map_takes_the_place_of_the_photograph(view):
    add(view, "dog.jpg", photograph((30, 30)))
    add_both(view)
    tiles = [tile["category"] for tile in view.gallery.thumbnails.items[:3]]
    assert tiles[:2] == ["cat.jpg, with map", "dog.jpg"]
    assert view.current.image == "upload-2-1"
    add(view, "cat.jpg.npy", array(MAP[::-1].copy()))
    until(lambda: view.current.image == "upload-2-2")
    assert list(view.gallery.uploads) == ["upload-2-2", "upload-1"]


def test_a_map_for_a_photograph_that_is_not_in_view_changes_the_view_only_where_it_comes_first(view):
    add(view, "cat.jpg", photograph())
    add(view, "dog.jpg", photograph((30, 30)))
    assert view.current.image == "upload-2"
    add(view, "cat.npy", array(), show=False)
    assert view.current.image == "upload-2"
    add(view, "dog.npy", array(), show=False)
    assert view.current.image == "upload-2-2"


def test_a_link_opens_the_photograph_with_its_map_for_another_visitor(view):
    add_both(view)
    other = opened(view.source, view.current.image)
    np.testing.assert_array_equal(other.results.human_map.values, MAP)
    assert other.display.titles["human"] == "People, cat.npy, number unknown"
    other.close()
    alone = opened(view.source, "upload-1")
    assert alone.results.human_map is None
    alone.close()


def test_another_visitors_photograph_is_none_of_this_one(view):
    add_both(view)
    other = opened(view.source)
    assert "a photograph called like it was expected; none is there" in add(other, "cat.npy", array())["refused"]
    other.close()


def test_what_was_understood_otherwise_than_it_may_be_meant_is_said(view):
    grey = io.BytesIO()
    Image.fromarray((255 * MAP).astype(np.uint8)).save(grey, "PNG")
    told = add(view, "heat.png", grey.getvalue())
    assert told["note"].startswith("“heat.png” is grey and was added as a photograph. A human map is named like its")


def test_pixels_are_ordered_by_it_and_a_painted_map_is_compared_with_it(view):
    add_both(view)
    np.testing.assert_array_equal(view.erase_reveal._maps["people"], MAP)
    view.display.own_map = True
    stroke = [[60.0 + 3 * step, 90.0 + 2 * step] for step in range(12)]
    painting = {"image": view.current.image, "strokes": [stroke], "number": 1, "by": ""}
    view.own_map.tool.on_message(painting)
    until(lambda: view.own_map.results is not None)
    assert view.own_map.tool.scores[-1][1] == "people"
    assert np.isfinite(view.own_map.results.rho_people)


@pytest.mark.slow
def test_what_stands_where_it_is_hidden_is_what_the_networks_get_by_the_photographs_id(view):
    add_both(view)
    view.erase_reveal.settings.fill = "phase"
    view.display.erase_reveal = True
    seed = image_seed(view.results.info.photograph)
    wanted = pack_rgba(fill_photo(view.results.photo, "phase", seed))
    until(lambda: np.array_equal(view.row.sources["erased"].data["filled"][0], wanted))


@pytest.mark.slow
def test_the_kind_of_the_collection_and_its_participants_do_not_name_it(view):
    view.current.kind = "mouse"
    add_both(view)
    assert map_kind_in_view(view.source, view.current, view.results.human_map) == "uploaded"
    assert view.display.columns["human"].endswith(", uploaded")
    view.current.image = view.source.images[0]
    until(lambda: view.display.columns["human"].endswith(", mouse"))


def test_a_collection_without_human_maps_has_a_column_of_people_once_an_upload_brings_one(without):
    assert "human" not in without.display.panels
    assert [column.visible for column in without.columns] == [True, False, True, True, True]
    assert "four" in without.columns.css_classes
    without.display.erase_reveal = True
    controls = without.display_controls.pane
    assert not any(controls.states[name]["visible"] for name in ("human_style", "contours"))
    add_both(without)
    assert all(controls.states[name]["visible"] for name in ("human_style", "contours"))
    assert without.display.panels == ["photo", "human", "a", "b", "delta"]
    assert all(column.visible for column in without.columns)
    assert "four" not in without.columns.css_classes
    assert "0.410" in without.score_view.table.object
    (field,) = (one for one in without.erase_reveal._section.form.fields if one["name"] == "order")
    assert [value for _, value in field["options"]] == ["people", "first", "second", "own"]
    without.current.image = without.source.images[1]
    until(lambda: without.score_view.table.object and NO_HUMAN_MAPS in without.score_view.table.object)
    assert without.row.missing_map_label.text == NO_HUMAN_MAP
    assert not without.score_view.distribution_pane.visible


@pytest.mark.slow
def test_by_one_network_twice_its_scores_are_in_columns_of_their_own():
    source = FakeSource(count=4)
    name = source.networks[0].name
    view = opened(source.pair(name, name))
    add_both(view)
    table = score_table(view.source, [view.current.image], view._map_request)
    rho = view.results.map_update.scores["rho"].values
    np.testing.assert_allclose(table.loc[0, [f"rho {name}", f"rho {name}_second"]].astype(float), rho)
    assert np.isfinite(rho).all()
    view.close()


@pytest.mark.slow
def test_files_of_scores_and_maps_have_it_under_its_own_name(without, tmp_path):
    add_both(without)
    source, request = without.source, without._map_request
    image, other = without.current.image, without.source.images[0]
    table = score_table(source, [image, other], request)
    first = source.networks[0].name
    assert table[f"rho {first}"][0] == pytest.approx(0.41)
    assert list(table["human_map"]) == ["uploaded: cat.npy", ""]
    list(export_selection(source, [other, image], request, "netcdf", tmp_path / "maps.nc", lambda: False))
    content = xr.open_dataset(tmp_path / "maps.nc", engine="scipy").load()
    np.testing.assert_array_equal(content["human_map"].sel(image=image).values, MAP)
    assert np.isnan(content["human_map"].sel(image=other).values).all()
    assert [str(one) for one in content["human_map_kind"].values] == ["", "uploaded: cat.npy"]
    assert content["rho"].sel(image=image).values[0] == pytest.approx(0.41)
