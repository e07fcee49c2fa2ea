"""How much of a map lies on the regions that a collection knows: parts that tell the category, clutter, and so on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

import numpy as np

from gala_viz.alignment import area_average
from gala_viz.deprecated_paths import deprecated_getattr
from gala_viz.networks.frames import Frame
from gala_viz.schema import labelled_map


@runtime_checkable
class HasRegions(Protocol):
    """A collection that can tell which pixel belongs to what."""

    def regions(self, image: str) -> Mapping[str, np.ndarray]:
        """Return which pixels of a photograph are of which region.

        Parameters
        ----------
        image : str
            Id of the image.

        Returns
        -------
        mapping of str to ndarray, (y, x), bool
            Region -> its pixels.
        """
        ...


def region_masks(collection: object, images: Sequence[str], frame: Frame) -> tuple[tuple[str, ...], np.ndarray] | None:
    """Return the regions' names and each pixel's membership (image, region, y, x) in [0, 1], in ``frame``.

    A region that an image lacks has no pixels there; an image of which no regions are known is NaN throughout. None
    where the collection knows no regions.
    """
    if not isinstance(collection, HasRegions):
        return None
    known = [collection.regions(image) or {} for image in images]
    names = tuple(dict.fromkeys(name for regions in known for name in regions))
    if not names:
        return None
    height, width = frame.input_px
    members = np.zeros((len(images), len(names), height, width), np.float32)
    members[[row for row, regions in enumerate(known) if not regions]] = np.nan
    for row, regions in enumerate(known):
        if regions:
            masks = np.stack([np.asarray(mask, np.float32) for mask in regions.values()])
            stacked = labelled_map(masks, name="members", leading={"channel": list(regions)})
            members[row, [names.index(name) for name in regions]] = frame.map_to_frame(stacked).values
    return names, members


def region_shares(maps: np.ndarray, members: np.ndarray) -> np.ndarray:
    """Return the share of each map's sum that lies on each region: (image, region), float64.

    ``maps`` (image, y, x) are not negative; ``members`` (image, region, y, x) may have more, smaller cells, of which
    averages are taken. NaN for a map of zeros. A map without any preference gives each region its share of pixels.
    """
    coarse = area_average(members, maps.shape[-2:]).astype(np.float64)
    maps = maps.astype(np.float64)
    mass = np.einsum("iyx,iryx->ir", maps, coarse)
    total = maps.sum(axis=(1, 2))[:, None]
    return np.divide(mass, total, out=np.full_like(mass, np.nan), where=total > 0)


__getattr__ = deprecated_getattr(__name__)
