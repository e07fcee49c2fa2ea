"""The options of ``gala-viz paper``, and the evaluation that follows from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from gala_viz.commands.evaluate import smoothgrad_spec_for

if TYPE_CHECKING:
    from gala_viz.evaluation.spec import EvaluationSpec
    from gala_viz.networks.network import Network

NETWORKS = ("rendered-resnet", "rendered-se", "rendered-gala", "rendered-gala-clickme")
N_QUICK_IMAGES = 12


@dataclass(frozen=True, kw_only=True)
class PaperOptions:
    """Settings of the paper's table and figures."""

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
    delta_colours: Literal["default", "paper"] = "default"
    """Colours of the delta in figure 2; paper: the red and blue of Linsley et al. 2019."""
    seed: int = 0
    """Seed of noise, splits, resamples, sign flips, and of the rule that draws images."""
    device: str | None = None
    """cpu, cuda, or what is there."""

    def evaluation_spec(self, networks: Sequence[Network] = ()) -> EvaluationSpec:
        """Return the settings of the evaluation, with noise that suits all ``networks`` unless an option sets it."""
        from gala_viz.alignment import CeilingSpec
        from gala_viz.evaluation.spec import EvaluationSpec

        samples = min(3, self.samples) if self.quick else self.samples
        grad = smoothgrad_spec_for(networks, samples, self.noise, self.seed)
        if not self.quick:
            ceiling = CeilingSpec(over_participants=True, seed=self.seed)
            return EvaluationSpec(smoothgrad=grad, ceiling=ceiling, seed=self.seed)
        return EvaluationSpec(
            split="validation",
            n_images=N_QUICK_IMAGES,
            smoothgrad=grad,
            ceiling=CeilingSpec(n_splits=10, over_participants=True, n_resamples=1000, seed=self.seed),
            n_resamples=1000,
            n_partners=3,
            seed=self.seed,
        )
