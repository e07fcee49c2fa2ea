"""Links, notes and the stage in a real browser."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from tests.browser.conftest import DEEP, Watched

STAGE = "dialog.stage"


def address_has(watched, **expected):
    """Wait until the address says what is expected; None: nothing of that name."""
    watched.page.wait_for_function(
        "expected => { const now = new URLSearchParams(location.search); "
        "return Object.entries(expected).every(([name, value]) => now.get(name) === value) }",
        arg=expected,
    )


def heading(watched, image):
    watched.page.locator(".id").get_by_text(image, exact=True).first.wait_for()


@pytest.mark.slow
def test_tabs_in_step_show_the_same_photograph_and_others_do_not(visit):
    one = visit("compare")
    heading(one, "photo 00000")
    second, third = one.context.new_page(), one.context.new_page()
    for page in (second, third):
        page.goto(one.page.url)
        page.locator(".tile img").first.wait_for()
    for page in (one.page, second):
        page.get_by_role("button", name="In step").click()
        assert page.get_by_role("button", name="In step").get_attribute("aria-pressed") == "true"
    one.page.locator('.tile[data-image="photo 00004"]').click()
    second.locator(".id").get_by_text("photo 00004", exact=True).first.wait_for()
    second.wait_for_function("new URLSearchParams(location.search).get('image') === 'photo 00004'")
    second.keyboard.press("ArrowRight")
    heading(one, "photo 00005")
    assert third.locator(".id").get_by_text("photo 00000", exact=True).first.is_visible()
    assert one.errors == []


@pytest.mark.slow
def test_the_address_follows_the_page_and_a_copied_link_opens_exactly_what_was_seen(visit):
    one = visit("compare")
    heading(one, "photo 00000")
    one.page.locator('.tile[data-image="photo 00004"]').click()
    address_has(one, image="photo 00004", v="2")
    one.page.keyboard.press("ArrowRight")
    address_has(one, image="photo 00005")
    one.show_more()
    one.page.get_by_label("Colours", exact=True).select_option("Fire")
    address_has(one, image="photo 00005", colours="Fire")
    one.page.go_back()
    heading(one, "photo 00004")
    one.page.go_back()
    heading(one, "photo 00000")
    address_has(one, image=None)
    one.page.go_forward()
    heading(one, "photo 00004")
    assert one.page.locator('.tile[data-image="photo 00004"]').get_attribute("aria-selected") == "true"
    one.settled()
    one.page.keyboard.press(" ")
    one.model("figure/photo", "m.x_range.setv({start: 20, end: 120})")
    one.model("figure/photo", "m.y_range.setv({start: 130, end: 30})")
    address_has(one, image="photo 00004", flicker="1", zoom="20,120,30,130")
    one.context.grant_permissions(["clipboard-read", "clipboard-write"])
    one.page.get_by_role("button", name="Copy link", exact=True).click()
    one.page.get_by_role("button", name="Copied").wait_for()
    link = one.page.evaluate("navigator.clipboard.readText()")
    other = visit(link.split("/", 3)[3])
    heading(other, "photo 00004")
    other.settled()
    other.page.wait_for_function(
        "() => [...Bokeh.documents[0]._all_models.values()].some("
        "m => m.name?.endsWith('/figure/photo') && m.x_range.start === 20)"
    )
    assert other.model("figure/photo", "[m.x_range.end, m.y_range.start, m.y_range.end]") == [120, 130, 30]
    assert other.page.locator("[data-action=flicker]").get_attribute("aria-pressed") == "true"


@pytest.mark.slow
def test_a_link_that_cannot_be_followed_says_why(visit):
    one = visit("compare?v=1&image=nowhere%3Cimg%3E&colour=red")
    told = one.page.locator(".alert")
    told.wait_for()
    assert "no such image" in told.inner_text()
    assert "“colour”, which this page does not know" in told.inner_text()
    heading(one, "photo 00000")


@pytest.mark.slow
def test_an_address_that_names_no_image_opens_the_first(visit):
    heading(visit("compare?image=nowhere%3Cimg%3E"), "photo 00000")


def test_a_note_is_kept_as_it_is_typed_shown_without_running_and_not_overwritten_elsewhere(visit):
    one = visit("compare?image=photo%2000006")
    heading(one, "photo 00006")
    one.page.keyboard.press("s")
    notes = "**ears** <img src=x onerror='window.hacked=1'> [go](javascript:window.hacked=2)"
    one.page.get_by_label("Notes", exact=True).last.fill(notes)
    one.page.get_by_label("Tags").fill("Ears, odd one")
    one.page.get_by_text("Kept.").wait_for()
    shown = one.page.locator(".shown")
    assert shown.locator("strong").inner_text() == "ears"
    assert shown.locator("img, a").count() == 0
    assert one.page.evaluate("window.hacked") is None
    one.page.locator('.tile[data-image="photo 00006"] .star').wait_for()

    other = visit("compare?image=photo%2000006&notes=bookmarked")
    other.page.locator(".count").get_by_text(re.compile(r"^1 of 24")).wait_for()
    assert other.page.get_by_label("Tags").input_value() == "ears, odd one"
    other.page.locator(".filter").get_by_text("#odd one").click()
    assert other.page.locator(".item .tag").all_inner_texts() == ["#ears", "#odd one"]
    with other.page.expect_download() as saved:
        other.page.get_by_role("button", name="Export").click()
    content = json.loads(Path(saved.value.path()).read_text(encoding="utf-8"))
    assert [note["image"] for note in content["notes"]] == ["photo 00006"]

    box = [watched.page.get_by_label("Notes", exact=True).last for watched in (one, other)]
    box[0].fill("first")
    one.page.wait_for_function(f"() => {{ {DEEP} return deep(document, '.shown')[0].innerText.trim() === 'first' }}")
    box[1].fill("second")
    other.page.get_by_text("Changed in another window").wait_for()
    assert other.page.locator(".shown").inner_text().strip() == "first"
    assert box[1].input_value() == "second"
    other.page.get_by_role("button", name="Save mine").click()
    other.page.get_by_text("Kept.").wait_for()


@pytest.mark.slow
def test_a_view_saved_by_name_is_a_short_link_and_stands_in_the_inputs_also_between_their_steps(visit):
    one = visit("compare?image=photo%2000009&opacity=0.3&n=7&noise=0.125&seed=3")
    one.page.get_by_label("Name of this view").fill("dim ears")
    one.page.get_by_role("button", name="Save view").click()
    link = one.page.locator(".views a")
    link.wait_for()
    with one.page.expect_navigation():
        link.click()
    assert one.page.url.endswith("?view=dim%20ears")
    heading(one, "photo 00009")
    assert one.page.get_by_label("Opacity").input_value() == "0.3"
    numbers = one.page.locator(".field.slider .number").all_inner_texts()
    assert {"7", "0.125"} <= set(numbers)
    one.show_more()
    seed = one.page.get_by_label("Seed of the noise")
    assert seed.input_value() == "3"
    for wrong in ("-2", "1.5", ""):
        seed.fill(wrong)
        seed.press("Tab")
        assert seed.input_value() == "3"
    seed.fill("5")
    seed.press("Enter")
    address_has(one, seed="5", n="7", image="photo 00009")


def drawn(watched, panel):
    """A picture of the stage, as the browser holds it: uint8 (y, x, 4)."""
    rows, columns, values = watched.page.locator(f"{STAGE} .panel.{panel} canvas").evaluate(
        "c => [c.height, c.width, Array.from(c.getContext('2d').getImageData(0, 0, c.width, c.height).data)]"
    )
    return np.array(values, np.uint8).reshape(rows, columns, 4)


@pytest.fixture(scope="module")
def _presenter(chromium, server):
    one = Watched(chromium).open(f"{server.url}/compare?image=photo%2000001")
    heading(one, "photo 00001")
    one.settled()
    yield one
    one.close()


@pytest.fixture
def stage(_presenter):
    """The stage on the second photograph, all panels shown, its maps done; one page for all tests."""
    page = _presenter.page
    page.locator('.tile[data-image="photo 00001"]').click()
    page.keyboard.press("p")
    page.locator(f"{STAGE}[open] .heading").get_by_text("goldfish").wait_for()
    page.locator(f"{STAGE} .words").get_by_text("standard error").wait_for()
    _presenter.frames(5)
    yield _presenter
    for _ in range(60):  # an Escape that comes while the window becomes full is the browser's own
        page.keyboard.press("Escape")
        page.wait_for_timeout(500)
        if not page.locator(f"{STAGE}[open]").count():
            break
    assert not page.locator(STAGE).is_visible()
    assert _presenter.errors == []


@pytest.mark.slow
def test_the_stage_is_legible_and_shows_only_what_is_chosen(stage):
    page = stage.page
    assert page.locator(f"{STAGE} .heading").inner_text() == "goldfish"
    smallest = page.locator(STAGE).evaluate(
        "stage => Math.min(...[...stage.querySelectorAll('.head *, .panel *, .feet *')]"
        ".filter(e => e.textContent && e.offsetParent !== null).map(e => parseFloat(getComputedStyle(e).fontSize)))"
    )
    assert smallest >= 19, "at 1280 x 720 no text is smaller than a 38th of the height"
    before = page.locator(f"{STAGE} .panel.a canvas").bounding_box()["width"]
    for key in "125":
        page.keyboard.press(key)
    page.wait_for_function("() => new URLSearchParams(location.search).get('panels') === 'a,b'")
    stage.frames(5)
    assert page.locator(f"{STAGE} .panel:visible").count() == 2
    assert page.locator(f"{STAGE} .panel.a canvas").bounding_box()["width"] > 1.8 * before
    for key in "125":
        page.keyboard.press(key)
    address_has(stage, panels="photo,human,a,b,delta")


CUT = """stage => {
  const room = stage.querySelector('.pictures').getBoundingClientRect()
  const parts = '.panel:not([hidden]) :is(.title, .title span, .picture, .scale, .unit)'
  return [...stage.querySelectorAll(parts)].filter(e => {
    const box = e.getBoundingClientRect()
    return box.top < room.top - 1 || box.bottom > room.bottom + 1 || box.left < room.left - 1
      || box.right > room.right + 1 || e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0
      || e.scrollHeight > e.clientHeight + 2 && e.clientHeight > 0
  }).map(e => `${e.className}: ${e.textContent}`)
}"""
"""What of a stage's panels is not wholly seen."""
TELL = """(stage, long) => { for (const m of Bokeh.documents[0]._all_models.values()) {
  const scene = m.data?.scene
  if (!scene?.panels) { continue }
  window.plain ??= scene.panels
  const told = ({title}) => ({title: `${title} + simulated ClickMe: elephant`, unit: 'difference, each by its maximum'})
  const wordy = Object.fromEntries(Object.entries(window.plain).map(([name, one]) => [name, told(one)]))
  m.data.scene = {...scene, panels: long ? wordy : window.plain}
} }"""


@pytest.mark.slow
def test_no_word_of_the_stage_is_cut_however_long(stage):
    page = stage.page
    page.locator(STAGE).evaluate(TELL, True)
    try:
        page.locator(f"{STAGE} .unit").last.get_by_text("each by its maximum").wait_for()
        for width, height in [(1600, 1000), (1024, 768), (1280, 720)]:
            page.set_viewport_size({"width": width, "height": height})
            stage.frames(8)
            assert "ClickMe" in page.locator(f"{STAGE} .panel.b .title").inner_text()
            assert page.locator(STAGE).evaluate(CUT) == []
    finally:
        page.set_viewport_size({"width": 1280, "height": 720})
        page.locator(STAGE).evaluate(TELL, False)


@pytest.mark.slow
def test_blinking_puts_the_second_network_in_the_first_ones_place(stage):
    first, second = drawn(stage, "a"), drawn(stage, "b")
    assert (first != second).mean() > 0.05
    before = stage.page.locator(f"{STAGE} .panel.a canvas").bounding_box()
    stage.page.keyboard.press(" ")
    stage.page.locator(f"{STAGE} .panel.a[data-shows=b]").wait_for()
    assert stage.page.locator(f"{STAGE} .panel.a canvas").bounding_box() == before
    np.testing.assert_array_equal(drawn(stage, "a"), second)
    stage.page.keyboard.press(" ")
    stage.page.locator(f"{STAGE} .panel.a[data-shows=a]").wait_for()


@pytest.mark.slow
def test_the_stage_paints_what_the_page_paints(stage):
    """Where the map is strongest, the mixture of photograph and colour is that of the page's own figure."""
    values = stage.array("a")
    at = np.unravel_index(np.nanargmax(values), values.shape)
    picture = drawn(stage, "a")
    here = tuple(int((k + 0.5) * side / 224) for k, side in zip(at, picture.shape, strict=False))
    stage.page.keyboard.press("Escape")
    stage.page.locator(STAGE).wait_for(state="hidden")
    own = stage.pixels("a")
    there = tuple(int((k + 0.5) * side / 224) for k, side in zip(at, own.shape, strict=False))
    assert np.abs(picture[here][:3].astype(int) - own[there].astype(int)).max() <= 24


@pytest.mark.slow
def test_a_clicker_leads_through_photographs_and_layers_and_back_leaves(stage):
    page = stage.page
    page.keyboard.press("PageDown")
    page.locator(f"{STAGE} .place").get_by_text("3 of 24").wait_for()
    page.keyboard.press("PageUp")
    page.locator(f"{STAGE} .place").get_by_text("2 of 24").wait_for()
    page.keyboard.press("ArrowDown")
    page.locator(f"{STAGE} .place").get_by_text("blocks.5").wait_for()
    page.keyboard.press("b")
    page.locator(f"{STAGE}.black").wait_for(state="attached")
    assert page.locator(f"{STAGE} .scale:visible, {STAGE} canvas:visible").count() == 0
    page.keyboard.press("b")
    page.keyboard.press("Escape")
    page.locator(STAGE).wait_for(state="hidden")
    address_has(stage, present="0", layer="0")
    page.go_back()
    page.locator(f"{STAGE}[open]").wait_for()
    page.keyboard.press("ArrowUp")
    address_has(stage, present="1", layer="")


LASER = f"""([panel, share]) => {{
  {DEEP}
  const box = (css) => deep(document, css)[0].getBoundingClientRect()
  const [dot, canvas] = [box('.laser'), box(`.panel.${{panel}} canvas`)]
  return dot.width > 0 && Math.abs((dot.x + dot.width / 2 - canvas.x) / canvas.width - share) < 0.02
}}"""
"""Whether the laser stands at a share of a panel's width."""


FEET = f"""words => {{
  {DEEP}
  const feet = deep(document, 'dialog.stage .feet')[0]
  const says = 'a network ✓ acoustic guitar, 61 %, and long names'
  for (const network of feet.querySelectorAll('.network')) {{ network.textContent = says }}
  feet.querySelector('.words').textContent = words
  return feet.getBoundingClientRect().height
}}"""
"""How high the stage's last lines are with these words, where what the networks say is long."""


def test_pictures_on_the_stage_stay_where_they_are_while_n_grows(stage):
    words = ("", "n = 5 of 50 · standard error 9 % of the maps", "n = 500 of 500 · standard error 100 % of the maps")
    assert len({round(stage.page.evaluate(FEET, one), 1) for one in words}) == 1


@pytest.mark.slow
def test_others_follow_through_a_link_and_see_the_laser(stage, visit):
    stage.context.grant_permissions(["clipboard-read", "clipboard-write"])
    stage.page.mouse.move(600, 600)
    stage.page.locator("[data-tool=follow]").click()
    stage.page.get_by_text("follows this presentation").wait_for()
    link = stage.page.evaluate("navigator.clipboard.readText()")
    other = visit(link.split("/", 3)[3], ready=f"{STAGE}[open] canvas", width=900, height=700)
    other.page.locator(f"{STAGE} .heading").get_by_text("goldfish").wait_for()
    stage.page.keyboard.press("PageDown")
    other.page.locator(f"{STAGE} .place").get_by_text("3 of 24").wait_for()
    stage.page.locator(f"{STAGE} .words").get_by_text("standard error").wait_for()
    stage.frames(5)
    stage.page.keyboard.press("l")
    box = stage.page.locator(f"{STAGE} .panel.delta canvas").bounding_box()
    stage.page.mouse.move(box["x"] + 5, box["y"] + 5)
    stage.page.mouse.move(box["x"] + box["width"] / 4, box["y"] + box["height"] / 2)
    other.page.wait_for_function(LASER, arg=["delta", 0.25])
    other.page.set_viewport_size({"width": 1100, "height": 640})
    other.frames(5)
    other.page.wait_for_function(LASER, arg=["delta", 0.25])
    for key in "12":  # three panels, larger, under a cursor that rests
        stage.page.keyboard.press(key)
    stage.page.locator(f"{STAGE} .panel.human").wait_for(state="hidden")
    stage.frames(5)
    larger = stage.page.locator(f"{STAGE} .panel.delta canvas").bounding_box()
    share = (box["x"] + box["width"] / 4 - larger["x"]) / larger["width"]
    assert 0.35 < share < 1, "it points at another place of the same panel now"
    stage.page.wait_for_function(LASER, arg=["delta", share])
    other.page.wait_for_function(LASER, arg=["delta", share])
    stage.page.keyboard.press("l")
    other.page.locator(f"{STAGE} .laser").wait_for(state="hidden")
    for key in "12":
        stage.page.keyboard.press(key)
    other.page.keyboard.press("PageDown")
    stage.page.keyboard.press("Escape")
    other.page.get_by_text("The presenter is elsewhere").wait_for()
    assert other.page.locator(f"{STAGE} .place").inner_text() == "3 of 24", "who follows cannot lead"
    stage.page.locator(STAGE).wait_for(state="hidden")
    stage.page.keyboard.press("p")
    other.page.get_by_text("The presenter is elsewhere").wait_for(state="hidden")


@pytest.mark.slow
def test_a_link_to_a_presentation_that_is_over_says_so(visit):
    one = visit("compare?follow=nothing", ready=".state")
    one.page.get_by_text("This presentation is over").wait_for()
