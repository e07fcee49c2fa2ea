"""What networks see of the images of a collection and of uploads: views and inputs, in memory as far as it reaches."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from gala_viz.cache import ArrayCache, n_bytes
from gala_viz.collections.collection import Collection
from gala_viz.collections.fills import fill_photo, image_seed
from gala_viz.live.uploads import Uploads
from gala_viz.networks.preprocessing import Preprocessing
from gala_viz.specs import fingerprint


@dataclass(frozen=True, slots=True, eq=False)
class NetworkInput:
    """One image as networks with one preprocessing see it.

    Parameters
    ----------
    values : ndarray, (3, y, x), float32
        In the input space of the network.
    checksum : str
        Of the values, 32 hex digits.
    photo_px : tuple of int
        Height and width of the photograph.
    """

    values: np.ndarray
    checksum: str
    photo_px: tuple[int, int]


def checksum(values: np.ndarray) -> str:
    """Return the checksum of an input's values, 32 hex digits."""
    return hashlib.sha256(np.ascontiguousarray(values).data).hexdigest()[:32]


class NetworkInputs:
    """Inputs of networks, made of the photographs of ``collection`` and of ``uploads`` when they are first needed."""

    def __init__(self, collection: Collection, uploads: Uploads, cache: ArrayCache) -> None:
        self._collection, self._uploads, self._cache = collection, uploads, cache

    def input(self, frame: Preprocessing, image: str) -> NetworkInput:
        """Return the input of an image; ``UnreadableImageError`` where its photograph cannot be read."""
        key = self._key("input", fingerprint(frame.settings()), image)
        network_input = self._cache.recall(key)
        if network_input is None:
            photo = self.photo(image)
            values = frame.to_input(photo)
            network_input = NetworkInput(values, checksum(values), photo.shape[:2])
            self._cache.remember(key, network_input, n_bytes(values))
        return network_input

    def view(self, frame: Preprocessing, image: str) -> np.ndarray:
        """Return the part of the photograph that an input shows, uint8 (y, x, 3)."""
        key = self._key("view", fingerprint(frame.settings()), image)
        view = self._cache.recall(key)
        if view is None:
            view = frame.resize_and_crop(self.photo(image))
            self._cache.remember(key, view, n_bytes(view))
        return view

    def filled(self, frame: Preprocessing, image: str, fill: str) -> np.ndarray:
        """Return what stands where the view of an image is hidden, uint8 (y, x, 3); a fill is one of ``FILLS``."""
        key = self._key("filled", fingerprint(frame.settings()), image, fill)
        filled = self._cache.recall(key)
        if filled is None:
            filled = fill_photo(self.view(frame, image), fill, image_seed(self.noise_image(image)))
            self._cache.remember(key, filled, n_bytes(filled))
        return filled

    def noise_image(self, image: str) -> str:
        """Return the id by which noise is drawn for an image: a map beside an uploaded photograph changes none."""
        return self._uploads.photograph(image)

    def known_size_px(self, image: str) -> tuple[int, int] | None:
        """Return (height, width) of the photograph where it has been read already; nothing is decoded."""
        return self._cache.recall(self._key("size", self._uploads.photograph(image)))

    def photo(self, image: str) -> np.ndarray:
        """Return the upright photograph, uint8 (y, x, 3)."""
        photo = (self._uploads if image in self._uploads else self._collection).photo(image)
        self._cache.remember(self._key("size", self._uploads.photograph(image)), photo.shape[:2], 200)
        return photo

    def _key(self, *parts: str) -> tuple[str, ...]:
        return self._collection.name, self._collection.fingerprint, *parts
