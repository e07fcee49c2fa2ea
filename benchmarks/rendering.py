"""How fast the collection ``rendered`` is made: ``python benchmarks/rendering.py``.

Images a second on one core, compiled code loaded; then a new user's first opening: compiling, test images in as
many processes as there are cores, and their simulated maps.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPEATS = 5
FIRST = """
import sys, time
start = time.perf_counter()
from gala_viz.collections.rendered.rendered_collection import RenderedCollection
if __name__ == "__main__":
    collection = RenderedCollection(counts={"test": int(sys.argv[1])})
    opened = time.perf_counter()
    collection.prepare(("test",))
    made = time.perf_counter()
    for image in collection.images:
        collection.human_map(image)
    print(opened - start, made - opened, time.perf_counter() - made)
"""


def per_second(images: int) -> float:
    """Images a second on this core, PNG files not counted: the median of five rounds."""
    from gala_viz.collections.rendered.categories import CATEGORIES
    from gala_viz.collections.rendered.render_image import render_image
    from gala_viz.collections.rendered.rendering_spec import RenderingSpec

    spec, rounds = RenderingSpec(), []
    for number in range(REPEATS + 1):
        start = time.perf_counter()
        for image in range(images):
            render_image(spec, "train", CATEGORIES[image % 12], number * images + image)
        rounds.append(images / (time.perf_counter() - start))
    return statistics.median(rounds[1:])


def first_time(per_category: int) -> list[float]:
    """Seconds to open, make the test images, and make their maps, in an empty cache with nothing compiled."""
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "first.py"
        program.write_text(FIRST)
        places = {"GALA_VIZ_CACHE": folder, "NUMBA_CACHE_DIR": str(Path(folder) / "compiled")}
        command = [sys.executable, str(program), str(per_category)]
        done = subprocess.run(command, env={**os.environ, **places}, capture_output=True, text=True, check=True)
    return [float(word) for word in done.stdout.split()]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--images", type=int, default=48, help="images of each of five rounds on one core")
    parser.add_argument("--per-category", type=int, default=20, help="test images of each of twelve categories")
    arguments = parser.parse_args()
    count = 12 * arguments.per_category
    print(f"{platform.machine()}, {os.cpu_count()} cores")
    print(f"images of 128 px a second on one core        {per_second(arguments.images):6.1f}")
    opened, made, mapped = first_time(arguments.per_category)
    print(f"open, nothing made, nothing compiled         {opened:6.1f} s")
    print(f"{count} test images, compiling included          {made:6.1f} s")
    print(f"simulated maps of the {count}                    {mapped:6.1f} s")


if __name__ == "__main__":
    main()
