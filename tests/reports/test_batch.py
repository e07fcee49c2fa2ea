"""Batches: what users of other tools reported, tried here. docs/machinery/reported_problems.md has the table."""

from __future__ import annotations

import warnings

import numpy as np
import psutil
import pytest
import torch
from torch import Tensor, nn

import gala_viz as gv
from tests.reports.small import network

LARGE_MB = 64


class Large(nn.Module):
    """A small network with a large table of weights."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution, self.last = nn.Conv2d(3, 8, 3), nn.Linear(8, 5)
        self.table = nn.Parameter(torch.zeros(LARGE_MB, 2**18))

    def forward(self, batch: Tensor) -> Tensor:
        return self.last(torch.relu(self.convolution(batch)).mean((2, 3))) + self.table[0, 0]


@pytest.mark.slow
def test_a_large_network_is_sent_to_each_process_once_and_not_with_every_block():
    one = network(Large(), preprocessing=gv.Preprocessing(short_px=16, crop_px=16), in_place=True)
    pixels = np.random.default_rng(0).integers(0, 256, (80, 20, 20, 3), dtype=np.uint8)  # ten blocks
    memory_mb: list[float] = []

    def note(done: int, total: int) -> None:
        memory_mb.append(psutil.Process().memory_info().rss / 2**20)

    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=r".*[Ll]arge (object|graph)")
        gv.smoothgrad(one, gv.Images(pixels), gv.SmoothGradSpec(n_samples=2), workers=2, progress=note)
    assert len(memory_mb) == 10
    assert memory_mb[-1] - memory_mb[0] < LARGE_MB / 2, "this process holds client and scheduler"
