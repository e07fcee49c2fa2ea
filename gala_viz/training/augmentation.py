"""Augmentation of training pictures: what moves a photograph moves its map alike; noise comes last."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

N_UNIFORMS = 6
"""Random numbers that one picture takes: size, left, top, mirror, contrast, brightness."""


def augment(
    pixels: Tensor,
    human_maps: Tensor,
    uniforms: Tensor,
    *,
    size: int,
    crop: str,
    smallest_share: float,
    contrast: float,
    brightness: float,
) -> tuple[Tensor, Tensor]:
    """Return cropped, mirrored and jittered photographs and their maps.

    Half of the pictures are mirrored. Photograph and map are cut alike: a "resized" crop is a square of any size from
    ``smallest_share`` on, anywhere in the picture, and goes through one bilinear resampling as four channels; a
    "window" is a square of the result's size at a place of whole pixels, and nothing is resampled. Contrast, about the
    picture's mean, and brightness leave the map alone.

    Parameters
    ----------
    pixels : Tensor, (B, y, x, 3), uint8
        Photographs, square.
    human_maps : Tensor, (B, y, x)
        Their maps, in the same frame.
    uniforms : Tensor, (B, 6)
        Uniform random numbers in [0, 1), see ``N_UNIFORMS``.
    size : int
        Side of the result in pixels.
    crop : {"resized", "window"}
        How the pictures are cut.
    smallest_share : float
        Smallest side of a "resized" crop, as a share of the picture's; the largest is 1.
    contrast : float
        Largest change of the contrast, as a share, up or down.
    brightness : float
        Largest change of the mean, as a share, up or down.

    Returns
    -------
    photos : Tensor, (B, 3, size, size), float32
        In 0..255.
    human_maps : Tensor, (B, size, size), float32
        In their own unit.
    """
    share_chance, left, top, mirror, contrast_chance, brightness_chance = uniforms.float().unbind(dim=1)
    stack = torch.cat([pixels.permute(0, 3, 1, 2).float(), human_maps[:, None].float()], dim=1)
    if crop == "window":
        moved = _windows(stack, top, left, mirror < 0.5, size)
    else:
        moved = _resized_crops(stack, smallest_share + (1 - smallest_share) * share_chance, left, top, mirror, size)
    photos = moved[:, :3]
    if contrast or brightness:
        mean = photos.mean(dim=(1, 2, 3), keepdim=True)
        gain = 1 + contrast * (2 * contrast_chance - 1)
        light = 1 + brightness * (2 * brightness_chance - 1)
        photos = (photos - mean) * gain[:, None, None, None] + mean * light[:, None, None, None]
    return photos.clamp(0, 255), moved[:, 3]


def _resized_crops(stack: Tensor, share: Tensor, left: Tensor, top: Tensor, mirror: Tensor, size: int) -> Tensor:
    """Return squares of ``stack`` (B, C, y, x), of ``share`` (B,) of its side, resampled to (B, C, size, size)."""
    frame = torch.zeros(len(stack), 2, 3, device=stack.device)
    frame[:, 0, 0] = share * torch.where(mirror < 0.5, -1.0, 1.0)
    frame[:, 0, 2] = (1 - share) * (2 * left - 1)
    frame[:, 1, 1] = share
    frame[:, 1, 2] = (1 - share) * (2 * top - 1)
    grid = F.affine_grid(frame, [*stack.shape[:2], size, size], align_corners=False)
    return F.grid_sample(stack, grid, mode="bilinear", padding_mode="border", align_corners=False)


def _windows(stack: Tensor, top: Tensor, left: Tensor, mirrored: Tensor, size: int) -> Tensor:
    """Return windows (B, C, size, size) of ``stack`` (B, C, y, x); ``top`` and ``left`` (B,) lie in [0, 1)."""
    rooms = [stack.shape[2 + axis] - size for axis in range(2)]
    # A chance just below 1 is 1 as float32.
    places = [(chance * (room + 1)).long().clamp(max=room) for chance, room in zip((top, left), rooms, strict=True)]
    steps = torch.arange(size, device=stack.device)
    rows = places[0][:, None] + steps
    columns = places[1][:, None] + torch.where(mirrored[:, None], steps.flip(0), steps)
    images = torch.arange(len(stack), device=stack.device)[:, None, None]
    return stack.permute(0, 2, 3, 1)[images, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def add_noise(photos: Tensor, uniforms: Tensor, seeds: Tensor, max_std: float) -> Tensor:
    """Return photographs with Gaussian noise, not clipped, as SmoothGrad's copies have it.

    Parameters
    ----------
    photos : Tensor, (B, 3, y, x), float32
        Photographs, in any unit.
    uniforms : Tensor, (B,)
        Uniform random numbers in [0, 1): each picture's standard deviation as a share of ``max_std``.
    seeds : Tensor, (B,), int64
        Whole numbers below 2**32. A picture's noise depends on its seed alone, on any device and in any batch.
    max_std : float
        Largest standard deviation, in the photographs' unit.

    Returns
    -------
    Tensor, (B, 3, y, x), float32
        In the photographs' unit.
    """
    noise = standard_normal(seeds, photos[0].numel()).reshape(photos.shape)
    return photos + max_std * uniforms.float()[:, None, None, None] * noise


def standard_normal(seeds: Tensor, count: int) -> Tensor:
    """Return ``count`` independent normal numbers for each seed: float32 (B, ``count``).

    ``seeds`` (B,) are int64 below 2**32. Two hashes of a counter and the seed are two uniform numbers, which Box and
    Muller's transform makes two normal ones. Source of the hash: lowbias32 (Wellons 2018).
    """
    pairs = torch.arange((count + 1) // 2, device=seeds.device)
    first, second = (
        (_hashed(_hashed(2 * pairs + place) ^ seeds[:, None]).float() + 0.5) * 2.0**-32 for place in (0, 1)
    )
    radius = torch.sqrt(-2 * torch.log(first))
    angle = 2 * math.pi * second
    return torch.cat([radius * torch.cos(angle), radius * torch.sin(angle)], dim=1)[:, :count]


def _hashed(values: Tensor) -> Tensor:
    """Mix whole numbers below 2**32, one to one."""
    values = ((values ^ (values >> 16)) * 0x7FEB352D) & 0xFFFFFFFF
    values = ((values ^ (values >> 15)) * 0x846CA68B) & 0xFFFFFFFF
    return values ^ (values >> 16)
