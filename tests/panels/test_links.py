"""The state of a page as its address: there and back, and a sentence for whatever cannot be restored."""

import math
from dataclasses import replace

import param
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gala_viz.panels.address_bar import AddressSync
from gala_viz.panels.bokeh_documents import ScriptDocument
from gala_viz.panels.compare.compare_view import CompareView
from gala_viz.panels.explore.explore_view import ExploreView
from gala_viz.panels.gallery.collection_index import CollectionIndex
from gala_viz.panels.gallery.selection_filter import SelectionFilter
from gala_viz.panels.link_parameters import (
    SHARED_LINK_NAMES,
    VERSION_1_DEFAULTS,
    compare_link_parameters,
    explore_link_parameters,
)
from gala_viz.panels.page_persistence import PagePersistence
from gala_viz.panels.page_state import LINK_FORMAT, LinkParameter, PageState, format_value, parse_query, parse_value
from gala_viz.panels.presenting.presentation import Presentation
from gala_viz.plots.point_selection import MAX_VERTICES, selection_geometry, selection_text
from gala_viz.records.database import Database
from gala_viz.records.saved_views import SavedView
from gala_viz.specs import SmoothGradSpec
from tests.panels.fake_source import FakeSource
from tests.panels.ready_source import explored
from tests.panels.script import SCRIPT, until


class Every(param.Parameterized):
    """Numbers and lists with every kind of bounds."""

    free = param.Number(default=1.0)
    from_zero = param.Number(default=1.0, bounds=(0, None))
    below_nine = param.Number(default=1.0, bounds=(None, 9), inclusive_bounds=(True, False))
    inside = param.Number(default=0.5, bounds=(0, 1), inclusive_bounds=(False, False))
    above = param.Integer(default=5, bounds=(0, None), inclusive_bounds=(False, True))
    perhaps = param.Number(default=None, allow_None=True)
    pair = param.List(default=[1.0, 2.0], bounds=(2, 2))
    few = param.List(default=[], bounds=(0, 3))
    words = param.String(default="")
    way = param.Selector(default="one", objects=["one", "two"])
    on = param.Boolean(default=False)


class Part(param.Parameterized):
    words = param.String(default="")
    maybe = param.String(default=None, allow_None=True)
    count = param.Integer(default=3, bounds=(0, 50))
    share = param.Number(default=0.5, bounds=(0, 1))
    on = param.Boolean(default=False)
    way = param.Selector(default="one", objects={"One": "one", "Two": "two"})
    range = param.List(default=[])


NAMES = [name for name in Part.param if name != "name"]


def state_of(part):
    return PageState({name: LinkParameter(owner=part, parameter=name, push_history=name == "way") for name in NAMES})


@given(
    st.fixed_dictionaries(
        {
            "words": st.text(max_size=40),
            "maybe": st.none() | st.text(min_size=1, max_size=40),
            "count": st.integers(0, 50),
            "share": st.floats(0, 1, allow_subnormal=False).map(lambda value: float(f"{value:.6g}")),
            "on": st.booleans(),
            "way": st.sampled_from(["one", "two"]),
            "range": st.lists(st.integers(-500, 500).map(lambda k: k / 10), max_size=4),
        }
    )
)
def test_every_state_comes_back_from_its_address(values):
    there, back = Part(**values), Part()
    state = state_of(Part())
    for place in state.parameters.values():
        setattr(place.owner, place.parameter, values[place.parameter])
    target = state_of(back)
    assert target.restore(parse_query(state.query)) == []
    assert {name: getattr(back, name) for name in NAMES} == {name: getattr(there, name) for name in NAMES}


@given(st.text(max_size=300))
def test_no_address_breaks_a_page(query):
    part = Part()
    state = state_of(part)
    for sentence in state.restore(parse_query(query)):
        assert sentence
    assert 0 <= part.count <= 50
    assert math.isfinite(part.share)


EVERY = [name for name in Every.param if name != "name"]
NUMBERS = st.from_regex(r"-?[0-9]{1,30}(\.[0-9]{1,5})?(e-?[0-9]{1,3})?", fullmatch=True)
TEXTS = NUMBERS | st.text(max_size=12) | st.lists(NUMBERS, max_size=5).map(",".join) | st.sampled_from(["0", "1", "9"])


@given(st.lists(st.tuples(st.sampled_from([*EVERY, "v", "view", "unknown", "bokeh-x"]), TEXTS), max_size=8))
def test_restoring_never_raises_and_sets_what_the_parameters_allow(pairs):
    part = Every()
    state = PageState({name: LinkParameter(owner=part, parameter=name) for name in EVERY})
    assert all(state.restore(pairs))
    again = Every()
    same = PageState({name: LinkParameter(owner=again, parameter=name) for name in EVERY})
    assert same.restore(parse_query(state.query)) == []
    numbers = [getattr(part, name) for name in ("free", "from_zero", "below_nine", "inside", "above")]
    assert all(map(math.isfinite, numbers + part.pair + part.few))


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("free=1e999", "a finite number was expected"),
        ("from_zero=-1", "a number from 0 was expected"),
        ("below_nine=9", "a number below 9 was expected"),
        ("inside=0", "a number above 0 below 1 was expected"),
        ("inside=1", "a number above 0 below 1 was expected"),
        ("above=0", "a number above 0 was expected"),
        ("pair=1", "a list of numbers, 2 at most was expected"),
        ("few=1e999", "a list of numbers, 3 at most was expected"),
    ],
)
def test_a_number_outside_of_bounds_of_any_kind_is_told(query, told):
    part = Every()
    (sentence,) = PageState({name: LinkParameter(owner=part, parameter=name) for name in EVERY}).restore(
        parse_query(f"v=2&{query}")
    )
    assert told in sentence


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("v=2&words=" + "x" * 8000, "it has 8,010 characters, and at most 8,000 are read"),
        ("&".join(f"a{number}=1" for number in range(101)), "it holds 101 names, and at most 100 are read"),
        ("v=2&words=\ud800", "it is no valid text"),
    ],
)
def test_a_link_that_is_not_read_at_all_says_so_and_the_page_begins_as_ever(query, told):
    part, heard = Part(words="begins so"), []
    AddressSync(state_of(part), ScriptDocument(), heard.extend).restore(query)
    (sentence,) = heard
    assert told in sentence
    assert "The page begins as it does without a link" in sentence
    assert part.words == "begins so"


WHOLE = "words=&maybe=&count=3&share=0.5&on=0&way=one&range="


def test_an_address_holds_the_whole_state_so_that_other_beginnings_change_nothing():
    part = Part()
    state = state_of(part)
    assert state.query == f"v={LINK_FORMAT}&{WHOLE}"
    part.count = 4
    query = state.query
    assert query == f"v={LINK_FORMAT}&{WHOLE}".replace("count=3", "count=4")
    other = Part(words="begins so", count=20, share=0.1, on=True, way="two", range=[1.0])
    assert state_of(other).restore(parse_query(query)) == []
    assert {name: getattr(other, name) for name in NAMES} == {name: getattr(part, name) for name in NAMES}


def test_names_that_an_address_leaves_out_go_back_to_their_beginning():
    part = Part()
    state = state_of(part)
    part.param.update(count=9, on=True)
    assert state.restore(parse_query(f"v={LINK_FORMAT}&count=5")) == []
    assert (part.count, part.on) == (5, False)


@pytest.mark.parametrize("query", ["v=1&count=5", "count=5", "v=1&count=5&bokeh-session-id=x"])
def test_links_of_the_first_version_and_without_one_leave_out_what_pages_began_with_then(query):
    part = Part(share=0.9)
    state = PageState(state_of(part).parameters, {"share": "0.25", "way": "two", "range": "1,x"})
    assert state.restore(parse_query(query)) == []
    assert (part.count, part.share, part.way, part.range) == (5, 0.25, "two", [])


@pytest.mark.parametrize("query", ["", f"v={LINK_FORMAT}", "follow=abc", "bokeh-session-id=x", "token=of-a-notebook"])
def test_an_address_that_says_nothing_of_the_state_opens_the_page_as_it_begins(query):
    part = Part(share=0.9)
    assert PageState(state_of(part).parameters, {"share": "0.25"}).restore(parse_query(query)) == []
    assert part.share == 0.9


def test_a_view_that_the_first_version_saved_at_its_beginning_is_that_beginning():
    part = Part(share=0.9)
    assert PageState(state_of(part).parameters, {"share": "0.25"}).restore(parse_query("v=1&")) == []
    assert part.share == 0.25


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("colour=red", "“colour”, which this page does not know"),
        ("count=many", "count = “many”: a whole number was expected"),
        ("count=99", "a number from 0 to 50 was expected"),
        ("share=nan", "a number was expected"),
        ("on=yes", "1 (yes) or 0 (no) was expected"),
        ("way=three", "not among what may be chosen"),
        ("range=1,x", "a list of numbers was expected"),
        ("v=3&count=4", "made by another version (3)"),
        ("v=x", "made by another version (x)"),
        ("v=0", "made by another version (0)"),
        ("v=-5", "made by another version (-5)"),
        ("v=02", "made by another version (02)"),
        ("v=", "made by another version ()"),
        ("v=%D9%A2", "made by another version (٢)"),
    ],
)
def test_what_cannot_be_restored_is_told_and_all_else_is_restored(query, told):
    part = Part()
    sentences = state_of(part).restore(parse_query(f"{query}&words=kept"))
    (sentence,) = sentences
    assert told in sentence
    assert part.words == "kept"


def test_an_address_of_any_length_is_read_within_limits():
    assert parse_query("a=1&" * 1000) == []
    assert parse_query("words=" + "x" * 10_000) == []
    assert format_value(0.1) == "0.1"
    assert format_value(123456789012345) == "123456789012345"
    assert parse_value(Every.param.free, format_value(1e12)) == 1e12
    assert parse_value(Part.param.share, "1e-3") == 0.001


def test_only_steps_are_steps_and_restoring_is_none():
    part = Part()
    document = ScriptDocument()
    address = AddressSync(state_of(part), document, lambda told: None)
    assert address.bar.query == f"v={LINK_FORMAT}&{WHOLE}", "a page that nobody touched can be copied whole"
    part.count = 7
    document.run_pending()
    at_seven = f"v={LINK_FORMAT}&{WHOLE}".replace("count=3", "count=7")
    assert (address.bar.query, address.bar.push_history) == (at_seven, False)
    part.way = "two"
    document.run_pending()
    assert (address.bar.query, address.bar.push_history) == (at_seven.replace("way=one", "way=two"), True)
    written = address.bar.revision
    address._heard({"query": at_seven})
    document.run_pending()
    assert address.bar.query == at_seven, "what is copied is what is shown"
    assert (part.way, address.bar.revision) == ("one", written), "going back writes no address"
    address._heard({"query": 7})
    assert part.count == 7


@given(
    st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)), min_size=3, max_size=200),
)
def test_a_lasso_is_what_its_text_says(corners):
    x, y = zip(*corners, strict=True)
    text = selection_text({"type": "poly", "x": x, "y": y})
    geometry = selection_geometry(text)
    assert selection_text(geometry) == text
    assert len(geometry["x"]) == min(len(corners), MAX_VERTICES)
    assert geometry["x"][0] == pytest.approx(x[0], rel=1e-6)
    assert geometry["y"][-1] == pytest.approx(y[-1], rel=1e-6)


@pytest.mark.parametrize(
    "text", ["", "rect", "rect:1,2,3", "poly:1,2,3,4", "circle:1,2,3,4", "rect:1,2,3,nan", "poly:x"]
)
def test_a_text_that_is_no_selection_is_refused(text):
    with pytest.raises(ValueError, match="a selection is"):
        selection_geometry(text)


@pytest.fixture
def compare():
    yield from standing()


@pytest.fixture(scope="module")
def standing_compare():
    """One for links that are refused."""
    yield from standing()


@pytest.fixture
def compared_state():
    yield from standing()


def standing():
    source = FakeSource(count=12)
    view = CompareView(source, CollectionIndex(source), SCRIPT)
    chosen = SelectionFilter(source, view.gallery, SCRIPT)
    yield view, PageState(compare_link_parameters(view, Presentation(view), chosen))
    view.close()


def test_the_comparison_comes_back_whole(compare):
    view, state = compare
    query = (
        "v=1&image=photo 00003&maps=mouse&layer=2&explain=chosen&category=5&method=saliency&n=20&noise=0.2"
        "&cam-layer=layer3.5&channels=maximum&smoothing=2&normalise=sum&scale=raw&opacity=0.3&threshold=40&colours=Fire"
        "&people=contours&parts=1&outlines=1&flicker=1&zoom=10,90.5,20,120&present=0&panels=a,b"
        "&search=photo&in=school bus&sort=delta&descending=0&mapped=1"
    )
    assert state.restore(parse_query(query)) == []
    assert (view.current.image, view.current.kind, view.current.layer) == ("photo 00003", "mouse", 2)
    request = view.settings.to_request()
    assert (request.target, request.method, request.smoothgrad.n_samples) == (5, "saliency", 20)
    assert (request.cam_layer, view.attribution_controls.pane.values["cam_layer"]) == ("layer3.5", "layer3.5")
    assert view.attribution_controls.pane.values["n_samples"] == 20, "inputs show what the link asked for"
    assert view.attribution_controls.pane.states["category"]["visible"]
    assert not view.attribution_controls.pane.states["n_samples"]["enabled"]
    looks = view.display_controls.pane.values
    assert (looks["palette"], looks["kind"]) == ("Fire", "mouse")
    assert view.gallery.form.values["category"] == "school bus"
    assert view.gallery.form.states["descending"]["visible"]
    assert view.display.zoom == [10, 90.5, 20, 120]
    again = dict(parse_query(state.query))
    assert {name: again[name] for name, _ in parse_query(query)} == {**dict(parse_query(query)), "v": str(LINK_FORMAT)}
    assert state.restore([]) == []
    assert (view.settings.n_samples, view.current.image) == (50, view.source.images[0])


@pytest.mark.parametrize("page", ["compare", "explore"])
def test_the_table_of_the_first_version_names_every_place(page):
    source = FakeSource(count=12)
    kind = {"compare": CompareView, "explore": ExploreView}[page]
    view = kind(source, CollectionIndex(source), SCRIPT)
    places = (
        compare_link_parameters(view, Presentation(view), SelectionFilter(source, view.gallery, SCRIPT))
        if page == "compare"
        else explore_link_parameters(view)
    )
    without = {"compare": set(), "explore": {"image"}}[page]  # which begins with none, then as today
    pair = {"first", "second"}  # which a link of then could not name
    assert VERSION_1_DEFAULTS[page](source).keys() == places.keys() - without - pair
    view.close()


def test_a_link_of_the_first_version_opens_what_it_meant_whatever_the_page_begins_with():
    source = FakeSource(count=12)
    source.request = replace(source.request, smoothing_px=2.0, smoothgrad=SmoothGradSpec(n_samples=80))
    view = CompareView(source, CollectionIndex(source), SCRIPT)
    state = PageState(
        compare_link_parameters(view, Presentation(view), SelectionFilter(source, view.gallery, SCRIPT)),
        VERSION_1_DEFAULTS["compare"](source),
    )
    assert state.restore(parse_query("v=1&opacity=0.3")) == []
    assert (view.settings.n_samples, view.settings.smoothing_px, view.display_settings.opacity) == (50, 0.0, 0.3)
    assert state.restore([]) == []
    assert (view.settings.n_samples, view.settings.smoothing_px) == (80, 2.0)
    view.close()


def test_a_link_to_an_image_of_before_still_opens_it(compare):
    view, state = compare
    assert state.restore(parse_query("image=photo%2000007")) == []
    assert view.current.image == "photo 00007"
    (told,) = state.restore(parse_query("image=nowhere"))
    assert "no such image" in told
    assert view.current.image == view.source.images[0]


def test_a_link_to_an_upload_says_why_it_opens_nothing(standing_compare):
    (told,) = standing_compare[1].restore(parse_query("image=upload-952d803f"))
    assert "upload it again" in told


@pytest.mark.parametrize(
    "query",
    ["maps=clicks", "layer=6", "category=40", "method=magic", "zoom=5,1,2,3", "zoom=-1e9,1e9,0,1", "panels=a,z"],
)
def test_what_this_comparison_does_not_have_is_told(standing_compare, query):
    assert len(standing_compare[1].restore(parse_query(query))) == 1


def test_a_selection_of_all_images_comes_back_in_the_plane_it_was_made_in():
    source = FakeSource(count=40)
    for _ in source.survey(source.request, source.images, lambda: False):
        pass
    view, other = (explored(source) for _ in range(2))
    state = PageState(explore_link_parameters(view))
    view._drag("rect:0.2,0.6,0.1,0.9")
    selected = view.gallery.selection_mask.copy()
    view.form.receive("x", list(view.metrics)[2])
    assert (view.gallery.selection_mask == selected).all(), "other axes leave the selection as it is"
    assert PageState(explore_link_parameters(other)).restore(parse_query(state.query)) == []
    assert selected.any()
    assert (other.gallery.selection_mask == selected).all()
    assert other.axes.x == list(view.metrics)[2]
    compared = CompareView(source, CollectionIndex(source), SCRIPT)
    places = compare_link_parameters(
        compared, Presentation(compared), SelectionFilter(source, compared.gallery, SCRIPT)
    )
    assert PageState(places).restore(parse_query(state.query_for(SHARED_LINK_NAMES))) == []
    until(lambda: compared.gallery.selection_mask is not None)
    assert (compared.gallery.selection_mask == selected).all(), "a link brings the selection to the comparison"
    compared.close()
    view.close()
    other.close()


def test_a_saved_view_opens_by_its_name_and_a_wrong_name_gets_an_answer(compare, tmp_path):
    view, state = compare
    told = []
    keeping = PagePersistence(
        "compare", state.parameters, view.gallery, SCRIPT, Database(tmp_path / "records.sqlite"), told.append
    )
    keeping._views.save(SavedView(name="dim ears", page="compare", query="v=1&image=photo 00005&opacity=0.3"))
    keeping.open("view=dim%20ears")
    assert (view.current.image, view.display_settings.opacity, told) == ("photo 00005", 0.3, [[]])
    view.display_settings.opacity = 0.9
    keeping.address_sync._heard({"query": "view=dim%20ears"})
    assert view.display_settings.opacity == 0.3, "back in the browser leads to the view"
    keeping.open("view=dim%20eers")
    assert view.current.image == view.source.images[0]
    assert "Did you mean 'dim ears'" in told[-1][0]
    keeping.close()


def test_without_records_a_page_keeps_no_notes_and_says_so_to_a_link(compare):
    view, state = compare
    told = []
    keeping = PagePersistence("compare", state.parameters, view.gallery, SCRIPT, None, told.append)
    keeping.open("view=ears")
    assert "no views are kept here" in told[-1][0]
    assert keeping.notes_view is None
    keeping.close()


def test_a_page_in_step_follows_what_both_have_and_keeps_all_else(compared_state):
    view, state = compared_state
    address = AddressSync(state, SCRIPT, view.show_messages)
    view.display_settings.opacity = 0.3
    view.settings.n_samples = 20
    told = "v=2&image=photo%2000004&n=80&x=rho:first&opacity=0.9&size=200&search=photo"
    before = address.bar.revision
    address.follow(told)
    assert (view.current.image, view.settings.n_samples, view.gallery.settings.search) == ("photo 00004", 80, "photo")
    assert view.display_settings.opacity == 0.3
    assert view.grid_settings.cell_px == 200
    assert (address.bar.revision, address.bar.tells, address.bar.query) == (before + 1, False, state.query)
    address.follow(told)
    assert address.bar.revision == before + 1, "nothing is new"
    address.follow("v=2&image=upload-7&n=40")
    assert (view.current.image, view.settings.n_samples) == ("photo 00004", 40)


def test_of_a_link_with_columns_that_are_not_there_the_others_are_shown(compared_state):
    view, state = compared_state
    (told,) = state.restore(parse_query("v=2&columns=photo,third,delta"))
    assert "no column of the grid" in told or "third" in told
    assert view.grid_settings.columns == "photo,delta"
    (told,) = state.restore(parse_query("v=2&columns=third"))
    assert view.grid_settings.columns == ""
