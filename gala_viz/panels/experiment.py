"""The page of an experiment: one browser part that talks to the experiment's own addresses beside it."""

from __future__ import annotations

from pathlib import Path

import panel as pn
import param

from gala_viz.panels.messenger import Part, script

TITLE = "What did you see?"
PARTS = ("saving", "trial", "experiment")
_STYLE = Path(__file__).parent / "browser" / "experiment" / "experiment.css"


class ExperimentBoard(Part):
    """The whole experiment in the browser; see ``gala_viz.play.trials.handlers`` for what it talks to."""

    trials_path = param.String(default="trials/", doc="Where the experiment's addresses lie, as seen from the page.")

    _esm = script(*(f"experiment/{name}" for name in PARTS))
    _stylesheets = [_STYLE.read_text(encoding="utf-8")]  # noqa: RUF012


def experiment_page() -> ExperimentBoard:
    """The page of one session."""
    if pn.state.curdoc is not None:
        pn.state.curdoc.title = TITLE
    return ExperimentBoard(sizing_mode="stretch_width", margin=0)
