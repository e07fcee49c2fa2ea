"""Photographs and their human maps from a visitor's disk, in a real browser."""

import base64
import io
import os

import numpy as np
import pytest
from PIL import Image

from tests.browser.conftest import Watched
from tests.panels.fake_source import blobs

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

MAP = blobs(7, 3, 20)


def photograph(name, seed=1, size=(320, 240)):
    content = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 255, (*size[::-1], 3), np.uint8)).save(content, "JPEG")
    return {"name": name, "mimeType": "image/jpeg", "buffer": content.getvalue()}


def array(name, values=MAP):
    content = io.BytesIO()
    np.save(content, values)
    return {"name": name, "mimeType": "", "buffer": content.getvalue()}


def grey(name, values=MAP):
    content = io.BytesIO()
    Image.fromarray((255 * values).astype(np.uint8)).save(content, "PNG")
    return {"name": name, "mimeType": "image/png", "buffer": content.getvalue()}


def choose(page, *files):
    page.page.locator("input[type=file][accept*=image]").set_input_files(list(files))


def tile(page, text):
    return page.page.locator(".tile").filter(has_text=text)


@pytest.mark.slow
def test_two_photographs_and_a_map_come_in_one_go_and_a_link_opens_them_in_a_second_tab(visit):
    page = visit()
    choose(page, array("cat.npy"), photograph("cat.jpg"), array("cow.npy"), photograph("dog.jpg", 2), grey("dog.png"))
    page.page.get_by_text("“cow.npy” is a human map, and a photograph called like it was expected").wait_for()
    page.page.locator("h1").get_by_text("cat.jpg", exact=True).wait_for()
    page.page.locator(".column-title").get_by_text("People, cat.npy, number unknown").wait_for()
    page.settled()
    np.testing.assert_array_equal(page.array("human"), MAP)
    assert tile(page, "cat.jpg, with map").count() == 1
    assert tile(page, "dog.jpg, with map").count() == 1
    assert page.page.get_by_text("this 0.410").first.is_visible()
    page.page.wait_for_url("**image=upload-*")
    second = Watched(page.page.context.browser)
    second.open(page.page.url)
    second.page.locator(".column-title").get_by_text("People, cat.npy, number unknown").wait_for()
    second.settled()
    np.testing.assert_array_equal(second.array("human"), MAP)
    assert second.errors == []
    second.close()


@pytest.mark.slow
def test_a_page_without_human_maps_gets_a_column_of_people_with_the_first_map(visit):
    page = visit("people")
    page.settled()
    assert page.page.locator(".column:visible").count() == 4
    assert page.page.locator(".cell.human").is_hidden()
    choose(page, photograph("cat.jpg"), array("cat.npy"))
    page.page.locator(".column-title").get_by_text("People, cat.npy, number unknown").wait_for()
    page.settled()
    assert page.page.locator(".column:visible").count() == 5
    page.page.wait_for_timeout(500)
    widths = page.rest(lambda: [round(page.box(panel)["width"]) for panel in ("photo", "human", "a", "b", "delta")])
    assert max(widths) - min(widths) <= 2
    heights = [round(page.box(panel)["height"]) for panel in ("photo", "human")]
    assert max(heights) - min(heights) <= 2
    assert page.pixels("human").std() > 5
    page.point("human", 100, 100)
    told = page.readout()
    here = MAP[int(told["photo"]["y"]), int(told["photo"]["x"])]
    assert float(told["human"]["value"]) == pytest.approx(float(here), rel=1e-5)
    page.page.get_by_text("0.410").first.wait_for()
    if picture := os.environ.get("UPLOAD_PICTURE"):
        page.page.screenshot(path=picture)


@pytest.mark.slow
def test_files_are_chosen_by_the_keyboard_and_a_dropped_map_finds_its_photograph(visit):
    page = visit()
    button = page.page.get_by_role("button", name="Upload photographs and maps")
    assert "cat.png.png of cat.png" in button.get_attribute("title")
    button.focus()
    with page.page.expect_file_chooser() as chosen:
        page.page.keyboard.press("Enter")
    assert chosen.value.is_multiple()
    chosen.value.set_files([photograph("cat.jpg")])
    page.page.locator("h1").get_by_text("cat.jpg", exact=True).wait_for()
    page.page.get_by_text("no human map came with it").wait_for()
    page.page.evaluate(
        """([name, text]) => {
            const bytes = Uint8Array.from(atob(text), (one) => one.charCodeAt(0))
            const dataTransfer = new DataTransfer()
            dataTransfer.items.add(new File([bytes], name))
            document.body.dispatchEvent(new DragEvent("drop", {dataTransfer, bubbles: true, cancelable: true}))
        }""",
        ["cat.npy", base64.b64encode(array("")["buffer"]).decode()],
    )
    page.page.locator(".column-title").get_by_text("People, cat.npy, number unknown").wait_for()
    page.settled()
    np.testing.assert_array_equal(page.array("human"), MAP)


@pytest.mark.slow
def test_a_picture_that_may_be_meant_as_a_map_is_said_to_be_a_photograph(visit):
    page = visit()
    choose(page, grey("heat.png"))
    page.page.get_by_text("“heat.png” is grey and was added as a photograph. A human map is named").wait_for()
    page.page.locator("h1").get_by_text("heat.png", exact=True).wait_for()
