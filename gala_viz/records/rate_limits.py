"""Rate limits: token buckets that fill at a rate, one for each name."""

from __future__ import annotations

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
        New participants from one network address an hour.
    connections : int
        Connections from one network address at a time.
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
