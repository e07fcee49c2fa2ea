"""Progress of a loop over images: by a progress callback, or by a progress bar in a notebook or a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

ProgressCallback = Callable[[int, int], None]
"""Called with how many are done, and of how many."""


@contextmanager
def progress_bar(
    progress: ProgressCallback | bool | None, description: str, unit: str = "image"
) -> Iterator[ProgressCallback]:
    """Yield the progress callback that a loop calls after each step.

    It is ``progress`` itself; for True a bar called ``description``, which counts in ``unit``; for None and False a
    callback that does nothing. The bar is a widget in a notebook and a line of standard error in a terminal. It is left
    as it stands when the loop is interrupted.
    """
    if callable(progress):
        yield progress
        return
    if not progress:
        yield lambda done, total: None
        return
    from tqdm.auto import tqdm

    with tqdm(desc=description, unit=unit, leave=True) as bar:

        def tell(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield tell
