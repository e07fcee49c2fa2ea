"""How a picture is varied while a network learns: what moves a photograph moves its map alike; noise comes last."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

N_UNIFORMS = 6
"""Random numbers that one picture takes: size, left, top, mirror, contrast, brightness."""


def augment(
    pixels: Tensor, human_maps: Tensor, uniforms: Tensor, *, smallest_share: float, contrast: float, brightness: float
) -> tuple[Tensor, Tensor]:
    """Cropped, mirrored and jittered photographs (B, 3, y, x), float32 in 0..255, and their maps (B, y, x), float32.

    ``pixels`` (B, y, x, 3) uint8 and ``human_maps`` (B, y, x) share one frame; ``uniforms`` (B, 6) lie in [0, 1). The
    crop is a square whose side is a share of the frame's, from ``smallest_share`` to 1, inside the frame; photograph
    and map go through one resampling (bilinear), as four channels of one picture. Contrast, about the picture's mean,
    and brightness change by up to their shares; both leave the map alone.
    """
    size, left, top, mirror, contrast_chance, brightness_chance = uniforms.float().unbind(dim=1)
    share = smallest_share + (1 - smallest_share) * size
    frame = torch.zeros(len(uniforms), 2, 3, device=pixels.device)
    frame[:, 0, 0] = share * torch.where(mirror < 0.5, -1.0, 1.0)
    frame[:, 0, 2] = (1 - share) * (2 * left - 1)
    frame[:, 1, 1] = share
    frame[:, 1, 2] = (1 - share) * (2 * top - 1)
    stack = torch.cat([pixels.permute(0, 3, 1, 2).float(), human_maps[:, None].float()], dim=1)
    grid = F.affine_grid(frame, list(stack.shape), align_corners=False)
    moved = F.grid_sample(stack, grid, mode="bilinear", padding_mode="border", align_corners=False)
    photos = moved[:, :3]
    mean = photos.mean(dim=(1, 2, 3), keepdim=True)
    gain = 1 + contrast * (2 * contrast_chance - 1)
    light = 1 + brightness * (2 * brightness_chance - 1)
    photos = (photos - mean) * gain[:, None, None, None] + mean * light[:, None, None, None]
    return photos.clamp(0, 255), moved[:, 3]


def add_noise(photos: Tensor, uniforms: Tensor, seeds: Tensor, max_std: float) -> Tensor:
    """``photos`` (B, 3, y, x) with Gaussian noise, not clipped, as SmoothGrad's copies have it.

    The standard deviation is the picture's own ``uniforms`` (B,) in [0, 1) times ``max_std``, in the photographs' unit;
    the noise depends on its entry of ``seeds`` (B,), whole numbers below 2**32, on any device and in any batch.
    """
    noise = standard_normal(seeds, photos[0].numel()).reshape(photos.shape)
    return photos + max_std * uniforms.float()[:, None, None, None] * noise


def standard_normal(seeds: Tensor, count: int) -> Tensor:
    """``count`` independent normal numbers for each of ``seeds`` (B,), int64 below 2**32: float32 (B, ``count``).

    Two hashes of a counter and the seed are two uniform numbers, which Box and Muller's transform makes two normal
    ones. Source of the hash: lowbias32 (Wellons 2018).
    """
    pairs = torch.arange((count + 1) // 2, device=seeds.device)
    first, second = (
        (_hashed(_hashed(2 * pairs + place) ^ seeds[:, None]).float() + 0.5) * 2.0**-32 for place in (0, 1)
    )
    radius = torch.sqrt(-2 * torch.log(first))
    angle = 2 * math.pi * second
    return torch.cat([radius * torch.cos(angle), radius * torch.sin(angle)], dim=1)[:, :count]


def _hashed(values: Tensor) -> Tensor:
    """A mixing of whole numbers below 2**32, one to one."""
    values = ((values ^ (values >> 16)) * 0x7FEB352D) & 0xFFFFFFFF
    values = ((values ^ (values >> 15)) * 0x846CA68B) & 0xFFFFFFFF
    return values ^ (values >> 16)
