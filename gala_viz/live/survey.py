"""A pass over many images, told step by step."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

from gala_viz.store.source import Progress

ENOUGH = 3
"""Computed images, at least, from which the time to go is judged: the first may find half of its answers there."""


def passed_over(
    images: Sequence[str], work: Callable[[str], bool], cancelled: Callable[[], bool]
) -> Iterator[Progress]:
    """Call ``work(image)`` for each image and yield how far the pass is, until all are done or ``cancelled()``.

    ``work`` tells whether it had to compute; the time to go is judged by the images that did.
    """
    begun, computed = time.monotonic(), 0
    for done, image in enumerate(images, start=1):
        if cancelled():
            return
        computed += bool(work(image))
        if cancelled():
            return
        seconds = time.monotonic() - begun
        eta_s = seconds / computed * (len(images) - done) if computed >= ENOUGH else None
        yield Progress(done=done, total=len(images), seconds=seconds, eta_s=eta_s)
