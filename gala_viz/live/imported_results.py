"""The results of imported maps for pages: the maps, finished at once, and no answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

import numpy as np

from gala_viz.attribution.map_state import MapState
from gala_viz.attribution.network_identity import NetworkIdentity, network_identity
from gala_viz.engine.result_keys import network_key
from gala_viz.engine.results.forward_result import NO_ANSWER, ForwardResult
from gala_viz.live.network_results import NetworkResults
from gala_viz.networks.maps_network import no_answers_text
from gala_viz.networks.network import Network
from gala_viz.specs import MapRequest
from gala_viz.store.source import Cancelled

NO_TARGET = -1
"""Stands for the category that is explained: it is not known."""


class ImportedResults(NetworkResults):
    """Reads the maps of a network whose ``maps`` were computed elsewhere; nothing is computed or cached.

    An image without a map, as every upload is, raises ``MissingMapError``. Every request gets the same map: its method,
    target and layer are not those of the maps.
    """

    @cached_property
    def _prepared(self) -> tuple[NetworkIdentity, str, Network]:
        identity = network_identity(self.network)
        return identity, network_key(self.network, None, self._cache), self.network

    def forward(self, image: str, priority: int, cancelled: Cancelled) -> ForwardResult | None:
        """Return that there is no answer."""
        return NO_ANSWER

    def forward_at_hand(self, image: str) -> ForwardResult | None:
        """Return that there is no answer."""
        return NO_ANSWER

    def view_logits(
        self, image: str, views: Sequence[np.ndarray], priority: int, cancelled: Cancelled
    ) -> np.ndarray | None:
        """Raise ``ValueError``: nothing answers to a changed photograph.

        Parameters
        ----------
        image, views, priority, cancelled
            As in ``NetworkResults.view_logits``.

        Raises
        ------
        ValueError
            Always.
        """
        raise ValueError(no_answers_text(self.network.title))

    def target(self, image: str, request: MapRequest, result: ForwardResult, label: int | None) -> int:
        """Return ``NO_TARGET``.

        Parameters
        ----------
        image, request, result, label
            As in ``NetworkResults.target``.

        Returns
        -------
        int
            The category that is explained is not known.
        """
        return NO_TARGET

    def explained_layer(self, request: MapRequest) -> str:
        """Return "": the layer is not known."""
        return ""

    def cam_layers(self) -> tuple[str, ...]:
        """Return no layer."""
        return ()

    def finished_map(self, image: str, request: MapRequest, target: int) -> MapState | None:
        """Return the map of an image; None where there is none."""
        maps = self.network.maps
        assert maps is not None, "it has maps in place of a module"
        return self._state(image) if image in maps else None

    def n_begun(self, image: str, request: MapRequest, target: int) -> int:
        """Return 0."""
        return 0

    def map_states(
        self, image: str, request: MapRequest, target: int, priority: int, cancelled: Cancelled
    ) -> Iterator[MapState]:
        """Yield the map of an image, which is done; raise ``MissingMapError`` where there is none.

        Parameters
        ----------
        image, request, target, priority, cancelled
            As in ``NetworkResults.map_states``.

        Yields
        ------
        MapState
            Done.
        """
        yield self._state(image)

    def _state(self, image: str) -> MapState:
        maps = self.network.maps
        assert maps is not None, "it has maps in place of a module"
        return MapState(maps.map(image)[None], 1, 1, NO_TARGET, note=maps.short_text())
