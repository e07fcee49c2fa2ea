"""A trial on screens that this machine does not have: the script of the page on a driven clock."""

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

CLOCK = """
() => {
  window.driven = {now: 0, waiting: []}
  window.requestAnimationFrame = (act) => { driven.waiting.push(act); return driven.waiting.length }
  window.frame_at = (ms) => { const due = driven.waiting; driven.waiting = []; for (const act of due) { act(ms) } }
}
"""
TRIAL = """
async ([times, plan]) => {
  const parts = {fixation: document.createElement('i'), stimulus: document.createElement('b')}
  const told = run_trial(parts, plan, ['s', 'l'], plan.frame_ms)
  for (const time of times) { window.frame_at(time) }
  return await told
}
"""


@pytest.fixture(scope="module")
def page(chromium, repository):
    context = chromium.new_context()
    page = context.new_page()
    page.set_content("<p></p>")
    script = repository / "gala_viz" / "panels" / "experiment" / "trial.js"
    page.add_script_tag(content=script.read_text(encoding="utf-8"))
    page.evaluate(CLOCK)
    yield page
    context.close()


def frames(per_second, count, digits, first=1234.5):
    """Times of frames in ms, as a browser rounds them."""
    times = [first + 1000 * number / per_second for number in range(count)]
    return [round(time, digits) if digits else float(int(time)) for time in times]


@pytest.mark.parametrize("per_second", [30, 50, 60, 75, 90, 100, 120, 144, 165, 240, 360])
@pytest.mark.parametrize("digits", [0, 1, 3])
def test_a_steady_screen_is_called_steady_however_the_browser_rounds(page, per_second, digits):
    found = page.evaluate("times => frames_in(times)", frames(per_second, 91, digits))
    assert found["steady"] == 1
    assert found["frame_ms"] == pytest.approx(1000 / per_second, rel=0.005)


@pytest.mark.parametrize("per_second", [60, 120, 144, 240])
@pytest.mark.parametrize("digits", [0, 3])
def test_a_screen_that_drops_frames_is_not_and_its_frame_is_still_known(page, per_second, digits):
    times = [time for number, time in enumerate(frames(per_second, 120, digits)) if number % 4]
    found = page.evaluate("times => frames_in(times)", times)
    assert found["steady"] == pytest.approx(2 / 3, abs=0.02)
    assert found["frame_ms"] == pytest.approx(1000 / per_second, rel=0.02)


@pytest.mark.parametrize("per_second", [60, 75, 120, 144, 240])
@pytest.mark.parametrize("digits", [0, 3])
def test_durations_are_those_of_the_frames_and_nothing_is_called_dropped(page, per_second, digits):
    frame_ms = 1000 / per_second
    plan = {"fixation_ms": 1100, "stimulus_ms": 400, "window_ms": 150, "frame_ms": frame_ms}
    told = page.evaluate(TRIAL, [frames(per_second, int(2 * per_second), digits), plan])
    assert told["dropped_frames"] == 0
    for name in ("fixation", "stimulus", "window"):
        assert abs(told[f"{name}_ms"] - plan[f"{name}_ms"]) <= frame_ms / 2 + 1.01
    assert told["key"] is None


def test_frames_dropped_in_the_stimulus_count_and_those_in_the_fixation_do_not(page):
    times, plan = frames(60, 120, 3), {"fixation_ms": 1000, "stimulus_ms": 400, "window_ms": 150, "frame_ms": 1000 / 60}
    for lost, n_dropped in ((range(20, 30), 0), (range(70, 73), 3)):
        kept = [time for number, time in enumerate(times) if number not in lost]
        told = page.evaluate(TRIAL, [kept, plan])
        assert told["dropped_frames"] == n_dropped
        assert told["stimulus_ms"] == pytest.approx(400, abs=1)


def test_a_clock_that_stops_while_the_tab_is_hidden_gives_the_duration_that_was(page):
    before, after = frames(60, 90, 3), frames(60, 90, 3, first=1234.5 + 1500 + 2100)
    plan = {"fixation_ms": 1100, "stimulus_ms": 400, "window_ms": 150, "frame_ms": 1000 / 60}
    told = page.evaluate(TRIAL, [[*before, *after], plan])
    assert told["stimulus_ms"] > 2100
    assert told["dropped_frames"] > 120
