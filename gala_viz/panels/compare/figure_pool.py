"""Figures drawn ahead of the next session, which then waits for its own data alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import uuid4

from bokeh.plotting import figure

from gala_viz.panels.compare.layer_view import LayerView
from gala_viz.panels.compare.main_row import MainRow
from gala_viz.panels.score_view import score_figure
from gala_viz.plots.bokeh_rendering import DRAWING_LOCK
from gala_viz.store.source import NetworkInfo
from gala_viz.threads import shutdown_event, start_thread

REFILL_DELAY_S = 10.0
"""Delay after a session began until the next set is drawn: its page and its first maps go before it."""


@dataclass(frozen=True, slots=True)
class FigureSet:
    """The figures of one session, their models named under ``key``."""

    key: str
    row: MainRow
    layers: LayerView
    scores: figure


def draw_figure_set(networks: Sequence[NetworkInfo]) -> FigureSet:
    """Draw a set of empty figures for two networks."""
    key, size = uuid4().hex[:8], networks[0].input_px
    row = MainRow(key, size)
    return FigureSet(key, row, LayerView(key, networks, size, row.sources["photo"]), score_figure(networks))


class FigurePool:
    """One set of figures drawn in advance; each set is used once."""

    def __init__(self, networks: Sequence[NetworkInfo]) -> None:
        self._networks = tuple(networks)
        self._spare: FigureSet | None = None

    def fill(self) -> None:
        """Draw a spare set unless there is one."""
        with DRAWING_LOCK:
            if self._spare is None:
                self._spare = draw_figure_set(self._networks)

    def take(self) -> FigureSet:
        """Return the spare set, or one drawn now; another is drawn a moment later."""
        with DRAWING_LOCK:
            figures, self._spare = self._spare, None
            if figures is None:
                figures = draw_figure_set(self._networks)
        start_thread(self._fill_later, "gala-viz spare figures")
        return figures

    def _fill_later(self) -> None:
        if not shutdown_event.wait(REFILL_DELAY_S):
            self.fill()
