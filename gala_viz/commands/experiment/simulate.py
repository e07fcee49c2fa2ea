"""``gala-viz experiment simulate``: simulated participants, to try the analysis before people take part."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gala_viz.commands.experiment.folder import DEFAULT_FOLDER, read_folder_spec, save_responses


@dataclass(frozen=True, kw_only=True)
class Simulate:
    """Make up the responses of participants with known thresholds; they are called simulated in every table."""

    folder: Path = DEFAULT_FOLDER
    """The experiment's folder."""
    participants: int = 48
    """How many."""
    middles: tuple[float, ...] = (20.0, 80.0)
    """For each map type the level, in per cent, at the middle of the psychometric function."""
    seed: int = 0
    """Seed of chance."""

    def run(self) -> None:
        """Write responses/simulated.csv."""
        from gala_viz.experiment.simulated_observers import SimulatedObserverSpec, simulate_responses

        spec = read_folder_spec(self.folder)
        if len(self.middles) != len(spec.maps):
            raise ValueError(f"--middles is one level for each of {', '.join(spec.maps)}; got {len(self.middles)}.")
        people = SimulatedObserverSpec(locations=dict(zip(spec.maps, self.middles, strict=True)))
        save_responses(self.folder, "simulated", simulate_responses(spec, people, self.participants, self.seed))
