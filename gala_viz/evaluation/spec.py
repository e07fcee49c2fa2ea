"""Frozen settings of an evaluation."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from gala_viz.alignment import COMPARISON_CELLS, N_PARTNERS, CeilingSpec
from gala_viz.alignment.significance import MIN_ITERATIONS
from gala_viz.specs import SmoothGradSpec


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
    over: Literal["images", "categories"] = "images"

    def __post_init__(self) -> None:
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
