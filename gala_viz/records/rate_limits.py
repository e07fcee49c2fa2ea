"""How often somebody may do something: buckets that fill at a rate, one for each name."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class RateLimits:
    """Most messages a second of one connection, rounds a minute of one participant, and, of one network address, new
    participants an hour and connections at a time.
    """

    messages_per_s: float = 40.0
    rounds_per_min: float = 30.0
    participants_per_hour: float = 60.0
    connections: int = 64


class TokenBuckets:
    """Bounded memory of who did how much: each name may do ``burst`` at once, and ``rate_per_s`` more each second."""

    def __init__(
        self, rate_per_s: float, burst: float, *, max_names: int = 10_000, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rate, self._burst, self._most, self._clock = rate_per_s, burst, max_names, clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, name: str) -> bool:
        """Whether ``name`` may do it once more now."""
        now = self._clock()
        left, then = self._left.pop(name, (self._burst, now))
        left = min(self._burst, left + (now - then) * self._rate)
        allowed = left >= 1.0
        self._left[name] = (left - 1.0 if allowed else left, now)
        while len(self._left) > self._most:
            self._left.popitem(last=False)
        return allowed

    def give_back(self, name: str) -> None:
        """What ``name`` took last was not used."""
        if name in self._left:
            left, then = self._left[name]
            self._left[name] = (min(self._burst, left + 1.0), then)
