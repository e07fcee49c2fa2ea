"""Rate limits: token buckets that fill at a rate, one for each name; whose address an address is."""

from __future__ import annotations

import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from gala_viz.specs import check_finite


@dataclass(frozen=True, kw_only=True, slots=True)
class RateLimits:
    """Limits on what participants may do.

    Parameters
    ----------
    messages_per_s : float
        Messages of one participant a second.
    rounds_per_min : float
        Rounds of one participant a minute.
    participants_per_hour : float
        New participants from one address an hour, of IPv6 from one network (``client_network``).
    connections : int
        Connections from one address at a time, of IPv6 from one network.
    """

    messages_per_s: float = 40.0
    rounds_per_min: float = 30.0
    participants_per_hour: float = 60.0
    connections: int = 64

    def __post_init__(self) -> None:
        check_finite(self)
        if min(self.messages_per_s, self.rounds_per_min, self.participants_per_hour, self.connections) <= 0:
            raise ValueError(f"limits are above 0; got {self}.")


class TokenBuckets:
    """Token buckets by name: each name may act ``burst`` times at once, and ``rate_per_s`` times more each second.

    At most ``max_names`` are remembered; those that acted least recently are dropped, and start with a full bucket.
    """

    def __init__(
        self, rate_per_s: float, burst: float, *, max_names: int = 10_000, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rate, self._burst, self._most, self._clock = rate_per_s, burst, max_names, clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, name: str) -> bool:
        """Take a token of ``name``; return whether there was one, that is, whether ``name`` may act now."""
        now = self._clock()
        left, then = self._left.pop(name, (self._burst, now))
        left = min(self._burst, left + (now - then) * self._rate)
        allowed = left >= 1.0
        self._left[name] = (left - 1.0 if allowed else left, now)
        while len(self._left) > self._most:
            self._left.popitem(last=False)
        return allowed

    def give_back(self, name: str) -> None:
        """Give the last token back to ``name``, which did not use it."""
        if name in self._left:
            left, then = self._left[name]
            self._left[name] = (min(self._burst, left + 1.0), then)


def client_network(address: str) -> str:
    """Return ``address``, of IPv6 the network of 2^64 addresses that one host has for itself.

    Limits by address count what comes from a network, else one host would have as many tries as it has addresses.
    """
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if ip.version == 4:
        return str(ip)
    return str(ip.ipv4_mapped or ipaddress.ip_network((int(ip), 64), strict=False))
