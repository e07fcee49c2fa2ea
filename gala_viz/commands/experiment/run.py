"""``gala-viz experiment run``: people take part, on a server; every trial is kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

import tyro

from gala_viz.commands.experiment.page import ExperimentOptions
from gala_viz.commands.progress import steps
from gala_viz.commands.serving import Address, check_address, ending_cleanly, serve


@dataclass(frozen=True, kw_only=True)
class Run:
    """Serve an experiment to people; their responses go into a database, one transaction a trial."""

    options: Annotated[ExperimentOptions, tyro.conf.arg(name="")] = field(default_factory=ExperimentOptions)
    at: Annotated[Address, tyro.conf.arg(name="")] = field(default_factory=Address)

    def run(self) -> None:
        """Serve until Ctrl-C; what is missing is told before the page is announced."""
        with ending_cleanly():
            from gala_viz.commands.experiment.page import addresses, prepare
            from gala_viz.panels.experiment import experiment_page

            check_address(self.at)
            with steps() as say:
                experiment = prepare(self.options, say)
            patterns = addresses(experiment, frozenset(self.at.origins))("")
            try:
                serve({"experiment": experiment_page}, self.at, patterns=patterns)
            finally:
                experiment.close()
