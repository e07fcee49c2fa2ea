"""How a pointer moves over the canvas: at most one step at a time towards where it is drawn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from gala_viz.game.game_spec import GameSpec


def pointer_path(waypoints: Sequence[tuple[float, float]], spec: GameSpec) -> Iterator[tuple[float, float]]:
    """Points from the first waypoint (x, y) to the last, none further than ``step_px`` from the one before.

    They stay on the canvas; as many as fit into a round.
    """
    edge = np.nextafter(float(spec.canvas_px), 0.0)
    path = [np.clip(np.asarray(point, float), 0.0, edge) for point in waypoints]
    at, count = path[0], 1
    yield float(at[0]), float(at[1])
    for aim in path[1:]:
        while (distance := float(np.linalg.norm(aim - at))) > 1e-6:
            if count >= spec.max_points:
                return
            at = aim if distance <= spec.step_px else at + (aim - at) * (spec.step_px / distance)
            count += 1
            yield float(at[0]), float(at[1])


def random_pointer_path(spec: GameSpec, rng: np.random.Generator) -> Iterator[tuple[float, float]]:
    """A pointer that wanders over the canvas without looking: for trials of the server's load."""
    waypoints = rng.uniform(0, spec.canvas_px, (40, 2))
    return pointer_path([(float(x), float(y)) for x, y in waypoints], spec)
