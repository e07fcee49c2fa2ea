"""Preprocessing as timm, torchvision and transformers describe it, and the check that inputs are theirs.

A wrong cut or unit is silent: the network recognises less, and its maps are of another part of the photograph.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from PIL import Image

from gala_viz.networks.preprocessing import FILTERS, Preprocessing

_RESAMPLING = {0: "nearest", 1: "lanczos", 2: "bilinear", 3: "bicubic", 4: "box", 5: "hamming"}
_PHOTOS_PX = (301, 437), (445, 287)
"""Rows and columns of the photographs on which inputs are compared: lying and standing, with odd sides."""
_MOST = 4.0
"""Greatest mean difference of two inputs in pixel values 0..255: filters of Pillow and of torch differ by less than 1,
a cut that is one pixel off by more than 10."""


class UnknownPreprocessingError(ValueError):
    """A preprocessing that cannot be made here; the message says which."""


def timm_preprocessing(config: Mapping[str, Any]) -> Preprocessing:
    """Return the preprocessing that a pretrained ``config`` of timm describes, as timm's transform for evaluation.

    Parameters
    ----------
    config : mapping
        "input_size" (channel, height, width), "crop_pct", "crop_mode", "interpolation", "mean" and "std" in 0..1; what
        is missing is as in timm.

    Returns
    -------
    Preprocessing
        With means and standard deviations in pixel units 0..255.

    Raises
    ------
    UnknownPreprocessingError
        It pads photographs, or has another filter.
    """
    size = tuple(int(side) for side in config.get("input_size") or (3, 224, 224))
    mode = config.get("crop_mode") or "center"
    if mode not in ("center", "squash"):
        raise UnknownPreprocessingError(
            f"its crop_mode {mode!r} puts photographs into a border, which no person saw; a network "
            'that is called with crop_mode "squash" or "center" opens.'
        )
    short = tuple(math.floor(side / (config.get("crop_pct") or 0.875)) for side in size[1:])
    if min(s - c for s, c in zip(short, size[1:], strict=True)) < 0:
        raise UnknownPreprocessingError(f"its crop_pct {config['crop_pct']} is above 1, which pads photographs.")
    return Preprocessing(
        short_px=short,  # pyright: ignore[reportArgumentType]
        crop_px=size[1:],  # pyright: ignore[reportArgumentType]
        interpolation=_filter(config.get("interpolation") or "bicubic"),
        mean=_three(config.get("mean") or (0.485, 0.456, 0.406), 255),
        std=_three(config.get("std") or (0.229, 0.224, 0.225), 255),
        resize="squash" if mode == "squash" else "short",
        rounding="torchvision" if short[0] == short[1] else "timm",
    )


def torchvision_preprocessing(preset: Any, settings: Mapping[str, Any]) -> Preprocessing:
    """Return the preprocessing of evaluation of one of torchvision's own weights, or of a training by its reference.

    Parameters
    ----------
    preset : torchvision.transforms._presets.ImageClassification
        The transforms of weights.
    settings : mapping
        Those of a training, which win: "val_resize_size", "val_crop_size" and "interpolation".

    Returns
    -------
    Preprocessing
        With means and standard deviations in pixel units 0..255.

    Raises
    ------
    UnknownPreprocessingError
        A setting is no size, a crop is larger than what is resized, or it has another filter.
    """
    preset_sizes = {"val_resize_size": preset.resize_size[0], "val_crop_size": preset.crop_size[0]}
    short, crop = (settings.get(name, size) for name, size in preset_sizes.items())
    if not isinstance(short, int) or not isinstance(crop, int) or not 1 <= crop <= short:
        raise UnknownPreprocessingError(
            f"it resizes to {short!r} and crops {crop!r} px; a crop of what is resized was expected."
        )
    return Preprocessing(
        short_px=short,
        crop_px=crop,
        interpolation=_filter(settings.get("interpolation", preset.interpolation.value)),
        mean=_three(preset.mean, 255),
        std=_three(preset.std, 255),
        rounding="torchvision",
    )


def transformers_preprocessing(config: Mapping[str, Any]) -> Preprocessing:
    """Return the preprocessing that the ``config`` of an image processor of transformers describes.

    Parameters
    ----------
    config : mapping
        All settings, as of the processor's ``to_dict``: defaults differ between processors.

    Returns
    -------
    Preprocessing
        With means and standard deviations in pixel units 0..255.

    Raises
    ------
    UnknownPreprocessingError
        The network's input has no one size, photographs are padded, or it has another filter.
    """
    kind = str(config.get("image_processor_type", ""))
    size = _size(config.get("size")) if config.get("do_resize", True) else None
    crop = _size(config.get("crop_size")) if config.get("do_center_crop", "crop_size" in config) else None
    if kind.startswith("Levit") and isinstance(size, int):
        size = int(256 / 224 * size)
    if "crop_pct" in config and isinstance(size, int):
        size, crop = _by_share(kind, size, config["crop_pct"], crop)
    if size is None:
        raise UnknownPreprocessingError("its image processor does not resize photographs; one size was expected.")
    if crop is None and isinstance(size, int):
        raise UnknownPreprocessingError(
            f"its image processor makes the short side {size} px and cuts nothing off, so that inputs have the "
            "photographs' sizes; one size was expected."
        )
    short = (size, size) if isinstance(size, int) else size
    crop = short if crop is None else crop if isinstance(crop, tuple) else (crop, crop)
    if min(s - c for s, c in zip(short, crop, strict=True)) < 0:
        raise UnknownPreprocessingError(f"its image processor pads photographs of {short} px to {crop} px.")
    mean, std = (
        (0.0, 1.0) if not config.get("do_normalize", True) else (config.get("image_mean"), config.get("image_std"))
    )
    scale = 1 / (config.get("rescale_factor") or 1 / 255) if config.get("do_rescale", True) else 1.0
    return Preprocessing(
        short_px=short,
        crop_px=crop,
        interpolation=_filter(config.get("resample", 3)),
        mean=_three(0.5 if mean is None else mean, scale),
        std=_three(0.5 if std is None else std, scale),
        resize="short" if isinstance(size, int) else "squash",
        rounding="transformers",
    )


def check_inputs(own: Preprocessing, library: Callable[[np.ndarray], np.ndarray]) -> Preprocessing:
    """Return ``own`` with the mean and std that ``library`` uses, after a comparison of the inputs that both make.

    Parameters
    ----------
    own : Preprocessing
        What was read from a configuration.
    library : callable
        From a photograph (y, x, 3), uint8, to the library's input (3, y, x).

    Returns
    -------
    Preprocessing
        Mean and std are those by which grey photographs become the library's inputs: some processors scale twice.

    Raises
    ------
    UnknownPreprocessingError
        Inputs have another size, are no linear function of pixels, or show another part of a photograph.
    """
    levels = (0, 51, 255)
    greys = [library(np.full((*_PHOTOS_PX[0], 3), level, np.uint8)) for level in levels]
    if any(one.shape != (3, *own.input_px) for one in greys):
        raise UnknownPreprocessingError(
            f"it makes inputs {greys[0].shape}; (3, {own.input_px}) was read from its settings."
        )
    black, dark, white = (one.reshape(3, -1).astype(np.float64).mean(1) for one in greys)
    slope = (white - black) / 255
    if not (slope > 0).all() or not np.allclose(black + 51 * slope, dark, rtol=1e-3, atol=1e-4 * np.abs(slope * 255)):
        raise UnknownPreprocessingError("its inputs are not (pixel - mean) / std of each channel.")
    measured = Preprocessing.from_settings(
        {**own.settings(), "mean": (-black / slope).round(4).tolist(), "std": (1 / slope).round(4).tolist()}
    )
    # A value as it is written is better than one measured through float32.
    close = np.allclose([own.mean, own.std], [measured.mean, measured.std], rtol=1e-4, atol=1e-3)
    result = own if close else measured
    for size in _PHOTOS_PX:
        photo = _made_photo(*size)
        difference = np.abs(result.to_input(photo) - library(photo)) * np.array(result.std)[:, None, None]
        if difference.mean() > _MOST:
            raise UnknownPreprocessingError(
                f"its own input of a photograph of {size[1]} x {size[0]} px differs from the one that its settings "
                f"describe, by {difference.mean():.0f} of 255 on average."
            )
    return result


def channels_reversed(library: Callable[[np.ndarray], np.ndarray]) -> bool:
    """Return whether the first channel of the inputs that ``library`` makes is blue, and not red."""
    dark, red = (
        library(np.full((64, 64, 3), colour, np.uint8)).reshape(3, -1).mean(1) for colour in ((0, 0, 0), (255, 0, 0))
    )
    return int(np.abs(red - dark).argmax()) == 2


def _made_photo(height: int, width: int) -> np.ndarray:
    """Return a photograph whose every part differs from its neighbours, fine enough to tell cuts apart."""
    coarse = np.random.default_rng(0).integers(0, 256, (height // 12, width // 12, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))


def _by_share(kind: str, size: int, share: float | None, crop: Any) -> tuple[int | tuple[int, int], Any]:
    """Return size and crop of processors that name the share of the side that is kept, as ConvNeXT's does."""
    if share is None:
        return size, crop
    if kind.startswith("PoolFormer"):
        return math.floor(size / share), crop
    if size >= 384:  # ConvNeXT: larger inputs are not cropped
        return (size, size), None
    return int(size / share), size


def _size(size: Any) -> int | tuple[int, int] | None:
    """Return a short side, or height and width."""
    if isinstance(size, Mapping):
        height, width = size.get("height"), size.get("width")
        if height and width:
            return int(height), int(width)
        longest = size.get("longest_edge") or size.get("max_height")
        if longest or not size.get("shortest_edge"):
            raise UnknownPreprocessingError(f"its size {dict(size)} is no short side, nor height and width.")
        return int(size["shortest_edge"])
    return None if size is None else (int(size), int(size))


def _filter(name: Any) -> str:
    found = _RESAMPLING.get(name, name) if isinstance(name, int) else name
    found = "bilinear" if found == "random" else found  # as timm does for evaluation
    if found not in FILTERS:
        raise UnknownPreprocessingError(f"it resizes by {name!r}; one of {sorted(FILTERS)} was expected.")
    return str(found)


def _three(values: Any, scale: float) -> tuple[float, float, float]:
    three = [float(value) * scale for value in (values if isinstance(values, list | tuple) else (values,))]
    three = three * 3 if len(three) == 1 else three
    if len(three) != 3:
        raise UnknownPreprocessingError(f"it has {len(three)} colour channels; three were expected.")
    return three[0], three[1], three[2]
