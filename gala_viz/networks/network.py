"""A network ready to look at photographs: module, preprocessing, categories and card in one hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from gala_viz.networks.devices import choose_device, choose_dtype, device_text
from gala_viz.networks.gala import attention_recorded, gala_layers
from gala_viz.networks.preprocessing import Preprocessing


class Network:
    """A classifier of photographs on one device, in eval mode, its parameters without gradient.

    ``module`` maps (B, 3, H, W) to logits (B, category). ``layers`` are the labels of its GALA blocks, in order.
    ``dtype`` bfloat16 computes under autocast; inputs and logits are float32. Safe to read from several threads:
    nothing here changes after the constructor.
    """

    def __init__(
        self,
        module: nn.Module,
        *,
        name: str,
        preprocessing: Preprocessing,
        categories: tuple[str, ...],
        title: str | None = None,
        card: Mapping[str, Any] | None = None,
        sha256: str = "",
        device: str | torch.device | None = None,
        dtype: str | torch.dtype | None = None,
    ) -> None:
        self.name = name
        self.title = title or name
        self.preprocessing = preprocessing
        self.categories = categories
        self.card = dict(card or {})
        self.sha256 = sha256
        self.device = choose_device(device)
        self.dtype = choose_dtype(dtype)
        self.module = module.to(self.device, memory_format=torch.channels_last).eval().requires_grad_(False)
        self._blocks = gala_layers(self.module)
        self.layers = tuple(self._blocks)

    @property
    def device_text(self) -> str:
        """Device and precision in words."""
        return device_text(self.device, self.dtype)

    def logits(self, batch: Tensor) -> Tensor:
        """Logits (B, category), float32, on the network's device; differentiable with respect to ``batch``."""
        batch = batch.to(self.device, torch.float32)
        if batch.ndim != 4 or batch.shape[1] != 3:
            raise ValueError(f"{self.name} takes a batch (B, 3, y, x); got shape {tuple(batch.shape)}.")
        batch = batch.contiguous(memory_format=torch.channels_last)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.dtype == torch.bfloat16):
            return self.module(batch).float()

    def attention(self, batch: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Logits and every GALA layer's attention map A (B, C, h, w), float32, from one forward pass."""
        with attention_recorded() as record:
            logits = self.logits(batch)
        return logits, {label: record[block].float() for label, block in self._blocks.items()}

    def to_batch(self, photos: list[np.ndarray]) -> Tensor:
        """Photographs (y, x, 3) uint8 as one input batch (B, 3, y, x), float32, on the CPU."""
        return torch.from_numpy(np.stack([self.preprocessing.to_input(photo) for photo in photos]))

    def __repr__(self) -> str:
        return f"Network({self.name!r}, {len(self.layers)} GALA layers, {self.device_text})"
