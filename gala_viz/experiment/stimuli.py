"""Stimuli of an experiment, rendered from its spec on request: the same pixels every time."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gala_viz.collections import open_collection
from gala_viz.collections.collection import Collection
from gala_viz.collections.fills import image_seed
from gala_viz.experiment.experiment_spec import ExperimentSpec, Level
from gala_viz.experiment.importance import importance_source
from gala_viz.experiment.revelation import FULL, count_important, fill_image, revelation_mask, revelation_order
from gala_viz.records.canvas import crop_to_canvas

CACHE_SIZE = 64
"""Number of images whose frames and growth are cached."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RevealedPercent:
    """What a stimulus shows, in per cent.

    ``important`` is the number of revealed pixels in per cent of the number of important ones, whichever pixels these
    are; ``all_pixels`` is of all pixels. ``important_shown`` is how many of the important pixels themselves are
    revealed.
    """

    important: float
    all_pixels: float
    important_shown: float


class Stimuli:
    """Stimuli of ``spec`` on ``collection``; all methods may be called from any thread.

    Raises ``ValueError`` where the collection is not the one that the spec was made with.
    """

    def __init__(self, spec: ExperimentSpec, collection: Collection) -> None:
        if collection.fingerprint != spec.collection:
            raise ValueError(
                f"{collection.name} has changed since the experiment was prepared: its fingerprint was "
                f"{spec.collection} and is {collection.fingerprint}. Prepare a new experiment."
            )
        self.spec, self.collection = spec, collection
        self._sources = {
            name: importance_source(source, collection, spec.side_px) for name, source in spec.maps.items()
        }
        self._frame = lru_cache(CACHE_SIZE)(self._frame_of)
        self._growth = lru_cache(CACHE_SIZE * len(spec.maps))(self._growth_of)

    def render(self, image: str, map_type: str, level: Level) -> NDArray[np.uint8]:
        """Render a stimulus, RGB uint8 (y, x, 3): the image where ``level`` reveals it, the fill elsewhere."""
        photo, hidden = self._frame(image)
        if level == FULL:
            return photo
        return np.where(self.revealed_mask(image, map_type, level)[..., None], photo, hidden)

    def render_png(self, image: str, map_type: str, level: Level) -> bytes:
        """Render a stimulus as a PNG file."""
        stream = io.BytesIO()
        Image.fromarray(self.render(image, map_type, level)).save(stream, "PNG", compress_level=1)
        return stream.getvalue()

    def revealed_mask(self, image: str, map_type: str, level: Level) -> NDArray[np.bool_]:
        """Return the pixels, bool (y, x), that ``level`` reveals."""
        side = self.spec.side_px
        if level == FULL:
            return np.ones((side, side), dtype=bool)
        return revelation_mask(self._growth(image, map_type)[0], (side, side), float(level))

    def revealed_percent(self, image: str, map_type: str, level: Level) -> RevealedPercent:
        """Return how much of the image ``level`` reveals."""
        if level == FULL:
            return RevealedPercent(important=100.0, all_pixels=100.0, important_shown=100.0)
        order, n_important = self._growth(image, map_type)
        n_revealed = int(self.revealed_mask(image, map_type, level).sum())
        return RevealedPercent(
            important=100 * n_revealed / len(order),
            all_pixels=100 * n_revealed / self.spec.side_px**2,
            important_shown=100 * float(n_important[n_revealed - 1]) / len(order),
        )

    def _frame_of(self, image: str) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        photo = crop_to_canvas(self.collection.photo(image), self.spec.side_px)
        return photo, fill_image(photo, self.spec.revelation, image_seed(image))

    def _growth_of(self, image: str, map_type: str) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Return the order of pixels, and how many important ones are among the first of them."""
        importance = self._sources[map_type](image)
        if importance is None:
            raise ValueError(f"{image}: {self.spec.maps[map_type]} knows nothing of this image.")
        order = revelation_order(importance, self.spec.revelation, image_seed(image))
        return order, count_important(importance, order)


def open_stimuli(spec: ExperimentSpec) -> Stimuli:
    """Open the collection that ``spec`` names, and return its stimuli."""
    return Stimuli(spec, open_collection(spec.opened_as))
