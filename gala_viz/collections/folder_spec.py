"""How a folder of photographs is read where its files do not say it themselves."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

Orientation = Literal["apply", "ignore"]
Coverage = Literal["photograph", "crop"]
MaskFormat = Literal["imagenet-s", "part-imagenet"]


@dataclass(frozen=True, kw_only=True, slots=True)
class FolderSpec:
    """Settings of a folder of photographs.

    ``labels`` is a file of ImageNet labels (see ``gala_viz.collections.label_files``). ``exif`` "ignore" reads
    photographs as they are stored, without turning them by their EXIF orientation. ``covers`` "crop": maps cover the
    central 224 px of the photograph with its short side resized to 256, and the collection is of this part of each
    photograph alone. ``mask`` names the format of label masks that become maps of objects.
    """

    labels: Path | None = None
    exif: Orientation = "apply"
    covers: Coverage = "photograph"
    mask: MaskFormat | None = None

    def __post_init__(self) -> None:
        known = {"exif": Orientation, "covers": Coverage}
        for name, choices in {**known, **({"mask": MaskFormat} if self.mask is not None else {})}.items():
            if (value := getattr(self, name)) not in get_args(choices):
                raise ValueError(f"{name} is one of {', '.join(get_args(choices))}; got {value!r}.")


DEFAULT = FolderSpec()
CROP_PX, SHORT_PX = 224, 256


def crop_box(size_px: tuple[int, int]) -> tuple[int, int, int]:
    """Return top, left and side, in whole pixels, of the part of a photograph (height, width) that a crop shows."""
    side = max(1, round(min(size_px) * CROP_PX / SHORT_PX))
    return (size_px[0] - side) // 2, (size_px[1] - side) // 2, side
