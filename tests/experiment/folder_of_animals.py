"""A real folder of photographs in folders animal/ and vehicle/, with maps beside it, made for a test."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

SIDE = 64


def make(root: Path, each: int = 24) -> tuple[Path, Path]:
    """(photographs, maps): a bright disc on a noisy ground, round for animals, with corners for vehicles."""
    photos, maps = root / "photos", root / "maps"
    y, x = np.mgrid[0:SIDE, 0:SIDE] + 0.5
    for superclass, category in (("animal", "hare"), ("vehicle", "tram")):
        for folder in (photos / superclass / category, maps / superclass / category):
            folder.mkdir(parents=True)
        for number in range(each):
            chance = np.random.default_rng([len(superclass), number])
            row, column = chance.uniform(24, 40, 2)
            away = (
                np.hypot(y - row, x - column) if superclass == "animal" else np.maximum(abs(y - row), abs(x - column))
            )
            picture = chance.integers(0, 90, (SIDE, SIDE, 3)).astype(np.float64)
            picture[away < 10] += 140
            name = f"{number:02d}"
            Image.fromarray(picture.clip(0, 255).astype(np.uint8)).save(photos / superclass / category / f"{name}.png")
            np.save(maps / superclass / category / f"{name}.npy", np.exp(-(away**2) / 60).astype(np.float32))
    return photos, maps
