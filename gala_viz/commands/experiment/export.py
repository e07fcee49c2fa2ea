"""``gala-viz experiment export``: recorded responses as a CSV table among the folder's responses, and as BIDS."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from gala_viz.commands.experiment.folder import DEFAULT, RESPONSES, records_of, spec_of


@dataclass(frozen=True, kw_only=True)
class Export:
    """Write what people answered: responses/people.csv, which analyse reads, and the BIDS dataset bids/."""

    folder: Path = DEFAULT
    """The experiment's folder."""
    records: str = "records.sqlite"
    """The file or the URL of the database."""

    def run(self) -> None:
        """Write both."""
        from gala_viz.experiment.export import write_bids, write_csv
        from gala_viz.experiment.recorded import recorded_responses
        from gala_viz.experiment.stimuli import opened

        spec = spec_of(self.folder)
        with records_of(self.records) as database:
            responses = recorded_responses(database, opened(spec))
        if not len(responses):
            raise ValueError(f"{self.records} holds no response to experiment {spec.hash}.")
        path = self.folder / RESPONSES / "people.csv"
        write_csv(responses, path)
        count = write_bids(responses, spec, self.folder / "bids")
        sys.stdout.write(
            f"{len(responses):,} trials of {count} participants written to {path} and {self.folder / 'bids'}\n"
        )
