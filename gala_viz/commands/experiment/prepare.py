"""``gala-viz experiment prepare``: the experiment's file, a list of all stimuli, and a preview."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from gala_viz.commands.experiment.folder import DEFAULT_FOLDER, MANIFEST_FILE, SPEC_FILE
from gala_viz.counts import counted


@dataclass(frozen=True, kw_only=True)
class Prepare:
    """Draw the images of an experiment, and write its file, a list of all stimuli and a preview."""

    folder: Path = DEFAULT_FOLDER
    """The experiment's new folder."""
    collection: str = "rendered"
    """A known name, or a folder of photographs in folders animal/ and vehicle/ (or any two superclasses)."""
    maps: tuple[str, ...] = ("clickme=human", "saliency=opencv:fine-grained")
    """Map types as NAME=SOURCE: human, human:KIND (for example eye fixations), opencv:fine-grained,
    opencv:spectral-residual, or files:PATH (a folder of maps by image, an HDF5 file, a table of clicks)."""
    superclasses: tuple[str, ...] = ()
    """The two answers, where the collection has more than two superclasses."""
    images: int = 240
    """Images of the experiment, half of each superclass; each participant sees each once."""
    practice: int = 6
    """Images of practice, which are no others."""
    split: Literal["train", "validation", "test", "all"] = "test"
    """Which images may be drawn."""
    fill: Literal["phase", "grey"] = "phase"
    """What stands where the image is hidden: its phase-scrambled copy, or grey."""
    important: float = 0.15
    """Share of an image's pixels that counts as important."""
    order: Literal["contiguous", "ranked"] = "contiguous"
    """contiguous: one piece grows from the most important pixel on, and at 100 % holds a part of the important pixels
    alone; ranked: pixels come by their importance, so that 100 % are just the important ones."""
    stimulus_ms: float = 400.0
    """How long a stimulus stands."""
    window_ms: float = 150.0
    """How long after it an answer counts."""
    seed: int = 0
    """Seed of everything that is drawn."""

    id_names: tuple[str, ...] = ()
    """Names of ids in the page's address that are stored, besides PROLIFIC_PID, STUDY_ID and SESSION_ID."""
    completion_link: str | None = None
    """Address that participants get when everything is stored; {PROLIFIC_PID} and others in it are filled in."""

    def run(self) -> None:
        """Write the files; the experiment's own comes last."""
        from gala_viz.collections import open_collection
        from gala_viz.commands.experiment.preview import write_preview
        from gala_viz.commands.terminal_progress import progress_printer
        from gala_viz.experiment.design import imbalance
        from gala_viz.experiment.experiment_spec import TimingSpec
        from gala_viz.experiment.preparation import PreparationSpec, prepare_experiment
        from gala_viz.experiment.recruitment import RecruitmentSpec
        from gala_viz.experiment.revelation import RevelationSpec
        from gala_viz.experiment.stimuli import Stimuli
        from gala_viz.experiment.stimulus_manifest import stimulus_manifest

        if (self.folder / SPEC_FILE).exists():
            raise FileExistsError(f"{self.folder} already holds an experiment; its file is never written over.")
        recruitment = RecruitmentSpec(id_names=self.id_names, completion_link=self.completion_link)
        collection = open_collection(self.collection)
        pairs = [one.partition("=") for one in self.maps]
        if not all(name and source for name, _, source in pairs) or len({name for name, *_ in pairs}) != len(pairs):
            raise ValueError(f"--maps are NAME=SOURCE, each name once; got {' '.join(self.maps)}.")
        preparation = PreparationSpec(
            n_images=self.images,
            n_practice=self.practice,
            split=self.split,
            superclasses=self.superclasses,
            maps={name: source for name, _, source in pairs},
            seed=self.seed,
        )
        spec = prepare_experiment(
            collection,
            self.collection,
            preparation,
            revelation=RevelationSpec(
                fill=self.fill, important_fraction=self.important, order=self.order, seed=self.seed
            ),
            timing=TimingSpec(stimulus_ms=self.stimulus_ms, window_ms=self.window_ms),
            recruitment=recruitment,
        )
        stimuli = Stimuli(spec, collection)
        self.folder.mkdir(parents=True, exist_ok=True)
        stimulus_manifest(stimuli, progress_printer("stimuli of images")).to_csv(
            self.folder / MANIFEST_FILE, index=False
        )
        write_preview(self.folder, stimuli)
        spec.save(self.folder / SPEC_FILE)
        sys.stdout.write(
            f"experiment {spec.hash}: {counted(spec.n_images, 'image')} of {' and '.join(spec.superclasses)}, "
            f"{len(spec.conditions)} conditions and sets, {counted(spec.n_practice, 'image')} of practice\n"
            f"written to {self.folder}: {SPEC_FILE}, {MANIFEST_FILE}, preview (.png, .md)\n"
        )
        if imbalance(spec):
            sys.stderr.write(f"{imbalance(spec)}\n")
