"""Networks of a few thousand weights, collections made in code, and recipes that train the ones on the others."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import nn

from gala_viz.imagenet import CATEGORIES
from gala_viz.networks.insert import add_gala
from gala_viz.networks.network import Network
from gala_viz.networks.preprocessing import Preprocessing
from gala_viz.networks.zoo import BUILDERS
from gala_viz.schema import labelled_map
from gala_viz.training.batches import TrainingDataModule
from gala_viz.training.dataset import TrainingImages
from gala_viz.training.recipes import DistillationRecipe, SupervisedRecipe
from gala_viz.training.rng import image_keys

PREPROCESSING = Preprocessing(short_px=40, crop_px=32)
N_CATEGORIES = 4


def tiny() -> nn.Module:
    return nn.Sequential(
        OrderedDict(
            stem=nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False),
            norm=nn.BatchNorm2d(8),
            relu=nn.ReLU(),
            conv=nn.Conv2d(8, 12, 3, stride=2, padding=1, bias=False),
            norm2=nn.BatchNorm2d(12),
            pool=nn.AdaptiveAvgPool2d(1),
            flat=nn.Flatten(),
            head=nn.Linear(12, N_CATEGORIES),
        )
    )


def tiny_gala(squash: str = "tanh") -> nn.Module:
    return add_gala(tiny(), {"norm2": "layer1"}, squash=squash)


if "tiny_gala" not in BUILDERS:
    BUILDERS.add("tiny_gala", tiny_gala)


def tiny_start() -> Network:
    torch.manual_seed(7)
    categories = tuple(f"category {index}" for index in range(N_CATEGORIES))
    return Network(tiny(), name="tiny", preprocessing=PREPROCESSING, categories=categories, sha256="0" * 64)


class Blobs:
    """Photographs with one bright blob; people mark the blob; the quadrant it lies in is the category."""

    name = "blobs"
    fingerprint = "blobs-1"

    def __init__(self, count: int = 48) -> None:
        self.images = tuple(f"blob{number:03d}" for number in range(count))
        self.photos_read = 0

    def _centre(self, image: str) -> np.ndarray:
        return np.random.default_rng(int(image[4:])).uniform(10, 38, size=2)

    def _blob(self, image: str) -> np.ndarray:
        y, x = np.mgrid[0:48, 0:48]
        row, column = self._centre(image)
        return np.exp(-((y - row) ** 2 + (x - column) ** 2) / (2 * 4.0**2)).astype(np.float32)

    def photo(self, image: str) -> np.ndarray:
        self.photos_read += 1
        noise = np.random.default_rng(1000 + int(image[4:])).integers(0, 60, size=(48, 48, 3))
        return np.clip(noise + 180 * self._blob(image)[..., None], 0, 255).astype(np.uint8)

    def target(self, image: str) -> int | None:
        row, column = self._centre(image)
        return int(row > 24) * 2 + int(column > 24)

    def category(self, image: str) -> str | None:
        return CATEGORIES[self.target(image)][1]

    def has_human_map(self, image: str) -> bool:
        return True

    def human_map(self, image: str, kind: str | None = None, participant: str | None = None) -> xr.DataArray | None:
        return labelled_map(self._blob(image), name="human_map")


def tiny_recipe(**changes: object) -> DistillationRecipe:
    settings = {
        "name": "tiny-gala",
        "title": "tiny",
        "builder": "tiny_gala",
        "start": "tiny",
        "frozen": ("stem",),
        "epochs": 3,
        "batch_size": 8,
        "jitter_px": 8,
        "attention_weight": 1.0,
        "attention_warmup_epochs": 1.0,
        "per_epoch": {"maps": 16, "labels": 16, "plain": 8},
    }
    return DistillationRecipe(**{**settings, **changes})


class Lamps:
    """Photographs of 36 px with a red or a green lamp somewhere; the map marks the lamp, its colour is the category."""

    name = "lamps"
    title = "Lamps"
    categories = ("red", "green")

    def __init__(self, *, train: int = 48, validation: int = 16, with_maps: bool = True) -> None:
        counts = {"train": train, "validation": validation, "test": 4}
        self.images = tuple(f"{split}-{number:03d}" for split, count in counts.items() for number in range(count))
        self.with_maps = with_maps
        self.fingerprint = f"lamps-{with_maps}"
        self.map_kinds = {"lamps": "Where the lamp is."} if with_maps else {}
        self.prepared: list[tuple[str, ...]] = []

    def prepare(self, splits: tuple[str, ...], progress: object) -> None:
        self.prepared.append(tuple(splits))

    def split(self, image: str) -> str:
        return image.split("-")[0]

    def category(self, image: str) -> str:
        return self.categories[int(image.split("-")[1]) % 2]

    def target(self, image: str) -> None:
        return None

    def _lamp(self, image: str) -> np.ndarray:
        chance = np.random.default_rng(image_keys([image]))
        row, column = chance.uniform(8, 28, size=2)
        y, x = np.mgrid[0:36, 0:36]
        return np.exp(-((y - row) ** 2 + (x - column) ** 2) / (2 * 3.0**2)).astype(np.float32)

    def photo(self, image: str) -> np.ndarray:
        noise = np.random.default_rng(image_keys([f"noise {image}"])).integers(0, 90, size=(36, 36, 3))
        noise[..., self.categories.index(self.category(image))] += (160 * self._lamp(image)).astype(int)
        return np.clip(noise, 0, 255).astype(np.uint8)

    def has_human_map(self, image: str) -> bool:
        return self.with_maps

    def human_map(self, image: str, kind: str | None = None, participant: str | None = None) -> xr.DataArray | None:
        return labelled_map(7 * self._lamp(image), name="human_map") if self.with_maps else None


def distillation_pictures(recipe: DistillationRecipe, training: Any, validation: Any) -> TrainingDataModule:
    """The pictures of two tuples of sources, for a student of ``tiny_start``."""
    frames = recipe.stored_frame(PREPROCESSING), PREPROCESSING
    parts = [
        TrainingImages(sources, frame).load() for sources, frame in zip((training, validation), frames, strict=True)
    ]
    return TrainingDataModule(*parts, recipe, PREPROCESSING)


def pixels_of(images: TrainingImages) -> np.ndarray:
    return images.read_many(np.arange(len(images)))[1]


def maps_of(images: TrainingImages) -> np.ndarray:
    return images.read_many(np.arange(len(images)))[2]


def tiny_supervised_recipe(**changes: object) -> SupervisedRecipe:
    arguments = {"blocks": (1, 2), "base_filters": 4, "strides": (1, 2), "attention_groups": (2,), "attention": "gala"}
    settings = {
        "name": "lamps-gala-clickme",
        "title": "lamps",
        "collection": "lamps",
        "maps": "simulated ClickMe maps",
        "arguments": arguments,
        "epochs": 3,
        "batch_size": 4,
        "warmup_epochs": 0.5,
        "rate": 1e-2,
        "input_px": 32,
        "attention_weight": 1.0,
        "norm_momentum": 0.2,
    }
    return SupervisedRecipe(**{**settings, **changes})
