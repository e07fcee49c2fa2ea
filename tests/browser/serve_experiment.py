"""Serve a small experiment: ``python -m tests.browser.serve_experiment PORT FOLDER RECORDS IMAGES``.

Its trials are shorter than any experimenter's, so that hundreds fit into a test; everything else is the real thing.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from gala_viz.collections import open_collection
from gala_viz.commands.experiment.experiment_app import experiment_routes
from gala_viz.commands.page_server import ServerAddress, serve
from gala_viz.experiment.experiment_spec import N_BLOCKS, TimingSpec, read_experiment_spec
from gala_viz.experiment.preparation import PreparationSpec, prepare_experiment
from gala_viz.experiment.recruitment import RecruitmentSpec
from gala_viz.experiment.server import ExperimentServer
from gala_viz.experiment.stimuli import open_stimuli
from gala_viz.panels.experiment.experiment_page import experiment_page
from gala_viz.records.database import Database
from gala_viz.records.participants import software_versions
from tests.experiment.folder_of_animals import make

TIMING = TimingSpec(fixation_ms=(66.7, 100.0, 133.3), stimulus_ms=50.0, window_ms=400.0, pause_ms=20.0)


def prepare(folder: Path, n_images: int) -> None:
    """Photographs, maps and the experiment's file, once."""
    photos, maps = make(folder, each=n_images // 2 + 2)
    sources = {"clickme": f"files:{maps}", "saliency": "opencv:spectral-residual"}
    wanted = PreparationSpec(n_images=n_images, n_practice=4, split="all", maps=sources, side_px=64)
    n_blocks = N_BLOCKS if n_images >= 50 else 1
    spec = prepare_experiment(open_collection(photos), str(photos), wanted, timing=TIMING, n_blocks=n_blocks)
    recruitment = RecruitmentSpec(completion_link="https://recruit.example/done?who={PROLIFIC_PID}")
    replace(spec, shown_px=256, recruitment=recruitment).save(folder / "experiment.toml")


def main(port: int, folder: Path, records: Path, n_images: int) -> None:
    """Serve until ended."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "experiment.toml").exists():
        prepare(folder, n_images)
    running = ExperimentServer(
        open_stimuli(read_experiment_spec(folder / "experiment.toml")), Database(records), software_versions()
    )
    address = ServerAddress(port=port, show=False)
    serve({"experiment": experiment_page}, address, patterns=experiment_routes(running)(""))


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]))
