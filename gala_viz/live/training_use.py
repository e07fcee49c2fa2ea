"""Which images of a collection the networks shown learnt from, as far as their cards tell."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gala_viz.collections.collection import Collection
from gala_viz.networks.network import Network
from gala_viz.networks.training_data import MAX_COMPARED_IMAGES
from gala_viz.splits import LEARNT, UNKNOWN, combine_statuses


class TrainingUse:
    """The cards of ``networks`` compared with all images of ``collection``, once, when it is first needed."""

    def __init__(self, collection: Collection, networks: Sequence[Network]) -> None:
        self._collection, self._networks = collection, tuple(networks)
        self._lock = threading.Lock()
        self._by_network: list[NDArray[np.int8]] | None = None

    def of_all(self) -> NDArray[np.int8]:
        """Return (image,): learnt from by any network, held out by all, or unknown."""
        return combine_statuses(self._statuses())

    def of(self, image: str) -> tuple[int, tuple[str, ...]]:
        """Return the same of one image, and the titles of the networks that learnt from it."""
        at = self._collection.check(image)
        statuses = self._statuses()
        combined = combine_statuses([status[at : at + 1] for status in statuses])
        return int(combined[0]), self._titles([status[at] for status in statuses])

    def of_content(self, content: bytes) -> tuple[int, tuple[str, ...]]:
        """Return the same of a photograph that is not of the collection, by its file's bytes."""
        by = self._titles([LEARNT if one.training_data.contains(content) else UNKNOWN for one in self._networks])
        return (LEARNT if by else UNKNOWN), by

    def _titles(self, status: Sequence[int]) -> tuple[str, ...]:
        return tuple(one.title for one, code in zip(self._networks, status, strict=True) if code == LEARNT)

    def _statuses(self) -> list[NDArray[np.int8]]:
        with self._lock:
            if self._by_network is None:
                self._by_network = [
                    one.training_data.training_status(self._collection, max_compared=MAX_COMPARED_IMAGES)
                    for one in self._networks
                ]
            return self._by_network
