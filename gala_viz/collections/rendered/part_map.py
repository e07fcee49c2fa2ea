"""What the pixels of a rendered image show: parts by name, and the regions that matter and that do not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gala_viz.collections.rendered.categories import CLUTTER, OCCLUDER

REGIONS = ("diagnostic", "body", "clutter", "background")


@dataclass(frozen=True, slots=True)
class PartMap:
    """Part ids (y, x), uint8; ``names`` gives the object's parts by id, ``diagnostic`` those that tell it apart."""

    ids: NDArray[np.uint8]
    names: Mapping[str, int]
    diagnostic: tuple[str, ...]

    def mask(self, *names: str) -> NDArray[np.bool_]:
        """Where one of the parts ``names`` is seen."""
        return np.isin(self.ids, [self.names[name] for name in names])

    def regions(self) -> dict[str, NDArray[np.bool_]]:
        """Masks that cover the image once: the object's diagnostic parts, its other parts, clutter and what stands in
        front, and the rest.
        """
        diagnostic = self.mask(*self.diagnostic)
        body = self.mask(*(name for name in self.names if name not in self.diagnostic))
        clutter = np.isin(self.ids, [CLUTTER, OCCLUDER])
        return dict(zip(REGIONS, (diagnostic, body, clutter, ~(diagnostic | body | clutter)), strict=True))
