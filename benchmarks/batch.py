"""What storing maps costs beside a plain loop: ``python benchmarks/batch.py [--images 48] [--samples 25]``.

The plain loop is the notebook's functions one after the other on one thread (SmoothGrad with its errors, attention
norms, likeness to people, floors, ceilings), nothing written. Then the same images into a store: by this process, by
one worker, by two. Workers start, and look at one image, before the clock does. Two plain loops at once, in processes
that know nothing of each other, tell what two workers could reach at best: cores share memory, caches and their host.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

NETWORKS = ("rendered-gala", "rendered-gala-clickme")
BLOCK = 12
WAYS = ("plain loop", "two plain loops", "store, this process", "store, 1 worker", "store, 2 workers")
"""What is timed; ratios are to the first that is."""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--images", type=int, default=48)
    parser.add_argument("--samples", type=int, default=25)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS), help="which of them")
    arguments = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    print(f"{platform.machine()}, {os.cpu_count()} cores, torch {torch.__version__}, one thread a process")
    print(f"{arguments.images} images of 128 px, two networks, SmoothGrad n = {arguments.samples}\n")
    functions = dict(zip(WAYS, (plain, apart, here, one, two), strict=True))
    seconds: dict[str, list[float]] = {way: [] for way in arguments.ways}
    for _ in range(arguments.repeats):
        for way in arguments.ways:
            with tempfile.TemporaryDirectory() as folder:
                seconds[way].append(functions[way](Path(folder) / "maps.zarr", arguments.images, arguments.samples))
    reference = statistics.median(seconds[arguments.ways[0]])
    for way, times in seconds.items():
        median = statistics.median(times)
        print(f"{way:<22}{median:8.1f} s   {arguments.images / median:6.2f} images/s   {reference / median:5.2f} x")


def asked(count: int, samples: int):
    """Collection, images, networks and the store's agreement."""
    from gala_viz.batch.described import store_spec
    from gala_viz.collections import open_collection
    from gala_viz.networks.zoo import load_network
    from gala_viz.specs import SmoothGradSpec

    collection = open_collection("rendered")
    images = collection.images[:count]
    networks = [load_network(name, "cpu") for name in NETWORKS]
    spec = store_spec(
        collection,
        images,
        networks,
        {"smoothgrad": SmoothGradSpec(n_samples=samples)},
        opened_as="rendered",
        block_images=BLOCK,
        threads=1,
    )
    for image in images:
        collection.photo(image)
    return collection, images, networks, spec


def plain(path: Path, count: int, samples: int) -> float:
    """One loop in a process of its own."""
    return loops(1, count, samples)


def apart(path: Path, count: int, samples: int) -> float:
    """Two loops at once, over the same number of images each; seconds per ``count`` images."""
    return loops(2, count, samples) / 2


def loops(number: int, count: int, samples: int) -> float:
    """Seconds of the slowest of so many loops, each in a fresh process."""
    with ProcessPoolExecutor(number, mp_context=get_context("spawn")) as pool:
        return max(pool.map(loop, [count] * number, [samples] * number))


def loop(count: int, samples: int) -> float:
    """Blocks computed on one thread and thrown away, after a look at one image."""
    import torch

    from gala_viz.batch.block import block_values, human_maps_of
    from gala_viz.networks.fuse_batchnorm import fuse_batchnorm

    torch.set_num_threads(1)
    collection, images, networks, spec = asked(count, samples)
    networks = [fuse_batchnorm(network) for network in networks]
    human = human_maps_of(collection, images, networks)
    block_values(spec, collection, networks, images[:1], human)
    begun = time.perf_counter()
    for number in range(spec.n_blocks):
        block_values(spec, collection, networks, images[spec.block(number)], human)
    return time.perf_counter() - begun


def prepared(path: Path, count: int, samples: int):
    """An empty store, its job and its blocks."""
    from gala_viz.batch.job import Job
    from gala_viz.store.creation import create_store
    from gala_viz.store.zarr_store import fingerprint_at

    _, images, _, spec = asked(count, samples)
    store = create_store(path, spec, images)
    return Job(
        store=str(path),
        fingerprint=fingerprint_at(path),
        collection="rendered",
        human_maps=None,
        networks=NETWORKS,
        device="cpu",
    ), (store.missing_blocks())


def here(path: Path, count: int, samples: int) -> float:
    """Into a store, in this process; opening the collection and the networks is not timed."""
    from gala_viz.batch.job import opened
    from gala_viz.batch.run import run_here

    job, blocks = prepared(path, count, samples)
    opened(job)
    begun = time.perf_counter()
    run_here(job, blocks)
    return time.perf_counter() - begun


def one(path: Path, count: int, samples: int) -> float:
    """Into a store, by one worker process."""
    return workers(path, count, samples, 1)


def two(path: Path, count: int, samples: int) -> float:
    """Into a store, by two worker processes."""
    return workers(path, count, samples, 2)


def workers(path: Path, count: int, samples: int, number: int) -> float:
    """Into a store, by worker processes that have opened everything and looked at one image."""
    from gala_viz.batch.run import client_for, run_on

    job, blocks = prepared(path, count, samples)
    with client_for(None, number) as client:
        client.run(warmed, job)
        begun = time.perf_counter()
        run_on(client, job, blocks)
        return time.perf_counter() - begun


def warmed(job) -> None:
    """What a process does once: imports, compilation, opening."""
    from gala_viz.batch.block import block_values
    from gala_viz.batch.job import opened

    store, collection, networks, human = opened(job)
    block_values(store.spec, collection, networks, store.images[:1], human)


if __name__ == "__main__":
    main()
