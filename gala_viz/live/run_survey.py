"""A pass over many images, with its progress."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

from gala_viz.store.source import Progress

MIN_COMPUTED = 3
"""Computed images, at least, from which the time left is estimated: the first may find half of its results cached."""


def run_survey(
    images: Sequence[str], compute: Callable[[str], bool], cancelled: Callable[[], bool]
) -> Iterator[Progress]:
    """Call ``compute(image)`` for each image and yield the progress, until all are done or ``cancelled()``.

    ``compute`` returns whether it had to compute; the time left is estimated from the images that did.
    """
    begun, n_computed = time.monotonic(), 0
    for done, image in enumerate(images, start=1):
        if cancelled():
            return
        n_computed += bool(compute(image))
        if cancelled():
            return
        seconds = time.monotonic() - begun
        eta_s = seconds / n_computed * (len(images) - done) if n_computed >= MIN_COMPUTED else None
        yield Progress(done=done, total=len(images), seconds=seconds, eta_s=eta_s)
