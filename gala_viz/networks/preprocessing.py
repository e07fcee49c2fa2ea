"""Preprocessing: from a photograph to a network's input, and the same frame for maps.

Preprocessing belongs to a network and travels with it. It resizes the photograph, cuts the centre, and scales pixels
from 0..255. The cut is the *frame* in which a network's maps lie; human maps are brought into it by the same cut. Where
the resize changes the photograph's aspect ("squash"), the frame's scales along y and x differ.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import xarray as xr
from PIL import Image

from gala_viz.registry import Registry
from gala_viz.schema import extent_px, labelled_map

NO_ANTIALIAS = "bilinear-no-antialias"
"""Bilinear between the four nearest pixels, however much smaller the photograph becomes, as TensorFlow's resize."""
_PLAIN = ("bicubic", "bilinear", "box", "hamming", "lanczos", "nearest")
FILTERS = {**{name: Image.Resampling[name.upper()] for name in _PLAIN}, NO_ANTIALIAS: Image.Resampling.BILINEAR}
RESIZES = ("short", "squash")
_ROUNDINGS: dict[str, tuple[Callable[[float], int], Callable[[float], int]]] = {
    "gala_viz": (round, math.floor),
    "torchvision": (math.floor, round),
    "timm": (round, round),
    "transformers": (math.floor, math.floor),
}
"""Program -> how it makes whole pixels of the long side after the resize, and of the crop's first row and column."""
_OPTIONAL = {"resize": "short", "rounding": "gala_viz"}
"""Settings that a card holds only where they have another value, so that those of before stay what they are."""
_USUAL_INPUT = 10.0
"""Networks for ImageNet take inputs between about -2.7 and 2.7; those beyond this have pixels in other units."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Preprocessing:
    """How a network's input is made: short side to ``short_px``, centre ``crop_px``, (pixel - mean) / std.

    Parameters
    ----------
    short_px : int or tuple of int, (height, width)
        Length of the photograph's short side after the resize, in pixels. Two lengths: the least rows and columns after
        a resize that keeps the aspect or, with "squash", the rows and columns after it.
    crop_px : int or tuple of int, (height, width)
        Side, or height and width, of the centre crop in pixels, at most ``short_px``.
    interpolation : {"bicubic", "bilinear", "bilinear-no-antialias", "box", "hamming", "lanczos", "nearest"}
        Filter of the resize, with antialiasing (Pillow's filters) but in the one that says so, which is TensorFlow's.
    mean : tuple of float, (3,)
        Subtracted from each colour channel, in pixel units 0..255.
    std : tuple of float, (3,)
        What each colour channel is divided by then, in pixel units 0..255, above 0.
    resize : {"short", "squash"}
        "short" keeps the photograph's aspect; "squash" makes rows and columns ``short_px`` whatever its aspect is, so
        that, where ``crop_px`` is as large, the whole photograph is seen.
    rounding : {"gala_viz", "torchvision", "timm", "transformers"}
        Whose whole pixels are taken where long side or crop do not fall on one; they differ by one pixel.

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
    >>> gv.Preprocessing(short_px=224, crop_px=224, resize="squash").frame(512, 768)
    (0.0, 0.0, 768.0, 512.0)
    """

    short_px: int | tuple[int, int] = 256
    crop_px: int | tuple[int, int] = 224
    interpolation: str = "bicubic"
    mean: tuple[float, float, float] = (127.0, 127.0, 127.0)
    std: tuple[float, float, float] = (128.0, 128.0, 128.0)
    resize: str = "short"
    rounding: str = "gala_viz"

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
        for name, known in {"interpolation": FILTERS, "resize": RESIZES, "rounding": _ROUNDINGS}.items():
            if getattr(self, name) not in known:
                raise ValueError(f"{name} is one of {sorted(known)}; got {getattr(self, name)!r}.")
        for name in ("short_px", "crop_px"):
            value = getattr(self, name)
            sides = value if isinstance(value, tuple) and len(value) == 2 else (value,)
            if any(isinstance(side, bool) or not isinstance(side, int | np.integer) for side in sides):
                raise ValueError(f"{name}, or its height and width, is a whole number of pixels; got {value!r}.")
            if len(sides) == 2 and sides[0] == sides[1]:
                object.__setattr__(self, name, sides[0])  # one way to say one thing
        if not all(1 <= crop <= short for crop, short in zip(self.input_px, self.resize_px, strict=True)):
            raise ValueError(f"crop_px lies between 1 and short_px ({self.short_px}); got {self.crop_px}.")
        if (
            not all(len(three) == 3 and np.isfinite(three).all() for three in (self.mean, self.std))
            or min(self.std) <= 0
        ):
            raise ValueError(f"mean and std have three finite values, std above 0; got {self.mean} and {self.std}.")

    @property
    def input_px(self) -> tuple[int, int]:
        """Height and width of the network's input."""
        return _height_width(self.crop_px)

    @property
    def side_px(self) -> int:
        """Side of a square input, as trainings take it; ``ValueError`` for another one."""
        rows, columns = self.input_px
        if rows != columns:
            raise ValueError(f"a training takes square inputs; this preprocessing makes {rows} x {columns} px.")
        return rows

    @property
    def resize_px(self) -> tuple[int, int]:
        """Rows and columns to which ``short_px`` resizes: exactly with "squash", else at least."""
        return _height_width(self.short_px)

    @property
    def cut(self) -> Cut:
        """What decides which part of a photograph is seen, whatever is done to its pixels; ``of_cut`` takes it back."""
        plain = self.short_px, self.crop_px
        return plain if (self.resize, self.rounding) == ("short", "gala_viz") else (*plain, self.resize, self.rounding)

    @classmethod
    def of_cut(cls, cut: Cut) -> Preprocessing:
        """Return a preprocessing that cuts photographs as ``cut`` says."""
        return cls.from_settings(dict(zip(("short_px", "crop_px", "resize", "rounding"), cut, strict=False)))

    @property
    def unit_warning(self) -> str:
        """A sentence where inputs are far from what networks take, as by a mean in other units; else ""."""
        values = [(pixel - mean) / std for pixel in (0, 255) for mean, std in zip(self.mean, self.std, strict=True)]
        low, high = min(values), max(values)
        if max(-low, high) <= _USUAL_INPUT and high - low >= 1 / _USUAL_INPUT:
            return ""
        told = f"pixels of 0 to 255 become inputs from {low:.3g} to {high:.3g}, where most networks take -3 to 3"
        if max(map(abs, self.mean)) <= 1 and max(self.std) <= 1:
            return f"{told}: mean {self.mean} and std {self.std} look as if for pixels of 0 to 1; multiply both by 255."
        return f"{told}: mean and std are in units of 0 to 255; see that the network was trained with such inputs."

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
        rows, columns = self.input_px
        return left * scale_x, top * scale_y, (left + columns) * scale_x, (top + rows) * scale_y

    def resize_and_crop(self, photo: np.ndarray) -> np.ndarray:
        """Return what the network sees of a photograph, before it is normalised.

        Parameters
        ----------
        photo : ndarray, (y, x, 3), uint8
            RGB.

        Returns
        -------
        ndarray, (*input_px, 3), uint8
            Resized and cropped.

        Raises
        ------
        ValueError
            ``photo`` has another shape or dtype.
        """
        if photo.ndim != 3 or photo.shape[2] != 3 or photo.dtype != np.uint8:
            raise ValueError(f"a photograph is uint8 of shape (y, x, 3); got {photo.dtype} of shape {photo.shape}.")
        tall, wide, top, left = self._cut(*photo.shape[:2])
        image, size = Image.fromarray(photo), (wide, tall)
        if self.interpolation == NO_ANTIALIAS:
            matrix = (image.width / wide, 0, 0, 0, image.height / tall, 0)
            resized = image.transform(size, Image.Transform.AFFINE, matrix, FILTERS[self.interpolation])
        else:
            resized = image.resize(size, FILTERS[self.interpolation])
        rows, columns = self.input_px
        return np.asarray(resized)[top : top + rows, left : left + columns].copy()

    def uncut(self) -> Preprocessing:
        """Return the preprocessing whose frame is the whole picture, whatever its aspect, of the same inputs."""
        return replace(self, short_px=self.crop_px, resize="squash")

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
        ndarray, (3, *input_px), float32
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
        DataArray, (..., *input_px), float32
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
            Setting -> value; tuples become lists. ``resize`` and ``rounding`` are left out where they are the default.
        """
        return {
            key: list(value) if isinstance(value, tuple) else value
            for key, value in asdict(self).items()
            if _OPTIONAL.get(key) != value
        }

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

    @classmethod
    def completed(cls, values: Mapping[str, Any]) -> tuple[Preprocessing, str]:
        """Return the preprocessing of ``values``; what they lack is as in ``imagenet``.

        Parameters
        ----------
        values : mapping
            Setting -> value.

        Returns
        -------
        preprocessing : Preprocessing
            All settings.
        note : str
            A sentence that names what was filled in; "" where nothing was.

        Raises
        ------
        ValueError
            As of ``from_settings``.
        """
        source = cls.imagenet().settings()
        if not (missing := [key for key in source if key not in values]):
            return cls.from_settings(dict(values)), ""
        filled = ", ".join(f"{key} = {source[key]}" for key in missing)
        return (
            cls.from_settings({**source, **values}),
            f"its preprocessing has only {', '.join(sorted(values)) or 'no setting'}; the rest is that of most "
            f"networks for ImageNet, gv.Preprocessing.imagenet(): {filled}. Give all with which it was trained.",
        )

    def _cut(self, height: int, width: int) -> tuple[int, int, int, int]:
        """Return height and width after the resize, then the crop's top and left, in pixels."""
        rows, columns = self.resize_px
        if self.resize == "squash":
            tall, wide = rows, columns
        else:
            whole, _ = _ROUNDINGS[self.rounding]
            factor = max(rows / height, columns / width)
            if self.rounding in ("torchvision", "transformers"):  # their order of operations decides at whole numbers
                tall, wide = (whole(rows * side / min(height, width)) for side in (height, width))
            else:
                tall, wide = whole(height * factor), whole(width * factor)
            tall, wide = max(rows, tall), max(columns, wide)
        _, first = _ROUNDINGS[self.rounding]
        return tall, wide, first((tall - self.input_px[0]) / 2), first((wide - self.input_px[1]) / 2)


Cut = (
    tuple[int | tuple[int, int], int | tuple[int, int]] | tuple[int | tuple[int, int], int | tuple[int, int], str, str]
)
"""(short_px, crop_px) or, where they are not the default, (short_px, crop_px, resize, rounding)."""


def _height_width(side: int | tuple[int, int]) -> tuple[int, int]:
    return side if isinstance(side, tuple) else (side, side)


def _centre(own: Preprocessing) -> Preprocessing:
    short = tuple(round(side * 256 / 224) for side in own.input_px)
    return replace(own, short_px=short, resize="short")


CUTS: Registry[Callable[[Preprocessing], Preprocessing]] = Registry(
    "cut of photographs",
    {
        "card": lambda own: own,
        "centre": _centre,
        "centre-bicubic": lambda own: replace(_centre(own), interpolation="bicubic"),
        "whole-bilinear": lambda own: replace(own, short_px=own.crop_px, interpolation="bilinear", resize="short"),
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
    x1, y1 = min(x1 * columns / width, columns), min(y1 * rows / height, rows)  # a last bit beyond is refused
    box = (x0 * columns / width, y0 * rows / height, x1, y1)
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
