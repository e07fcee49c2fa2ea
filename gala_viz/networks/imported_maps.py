"""Maps that other software computed, in the place of a network: card.toml, maps.npy and images.json in a folder.

Nothing in such a folder computes: it has one map of each image, and no answers. ``MapsNetwork`` in
``gala_viz.networks.maps_network`` stands for it where networks stand.
"""

from __future__ import annotations

import hashlib
import json
import math
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from gala_viz.networks.card import write_card
from gala_viz.networks.network_folders import WeightsError

MAPS_BUILDER = "maps"
"""The builder of such a folder's card."""
MAPS, IMAGES = "maps.npy", "images.json"
METHOD = "imported"
"""The method of such maps, in attrs of results."""
UNKNOWN_UNIT = "unit not known"
MAX_IMAGES_BYTES = 256 * 2**20
"""Bytes of the largest list of images."""


class MissingMapError(ValueError):
    """An image of which other software made no map."""


@dataclass(frozen=True, slots=True, eq=False)
class ImportedMaps:
    """One map of each image, over the whole of a frame.

    Parameters
    ----------
    name : str
        What errors call them.
    values : ndarray, (row, y, x), float32
        Finite values; they may lie on disk.
    rows : mapping of str to int
        Image -> row.
    about : mapping
        The section [maps] of the card: what is declared of them.
    """

    name: str
    values: np.ndarray
    rows: Mapping[str, int]
    about: Mapping[str, Any] = field(default_factory=dict)

    def __contains__(self, image: object) -> bool:
        return image in self.rows

    def map(self, image: str) -> np.ndarray:
        """Return the map of an image, float32 (y, x); ``MissingMapError`` where there is none."""
        if image not in self.rows:
            raise MissingMapError(
                f"{self.name} has no map of {image}: its maps were computed elsewhere, on {len(self.rows):,} images, "
                "and none can be computed here."
            )
        return np.array(self.values[self.rows[image]])

    @property
    def method(self) -> str:
        """What stands in place of a method: the declared one, and that the maps are imported."""
        return ", ".join(filter(None, [str(self.about.get("method") or ""), METHOD]))

    def short_text(self) -> str:
        """Return what a page says beside a map."""
        method = self.about.get("method") or "method not told"
        return f"computed elsewhere ({method}), not as the settings say; its own error is not known"

    def text(self) -> str:
        """Return what is declared of the maps, and what is not known of them, in a sentence."""
        about = {name: str(self.about.get(name) or "not told") for name in ("method", "covers", "sign", "smoothing")}
        return (
            f"{self.name}: {len(self.rows):,} maps computed elsewhere (method: {about['method']}; they cover: "
            f"{about['covers']}; sign: {about['sign']}; smoothing: {about['smoothing']}). Settings of maps here are "
            "not theirs, their own error is not known, and neither are answers to photographs"
        )


def write_maps_network(folder: Path, card: Mapping[str, Any], maps: Iterable[tuple[str, np.ndarray]]) -> int:
    """Write a folder of imported maps, the card last; return their number.

    Parameters
    ----------
    folder : Path
        Made where it is missing; nothing stays in it where a map raises an error, or there is none.
    card : mapping
        Sections of card.toml; [weights] gets the files' checksum.
    maps : iterable of (str, ndarray)
        Image and its map (y, x), float32, all of one shape. They are written one after the other.

    Returns
    -------
    int
        Number of maps.
    """
    folder.mkdir(parents=True, exist_ok=True)
    images: list[str] = []
    grid: tuple[int, ...] = ()
    with tempfile.TemporaryDirectory(dir=folder, prefix=".maps") as unfinished:
        raw, path, names = (Path(unfinished) / name for name in ("values", MAPS, IMAGES))
        with raw.open("wb") as file:
            for image, one in maps:
                if images and one.shape != grid:
                    raise ValueError(f"{image}: a map of {grid} cells was expected; got {one.shape}.")
                images.append(image)
                grid = one.shape
                file.write(np.ascontiguousarray(one, "<f4").tobytes())
        if not images:
            return 0
        stored = np.memmap(raw, "<f4", "r", shape=(len(images), *grid))
        with path.open("wb") as file:
            np.lib.format.write_array(file, stored, allow_pickle=False)
        del stored
        names.write_text(json.dumps(images, ensure_ascii=False), encoding="utf-8")
        weights = {"file": MAPS, "sha256": file_sha256(path, names), "bytes": path.stat().st_size}
        told = {**card, "weights": weights, "maps": {**card.get("maps", {}), "n_images": len(images)}}
        path.replace(folder / MAPS)
        names.replace(folder / IMAGES)
    write_card(folder, told)
    return len(images)


def read_maps(folder: Path, card: Mapping[str, Any]) -> ImportedMaps:
    """Return the maps in a network's ``folder``, whose values stay on disk.

    Raises ``WeightsError`` where files are missing, or are not those of the card.
    """
    path, names = folder / MAPS, folder / IMAGES
    for one in (path, names):
        if not one.is_file() or one.is_symlink():
            raise WeightsError(f"{one}: not found; a folder of imported maps holds card.toml, {MAPS} and {IMAGES}.")
    digest = file_sha256(path, names)
    if digest != card["weights"]["sha256"]:
        raise WeightsError(f"{folder}: {MAPS} and {IMAGES} are damaged, or not this card's: their sha256 differs.")
    try:
        if names.stat().st_size > MAX_IMAGES_BYTES:
            raise ValueError("it is larger than ids can be")
        images = json.loads(names.read_text(encoding="utf-8"))
        values = np.load(path, mmap_mode="r", allow_pickle=False)
        if values.dtype != np.float32 or values.ndim != 3 or not math.prod(values.shape):
            raise ValueError(f"maps (image, y, x) of float32 were expected; got {values.dtype} {values.shape}")
        if not isinstance(images, list) or not all(isinstance(one, str) for one in images):
            raise ValueError(f"{IMAGES} is no list of ids")
        if len(images) != len(values) or len(set(images)) < len(images):
            raise ValueError(f"{len(values)} maps need as many different images; got {len(images)}")
    except (ValueError, OSError, RecursionError) as error:
        raise WeightsError(f"{folder}: its maps cannot be read ({error}).") from error
    about = card.get("maps", {})
    rows = {image: row for row, image in enumerate(images)}
    return ImportedMaps(card["network"]["name"], values, rows, about if isinstance(about, dict) else {})


def file_sha256(*paths: Path) -> str:
    """Return the checksum of files, one after the other, in hex digits."""
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            while block := file.read(2**20):
                digest.update(block)
    return digest.hexdigest()
