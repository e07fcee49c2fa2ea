"""How far a long computation is, and about how long it still takes, in lines for a terminal."""

from __future__ import annotations

import time
from collections.abc import Callable


class Progress:
    """Counts finished images of ``total``; tells at most every ``every_s`` seconds, and at the end of each part.

    What was kept from before counts as finished but not as work done, so that the time left is that of the rest.
    """

    def __init__(
        self,
        total: int,
        tell: Callable[[str], None],
        *,
        every_s: float = 5.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._total, self._tell, self._every_s, self._clock = total, tell, every_s, clock
        self._done = self._computed = 0
        self._started = self._told = clock()
        self._part, self._part_total, self._part_done, self._part_kept = "", 0, 0, 0

    def begin(self, part: str, total: int) -> None:
        """Begin a part of ``total`` images, for example one network."""
        self._part, self._part_total, self._part_done, self._part_kept = part, total, 0, 0

    def step(self, images: int) -> None:
        """Count ``images`` more as finished; a negative number tells those that were kept from before."""
        self._done += abs(images)
        self._part_done += abs(images)
        self._computed += max(images, 0)
        self._part_kept += max(-images, 0)
        now = self._clock()
        if self._part_done >= self._part_total or now - self._told >= self._every_s:
            self._told = now
            self._tell(self.line())

    def line(self) -> str:
        """Return a line such as "rendered-gala: 40 of 240 images (20 kept from before), about 3 min left"."""
        kept = f" ({self._part_kept} kept from before)" if self._part_kept else ""
        return f"{self._part}: {self._part_done} of {self._part_total} images{kept}{self._left()}"

    def _left(self) -> str:
        rest = self._total - self._done
        if rest <= 0 or not self._computed:
            return ""
        return f", about {duration(rest * (self._clock() - self._started) / self._computed)} left"


def duration(seconds: float) -> str:
    """Return a length of time in words: "40 s", "3 min", "2 h 10 min"."""
    if seconds < 60:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
