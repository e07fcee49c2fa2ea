"""Any two of many networks in a real browser: chosen by typing, by the strip, by a link, and gone back to."""

import pytest


def address_has(watched, **expected):
    watched.page.wait_for_function(
        "expected => { const now = new URLSearchParams(location.search); "
        "return Object.entries(expected).every(([name, value]) => now.get(name) === value) }",
        arg=expected,
    )


def names_are(watched, first, second):
    watched.page.get_by_text(f"{first} and {second}", exact=True).wait_for()


def test_maps_of_a_network_that_is_chosen_are_painted(visit):
    one = visit("networks?image=photo%2000003")
    names_are(one, "lite0-gala-vanilla", "lite0-gala-human")
    chooser = one.page.get_by_label("Second network", exact=True)
    chooser.fill("Other 3")
    chooser.press("Enter")
    names_are(one, "lite0-gala-vanilla", "other-3")
    one.settled()


@pytest.mark.slow
def test_networks_are_chosen_by_typing_and_in_the_strip_and_gone_back_to(visit):
    one = visit("networks?image=photo%2000003")
    names_are(one, "lite0-gala-vanilla", "lite0-gala-human")
    one.settled()
    chooser = one.page.get_by_label("Second network", exact=True)
    assert chooser.input_value() == "Human co-trained GALA (50 % right; maps' rho 0.45, n = 2)"
    chooser.fill("Other 3")
    chooser.press("Enter")
    names_are(one, "lite0-gala-vanilla", "other-3")
    address_has(one, first="lite0-gala-vanilla", second="other-3", image="photo 00003")
    one.settled()
    one.page.get_by_role("button", name="Show all 4 networks").click()
    one.page.get_by_text("4 of 4 networks").wait_for()
    cells = one.page.locator(".strip button")
    assert cells.evaluate_all("nodes => nodes.map((node) => node.getAttribute('aria-pressed'))") == [
        "true", "false", "false", "true",
    ]  # fmt: skip
    cells.nth(2).click()
    names_are(one, "lite0-gala-vanilla", "other-2")
    one.page.get_by_text("4 of 4 networks").wait_for()
    one.page.go_back()
    names_are(one, "lite0-gala-vanilla", "other-3")
    one.settled()
    one.page.go_back()
    names_are(one, "lite0-gala-vanilla", "lite0-gala-human")
    one.page.locator(".id").get_by_text("photo 00003", exact=True).first.wait_for()


@pytest.mark.slow
def test_a_link_to_all_images_opens_with_its_networks_and_leads_to_the_comparison_with_them(visit):
    one = visit("explore-networks?v=2&first=other-2&second=lite0-gala-human&image=photo%2000001")
    names_are(one, "other-2", "lite0-gala-human")
    link = one.page.get_by_role("link", name="Open in the comparison").get_attribute("href")
    assert "first=other-2" in link
    assert "second=lite0-gala-human" in link
    chooser = one.page.get_by_label("First network", exact=True)
    chooser.fill("Other 3")
    chooser.press("Enter")
    names_are(one, "other-3", "lite0-gala-human")
    one.page.locator(".id").get_by_text("photo 00001", exact=True).first.wait_for()


@pytest.mark.slow
def test_inputs_of_a_pair_that_was_chosen_act_in_the_browser_as_those_of_the_first(visit):
    one = visit("networks?v=2&first=other-2&second=lite0-gala-human&image=photo%2000003")
    names_are(one, "other-2", "lite0-gala-human")
    one.settled()
    ends = [one.model(f"glyph/{side}", "m.glyph.color_mapper.high") for side in "ab"]
    assert ends[0] == ends[1]
    one.page.get_by_text("per map", exact=True).click()
    one.rest(lambda: one.model("glyph/b", "m.glyph.color_mapper.high"), unlike=ends[1])
    one.show_more()
