"""Pointer paths over the canvas: at most one step at a time from waypoint to waypoint."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from gala_viz.game.game_spec import GameSpec


def pointer_path(waypoints: Sequence[tuple[float, float]], spec: GameSpec) -> Iterator[tuple[float, float]]:
    """Yield points from the first waypoint (x, y) to the last, none further than ``step_px`` from the one before.

    They stay on the canvas; there are at most as many as fit into a round.
    """
    edge = np.nextafter(float(spec.canvas_px), 0.0)
    path = [np.clip(np.asarray(point, float), 0.0, edge) for point in waypoints]
    position, count = path[0], 1
    yield float(position[0]), float(position[1])
    for aim in path[1:]:
        while (distance := float(np.linalg.norm(aim - position))) > 1e-6:
            if count >= spec.max_points:
                return
            position = aim if distance <= spec.step_px else position + (aim - position) * (spec.step_px / distance)
            count += 1
            yield float(position[0]), float(position[1])


def random_pointer_path(spec: GameSpec, rng: np.random.Generator) -> Iterator[tuple[float, float]]:
    """Return the path of a pointer that moves between random waypoints: for load tests of the server."""
    waypoints = rng.uniform(0, spec.canvas_px, (40, 2))
    return pointer_path([(float(x), float(y)) for x, y in waypoints], spec)
