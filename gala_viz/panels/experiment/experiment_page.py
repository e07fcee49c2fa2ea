"""The page of an experiment: one browser component that talks to the experiment's own addresses beside it."""

from __future__ import annotations

from pathlib import Path

import param

from gala_viz.panels.browser_component import BrowserComponent, read_scripts
from gala_viz.panels.page_head import LETTER_SIZE_CSS, set_page_head
from gala_viz.participant_texts import participant_texts

_PAGE_CSS = f"{LETTER_SIZE_CSS} html, body {{ background: #7f7f7f; }}"
"""The ground of the stimuli, from the first frame on."""


class ExperimentComponent(BrowserComponent):
    """The whole experiment in the browser; see ``gala_viz.experiment.handlers`` for what it talks to."""

    api_path = param.String(default="trials/", doc="Where the experiment's addresses lie, as seen from the page.")

    texts = param.Dict(default={}, doc="What participants read, see ``gala_viz.participant_texts``.")

    _esm = read_scripts(
        "participant_texts", "experiment/result_saving", "experiment/trial", "experiment/experiment_page"
    )
    _stylesheets = [(Path(__file__).with_name("experiment_page.css")).read_text(encoding="utf-8")]  # noqa: RUF012


def experiment_page() -> ExperimentComponent:
    """Return the page of one session."""
    set_page_head(participant_texts("experiment")["title"], css=_PAGE_CSS)
    return ExperimentComponent(texts=participant_texts("experiment"), sizing_mode="stretch_width", margin=0)
