"""``gala-viz experiment run``: people take part, on a server; every trial is recorded."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

import tyro

from gala_viz.commands.experiment.experiment_app import ExperimentOptions
from gala_viz.commands.page_server import ServerAddress, check_address, clean_shutdown, serve
from gala_viz.commands.terminal_progress import step_printer


@dataclass(frozen=True, kw_only=True)
class Run:
    """Serve an experiment to people; their responses go into a database, one transaction a trial."""

    options: Annotated[ExperimentOptions, tyro.conf.arg(name="")] = field(default_factory=ExperimentOptions)
    at: Annotated[ServerAddress, tyro.conf.arg(name="")] = field(default_factory=ServerAddress)

    def run(self) -> None:
        """Serve until Ctrl-C; what is missing is said before the page is announced."""
        with clean_shutdown():
            from gala_viz.commands.experiment.experiment_app import experiment_routes, prepare
            from gala_viz.panels.experiment.experiment_page import experiment_page

            check_address(self.at)
            with step_printer() as say:
                experiment = prepare(self.options, say)
            patterns = experiment_routes(experiment, frozenset(self.at.origins))("")
            try:
                serve({"experiment": experiment_page}, self.at, patterns=patterns)
            finally:
                experiment.close()
