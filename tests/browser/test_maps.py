"""What is drawn and read in a real browser, held against the arrays that the source gave."""

import csv
import re
from urllib.parse import parse_qsl, urlsplit

import numpy as np
import pytest
from playwright.sync_api import expect

from gala_viz.engine.results.perturbation import perturb_pixels, reveal_mask, reveal_order
from gala_viz.panels.compare.brush_strokes import paint_strokes
from gala_viz.plots.colour_maps import DIVERGING, SEQUENTIAL
from gala_viz.plots.colour_scale import colour_limits, delta_limit, finite_percentile, percentile_rank
from gala_viz.specs import MapRequest
from tests.browser.conftest import WAIT_MS
from tests.panels.fake_source import FakeSource

pytestmark = pytest.mark.browser
PANELS = ("photo", "human", "a", "b", "delta")
SOURCE = FakeSource()
FIRST = SOURCE.images[0]


@pytest.fixture(scope="module")
def truth():
    update = SOURCE.update(FIRST, MapRequest(), 50)
    human = np.asarray(SOURCE.human_map(FIRST))
    return {
        "human": human,
        "a": np.asarray(update.maps[0]),
        "b": np.asarray(update.maps[1]),
        "delta": np.asarray(update.delta),
    }


def limits(page, panel):
    return tuple(page.model(f"glyph/{panel}", "[m.glyph.color_mapper.low, m.glyph.color_mapper.high]"))


def choose(page, label, option):
    page.page.get_by_label(label, exact=True).select_option(label=option)
    page.frames()


@pytest.mark.slow
def test_the_browser_holds_the_sources_arrays(page, truth):
    for panel, expected in truth.items():
        np.testing.assert_array_equal(page.array(panel), expected)
    packed = page.array("photo").view(np.uint8).reshape(224, 224, 4)
    np.testing.assert_array_equal(packed[..., :3], SOURCE.view(FIRST))


def test_every_panel_is_drawn_and_changes_with_the_photograph(page):
    before = {panel: page.pixels(panel) for panel in PANELS}
    for panel, picture in before.items():
        assert picture.std() > 5, f"{panel} is blank"
    page.page.locator('.tile[data-image="photo 00001"]').click()
    page.page.locator(".id").get_by_text("photo 00001", exact=True).wait_for()
    page.settled()
    for panel, picture in before.items():
        assert np.abs(page.pixels(panel).astype(int) - picture).mean() > 3, f"{panel} did not change"


def test_the_photograph_is_drawn_in_its_own_colours(page):
    def blocks(picture):
        rows, columns = (n // 8 for n in picture.shape[:2])
        cut = picture[: rows * 8, : columns * 8].astype(float)
        return cut.reshape(8, rows, 8, columns, 3).mean(axis=(1, 3))

    page.page.mouse.move(2, 2)
    drawn, given = blocks(page.pixels("photo")), blocks(SOURCE.view(FIRST))
    assert np.abs(drawn - given).mean() < 6
    assert np.corrcoef(drawn.ravel(), given.ravel())[0, 1] > 0.97


def test_frames_have_the_photographs_shape(page):
    for panel in PANELS:
        box = page.box(panel)
        assert abs(box["width"] - box["height"]) <= 1


def test_the_delta_is_symmetric_about_zero_with_the_second_network_in_red(page, truth):
    low, high = limits(page, "delta")
    assert low == -high
    assert high == pytest.approx(delta_limit(truth["delta"]), rel=1e-5)
    assert page.model("glyph/delta", "[...m.glyph.color_mapper.palette]") == list(DIVERGING)
    drawn = page.pixels("delta").astype(int)
    rows, columns = drawn.shape[:2]

    def colour(place):
        y, x = np.array(place) * (rows, columns) // 224
        return drawn[y - 1 : y + 2, x - 1 : x + 2].mean(axis=(0, 1))

    smooth = truth["delta"]
    red, blue = (colour(np.unravel_index(i, smooth.shape)) for i in (smooth.argmax(), smooth.argmin()))
    assert red[0] > red[2] + 20
    assert blue[2] > blue[0] + 20


@pytest.mark.parametrize("scale", ["per map", "raw", "shared"])
def test_scales_in_the_browser_are_those_of_the_plots(page, truth, scale):
    page.page.get_by_role("radio", name=scale, exact=True).check()
    page.frames()
    expected = colour_limits(np.stack([truth["a"], truth["b"]]), scale)
    for panel, ends in zip("ab", expected, strict=True):
        assert limits(page, panel) == pytest.approx(ends, rel=1e-5)
    assert limits(page, "delta")[1] == pytest.approx(delta_limit(truth["delta"], scale), rel=1e-5)


@pytest.mark.slow
def test_the_raw_scale_of_a_layer_begins_at_zero_in_the_row_and_in_its_small_multiples(visit):
    page = visit("compare?v=2&layer=2&scale=raw")
    page.settled()
    pair = [norms["blocks.7"].values for norms in SOURCE.forward(FIRST).attention_norms]
    assert min(one.min() for one in pair) > 0
    largest = pytest.approx(max(one.max() for one in pair), rel=1e-5)
    for name in ("glyph/a", "glyph/b", "layers/glyph/0/2", "layers/glyph/1/2"):
        low, high = page.model(name, "[m.glyph.color_mapper.low, m.glyph.color_mapper.high]")
        assert (low, high) == (0, largest), name


@pytest.mark.parametrize(
    ("panel", "x", "y"), [("photo", 30.5, 60.5), ("a", 120.5, 100.5), ("delta", 200.5, 12.5), ("human", 2.5, 2.5)]
)
def test_the_readout_equals_the_arrays_wherever_the_mouse_is(page, truth, panel, x, y):
    page.point(panel, x, y)
    said = page.readout()
    column, row = int(said["photo"]["x"]), int(said["photo"]["y"])
    assert abs(column - x) <= 1.5
    assert abs(row - y) <= 1.5
    assert [int(v) for v in said["photo"]["value"].split(",")] == SOURCE.view(FIRST)[row, column].tolist()
    for name, values in truth.items():
        value = float(said[name]["value"])
        np.testing.assert_array_equal(np.float32(value), values[row, column])
        expected = percentile_rank(values, values[row, column])
        np.testing.assert_allclose(float(said[name]["percentile"]), expected, atol=1e-6)
    assert page.model("span/x", "m.visible && m.location") == pytest.approx(float(column) + 0.5, abs=1.01)


def test_units_errors_and_shares_of_noise_are_explained_where_they_stand(page):
    cell = page.page.locator(".cell.a")
    expect(cell).to_have_attribute("title", re.compile(r"Logits per input unit: by how much .* ±: the standard error"))
    expect(page.page.locator(".fact[title*='of noise alone']")).to_have_count(1)


def test_a_click_holds_the_crosshair_and_escape_lets_go(page):
    page.point("a", 100.5, 100.5)
    page.page.mouse.down()
    page.page.mouse.up()
    page.page.wait_for_timeout(400)
    held = page.readout()["a"]
    page.hover("b", 20.5, 20.5)
    assert page.readout()["a"] == held
    page.page.keyboard.press("Escape")
    page.point("b", 24.5, 20.5)
    assert page.readout()["a"] != held


def test_the_layers_are_read_by_the_same_crosshair(page):
    page.point("a", 112.5, 56.5)
    at = page.model("layers/cross", "[m.data.x.length, m.data.x[0], m.data.y[0]]")
    said = page.readout()["photo"]
    assert at[0] == 12
    assert (int(at[1]), int(at[2])) == (int(said["x"]), int(said["y"]))


def test_the_threshold_takes_away_the_weakest_pixels_only(page, truth):
    page.show_more()
    slider = page.page.get_by_role("slider", name="Hide weakest, %")
    slider.focus()
    for _ in range(3):
        slider.press("PageUp")
    page.frames()
    percent = float(slider.get_attribute("aria-valuenow") or slider.input_value())
    assert percent > 0
    for panel in "ab":
        low, high = limits(page, panel)
        palette = page.model(f"glyph/{panel}", "[...m.glyph.color_mapper.palette]")
        cut = finite_percentile(truth[panel], percent)
        hidden = sum(colour == "#00000000" for colour in palette)
        assert hidden == pytest.approx((cut - low) / (high - low) * 256, abs=1)
        assert palette[hidden:] == list(SEQUENTIAL["Blue to yellow"])[hidden:]
    slider.press("Home")


def test_people_can_be_shown_as_contours_or_revealed(page):
    page.show_more()
    overlay = page.pixels("human")
    choose(page, "People as", "contours")
    contours = page.pixels("human")
    assert page.model("line/human", "m.visible")
    assert not page.model("line/a", "m.visible")
    choose(page, "People as", "revealed")
    revealed = page.pixels("human")
    assert revealed.astype(int)[-20:, -20:].min() > 215, (
        "where nobody looked the page's own white covers the photograph"
    )
    assert np.abs(overlay.astype(int) - contours).mean() > 5
    choose(page, "People as", "overlay")


def test_known_parts_are_outlined_on_demand_where_they_are(page):
    page.show_more()
    plain = page.pixels("photo").astype(int)
    page.page.get_by_role("switch", name="Outline diagnostic parts").check()
    page.frames()
    for panel in PANELS:
        assert page.model(f"part/{panel}", "m.visible")
    xs, ys = page.model("part/photo", "[[...m.data_source.data.xs[0]], [...m.data_source.data.ys[0]]]")
    assert (min(xs), max(xs), min(ys), max(ys)) == (40, 100, 60, 120)
    changed = np.abs(page.pixels("photo").astype(int) - plain).max(axis=-1) > 40
    side = changed.shape[0] / 224
    assert changed[round(60 * side) - 2 : round(60 * side) + 3, round(70 * side)].any()
    assert not changed[round(90 * side), round(70 * side)]
    page.page.get_by_role("switch", name="Outline diagnostic parts").uncheck()
    page.frames()
    assert not page.model("part/a", "m.visible")


def test_zoom_is_linked_keeps_the_aspect_and_resets(page):
    box = page.box("b")
    page.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.page.mouse.wheel(0, -400)

    def span(panel):
        return page.model(f"figure/{panel}", "[m.x_range.end - m.x_range.start, m.y_range.start - m.y_range.end]")

    spans = page.rest(lambda: [span(panel) for panel in PANELS], unlike=[[224, 224]] * len(PANELS))
    assert len({tuple(s) for s in spans}) == 1
    assert spans[0][0] < 224
    assert spans[0][0] == pytest.approx(spans[0][1], rel=0.02)
    page.page.get_by_role("button", name="Reset zoom").click()
    page.frames()
    assert page.model("figure/a", "[m.x_range.start, m.x_range.end, m.y_range.start, m.y_range.end]") == [
        0,
        224,
        224,
        0,
    ]


def test_the_visible_region_is_saved_pixel_by_pixel(page, truth):
    with page.page.expect_download() as waiting:
        page.page.get_by_role("button", name="Region as CSV").click()
    with open(waiting.value.path(), newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 224 * 224
    row = rows[50 * 224 + 100]
    assert (row["x_px"], row["y_px"]) == ("100", "50")
    assert [int(row[c]) for c in ("red", "green", "blue")] == SOURCE.view(FIRST)[50, 100].tolist()
    values = [float(v) for v in list(row.values())[5:]]
    np.testing.assert_array_equal(np.float32(values[:4]), [truth[p][50, 100] for p in ("human", "a", "b", "delta")])
    update = SOURCE.update(FIRST, MapRequest(), 50)
    errors = [*update.standard_error.values[:, 50, 100], update.delta_error.values[50, 100]]
    np.testing.assert_array_equal(np.float32(values[4:]), np.float32(errors))
    assert [name.rpartition(", ")[2] for name in list(row)[9:]] == ["standard error"] * 3


def test_what_is_within_the_deltas_error_is_hidden_or_outlined(page, truth):
    def drawn():
        return page.model("glyph/within-error", "[m.visible, m.data_source.get_column('image')[0].length]")

    def cells():
        return page.page.evaluate(
            "name => { for (const d of Bokeh.documents) { const m = d.get_model_by_name(name); if (m) {"
            " return [...m.data_source.get_column('image')[0]].filter(Boolean).length } } }",
            page.model("glyph/within-error", "m.name"),
        )

    page.show_more()
    assert not drawn()[0]
    beyond = np.abs(truth["delta"]) > 2 * np.float32(0.02)
    try:
        page.page.get_by_role("radio", name="hidden").click()
        page.rest(lambda: drawn(), unlike=[False, 224 * 224])
        assert drawn() == [True, 224 * 224]
        assert cells() == int((~beyond).sum()), "the photograph alone stands where nothing is beyond its error"
        page.page.get_by_role("radio", name="outlined").click()
        page.rest(lambda: cells(), unlike=int((~beyond).sum()))
        padded = np.pad(beyond, 1, mode="edge")
        same = [padded[1:-1, :-2], padded[1:-1, 2:], padded[:-2, 1:-1], padded[2:, 1:-1]]
        assert cells() == int((beyond & ~np.logical_and.reduce(same)).sum())
    finally:
        page.page.get_by_role("radio", name="shown").click()
    page.rest(lambda: drawn()[0], unlike=True)
    assert not drawn()[0]


def test_a_click_on_a_layer_puts_it_into_the_main_row_and_back(page, truth):
    norms = SOURCE.forward(FIRST).attention_norms

    def click():
        element = "Bokeh.index.find_one(m).el"
        page.model("layers", f"{element}.scrollIntoView({{block: 'center'}})")
        corners = f"(() => {{ const b = {element}.getBoundingClientRect(); return [b.x, b.y, b.width, b.height] }})()"
        before = None
        while (box := page.model("layers", corners)) != before:  # until the page has come to rest
            before = box
            page.page.wait_for_timeout(200)
        x, y, width, height = box
        page.page.mouse.click(x + width * 0.42, y + height * 0.75)

    def click_until(side):
        """Click again where a busy machine made a long press of the click, and so nothing will come of it."""
        for _ in range(3):
            click()
            for _ in range(300):
                if page.model("source/a", "m.get_column('image')[0].shape[0]") == side:
                    return
                page.page.wait_for_timeout(50)
        pytest.fail(f"no map of {side} rows came")

    click_until(14)
    np.testing.assert_array_equal(page.array("a"), norms[0]["blocks.7"])
    np.testing.assert_array_equal(page.array("b"), norms[1]["blocks.7"])
    page.page.wait_for_timeout(400)
    click_until(224)
    np.testing.assert_array_equal(page.array("a"), truth["a"])


def test_what_is_erased_in_the_browser_is_what_the_networks_get_to_the_last_pixel(page):
    def linked(name):
        return dict(parse_qsl(urlsplit(page.page.url).query, keep_blank_values=True))[name]

    def shown(kept):
        page.page.get_by_text(f"{100 * kept.mean():.1f} % shown", exact=True).wait_for()
        page.page.get_by_text(f"Changed: {100 * kept.mean():.1f} % shown").nth(1).wait_for()
        page.frames()
        packed = page.array("erased").view(np.uint8).reshape(224, 224, 4)
        expected = perturb_pixels(SOURCE.view(FIRST), np.full((224, 224, 3), 127, np.uint8), kept)
        np.testing.assert_array_equal(packed[..., :3], expected)
        assert page.model("glyph/erased", "m.visible")

    page.page.keyboard.press("b")
    page.page.get_by_text("100.0 % shown", exact=True).wait_for()
    page.page.get_by_text("Nothing is hidden yet").first.wait_for()
    page.rest(lambda: page.box("photo"))  # the columns have made room
    box = page.box("photo")

    def at(x, y):
        return box["x"] + x / 224 * box["width"], box["y"] + y / 224 * box["height"]

    page.page.mouse.move(*at(60, 60))
    page.page.mouse.down()
    for k in range(8):
        page.page.mouse.move(*at(60 + 14 * k, 60 + 7 * (k % 3)))
    page.page.mouse.up()
    page.page.get_by_text("falls by").nth(1).wait_for()
    whole = np.ones((224, 224), bool)
    strokes = page.rest(lambda: linked("strokes"), unlike="")
    shown(paint_strokes(whole, strokes))
    page.page.keyboard.press("Control+z")
    page.page.get_by_text("Nothing is hidden yet").first.wait_for()
    page.page.keyboard.press("Control+Shift+z")
    shown(paint_strokes(whole, strokes))
    page.page.keyboard.press("Escape")
    assert page.page.get_by_role("button", name="Hide", exact=True).get_attribute("aria-pressed") == "false"
    slider = page.page.get_by_role("slider", name="How many, %")
    slider.focus()
    for _ in range(7):
        slider.press("PageDown")
    percent = int(slider.input_value())
    assert percent < 60
    revealed = reveal_mask(reveal_order(SOURCE.human_map(FIRST)), (224, 224), percent)
    shown(paint_strokes(revealed, strokes))
    page.page.get_by_text("Vanilla GALA: ").last.wait_for()  # beside the curve
    page.page.get_by_role("button", name="Clear").click()
    shown(revealed)
    slider.press("End")
    page.page.get_by_role("button", name="Erase and reveal").click()
    page.page.get_by_text("Nothing is hidden yet").first.wait_for(state="hidden")
    assert not page.model("glyph/erased", "m.visible")


@pytest.mark.slow
def test_what_is_painted_is_a_map_at_once_and_stays_in_the_tab_when_the_page_is_loaded_again(page):
    page.page.keyboard.press("m")
    surface = page.page.locator(".surface")
    surface.wait_for()
    page.page.get_by_text("Press and paint what matters").wait_for()
    surface.scroll_into_view_if_needed()
    box = page.rest(surface.bounding_box)

    def at(x, y):
        return box["x"] + x * box["width"], box["y"] + y * box["height"]

    page.page.mouse.move(*at(0.3, 0.4))
    page.page.mouse.down()
    for k in range(12):
        page.page.mouse.move(*at(0.3 + 0.03 * k, 0.4 + 0.02 * (k % 4)))
        page.page.wait_for_timeout(40)
    page.page.mouse.up()
    page.page.get_by_text("Spearman's rho of this map with the maps of").wait_for()
    page.page.get_by_text("Your map, n = 1").wait_for()
    page.page.locator(".side").get_by_role("button", name="Undo").click()
    page.page.get_by_text("Spearman's rho of this map with the maps of").wait_for(state="hidden")
    page.page.locator(".side").get_by_role("button", name="Redo").click()
    page.page.get_by_text("Spearman's rho of this map with the maps of").wait_for()
    rows = page.page.locator("table.scores tr").all_inner_texts()  # of all that is painted
    assert len(rows) == 3
    assert all(re.search(r"-?\d\.\d{3}$", row) for row in rows)
    page.page.reload()
    page.page.get_by_role("button", name="Paint", exact=True).click()
    page.page.get_by_text("Spearman's rho of this map with the maps of").wait_for()
    expect(page.page.locator("table.scores tr")).to_have_text(rows, use_inner_text=True, timeout=WAIT_MS)
    surface.focus()
    for key in ("ArrowDown", "Shift+ArrowDown", "Shift+ArrowDown"):
        page.page.keyboard.press(key)
    page.rest(lambda: page.page.locator("table.scores tr").all_inner_texts(), unlike=rows)


def test_scores_of_all_photographs_shown_are_saved_as_a_file(page):
    page.page.get_by_role("button", name="Make the file").click()
    link = page.page.get_by_role("link", name="Save scores.csv")
    with page.page.expect_download() as download:
        link.click()
    assert download.value.suggested_filename == "scores.csv"
    with open(download.value.path(), newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["image"] for row in rows} <= set(SOURCE.images)
    assert rows[0]["method"] == "smoothgrad"


def test_a_predicted_category_is_explained_by_a_click_and_by_another_one_no_more(page):
    def explained():
        return dict(parse_qsl(urlsplit(page.page.url).query)).get("explain", "own")

    category = page.page.locator("button[data-explain]").nth(1)
    category.click()
    page.page.locator("button[data-explain][aria-pressed=true]").nth(1).wait_for()  # in both networks' lists
    assert page.rest(explained, unlike="own") == "chosen"
    category.click()
    page.page.locator("button[data-explain][aria-pressed=true]").first.wait_for(state="detached")
    page.rest(explained, unlike="chosen")
