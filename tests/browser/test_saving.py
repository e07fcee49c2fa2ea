"""What a participant answered reaches the records, whatever happens to the line, the proxy, the page or the browser."""

import os
import sys
from collections import Counter

import pytest

from gala_viz.records.tables import ExperimentSession, TrialRecord
from tests.browser.conftest import Server, Watched, free_port, rows
from tests.browser.test_experiment import BOARD, past_the_screen, to_the_keys

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
N_TRIALS = 8
LAST = N_TRIALS - 1
ALL_SAVED = f"That was all; your answers to all {N_TRIALS} images are saved."
UNSAVED = "1 answer not yet saved; keep this page open."
NOISE = ("Failed to load resource", "WebSocket connection", "[bokeh")
"""What a browser and Bokeh say of a line that is gone."""


@pytest.fixture(scope="module")
def experiment(chromium_path, repository, tmp_path_factory):
    folder, port = tmp_path_factory.mktemp("short"), free_port()
    os.environ["PYTHONPATH"] = str(repository)
    command = [sys.executable, "-m", "tests.browser.serve_experiment", str(port), str(folder / "e")]
    server = Server([*command, str(folder / "r.sqlite"), "4"], port, folder / "log.txt", "trials/about")
    server.folder, server.records = folder / "e", folder / "r.sqlite"
    yield server
    server.close()


class Participant:
    """Somebody at a page; what the browser asks before it lets a page go is answered with yes, and counted."""

    def __init__(self, chromium, experiment):
        self.watched, self.experiment = Watched(chromium), experiment
        self.page, self.context = self.watched.page, self.watched.context
        self.asked = []
        self.leave = True
        self.page.on("dialog", self._answer)
        self.page.goto(f"{experiment.url}/experiment")

    def _answer(self, dialog):
        self.asked.append(dialog.type)
        if self.leave:
            dialog.accept()
        else:
            dialog.dismiss()

    def begin(self):
        to_the_keys(self.page)
        self.page.get_by_role("button", name="Begin").click()
        return self

    def past_practice(self):
        self.page.get_by_role("heading", name="Practice is over").wait_for()
        self.page.get_by_role("button", name="Go on", exact=True).click()

    def wait_through_outages(self, awaited):
        """A slow machine makes an outage long enough that the page asks whether the participant is ready again."""
        while True:
            awaited.or_(self.page.get_by_role("heading", name="It goes on")).first.wait_for()
            if not self.go_on_if_asked():
                return

    def go_on_if_asked(self):
        asked = self.page.get_by_role("heading", name="It goes on")
        if not asked.is_visible():
            return False
        self.page.get_by_role("button", name="Go on", exact=True).click()
        asked.wait_for(state="hidden")
        return True

    def wait_for_trial(self, number, ended=False):
        for _ in range(600):
            if any(one.number == number and (one.ended_ms is not None or not ended) for one in self.trials()):
                return
            self.page.wait_for_timeout(20)
        pytest.fail(f"trial {number} did not begin")

    def trials(self):
        own = max(rows(self.experiment, ExperimentSession), key=lambda one: one.began_ms)
        return [one for one in rows(self.experiment, TrialRecord) if one.sitting_id == own.id]

    def sitting(self):
        return max(rows(self.experiment, ExperimentSession), key=lambda one: one.began_ms)

    def waits_in_the_browser(self):
        return self.page.evaluate("() => Object.keys(localStorage).filter((one) => one.startsWith('gala_viz ')).length")

    def check_all_is_stored(self):
        found = self.trials()
        assert sorted(one.number for one in found) == list(range(N_TRIALS))
        assert all(one.ended_ms is not None for one in found)
        assert self.sitting().finished_ms is not None
        assert self.waits_in_the_browser() == 0


@pytest.fixture
def participant(chromium, experiment):
    one = Participant(chromium, experiment)
    yield one
    one.watched.close()
    assert [error for error in one.watched.errors if not error.startswith(NOISE)] == []


class Line:
    """The way to one address, on which the first requests of each trial meet what ``trouble(number)`` tells."""

    def __init__(self, participant, name, trouble):
        self.seen = Counter()
        self.reached = Counter()
        self._trouble = trouble
        participant.page.route(f"**/trials/{name}", self._act)

    def _act(self, route):
        number = route.request.post_data_json.get("number")
        self.seen[number] += 1
        what = self._trouble(number, self.seen[number])
        if what == "gone":
            route.abort("internetdisconnected")
        elif what == "lost reply":
            route.fetch()
            self.reached[number] += 1
            route.abort("connectionreset")
        elif what is not None:
            route.fulfill(status=what, content_type="text/html", body="<html><h1>Bad Gateway</h1></html>")
        else:
            self.reached[number] += 1
            route.continue_()


TROUBLES = (502, "lost reply", 503, "gone", 504, 200, 404, 500)
"""One for each trial: a proxy's pages (200: one that wants a login), a line that is gone, an answer that gets lost."""


@pytest.mark.slow
def test_every_trial_meets_another_trouble_and_all_are_stored_once(participant):
    results = Line(participant, "result", lambda number, times: TROUBLES[number] if times == 1 else None)
    begins = Line(participant, "begin", lambda number, times: TROUBLES[-number - 1] if times == 1 else None)
    participant.begin()
    participant.wait_through_outages(participant.page.get_by_role("heading", name="Practice is over"))
    participant.past_practice()
    participant.wait_through_outages(participant.page.get_by_text(ALL_SAVED))
    participant.check_all_is_stored()
    assert set(results.seen.values()) == set(begins.seen.values()) == {2}
    for line, order in ((results, TROUBLES), (begins, TROUBLES[::-1])):
        assert [line.reached[number] for number in range(N_TRIALS)] == [
            2 if trouble == "lost reply" else 1 for trouble in order
        ]


@pytest.mark.slow
def test_consent_a_seat_and_the_end_are_asked_again_too(participant):
    before = len(rows(participant.experiment, ExperimentSession))
    lines = [
        Line(participant, name, lambda number, times: ("lost reply", 502, None)[min(times, 3) - 1])
        for name in ("consent", "seat", "end")
    ]
    participant.begin()
    participant.past_practice()
    participant.page.get_by_text(ALL_SAVED).wait_for()
    assert [line.reached[None] for line in lines] == [2, 2, 2]
    assert len(rows(participant.experiment, ExperimentSession)) == before + 1
    participant.check_all_is_stored()


@pytest.mark.slow
def test_an_outage_in_the_middle_is_told_and_the_next_image_waits_for_the_participant(participant):
    away = {"now": True}
    Line(participant, "result", lambda number, times: "gone" if number == 1 and away["now"] else None)
    participant.begin()
    page = participant.page
    page.get_by_text(UNSAVED).wait_for()
    page.get_by_text("The server does not answer").wait_for()
    assert participant.waits_in_the_browser() == 1
    away["now"] = False
    page.get_by_role("heading", name="It goes on").wait_for()
    assert page.get_by_text("not yet saved").count() == 0
    begun = len(participant.trials())
    page.evaluate("n => new Promise((done) => setTimeout(done, n))", 500)
    assert len(participant.trials()) == begun, "no image is shown unawares"
    page.get_by_role("button", name="Go on", exact=True).click()
    participant.past_practice()
    page.get_by_text(ALL_SAVED).wait_for()
    participant.check_all_is_stored()
    assert participant.asked == []


@pytest.mark.slow
def test_a_page_that_is_left_before_it_goes_on_has_begun_no_trial(participant):
    away = {"now": True}
    Line(participant, "result", lambda number, times: "gone" if number == 1 and away["now"] else None)
    participant.begin()
    page = participant.page
    page.get_by_text(UNSAVED).wait_for()
    away["now"] = False
    page.get_by_role("heading", name="It goes on").wait_for()
    page.wait_for_timeout(300)
    assert [one.number for one in participant.trials()] == [0, 1]
    page.reload()
    past_the_screen(page)
    page.get_by_role("button", name="Begin").click()
    participant.past_practice()
    page.get_by_text(ALL_SAVED).wait_for()
    participant.check_all_is_stored()


@pytest.mark.slow
def test_offline_at_the_end_nobody_is_thanked_before_the_last_answer_is_stored(participant):
    offline = []
    Line(participant, "result", lambda number, times: "gone" if number == LAST and not offline else None)
    participant.begin()
    participant.past_practice()
    participant.wait_for_trial(LAST)
    participant.context.set_offline(True)
    offline.append(True)  # until then its answer met a line that was gone: a slow machine sets it offline too late
    page = participant.page
    page.get_by_text(UNSAVED).wait_for()
    assert page.get_by_role("heading", name="Thank you").count() == 0
    participant.leave = False
    page.close(run_before_unload=True)
    page.wait_for_function("() => true")
    for _ in range(200):
        if participant.asked:
            break
        page.wait_for_timeout(20)
    assert participant.asked == ["beforeunload"], "closing warns"
    assert participant.sitting().finished_ms is None
    participant.context.set_offline(False)
    page.get_by_text(ALL_SAVED).wait_for()
    participant.check_all_is_stored()
    page.reload()
    assert participant.asked == ["beforeunload"], "and warns no more"
    page.get_by_text(ALL_SAVED).wait_for()


@pytest.mark.slow
def test_a_reload_at_the_last_trial_sends_the_answer_that_was_waiting(participant):
    Line(participant, "result", lambda number, times: "gone" if number == LAST else None)
    participant.begin()
    participant.past_practice()
    participant.page.get_by_text(UNSAVED).wait_for()
    participant.page.unroute_all()
    participant.page.reload()
    assert participant.asked == ["beforeunload"]
    participant.page.get_by_text(ALL_SAVED).wait_for()
    participant.check_all_is_stored()


@pytest.mark.slow
def test_a_tab_that_crashes_leaves_its_answer_to_the_next_one(participant):
    Line(participant, "result", lambda number, times: 502 if number == 2 else None)
    participant.begin()
    participant.page.get_by_text(UNSAVED).wait_for()
    (key,) = {one.key for one in participant.trials() if one.number == 1}
    participant.page.close()  # without asking
    page = participant.page = participant.context.new_page()
    page.goto(f"{participant.experiment.url}/experiment")
    page.get_by_role("heading", name="The screen is ready").or_(
        page.get_by_role("heading", name="Please check")
    ).wait_for(timeout=60_000)
    found = {one.number: one for one in participant.trials()}
    assert found[2].ended_ms is not None
    assert found[2].key is None is key
    assert participant.waits_in_the_browser() == 0


@pytest.mark.slow
def test_a_last_trial_that_was_left_in_the_middle_is_over_and_not_called_saved(participant):
    participant.begin()
    participant.past_practice()
    participant.wait_for_trial(LAST)
    participant.page.reload()
    told = f"your answers to {LAST} of {N_TRIALS} images are saved. The page was left while the other one was shown."
    participant.page.get_by_text(told).wait_for()
    assert [one.number for one in participant.trials() if one.ended_ms is None] == [LAST]
    assert participant.sitting().finished_ms is not None


@pytest.mark.slow
def test_a_server_that_is_slow_is_told_as_such_and_loses_nothing(participant):
    participant.begin()
    participant.wait_for_trial(1)
    participant.experiment.halt()
    participant.page.get_by_text("The server does not answer").wait_for()
    participant.experiment.go_on()
    participant.page.get_by_role("heading", name="It goes on").wait_for()
    participant.page.get_by_role("button", name="Go on", exact=True).click()
    participant.past_practice()
    participant.page.get_by_text(ALL_SAVED).wait_for()
    participant.check_all_is_stored()


@pytest.mark.slow
def test_a_result_that_contradicts_is_refused_and_the_page_says_so(participant):
    def twisted(route):
        told = route.request.post_data_json
        if told["number"] == 1:
            route.fetch()
            route.continue_(post_data={**told, "key": "s", "rt_ms": 123.0})
        else:
            route.continue_()

    participant.page.route("**/trials/result", twisted)
    participant.begin()
    participant.page.get_by_text("no other result of trial 1 is expected: it has one already").wait_for()
    assert next(one for one in participant.trials() if one.number == 1).rt_ms is None
    assert participant.waits_in_the_browser() == 0
    participant.page.get_by_role("button", name="Reload").click()
    participant.page.wait_for_function(
        "() => { BOARD return deep(document, 'main.experiment') != null }".replace("BOARD", BOARD)
    )


ACTING = """
() => {
  BOARD
  const acts = [ACTS]
  let shown = false
  const look = () => {
    const fixation = deep(document, '.stage .fixation')
    const now = fixation != null && getComputedStyle(fixation).visibility === 'visible'
    if (now && !shown) { acts.shift()?.() }
    shown = now
    requestAnimationFrame(look)
  }
  requestAnimationFrame(look)
}
""".replace("BOARD", BOARD)
"""ACTS happen, one in each trial, in a frame in which its fixation cross stands."""
TROUBLED_WINDOW = """
  () => {
    Object.defineProperty(document, 'hidden', {configurable: true, get: () => true})
    document.dispatchEvent(new Event('visibilitychange'))
    delete document.hidden
  },
  () => window.dispatchEvent(new Event('blur')),
  () => {
    Object.defineProperty(window, 'innerWidth', {configurable: true, get: () => 1100})
    window.dispatchEvent(new Event('resize'))
  },
"""


@pytest.mark.slow
def test_what_happens_to_the_window_is_marked_in_that_trial_alone(participant):
    page = participant.page
    page.evaluate(ACTING.replace("ACTS", TROUBLED_WINDOW))
    participant.begin()
    participant.past_practice()
    page.get_by_text(ALL_SAVED).wait_for()
    found = sorted(participant.trials(), key=lambda one: one.number)
    assert [one.hidden for one in found] == [True] + [False] * 7
    assert [one.blurred for one in found] == [False, True] + [False] * 6
    assert [one.resized for one in found] == [False, False, True] + [False] * 5
    assert not any(one.left_full_screen for one in found)
    assert all(one.window_ms > 400 - one.frame_ms for one in found)
    assert {one.frame_ms for one in found} == {participant.sitting().frame_ms}


@pytest.mark.slow
def test_full_screen_that_is_left_is_marked(participant):
    page = participant.page
    to_the_keys(page)
    session = participant.context.new_cdp_session(page)
    full = {"expression": "document.documentElement.requestFullscreen()", "userGesture": True}
    session.send("Runtime.evaluate", full)
    page.wait_for_function("() => document.fullscreenElement != null")
    page.evaluate(ACTING.replace("ACTS", "() => {}, () => document.exitFullscreen()"))
    page.get_by_role("button", name="Begin").click()
    participant.past_practice()
    page.get_by_text(ALL_SAVED).wait_for()
    found = sorted(participant.trials(), key=lambda one: one.number)
    assert [one.left_full_screen for one in found] == [False, True] + [False] * 6
