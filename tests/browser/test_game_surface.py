"""The photograph stays under the finger: nothing on the page moves it in a round, and if something does, nothing false
is painted."""

import os
import sys

import pytest

from gala_viz.records.paint_surface import FIXED_SURFACE_RULES
from gala_viz.records.tables import Round, RoundPoint
from tests.browser.conftest import Server, Watched, free_port, rows
from tests.browser.test_game import begin
from tests.tiers import slow

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]
WINDOWS = [(390, 844), *slow((760, 1000), (667, 375), (1280, 720))]
WHERE = """el => {
  window.places = new Set()
  const look = () => {
    const box = el.getBoundingClientRect()
    window.places.add([box.left, box.top, box.width, box.height].map(Math.round).join(" "))
    requestAnimationFrame(look)
  }
  look()
}"""


@pytest.fixture(scope="module")
def game(chromium_path, repository, tmp_path_factory):
    folder, port = tmp_path_factory.mktemp("game"), free_port()
    command = [sys.executable, "-m", "tests.game.serve", str(port), str(folder / "photos"), str(folder / "r.sqlite")]
    os.environ["PYTHONPATH"] = str(repository)
    server = Server([*command, "7000"], port, folder / "log.txt", "play/about")
    server.records = folder / "r.sqlite"
    yield server
    server.close()


@pytest.fixture
def window(chromium, game):
    """``window(width, height)``: the game in a window with touch, a round shown and not begun."""
    opened = []

    def open_window(width, height):
        opened.append(Watched(chromium, width, height, has_touch=True))
        page = opened[-1].page
        page.goto(f"{game.url}/game")
        begin(page)
        page.locator(".hint", has_text="on the most telling part").wait_for()
        page.locator(".surface").evaluate(WHERE)
        return page

    yield open_window
    for one in opened:
        one.close()
        assert one.errors == []


class Finger:
    """One finger on the surface, placed in shares of its sides as they are at that moment."""

    def __init__(self, page):
        self.page, self.session = page, page.context.new_cdp_session(page)

    def at(self, x, y):
        box = self.page.locator(".surface .paint").bounding_box()
        return box["x"] + x * box["width"], box["y"] + y * box["height"]

    def tell(self, kind, *places):
        points = [{"x": x, "y": y} for x, y in places]
        self.session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    def hold(self, x, y, until, most=100):
        """Hold still, as a finger does: it trembles by a pixel."""
        for step in range(most):
            self.tell("touchMove", (x + step % 2, y + step % 2))
            self.page.wait_for_timeout(50)
            if until():
                return
        pytest.fail("what was waited for did not come")


def places(page):
    return page.evaluate("[...window.places]")


def ended(page, game):
    """The points of the round that is played, once it is over."""
    page.get_by_label("Skip this photograph because").select_option("other")
    page.get_by_role("heading", name="Skipped").wait_for()
    newest = max((row for row in rows(game, Round) if row.began_ms is not None), key=lambda row: row.began_ms)
    return [(point.x_px, point.y_px) for point in rows(game, RoundPoint) if point.round_id == newest.id]


@pytest.mark.slow
@pytest.mark.parametrize(("width", "height"), WINDOWS)
def test_a_finger_that_is_held_still_paints_one_place_while_guesses_arrive(window, game, width, height):
    page = window(width, height)
    finger = Finger(page)
    page.locator(".surface").scroll_into_view_if_needed()
    page.evaluate("window.places.clear()")
    x, y = finger.at(0.8, 0.5)
    finger.tell("touchStart", (x, y))
    guesses = page.locator(".guesses .p")
    finger.hold(x, y, lambda: guesses.count() >= 4)
    finger.tell("touchEnd")
    seen = places(page)
    points = ended(page, game)
    assert len(seen) == 1, f"the surface moved: {seen}"
    assert len(points) >= 1
    assert all(abs(at_x - 0.8 * 256) < 3 and abs(at_y - 128) < 3 for at_x, at_y in points), points


@pytest.mark.parametrize(("width", "height"), WINDOWS)
def test_nothing_that_a_page_says_in_a_round_moves_the_photograph(window, width, height):
    page = window(width, height)
    finger = Finger(page)
    page.evaluate("window.places.clear()")
    finger.tell("touchStart", finger.at(0.8, 0.5))
    page.locator(".hint", has_text="Keep going").wait_for()
    page.locator(".hint").evaluate("el => { el.textContent = 'a message of the server. '.repeat(20) }")
    page.locator(".banner").evaluate("el => { el.hidden = false; el.textContent = 'A banner. '.repeat(20) }")
    line = "<li><span class=name>a name that is long</span><span class=p>9 %</span></li>"
    for board in (".guesses", ".leaders > ol"):
        page.locator(board).evaluate("(el, html) => { el.innerHTML = html }", 11 * line)
    page.evaluate("new Promise(done => setTimeout(done, 200))")
    page.locator(".banner").evaluate("el => { el.hidden = true }")
    page.locator(".leaders > ol").evaluate("el => { el.innerHTML = '' }")
    page.evaluate("new Promise(done => setTimeout(done, 200))")
    finger.tell("touchEnd")
    assert len(places(page)) == 1, places(page)


@pytest.mark.slow
def test_a_photograph_that_is_moved_all_the_same_is_painted_where_the_finger_goes_next(window, game):
    page = window(390, 844)
    finger = Finger(page)
    x, y = finger.at(0.8, 0.5)
    finger.tell("touchStart", (x, y))
    finger.hold(x, y, lambda: page.locator(".guesses .p").count() >= 4)
    top = page.locator(".surface").bounding_box()["y"]
    page.locator(".game").evaluate("el => { el.style.paddingTop = '89px' }")
    assert page.locator(".surface").bounding_box()["y"] == pytest.approx(top + 81)
    for _ in range(10):
        finger.hold(x, y, lambda: True)
    target = finger.at(0.9, 0.55)
    for _ in range(12):
        finger.tell("touchMove", target)
        page.wait_for_timeout(60)
    finger.tell("touchEnd")
    points = ended(page, game)
    turned = next(i for i, (at_x, _) in enumerate(points) if at_x > 0.8 * 256 + 3)
    assert all(abs(at_y - 128) < 3 for _, at_y in points[:turned]), points
    assert points[-1] == pytest.approx((0.9 * 256, 0.55 * 256), abs=2)


def test_a_page_that_scrolls_under_a_mouse_that_stands_still_paints_nothing(window, game):
    page = window(1280, 420)
    x, y = Finger(page).at(0.8, 0.7)
    page.mouse.click(x, y)
    page.locator(".hint", has_text="Keep going").wait_for()
    top = page.locator(".surface").bounding_box()["y"]
    page.mouse.wheel(0, 60)
    page.wait_for_function(
        "([top]) => [...window.places].some(place => Math.abs(Number(place.split(' ')[1]) - top) > 2)", arg=[top]
    )
    page.locator(".guesses .p").first.wait_for()
    for _ in range(8):
        page.mouse.move(x, y)
        page.wait_for_timeout(50)
    assert len(ended(page, game)) == 1


@pytest.mark.slow
def test_a_second_finger_paints_nothing(window, game):
    page = window(390, 844)
    finger = Finger(page)
    first, second = finger.at(0.8, 0.5), finger.at(0.8, 0.9)
    finger.tell("touchStart", first)
    finger.tell("touchStart", first, second)
    for step in range(12):
        finger.tell("touchMove", first, (second[0], second[1] - step))
        page.wait_for_timeout(50)
    finger.tell("touchEnd")
    points = ended(page, game)
    assert all(abs(y - 128) < 3 for _, y in points), points


def test_every_round_of_this_page_says_by_which_rule_the_photograph_keeps_its_place(window, game):
    before = {row.id for row in rows(game, Round)}
    window(390, 844)
    new = [row for row in rows(game, Round) if row.id not in before]
    assert [row.surface_rule for row in new if row.category] == [1]
    assert {1} == FIXED_SURFACE_RULES
