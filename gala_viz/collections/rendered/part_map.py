"""The part map of a rendered image: parts by name, and regions that matter or do not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gala_viz.collections.rendered.categories import CLUTTER, OCCLUDER

REGIONS = ("diagnostic", "body", "clutter", "background")


@dataclass(frozen=True, slots=True)
class PartMap:
    """The part that each pixel of a rendered image shows.

    ``ids`` (y, x), uint8, are part ids, 0 for the background. ``names`` gives each part of the object its id,
    ``diagnostic`` are the parts that tell it apart.
    """

    ids: NDArray[np.uint8]
    names: Mapping[str, int]
    diagnostic: tuple[str, ...]

    def mask(self, *names: str) -> NDArray[np.bool_]:
        """Return where one of the parts ``names`` is visible, (y, x)."""
        return np.isin(self.ids, [self.names[name] for name in names])

    def regions(self) -> dict[str, NDArray[np.bool_]]:
        """Return masks (y, x) that together cover the image once, by the names in ``REGIONS``.

        They are the object's diagnostic parts, its other parts, clutter with what stands in front, and the rest.
        """
        diagnostic = self.mask(*self.diagnostic)
        body = self.mask(*(name for name in self.names if name not in self.diagnostic))
        clutter = np.isin(self.ids, [CLUTTER, OCCLUDER])
        return dict(zip(REGIONS, (diagnostic, body, clutter, ~(diagnostic | body | clutter)), strict=True))
