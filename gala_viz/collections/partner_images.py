"""Partner images: other images whose human maps give the shuffled-image baseline."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gala_viz.alignment import PARTNER_KINDS
from gala_viz.alignment.split_half import rng_for_image
from gala_viz.collections.collection import Collection

N_PARTNERS, SEED = 3, 0


class PartnerImages:
    """Draws ``N_PARTNERS`` images of the same category and as many of different ones, by an image's id alone.

    They are drawn among those of ``images`` that have human maps.
    """

    def __init__(self, collection: Collection, images: Sequence[str]) -> None:
        self._collection = collection
        self._marked = np.array([image for image in images if collection.has_human_map(image)], dtype=object)
        labels = [collection.category(image) for image in self._marked]
        self._known = {label: number for number, label in enumerate(dict.fromkeys(labels))}
        self._codes = np.array([self._known[label] for label in labels], dtype=np.int64)

    def partners_of(self, image: str) -> dict[str, list[str]]:
        """Return the ids of an image's partners by kind ("same", "different"); fewer where there are not so many."""
        label = self._collection.category(image)
        alike = self._codes == (-1 if label is None else self._known.get(label, -1))
        others = self._marked != image
        rng = rng_for_image(SEED, image)
        return {
            kind: [str(one) for one in rng.permutation(self._marked[same_kind & others])[:N_PARTNERS]]
            for kind, same_kind in zip(PARTNER_KINDS, (alike, ~alike), strict=True)
        }
