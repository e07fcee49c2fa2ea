"""Other images whose human maps say what chance reaches: the floor of a network's likeness to people."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gala_viz.alignment import to_resolution
from gala_viz.alignment.halves import image_generator
from gala_viz.collections.collection import Collection
from gala_viz.networks.preprocessing import Preprocessing

N_PARTNERS, SEED = 3, 0


class Partners:
    """Draws for every image ``N_PARTNERS`` others of its category and as many of different ones, by its id alone."""

    def __init__(self, collection: Collection, images: Sequence[str]) -> None:
        self._collection = collection
        self._marked = np.array([image for image in images if collection.has_human_map(image)], dtype=object)
        labels = [collection.category(image) for image in self._marked]
        known = {label: number for number, label in enumerate(dict.fromkeys(labels))}
        self._codes = np.array([known[label] for label in labels], dtype=np.int64)
        self._known = known

    def of(self, image: str) -> dict[str, list[str]]:
        """ "same" and "different" -> the partners' ids; fewer where there are not so many."""
        label = self._collection.category(image)
        alike = self._codes == (-1 if label is None else self._known.get(label, -1))
        others = self._marked != image
        generator = image_generator(SEED, image)
        return {
            kind: [str(one) for one in generator.permutation(self._marked[wanted & others])[:N_PARTNERS]]
            for kind, wanted in (("same", alike), ("different", ~alike))
        }

    def maps_for(self, image: str, frame: Preprocessing, cells: int) -> dict[str, np.ndarray]:
        """ "same" and "different" -> the partners' human maps (partner, y, x) in ``frame``."""
        found = {}
        for kind, partners in self.of(image).items():
            maps = [self._collection.human_map(partner) for partner in partners]
            framed = [to_resolution(frame.map_to_frame(one), cells).values for one in maps if one is not None]
            found[kind] = np.stack(framed) if framed else np.empty((0, cells, cells))
        return found
