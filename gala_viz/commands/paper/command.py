"""``gala-viz paper``: the paper's table and figures from one command, with the networks and images at hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gala_viz.commands.evaluate import BLOCKS_FOLDER, log_line, smoothgrad_spec_for
from gala_viz.commands.paper.paper_networks import PaperNetwork, find_paper_networks

if TYPE_CHECKING:
    from gala_viz.collections.collection import Collection
    from gala_viz.evaluation.evaluation import Evaluation
    from gala_viz.evaluation.spec import EvaluationSpec
    from gala_viz.networks.network import Network

NETWORKS = ("rendered-resnet", "rendered-se", "rendered-gala", "rendered-gala-clickme")
N_QUICK_IMAGES = 12
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
class Arguments:
    """Evaluate the paper's four networks and draw its figures into a folder.

    Every seed that is found is evaluated, and the mean over seeds; what is missing is told with the command that makes
    it. A stopped run goes on where it was. The quality of the numbers is that of the networks and images at hand: the
    shipped collection has rendered objects and simulated participants.
    """

    out: Path
    """Folder for the table, the figures and the finished blocks."""
    quick: bool = False
    """A trial run: few images, of the validation split, few samples, few resamples. Not for reporting."""
    train: bool = False
    """Train what is missing first, up to twelve trainings of 15 to 25 minutes each on a CPU core."""
    half: bool = False
    """With --train: write the networks' weights as float16, vectors as float32."""
    seeds: tuple[int, ...] = ()
    """Seeds of the trainings, for example 1 2 3; default: all that are found."""
    networks: tuple[str, ...] = NETWORKS
    """Recipes of the networks; the last two are the pair of figure 2, without and with human maps."""
    collection: str = "rendered"
    """Name of a collection, or a folder."""
    runs: Path = Path("runs")
    """Where trainings are kept and networks of further seeds are found."""
    sweep: Path | None = None
    """Table of the sweep over lambda; default: RUNS/sweep-NETWORK/trade_off.csv, or what the network's card holds."""
    samples: int = 25
    """SmoothGrad's n in the table; 0 leaves it out there."""
    noise: float | None = None
    """SmoothGrad's noise as a share of an image's range; default: what the networks' cards recommend."""
    figure_samples: int = 50
    """SmoothGrad's n in figure 2."""
    rows: int = 6
    """Images in figure 2."""
    layer: str | None = None
    """GALA layer of figure 2; default: the last one."""
    seed: int = 0
    """Seed of noise, splits, resamples, sign flips, and of the rule that draws images."""
    device: str | None = None
    """cpu, cuda, or what is there."""

    def run(self) -> int:
        """Find or train, evaluate, write, draw."""
        from gala_viz.collections import open_collection
        from gala_viz.commands.paper.figures import draw_paper_figures
        from gala_viz.evaluation.written import write_evaluation
        from gala_viz.networks.zoo import load_network

        wanted = self._complete(find_paper_networks(self.networks, self.seeds, self.runs))
        there = [one for one in wanted if one.folder is not None]
        if not there:
            raise ValueError(f"none of the networks is here. {_how_to_make(wanted, self)}")
        missing = [one for one in wanted if one.folder is None]
        if missing:
            log_line(f"{', '.join(one.label for one in missing)}: not here and left out. {_how_to_make(missing, self)}")
        collection = open_collection(self.collection)
        loaded = {one: load_network(one.folder, self.device) for one in there}
        found = self._evaluated(loaded, collection)
        write_evaluation(found, self.out)
        told = draw_paper_figures(self, found, collection, loaded)
        (self.out / "README.md").write_text(_readme(self, found, missing, told), encoding="utf-8")
        log_line(f"written to {self.out}")
        return 0

    def evaluation_spec(self, networks: Sequence[Network] = ()) -> EvaluationSpec:
        """The settings of the evaluation; noise that suits all ``networks``, unless it was given."""
        from gala_viz.alignment import CeilingSpec
        from gala_viz.evaluation.spec import EvaluationSpec

        samples = min(3, self.samples) if self.quick else self.samples
        grad = smoothgrad_spec_for(networks, samples, self.noise, self.seed)
        if not self.quick:
            ceiling = CeilingSpec(n_participant_resamples=500, seed=self.seed)
            return EvaluationSpec(smoothgrad=grad, ceiling=ceiling, seed=self.seed)
        return EvaluationSpec(
            split="validation",
            n_images=N_QUICK_IMAGES,
            smoothgrad=grad,
            ceiling=CeilingSpec(n_splits=10, n_participant_resamples=100, n_resamples=1000, seed=self.seed),
            n_resamples=1000,
            n_partners=3,
            seed=self.seed,
        )

    def _complete(self, wanted: list[PaperNetwork]) -> list[PaperNetwork]:
        """With --train, after training what is missing."""
        if not self.train:
            return wanted
        from gala_viz.commands import train

        seeds = self.seeds or tuple(sorted({one.seed for one in wanted})) or (0,)
        for one in find_paper_networks(self.networks, seeds, self.runs):
            if one.folder is None:
                log_line(one.training_command(self.runs))
                device = "auto" if self.device is None else "gpu" if self.device.startswith("cuda") else self.device
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
        """All networks; where there are several seeds each by its seed, and the means over them."""
        from gala_viz.evaluation.evaluate import evaluate
        from gala_viz.evaluation.kept import Kept

        single = len({one.seed for one in loaded}) == 1
        networks = {one.name if single else one.label: network for one, network in loaded.items()}
        groups = {
            name: [one.label for one in loaded if one.name == name]
            for name in dict.fromkeys(one.name for one in loaded)
        }
        kept = Kept(self.out / BLOCKS_FOLDER)
        return evaluate(
            networks,
            collection,
            self.evaluation_spec(list(loaded.values())),
            groups=None if single else groups,
            kept=kept,
            tell=log_line,
        )


def _how_to_make(missing: Sequence[PaperNetwork], arguments: Arguments) -> str:
    asked = missing or [
        PaperNetwork(name=name, seed=seed) for seed in arguments.seeds or (0,) for name in arguments.networks
    ]
    lines = "\n".join(f"  {one.training_command(arguments.runs)}" for one in asked)
    return f"These commands make what is missing, and --train runs them:\n{lines}"


def _readme(arguments: Arguments, found: Evaluation, missing: Sequence[PaperNetwork], told: Sequence[str]) -> str:
    simulated = "The human maps are simulated, not of people. " if found.simulated else ""
    lines = [
        "# The paper's table and figures",
        f"{found.collection['title']}, {len(found.images)} images of the {found.spec.split} split. {simulated}"
        + ("This was a quick trial run: its numbers are not for reporting." if arguments.quick else ""),
        "\n".join(f"- `{name}`: {what}" for name, what in OUTPUT_FILES.items() if _there(arguments.out, name)),
        "Every figure is a PNG, an SVG and a PDF, with its caption in a Markdown file beside it.",
    ]
    if missing:
        lines.append(f"Left out: {', '.join(one.label for one in missing)}. {_how_to_make(missing, arguments)}")
    return "\n\n".join([*lines, *told]) + "\n"


def _there(folder: Path, names: str) -> bool:
    return any(folder.glob(f"{names.split(',')[0]}*"))
