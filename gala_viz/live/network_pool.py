"""Networks by name, loaded when they are first needed, in a budget of memory that they share."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from weakref import WeakValueDictionary

from gala_viz.attribution.network_identity import weights_sha256
from gala_viz.live.network_results import NetworkResults
from gala_viz.networks.network import Network
from gala_viz.registry import UnknownNameError, unknown_name

NETWORK_BYTES = 4 * 2**30
"""Bytes of weights, at most, that are kept of networks that no page shows."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class LazyNetwork:
    """A network that is loaded when it is first needed.

    Parameters
    ----------
    name : str
        The name of the network that ``load`` returns.
    title : str
        What pages call it before it is loaded.
    load : callable
        Returns it.
    opened_as : str
        Name or folder by which a command loads it.
    """

    name: str
    title: str
    load: Callable[[], Network]
    opened_as: str = ""


class NetworkPool:
    """The results of networks by name.

    A network that was given loaded stays. Of those that are loaded here, the longest unused are let go when together
    they take more than ``max_bytes``; a page that shows one holds it until it shows another.

    Parameters
    ----------
    networks : sequence of Network or LazyNetwork
        Of different names; the same network may be given twice.
    start : callable
        Makes the results of a loaded network.
    max_bytes : int
        The budget.

    Raises
    ------
    ValueError
        Two different networks have one name.
    """

    def __init__(
        self,
        networks: Sequence[Network | LazyNetwork],
        start: Callable[[Network], NetworkResults],
        max_bytes: int = NETWORK_BYTES,
    ) -> None:
        self._start, self._max_bytes = start, max_bytes
        self._networks: dict[str, Network | LazyNetwork] = {}
        for network in networks:
            known = self._networks.setdefault(network.name, network)
            if known is not network and not _same(known, network):
                raise ValueError(f"two networks are called {network.name!r}; give one of them another name.")
        self._lock = threading.Lock()
        self._loading = {name: threading.Lock() for name in self._networks}
        self._recent: OrderedDict[str, NetworkResults] = OrderedDict()
        self._alive: WeakValueDictionary[str, NetworkResults] = WeakValueDictionary()
        self.titles = {name: network.title for name, network in self._networks.items()}
        self.opened_as = {name: network.opened_as for name, network in self._networks.items()}

    def results(self, name: str) -> NetworkResults:
        """Return the results of a network, which is loaded now if need be.

        Raises ``UnknownNameError``, with the nearest, for another name, and what loading raises.
        """
        if name not in self._networks:
            raise UnknownNameError(unknown_name("network of this page", name, list(self._networks)))
        with self._loading[name]:  # one network is loaded once; others, and pages that ask for none, do not wait
            with self._lock:
                results = self._alive.get(name)
            if results is None:
                network = self._networks[name]
                results = self._start(network.load() if isinstance(network, LazyNetwork) else network)
            with self._lock:
                self._alive[name] = results
                self.titles[name] = results.network.title
                self._recent[name] = results
                self._recent.move_to_end(name)
                self._let_go(name)
            return results

    def loaded(self) -> dict[str, NetworkResults]:
        """Return the results of the networks that are loaded, by name, in the order of all networks."""
        with self._lock:
            return {name: self._alive[name] for name in self._networks if name in self._alive}

    def _let_go(self, asked: str) -> None:
        lazy = [name for name in self._recent if isinstance(self._networks[name], LazyNetwork)]
        total_bytes = sum(_n_bytes(self._recent[name].network) for name in lazy)
        for name in lazy:
            if total_bytes <= self._max_bytes or name == asked:
                break
            total_bytes -= _n_bytes(self._recent.pop(name).network)


def _same(known: Network | LazyNetwork, other: Network | LazyNetwork) -> bool:
    if isinstance(known, LazyNetwork) or isinstance(other, LazyNetwork):
        return isinstance(known, LazyNetwork) and isinstance(other, LazyNetwork)  # one name, as it was given twice
    return weights_sha256(known) == weights_sha256(other)


def _n_bytes(network: Network) -> int:
    """Return the bytes of the network's weights, twice: batch norms are fused in a copy."""
    values = (*network.module.parameters(), *network.module.buffers())
    return 2 * sum(value.numel() * value.element_size() for value in values)
