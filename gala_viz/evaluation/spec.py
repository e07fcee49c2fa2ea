"""Frozen settings of an evaluation."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from gala_viz.alignment import COMPARISON_CELLS, N_PARTNERS, CeilingSpec
from gala_viz.alignment.resolution import RESIZINGS
from gala_viz.alignment.significance import MIN_ITERATIONS
from gala_viz.collections.clickme.smoothing import SCALED, SMOOTHINGS
from gala_viz.engine.results.reduction import REDUCTIONS
from gala_viz.networks.preprocessing import CUTS
from gala_viz.specs import COUNTS, Reduction, SmoothGradSpec


def _unless(name: str, default: Any) -> dict[str, Any]:
    """Return metadata of a field that is told, and names what is cached, only where it is not its default."""
    return {COUNTS: lambda spec: getattr(spec, name) != default}


@dataclass(frozen=True, kw_only=True, slots=True)
class EvaluationSpec:
    """Everything that determines an evaluation's numbers but the collection and the networks.

    ``split`` names the images ("all": every one), ``n_images`` bounds how many are drawn from it, with ``seed``, the
    same number of each category as far as they reach. ``smoothgrad`` None leaves SmoothGrad out; ``target`` says whose
    logit it explains, the network's ``"own"`` first choice or the true ``"label"``. SmoothGrad is compared with people
    at ``cells`` x ``cells`` cells of the frame, attention norms at their layers' own grids. ``n_resamples`` bounds
    every mean over images; ``n_iterations`` sign flips test every difference; the floor takes ``n_partners`` other
    images. ``over`` says what intervals and tests take as drawn by chance: images, of these categories, or whole
    categories with their images. ``human_map`` names the kind of human maps that everything is compared with; None: the
    collection's first. Results are kept in blocks of ``block_images`` images.

    What published protocols set beside (see ``gala_viz.evaluation.protocols``, whose ``Protocol.spec`` fills it in):
    ``photograph`` names how all networks cut photographs (``gala_viz.networks.preprocessing.CUTS``), ``reduction`` how
    SmoothGrad's colour channels become one number, ``map_smoothing`` a smoothing of these maps, ``human_smoothing`` one
    of the human maps in place of the collection's own (None), ``resizing`` how human maps come to the grids, and
    ``protocol`` what all of this was taken from. ``resolutions`` are further numbers of cells a side at which
    SmoothGrad is compared.
    """

    split: Literal["train", "validation", "test", "all"] = "test"
    n_images: int | None = None
    smoothgrad: SmoothGradSpec | None = field(default_factory=lambda: SmoothGradSpec(n_samples=25))
    target: Literal["own", "label"] = "own"
    cells: int = COMPARISON_CELLS
    ceiling: CeilingSpec = field(default_factory=lambda: CeilingSpec(over_participants=True))
    n_resamples: int = 10_000
    n_iterations: int = MIN_ITERATIONS
    n_partners: int = N_PARTNERS
    seed: int = 0
    block_images: int = 20
    human_map: str | None = None
    over: Literal["images", "categories"] = field(default="images", metadata=_unless("over", "images"))
    photograph: str = field(default="card", metadata=_unless("photograph", "card"))
    reduction: Reduction = field(default="absolute", metadata=_unless("reduction", "absolute"))
    map_smoothing: str = field(default="none", metadata=_unless("map_smoothing", "none"))
    human_smoothing: str | None = field(default=None, metadata=_unless("human_smoothing", None))
    resizing: str = field(default="area", metadata=_unless("resizing", "area"))
    protocol: str | None = field(default=None, metadata=_unless("protocol", None))
    resolutions: tuple[int, ...] = field(default=(), metadata=_unless("resolutions", ()))

    def __post_init__(self) -> None:
        for registry, name in (
            (CUTS, self.photograph),
            (REDUCTIONS, self.reduction),
            (SCALED, self.map_smoothing),
            (RESIZINGS, self.resizing),
            (SMOOTHINGS, self.human_smoothing or "none"),
        ):
            registry[name]
        if any(cells < 1 for cells in self.resolutions) or len(set(self.resolutions)) < len(self.resolutions):
            raise ValueError(f"resolutions are numbers of cells from 1 on, each once; got {self.resolutions}.")
        if self.resolutions and self.smoothgrad is None:
            raise ValueError(
                "resolutions are those at which SmoothGrad or the gradient is compared, which is left out here: an "
                "attention norm has its layer's own grid. Leave out resolutions, or take maps of the input."
            )
        for name in ("cells", "n_partners", "block_images"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is at least 1; got {getattr(self, name)}.")
        if self.n_images is not None and self.n_images < 1:
            raise ValueError(f"n_images is at least 1, or None for all; got {self.n_images}.")
        if self.over not in ("images", "categories"):
            raise ValueError(f"over is 'images' or 'categories'; got {self.over!r}.")
        if self.n_resamples < 100:
            raise ValueError(f"n_resamples is at least 100; got {self.n_resamples}.")
        if self.n_iterations < MIN_ITERATIONS:
            raise ValueError(
                f"n_iterations is at least {MIN_ITERATIONS}, so that p is steady; got {self.n_iterations}."
            )
