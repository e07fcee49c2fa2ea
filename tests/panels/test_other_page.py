"""Compare and explore lead to each other with all that both understand, where both are served."""

import re
from html import unescape

import pytest

from gala_viz.panels.compare.compare_page import ComparePage
from gala_viz.panels.explore.explore_page import ExplorePage
from gala_viz.panels.link_parameters import SHARED_LINK_NAMES
from gala_viz.panels.other_page import other_page_query
from gala_viz.panels.page_state import parse_query
from gala_viz.panels.shared_source import SharedSource
from gala_viz.panels.source_client import read_scores
from gala_viz.plots.point_selection import selection_text
from tests.panels.fake_source import FakeSource
from tests.tiers import slow


@pytest.fixture
def shared():
    """A source that is ready, and twenty-four images of it."""
    source = SharedSource(lambda say: FakeSource())
    source._load()
    assert source.state == "ready", source.error
    return source


def state_of(page):
    return page._persistence.address_sync.state


def query_in(pane):
    """The query of the link in a pane, once it leads to the address ``other``."""
    address = unescape(re.search('href="([^"]*)"', pane.object)[1])
    assert address.startswith("other?")
    return address.removeprefix("other?")


def test_each_page_leads_to_the_other_with_the_image_the_networks_and_the_gallery_in_view(shared):
    compare, explore = ComparePage(shared, explore_url="other"), ExplorePage(shared, "other")
    compare.view.gallery.settings.search = "cat"
    compare.view.current.image = "photo 00008"
    errors = state_of(explore).restore(parse_query(query_in(compare._others[0].pane)))
    assert errors == []
    assert explore.view.current.image == "photo 00008"
    for name in SHARED_LINK_NAMES:
        assert state_of(explore).parameters[name].value == state_of(compare).parameters[name].value
    explore.view.gallery.settings.search = ""
    explore.view.current.image = "photo 00003"
    assert state_of(compare).restore(parse_query(query_in(explore._compare.pane))) == []
    assert compare.view.current.image == "photo 00003"
    assert compare.view.gallery.settings.search == ""
    compare.close()
    explore.close()


@pytest.mark.slow
def test_comparing_what_is_selected_opens_the_first_of_it(shared):
    explore = ExplorePage(shared, "other")
    explore.view.current.image = "photo 00003"
    explore.view.set_scores(read_scores(explore.source, explore.source.request))
    x, y = (explore.view.metric_values(name)[7] for name in (explore.view.axes.x, explore.view.axes.y))
    around = {"x0": x - 1e-3, "x1": x + 1e-3, "y0": y - 1e-3, "y1": y + 1e-3}
    explore.view._drag(selection_text({"type": "rect", **around}))
    (first,) = explore.view.selected_images()
    link = next(
        pane for pane in explore.page.main[0].select() if "Compare these images" in str(getattr(pane, "object", ""))
    )
    values = dict(parse_query(query_in(link)))
    assert values["image"] == first
    assert values["selection"] == explore.view.axes.selection
    explore.close()


def test_an_uploaded_photograph_stays_on_its_page(shared):
    compare = ComparePage(shared, explore_url="other")
    assert "image" not in dict(parse_query(other_page_query(state_of(compare), "upload-1")))
    compare.close()


@pytest.mark.parametrize("make", [ComparePage, *slow(ExplorePage)])
def test_a_page_that_is_served_alone_leads_to_no_other(shared, make):
    page = make(shared)
    link = page._others[0] if make is ComparePage else page._compare
    assert (link.pane.object, link.pane.visible) == ("", False)
    page.close()
