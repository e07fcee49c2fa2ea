"""Preprocessing: from a photograph to a network's input, and the same frame for maps.

Preprocessing belongs to a network and travels with it. It resizes the short side, cuts the centre, and scales pixels
from 0..255. The cut is the *frame* in which a network's maps lie; human maps are brought into it by the same cut.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import xarray as xr
from PIL import Image

from gala_viz.registry import Registry
from gala_viz.schema import extent_px, labelled_map

_FILTERS = {
    "bicubic": Image.Resampling.BICUBIC,
    "bilinear": Image.Resampling.BILINEAR,
    "lanczos": Image.Resampling.LANCZOS,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Preprocessing:
    """How a network's input is made: short side to ``short_px``, centre ``crop_px`` square, (pixel - mean) / std.

    Parameters
    ----------
    short_px : int
        Length of the photograph's short side after the resize, in pixels.
    crop_px : int
        Side of the centre crop in pixels, at most ``short_px``.
    interpolation : {"bicubic", "bilinear", "lanczos"}
        Filter of the resize, with antialiasing (Pillow's filters).
    mean : tuple of float, (3,)
        Subtracted from each colour channel, in pixel units 0..255.
    std : tuple of float, (3,)
        What each colour channel is divided by then, in pixel units 0..255, above 0.

    Raises
    ------
    ValueError
        A setting has another type or range.

    Examples
    --------
    >>> import gala_viz as gv
    >>> seen = gv.Preprocessing(short_px=256, crop_px=224)
    >>> seen.input_px
    (224, 224)
    >>> seen.frame(512, 768)  # x0, y0, x1, y1 in the photograph's pixels
    (160.0, 32.0, 608.0, 480.0)
    """

    short_px: int = 256
    crop_px: int = 224
    interpolation: str = "bicubic"
    mean: tuple[float, float, float] = (127.0, 127.0, 127.0)
    std: tuple[float, float, float] = (128.0, 128.0, 128.0)

    @classmethod
    def imagenet(cls) -> Preprocessing:
        """Return what torchvision's and most other networks for ImageNet expect.

        256 and 224 px, bilinear, ImageNet's means and standard deviations of the three channels.

        Returns
        -------
        Preprocessing
            As in torchvision's presets for classification at 224 px.

        Examples
        --------
        >>> import gala_viz as gv
        >>> gv.Preprocessing.imagenet().mean
        (123.675, 116.28, 103.53)
        """
        return cls(interpolation="bilinear", mean=(123.675, 116.28, 103.53), std=(58.395, 57.12, 57.375))

    def __post_init__(self) -> None:
        if self.interpolation not in _FILTERS:
            raise ValueError(f"interpolation is one of {sorted(_FILTERS)}; got {self.interpolation!r}.")
        for name in ("short_px", "crop_px"):
            if isinstance(getattr(self, name), bool) or not isinstance(getattr(self, name), int | np.integer):
                raise ValueError(f"{name} is a whole number of pixels; got {getattr(self, name)!r}.")
        if not 1 <= self.crop_px <= self.short_px:
            raise ValueError(f"crop_px lies between 1 and short_px ({self.short_px}); got {self.crop_px}.")
        if (
            not all(len(three) == 3 and np.isfinite(three).all() for three in (self.mean, self.std))
            or min(self.std) <= 0
        ):
            raise ValueError(f"mean and std have three finite values, std above 0; got {self.mean} and {self.std}.")

    @property
    def input_px(self) -> tuple[int, int]:
        """Height and width of the network's input."""
        return self.crop_px, self.crop_px

    def frame(self, height: int, width: int) -> tuple[float, float, float, float]:
        """Return the part of a photograph that the network sees, in the photograph's pixels.

        Parameters
        ----------
        height : int
            Height of the photograph in pixels.
        width : int
            Width of the photograph in pixels.

        Returns
        -------
        tuple of float
            (x0, y0, x1, y1), origin top left, y down.
        """
        tall, wide, top, left = self._cut(height, width)
        scale_y, scale_x = height / tall, width / wide
        return left * scale_x, top * scale_y, (left + self.crop_px) * scale_x, (top + self.crop_px) * scale_y

    def resize_and_crop(self, photo: np.ndarray) -> np.ndarray:
        """Return what the network sees of a photograph, before it is normalised.

        Parameters
        ----------
        photo : ndarray, (y, x, 3), uint8
            RGB.

        Returns
        -------
        ndarray, (crop_px, crop_px, 3), uint8
            Resized and cropped.

        Raises
        ------
        ValueError
            ``photo`` has another shape or dtype.
        """
        if photo.ndim != 3 or photo.shape[2] != 3 or photo.dtype != np.uint8:
            raise ValueError(f"a photograph is uint8 of shape (y, x, 3); got {photo.dtype} of shape {photo.shape}.")
        tall, wide, top, left = self._cut(*photo.shape[:2])
        resized = Image.fromarray(photo).resize((wide, tall), _FILTERS[self.interpolation])
        return np.asarray(resized)[top : top + self.crop_px, left : left + self.crop_px].copy()

    def normalise(self, pixels: np.ndarray) -> np.ndarray:
        """Return pixels as a network's input.

        Parameters
        ----------
        pixels : ndarray, (y, x, 3)
            RGB in 0..255.

        Returns
        -------
        ndarray, (3, y, x), float32
            (pixel - mean) / std of each channel.
        """
        scaled = (pixels.astype(np.float32) - np.array(self.mean, np.float32)) / np.array(self.std, np.float32)
        return np.ascontiguousarray(scaled.transpose(2, 0, 1))

    def to_input(self, photo: np.ndarray) -> np.ndarray:
        """Return the network's input of a photograph.

        Parameters
        ----------
        photo : ndarray, (y, x, 3), uint8
            RGB.

        Returns
        -------
        ndarray, (3, crop_px, crop_px), float32
            Resized, cropped and normalised.
        """
        return self.normalise(self.resize_and_crop(photo))

    def map_to_frame(self, human_map: xr.DataArray) -> xr.DataArray:
        """Return maps cut and resized like the photograph that they cover.

        Parameters
        ----------
        human_map : DataArray, (..., y, x)
            Maps over the whole photograph, of any resolution; their ``extent_px`` attr says the photograph's size.
            Leading dims, for example participants, stay.

        Returns
        -------
        DataArray, (..., crop_px, crop_px), float32
            Bilinear, antialiased; values stay in the maps' own unit.

        Raises
        ------
        ValueError
            The last dims are not y and x.
        """
        return cut_maps(human_map, self.frame, self.input_px)

    def settings(self) -> dict[str, Any]:
        """Return plain values for a card.

        Returns
        -------
        dict
            Setting -> value; tuples become lists.
        """
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}

    @classmethod
    def from_settings(cls, values: dict[str, Any]) -> Preprocessing:
        """Return the preprocessing of which ``settings`` gave the values.

        Parameters
        ----------
        values : dict
            Setting -> value, as a card has them; what is missing has its default.

        Returns
        -------
        Preprocessing
            With lists as tuples.

        Raises
        ------
        ValueError
            A key is unknown (the message names the known ones), or a value is refused.
        """
        unknown = sorted(set(values) - set(cls.__dataclass_fields__))
        if unknown:
            raise ValueError(f"preprocessing knows {sorted(cls.__dataclass_fields__)}; got {unknown}.")
        settings: dict[str, Any] = {key: tuple(one) if isinstance(one, list) else one for key, one in values.items()}
        return cls(**settings)

    def _cut(self, height: int, width: int) -> tuple[int, int, int, int]:
        """Return height and width after the resize, then the crop's top and left, in pixels."""
        factor = self.short_px / min(height, width)
        tall, wide = max(self.short_px, round(height * factor)), max(self.short_px, round(width * factor))
        return tall, wide, (tall - self.crop_px) // 2, (wide - self.crop_px) // 2


def _centre(own: Preprocessing) -> Preprocessing:
    return replace(own, short_px=round(own.crop_px * 256 / 224))


CUTS: Registry[Callable[[Preprocessing], Preprocessing]] = Registry(
    "cut of photographs",
    {
        "card": lambda own: own,
        "centre": _centre,
        "centre-bicubic": lambda own: replace(_centre(own), interpolation="bicubic"),
        "whole-bilinear": lambda own: replace(own, short_px=own.crop_px, interpolation="bilinear"),
    },
)
"""Name -> from a network's preprocessing to one with the same input size and pixel values that cuts photographs so.

"card" is as the network's card says, "centre" the middle 224 of 256, "whole" a square photograph without a cut.
"""


def cut_maps(
    maps: xr.DataArray, frame: Callable[[int, int], tuple[float, float, float, float]], size: tuple[int, int]
) -> xr.DataArray:
    """Return the part of maps over whole photographs that a frame shows; see ``Preprocessing.map_to_frame``.

    Parameters
    ----------
    maps : DataArray, (..., y, x)
        Their ``extent_px`` attr says the photograph's size.
    frame : callable
        From height and width of the photograph in pixels to (x0, y0, x1, y1) in it.
    size : tuple of int
        Rows and columns of the result.

    Returns
    -------
    DataArray, (..., *size), float32
        Bilinear, antialiased; values stay in the maps' own unit.

    Raises
    ------
    ValueError
        The last dims are not y and x.
    """
    if maps.dims[-2:] != ("y", "x"):
        raise ValueError(f"a map ends in the dims ('y', 'x'); got {maps.dims}.")
    height, width = extent_px(maps)
    x0, y0, x1, y1 = frame(int(height), int(width))
    rows, columns = maps.shape[-2:]
    box = (x0 * columns / width, y0 * rows / height, x1 * columns / width, y1 * rows / height)
    flat = np.ascontiguousarray(maps.values, dtype=np.float32).reshape(-1, rows, columns)
    cut = np.empty((len(flat), *size), np.float32)
    for number, one in enumerate(flat):
        resized = Image.fromarray(one).resize((size[1], size[0]), Image.Resampling.BILINEAR, box=box)
        cut[number] = np.asarray(resized)
    leading = {str(dim): maps[dim].values.tolist() for dim in maps.dims[:-2]}
    return labelled_map(
        cut.reshape(*maps.shape[:-2], *size),
        name=str(maps.name or "human_map"),
        leading=leading,
        attrs=_without_extent(maps),
    )


def _without_extent(array: xr.DataArray) -> dict[str, Any]:
    return {key: value for key, value in array.attrs.items() if key != "extent_px"}
