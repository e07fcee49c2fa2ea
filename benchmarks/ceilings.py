"""Noise ceilings beside the same halves ranked by SciPy: ``python benchmarks/ceilings.py [--participants 15]``.

CPU seconds of one image on one thread, medians over the repeats, which are interleaved: the mean rho of 100 random
halves at 56 x 56 cells, alone and with the jackknife over participants that evaluations make.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from scipy.stats import rankdata

from gala_viz.alignment import CeilingSpec, image_ceilings
from gala_viz.alignment.split_half import random_halves, rng_for_image
from gala_viz.schema import labelled_map


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--participants", type=int, default=15)
    parser.add_argument("--splits", type=int, default=100)
    parser.add_argument("--cells", type=int, default=56)
    parser.add_argument("--repeats", type=int, default=7)
    arguments = parser.parse_args()
    shape = (arguments.participants, arguments.cells, arguments.cells)
    values = np.random.default_rng(0).random(shape).astype(np.float32)
    names = [f"p{number}" for number in range(arguments.participants)]
    maps = labelled_map(values, name="maps", leading={"participant": names})
    plain = CeilingSpec(n_splits=arguments.splits)
    jackknife = CeilingSpec(n_splits=arguments.splits, over_participants=True)
    rows = {
        "SciPy's ranks": lambda: by_scipy(values, arguments.splits),
        "image_ceilings": lambda: image_ceilings([("image", maps)], plain).rho["image"],
        "image_ceilings, without each": lambda: image_ceilings([("image", maps)], jackknife).rho["image"],
    }
    rhos = {name: row() for name, row in rows.items()}
    taken = {name: [] for name in rows}
    for _ in range(arguments.repeats):
        for name, row in rows.items():
            begun = time.process_time()
            row()
            taken[name].append(time.process_time() - begun)
    reference = statistics.median(taken["SciPy's ranks"])
    print(
        f"{os.cpu_count()} cores; {arguments.participants} participants, {arguments.splits} halves, "
        f"{arguments.cells} cells a side"
    )
    for name, seconds in taken.items():
        median = statistics.median(seconds)
        print(f"{name:<36}{median:8.4f} s{reference / median:8.1f} x   rho {rhos[name]:.6f}")


def by_scipy(values: np.ndarray, n_splits: int) -> float:
    """The same halves, each ranked by SciPy."""
    halves = random_halves(len(values), n_splits, rng_for_image(0, "image"))
    flat = values.reshape(len(values), -1).astype(np.float64)
    means = [(half @ flat) / half.sum(axis=1, keepdims=True) for half in (halves[:, 0], halves[:, 1])]
    first, second = (rankdata(one, axis=1) for one in means)
    first, second = (one - one.mean(axis=1, keepdims=True) for one in (first, second))
    return float(np.mean((first * second).sum(axis=1) / np.sqrt((first**2).sum(axis=1) * (second**2).sum(axis=1))))


if __name__ == "__main__":
    main()
