"""What one training step of each recipe from scratch costs, and how long a whole training takes from that.

    python benchmarks/training.py [--recipes rendered-gala ...] [--widths 12 ...] [--steps 5] [--threads 2]

A step is a batch varied, forward, both losses, backward and the optimiser, on made-up images. The wall time is the
fastest of the steps, the processor time that of all threads together. On a machine that does other work, set
OMP_WAIT_POLICY=PASSIVE, as ``gala-viz train`` does, and trust the processor time with one thread.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from dataclasses import replace

import numpy as np
import torch
import xarray as xr
from torch.utils.flop_counter import FlopCounterMode

from gala_viz.schema import labelled_map
from gala_viz.training.batches import BatchDataset, BatchSampler, prepare_batch
from gala_viz.training.dataset import TrainingImages
from gala_viz.training.losses import attention_loss
from gala_viz.training.recipes import RECIPES, SupervisedRecipe
from gala_viz.training.sources import TrainingSource
from gala_viz.training.supervised import SupervisedModule, initial_network

N_TRAIN = 6000


def main() -> None:
    scratch = [name for name, recipe in RECIPES.items() if isinstance(recipe, SupervisedRecipe)]
    rendered = [name for name in scratch if name.startswith("rendered-")]
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--recipes", nargs="+", default=rendered, choices=scratch)
    parser.add_argument("--widths", nargs="+", type=int, default=[12])
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    print(f"{platform.machine()}, {os.cpu_count()} cores, {arguments.threads} threads, torch {torch.__version__}")
    print(f"load of the machine {os.getloadavg()[0]:.1f}; minutes are for {N_TRAIN} images and the recipe's epochs\n")
    print(
        f"{'recipe':<24}{'width':>6}{'weights, M':>12}{'MMAC':>7}{'ms / image':>12}{'CPU ms':>9}{'epochs':>8}{'min':>7}"
    )
    for name in arguments.recipes:
        for width in arguments.widths:
            recipe = RECIPES[name]
            recipe = replace(recipe, arguments={**recipe.arguments, "base_filters": width})
            network = initial_network(recipe, 12)
            weights, macs = sum(p.numel() for p in network.parameters()) / 1e6, operations(network, recipe) / 1e6
            wall, processor = per_image_ms(recipe, network, arguments.steps)
            minutes = wall * N_TRAIN * recipe.epochs / 60e3
            print(
                f"{name:<24}{width:>6}{weights:>12.2f}{macs:>7.0f}{wall:>12.2f}{processor:>9.2f}"
                f"{recipe.epochs:>8}{minutes:>7.1f}",
                flush=True,
            )


def operations(network: torch.nn.Module, recipe: SupervisedRecipe) -> float:
    """Multiplications of one image forward."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network.eval()(torch.zeros(1, 3, recipe.input_px, recipe.input_px))
    return counter.get_total_flops() / 2


def per_image_ms(recipe: SupervisedRecipe, network: torch.nn.Module, steps: int) -> tuple[float, float]:
    """Wall and processor time of a training step, per image."""
    module = SupervisedModule(network.to(memory_format=torch.channels_last), recipe).train()
    optimizer = torch.optim.AdamW(module.parameter_groups())
    batches, turn = (
        BatchDataset(made_up(recipe), seed=0),
        next(iter(BatchSampler(recipe.batch_size, recipe.batch_size, seed=0))),
    )
    walls, processors = [], []
    for _ in range(steps + 1):
        wall, processor = time.perf_counter(), time.process_time()
        batch = prepare_batch(batches[turn], recipe)
        logits, norms = module(batch["input"])
        loss = module.category_loss(batch, logits)
        if recipe.attention_weight:
            loss = loss + recipe.attention_weight * attention_loss(norms, batch["map"], batch["has_map"])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        walls.append(time.perf_counter() - wall)
        processors.append(time.process_time() - processor)
    return 1e3 * min(walls[1:]) / recipe.batch_size, 1e3 * min(processors[1:]) / recipe.batch_size


class Noise:
    """One batch of noise with maps."""

    name = fingerprint = "noise"

    def __init__(self, recipe: SupervisedRecipe) -> None:
        self.images = tuple(map(str, range(recipe.batch_size)))
        self.categories = tuple(map(str, range(12)))
        self.side = recipe.input_px

    def photo(self, image: str) -> np.ndarray:
        return np.random.default_rng(int(image)).integers(0, 256, (self.side, self.side, 3), dtype=np.uint8)

    def category(self, image: str) -> str:
        return str(int(image) % 12)

    def target(self, image: str) -> None:
        return None

    def has_human_map(self, image: str) -> bool:
        return True

    def human_map(self, image: str) -> xr.DataArray:
        values = np.random.default_rng([1, int(image)]).random((self.side, self.side), dtype=np.float32)
        return labelled_map(values, name="human_map")


def made_up(recipe: SupervisedRecipe) -> TrainingImages:
    """All images of ``Noise``, in memory."""
    noise = Noise(recipe)
    source = TrainingSource(noise, noise.images, "labels", categories=noise.categories)
    return TrainingImages([source], recipe.preprocessing).load()


if __name__ == "__main__":
    main()
