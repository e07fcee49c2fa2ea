"""How long a large folder takes to open: the first time, and again with the index in the user's cache folder.

Run: python benchmarks/open_collection.py [--images 50000] [--repeats 5]. Files are made in a temporary folder, one
folder per category and flat; the aim is a second opening under 2 s for 50,000 images.
"""

from __future__ import annotations

import argparse
import io
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image

OPEN = """
import sys, time
from gala_viz.collections import open_collection
start = time.perf_counter()
collection = open_collection(sys.argv[1])
opened = time.perf_counter() - start
collection.fingerprint
named = time.perf_counter() - start
thumbnail = time.perf_counter()
collection.thumbnail(collection.images[len(collection) // 2])
print(len(collection), opened, named, time.perf_counter() - thumbnail)
"""


def make(folder: Path, n_images: int, n_categories: int) -> None:
    stream = io.BytesIO()
    Image.new("RGB", (8, 8), (90, 120, 60)).save(stream, "PNG")
    past = time.time() - 3600
    for category in range(max(1, n_categories)):
        place = folder / f"category {category:03d}" if n_categories else folder
        place.mkdir(parents=True, exist_ok=True)
        for k in range(category, n_images, max(1, n_categories)):
            (place / f"image {k:06d}.png").write_bytes(stream.getvalue())
        os.utime(place, (past, past))
    os.utime(folder, (past, past))


def opened(folder: Path, cache: Path) -> tuple[int, float, float, float]:
    """A fresh process each time: (images, seconds to open, and to the fingerprint, seconds to a first thumbnail)."""
    environment = {**os.environ, "GALA_VIZ_CACHE": str(cache)}
    run = subprocess.run([sys.executable, "-c", OPEN, str(folder)], env=environment, capture_output=True, check=True)
    count, *seconds = run.stdout.split()
    return int(count), *map(float, seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=50_000)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    print(f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print(f"{options.images} images of 8 x 8 px, median (slowest) of {options.repeats} fresh processes, seconds\n")
    print(f"{'layout':<16}{'opening':<12}{'open':>16}{'with fingerprint':>20}{'one thumbnail':>18}")
    with tempfile.TemporaryDirectory() as temporary:
        for layout, n_categories in (("flat", 0), ("100 categories", 100)):
            folder = Path(temporary) / layout
            make(folder, options.images, n_categories)
            first, again = [], []
            for repeat in range(options.repeats):
                cache = Path(temporary) / f"cache {layout} {repeat}"
                first.append(opened(folder, cache))
                again.append(opened(folder, cache))
            for opening, rows in (("first", first), ("again", again)):
                if any(row[0] != options.images for row in rows):
                    raise RuntimeError(f"{options.images} images were made; {[row[0] for row in rows]} were found.")
                told = [
                    f"{statistics.median(column):.3f} ({max(column):.3f})"
                    for column in list(zip(*rows, strict=True))[1:]
                ]
                print(f"{layout:<16}{opening:<12}{told[0]:>16}{told[1]:>20}{told[2]:>18}")


if __name__ == "__main__":
    main()
