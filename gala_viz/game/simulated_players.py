"""Simulated participants of the rendered collection as players: they see what a player sees, and paint as they do.

Which object is shown they find by its picture, for a player is told no more. Nothing they paint was measured on people.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from gala_viz.alignment import area_average
from gala_viz.collections.rendered.rendered_collection import RenderedCollection
from gala_viz.collections.rendered.simulated_participants import simulate_clicks
from gala_viz.game.client import PresentedRound
from gala_viz.game.game_spec import GameSpec
from gala_viz.game.pointer_paths import pointer_path, random_pointer_path
from gala_viz.records.canvas import crop_to_canvas

THUMBNAIL_CELLS = (16, 16)
MAX_THUMBNAIL_DIFFERENCE = 6.0
"""Largest mean difference, in pixel units, of two glances at one picture: JPEG changes it by less."""


class SimulatedPlayers:
    """What simulated participants know: the objects of ``images``, and how each of them would paint."""

    def __init__(self, collection: RenderedCollection, images: Sequence[str]) -> None:
        self._collection, self._images = collection, list(images)
        self._glances = np.stack([_glance(collection.photo(image)) for image in self._images])

    def recognise_image(self, canvas: NDArray[np.uint8]) -> str | None:
        """The object that is shown; None where it is none of theirs, as in a catch trial."""
        distances = np.abs(self._glances - _glance(canvas)).mean(axis=(1, 2, 3))
        nearest = int(distances.argmin())
        return self._images[nearest] if distances[nearest] < MAX_THUMBNAIL_DIFFERENCE else None

    def choose_points(self, presented: PresentedRound, spec: GameSpec, number: int) -> Iterator[tuple[float, float]]:
        """Where the ``number``-th participant paints, as a pointer moves; they wander where they know nothing."""
        image = self.recognise_image(presented.canvas)
        if image is None:
            return random_pointer_path(spec, np.random.default_rng(number))
        here = self._collection
        parts = here.part_map(image).ids
        found = simulate_clicks(parts, here.category(image), image, here.participant_spec, here.spec.seed)
        people = np.unique(found.participant)
        own = found.participant == people[number % len(people)]
        scale = spec.canvas_px / parts.shape[0]
        return pointer_path(list(zip(found.x_px[own] * scale, found.y_px[own] * scale, strict=True)), spec)


def _glance(photo: NDArray[np.uint8]) -> NDArray[np.float64]:
    square = crop_to_canvas(photo, 64)
    return area_average(square.transpose(2, 0, 1).astype(np.float64), THUMBNAIL_CELLS)
