"""How the page of all images does with half a million: ``python benchmarks/explore.py [--images 500000]``.

The store is made up: real ids, categories and scores by chance, no maps. Opening is everything a first visitor waits
for on the server; a pan is one new picture of the cloud; memory is the whole process's.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import statistics
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

REPEATS = 7
SMOOTHGRAD = {
    "n_samples": 25, "noise_fraction": 0.15, "seed": 0, "title": "SmoothGrad", "units": "", "by_chance": True,
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--images", type=int, default=500_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = made_up(Path(folder), arguments.images)
        print(f"{platform.machine()}, {os.cpu_count()} cores, {arguments.images:,} images\n")
        begun = time.perf_counter()
        import gala_viz.panels.explore.explore_page  # noqa: F401

        told("imports, at a server's start", time.perf_counter() - begun)
        begun = time.perf_counter()
        view = opened(store)
        told("open", time.perf_counter() - begun)
        titles, cloud = list(view.metrics), view.scatter.points
        told("another axis", timed(lambda k: view.form.receive("x", titles[k % 4])))
        low, high = cloud.ranges()
        step = 0.02 * (low[1] - low[0])
        told("pan or zoom", timed(lambda k: view.scatter.draw((low[0] + step * k, low[1] - step * k), high)))
        box = {"type": "rect", "x0": 0.1, "x1": 0.4, "y0": 0.1, "y1": 0.4}
        told("box selection to gallery", timed(lambda k: view.select(view.scatter.points.selection_mask(box))))
        angle = np.linspace(0, 2 * np.pi, 60)
        lasso = {"type": "poly", "x": 0.3 + 0.2 * np.cos(angle), "y": 0.3 + 0.2 * np.sin(angle)}
        told("lasso selection to gallery", timed(lambda k: view.select(view.scatter.points.selection_mask(lasso))))
        told("filter by category", timed(lambda k: view.gallery.form.receive("category", f"category {k}")))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if os.uname().sysname == "Linux" else 2**30)
        print(f"{'memory at most':<30}{peak:8.2f} GB")


def told(what: str, seconds: float) -> None:
    print(f"{what:<30}{seconds:8.3f} s", flush=True)


def timed(act) -> float:
    """Median seconds of ``act(k)``."""
    seconds = []
    for k in range(REPEATS):
        begun = time.perf_counter()
        act(k)
        seconds.append(time.perf_counter() - begun)
    return statistics.median(seconds)


def opened(store: Path):
    """The view of a first visitor, made as the page makes it."""
    from gala_viz.panels.explore.explore_view import ExploreView
    from gala_viz.panels.gallery.collection_index import CollectionIndex
    from gala_viz.plots.scatter import compile_datashader
    from gala_viz.store.stored_maps import StoredMaps
    from gala_viz.store.zarr_store import Store

    threading.Thread(target=compile_datashader, daemon=True).start()
    source = StoredMaps(Store(store), NoPhotographs())
    return ExploreView(source, CollectionIndex(source), None)


class NoPhotographs:
    """A collection whose photographs nobody asks for."""

    name, title, fingerprint, outlined = "made-up", "Made-up scores", "none", ""
    map_kinds = {"ClickMe": "made up"}  # noqa: RUF012

    def category(self, image: str) -> str:
        return "category 0"

    def thumbnail(self, image: str, side_px: int) -> bytes:
        return b""

    def __getattr__(self, name: str):
        return lambda *_: None


def made_up(folder: Path, count: int) -> Path:
    """A store of ``count`` images with scores by chance, gathered as a finished run leaves it."""
    import zarr

    from gala_viz.specs import fingerprint
    from gala_viz.store.creation import create_store, finish
    from gala_viz.store.source import Labels
    from gala_viz.store.spec import StoredNetwork, StoreSpec

    images = [f"n{number % 1000:08d}/image_{number:07d}.JPEG" for number in range(count)]
    networks = tuple(
        StoredNetwork(
            name=name,
            title=name.title(),
            fingerprint=name,
            weights_sha256="",
            input_px=(224, 224),
            device="none",
            preprocessing={"short_px": 256, "crop_px": 224},
            layers={f"block{k}": (14, 14) for k in range(6)},
            categories=tuple(f"category {k}" for k in range(1000)),
        )
        for name in ("vanilla", "clickme")
    )
    spec = StoreSpec(
        collection={"name": "made-up", "title": "Made-up scores", "fingerprint": "none", "opened_as": ""},
        images=fingerprint(images), n_images=count, networks=networks, block_images=count,
        methods={"smoothgrad": SMOOTHGRAD},
    )  # fmt: skip
    chance = np.random.default_rng(0)
    labels = Labels(
        category=tuple(f"category {number % 1000}" for number in range(count)), superclass=("",) * count,
        split=tuple(("train", "validation", "test")[number % 3] for number in range(count)),
        has_human_map=chance.random(count) < 0.9,
    )  # fmt: skip
    path = folder / "maps.zarr"
    create_store(path, spec, images, labels)
    root = zarr.open_group(path, mode="r+")
    for name, array in root["scores"].arrays():
        if name not in ("attribution", "network", "other", "layer"):
            centre = {"ceiling": 0.58, "correct": 0.5}.get(name, 0.3)
            array[:] = chance.normal(centre, 0.15, array.shape).astype(np.float32)
    root["scores/correct"][:] = chance.integers(0, 2, root["scores/correct"].shape)
    root["status"][:] = np.ones(count, np.int8)
    from gala_viz.store.zarr_store import Store

    finish(Store(path))
    return path


if __name__ == "__main__":
    main()
