"""``gala-viz paper``: the paper's table and figures from one command, with the networks and images at hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gala_viz.commands.evaluate import BLOCKS_FOLDER, log_line
from gala_viz.commands.paper.paper_networks import PaperNetwork, find_paper_networks
from gala_viz.commands.paper.paper_options import PaperOptions
from gala_viz.counts import counted

if TYPE_CHECKING:
    from gala_viz.collections.collection import Collection
    from gala_viz.evaluation.evaluation import Evaluation
    from gala_viz.networks.network import Network

OUTPUT_FILES = {
    "report.html": "the report: every number with its n, resolution, smoothing, filters and seeds beside it",
    "table.md": "the table to read: each network, what people reach, differences, the paper's own numbers",
    "table.csv, tests.csv, images.csv": "every number, every test, every value of every image",
    "published.csv": "the paper's own numbers, from other networks and other images",
    "results.json": "all numbers with all settings, seeds, checksums and versions",
    "figure-1a": "photographs seen through the human maps",
    "figure-2": "image by image: people, SmoothGrad of two networks, their delta, attention norms",
    "trade-off": "accuracy against likeness to people over lambda",
    "regions": "where the maps lie: shares of their mass on the regions of the images",
    BLOCKS_FOLDER: "finished blocks of images; a run that was stopped goes on from them",
}


@dataclass(frozen=True, kw_only=True)
class Arguments(PaperOptions):
    """Evaluate the paper's four networks and draw its figures into a folder.

    Every seed that is found is evaluated, and the mean over seeds; what is missing is told with the command that makes
    it. A stopped run goes on where it was. The quality of the numbers is that of the networks and images at hand: the
    shipped collection has rendered objects and simulated participants.
    """

    def run(self) -> int:
        """Find or train, evaluate, write, draw."""
        from gala_viz.collections import open_collection
        from gala_viz.commands.paper.figures import draw_paper_figures
        from gala_viz.evaluation.export import write_evaluation
        from gala_viz.networks.zoo import load_network

        known = find_paper_networks(self.networks, self.seeds, self.runs)
        (self.out / BLOCKS_FOLDER).mkdir(parents=True, exist_ok=True)  # before anything is computed for it
        networks = self._complete(known)
        present = [one for one in networks if one.folder is not None]
        if not present:
            raise ValueError(f"none of the networks is here. {_how_to_make(networks, self)}")
        missing = [one for one in networks if one.folder is None]
        if missing:
            log_line(f"{', '.join(one.label for one in missing)}: not here and left out. {_how_to_make(missing, self)}")
        collection = open_collection(self.collection)
        loaded = {one: load_network(one.folder, self.device) for one in present}
        evaluation = self._evaluated(loaded, collection)
        write_evaluation(evaluation, self.out)
        left_out = draw_paper_figures(self, evaluation, collection, loaded)
        (self.out / "README.md").write_text(_readme(self, evaluation, missing, left_out), encoding="utf-8")
        log_line(f"written to {self.out}")
        return 0

    def _complete(self, networks: list[PaperNetwork]) -> list[PaperNetwork]:
        """Return the networks of the paper; with --train, train what is missing before."""
        if not self.train:
            return networks
        from gala_viz.commands import train

        seeds = self.seeds or tuple(sorted({one.seed for one in networks})) or (0,)
        for one in find_paper_networks(self.networks, seeds, self.runs):
            if one.folder is None:
                log_line(one.training_command(self.runs))
                device = "auto" if self.device is None else "cpu" if self.device == "cpu" else "gpu"
                train.Arguments(
                    recipe=one.name,
                    seed=one.seed,
                    name=one.folder_name,
                    out=self.runs,
                    runs=self.runs,
                    device=device,
                    half=self.half,
                ).run()
        return find_paper_networks(self.networks, seeds, self.runs)

    def _evaluated(self, loaded: dict[PaperNetwork, Network], collection: Collection) -> Evaluation:
        """Evaluate all networks; where there are several seeds each by its seed, and the means over them."""
        from gala_viz.cache import ArrayCache
        from gala_viz.evaluation.evaluate import evaluate

        single = len({one.seed for one in loaded}) == 1
        networks = {one.name if single else one.label: network for one, network in loaded.items()}
        groups = {
            name: [one.label for one in loaded if one.name == name]
            for name in dict.fromkeys(one.name for one in loaded)
        }
        return evaluate(
            networks,
            collection,
            self.evaluation_spec(list(loaded.values())),
            groups=None if single else groups,
            cache=ArrayCache(self.out / BLOCKS_FOLDER, compressed=True),
            tell=log_line,
        )


def _how_to_make(missing: Sequence[PaperNetwork], arguments: Arguments) -> str:
    networks = missing or [
        PaperNetwork(name=name, seed=seed) for seed in arguments.seeds or (0,) for name in arguments.networks
    ]
    lines = "\n".join(f"  {one.training_command(arguments.runs)}" for one in networks)
    return f"These commands make what is missing, and --train runs them:\n{lines}"


def _readme(
    arguments: Arguments, evaluation: Evaluation, missing: Sequence[PaperNetwork], left_out: Sequence[str]
) -> str:
    """Return the README of the results: what each file is, what is left out, and why."""
    simulated = "The human maps are simulated, not of people. " if evaluation.simulated else ""
    n_images = counted(len(evaluation.images), "image")
    lines = [
        "# The paper's table and figures",
        f"{evaluation.collection['title']}, {n_images} of the {evaluation.spec.split} split. {simulated}"
        + ("This was a quick trial run: its numbers are not for reporting." if arguments.quick else ""),
        "\n".join(f"- `{name}`: {what}" for name, what in OUTPUT_FILES.items() if _there(arguments.out, name)),
        "Every figure is a PNG, an SVG and a PDF, with its caption in a Markdown file beside it.",
    ]
    if missing:
        lines.append(f"Left out: {', '.join(one.label for one in missing)}. {_how_to_make(missing, arguments)}")
    return "\n\n".join([*lines, *left_out]) + "\n"


def _there(folder: Path, names: str) -> bool:
    return any(folder.glob(f"{names.split(',')[0]}*"))
