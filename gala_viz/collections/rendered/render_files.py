"""Rendered images as files: one, or many in several processes."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from PIL import Image

from gala_viz.cache import write_atomically
from gala_viz.collections.rendered.rendering_spec import RenderingSpec

PHOTO, PARTS = ".png", ".parts.png"
"""Endings of an image's two files."""
MIN_IMAGES_PER_PROCESS = 24
"""Fewer images than this for each process are not worth starting it."""
RenderJob = tuple[RenderingSpec, Path, str, tuple[str, str, int]]
"""Settings, folder, image id, and its split, category and number."""


def render_to_files(job: RenderJob) -> None:
    """Render one image and write its two files. Raises ``OSError`` where the folder cannot be written."""
    spec, folder, image, (split, category, number) = job
    rendering = _renderer()(spec, split, category, number)
    for ending, values in ((PARTS, rendering.parts), (PHOTO, rendering.photo)):
        content = io.BytesIO()
        Image.fromarray(values).save(content, format="PNG", compress_level=3)
        if not write_atomically(folder / f"{image}{ending}", content.getvalue()):
            raise OSError(f"{folder} cannot be written; set GALA_VIZ_CACHE to a folder with room for rendered images.")


def render_all_to_files(jobs: Sequence[RenderJob], processes: int | None = None) -> Iterator[None]:
    """Render all images, ``processes`` at a time (None: as many as there are cores); yield after each."""
    processes = min(processes or os.cpu_count() or 1, -(-len(jobs) // MIN_IMAGES_PER_PROCESS))
    if processes <= 1:
        for job in jobs:
            yield render_to_files(job)
        return
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn"), initializer=_renderer) as pool:
        pool.submit(os.getpid)  # the processes start now, in parallel
        # The first image compiles the renderer where that was not done before; the processes then load the result.
        yield render_to_files(jobs[0])
        yield from pool.map(render_to_files, jobs[1:], chunksize=8)


def _renderer() -> Callable[..., Any]:
    """Return ``render_image``, imported when it is needed: its first image compiles it, or loads what was compiled."""
    from gala_viz.collections.rendered.render_image import render_image

    return render_image
