"""Paint your own on the comparison: what the browser tells becomes a map, its scores, and maps that are kept."""

import itertools

import numpy as np
import pytest

from gala_viz.collections.clickme.painted_map import painted_map
from gala_viz.panels.compare.compare_view import CompareView
from gala_viz.panels.gallery.collection_index import CollectionIndex
from gala_viz.records.canvas import CANVAS_PX, canvas_to_photo, photo_to_canvas
from gala_viz.records.database import Database
from gala_viz.records.painted_maps import MAX_POINTS, PaintedMaps
from tests.panels.fake_source import SIDE, FakeSource
from tests.panels.script import SCRIPT, until

STROKE = [[60.0 + 3 * i, 90.0 + 2 * i] for i in range(12)]
NUMBERS = itertools.count(1)


@pytest.fixture(scope="module")
def standing():
    source = FakeSource(count=12)
    view = CompareView(source, CollectionIndex(source), SCRIPT)
    view.open()
    until(lambda: view.results.map_update is not None and view.results.map_update.done)
    view.display.own_map = True
    yield view
    view.close()


@pytest.fixture
def view(standing):
    """A view with the section open, on a photograph with people's map, where nothing is painted."""
    images = standing.source.images
    marked = next(image for image in images[3:] if standing.source.info(image).has_human_map)
    standing.current.image = next(image for image in images if image != marked)
    standing.current.image = marked
    until(lambda: standing.results.map_update is not None and standing.results.map_update.done)
    until(lambda: standing.results.human_map is not None)
    return standing


@pytest.fixture
def kept(view, tmp_path):
    maps = PaintedMaps(Database(tmp_path / "records.sqlite"), "fake")
    view.own_map.attach_records(maps, "")
    return maps


@pytest.fixture
def messages(view, monkeypatch):
    """What the browser's part is told."""
    sent = []
    monkeypatch.setattr(view.own_map.tool, "_send_msg", sent.append)
    return sent


def paint(view, *strokes, image=None, by=""):
    number = next(NUMBERS)
    image = view.current.image if image is None else image
    view.own_map.tool.on_message({"number": number, "image": image, "strokes": list(strokes), "by": by})
    return number


def answered(view, number):
    until(lambda: view.own_map.tool.answered == number)
    return view.own_map.results


def test_strokes_on_the_canvas_become_the_map_of_the_game_in_the_frame(view):
    results = answered(view, paint(view, STROKE))
    points = np.array(STROKE) * SIDE / CANVAS_PX
    np.testing.assert_allclose(results.human_map.values, painted_map(points, (SIDE, SIDE)).values, atol=1e-7)
    assert view.own_map.tool.map
    assert view.own_map.tool.map_image == view.current.image
    titles = [network.title for network in view.source.networks]
    assert [title for _, title, _ in view.own_map.tool.scores] == [*titles, "people"]
    assert [text for *_, text in view.own_map.tool.scores] == [
        f"{rho:.3f}" for rho in (*results.rhos, results.rho_people)
    ]


def test_taking_all_back_takes_the_map_away(view):
    answered(view, paint(view, STROKE))
    answered(view, paint(view))
    assert view.own_map.human_map is None
    assert (view.own_map.tool.map, view.own_map.tool.scores) == ("", [])


def test_another_photograph_begins_without_a_map_and_late_messages_of_the_one_before_count_for_nothing(view):
    answered(view, paint(view, STROKE))
    before, images = view.current.image, view.source.images
    view.current.image = next(image for image in images if image != before)
    assert view.own_map.human_map is None
    number = paint(view, STROKE, image=before)
    assert view.own_map.tool.answered == number
    assert view.own_map.human_map is None


def test_where_people_did_not_mark_the_photograph_their_column_shows_the_visitors_map_and_says_so(view):
    source = view.source
    view.current.image = next(image for image in source.images if not source.info(image).has_human_map)
    until(lambda: view.results.map_update is not None and view.results.map_update.done)
    answered(view, paint(view, STROKE))
    assert view.display.titles["human"] == "You, n = 1"
    assert view.display.columns["human"] == "You, n = 1, painted on a page"
    assert "no data" in view.people_heading.object
    np.testing.assert_array_equal(view.row.sources["human"].data["image"][0], view.own_map.human_map.values)
    assert view.results.human_map is None, "never the collection's"
    assert [text for *_, text in view.own_map.tool.scores][-1] == "no map here"
    answered(view, paint(view))
    assert "You" not in view.display.titles["human"]


def test_a_visitors_map_stands_in_nobodys_place_where_people_marked_the_photograph(view):
    title = view.display.titles["human"]
    answered(view, paint(view, STROKE))
    assert view.display.titles["human"] == title
    np.testing.assert_array_equal(view.row.sources["human"].data["image"][0], view.results.human_map.values)


def test_it_orders_the_pixels_of_erase_and_reveal(view):
    settings = view.erase_reveal.settings
    settings.order = "own"
    assert view.erase_reveal._importance[0] is None
    assert "Paint" in view.erase_reveal._importance[1]
    answered(view, paint(view, STROKE))
    np.testing.assert_array_equal(view.erase_reveal._importance[0], view.own_map.human_map.values)
    settings.order = "people"


def test_a_map_is_kept_under_a_name_on_request_alone_and_comes_back(view, kept, messages):
    answered(view, paint(view, STROKE))
    assert kept.all() == []
    view.own_map.tool.on_message({"keep": "Ada"})
    until(lambda: view.own_map.tool.kept)
    assert view.own_map.tool.kept[0]["name"] == "Ada"
    (one,) = kept.of_image(view.current.image)
    np.testing.assert_allclose(one.points_px, np.array(STROKE) * SIDE / CANVAS_PX, atol=0.006)
    assert one.size_px == (SIDE, SIDE)
    view.own_map.tool.on_message({"show": "Ada"})
    until(lambda: any("strokes" in message for message in messages))
    shown = next(message for message in messages if "strokes" in message)
    np.testing.assert_allclose(shown["strokes"][0], STROKE, atol=0.06)
    assert shown["by"] == "Ada"
    view.own_map.tool.on_message({"keep": "Ada"})
    until(lambda: sum("Kept as" in message.get("said", "") for message in messages) == 2)  # sent twice, stored once
    assert len(kept.all()) == 1
    answered(view, paint(view, STROKE[:5]))
    view.own_map.tool.on_message({"keep": "Ada"})
    until(lambda: any(message.get("wrong") for message in messages))
    assert "kept on this photograph already" in next(m["said"] for m in messages if m.get("wrong"))
    view.own_map.tool.on_message({"drop": "Ada"})
    until(lambda: not view.own_map.tool.kept)
    assert kept.all() == []


def test_a_page_that_may_only_read_keeps_nothing_and_says_why(view, kept, messages, tmp_path):
    reader = PaintedMaps(kept._database, "fake", read_only=True)
    view.own_map.attach_records(reader, "Notes are read-only here.")
    assert not view.own_map.tool.can_keep
    assert view.own_map.tool.why_not == "Notes are read-only here."
    answered(view, paint(view, STROKE))
    view.own_map.tool.on_message({"keep": "Eve"})
    view.own_map._submit("said", lambda: reader.save(view.own_map._painted_map(view.own_map._painting, "Eve")))
    until(lambda: any("read-only" in message.get("said", "") for message in messages))  # the records refuse it too
    assert reader.all() == []


def test_the_map_in_view_is_saved_as_a_table_of_clicks_of_one(view, messages):
    answered(view, paint(view, STROKE))
    view.own_map.tool.on_message({"export": "this"})
    until(lambda: messages)
    head, row = messages[-1]["download"].splitlines()
    assert head == "image_path,clicks,user_id,timestamp"
    assert row.startswith(view.current.image)
    assert row.count("(") == len(STROKE)


@pytest.mark.parametrize(
    "strokes",
    [
        [[[1.0, 2.0, 3.0]]],
        [[[1.0, "2"]]],
        [[[-1.0, 2.0]]],
        [[[float("nan"), 2.0]]],
        [["x"]],
        ["x"],
        [[[1.0, 1.0]] * (MAX_POINTS + 1)],
        "x",
    ],
)
def test_what_no_page_sends_is_not_heard(view, strokes):
    answered(view, paint(view, STROKE))
    before = view.own_map.results
    number = next(NUMBERS)
    view.own_map.tool.on_message({"number": number, "image": view.current.image, "strokes": strokes, "by": ""})
    assert view.own_map.results is before
    assert view.own_map.tool.answered == number, "the next live stroke is heard"


def test_a_kept_map_of_somebody_else_is_called_so_and_is_not_kept_again_under_another_name(view, kept, messages):
    source = view.source
    view.current.image = next(image for image in source.images if not source.info(image).has_human_map)
    answered(view, paint(view, STROKE, by="Anna"))
    assert view.own_map.title == view.own_map.tool.map_title == view.display.titles["human"] == "Anna, n = 1"
    view.own_map.tool.on_message({"keep": "Ada"})
    until(lambda: any(message.get("wrong") for message in messages))
    assert "This is the map by Anna" in messages[-1]["said"]
    assert kept.all() == []
    view.own_map.tool.on_message({"export": "this"})
    until(lambda: any("download" in message for message in messages))
    assert ",Anna," in messages[-1]["download"]


def test_maps_of_uploads_are_not_kept_and_the_page_says_why(view, kept, messages):
    source = view.source
    view.current.image = source.add_upload("mine.webp", source.thumbnail(source.images[3]))
    assert not view.own_map.tool.can_keep
    assert "this one was uploaded" in view.own_map.tool.why_not
    answered(view, paint(view, STROKE))
    view.own_map.tool.on_message({"keep": "Ada"})
    assert kept.all() == []
    view.current.image = source.images[0]
    assert view.own_map.tool.can_keep


def test_scores_are_of_the_maps_in_view_and_follow_them(view, monkeypatch):
    first = answered(view, paint(view, STROKE))
    assert view.own_map.request == view._map_request
    monkeypatch.setattr(view.source_client._maps, "submit", lambda job: None)
    view.settings.n_samples = 20
    view.cancel()
    again = answered(view, paint(view, STROKE))
    assert again.rhos == first.rhos, "the maps in view are those of before"
    monkeypatch.undo()
    view.settings.n_samples = 30
    until(lambda: view._map_request.smoothgrad.n_samples == 30 and view.results.map_update.done)
    until(lambda: view.own_map.request == view._map_request and np.isfinite(view.own_map.results.rhos).all())
    view.settings.n_samples = 50


def test_a_participant_whom_the_photograph_does_not_have_counts_as_all(view):
    view.current.participant = "nobody"
    until(lambda: view.results.map_update is not None and view.results.map_update.done)
    results = answered(view, paint(view, STROKE))
    assert np.isfinite([*results.rhos, results.rho_people]).all()
    assert view.own_map.tool.scores[-1][1] == "people"
    view.current.participant = "p3"
    until(lambda: view._map_request is not None and view._map_request.participant == "p3")
    until(lambda: view.own_map.tool.scores[-1][1] == "participant p3")
    view.current.participant = None


@pytest.mark.parametrize("message", ["x", 5, None, [1], True, {"number": True, "strokes": []}, {"keep": ["x"]}, {}])
def test_messages_that_no_page_sends_raise_nothing(view, message):
    view.own_map.tool._handle_msg(message)
    view.own_map.tool._handle_msg({"number": 2**60, "image": view.current.image, "strokes": [], "by": ""})
    assert view.own_map.tool.answered < 2**31


def test_points_go_from_canvas_to_photograph_and_back():
    box, x, y = (12.5, 0.0, 412.5, 400.0), np.array([0.0, 100.5, 255.9]), np.array([3.0, 0.0, 128.0])
    back = photo_to_canvas(*canvas_to_photo(x, y, box, CANVAS_PX), box, CANVAS_PX)
    np.testing.assert_allclose(back, [x, y], atol=1e-9)
