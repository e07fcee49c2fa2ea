"""Figures are drawn one at a time: HoloViews' options are the whole process's."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

from bokeh.plotting import figure

from gala_viz.plots import bokeh_rendering


def test_threads_draw_one_figure_at_a_time(monkeypatch):
    """Of two threads that drew at once one failed: a page's other pair, and the spare figures of the next page."""
    inside, most = [0], [0]

    def get_plot(plot, doc):
        inside[0] += 1
        most[0] = max(most[0], inside[0])
        time.sleep(0.02)
        inside[0] -= 1
        return SimpleNamespace(state=figure(title=str(plot)))

    renderer = SimpleNamespace(instance=lambda theme: SimpleNamespace(get_plot=get_plot))
    monkeypatch.setattr(bokeh_rendering, "hv", SimpleNamespace(renderer=lambda name: renderer))
    with ThreadPoolExecutor(3) as pool:
        figures = list(pool.map(bokeh_rendering.bokeh_figure, range(6)))
    assert [fig.title.text for fig in figures] == list("012345")
    assert most == [1]
