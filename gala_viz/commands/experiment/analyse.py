"""``gala-viz experiment analyse``: tables, tests and figure 1B of all responses in the folder."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from gala_viz.commands.experiment.folder import DEFAULT_FOLDER, RESPONSES_FOLDER, read_folder_spec


@dataclass(frozen=True, kw_only=True)
class Analyse:
    """Analyse all tables in responses/ by the rules that the experiment's file fixed; write tables and figure 1B."""

    folder: Path = DEFAULT_FOLDER
    """The experiment's folder."""
    seed: int = 0
    """Seed of resamples and sign flips."""

    def run(self) -> None:
        """Write tables and figure, and print the thresholds."""
        from gala_viz.commands.experiment.report import write_report
        from gala_viz.experiment.responses import read_all_responses

        spec = read_folder_spec(self.folder)
        paths = sorted((self.folder / RESPONSES_FOLDER).glob("*.csv"))
        if not paths:
            raise FileNotFoundError(
                f"{self.folder / RESPONSES_FOLDER} holds no responses; gala-viz experiment observe lets networks "
                "answer."
            )
        sys.stdout.write(write_report(self.folder, spec, read_all_responses(paths), self.seed))
