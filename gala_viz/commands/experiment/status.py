"""``gala-viz experiment status``: the status of the experiment."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from gala_viz.commands.experiment.folder import DEFAULT_FOLDER, open_records, read_folder_spec


@dataclass(frozen=True, kw_only=True)
class Status:
    """Tell who finished, who is under way, who dropped out, and how evenly sets and keys are taken."""

    folder: Path = DEFAULT_FOLDER
    """The experiment's folder."""
    records: str = "records.sqlite"
    """The file or the URL of the database."""

    def run(self) -> None:
        """Print the status."""
        from gala_viz.experiment.status import experiment_status

        spec = read_folder_spec(self.folder)
        with open_records(self.records) as database:
            sys.stdout.write(f"experiment {spec.hash}: {experiment_status(database, spec).summary()}")
