"""Simulated participants of the rendered collection as players of the game.

They recognise the object by its picture, since the server sends a player no more. Nothing that they paint was measured
on people.
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
"""Largest mean difference, in pixel values of 0..255, of two thumbnails of one picture: JPEG changes it by less."""


class SimulatedPlayers:
    """Simulated players who know the objects of ``images``, and how each simulated participant paints them."""

    def __init__(self, collection: RenderedCollection, images: Sequence[str]) -> None:
        self._collection, self._images = collection, list(images)
        self._glances = np.stack([_glance(collection.photo(image)) for image in self._images])

    def recognise_image(self, canvas: NDArray[np.uint8]) -> str | None:
        """Return the image that ``canvas`` (y, x, 3) shows; None where it is none of theirs, as in a catch trial."""
        distances = np.abs(self._glances - _glance(canvas)).mean(axis=(1, 2, 3))
        nearest = int(distances.argmin())
        return self._images[nearest] if distances[nearest] < MAX_THUMBNAIL_DIFFERENCE else None

    def choose_points(self, presented: PresentedRound, spec: GameSpec, number: int) -> Iterator[tuple[float, float]]:
        """Return the path of participant ``number`` on the canvas; a random one where the image is not recognised."""
        image = self.recognise_image(presented.canvas)
        if image is None:
            return random_pointer_path(spec, np.random.default_rng(number))
        here = self._collection
        parts = here.part_map(image).ids
        clicks = simulate_clicks(parts, here.category(image), image, here.participant_spec, here.spec.seed)
        people = np.unique(clicks.participant)
        own = clicks.participant == people[number % len(people)]
        scale = spec.canvas_px / parts.shape[0]
        return pointer_path(list(zip(clicks.x_px[own] * scale, clicks.y_px[own] * scale, strict=True)), spec)


def _glance(photo: NDArray[np.uint8]) -> NDArray[np.float64]:
    square = crop_to_canvas(photo, 64)
    return area_average(square.transpose(2, 0, 1).astype(np.float64), THUMBNAIL_CELLS)
