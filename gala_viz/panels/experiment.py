"""The page of an experiment: one browser part that talks to the experiment's own addresses beside it."""

from __future__ import annotations

from pathlib import Path

import panel as pn
import param

from gala_viz.panels.messenger import BrowserComponent, read_scripts

TITLE = "What did you see?"
SCRIPTS = ("saving", "trial", "experiment")
_STYLE = Path(__file__).parent / "browser" / "experiment" / "experiment.css"


class ExperimentComponent(BrowserComponent):
    """The whole experiment in the browser; see ``gala_viz.play.trials.handlers`` for what it talks to."""

    trials_path = param.String(default="trials/", doc="Where the experiment's addresses lie, as seen from the page.")

    _esm = read_scripts(*(f"experiment/{name}" for name in SCRIPTS))
    _stylesheets = [_STYLE.read_text(encoding="utf-8")]  # noqa: RUF012


def experiment_page() -> ExperimentComponent:
    """The page of one session."""
    if pn.state.curdoc is not None:
        pn.state.curdoc.title = TITLE
    return ExperimentComponent(sizing_mode="stretch_width", margin=0)
