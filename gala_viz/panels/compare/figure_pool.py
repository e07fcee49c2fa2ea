"""Figures drawn ahead: the next visitor finds a set ready and waits only for what is truly theirs."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import uuid4

from bokeh.plotting import figure

from gala_viz.panels.compare.layer_view import LayerView
from gala_viz.panels.compare.main_row import MainRow
from gala_viz.panels.score_view import score_figure
from gala_viz.store.source import NetworkInfo
from gala_viz.threads import shutdown_event, start_thread

REFILL_DELAY_S = 3.0
"""How long after a visitor came the next set is drawn: their first maps go before it."""

DRAWING_LOCK = threading.Lock()
"""Held while figures are drawn in a thread, and while a module is imported that loads Datashader.

Datashader tries dask.dataframe, which fails without pyarrow; HoloViews, while it draws, asks for whatever seems loaded.
"""


@dataclass(frozen=True, slots=True)
class FigureSet:
    """The figures of one session, their models named under ``key``."""

    key: str
    row: MainRow
    layers: LayerView
    scores: figure


def draw_figure_set(networks: Sequence[NetworkInfo]) -> FigureSet:
    """A set of empty figures for two networks."""
    key, size = uuid4().hex[:8], networks[0].input_px
    row = MainRow(key, size)
    return FigureSet(key, row, LayerView(key, networks, size), score_figure(networks))


class FigurePool:
    """One set of figures in advance; each is handed out once."""

    def __init__(self, networks: Sequence[NetworkInfo]) -> None:
        self._networks = tuple(networks)
        self._spare: FigureSet | None = None

    def fill(self) -> None:
        """Draw a spare set unless there is one."""
        with DRAWING_LOCK:
            if self._spare is None:
                self._spare = draw_figure_set(self._networks)

    def take(self) -> FigureSet:
        """The spare set, or one drawn now; another is drawn a moment later."""
        with DRAWING_LOCK:
            taken, self._spare = self._spare, None
            if taken is None:
                taken = draw_figure_set(self._networks)
        start_thread(self._fill_later, "gala-viz spare figures")
        return taken

    def _fill_later(self) -> None:
        if not shutdown_event.wait(REFILL_DELAY_S):
            self.fill()
