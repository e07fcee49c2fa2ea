"""Importance of each pixel of the stimulus frame, by the source that a spec names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gala_viz.collections.collection import Collection
from gala_viz.collections.human_maps.open_human_maps import open_human_maps
from gala_viz.experiment.saliency import saliency_model
from gala_viz.records.canvas import centre_crop_box, crop_to_canvas
from gala_viz.schema import extent_px

HUMAN, OPENCV, FILES = "human", "opencv", "files"
ImportanceFunction = Callable[[str], NDArray[np.float32] | None]
"""An image's id -> importance (y, x), none below 0, or None where the source has none for it."""


def importance_source(source: str, collection: Collection, side_px: int) -> ImportanceFunction:
    """Return the function image -> importance of ``source``, on the centre square of ``collection``'s photographs.

    Its maps are (y, x) float32, ``side_px`` a side. ``human`` is the collection's default human map and ``human:KIND``
    another kind; ``opencv:NAME`` is a saliency model (``gala_viz.experiment.saliency``); ``files:PATH`` are maps that
    somebody computed or recorded: a folder of PNG or NPY by image, an HDF5 file, or a table of clicks. Raises
    ``ValueError``, or ``UnknownNameError`` for a name.
    """
    kind, _, rest = source.partition(":")
    if kind == HUMAN:
        chosen = collection.map_kind(rest or None)
        if chosen is None:
            raise ValueError(
                f"{collection.name}: no human maps are known, so that {source!r} is no source of importance."
            )
        return _human(collection, chosen, side_px)
    if kind == OPENCV:
        model = saliency_model(rest)
        return lambda image: model(crop_to_canvas(collection.photo(image), side_px))
    if kind == FILES and rest:
        return _from_files(Path(rest).expanduser(), collection, side_px)
    raise ValueError(f"a source of importance is human, human:KIND, opencv:MODEL or files:PATH; got {source!r}.")


def is_simulated(source: str, collection: Collection, image: str) -> bool:
    """Return whether the human maps of ``source`` are simulated, judged by ``image``; what shows them must say so."""
    kind, _, rest = source.partition(":")
    values = collection.human_map(image, rest or None) if kind == HUMAN else None
    return values is not None and bool(values.attrs.get("simulated"))


def _from_files(path: Path, collection: Collection, side_px: int) -> ImportanceFunction:
    """Return the importance of maps in files, of their first kind, averaged over participants."""
    human_maps = open_human_maps(path, collection.images, collection.size_px)
    kind = next(iter(human_maps.kinds))

    def importance(image: str) -> NDArray[np.float32] | None:
        size_px = collection.size_px(image)
        human_map = human_maps.read_map(image, kind, size_px)
        if human_map is None:
            return None
        values = human_map.values if human_map.values.ndim == 2 else human_map.values.mean(axis=0)
        return _framed(values, size_px, side_px)

    return importance


def _human(collection: Collection, kind: str, side_px: int) -> ImportanceFunction:
    def importance(image: str) -> NDArray[np.float32] | None:
        values = collection.human_map(image, kind)
        return None if values is None else _framed(values.values, extent_px(values), side_px)

    return importance


def _framed(values: NDArray[np.float32], photo_px: tuple[float, float], side_px: int) -> NDArray[np.float32]:
    """Resize a map's centre square to the frame of the stimuli; cells that are not finite or below 0 become 0."""
    finite = np.nan_to_num(np.asarray(values, dtype=np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    (rows, columns), (height, width) = finite.shape, photo_px
    left, top, right, bottom = centre_crop_box(height, width)
    box = (left * columns / width, top * rows / height, right * columns / width, bottom * rows / height)
    picture = Image.fromarray(finite).resize((side_px, side_px), Image.Resampling.BILINEAR, box=box)
    return np.maximum(np.asarray(picture, dtype=np.float32), 0)
