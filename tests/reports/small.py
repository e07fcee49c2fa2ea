"""Small convolutional networks and the shipped photographs, for what users of such tools reported."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import torch
from torch import nn

import gala_viz as gv
from gala_viz.collections.collection import Collection
from gala_viz.networks.converters.torchvision_resnet import TorchvisionResNet
from gala_viz.networks.network import Network
from gala_viz.networks.resnet import resnet

CATEGORIES = tuple("abcde")
PREPROCESSING = gv.Preprocessing(short_px=40, crop_px=32)
SPEC = gv.SmoothGradSpec(n_samples=6, noise_fraction=0.2, seed=3)


def photographs(count: int = 2) -> tuple[Collection, tuple[str, ...]]:
    """Return the shipped photographs, and ids of the first ``count``."""
    collection = gv.open_collection("photos")
    return collection, collection.images[:count]


def own_resnet(scale: float = 1.0) -> nn.Module:
    """Return this package's ResNet, small, with GALA; its logits are multiplied by ``scale``."""
    torch.manual_seed(0)
    module = resnet(5, blocks=(1, 1), strides=(1, 2), base_filters=8, attention="gala", attention_groups=(2,))
    *_, last = (part for part in module.modules() if isinstance(part, nn.Linear))
    with torch.no_grad():
        for parameter in last.parameters():
            parameter.mul_(scale)
    return module


def torchvision_resnet() -> nn.Module:
    """Return torchvision's architecture, with one block in each group."""
    torch.manual_seed(0)
    return TorchvisionResNet(5, blocks=(1, 1, 1, 1), bottleneck=False)


def network(module: nn.Module, **options) -> Network:
    """Return a module as a network on the CPU."""
    settings = {"name": "n", "preprocessing": PREPROCESSING, "categories": CATEGORIES, "device": "cpu", **options}
    return Network(module, **settings)


def run_script(repository: Path, script: str) -> list[float]:
    """Run Python in a process of its own, and return the numbers that it printed, one a line."""
    environment = {**os.environ, "PYTHONPATH": str(repository), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=repository, env=environment, capture_output=True, text=True, timeout=280
    )
    assert done.returncode == 0, done.stderr
    return [float(line) for line in done.stdout.split()]
