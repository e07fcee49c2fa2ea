"""The grid of many photographs: rows as they come, of what is shown now and nothing else, by columns of a link."""

from urllib.parse import parse_qsl

import numpy as np
import pytest

from gala_viz.panels.compare.compare_view import CompareView
from gala_viz.panels.gallery.collection_index import CollectionIndex
from gala_viz.panels.grid.grid_view import GO_ON, GridView
from gala_viz.panels.link_parameters import MAP_LINK_NAMES, compare_link_parameters, grid_link_parameters
from gala_viz.panels.other_page import other_page_query
from gala_viz.panels.page_state import PageState
from gala_viz.plots.colour_scale import colour_limits
from gala_viz.plots.grid_cells import grid_cells
from gala_viz.plots.grid_columns import GridColumn, all_columns, column_title, parse_columns, usual_columns
from gala_viz.plots.map_pictures import map_over_photo
from gala_viz.specs import MapRequest
from tests.panels.fake_source import FakeSource
from tests.panels.script import SCRIPT, until


@pytest.fixture
def source():
    return FakeSource(count=12)


@pytest.fixture
def view(source, monkeypatch):
    view = GridView(source, CollectionIndex(source), SCRIPT)
    view.sent = []
    monkeypatch.setattr(view.grid, "_send_msg", view.sent.append)
    yield view
    view.close()


def ask(view, *rows, generation=None):
    view.grid.on_message({"rows": list(rows), "generation": view.grid.generation if generation is None else generation})


def never():
    return False


def test_it_begins_with_photograph_people_both_networks_and_their_delta(view, source):
    assert view.grid.columns == ["Photograph", "People", "Vanilla GALA", "Human co-trained GALA", "Delta"]
    assert view.grid.count == len(view.gallery.positions)
    without = FakeSource(count=3, human=False)
    assert [one.name for one in usual_columns(without)] == ["photo", "first", "second", "delta"]


def test_the_column_of_simulated_people_says_so(source):
    source.map_kinds = {"simulated ClickMe": "SIMULATED", **source.map_kinds}
    column = GridColumn(kind="people")
    assert column_title(column, source) == "Simulated people"
    assert column_title(column, source, "mouse") == "People"


def test_rows_come_in_the_order_in_which_they_are_asked_for_with_the_image_of_that_place(view, source):
    ask(view, 3, 1, 0)
    until(lambda: len(view.sent) == 3)
    assert [message["at"] for message in view.sent] == [3, 1, 0]
    images = [source.images[view.gallery.positions[at]] for at in (3, 1, 0)]
    assert [message["row"]["id"] for message in view.sent] == images
    assert not view.progress.bar.busy


def test_a_cell_is_the_map_of_its_column_and_says_what_the_comparison_says(source):
    image = next(one for one in source.images[3:] if source.info(one).has_human_map)
    columns = [*usual_columns(source), *parse_columns("second:saliency,first@blocks.7", source)]
    row = grid_cells(source, image, columns, MapRequest(), never)
    update = source.cached(image, MapRequest())
    prediction = source.forward(image).predictions[1]
    cells = {column.name: cell for column, cell in zip(columns, row, strict=True)}
    assert f"{prediction.categories[0]} {100 * prediction.probabilities[0]:.0f} %" in cells["second"].text
    assert f"rho {update.scores['rho'].values[1]:.2f}" in cells["second"].text
    assert cells["people"].text == "n = 15"
    limits = colour_limits(update.maps.values, "shared")[1]
    expected = map_over_photo(source.view(image), update.maps.values[1], limits)
    np.testing.assert_array_equal(cells["second"].picture, expected)
    assert source.cached(image, MapRequest(method="saliency")) is not None, "of the column's own method"
    norm = source.forward(image).attention_norms[0]["blocks.7"].values
    assert cells["first@blocks.7"].text.startswith("0–")
    assert cells["first@blocks.7"].picture.shape[:2] == source.view(image).shape[:2]
    assert norm.shape != source.view(image).shape[:2], "of coarser cells"


def test_where_people_did_not_mark_the_photograph_their_cell_says_so(source):
    image = next(one for one in source.images if not source.info(one).has_human_map)
    (cell,) = grid_cells(source, image, [GridColumn(kind="people")], MapRequest(), never)
    assert (cell.picture, cell.text) == (None, "not marked")


def test_rows_of_other_settings_columns_or_photographs_are_never_shown(view):
    before = view.grid.generation
    ask(view, 0)
    view.settings.n_samples = 20
    assert view.grid.generation == before + 1
    ask(view, 0, generation=before)
    view.sent.clear()
    ask(view, 1)
    until(lambda: any(message["at"] == 1 for message in view.sent))
    assert {message["generation"] for message in view.sent} == {view.grid.generation}
    view.gallery.settings.search = "photo 00003"
    assert view.grid.count == 1


@pytest.mark.parametrize("wrong", [RuntimeError("out of memory"), KeyError("x"), MemoryError()])
def test_any_error_is_of_its_row_alone(view, source, monkeypatch, wrong):
    broken, intact = source.images[view.gallery.positions[0]], source.view

    def look(image):
        if image == broken:
            raise wrong
        return intact(image)

    monkeypatch.setattr(source, "view", look)
    ask(view, 0, 1)
    until(lambda: len(view.sent) == 2 and not view.progress.bar.busy)
    assert view.sent[0]["row"]["error"]


def test_photographs_are_sorted_and_filtered_by_scores_as_on_the_comparison(view, source):
    until(lambda: view.gallery.scores is not None)
    before = view.gallery.positions.copy()
    view.gallery.settings.order = "gain"
    assert not np.array_equal(view.gallery.positions, before)
    assert view.grid.count == len(before)
    compare = CompareView(source, CollectionIndex(source), SCRIPT)
    compare.open()
    until(lambda: compare.gallery.scores is not None)
    compare.gallery.settings.order = "gain"
    np.testing.assert_array_equal(view.gallery.positions, compare.gallery.positions)
    view.gallery.settings.param.update(order="id", verdict="both right")
    compare.gallery.settings.param.update(order="id", verdict="both right")
    np.testing.assert_array_equal(view.gallery.positions, compare.gallery.positions)
    assert len(view.gallery.positions)
    compare.close()


def test_a_participant_or_a_category_that_a_photograph_does_not_have_stops_no_row(view, source):
    view.current.participant = "nobody"
    view.settings.target = "label"
    ask(view, 0, 1, 2)
    until(
        lambda: {message["at"] for message in view.sent if message["generation"] == view.grid.generation} == {0, 1, 2}
    )
    assert not any("error" in message["row"] for message in view.sent)
    assert "own prediction where it is not known" in view.about.object


def test_one_photograph_that_cannot_be_read_says_why_and_the_others_come(view, source, monkeypatch):
    broken = source.images[view.gallery.positions[0]]
    intact = source.view

    def look(image):
        if image == broken:
            raise ValueError(f"{image} could not be read.")
        return intact(image)

    monkeypatch.setattr(source, "view", look)
    ask(view, 0, 1)
    until(lambda: len(view.sent) == 2)
    assert "could not be read" in view.sent[0]["row"]["error"]
    assert view.sent[1]["row"]["cells"][0]["src"]


def test_cancel_keeps_what_is_there_and_the_rest_can_be_drawn():
    source = FakeSource(count=12, delay_s=0.03)
    view = GridView(source, CollectionIndex(source), SCRIPT)
    sent = []
    view.grid._send_msg = sent.append
    ask(view, *range(8))
    until(lambda: sent)
    view.cancel()
    n = len(sent)
    assert n < 8
    assert (view.progress.bar.start_label, view.progress.bar.busy) == (GO_ON, False)
    view.progress._press({"press": "start"})
    until(lambda: {message["at"] for message in sent} == set(range(8)))
    view.close()


def test_columns_are_added_taken_away_and_named_in_links(view, source):
    view.form.receive("add", "delta:saliency")
    assert view.grid_settings.columns == "photo,people,first,second,delta,delta:saliency"
    assert view.grid.columns[-1] == "Delta, Gradient"
    view.grid.on_message({"remove": 5})
    assert view.grid_settings.columns == "", "the usual ones"
    for strange in (-1, 5, "0", None):
        view.grid.on_message({"remove": strange})
    assert len(view.grid.columns) == 5
    with pytest.raises(ValueError, match="first"):
        parse_columns("fist", source)
    names = [column.name for column in all_columns(source)]
    assert len(set(names)) == len(names)
    assert [one.name for one in parse_columns(",".join(names), source)] == names
    titles = [column_title(one, source) for one in all_columns(source)]
    assert all(titles)


@pytest.mark.parametrize("rows", ["x", None, [-1], [10**6], ["0"], [None], {"0": 1}])
def test_what_no_page_asks_is_not_heard(view, rows):
    view.grid.on_message({"rows": rows, "generation": view.grid.generation})
    assert view._waiting == []
    assert not view.progress.bar.busy


def test_a_link_opens_the_same_columns_settings_and_photographs(view, source):
    state = PageState(grid_link_parameters(view), {})
    view.form.receive("add", "first@blocks.8")
    view.settings.param.update(method="saliency", smoothing_px=2.0)
    view.gallery.settings.search = "photo"
    view.grid_settings.cell_px = 200
    query = state.query
    other = GridView(source, CollectionIndex(source), SCRIPT)
    assert PageState(grid_link_parameters(other), {}).restore(parse_qsl(query)) == []
    assert other.grid.columns == view.grid.columns
    assert other.request() == view.request()
    assert (other.grid.cell_px, other.gallery.settings.search) == (200, "photo")
    other.close()


def test_the_comparison_and_the_grid_hand_each_other_the_settings_of_maps(view, source):
    state = PageState(grid_link_parameters(view), {})
    view.settings.param.update(n_samples=30, seed=7)
    told = dict(parse_qsl(other_page_query(state, "", MAP_LINK_NAMES)))
    assert (told["n"], told["seed"]) == ("30", "7")
    assert "columns" not in told
    assert set(told) <= set(compare_names()) | {"v"}


def compare_names():
    from gala_viz.panels.gallery.selection_filter import SelectionFilter
    from gala_viz.panels.presenting.presentation import Presentation

    source = FakeSource(count=3)
    view = CompareView(source, CollectionIndex(source), SCRIPT)
    names = list(compare_link_parameters(view, Presentation(view), SelectionFilter(source, view.gallery, SCRIPT)))
    view.close()
    return names
