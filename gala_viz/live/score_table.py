"""Scores of all images as columns, filled as they become known and kept between sessions and starts."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence

import numpy as np

from gala_viz.cache import ArrayCache

SAVE_EVERY_S = 10.0


class ScoreTable:
    """Float32 columns over the images of a collection, NaN where nothing is known; one file under ``key``.

    ``columns`` names each column's leading shape, for example ``{"rho": (2,), "ceiling": ()}``.
    """

    def __init__(
        self, key: str, images: Sequence[str], columns: Mapping[str, tuple[int, ...]], cache: ArrayCache
    ) -> None:
        self._key, self._cache = f"scores {key}", cache
        self._places = {image: place for place, image in enumerate(images)}
        self._lock = threading.Lock()
        self._saved, self._changed = time.monotonic(), False
        shapes = {name: (*shape, len(images)) for name, shape in columns.items()}
        stored = cache.read(self._key) or {}
        self._columns = {
            name: stored[name].astype(np.float32)
            if name in stored and stored[name].shape == shape
            else np.full(shape, np.nan, np.float32)
            for name, shape in shapes.items()
        }
        known = stored.get("known")
        versions = stored.get("versions", np.zeros(len(images), np.uint64))
        usable = known is not None and known.shape == versions.shape == (len(images),) and set(shapes) <= set(stored)
        self._known = known.astype(bool) if usable else np.zeros(len(images), bool)
        self._versions = versions.astype(np.uint64) if usable else np.zeros(len(images), np.uint64)

    def known(self, image: str, version: int = 0) -> bool:
        """Return whether the image has been entered, with this version of its human map.

        Images outside the collection never are.
        """
        place = self._places.get(image)
        return place is not None and bool(self._known[place]) and int(self._versions[place]) == version

    def enter(self, image: str, values: Mapping[str, object], version: int = 0) -> None:
        """Note the values of one image, of each column's leading shape; saved to disk from time to time."""
        place = self._places.get(image)
        if place is None:
            return
        with self._lock:
            for name, value in values.items():
                self._columns[name][..., place] = value
            self._known[place] = self._changed = True
            self._versions[place] = version
            due = time.monotonic() - self._saved > SAVE_EVERY_S
        if due:
            self.save()

    def fill(self, images: Sequence[str], values: Mapping[str, np.ndarray]) -> None:
        """Enter values (..., image) of ``images`` that are not known; they are not written to the file.

        Their human maps are of version 0: those that never change.
        """
        with self._lock:
            rows = [(at, self._places[image]) for at, image in enumerate(images) if image in self._places]
            rows = [(at, place) for at, place in rows if not self._known[place]]
            if not rows:
                return
            taken, places = (list(one) for one in zip(*rows, strict=True))
            for name, column in values.items():
                self._columns[name][..., places] = np.asarray(column, np.float32)[..., taken]
            self._known[places] = True
            self._versions[places] = 0

    def save(self) -> None:
        """Write the table to the user's cache, if it has changed."""
        with self._lock:
            if not self._changed:
                return
            arrays = {"known": self._known.copy(), "versions": self._versions.copy()}
            arrays |= {name: values.copy() for name, values in self._columns.items()}
            self._saved, self._changed = time.monotonic(), False
        self._cache.write(self._key, arrays)

    def columns(self) -> dict[str, np.ndarray]:
        """Return copies of all columns, (..., image)."""
        with self._lock:
            return {name: values.copy() for name, values in self._columns.items()}
