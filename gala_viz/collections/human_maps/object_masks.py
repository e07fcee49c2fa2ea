"""Label masks as maps of objects: 1 on the labelled objects, 0 elsewhere; read on request alone.

ImageNet-S: RGB, id = R + 256 G, 0 other, 1000 ignored. PartImageNet: the numbers of whole objects 0 to 157 with 158 the
background, or of parts 0 to 39 with 40 the background, grey or in a palette.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from gala_viz.collections.folder_spec import MaskFormat
from gala_viz.collections.human_maps.map_checks import (
    MapFileError,
    check_aspect,
    check_shape,
    damage_refused,
    describe_values,
)

IGNORED, MAX_ID = 1000, 999
"""Of ImageNet-S."""
WHOLE_BACKGROUND, PART_BACKGROUND = 158, 40
"""Of PartImageNet."""
N_CHECKED = 64
MASK_KIND = "object mask"
SUFFIXES = frozenset({".png"})


@dataclass(frozen=True, slots=True)
class MaskReader:
    """Reads masks of one format; ``background`` is that of PartImageNet's form, of whole objects or of parts."""

    format: MaskFormat
    background: int = 0

    @property
    def description(self) -> str:
        """A sentence on what the maps are."""
        form = {WHOLE_BACKGROUND: ", whole objects", PART_BACKGROUND: ", parts"}.get(self.background, "")
        of = "ImageNet-S" if self.format == "imagenet-s" else "PartImageNet"
        ignored = ", and 0 on what is to be ignored" if self.format == "imagenet-s" else ""
        return f"Masks of {of}{form}: 1 on labelled objects, 0 elsewhere{ignored}. Nobody chose these places."

    def read(self, path: Path, photo_px: tuple[int, int]) -> tuple[np.ndarray, int]:
        """Return the map, float32 (y, x), and the number of ignored cells. Raises ``MapFileError``, ``OSError``."""
        labels = _labels(path, self.format)
        check_aspect(labels.shape, photo_px)
        ignored = labels == IGNORED if self.format == "imagenet-s" else np.zeros(labels.shape, bool)
        if labels.max() > (max(MAX_ID, IGNORED) if self.format == "imagenet-s" else self.background):
            raise MapFileError(f"it holds {describe_values(np.unique(labels))}, which are no labels of this format.")
        objects = (labels != self.background) & ~ignored
        if objects.all() or not objects.any():
            raise MapFileError(
                f"{'all' if objects.any() else 'none'} of it is an object: it tells no place from another."
            )
        return objects.astype(np.float32), int(ignored.sum())


def mask_reader(mask_format: MaskFormat, paths: Iterable[Path]) -> MaskReader:
    """Return the reader of a folder's masks; the form of PartImageNet is known from some of the masks themselves.

    Raises ``MapFileError`` where these are of neither form.
    """
    if mask_format == "imagenet-s":
        return MaskReader(mask_format)
    largest, has_background = -1, False
    for path in paths:
        try:
            labels = _labels(path, mask_format)
        except (MapFileError, OSError):
            continue  # listed when the mask is read
        largest = max(largest, int(labels.max()))
        has_background |= bool((labels == WHOLE_BACKGROUND).any())
    if has_background and largest == WHOLE_BACKGROUND:
        return MaskReader(mask_format, WHOLE_BACKGROUND)
    if largest == PART_BACKGROUND:
        return MaskReader(mask_format, PART_BACKGROUND)
    raise MapFileError(
        f"PartImageNet's masks have {WHOLE_BACKGROUND} (whole objects) or {PART_BACKGROUND} (parts) as their largest "
        f"label, the background; {'none of these can be read' if largest < 0 else f'here it is {largest}'}."
    )


def _labels(path: Path, mask_format: MaskFormat) -> np.ndarray:
    """Return a PNG's labels, int32 (y, x)."""
    with damage_refused("the mask"), Image.open(path, formats=("PNG",)) as image:
        check_shape((image.height, image.width))
        modes = ("RGB",) if mask_format == "imagenet-s" else ("L", "P", "I;16", "I")
        if image.mode not in modes:
            raise MapFileError(f"a mask of this format is a PNG of the mode {' or '.join(modes)}; got {image.mode}.")
        values = np.asarray(image).astype(np.int32)
    if mask_format != "imagenet-s":
        return values
    if values[..., 2].any():
        raise MapFileError("a mask of ImageNet-S has no blue; this picture has.")
    return values[..., 0] + 256 * values[..., 1]
