"""A collection of drawn pictures that has everything an evaluation can use, and networks of two kinds for it."""

from __future__ import annotations

import numpy as np
import torch
import xarray as xr

from gala_viz.collections.photo_files import UnreadableImageError
from gala_viz.networks.network import Network
from gala_viz.schema import labelled_map
from tests.training.tiny import PREPROCESSING, tiny, tiny_gala

CATEGORIES = ("stag", "hare", "tram", "boat")
SUPERCLASSES = ("animal", "animal", "vehicle", "vehicle")
PEOPLE = ("p1", "p2", "p3", "p4", "p5")
SIDE = 48


class Shapes:
    """Test, validation and train images of four categories; people mark a blob, which is the diagnostic region."""

    name, title, licence = "shapes", "Drawn shapes", None
    fingerprint = "shapes-1"
    map_kinds = {"clickme": "Simulated clicks of five participants."}  # noqa: RUF012
    skipped = ()
    categories = CATEGORIES
    maps_read = 0

    def __init__(self, each: int = 3, unreadable: tuple[str, ...] = (), without_map: tuple[str, ...] = ()) -> None:
        self.images = tuple(
            f"{split}-{category}-{number:02d}"
            for split in ("train", "validation", "test")
            for category in CATEGORIES
            for number in range(each)
        )
        self.unreadable, self.without_map = unreadable, without_map

    def _chance(self, image: str) -> np.random.Generator:
        return np.random.default_rng(list(image.encode()))

    def _blob(self, image: str, shift: float = 0.0) -> np.ndarray:
        y, x = np.mgrid[0:SIDE, 0:SIDE] + 0.5
        row, column = self._chance(image).uniform(16, 32, size=2)
        return np.exp(-((y - row) ** 2 + (x - column - shift) ** 2) / (2 * 5.0**2)).astype(np.float32)

    def photo(self, image: str) -> np.ndarray:
        if image in self.unreadable:
            raise UnreadableImageError(f"{image} is torn.")
        noise = self._chance(image).integers(0, 60, size=(SIDE, SIDE, 3))
        colour = np.array([[200, 60, 60], [60, 200, 60], [60, 60, 200], [180, 180, 40]])[self._category(image)]
        return np.clip(noise + colour * self._blob(image)[..., None], 0, 255).astype(np.uint8)

    def _category(self, image: str) -> int:
        return CATEGORIES.index(image.split("-")[1])

    def category(self, image: str) -> str | None:
        return image.split("-")[1]

    def superclass(self, image: str) -> str | None:
        return SUPERCLASSES[self._category(image)]

    def split(self, image: str) -> str | None:
        return image.split("-")[0]

    def target(self, image: str) -> int | None:
        return None

    def has_human_map(self, image: str) -> bool:
        return image not in self.without_map

    def participants(self, image: str, kind: str | None = None) -> tuple[str, ...]:
        return PEOPLE if self.has_human_map(image) else ()

    def participant_maps(self, image: str, kind: str | None = None) -> xr.DataArray | None:
        if not self.has_human_map(image):
            return None
        chance = self._chance(f"people {image}")
        maps = np.stack([self._blob(image, chance.normal(0, 3)) for _ in PEOPLE])
        return labelled_map(maps, name="human_map", leading={"participant": list(PEOPLE)}, attrs={"simulated": 1})

    def human_map(self, image: str, kind: str | None = None, participant: str | None = None) -> xr.DataArray | None:
        maps = self.participant_maps(image)
        if maps is None:
            return None
        one = maps.mean("participant") if participant is None else maps.sel(participant=participant, drop=True)
        return one.assign_attrs(maps.attrs)

    def regions(self, image: str) -> dict[str, np.ndarray]:
        blob = self._blob(image)
        diagnostic, body = blob > 0.6, (blob > 0.2) & (blob <= 0.6)
        clutter = np.zeros_like(diagnostic)
        clutter[:, :6] = True
        clutter &= ~(diagnostic | body)
        return {
            "diagnostic": diagnostic,
            "body": body,
            "clutter": clutter,
            "background": ~(diagnostic | body | clutter),
        }


class Bare(Shapes):
    """The same pictures without labels, maps, regions or splits."""

    name, title, fingerprint = "bare", "Bare pictures", "bare-1"
    map_kinds: dict[str, str] = {}  # noqa: RUF012
    regions = None

    def category(self, image: str) -> None:
        return None

    superclass = split = category

    def has_human_map(self, image: str) -> bool:
        return False


def network(name: str, seed: int = 0, *, gala: bool = True, categories: tuple[str, ...] = CATEGORIES) -> Network:
    """A random network of a few thousand weights that never were in a file."""
    torch.manual_seed(seed)
    module = tiny_gala() if gala else tiny()
    return Network(module, name=name, preprocessing=PREPROCESSING, categories=categories, device="cpu")
