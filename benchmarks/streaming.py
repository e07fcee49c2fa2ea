"""How many photographs a second a training reads from files, and what an epoch of ImageNet's size takes from that.

    python benchmarks/streaming.py [--folder FOLDER] [--workers 0 1 2] [--images 256]

Photographs are decoded, resized to a short side of 256 and cut to the central square, as the recipes at 224 px have
them. Without ``--folder`` they are JPEG files of noise and shapes, made now, of two sizes.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter
from torch.utils.data import DataLoader

from gala_viz.collections import open_collection
from gala_viz.collections.photo_cache import PHOTOS
from gala_viz.training.batches import BatchDataset, BatchSampler
from gala_viz.training.dataset import TrainingImages
from gala_viz.training.recipes import RECIPES
from gala_viz.training.sources import TrainingSource

N_IMAGENET = 1_281_167
SIZES = {"500 x 375 px": (500, 375), "341 x 256 px": (341, 256)}
REPEATS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--folder", type=Path, help="photographs to read, in place of made-up ones")
    parser.add_argument("--workers", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--images", type=int, default=256)
    arguments = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} cores, medians of {REPEATS}")
    with tempfile.TemporaryDirectory() as made:
        folders = {name: make(Path(made) / name[:3], size, arguments.images) for name, size in SIZES.items()}
        for name, folder in ({str(arguments.folder): arguments.folder} if arguments.folder else folders).items():
            for n_workers in arguments.workers:
                rate = images_per_second(folder, n_workers, arguments.images)
                hours = N_IMAGENET / rate / 3600
                print(f"{name}, {n_workers} workers: {rate:,.0f} images/s; an epoch of {N_IMAGENET:,}: {hours:.2f} h")


def make(folder: Path, size: tuple[int, int], count: int) -> Path:
    """Write JPEG files with about as much detail as photographs have."""
    folder.mkdir()
    for number in range(count):
        chance = np.random.default_rng(number)
        coarse = Image.fromarray(chance.integers(0, 255, (12, 16, 3), dtype=np.uint8)).resize(size)
        fine = Image.fromarray(chance.integers(0, 255, (size[1], size[0], 3), dtype=np.uint8))
        picture = Image.blend(coarse, fine.filter(ImageFilter.GaussianBlur(1.2)), 0.35)
        picture.save(folder / f"{number:04d}.jpg", quality=90)
    return folder


def images_per_second(folder: Path, n_workers: int, count: int) -> float:
    """Read ``count`` photographs ``REPEATS`` times, and return the median rate."""
    PHOTOS.max_bytes = 0  # each is decoded each time, as in an epoch of many
    recipe = RECIPES["gala-resnet50"]
    collection = open_collection(folder)
    images = collection.images[:count]
    source = TrainingSource(collection, images, "plain")
    dataset = BatchDataset(TrainingImages([source], recipe.stored_frame(recipe.preprocessing)), seed=0)
    rates = []
    for _ in range(REPEATS + 1):
        loader = DataLoader(
            dataset,
            sampler=BatchSampler(len(images), min(32, len(images)), seed=0),
            batch_size=None,
            num_workers=n_workers,
        )
        batches = iter(loader)
        start = time.perf_counter()
        n = sum(len(batch["images"]) for batch in batches)
        rates.append(n / (time.perf_counter() - start))
    return statistics.median(rates[1:])


if __name__ == "__main__":
    main()
