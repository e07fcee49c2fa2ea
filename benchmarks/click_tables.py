"""Time and memory of a large table of clicks: ``python benchmarks/click_tables.py [--rounds 1000000]``.

A table is made, then read in a process of its own: rounds from the file, filters and frames, the same from the cache,
and the maps of some images. Seconds for each 10^6 clicks and the process's peak memory.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from gala_viz.collections.clickme.click_maps import KIND, ClickMaps

SIZE_PX = (375, 500)
N_PARTICIPANTS = 1235
"""As in the published ClickMe data."""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--rounds", type=int, default=1_000_000)
    parser.add_argument("--clicks", type=int, default=30, help="of each round")
    parser.add_argument("--images", type=int, nargs="+", default=[200_000, 24])
    parser.add_argument("--forms", nargs="+", default=["tuples.csv", "objects.csv", "lists.npz", "arrays.npz"])
    parser.add_argument("--maps", type=int, default=24, help="images whose maps are made")
    parser.add_argument("--read", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.read is not None:
        read(arguments.read, arguments.images[0], arguments.maps)
        return
    n_clicks = arguments.rounds * arguments.clicks
    print(f"{arguments.rounds:,} rounds of {arguments.clicks} clicks; seconds for each 10^6 clicks; peak memory in GB")
    print("| table | images | file, MB | from the file | again, from the cache | maps of images | peak memory |")
    print("|---|---|---|---|---|---|---|")
    for n_images in arguments.images:
        for form in arguments.forms:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / form
                write(path, n_images, arguments.rounds, arguments.clicks)
                command = [sys.executable, __file__, "--read", str(path), "--images", str(n_images)]
                environment = os.environ | {"GALA_VIZ_CACHE": folder}
                command += ["--maps", str(arguments.maps)]
                done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
                first, again, maps, n_made, gigabytes = map(float, done.stdout.split())
                per_million = 1e6 / n_clicks
                print(
                    f"| {form} | {n_images:,} | {path.stat().st_size / 1e6:,.0f} | {first * per_million:.2f} | "
                    f"{again * per_million:.2f} | {n_made:.0f}: {maps:.1f} s | {gigabytes:.2f} |",
                    flush=True,
                )


def read(path: Path, n_images: int, n_maps: int) -> None:
    """Print the seconds of reading, reading again and maps, the number of maps, and the peak memory in GB."""
    names = [name_of(number) for number in range(n_images)]
    seconds = []
    for _ in range(2):
        begun = time.perf_counter()
        clicks = ClickMaps(path, names, lambda image: SIZE_PX)
        seconds.append(time.perf_counter() - begun)
        if len(seconds) == 1:
            del clicks
    begun = time.perf_counter()
    made = [clicks.read_map(name, KIND, SIZE_PX) is not None for name in names[:n_maps]]
    seconds.append(time.perf_counter() - begun)
    print(*seconds, sum(made), peak_gigabytes())


def peak_gigabytes() -> float:
    """Peak memory of this process. Linux counts it anew for a new program, which ``getrusage`` does not."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e9
    return float("nan")


def name_of(number: int) -> str:
    return f"n{number % 1000:08d}/ILSVRC2012_val_{number:08d}.JPEG"


def write(path: Path, n_images: int, n_rounds: int, n_clicks: int) -> None:
    """Write a table of random walks inside of the photographs."""
    rng = np.random.default_rng(0)
    height, width = SIZE_PX
    image, participant = rng.integers(n_images, size=n_rounds), rng.integers(N_PARTICIPANTS, size=n_rounds)
    if path.suffix == ".csv":
        click = '{{""x"": {:.1f}, ""y"": {:.1f}}}' if path.stem == "objects" else "({:.1f}, {:.1f})"
        text = '{},"[' + ", ".join([click] * n_clicks) + ']",p{}\n'
        with path.open("w", encoding="utf-8") as file:
            file.write("image_path,clicks,user_id\n")
            for number in range(n_rounds):
                points = rng.random((n_clicks, 2)) * (width, height)
                file.write(text.format(name_of(image[number]), *points.ravel().tolist(), participant[number]))
        return
    columns = {}
    for name, side in (("clickmap_x", width), ("clickmap_y", height)):
        values = rng.random((n_rounds, n_clicks)) * side
        columns[name] = np.empty(n_rounds, object)
        columns[name][:] = values.round(1).tolist() if path.stem == "lists" else list(values)
    names = [name_of(number) for number in range(n_images)]
    columns["file_pointer"] = np.array([names[number] for number in image], object)
    columns["user_id"] = np.array([f"p{number}" for number in participant], object)
    columns["is_mobile"] = np.empty(n_rounds, object)
    columns["is_mobile"][:] = [[False] for _ in range(n_rounds)]
    np.savez_compressed(path, **columns)


if __name__ == "__main__":
    main()
