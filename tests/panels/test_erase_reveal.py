"""Erase and reveal on the comparison: strokes as text and as pixels, what is asked when, and what the columns say."""

import itertools

import numpy as np
import pytest

from gala_viz.engine.results.perturbation import REVEAL_PERCENTS, reveal_mask, reveal_order, shown_percent
from gala_viz.engine.results.prediction import Prediction
from gala_viz.panels.compare.brush_strokes import (
    ALPHABET,
    MAX_CHARACTERS,
    paint_strokes,
    parse_strokes,
    strokes_problem,
)
from gala_viz.panels.compare.changed_predictions import changed_predictions
from gala_viz.panels.compare.compare_view import CompareView
from gala_viz.panels.compare.erase_reveal import PEOPLE_MISSING
from gala_viz.panels.gallery.collection_index import CollectionIndex
from gala_viz.panels.gallery.selection_filter import SelectionFilter
from gala_viz.panels.link_parameters import compare_link_parameters
from gala_viz.panels.page_state import PageState, parse_query
from gala_viz.panels.presenting.presentation import Presentation
from gala_viz.plots.reveal_curve import reveal_curve_columns, reveal_curves
from gala_viz.store.source import PerturbedAnswer
from tests.panels.fake_source import SIDE, FakeSource
from tests.panels.script import SCRIPT, until


def stroke(hides, radius, *points):
    """A stroke as text, by the rule that the module tells."""
    (x, y), *rest = points
    numbers = [radius, x // 64, x % 64, y // 64, y % 64]
    for (x0, y0), (x1, y1) in zip(points, rest, strict=False):
        numbers += [x1 - x0 + 32, y1 - y0 + 32]
    return ("h" if hides else "k") + "".join(ALPHABET[number] for number in numbers)


HIDE = stroke(True, 20, (60, 70), (90, 80), (110, 110))
KEEP = stroke(False, 9, (70, 70))


NUMBERS = itertools.count(1)


@pytest.fixture
def source():
    return FakeSource(count=12)


def is_finished(view):
    return view.results.map_update is not None and view.results.map_update.done


@pytest.fixture(scope="module")
def standing():
    source = FakeSource(count=12)
    view = CompareView(source, CollectionIndex(source), SCRIPT)
    view.open()
    until(lambda: is_finished(view))
    yield view
    view.close()


@pytest.fixture
def view(standing):
    """A view on its first photograph, shared, with the section closed and as it begins."""
    standing.display.erase_reveal = False
    standing.current.param.update(image=standing.source.images[0], strokes="")
    standing.erase_reveal.settings.param.update(order="people", percent=100, erase=False, fill="grey")
    until(lambda: is_finished(standing))
    standing.erase_reveal._forget()
    standing.row.set_erased(None, None)
    standing.source.asked.clear()
    return standing


def opened(view):
    """Open the section; where nothing is hidden no network is asked."""
    view.display.erase_reveal = True
    return view.erase_reveal


def say(view, strokes, live=False, image=None, **more):
    """Send what the browser's part sends, and return the message's number."""
    image, number = view.current.image if image is None else image, next(NUMBERS)
    message = {"number": number, "image": image, "strokes": strokes, "live": live, "percent": 100, "erase": False}
    view.erase_reveal._section.tool.on_message({**message, **more})
    return number


def asked(source, word="perturb"):
    return sum(count for name, count in source.asked.items() if name.startswith(word))


def seen(view):
    """Answers of the networks are there, and are of the present mask."""
    return view.erase_reveal.results is not None


def test_strokes_paint_every_pixel_within_the_radius_of_their_line_and_no_other():
    kept = paint_strokes(np.ones((SIDE, SIDE), bool), HIDE)
    y, x = np.mgrid[:SIDE, :SIDE]
    near = np.zeros((SIDE, SIDE), bool)
    points = np.array(parse_strokes(HIDE)[0].points, float)
    assert points.tolist() == [[60, 70], [90, 80], [110, 110]]
    for start, end in itertools.pairwise(points):
        step = end - start
        share = np.clip(((x - start[0]) * step[0] + (y - start[1]) * step[1]) / (step @ step), 0, 1)
        distance = np.hypot(x - start[0] - share * step[0], y - start[1] - share * step[1])
        near |= distance <= 20 + 1e-9
    np.testing.assert_array_equal(kept, ~near)


def test_later_strokes_lie_over_earlier_ones_and_the_mask_below_stays_as_it_was():
    below = np.ones((SIDE, SIDE), bool)
    kept = paint_strokes(below, f"{HIDE}.{KEEP}")
    assert below.all()
    assert kept[70, 70]
    assert not kept[85, 95]
    assert not paint_strokes(below, f"{KEEP}.{HIDE}")[70, 70]


def test_strokes_beyond_the_edge_are_cut_and_one_point_is_a_disc():
    kept = paint_strokes(np.ones((40, 40), bool), stroke(True, 5, (0, 0)) + "." + stroke(True, 5, (60, 60)))
    assert (~kept).sum() == sum(x * x + y * y <= 25 for x in range(6) for y in range(6))


@pytest.mark.parametrize("text", ["x", "h", "hCAA", "hCAAAAA.", "hCAAAAA", "hCAAAA!", "hCAAAAé", "h" * 5, "." + KEEP])
def test_what_is_no_text_of_strokes_is_refused(text):
    assert "strokes as a link" in strokes_problem(text)
    with pytest.raises(ValueError, match="strokes as a link"):
        paint_strokes(np.ones((9, 9), bool), text)


def test_strokes_are_bounded():
    long = stroke(True, 3, (5, 5), *[(5 + k % 2, 5) for k in range(MAX_CHARACTERS)])
    assert "3,000 characters at most were expected; got 6,006" in strokes_problem(long)
    assert strokes_problem("") == strokes_problem(HIDE) == ""


def test_nothing_is_computed_until_the_visitor_hides_something(view):
    erased = view.row.sources["erased"]
    assert erased.data["filled"][0].size == 1
    opened(view)
    until(lambda: erased.data["filled"][0].size == SIDE * SIDE)
    assert asked(view.source) == asked(view.source, "reveal") == 0
    assert "Nothing is hidden yet" in view.top_five_panes[0].object
    view.display.erase_reveal = False
    SCRIPT.run_pending()
    assert "Nothing is hidden" not in view.top_five_panes[0].object


def test_the_browser_gets_the_order_and_the_counts_by_which_the_networks_are_asked(view):
    tool = opened(view)
    until(lambda: view.row.sources["erased"].data["rank"][0].size > 1)
    rank = view.row.sources["erased"].data["rank"][0]
    order = reveal_order(view.source.human_map(view.source.images[0]))
    counts = tool._section.tool.counts
    for percent in (0, 1, 37, 100):
        expected = reveal_mask(order, (SIDE, SIDE), percent)
        np.testing.assert_array_equal(rank < counts[percent], expected)


def test_a_stroke_hides_and_both_columns_say_what_it_changes(view):
    opened(view)
    say(view, HIDE)
    until(lambda: seen(view))
    kept = paint_strokes(np.ones((SIDE, SIDE), bool), HIDE)
    results = view.erase_reveal.results
    assert results.shown_percent == pytest.approx(shown_percent(kept))
    assert view.current.strokes == HIDE
    for answer, pane in zip(results.answers, view.top_five_panes, strict=True):
        assert f"Changed: {results.shown_percent:.1f} % shown" in pane.object
        assert f"falls by <b>{answer.logit_drop:.2f}</b>" in pane.object.replace("\n", "")
        assert f"logit of {answer.category}" in pane.object.replace("\n", "")
    assert asked(view.source, "reveal") == 0, "a curve is of an order, which strokes have not"
    say(view, "")
    until(lambda: not seen(view))
    assert "Nothing is hidden yet" in view.top_five_panes[0].object


def test_the_slider_asks_both_networks_and_draws_their_curve(view):
    section = opened(view)._section
    section.form.receive("percent", 20)
    until(lambda: view.erase_reveal.curve is not None and view.erase_reveal.curve.done)
    curve, answers = view.erase_reveal.curve.curve, view.erase_reveal.results.answers
    assert tuple(curve.percent.values) == REVEAL_PERCENTS
    lines = [renderer.data_source.data for renderer in section.figure.renderers]
    for number, answer in enumerate(answers):
        np.testing.assert_array_equal(lines[1 + 2 * number]["logit_drop"], curve.logit_drop.values[number])
        assert lines[2 + 2 * number]["percent"].tolist() == [20]
        assert lines[2 + 2 * number]["logit_drop"].tolist() == [answer.logit_drop]
    assert answers[0].category in section.legend.object
    assert section.curve_pane.visible
    before = asked(view.source, "reveal")
    section.form.receive("percent", 30)
    until(lambda: view.erase_reveal.results.shown_percent > 25)
    assert asked(view.source, "reveal") == before, "the curve is that of all per cents"
    section.form.receive("fill", "blurred")
    until(lambda: asked(view.source, "reveal") == before + 1)


def test_erase_and_reveal_both_go_on_hiding_nothing(view):
    erase_reveal = opened(view)
    form = erase_reveal._section.form
    form.receive("erase", True)
    assert (erase_reveal.settings.percent, form.values["percent"]) == (0, 0)
    form.receive("percent", 40)
    until(lambda: seen(view))
    assert erase_reveal.results.shown_percent == pytest.approx(60, abs=0.01)
    form.receive("erase", False)
    until(lambda: erase_reveal.results.shown_percent < 50)
    assert erase_reveal.settings.percent == 40


def test_a_networks_map_orders_as_it_is_drawn(view):
    opened(view)
    view.erase_reveal.settings.param.update(order="second", percent=10)
    until(lambda: seen(view))
    expected = reveal_order(view.results.map_update.maps[1])
    np.testing.assert_array_equal(np.argsort(view.row.sources["erased"].data["rank"][0].ravel()), expected)


def test_another_photograph_keeps_order_per_cent_and_fill_and_drops_the_strokes(view):
    opened(view)
    view.erase_reveal.settings.param.update(percent=50, fill="phase", order="first")
    number = say(view, HIDE)
    until(lambda: seen(view))
    view.move(1)
    assert view.current.strokes == ""
    assert view.erase_reveal._section.tool.mask == {"image": view.source.images[1], "strokes": "", "number": number}
    until(lambda: seen(view))
    settings = view.erase_reveal.settings
    assert (settings.percent, settings.fill, settings.order) == (50, "phase", "first")
    assert view.erase_reveal.results.shown_percent == pytest.approx(50, abs=0.01)
    number = say(view, HIDE, image=view.source.images[0])
    assert view.current.strokes == "", "what was painted on the photograph before is not painted on this one"
    assert view.erase_reveal._section.tool.answered == number


def test_a_link_opens_image_strokes_and_settings_together(source):
    def state_of(view):
        places = compare_link_parameters(view, Presentation(view), SelectionFilter(source, view.gallery, SCRIPT))
        return PageState(places)

    view = CompareView(source, CollectionIndex(source), SCRIPT)
    told = state_of(view).restore(
        parse_query(
            f"v=2&image=photo 00003&erase-reveal=1&reveal-percent=60&reveal-by=first&fill=blurred&strokes={HIDE}"
        )
    )
    until(lambda: seen(view))
    assert told == []
    assert (view.current.image, view.current.strokes) == ("photo 00003", HIDE)
    assert asked(source, "perturb photo 00003 blurred own")
    query = state_of(view).query
    assert f"strokes={HIDE}" in query
    assert "erase-reveal=1&reveal-by=first&reveal-percent=60&erase=0&fill=blurred" in query
    (problem,) = state_of(view).restore(parse_query("v=2&strokes=abc"))
    assert "strokes as a link of this page holds them were expected" in problem
    view.close()


def test_moving_things_are_asked_about_and_are_not_yet_part_of_the_link(view):
    opened(view)
    number = say(view, HIDE, live=True)
    until(lambda: seen(view))
    assert view.current.strokes == ""
    assert view.erase_reveal._section.tool.answered == number
    say(view, "", live=True, percent=30)
    until(lambda: view.erase_reveal._section.tool.answered == number + 1)
    assert view.erase_reveal.results.shown_percent == pytest.approx(30, abs=0.01)
    assert view.erase_reveal.settings.percent == 100


@pytest.mark.parametrize("message", [{"number": "1"}, {"strokes": "x"}, {"strokes": 3}, {"strokes": "h" * 9000}])
def test_messages_that_no_page_sends_change_nothing(view, message):
    opened(view)
    say(view, **{"strokes": HIDE, **message})
    SCRIPT.run_pending()
    assert view.current.strokes == ""
    assert asked(view.source) == 0


@pytest.mark.slow
def test_maps_pause_while_a_stroke_is_drawn_and_go_on_afterwards(source):
    source.delay_s = 0.1
    view = CompareView(source, CollectionIndex(source), SCRIPT)
    opened(view)  # which takes a while, as its figure does
    view.open()
    until(lambda: view.results.map_update is not None)
    say(view, HIDE, live=True)
    until(lambda: source.cancelled_jobs == 1)
    assert not view.results.map_update.done
    until(lambda: seen(view))
    assert source.asked[f"maps {source.images[0]}"] == 1, "they wait for the end of the stroke"
    say(view, HIDE)
    until(lambda: view.results.map_update.done)
    assert source.asked[f"maps {source.images[0]}"] == 2
    view.close()


def test_where_people_did_not_mark_the_photograph_the_section_says_so(view):
    image = next(one for one in view.source.images if not view.source.info(one).has_human_map)
    opened(view)
    view.erase_reveal.settings.percent = 30
    view.current.image = image
    until(lambda: PEOPLE_MISSING.rstrip(".") in view.erase_reveal._section.words.object)
    assert asked(view.source, f"perturb {image}") == 0
    say(view, HIDE)
    until(lambda: seen(view))


def offered_orders(view):
    """What the section offers to order pixels by."""
    (field,) = (field for field in view.erase_reveal._section.form.fields if field["name"] == "order")
    return [value for _, value in field["options"]]


def test_a_collection_without_people_orders_by_the_first_network():
    source = FakeSource(count=3, human=False)
    view = CompareView(source, CollectionIndex(source), SCRIPT)
    assert view.erase_reveal.settings.order == "first"
    view.open()
    view.display.erase_reveal = True
    assert offered_orders(view) == ["first", "second", "own"]
    view.close()


def test_a_store_without_networks_says_so_and_offers_no_brush(source):
    source.cannot_perturb = "maps.zarr holds maps and <no> networks."
    view = CompareView(source, CollectionIndex(source), SCRIPT)
    view.open()
    until(lambda: view.results.map_update is not None and view.results.map_update.done)
    view.display.erase_reveal = True
    assert view.erase_reveal._section is None
    assert "maps.zarr holds maps and &lt;no&gt; networks." in view.erase_reveal.pane[0].object
    assert "Nothing is hidden" not in view.top_five_panes[0].object
    view.close()


def test_an_error_is_told_and_the_page_goes_on(view):
    def refuse(*_):
        raise ValueError("the label of <this> photograph is not known")

    opened(view)
    answers, view.source.perturb = view.source.perturb, refuse
    number = say(view, HIDE)
    until(lambda: "label of &lt;this&gt;" in view.erase_reveal._section.words.object)
    assert view.erase_reveal._section.tool.answered == number
    view.source.perturb = answers
    say(view, KEEP + "." + HIDE)
    until(lambda: seen(view))
    assert "label" not in view.erase_reveal._section.words.object


def test_closing_the_view_ends_the_threads_with_an_answer_on_its_way(source):
    source.delay_s = 0.05
    view = CompareView(source, CollectionIndex(source), SCRIPT)
    opened(view)
    view.open()
    until(lambda: view.results.photo is not None)
    say(view, HIDE, live=True)
    view.close()
    SCRIPT.run_pending()
    assert view.erase_reveal.results is None


def test_a_share_that_was_not_among_the_first_five_is_told_as_less_than_them():
    info = FakeSource(count=1).networks[0]
    before = Prediction(indices=(0, 1), categories=("<cat>", "b"), probabilities=(0.6, 0.25), correct=True)
    after = Prediction(indices=(2, 0), categories=("c", "<cat>"), probabilities=(0.5, 0.125), correct=False)
    answer = PerturbedAnswer(
        prediction=after,
        target=0,
        category="<cat>",
        logit_whole=1.5,
        probability_whole=0.6,
        logit=-0.25,
        probability=0.125,
    )
    html = changed_predictions("a", info, before, answer, 0, 12.34).replace("\n", "")
    assert "&lt; 25.0 →</span> 50.0 %" in html
    assert "60.0 →</span> 12.5 %" in html
    assert "✗ wrong" in html
    assert 'logit of &lt;cat&gt; falls by <b>1.75</b> <span class="steps">(1.50 → −0.25)' in html
    assert "12.3 % shown" in html
    assert "<cat>" not in html


def test_the_curve_leaves_out_what_is_not_computed_and_its_axis_holds_zero(source):
    updates = list(
        source.reveal_curve(source.images[0], source.human_map(source.images[0]), "grey", "own", lambda: False)
    )
    columns, (low, high) = reveal_curve_columns(updates[3].curve, 2, (5.0, (1.0, float("nan"))))
    assert [len(one["percent"]) for one in columns] == [2, 4, 1, 4, 0]
    assert low < 0 < high
    assert reveal_curve_columns(None, 2)[1] == (-1.0, 1.0)
    plot = reveal_curves(updates[-1].curve, ["A", "B"])
    assert len(plot) == 5
