"""Figures drawn ahead of the next session, which then waits for its own data alone."""

from __future__ import annotations

import threading
from collections import deque
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
PAUSE_S = 2.0
"""Delay between two sets: drawing one takes most of a second, in which pages answer at half their speed."""
N_SPARE = 3


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
    """Sets of figures drawn in advance; each set is used once.

    There is one at first; once a visitor has come, ``N_SPARE`` are kept, for visitors who come at once. Nobody waits
    for a set that is being drawn while another one is there.
    """

    def __init__(self, networks: Sequence[NetworkInfo]) -> None:
        self._networks = tuple(networks)
        self._spare: deque[FigureSet] = deque()
        self._lock = threading.Lock()
        self._is_filling = False

    def fill(self) -> None:
        """Draw a spare set unless there are enough."""
        with DRAWING_LOCK:
            if len(self._spare) < N_SPARE:
                self._spare.append(draw_figure_set(self._networks))

    def take(self) -> FigureSet:
        """Return a spare set, or one drawn now; others are drawn a moment later."""
        with self._lock:
            figures = self._spare.popleft() if self._spare else None
            if not self._is_filling:
                self._is_filling = True
                start_thread(self._fill_later, "gala-viz spare figures")
        if figures is None:
            with DRAWING_LOCK:
                figures = draw_figure_set(self._networks)
        return figures

    def _fill_later(self) -> None:
        delay_s = REFILL_DELAY_S
        while not shutdown_event.wait(delay_s):
            try:
                self.fill()
            except BaseException:  # the next visitor's figures are then drawn at once, and this is tried again
                self._is_filling = False
                raise
            with self._lock:
                if len(self._spare) >= N_SPARE:
                    self._is_filling = False
                    return
            delay_s = PAUSE_S
