"""A network of a few thousand weights, a collection made in code, and the recipe that trains one on the other."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
import torch
import xarray as xr
from torch import nn

from gala_viz.networks.insert import add_gala
from gala_viz.networks.network import Network
from gala_viz.networks.preprocessing import Preprocessing
from gala_viz.networks.zoo import BUILDERS
from gala_viz.schema import labelled_map
from gala_viz.training.recipes import Recipe

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

    def has_human_map(self, image: str) -> bool:
        return True

    def human_map(self, image: str) -> xr.DataArray | None:
        return labelled_map(self._blob(image), name="human_map")


def tiny_recipe(**changes: object) -> Recipe:
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
    return Recipe(**{**settings, **changes})
