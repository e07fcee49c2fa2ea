"""Simulated participants: they paint a rendered object as players of ClickMe do, and err as people do.

Nothing here was measured on people. Strokes start on a part chosen by its importance and follow it; every participant
has tastes (parts they like more), an aim that is a little off, and lapses. Their strength is set so that the rank
correlation between halves of the participants is near the published 0.58 (Linsley et al. 2019).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gala_viz.collections.human_maps.points import Points
from gala_viz.collections.rendered.categories import diagnostic_parts, part_ids
from gala_viz.collections.rendered.rendering_rng import named_rng
from gala_viz.specs import check_finite


@dataclass(frozen=True, kw_only=True, slots=True)
class SimulatedParticipantSpec:
    """How simulated participants paint; lengths are shares of the image's side."""

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

    def __post_init__(self) -> None:
        check_finite(self)


def simulate_clicks(
    parts: NDArray[np.uint8], category: str, image: str, spec: SimulatedParticipantSpec, seed: int = 0
) -> Points:
    """Draw the points of all simulated participants on one image.

    Parameters
    ----------
    parts : array
        Part ids of the image, uint8 (y, x), square.
    category : str
        Category of the object.
    image : str
        Id of the image; with ``seed`` it determines who paints and where.
    spec : SimulatedParticipantSpec
        Settings of the participants.
    seed : int
        Seed of participants and rounds.

    Returns
    -------
    Points
        Positions in pixels of the image, and ids "sim00", "sim01", …
    """
    side = parts.shape[0]
    ids = part_ids(category)
    visible = {name: np.argwhere(parts == number) for name, number in ids.items() if (parts == number).any()}
    rng = named_rng("participants", seed, image)
    chosen = rng.choice(spec.pool, size=spec.n_per_image, replace=False)
    people, points = [], []
    for number in sorted(chosen.tolist()):
        participant_rng = named_rng("participant", seed, number)
        aim, liking = (
            participant_rng.normal(0, spec.aim * side, 2),
            dict(zip(sorted(ids), participant_rng.normal(0, spec.taste, len(ids)), strict=True)),
        )
        weights = np.array(
            [_importance(name, category, len(at), spec) * np.exp(liking[name]) for name, at in visible.items()]
        )
        round_rng = named_rng("round", seed, image, number)
        stroke_points = np.concatenate(
            [
                _stroke(list(visible.values()), weights, parts.shape, spec, round_rng)
                for _ in range(2 + round_rng.poisson(1.2))
            ]
        )
        points.append(stroke_points + aim)
        people.append(np.full(len(stroke_points), f"sim{number:02d}"))
    where = np.concatenate(points)
    return Points(participant=np.concatenate(people), x_px=where[:, 1] + 0.5, y_px=where[:, 0] + 0.5)


def _importance(name: str, category: str, n_pixels: int, spec: SimulatedParticipantSpec) -> float:
    """Return how likely a stroke starts on a part: larger parts more, but less than in proportion."""
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
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Draw points (point, (y, x)) from one place of a part towards another place of it, or anywhere in a lapse."""
    side = shape[0]
    if rng.random() < spec.lapse or not visible:
        start, end = rng.uniform(0, side, (2, 2))
        end = start + (end - start) * 0.25
    else:
        at = visible[rng.choice(len(visible), p=weights / weights.sum())]
        start, end = at[rng.integers(len(at), size=2)].astype(float)
    count = int(np.clip(np.linalg.norm(end - start) / (spec.step * side), 2, 14)) + 1
    way = np.linspace(0, 1, count)[:, None]
    return start + way * (end - start) + rng.normal(0, spec.jitter * side, (count, 2))
