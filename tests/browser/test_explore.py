"""All images as points in a real browser: drag, click, zoom, and on to the comparison."""

import numpy as np
import pytest

from gala_viz.panels.page_head import ICON
from tests.browser.accessibility import STOP, check_accessible, nameless, stops
from tests.browser.conftest import Watched
from tests.tiers import slow

FIGURE = ".bk-Figure"


@pytest.fixture(scope="module")
def _open(chromium, server):
    page = Watched(chromium).open(f"{server.url}/explore")
    page.page.locator(FIGURE).first.wait_for()
    page.frames(10)
    yield page
    page.close()


@pytest.fixture
def explore(_open):
    """The exploration as it began, in a window of 1280 x 720; shared by the tests of this module."""
    yield _open
    _open.page.set_viewport_size({"width": 1280, "height": 720})
    assert _open.errors == []
    assert _open.hosts <= {"localhost"}


def frame(page):
    """Where the cloud lies in the window."""
    return page.page.locator(FIGURE).first.bounding_box()


def shown(page):
    return page.page.locator(".count").first.inner_text()


def test_the_tab_says_what_the_page_is_and_has_an_icon_before_any_script_runs(explore, server):
    html = explore.page.request.get(f"{server.url}/explore").text()
    assert "<title>gala_viz: explore a whole collection</title>" in html
    assert ICON in html
    assert "images/favicon.ico" not in html
    assert explore.page.title() == "gala_viz: explore a whole collection"


@pytest.mark.slow
def test_a_dragged_box_decides_what_the_gallery_shows_until_it_is_cleared(explore):
    assert shown(explore) == "24 photographs"
    box, mouse = frame(explore), explore.page.mouse
    mouse.move(box["x"] + box["width"] * 0.55, box["y"] + box["height"] * 0.1)
    mouse.down()
    mouse.move(box["x"] + box["width"] * 0.85, box["y"] + box["height"] * 0.8, steps=5)
    mouse.up()
    explore.page.get_by_text("images selected").wait_for()
    count = int(shown(explore).split()[0])
    assert 0 < count < 24
    with explore.context.expect_page() as opened:
        explore.page.get_by_role("link", name="Compare these images").click()
    opened.value.get_by_text(f"{count} images, as selected").wait_for()
    assert opened.value.locator(".count").inner_text() == f"{count} of 24 photographs"
    first = opened.value.locator(".tile").first
    assert first.get_attribute("aria-selected") == "true"
    image = first.get_attribute("data-image")
    opened.value.get_by_role("navigation").get_by_role("link", name="All images").click()
    opened.value.get_by_text("images selected").wait_for()
    assert opened.value.locator(f'.tile[data-image="{image}"]').get_attribute("aria-selected") == "true"
    opened.value.close()
    explore.page.get_by_role("button", name="Show all").click()
    explore.page.get_by_text("images drawn in colour").wait_for()
    assert shown(explore) == "24 photographs"


@pytest.mark.slow
def test_a_picture_of_the_gallery_shows_its_values_and_leads_to_the_comparison(explore):
    explore.page.locator('.tile[data-image="photo 00005"]').click()
    link = explore.page.get_by_role("link", name="Open in the comparison")
    link.wait_for()
    assert explore.page.get_by_text("noise ceiling (split-half rho)").count() >= 1
    with explore.context.expect_page() as opened:
        link.click()
    other = opened.value
    other.locator(".id").get_by_text("photo 00005", exact=True).wait_for()
    other.close()


def test_the_wheel_zooms_and_the_cloud_is_drawn_anew(explore):
    box = frame(explore)
    before = explore.page.screenshot(clip=box)
    explore.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    explore.page.mouse.wheel(0, -600)
    explore.rest(lambda: explore.page.screenshot(clip=box), unlike=before)


@pytest.mark.parametrize(("width", "height"), [(900, 700), *slow((1100, 800), (1920, 1080))])
def test_in_a_window_of_any_size_all_fits_and_points_are_round(explore, width, height):
    """The cloud is drawn in just the pixels of its frame."""
    explore.page.set_viewport_size({"width": width, "height": height})
    explore.page.wait_for_function(
        "() => { const f = [...Bokeh.documents[0]._all_models.values()].find(m => m.inner_width > 0 && m.renderers);"
        "const shape = f.renderers[0].data_source.get_column('image')[0].shape;"
        "return shape[0] == f.inner_height && shape[1] == f.inner_width }"
    )
    assert explore.page.evaluate("document.documentElement.scrollWidth") <= width + 1
    box = frame(explore)
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width + 1
    assert np.isfinite(list(box.values())).all()


def test_the_plot_is_seen_with_its_axis_in_a_small_window_and_is_large_in_a_large_one(explore):
    heights = []
    for width, height in ((1280, 720), (1920, 1080)):
        explore.page.set_viewport_size({"width": width, "height": height})
        outer = explore.page.locator(".bk-Figure").first
        box = explore.rest(outer.bounding_box)
        assert box["y"] + box["height"] <= height
        heights.append(box["height"])
    assert heights[1] > heights[0] + 300


def test_every_control_has_a_name_and_a_place_for_the_tab_key_in_light_and_dark(explore):
    check_accessible(explore.page)
    first, *others = stops(explore.page)
    assert first["what"] == "A Skip to the main part"
    assert sum(stop["what"].startswith("DIV photo") for stop in others) == 1
    explore.page.keyboard.press("Tab")
    explore.page.keyboard.press("Enter")
    assert explore.page.evaluate(STOP)["what"].startswith("MAIN")
    explore.page.get_by_label("Toggle theme").click()
    explore.page.locator("body").hover(position={"x": 5, "y": 700})
    explore.page.wait_for_timeout(500)  # colours turn slowly
    check_accessible(explore.page, tab=False)
    explore.page.get_by_label("Toggle theme").click()
    explore.page.wait_for_timeout(500)


def test_in_a_narrow_window_the_other_page_is_reached_from_the_drawer(explore):
    explore.page.set_viewport_size({"width": 390, "height": 844})
    explore.page.locator(".other.narrow").get_by_role("link", name="Compare").wait_for()
    assert explore.page.get_by_role("link", name="Compare", exact=True).count() == 1, "the header has no room for it"
    assert explore.page.evaluate("document.documentElement.scrollWidth") <= 390
    assert "link" not in nameless(explore.page)
    explore.page.set_viewport_size({"width": 1280, "height": 720})
    explore.page.locator(".other:not(.narrow)").get_by_role("link", name="Compare").wait_for()
    assert explore.page.get_by_role("link", name="Compare", exact=True).count() == 1


def test_the_choice_of_dark_is_kept_for_the_next_page(explore):
    background = "getComputedStyle(document.body).backgroundColor"
    light = explore.page.evaluate(background)
    explore.page.get_by_label("Toggle theme").click()
    explore.page.wait_for_function("document.cookie.includes('gala_viz_dark=1')")
    explore.page.wait_for_function(f"light => {background} !== light", arg=light)
    dark = explore.rest(lambda: explore.page.evaluate(background), unlike=light)
    explore.page.reload()
    explore.page.locator(FIGURE).first.wait_for()
    assert explore.page.evaluate(background) == dark
