"""Two methods, targets or layers of one network, by the fields behind "More", in a real browser."""

import pytest

FIRST = "lite0-gala-vanilla"
ONE_TWICE = f"units?v=2&first={FIRST}&second={FIRST}&image=photo%2000003"


def names_of_columns(one):
    """What stands over the two networks' columns: the network, and what its map has of its own."""
    columns = [one.page.locator(f".network.{side}") for side in "ab"]
    return [
        (column.locator(".name span").first.inner_text(), column.locator(".own").inner_text()) for column in columns
    ]


def choose(one, label, option):
    one.page.get_by_label(label, exact=True).select_option(label=option)


def unit(one, panel):
    title = one.model(f"figure/{panel}", "m.below.find((one) => one.color_mapper != null).title")
    return " ".join(title.split())


def ends(one, panel):
    return one.model(f"glyph/{panel}", "[m.glyph.color_mapper.low, m.glyph.color_mapper.high]")


@pytest.mark.slow
def test_two_methods_of_one_network_are_set_by_fields_and_told_in_titles_units_and_delta(visit):
    one = visit("units?image=photo%2000003")
    one.settled()
    one.show_more()
    choose(one, "Second: network", "Vanilla GALA")
    one.page.get_by_text(FIRST, exact=True).first.wait_for()
    one.page.wait_for_function("name => new URLSearchParams(location.search).get('second') === name", arg=FIRST)
    one.settled()
    one.show_more()
    choose(one, "Second: method", "Occlusion")
    one.page.wait_for_function("() => new URLSearchParams(location.search).get('second-method') === 'occlusion'")
    one.page.locator(".network.b .own").get_by_text("Occlusion", exact=True).wait_for()
    one.settled()
    assert names_of_columns(one) == [("Vanilla GALA", "SmoothGrad"), ("Vanilla GALA", "Occlusion")]
    one.rest(lambda: unit(one, "b"), unlike="logits per input unit")
    assert (unit(one, "a"), unit(one, "b")) == ("logits per input unit", "logits")
    assert unit(one, "delta") == "difference of normalised maps"
    assert one.array("delta").std() > 0
    assert ends(one, "a")[1] != ends(one, "b")[1], "two units have no scale in common"
    one.page.get_by_text("each map its own: two units").wait_for()
    assert "(SmoothGrad and Occlusion)" in one.page.locator(".answer").inner_text()
    more = one.page.get_by_role("button", name="More (1 changed)")
    more.wait_for()
    one.page.get_by_role("button", name="Reset", exact=True).click()
    one.page.locator(".network.b .own").wait_for(state="detached")
    one.settled()
    assert (unit(one, "a"), unit(one, "b")) == ("logits per input unit",) * 2


@pytest.mark.slow
def test_a_click_explains_a_category_in_the_second_column_alone_where_its_own_is_chosen(visit):
    one = visit(f"{ONE_TWICE}&second-explain=chosen&second-category=1")
    one.settled()
    pressed = ".network.{} button.category[aria-pressed=true]"
    one.page.locator(pressed.format("b")).get_by_text("goldfish").wait_for()
    assert one.page.locator(pressed.format("a")).count() == 0
    other = one.page.locator(".network.b button.category").first
    name = other.inner_text().removeprefix("✓ ")
    other.click()
    one.page.locator(pressed.format("b")).get_by_text(name).wait_for()
    one.page.locator(".network.b .own").get_by_text(name, exact=True).wait_for()
    assert one.page.locator(pressed.format("a")).count() == 0
    one.page.locator(".network.a button.category").nth(1).click()
    one.page.locator(pressed.format("a")).first.wait_for()
    assert one.page.locator(pressed.format("b")).count() == 1


@pytest.mark.slow
def test_two_attention_layers_of_one_network_stand_side_by_side_with_their_delta(visit):
    one = visit(f"{ONE_TWICE}&layer=1")
    one.settled()
    same = one.array("b")
    one.show_more()
    choose(one, "Second: attention layer", "blocks.10")
    one.page.wait_for_function("() => new URLSearchParams(location.search).get('second-layer') === '5'")
    one.rest(lambda: float(one.array("b").max()), unlike=float(same.max()))
    one.page.get_by_role("button", name="More (1 changed)").wait_for()
    captions = [one.model(f"figure/{side}", "m.title.text") for side in "ab"]
    assert captions == ["blocks.6", "blocks.10"]
    assert one.array("delta").std() > 0
    assert "attention at blocks.10" in one.page.locator(".answer").inner_text()
