"""How a picture is varied while a network learns: what moves a photograph moves its map alike."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

N_CHANCES = 6
"""Random numbers that one picture takes: size, left, top, mirror, contrast, brightness."""


def varied(
    pixels: Tensor, marks: Tensor, chances: Tensor, *, smallest_share: float, contrast: float, brightness: float
) -> tuple[Tensor, Tensor]:
    """Cropped, mirrored and jittered photographs (B, 3, y, x), float32 in 0..255, and their maps (B, y, x), float32.

    ``pixels`` (B, y, x, 3) uint8 and ``marks`` (B, y, x) share one frame; ``chances`` (B, 6) lie in [0, 1). The crop is
    a square whose side is a share of the frame's, from ``smallest_share`` to 1, inside the frame; photograph and map go
    through one resampling (bilinear), as four channels of one picture. Contrast, about the picture's mean, and
    brightness change by up to their shares; both leave the map alone.
    """
    size, left, top, mirror, contrast_chance, brightness_chance = chances.float().unbind(dim=1)
    share = smallest_share + (1 - smallest_share) * size
    frame = torch.zeros(len(chances), 2, 3, device=pixels.device)
    frame[:, 0, 0] = share * torch.where(mirror < 0.5, -1.0, 1.0)
    frame[:, 0, 2] = (1 - share) * (2 * left - 1)
    frame[:, 1, 1] = share
    frame[:, 1, 2] = (1 - share) * (2 * top - 1)
    stack = torch.cat([pixels.permute(0, 3, 1, 2).float(), marks[:, None].float()], dim=1)
    grid = F.affine_grid(frame, list(stack.shape), align_corners=False)
    moved = F.grid_sample(stack, grid, mode="bilinear", padding_mode="border", align_corners=False)
    photos = moved[:, :3]
    mean = photos.mean(dim=(1, 2, 3), keepdim=True)
    gain = 1 + contrast * (2 * contrast_chance - 1)
    light = 1 + brightness * (2 * brightness_chance - 1)
    photos = (photos - mean) * gain[:, None, None, None] + mean * light[:, None, None, None]
    return photos.clamp(0, 255), moved[:, 3]
