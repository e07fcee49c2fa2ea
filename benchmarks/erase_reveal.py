"""Erase and reveal, from a mask to both networks' answers: ``python benchmarks/erase_reveal.py [--repeats 15]``.

Times are medians over the repeats, which are interleaved, each with another mask; ratios are to two plain forward
passes of PyTorch, one of each network. Processor time is of all threads of this process: compare it, and ratios, on a
machine that does other work.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

FILLS = ("grey", "blurred", "phase")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--networks", nargs=2, default=("lite0-gala-vanilla", "lite0-gala-human"), metavar=("A", "B"))
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    import torch

    torch.set_num_threads(arguments.threads)
    print(f"{platform.machine()}, {os.cpu_count()} cores, {arguments.threads} threads, torch {torch.__version__}")
    print(f"load of the machine {os.getloadavg()[0]:.1f}, networks {' and '.join(arguments.networks)}\n")
    print(f"{'':<52}{'ms':>8}{'ratio':>8}{'processor ms':>14}{'ratio':>8}")
    with tempfile.TemporaryDirectory() as folder:
        runs = rows(arguments, Path(folder))
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name in runs}
        for repeat in range(arguments.repeats + 1):
            for name, run in runs.items():
                begun = time.perf_counter(), time.process_time()
                run(repeat)
                if repeat:  # the first is to warm up
                    taken[name].append((time.perf_counter() - begun[0], time.process_time() - begun[1]))
        reference: list[float] = []
        for name, pairs in taken.items():
            medians = [1000 * statistics.median(column) for column in zip(*pairs, strict=True)]
            reference = reference or medians
            ratios = [one / plain for one, plain in zip(medians, reference, strict=True)]
            print(f"{name:<52}{medians[0]:>8.0f}{ratios[0]:>8.2f}{medians[1]:>14.0f}{ratios[1]:>8.2f}")


def rows(arguments: argparse.Namespace, folder: Path) -> dict[str, Callable[[int], object]]:
    """Name -> a run with the mask of a repeat."""
    import torch

    from gala_viz import load_network, open_collection
    from gala_viz.engine.results.perturbation import reveal_mask, reveal_order
    from gala_viz.live import LiveMaps
    from gala_viz.networks.fuse_batchnorm import fuse_batchnorm

    collection = open_collection("photos")
    networks = [load_network(name, device=arguments.device) for name in arguments.networks]
    source, fused = LiveMaps(collection, networks, folder), [fuse_batchnorm(network) for network in networks]
    image, others = collection.images[0], collection.images[1:]
    source.forward(image)
    batches = [network.to_batch([collection.photo(image)]).to(network.device) for network in fused]
    human_map = source.human_map(image)
    importance = np.random.default_rng(0).random(source.networks[0].input_px) if human_map is None else human_map
    order = reveal_order(importance)

    def plain(_: int) -> None:
        with torch.no_grad():
            for network, batch in zip(fused, batches, strict=True):
                network.logits(batch).cpu()

    def stroke(fill: str) -> Callable[[int], object]:
        def run(repeat: int) -> object:
            mask = reveal_mask(order, importance.shape, 10 + 80 * (repeat + 1) / (arguments.repeats + 2))
            return source.perturb(image, mask, fill, "own", lambda: False)

        return run

    def new_photograph(repeat: int) -> object:
        mask = reveal_mask(order, importance.shape, 20)
        return source.perturb(others[repeat % len(others)], mask, "phase", "own", lambda: False)

    def curve(repeat: int) -> object:
        percents = np.linspace(1 + repeat / 10, 99, 16)
        return list(source.reveal_curve(image, importance, "grey", "own", lambda: False, percents=percents))

    return {
        "two plain forward passes": plain,
        **{f"another mask, both networks, {fill}": stroke(fill) for fill in FILLS},
        "a new photograph, phase, with its untouched passes": new_photograph,
        "a curve of 16 points, both networks": curve,
    }


if __name__ == "__main__":
    main()
