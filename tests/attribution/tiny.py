"""Small networks that attribution is tested on: every path of the code, nothing slow."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

from gala_viz.networks.frozen_eval import frozen_eval
from gala_viz.networks.insert import add_gala
from gala_viz.networks.network import Network
from gala_viz.networks.preprocessing import Preprocessing

SIZE = 16


class Tiny(nn.Module):
    """Convolution, batch norm, capped ReLU in place, a residual branch, ReLU as a function, pooling, 5 categories."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.conv1 = nn.Conv2d(3, 8, 3, padding=1)
        self.norm1 = nn.BatchNorm2d(8)
        self.act = nn.ReLU6(inplace=True)
        self.conv2 = nn.Conv2d(8, 8, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(8)
        self.head = nn.Linear(8, 5)
        for norm in (self.norm1, self.norm2):
            nn.init.uniform_(norm.running_mean, -0.5, 0.5)
            nn.init.uniform_(norm.running_var, 0.5, 2)
            nn.init.uniform_(norm.weight, 0.5, 2)

    def forward(self, batch: Tensor) -> Tensor:
        stem = self.act(self.norm1(self.conv1(batch)))
        branch = torch.relu(stem + self.norm2(self.conv2(stem)))
        return self.head(branch.mean((2, 3)))


@dataclass
class Bare:
    """A network as attribution sees it, around a module that nobody has prepared."""

    module: nn.Module
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    def computing(self):
        return frozen_eval(self.module)

    def logits(self, batch: Tensor) -> Tensor:
        return self.module(batch)


def tiny_network(seed: int = 0, *, gala: bool = True, short_px: int = SIZE) -> Network:
    """A ready network with one GALA layer, 16 px input and categories a to e."""
    module = Tiny(seed)
    if gala:
        add_gala(module, {"norm2": "block0"}, ratio=2)
    return Network(
        module,
        name=f"tiny{seed}",
        preprocessing=Preprocessing(short_px=short_px, crop_px=SIZE),
        categories=tuple("abcde"),
        sha256=f"{seed:064d}",
        device="cpu",
    )


def one_input(seed: int = 1, size: int = SIZE) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-1, 1, (3, size, size)).astype(np.float32)
