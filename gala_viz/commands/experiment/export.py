"""``gala-viz experiment export``: recorded responses as a table among the folder's responses, and as BIDS."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from gala_viz.commands.experiment.folder import DEFAULT_FOLDER, RESPONSES_FOLDER, open_records, read_folder_spec
from gala_viz.counts import counted


@dataclass(frozen=True, kw_only=True)
class Export:
    """Write what people answered: responses/people.csv, which analyse reads, and the BIDS dataset bids/."""

    folder: Path = DEFAULT_FOLDER
    """The experiment's folder."""
    records: str = "records.sqlite"
    """The file or the URL of the database."""

    def run(self) -> None:
        """Write the table and the BIDS dataset."""
        from gala_viz.experiment.bids import write_bids, write_responses
        from gala_viz.experiment.recorded_responses import load_recorded_responses
        from gala_viz.experiment.stimuli import open_stimuli

        spec = read_folder_spec(self.folder)
        with open_records(self.records) as database:
            responses = load_recorded_responses(database, open_stimuli(spec))
        if not len(responses):
            raise ValueError(f"{self.records} holds no response to experiment {spec.hash}.")
        path = self.folder / RESPONSES_FOLDER / "people.csv"
        write_responses(responses, path)
        count = write_bids(responses, spec, self.folder / "bids")
        sys.stdout.write(
            f"{counted(len(responses), 'trial')} of {counted(count, 'participant')} written to "
            f"{path} and {self.folder / 'bids'}\n"
        )
