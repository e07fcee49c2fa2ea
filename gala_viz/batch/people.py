"""What people marked on a block of images, in one network's frame: read once, brought to every grid that is needed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from gala_viz.alignment import PARTNER_KINDS, CeilingSpec, area_average, image_ceilings, mean_rho, to_resolution
from gala_viz.collections.collection import Collection
from gala_viz.collections.map_checks import any_unread, marked_images, usable_map, usable_participants, why_not_in_frame
from gala_viz.collections.partner_images import PartnerImages
from gala_viz.networks.preprocessing import Preprocessing

CEILING = CeilingSpec()

Measure = Callable[[NDArray, NDArray], NDArray]


class BlockPeople:
    """Human maps of the default kind of those ``images`` that have a usable one, cut like the network's input.

    ``left_out`` says why others are not usable. Raises ``OSError`` where a map cannot be read: a block without it would
    stay so.
    """

    def __init__(
        self, collection: Collection, images: Sequence[str], frame: Preprocessing, partners: PartnerImages, cells: int
    ) -> None:
        self._collection, self._frame, self._cells = collection, frame, (cells, cells)
        self.left_out: dict[str, str] = {}
        framed = {image: self._framed(image) for image in images}
        self.images = [image for image, one in framed.items() if one is not None]
        self._maps = np.stack([framed[image] for image in self.images]) if self.images else None
        self._drawn = {image: partners.partners_of(image) for image in images}
        self._others: dict[str, NDArray] = {}

    def on(self, grid: tuple[int, int]) -> NDArray:
        """The maps (image, y, x) by area averages on another grid of the frame."""
        return area_average(self._maps, grid)

    def alike(self, measure: Measure, maps: NDArray, images: Sequence[str]) -> NDArray:
        """How alike the ``maps`` of ``images`` are to people's, on the maps' own grid: NaN where people marked
        nothing.
        """
        found = np.full(len(images), np.nan)
        known = [row for row, image in enumerate(images) if image in self.images]
        if known:
            others = self.on(maps.shape[1:])[[self.images.index(images[row]) for row in known]]
            found[known] = measure(maps[known], others)
        return found

    def ceilings(self) -> NDArray:
        """Split-half rho of each image's participants at the cells of comparisons; NaN with fewer than two."""
        return np.array([self._ceiling(image) for image in self.images])

    def floors(self, maps: NDArray, images: Sequence[str]) -> dict[str, NDArray]:
        """For each kind of partner the mean rho of each image's map with the human maps of its partners."""
        found = {kind: np.full(len(images), np.nan) for kind in PARTNER_KINDS}
        for row, image in enumerate(images):
            for kind, partners in self._drawn[image].items():
                others = [one for one in map(self._partner, partners) if one is not None]
                found[kind][row] = mean_rho(maps[row], others)
        return found

    def _framed(self, image: str) -> NDArray | None:
        if not marked_images(self._collection, [image]):
            return None
        found, why = usable_map(self._collection, image)
        if any_unread(self._collection, [image]):
            raise OSError(f"the human map of {image}: {why}")
        framed = None if found is None else self._frame.map_to_frame(found).values
        why = why or why_not_in_frame(framed)
        if why:
            self.left_out[image] = why
        return None if why else framed

    def _partner(self, image: str) -> NDArray | None:
        if image not in self._others:
            found = self._framed(image)
            self._others[image] = None if found is None else area_average(found, self._cells)
        return self._others[image]

    def _ceiling(self, image: str) -> float:
        maps, _ = usable_participants(self._collection, image)
        if maps is None or maps.sizes["participant"] < CEILING.min_participants:
            return float("nan")
        framed = to_resolution(self._frame.map_to_frame(maps), self._cells)
        return image_ceilings([(image, framed)], CEILING).rho.get(image, float("nan"))
