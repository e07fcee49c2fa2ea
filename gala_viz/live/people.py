"""Human maps and known parts in the frame of the first network, and how well people agree on an image."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import xarray as xr

from gala_viz.alignment import (
    COMPARISON_CELLS,
    PARTNER_KINDS,
    CeilingSpec,
    image_ceilings,
    mean_rho,
    to_resolution,
)
from gala_viz.collections.collection import Collection
from gala_viz.collections.map_checks import usable_participants
from gala_viz.collections.partner_images import PartnerImages
from gala_viz.live.kept import Results, n_bytes
from gala_viz.networks.preprocessing import Preprocessing
from gala_viz.schema import labelled_map
from gala_viz.specs import fingerprint

CEILING = CeilingSpec()


class People:
    """What people marked, cut like the photograph; kept as far as memory reaches."""

    def __init__(self, collection: Collection, frame: Preprocessing, results: Results) -> None:
        self._collection, self._frame, self._results = collection, frame, results
        self._name = fingerprint("people", collection.name, collection.fingerprint, frame.settings())

    def version(self, image: str) -> int:
        """Changes with people's marks on the image, so that nothing older is shown for them."""
        return self._collection.map_version(image)

    def human_map(self, image: str, kind: str | None = None, participant: str | None = None) -> xr.DataArray | None:
        """The map (y, x) in the frame, in the collection's own unit; None where there is none."""
        key = ("human", self._name, image, self.version(image), kind, participant)
        kept = self._results.recall(key)
        if kept is None:
            found = self._collection.human_map(image, kind, participant)
            if found is None:
                return None
            kept = self._frame.map_to_frame(found)
            self._results.remember(key, kept, n_bytes(kept.values))
        return kept

    def outline(self, image: str) -> xr.DataArray | None:
        """Where the diagnostic parts are, 0 to 1 (y, x) in the frame; None where that is not known."""
        regions = self._collection.regions(image)
        if regions is None:
            return None
        mask = regions["diagnostic"]
        return self._frame.map_to_frame(labelled_map(mask.astype(np.float32), name="outline", extent_px=mask.shape))

    def compared(self, image: str) -> xr.DataArray | None:
        """The default kind's map at the resolution of comparisons (56 x 56 cells of the frame)."""
        return self.on_grid(image, (COMPARISON_CELLS, COMPARISON_CELLS))

    def on_grid(self, image: str, cells: tuple[int, int]) -> xr.DataArray | None:
        """The default kind's map by area averages on another grid of the frame, for example a layer's own."""
        key = ("grid", self._name, image, self.version(image), cells)
        kept = self._results.recall(key)
        if kept is None:
            found = self.human_map(image)
            if found is None:
                return None
            kept = to_resolution(found, cells)
            self._results.remember(key, kept, n_bytes(kept.values))
        return kept

    def ceiling(self, image: str) -> float:
        """Split-half rho of the image's participants at the resolution of comparisons; NaN with fewer than two."""
        key = ("ceiling", self._name, image, self.version(image))
        kept = self._results.recall(key)
        if kept is None:
            kept = self._ceiling(image)
            self._results.remember(key, kept, 100)
        return kept

    def floors(self, image: str, maps: np.ndarray) -> dict[str, np.ndarray]:
        """By kind of partner, the mean rho of ``maps`` (..., y, x) of the image with the human maps of other images.

        ``maps`` lie at the resolution of comparisons; NaN where there are no such images.
        """
        return {kind: self._floor(image, kind, maps) for kind in PARTNER_KINDS}

    @cached_property
    def _partners(self) -> PartnerImages:
        return PartnerImages(self._collection, self._collection.images)

    def _ceiling(self, image: str) -> float:
        if len(self._collection.participants(image)) < CEILING.min_participants:
            return float("nan")
        maps, _ = usable_participants(self._collection, image)
        if maps is None:
            return float("nan")
        framed = to_resolution(self._frame.map_to_frame(maps), COMPARISON_CELLS)
        return image_ceilings([(image, framed)], CEILING).rho.get(image, float("nan"))

    def _floor(self, image: str, kind: str, maps: np.ndarray) -> np.ndarray:
        drawn = self._partners.partners_of(image)[kind]
        others = [one.values for one in map(self.compared, drawn) if one is not None]
        return mean_rho(maps, others)
