"""The grid in a real browser: 50,000 photographs that scroll, columns, and the way to the comparison."""

from urllib.parse import parse_qsl, urlsplit

import pytest


def there(grid, number):
    """The row of a number, once its pictures have come."""
    row = grid.page.locator(".row[data-state=there]").filter(has=grid.page.get_by_text(f"{number:,}", exact=True))
    row.wait_for()
    return row


def linked(grid):
    return dict(parse_qsl(urlsplit(grid.page.url).query))


@pytest.mark.slow
def test_fifty_thousand_photographs_scroll_and_only_those_in_view_are_drawn(visit):
    grid = visit("grid", ready=".row[data-state=there]")
    grid.page.get_by_text("50,000 photographs", exact=True).first.wait_for()
    there(grid, 1)
    frame = grid.page.locator(".frame")
    frame.evaluate("node => { node.scrollTop = node.scrollHeight }")
    last = grid.page.locator(".row[data-state=there]").filter(has_text="50000")
    last.wait_for()
    assert last.locator(".cell").count() == 5
    assert grid.page.locator(".row:not(.head)").count() < 30, "the others are not in the document"
    frame.evaluate("node => { node.scrollTop = 186 * 20000 }")
    grid.page.locator(".row[data-state=there]").filter(has_text="20001").first.wait_for()


@pytest.mark.slow
def test_columns_are_added_and_taken_away_and_a_photograph_leads_to_the_comparison_with_these_settings(visit):
    grid = visit("grid", ready=".row[data-state=there]")
    grid.page.get_by_label("Add a column", exact=True).select_option(label="Vanilla GALA, blocks.7")
    grid.page.get_by_text("Vanilla GALA, blocks.7", exact=True).wait_for()
    grid.page.get_by_role("button", name="Take the column People away").click()
    grid.page.locator(".head .name").get_by_text("People", exact=True).wait_for(state="detached")
    assert grid.rest(lambda: linked(grid).get("columns")) == "photo,first,second,delta,first@blocks.7"
    grid.page.get_by_label("Method", exact=True).select_option(label="Gradient")
    grid.rest(lambda: linked(grid).get("method"), unlike=None)
    grid.page.locator('a.title[href*="method=saliency"]').first.wait_for()
    row = grid.page.locator(".row[data-state=there]").nth(0)
    row.wait_for()
    assert row.locator("img").count() == 5
    name = row.locator(".id").first.inner_text()
    row.locator("a.title").click()
    grid.page.locator(".id").get_by_text(name, exact=True).first.wait_for()
    told = grid.rest(lambda: linked(grid))
    assert urlsplit(grid.page.url).path.endswith("/many")
    assert (told["method"], told["image"]) == ("saliency", name)
