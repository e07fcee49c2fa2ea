"""The page as visitors meet it: states, keys, uploads, cancelling, themes, sizes."""

import io
import re
import zipfile

import numpy as np
import pytest
from PIL import Image

from tests.browser.conftest import DEEP
from tests.panels.fake_source import FakeSource
from tests.tiers import slow

pytestmark = pytest.mark.browser
PANELS = ("photo", "human", "a", "b", "delta")
EVIL = '<img src=x onerror="window.hacked=1">'

EARLY = re.compile(r"n = (5|10|15|20) of 50")
"""Maps that are under way; a busy browser may not show every step."""


def shown(page):
    return page.page.locator(".id").first.inner_text()


def press(page, key, image):
    page.page.keyboard.press(key)
    page.page.get_by_text(image, exact=True).first.wait_for()


def test_arrow_keys_move_through_the_gallery(page):
    page.page.locator("body").press("ArrowRight")
    page.page.get_by_text("photo 00001", exact=True).first.wait_for()
    press(page, "ArrowLeft", "photo 00000")
    assert page.page.locator('.tile[aria-selected="true"]').get_attribute("data-image") == "photo 00000"


def test_keys_do_not_act_while_somebody_types(page):
    search = page.page.get_by_role("searchbox", name="Search")
    search.fill("photo")
    for key in ("ArrowLeft", "ArrowRight", "Space", "?"):
        search.press(key)
    page.frames()
    assert shown(page) == "photo 00000"
    assert search.input_value() != "photo"
    assert not page.page.get_by_role("dialog").is_visible()
    search.fill("")
    page.page.get_by_text("24 photographs", exact=True).wait_for()


def test_space_flickers_between_the_networks_in_place(page):
    first, second = page.still("a"), page.still("b")
    assert np.abs(first.astype(int) - second).mean() > 5
    page.page.keyboard.press("Space")
    assert page.looks_like("a", second, 2)
    assert "In place: Human co-trained" in page.model("figure/a", "m.title.text")
    page.page.keyboard.press("Space")
    assert page.looks_like("a", first, 0.5)
    assert "In place" not in page.model("figure/a", "m.title.text")


def test_the_question_mark_lists_the_keys_and_escape_closes_the_list(page):
    dialog = page.page.get_by_role("dialog", name="Keys")
    page.page.keyboard.press("?")
    dialog.wait_for()
    assert "flicker" in dialog.inner_text()
    page.page.keyboard.press("Escape")
    dialog.wait_for(state="hidden")


def test_a_click_counts_though_tiles_are_filled_anew_while_the_button_is_down(page):
    page.page.locator('.tile[data-image="photo 00005"]').hover()
    page.page.mouse.down()
    filled = page.page.evaluate(
        "() => [...Bokeh.documents[0]._all_models.values()].map(m => m.data).filter(d => d?.items?.[0]?.marks)"
        ".map(d => { d.items = d.items.map(item => ({...item, score: '+0.50'})); return d.items.length })"
    )
    assert filled == [24]
    page.page.get_by_text("+0.50").first.wait_for()
    page.page.mouse.up()
    page.page.locator(".id").get_by_text("photo 00005", exact=True).wait_for()


def test_an_id_that_looks_like_markup_stays_text(page):
    page.page.locator(".tile").nth(2).click()
    page.page.get_by_text(EVIL, exact=True).first.wait_for()
    page.settled()
    assert shown(page) == EVIL
    assert page.page.evaluate("window.hacked") is None


def picture(kind, size=(320, 240)):
    rng = np.random.default_rng(1)
    out = io.BytesIO()
    Image.fromarray(rng.integers(0, 255, (*size[::-1], 3), dtype=np.uint8)).save(out, kind)
    return out.getvalue()


def upload(page, name, mime, content):
    chosen = {"name": name, "mimeType": mime, "buffer": content}
    page.page.locator("input[type=file][accept*=image]").set_input_files(chosen)


@pytest.mark.parametrize(("name", "kind"), [("mine.png", "PNG"), *slow(("mine.jpg", "JPEG"), ("mine.webp", "WEBP"))])
def test_an_uploaded_photograph_is_shown(page, name, kind):
    mime = f"image/{kind.lower()}"
    content = picture(kind, (1600, 1200) if kind == "PNG" else (320, 240))
    upload(page, name, mime, content)
    page.page.locator("h1").get_by_text(name, exact=True).wait_for()
    assert shown(page) == name
    page.page.get_by_text("no label").nth(1).wait_for()
    assert page.page.get_by_text("no label").count() == 2


def test_several_photographs_at_once_are_all_there_and_refusals_are_told_together(page):
    files = [
        {"name": f"{number}.png", "mimeType": "image/png", "buffer": picture("PNG", (64 + number, 48))}
        for number in range(3)
    ]
    files.insert(1, {"name": "half.png", "mimeType": "image/png", "buffer": b"\x89PNG but no more"})
    files.append({"name": "words.txt", "mimeType": "text/plain", "buffer": b"words"})
    before = page.page.locator(".tile").count()
    page.page.locator("input[type=file][accept*=image]").set_input_files(files)
    page.page.get_by_text("“words.txt” is not a PNG, JPEG or WebP photograph").wait_for()
    assert page.page.get_by_text("could not be read as a photograph").is_visible()
    page.page.locator("h1").get_by_text("0.png", exact=True).wait_for()
    names = page.page.locator(".tile").all_inner_texts()
    assert all(any(f"{number}.png" in name for name in names) for number in range(3))
    assert page.page.locator(".tile").count() >= min(before, 24)
    page.page.get_by_role("button", name="Dismiss").click()


@pytest.mark.parametrize(
    ("name", "mime", "content", "words"),
    [
        ("<b>notes</b>.txt", "text/plain", b"words", "“<b>notes</b>.txt” is not a PNG, JPEG or WebP photograph"),
        ("half.png", "image/png", b"\x89PNG but no more", "could not be read as a photograph"),
        ("empty.png", "image/png", b"", "is empty"),
    ],
)
def test_a_bad_upload_is_refused_in_words(page, name, mime, content, words):
    upload(page, name, mime, content)
    page.page.get_by_text(words).wait_for()
    assert shown(page) == "photo 00000"
    page.page.get_by_role("button", name="Dismiss").click()


def test_an_upload_that_is_too_large_is_refused_in_words(page, tmp_path):
    huge = tmp_path / "huge.png"
    huge.write_bytes(bytes(21 * 2**20))
    page.page.locator("input[type=file][accept*=image]").set_input_files(huge)
    page.page.get_by_text("at most 20 MB are taken").wait_for()
    assert shown(page) == "photo 00000"
    page.page.get_by_role("button", name="Dismiss").click()


def test_light_and_dark_reach_page_and_plots(page):
    def backgrounds():
        return [
            page.model("figure/a", "m.background_fill_color"),
            page.page.evaluate("getComputedStyle(document.querySelector('body')).backgroundColor"),
        ]

    def toggle():
        """The backgrounds of plot and page after a press; both have to change."""
        before = page.rest(backgrounds)
        page.page.get_by_label("Toggle theme").click()
        return [page.rest(lambda place=place: backgrounds()[place], unlike=before[place]) for place in range(2)]

    light = page.rest(backgrounds)
    toggle()
    assert toggle() == light


@pytest.mark.parametrize("width", [*slow(1600, 1280), 1024])
def test_a_refusal_is_wholly_readable_and_covers_nothing(page, window, width):
    window(width, 720)
    upload(page, "half.png", "image/png", b"\x89PNG but no more")
    message = page.page.locator(".message").filter(has_text="could not be read")
    message.wait_for()
    page.frames()
    top = message.evaluate(
        "e => [[0.02, 0.1], [0.98, 0.1], [0.5, 0.5], [0.02, 0.9], [0.98, 0.9]].every(([x, y]) => {"
        " const box = e.getBoundingClientRect();"
        " const at = e.getRootNode().elementFromPoint(box.x + x * box.width, box.y + y * box.height);"
        " return e === at || e.contains(at) })"
    )
    box, panel = message.bounding_box(), page.model("figure/photo", TOP)
    page.page.get_by_role("button", name="Dismiss").click()
    assert top, "nothing lies over it"
    assert box["y"] + box["height"] <= panel, "no title lies under it"


@pytest.mark.slow
def test_search_and_paging_show_what_fits(visit):
    page = visit("many")
    assert page.page.locator(".tile").count() == 24
    page.page.get_by_text("50,000 photographs").wait_for()
    page.page.get_by_role("button", name="Next page").click()
    page.page.locator('.tile[data-image="photo 00024"]').wait_for()
    page.page.get_by_role("searchbox", name="Search").fill("49999")
    page.page.get_by_text("1 of 50,000 photographs").wait_for()
    assert page.page.locator(".tile").count() == 1


@pytest.mark.slow
def test_maps_sharpen_while_another_session_is_served_and_cancel_keeps_what_is_there(page, visit):
    slow = visit("slow")
    slow.page.locator(".tile").nth(7).click()
    slow.page.get_by_text(EARLY).wait_for()
    rough = slow.array("a")
    page.page.locator('.tile[data-image="photo 00003"]').click()
    page.page.locator(".id").get_by_text("photo 00003", exact=True).wait_for()
    page.settled()
    assert slow.page.get_by_text("of 50").first.is_visible()
    slow.page.get_by_text("done in").wait_for()
    sharp = slow.array("a")
    assert np.diff(sharp, axis=1).std() < 0.7 * np.diff(rough, axis=1).std()

    slow.page.locator(".tile").nth(5).click()
    slow.page.get_by_text(EARLY).wait_for()
    slow.page.get_by_role("button", name="Cancel").first.click()
    slow.page.get_by_text("Cancelled at n =").wait_for()
    assert np.isfinite(slow.array("a")).all()
    assert slow.pixels("a").std() > 5


@pytest.mark.slow
def test_a_collection_without_people_has_no_column_of_them(visit):
    page = visit("people")
    page.settled()
    assert page.page.locator(".column:visible").count() == 4, "no column of people"
    page.page.get_by_text("nothing can be said about closeness to people").wait_for()
    page.show_more()
    assert page.page.get_by_label("Colours").is_visible()
    assert not page.page.get_by_label("People as").is_visible()
    assert not page.page.get_by_label("Outline diagnostic parts").is_visible()
    assert page.pixels("a").std() > 5


def test_an_empty_collection_says_what_to_do(visit):
    page = visit("empty", ready=".state")
    page.page.get_by_text("holds no photographs").wait_for()


def test_a_source_that_cannot_be_loaded_is_told_in_words(visit):
    page = visit("broken", ready=".state")
    page.page.get_by_text("no folder called '<b>phots</b>'. Did you mean 'photos'?").wait_for()


@pytest.mark.slow
def test_the_page_stands_while_networks_load_and_then_gives_way(visit, server):
    page = visit("late", ready=".state")
    page.page.get_by_text("Loading networks…").wait_for()
    server.gate.touch()
    page.page.locator(".tile img").first.wait_for()
    page.settled()


@pytest.fixture
def window(page):
    """Sets the size of the page's window for one test, and waits until the figures have taken it."""

    def set_to(width, height):
        page.page.set_viewport_size({"width": width, "height": height})
        page.page.wait_for_function("size => innerWidth === size[0] && innerHeight === size[1]", arg=[width, height])
        page.page.wait_for_timeout(300)  # a figure asks for its size a little later
        page.rest(lambda: [page.box(panel) for panel in PANELS])

    yield set_to
    set_to(1280, 720)


TOP = "Bokeh.index.find_one(m).el.getBoundingClientRect().top"
FULL = "((m.below.find(one => one.color_mapper) ?? m).title)"


def below(page):
    """Lines of the delta's unit, and the room in px under its frame for them and the colour bar."""
    box = page.box("delta")
    bottom = page.model("figure/delta", "Bokeh.index.find_one(m).el.getBoundingClientRect().bottom")
    return page.model("figure/delta", FULL).count("\n") + 1, bottom - box["y"] - box["height"]


def test_a_unit_that_needs_more_lines_in_a_smaller_window_gets_their_room(page, window):
    window(1600, 1000)
    lines, room = below(page)
    window(1024, 700)
    more, taken = below(page)
    assert more > lines
    assert taken - room > 12 * (more - lines)


@pytest.mark.slow
@pytest.mark.parametrize("width", [*slow(1280, 1120), 1024])
def test_titles_that_come_and_go_move_nothing(page, window, width):
    window(width, 720)
    page.page.evaluate(
        "() => { const models = [...Bokeh.documents[0]._all_models.values()];"
        " const figure = models.find(m => m.name?.endsWith?.('/figure/b'));"
        " window.lines = new Set(); window.watching = true;"
        " const look = () => { window.lines.add(figure.title.text.split('\\n').length);"
        " if (window.watching) { requestAnimationFrame(look) } }; look() }"
    )
    for tile in ("photo 00003", "photo 00005", "photo 00003"):
        page.page.locator(f'.tile[data-image="{tile}"]').click()
        page.page.locator(".id").get_by_text(tile, exact=True).wait_for()
        page.settled()
    seen = page.page.evaluate("() => { window.watching = false; return [...window.lines] }")
    assert len(seen) == 1


@pytest.mark.parametrize("drawer", [*slow(True), False])
def test_a_narrow_window_shows_all_panels_with_their_titles(page, window, drawer):
    toggle = page.page.locator(".header button").first
    window(1024, 700)
    if not drawer:
        toggle.click()
        page.page.wait_for_timeout(300)
        page.rest(lambda: [page.box(panel) for panel in PANELS])
    try:
        boxes = [page.box(panel) for panel in PANELS]
        lines = {panel: page.model(f"figure/{panel}", "m.title.text") for panel in PANELS}
        units = {panel: page.model(f"figure/{panel}", FULL) for panel in PANELS[1:]}
        names = page.model("layers/names", "[m.data_source.get_column('text').filter(Boolean), m.glyph.text_font_size]")
        wide, high = page.model("layers", "[m.inner_width, m.inner_height]")
        ends = page.model("layers", "[m.y_range.start, m.y_range.end]")
    finally:
        if not drawer:
            toggle.click()
            page.page.wait_for_timeout(600)
    assert (boxes[0]["x"] > 250) is drawer
    assert all(box["x"] >= 0 and box["x"] + box["width"] <= 1024 for box in boxes)
    assert len({round(box["y"]) for box in boxes}) == 1
    assert all(len(line.split("\n")) == 1 for line in lines.values())
    assert lines["b"] == "tabby cat"
    assert " ".join(units["delta"].split()) == "difference of normalised maps"
    assert "co-trained" in page.page.locator(".network.b").first.inner_text()
    assert "beyond 2 standard errors" in " ".join(page.page.locator(".fact").all_inner_texts())
    shown, size = names[0], float(names[1]["value"].removesuffix("px"))
    assert shown
    assert size >= 8
    assert 1.2 * size <= high * ends[1] / (ends[1] - ends[0]), "the names of the layers are not cut"
    assert max(map(len, shown)) * 0.6 * size <= wide / len(shown), "and do not run into each other"


@pytest.mark.slow
def test_a_telephone_shows_every_panel_and_keeps_the_drawer_shut(visit):
    page = visit(ready=".id", width=390, height=844)
    page.settled()
    boxes = [page.box(panel) for panel in PANELS]
    assert all(box["x"] >= 0 and box["x"] + box["width"] <= 390 for box in boxes)
    assert min(box["width"] for box in boxes) > 150
    assert page.page.locator(".tile:visible").count() == 0
    assert page.page.locator(".subtitle b").bounding_box()["width"] > 75, "it is said whose photographs these are"
    last = page.page.locator("[data-action=save]").bounding_box()
    assert last["x"] + last["width"] <= 390
    assert last["y"] + last["height"] <= page.page.get_by_text("done in").bounding_box()["y"], "nothing lies over it"


@pytest.mark.slow
def test_the_chosen_photograph_is_in_view_in_the_gallery(visit):
    """A page of the gallery is higher than the window; a link opens the last photograph of it."""
    page = visit("compare?image=photo%2000023")
    tile = page.page.locator('.tile[aria-selected="true"]')
    tile.wait_for()
    assert tile.get_attribute("data-image") == "photo 00023"
    place = page.rest(lambda: tile.bounding_box())
    assert place["y"] + place["height"] <= 720


def test_the_answer_stands_on_the_first_screen(page, window):
    """Sentence, columns with closeness, values under the pointer and all layers, in a window of 1280 x 720 px."""
    window(1280, 720)
    page.settled()
    assert page.page.locator(".answer").is_visible()
    lower_ends = page.page.evaluate(
        f"() => {{ {DEEP} return ['.answer', '.column', '.rail', '.strip', '[data-action=save]'].map("
        "css => Math.max(...deep(document, css).map(e => e.getBoundingClientRect().bottom))) }"
    )
    assert max(lower_ends) < 720
    layers = page.model(
        "layers", "(r => [r.top, r.bottom])(Bokeh.index.find_one(m).canvas_view.el.getBoundingClientRect())"
    )
    assert lower_ends[-1] <= layers[0] < layers[1] <= 720
    bars = [page.page.locator(".rail.a"), page.page.locator(".rail.b")]
    for panel, bar in zip("ab", bars, strict=True):
        column, under = page.box(panel), bar.bounding_box()
        assert column["x"] - 2 <= under["x"] <= column["x"] + 2, "each bar stands under its map"
        assert under["y"] > column["y"] + column["height"]


@pytest.mark.parametrize(("width", "height"), [(1280, 720), *slow((3840, 2160), (1920, 1080))])
def test_the_main_row_fits_without_scrolling_sideways(page, window, width, height):
    window(width, height)
    boxes = [page.box(panel) for panel in PANELS]
    assert boxes[0]["x"] > 250, "the gallery is open"
    assert boxes[-1]["x"] + boxes[-1]["width"] <= width
    assert max(box["y"] + box["height"] for box in boxes) < height
    assert page.page.evaluate("document.scrollingElement.scrollWidth") <= width
    assert min(box["width"] for box in boxes) > 0.14 * width


@pytest.mark.slow
def test_the_figure_of_the_photograph_in_view_is_downloaded(page):
    page.settled()
    button = page.page.get_by_role("button", name="Figure for print")
    button.scroll_into_view_if_needed()
    with page.page.expect_download(timeout=60_000) as waited:
        button.click()
    with zipfile.ZipFile(waited.value.path()) as archive:
        assert "figure.pdf" in archive.namelist()
        assert "photo 00000" in archive.read("figure.json").decode()


def test_colours_crosshair_and_flicker_need_no_server(page, server):
    """The last test of the page that all share: it leaves the settings as it moved them."""
    page.show_more()
    page.point("a", 60.5, 60.5)
    before, said = page.pixels("a"), page.readout()["a"]["value"]
    server.halt()
    try:
        slider = page.page.get_by_role("slider", name="Opacity")
        slider.focus()
        slider.press("Home")
        page.frames()
        bare = page.pixels("a")
        slider.press("End")
        page.page.get_by_role("slider", name="Hide weakest, %").press("End")
        page.page.get_by_role("radio", name="raw", exact=True).check()
        page.page.get_by_label("Colours", exact=True).select_option("Fire")
        page.frames()
        full = page.pixels("a")
        page.point("a", 90.5, 110.5)
        assert page.readout()["a"]["value"] != said
        page.page.get_by_role("button", name="Flicker").click()
        page.frames()
        assert "In place: Human co-trained" in page.model("figure/a", "m.title.text")
        page.page.get_by_role("button", name="Noisy copy").click()
        page.frames()
        assert page.model("glyph/noisy", "m.visible")
        noisy = page.array("noisy").view(np.uint8).reshape(224, 224, 4)[..., :3].astype(float)
    finally:
        server.go_on()
    assert np.abs(bare.astype(int) - before).mean() > 5
    assert np.abs(full.astype(int) - bare).mean() > 1
    clean = FakeSource().view("photo 00000").astype(float)
    inside = (clean > 100) & (clean < 155)  # far from where pixels are clipped
    assert (noisy - clean)[inside].std() == pytest.approx(0.15 * np.ptp(clean), rel=0.1)
    assert page.model("glyph/b", "m.glyph.color_mapper.palette.at(-1)") == "#ffffff"
