"""``gala-viz experiment observe``: networks answer in place of people."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gala_viz.commands.experiment.folder import DEFAULT_FOLDER, read_folder_spec, save_responses
from gala_viz.specs import OutputOption


@dataclass(frozen=True, kw_only=True)
class Observe:
    """Let networks categorise every stimulus of an experiment."""

    folder: Path = DEFAULT_FOLDER
    """The experiment's folder."""
    networks: tuple[str, ...] = ("rendered-resnet", "rendered-se", "rendered-gala", "rendered-gala-clickme")
    """Names or folders of networks, transformers:NAME, timm:NAME, or package.module:function."""
    output: OutputOption = None
    device: str | None = None
    """cpu, cuda, or what is there."""

    def run(self) -> None:
        """Write responses/networks.csv."""
        from gala_viz.commands.terminal_progress import progress_printer
        from gala_viz.evaluation.observers import network_responses
        from gala_viz.experiment.stimuli import open_stimuli
        from gala_viz.networks.network_folders import with_output
        from gala_viz.networks.zoo import load_network

        stimuli = open_stimuli(read_folder_spec(self.folder))
        names = with_output(self.networks, self.output)
        networks = [load_network(name, self.device) for name in names]
        save_responses(self.folder, "networks", network_responses(stimuli, networks, progress_printer("images")))
