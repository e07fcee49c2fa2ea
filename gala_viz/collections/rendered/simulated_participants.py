"""Simulated participants: they paint a rendered object as players of ClickMe do, and err as people do.

Nothing here was measured on people. Strokes start on a part chosen by its importance and follow it; every participant
has tastes (parts they like more), an aim that is a little off, and lapses. Their strength is set so that the rank
correlation between halves of the participants is near the published 0.58 (Linsley et al. 2019).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gala_viz.collections.points import Points
from gala_viz.collections.rendered.categories import diagnostic_parts, part_ids
from gala_viz.collections.rendered.rendering_rng import named_rng


@dataclass(frozen=True, kw_only=True, slots=True)
class SimulatedParticipantSpec:
    """How simulated participants click; lengths are shares of the image's side."""

    n_per_image: int = 6
    pool: int = 60
    """How many participants there are; each image is painted by ``n_per_image`` of them."""
    diagnostic_share: float = 0.8
    """Importance of all diagnostic parts together; the head or the cab has half of the rest."""
    taste: float = 0.7
    """Standard deviation of the logarithm of a participant's liking for each part."""
    aim: float = 0.014
    """Standard deviation of a participant's constant offset, along x and y."""
    jitter: float = 0.012
    """Standard deviation of each point about the stroke."""
    step: float = 0.027
    """Distance between points: the game's 7 px at 256."""
    lapse: float = 0.14
    """Share of strokes that go anywhere."""


def simulate_clicks(
    parts: NDArray[np.uint8], category: str, image: str, spec: SimulatedParticipantSpec, seed: int = 0
) -> Points:
    """All simulated participants' points on one image whose ``parts`` (y, x) are known, in its pixels."""
    side = parts.shape[0]
    ids = part_ids(category)
    visible = {name: np.argwhere(parts == number) for name, number in ids.items() if (parts == number).any()}
    chance = named_rng("participants", seed, image)
    chosen = chance.choice(spec.pool, size=spec.n_per_image, replace=False)
    people, points = [], []
    for number in sorted(chosen.tolist()):
        own = named_rng("participant", seed, number)
        aim, liking = (
            own.normal(0, spec.aim * side, 2),
            dict(zip(sorted(ids), own.normal(0, spec.taste, len(ids)), strict=True)),
        )
        weights = np.array(
            [_importance(name, category, len(at), spec) * np.exp(liking[name]) for name, at in visible.items()]
        )
        here = named_rng("round", seed, image, number)
        drawn = np.concatenate(
            [_stroke(list(visible.values()), weights, parts.shape, spec, here) for _ in range(2 + here.poisson(1.2))]
        )
        points.append(drawn + aim)
        people.append(np.full(len(drawn), f"sim{number:02d}"))
    where = np.concatenate(points)
    return Points(participant=np.concatenate(people), x_px=where[:, 1] + 0.5, y_px=where[:, 0] + 0.5)


def _importance(name: str, category: str, n_pixels: int, spec: SimulatedParticipantSpec) -> float:
    """How likely a stroke starts on a part: larger parts more, but less than in proportion."""
    diagnostic = diagnostic_parts(category)
    size = np.sqrt(n_pixels)
    if name in diagnostic:
        return spec.diagnostic_share / len(diagnostic) * size
    rest = 1 - spec.diagnostic_share
    return (rest * 0.5 if name in ("head", "cab") else rest * 0.5 / 3) * size


def _stroke(
    visible: list[NDArray],
    weights: NDArray,
    shape: tuple[int, int],
    spec: SimulatedParticipantSpec,
    chance: np.random.Generator,
) -> NDArray[np.float64]:
    """Points (point, (y, x)) from one place of a part towards another place of it."""
    side = shape[0]
    if chance.random() < spec.lapse or not visible:
        start, end = chance.uniform(0, side, (2, 2))
        end = start + (end - start) * 0.25
    else:
        at = visible[chance.choice(len(visible), p=weights / weights.sum())]
        start, end = at[chance.integers(len(at), size=2)].astype(float)
    count = int(np.clip(np.linalg.norm(end - start) / (spec.step * side), 2, 14)) + 1
    way = np.linspace(0, 1, count)[:, None]
    return start + way * (end - start) + chance.normal(0, spec.jitter * side, (count, 2))
