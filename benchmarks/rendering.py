"""How fast the collection ``rendered`` is made: ``python benchmarks/rendering.py``.

Images a second on one core, compiled code loaded; then a new user's first opening: compiling, 240 test images in as
many processes as there are cores, and their simulated maps.
"""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPEATS, IMAGES = 5, 48
FIRST = """
import time
start = time.perf_counter()
from gala_viz.collections.rendered.rendered_collection import RenderedCollection
if __name__ == "__main__":
    collection = RenderedCollection(counts={"test": 20})
    opened = time.perf_counter()
    collection.prepare(("test",))
    made = time.perf_counter()
    for image in collection.images:
        collection.human_map(image)
    print(opened - start, made - opened, time.perf_counter() - made)
"""


def per_second() -> float:
    """Images a second on this core, PNG files not counted: the median of five rounds."""
    from gala_viz.collections.rendered.categories import CATEGORIES
    from gala_viz.collections.rendered.render_image import render_image
    from gala_viz.collections.rendered.rendering_spec import RenderingSpec

    spec, rounds = RenderingSpec(), []
    for number in range(REPEATS + 1):
        start = time.perf_counter()
        for image in range(IMAGES):
            render_image(spec, "train", CATEGORIES[image % 12], number * IMAGES + image)
        rounds.append(IMAGES / (time.perf_counter() - start))
    return statistics.median(rounds[1:])


def first_time() -> list[float]:
    """Seconds to open, make 240 test images, and make their maps, in an empty cache with nothing compiled."""
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "first.py"
        program.write_text(FIRST)
        places = {"GALA_VIZ_CACHE": folder, "NUMBA_CACHE_DIR": str(Path(folder) / "compiled")}
        done = subprocess.run(
            [sys.executable, str(program)], env={**os.environ, **places}, capture_output=True, text=True, check=True
        )
    return [float(word) for word in done.stdout.split()]


def main() -> None:
    """Measure and print."""
    print(f"{platform.machine()}, {os.cpu_count()} cores")
    print(f"images of 128 px a second on one core        {per_second():6.1f}")
    opened, made, mapped = first_time()
    print(f"open, nothing made, nothing compiled         {opened:6.1f} s")
    print(f"240 test images, compiling included          {made:6.1f} s")
    print(f"simulated maps of the 240                    {mapped:6.1f} s")


if __name__ == "__main__":
    main()
