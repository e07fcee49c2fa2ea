"""The game in a real browser: consent, practice, ten rounds with the mouse, a finger on a phone, a lost server."""

import io
import json
import os
import sys

import numpy as np
import pytest
from PIL import Image

from gala_viz.game.bubbles import bubble_mask
from gala_viz.game.game_spec import GameSpec
from gala_viz.records.tables import GameSession, Participant, Round, RoundPoint
from tests.browser.accessibility import check_accessible
from tests.browser.conftest import Server, Watched, check_words_without_websockets, free_port, rows
from tests.tiers import slow

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]
PATCH = ((0.24, 0.16), (0.4, 0.24), (0.24, 0.4), (0.4, 0.43))


@pytest.fixture(scope="module")
def game(chromium_path, repository, tmp_path_factory):
    """A server with 24 coloured photographs under a path prefix, as behind a proxy."""
    folder, port = tmp_path_factory.mktemp("game"), free_port()
    command = [sys.executable, "-m", "tests.game.serve", str(port), str(folder / "photos"), str(folder / "r.sqlite")]
    os.environ["PYTHONPATH"] = str(repository)
    server = Server([*command, "7000", "lab/tools"], port, folder / "log.txt", "lab/tools/play/about")
    server.records = folder / "r.sqlite"
    yield server
    server.close()


@pytest.fixture
def player(chromium, game):
    """A browser that has not been here before."""
    page = Watched(chromium)
    page.page.goto(f"{game.url}/lab/tools/game")
    yield page
    page.close()
    assert page.errors == []
    assert page.hosts <= {"localhost"}


def begin(page):
    page.get_by_role("button", name="I agree").click()
    page.get_by_role("button", name="Practise once").click()
    page.locator(".surface").wait_for()


def paint(page, places=PATCH):
    page.locator(".hint", has_text="on the most telling part").wait_for()
    box = page.locator(".surface .paint").bounding_box()
    spots = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in places]
    page.mouse.move(*spots[0])
    page.mouse.down()
    page.mouse.up()
    for _ in range(60):
        for spot in spots[1:]:
            page.mouse.move(*spot, steps=4)
            page.wait_for_timeout(150)
            if page.locator(".summary").is_visible():
                return
    pytest.fail("the round did not end")


def test_nothing_is_recorded_before_somebody_agrees(player, game):
    before = len(rows(game, Participant))
    player.page.get_by_role("button", name="I agree").wait_for()
    assert player.page.title() == "ClickMe"
    check_accessible(player.page)
    player.page.get_by_text("Not kept are").wait_for()
    assert len(rows(game, Participant)) == before
    assert player.context.cookies() == []
    player.page.get_by_role("button", name="I agree").click()
    player.page.get_by_role("button", name="Practise once").wait_for()
    assert len(rows(game, Participant)) == before + 1
    (cookie,) = player.context.cookies()
    assert cookie["httpOnly"]
    assert player.page.evaluate("document.cookie") == ""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_has_its_ground_before_its_scripts(chromium, game, scheme):
    visitor = chromium.new_context(java_script_enabled=False, color_scheme=scheme)
    page = visitor.new_page()
    page.goto(f"{game.url}/lab/tools/game")
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    assert picture.getpixel((5, picture.height - 5)) == ((255, 255, 255) if scheme == "light" else (16, 20, 24))
    visitor.close()


@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (768, "dark"), *slow((1280, "light"), (3840, "dark"))])
def test_a_round_and_its_end_are_within_the_window_and_accessible(chromium, game, width, scheme):
    player = Watched(chromium, width, 844, color_scheme=scheme)
    page = player.page
    page.goto(f"{game.url}/lab/tools/game")
    begin(page)
    page.locator(".hint", has_text="on the most telling part").wait_for()
    check_accessible(page, tab=width == 390)
    page.get_by_label("Skip this photograph because").select_option("cannot see it")
    page.get_by_role("heading", name="Skipped").wait_for()
    summary, button = page.locator(".summary"), page.get_by_role("button", name="Next photograph")
    inside, outer = button.bounding_box(), summary.bounding_box()
    assert inside["y"] + inside["height"] <= outer["y"] + outer["height"]
    assert summary.evaluate("e => e.scrollHeight <= e.clientHeight && e.scrollWidth <= e.clientWidth")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    check_accessible(page, tab=False)
    player.close()
    assert player.errors == []


def test_ten_rounds_with_the_mouse_from_consent_to_the_leaderboard(player, game):
    page = player.page
    begin(page)
    scores = []
    for number in range(11):
        paint(page)
        page.locator(".summary h2").wait_for()
        scores.append(page.locator(".summary h2").inner_text())
        if number == 0:
            page.get_by_text("That was practice").wait_for()
        assert page.locator(".summary canvas").count() >= 1
        page.keyboard.press("Enter") if number % 2 else page.get_by_role("button", name="Next photograph").click()
        page.locator(".summary").wait_for(state="hidden")
    assert all("points" in text for text in scores)
    page.get_by_label("Nickname").fill("<b>Ann</b>")
    page.get_by_label("Nickname").press("Tab")
    page.locator(".leaders li", has_text="<b>Ann</b> (you)").wait_for()
    page.get_by_text("10 of 10 rounds won").wait_for()
    page.get_by_role("tab", name="All time").click()
    page.locator("[role=tab][aria-selected=true]", has_text="All time").wait_for()
    mine = [row for row in rows(game, Round) if row.ended_ms is not None and row.outcome == "won"]
    assert len(mine) >= 11
    points = rows(game, RoundPoint)
    assert all(0 <= one.x_px < 256 for one in points)
    visit = rows(game, GameSession)[-1]
    assert visit.device["pointer"] == "mouse"
    assert not visit.mobile


def test_who_comes_back_goes_on_without_being_asked_again(player, game):
    begin(player.page)
    paint(player.page)
    player.page.reload()
    player.page.locator(".surface").wait_for()
    player.page.locator(".hint", has_text="on the most telling part").wait_for()
    assert player.page.get_by_role("button", name="I agree").count() == 0


def test_a_round_can_be_skipped_with_a_reason(player, game):
    begin(player.page)
    player.page.locator(".hint", has_text="on the most telling part").wait_for()
    player.page.get_by_label("Skip this photograph because").select_option("cannot see it")
    player.page.get_by_role("heading", name="Skipped").wait_for()
    assert "cannot see it" in {row.skip_reason for row in rows(game, Round)}


def test_points_that_stall_or_are_lost_bring_page_and_judge_apart_for_a_moment_only(player, game):
    """The first packet waits for the third, one is lost, and the end; nobody reads what the judge says of it."""
    page, paints, ends = player.page, [], []

    def line(page_side):
        server_side = page_side.connect_to_server()

        def pass_on(content):
            if '"paint"' not in content:
                server_side.send(content)
                return
            paints.append(content)
            if len(paints) == 3:
                for late in paints:
                    server_side.send(late)
            elif len(paints) > 3 and len(paints) != 7:
                server_side.send(content)

        def hold_end(content):
            if '"end"' in content:
                ends.append(lambda: page_side.send(content))
            else:
                page_side.send(content)

        page_side.on_message(pass_on)
        server_side.on_message(hold_end)

    page.route_web_socket("**/play/socket", line)
    begin(page)
    page.locator(".hint", has_text="on the most telling part").wait_for()
    page.locator(".hint").evaluate(
        "el => { window.hints = []; new MutationObserver(() => window.hints.push(el.textContent))"
        ".observe(el, {childList: true, characterData: true, subtree: true}) }"
    )
    box = page.locator(".surface .paint").bounding_box()
    page.mouse.move(box["x"] + 0.7 * box["width"], box["y"] + 0.7 * box["height"])
    page.mouse.down()
    page.mouse.up()
    for step in range(30):
        corner = ((0.95, 0.7), (0.95, 0.95), (0.7, 0.95), (0.7, 0.7))[step // 4 % 4]
        page.mouse.move(box["x"] + corner[0] * box["width"], box["y"] + corner[1] * box["height"])
        page.wait_for_timeout(100)
    page.mouse.move(box["x"] - 5, box["y"] - 5)
    page.get_by_label("Skip this photograph because").select_option("other")
    page.locator(".hint", has_text="Saving…").wait_for()
    ends[0]()
    page.get_by_role("heading", name="Skipped").wait_for()
    newest = max((row for row in rows(game, Round) if row.began_ms is not None), key=lambda row: row.began_ms)
    points = [(one.x_px, one.y_px) for one in rows(game, RoundPoint) if one.round_id == newest.id]
    shown = page.locator(".surface .paint").evaluate(
        "el => [...el.getContext('2d').getImageData(0, 0, el.width, el.height).data].filter((_, i) => i % 4 == 3)"
    )
    seen = np.array(shown).reshape(256, 256) > 0
    counted = bubble_mask(points, GameSpec())
    n_sent = sum(len(json.loads(content)["points"]) for content in paints)
    assert len(points) >= n_sent - 12 > 5, "but for the packet that is lost, and what was on its way behind it"
    assert (counted & ~seen).sum() < 14 * 14, "what counts is on the screen"
    assert (seen & ~counted).sum() < 2 * 14 * 14, "and nothing else, but what was on its way at the end"
    assert not [hint for hint in page.evaluate("window.hints") if "px" in hint or "step" in hint]


@pytest.mark.slow
def test_time_runs_out_by_itself(player):
    begin(player.page)
    player.page.locator(".hint", has_text="on the most telling part").wait_for()
    box = player.page.locator(".surface .paint").bounding_box()
    player.page.mouse.click(box["x"] + 0.8 * box["width"], box["y"] + 0.8 * box["height"])
    player.page.get_by_role("heading", name="Time is up").wait_for(timeout=15_000)


def test_a_finger_paints_on_a_phone_which_is_flagged(chromium, game):
    phone = Watched(chromium, 390, 844, has_touch=True, is_mobile=True, screen={"width": 390, "height": 844})
    page = phone.page
    page.goto(f"{game.url}/lab/tools/game")
    begin(page)
    page.locator(".hint", has_text="on the most telling part").wait_for()
    box = page.locator(".surface .paint").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    session = phone.context.new_cdp_session(page)

    def touch(kind, x, y):
        points = [] if kind == "touchEnd" else [{"x": box["x"] + x * box["width"], "y": box["y"] + y * box["height"]}]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", *PATCH[0])
    for step in range(60):
        touch("touchMove", *PATCH[1 + step % 3])
        page.wait_for_timeout(150)
        if page.locator(".summary").is_visible():
            break
    touch("touchEnd", 0, 0)
    page.locator(".summary h2", has_text="points").wait_for()
    visit = rows(game, GameSession)[-1]
    assert visit.device["pointer"] == "touch"
    assert visit.mobile
    phone.close()
    assert phone.errors == []


def test_sound_is_off_until_it_is_asked_for(player):
    begin(player.page)
    button = player.page.get_by_role("button", name="Sound is off")
    button.click()
    player.page.get_by_role("button", name="Sound is on").wait_for()


@pytest.mark.slow
def test_a_server_that_halts_is_told_and_play_goes_on(chromium, chromium_path, repository, tmp_path):
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "tests.game.serve",
        str(port),
        str(tmp_path / "photos"),
        str(tmp_path / "r.sqlite"),
    ]
    server = Server(command, port, tmp_path / "log.txt", "play/about")
    page = Watched(chromium)
    page.page.goto(f"{server.url}/game")
    begin(page.page)
    paint(page.page)
    server.process.kill()
    server.process.wait()
    page.page.get_by_text("The connection is lost").wait_for()
    server = Server(command, port, tmp_path / "log2.txt", "play/about")
    page.page.get_by_text("The connection is lost").wait_for(state="hidden")
    paint(page.page)
    server.close()
    page.close()


@pytest.mark.slow
def test_a_game_whose_page_gets_no_connection_says_what_to_do(chromium, game):
    check_words_without_websockets(chromium, game, "lab/tools/game")
