"""``gala-viz experiment``: rapid categorisation, prepared, shown to networks and people, analysed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import tyro

from gala_viz.commands.experiment.analyse import Analyse
from gala_viz.commands.experiment.export import Export
from gala_viz.commands.experiment.import_responses import Import
from gala_viz.commands.experiment.observe import Observe
from gala_viz.commands.experiment.prepare import Prepare
from gala_viz.commands.experiment.run import Run
from gala_viz.commands.experiment.simulate import Simulate
from gala_viz.commands.experiment.status import Status

Step = (
    Annotated[Prepare, tyro.conf.subcommand("prepare")]
    | Annotated[Run, tyro.conf.subcommand("run")]
    | Annotated[Status, tyro.conf.subcommand("status")]
    | Annotated[Export, tyro.conf.subcommand("export")]
    | Annotated[Observe, tyro.conf.subcommand("observe")]
    | Annotated[Simulate, tyro.conf.subcommand("simulate")]
    | Annotated[Analyse, tyro.conf.subcommand("analyse")]
    | Annotated[Import, tyro.conf.subcommand("import")]
)


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Do the marked features suffice? Images are uncovered by importance, and people or networks tell what they show.

    The steps share one folder: prepare makes it, the others read its experiment and add to it.
    """

    step: tyro.conf.OmitSubcommandPrefixes[tyro.conf.OmitArgPrefixes[Step]]

    def run(self) -> int:
        """Do one step."""
        self.step.run()
        return 0
