"""Progress in a log: few lines, and none of what is done at once."""

import pytest

from gala_viz.commands.terminal_progress import progress_printer


class Clock:
    def __init__(self, step_s):
        self.now, self.step_s = 0.0, step_s

    def __call__(self):
        self.now += self.step_s
        return self.now


@pytest.mark.parametrize(("step_s", "most"), [(0.009, 0), (0.02, 2), (0.2, 11)])
def test_a_log_gets_at_most_a_line_a_second_and_none_below_one(capsys, step_s, most):
    progress = progress_printer("reading", clock=Clock(step_s))
    for number in range(1, 101):
        progress(number, 100)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) <= min(most, 100 * step_s)
    assert bool(lines) == bool(most)


def test_a_terminal_gets_every_hundredth_in_one_line(capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    progress = progress_printer("reading", clock=Clock(0.0))
    for number in range(1, 101):
        progress(number, 100)
    told = capsys.readouterr().err
    assert told.count("\r") == 100
    assert told.endswith("reading: 100 of 100\n")
