"""``gala-viz experiment run``: people take part, on a server; every trial is kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

import tyro

from gala_viz.commands.experiment.page import ExperimentOptions
from gala_viz.commands.serving import Address, ending_cleanly, serve


@dataclass(frozen=True, kw_only=True)
class Run:
    """Serve an experiment to people; their responses go into a database, one transaction a trial."""

    options: Annotated[ExperimentOptions, tyro.conf.arg(name="")] = field(default_factory=ExperimentOptions)
    at: Annotated[Address, tyro.conf.arg(name="")] = field(default_factory=Address)

    def run(self) -> None:
        """Serve until Ctrl-C; what is missing is told before the server starts."""
        with ending_cleanly():
            from gala_viz.commands.experiment.page import addresses, running
            from gala_viz.panels.experiment import experiment_page

            experiment = running(self.options)
            patterns = addresses(experiment, frozenset(self.at.origins))("")
            try:
                serve({"experiment": experiment_page}, self.at, patterns=patterns)
            finally:
                experiment.close()
