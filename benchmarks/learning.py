"""How much the maps help, and when: networks of the rendered collection at several budgets, shortcuts and lambdas.

    python benchmarks/learning.py [--recipes rendered-resnet ...] [--epochs 10 24] [--seeds 0 1 2] [--jobs 8]
        [--weights 0.3 1] [--shortcuts 0.7 0.9] [--noises 0 0.15] [--per-category 200] [--out runs/learning.csv]
        [--harmonizers 0 1] [--gates none 0.5] [--warmups 2 5] [--architectures none position=input ratio=1]
        [--input-px 96] [--report validation]

Each training is that of ``gala-viz train`` but for what is asked here: ``--weights`` are lambdas for recipes with maps,
``--shortcuts`` the probability that colour and place tell the category in the training split, ``--noises`` the highest
standard deviation, as a share of the pixels' range, of Gaussian noise that is added to the training's pictures,
``--harmonizers`` weights of the harmonizer's loss, ``--gates`` constant values of A at which GALA begins, ``--warmups``
epochs over which the rate rises, ``--architectures`` one setting each of the ResNet or of its GALA blocks that is
changed: ``position=input``, ``attention_groups=1,2,3,4``, ``ratio=1``, ``base_filters=18``. All numbers are of the
validation split, or of the test split where nothing is chosen any more (``--report test``); neither depends on the
shortcut: accuracy on all of it, rho of the attention norms (mean of layers), and, on ``--images`` of it, rho of
SmoothGrad at three noises and the share of its mass on diagnostic parts. ``--jobs`` trainings share the processor and
the GPU; a row is written as each ends. A training that was done before, beside the same ``--out``, is not done again:
only its numbers are taken.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import logging
import multiprocessing
import os
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import torch

from gala_viz.alignment import COMPARISON_CELLS, area_average, spearman
from gala_viz.collections.rendered.rendered_collection import RenderedCollection
from gala_viz.collections.rendered.rendering_spec import RenderingSpec
from gala_viz.evaluation.network_results import block_results
from gala_viz.evaluation.spec import EvaluationSpec
from gala_viz.networks.devices import choose_device, disable_tf32
from gala_viz.networks.fuse_batchnorm import fuse_batchnorm
from gala_viz.networks.network import Network
from gala_viz.networks.preprocessing import Preprocessing
from gala_viz.specs import SmoothGradSpec
from gala_viz.splits import Split
from gala_viz.training.batches import TrainingDataModule, validation_batches
from gala_viz.training.dataset import TrainingImages, load_dataset
from gala_viz.training.fit import fit
from gala_viz.training.recipes import RECIPES, SupervisedRecipe
from gala_viz.training.rng import named_rng
from gala_viz.training.supervised import SupervisedModule, initial_network
from gala_viz.training.validation_metrics import validation_metrics

LOOKS = {"gradient": (1, 0.0), "smoothgrad_0.03": (25, 0.03), "smoothgrad_0.15": (25, 0.15)}
"""Columns -> samples and noise of the maps that are compared with people's."""
RESNET_SETTINGS: dict[str, Callable[[str], Any]] = {
    "position": str,
    "base_filters": int,
    "attention_groups": lambda text: tuple(map(int, text.split(","))),
}
"""Settings of the ResNet that ``--architectures`` changes, and how their values are read."""
FORK = multiprocessing.get_context("fork")
"""Processes share the images that this one holds."""
HELD: dict[float | str, TrainingImages] = {}
COLLECTIONS: dict[str, RenderedCollection] = {}
FRAMES: list[Preprocessing] = []
"""The networks' frame, one."""


def main() -> None:
    arguments = parsed()
    start = time.monotonic()
    FRAMES.append(replace(RECIPES["rendered-gala"], input_px=arguments.input_px).preprocessing)
    counts = None if arguments.per_category is None else {"train": arguments.per_category}
    for shortcut in arguments.shortcuts:
        HELD[shortcut] = held(RenderedCollection(RenderingSpec(shortcut=shortcut), counts=counts), "train")
    held_out = dict.fromkeys(("validation", "test"), arguments.held_out)
    counts = None if counts is None else counts | held_out
    COLLECTIONS["held out"] = RenderedCollection(counts=counts)
    HELD["validation"] = held(COLLECTIONS["held out"], "validation")
    HELD["report"] = held(COLLECTIONS["held out"], arguments.report)
    print(f"images made and read in {time.monotonic() - start:.0f} s", flush=True)
    trainings, done = asked(arguments), []
    with FORK.Pool(arguments.jobs, initializer=_quiet, initargs=(arguments.jobs,)) as pool:
        for row in pool.imap_unordered(partial(trained, arguments=arguments), trainings, chunksize=1):
            done.append(row)
            written(done, arguments.out)
            print(", ".join(f"{key} {value}" for key, value in row.items()), flush=True)
    print(f"{len(done)} trainings in {time.monotonic() - start:.0f} s: {arguments.out}")


def parsed() -> argparse.Namespace:
    scratch = [name for name in RECIPES if name.startswith("rendered-")]
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--recipes", nargs="+", default=scratch, choices=scratch)
    parser.add_argument("--epochs", nargs="+", type=int, default=[10, 24])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--weights", nargs="+", type=float, default=[1.0])
    parser.add_argument("--shortcuts", nargs="+", type=float, default=[0.7])
    parser.add_argument("--noises", nargs="+", type=float, default=[0.0])
    parser.add_argument("--harmonizers", nargs="+", type=float, default=[0.0])
    parser.add_argument("--gates", nargs="+", type=_gate, default=[None], help="none: as the recipe has it")
    parser.add_argument("--warmups", nargs="+", type=float, default=[2.0])
    parser.add_argument(
        "--architectures", nargs="+", type=_architecture, default=[""], help="none: as the recipe has it"
    )
    parser.add_argument("--input-px", type=int, default=128)
    parser.add_argument("--report", default="validation", choices=["validation", "test"])
    parser.add_argument("--images", type=int, default=120)
    parser.add_argument("--per-category", type=int, help="images of a category in each split; all where not given")
    parser.add_argument("--held-out", type=int, default=50, help="the same of validation and test, with --per-category")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--device", help="cpu, cuda, or what is there")
    parser.add_argument("--out", type=Path, default=Path("runs/learning.csv"))
    return parser.parse_args()


def _gate(text: str) -> float | None:
    return None if text == "none" else float(text)


def _architecture(text: str) -> str:
    name, _, value = text.partition("=")
    if text == "none":
        return ""
    if name not in (*RESNET_SETTINGS, "ratio") or not value:
        raise argparse.ArgumentTypeError(f"none, or NAME=VALUE of {', '.join(RESNET_SETTINGS)}, ratio; got {text!r}")
    return text


def changed(recipe: SupervisedRecipe, architecture: str) -> SupervisedRecipe:
    """Return the ``recipe`` with one setting of its ResNet, or of its GALA blocks, as ``NAME=VALUE`` says."""
    name, _, value = architecture.partition("=")
    if not name:
        return recipe
    if name == "ratio":
        setting: dict[str, Any] = {"attention_options": {"ratio": int(value)}}
    else:
        setting = {name: RESNET_SETTINGS[name](value)}
    return replace(recipe, arguments={**recipe.arguments, **setting})


def asked(arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """One dict for each training; recipes without maps have one lambda, 0."""
    found = []
    parts = {
        "shortcut": arguments.shortcuts, "noise": arguments.noises, "epochs": arguments.epochs, "seed": arguments.seeds,
        "harmonizer_weight": arguments.harmonizers, "gate": arguments.gates, "warmup_epochs": arguments.warmups,
        "architecture": arguments.architectures, "recipe": arguments.recipes,
    }  # fmt: skip
    for values in itertools.product(*parts.values()):
        setting = dict(zip(parts, values, strict=True))
        weights = arguments.weights if RECIPES[setting["recipe"]].attention_weight else [0.0]
        found += [{**setting, "attention_weight": weight} for weight in weights]
    return found


def held(collection: RenderedCollection, split: Split) -> TrainingImages:
    collection.prepare((split,))
    return load_dataset(collection, split, FRAMES[0])


def _quiet(jobs: int) -> None:
    torch.set_num_threads(max(1, (os.cpu_count() or 1) // jobs))
    disable_tf32()
    warnings.filterwarnings("ignore")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)


def trained(training: dict[str, Any], arguments: argparse.Namespace) -> dict[str, Any]:
    """The training and its numbers."""
    device = choose_device(arguments.device)
    settings = {key: value for key, value in training.items() if key not in ("shortcut", "recipe", "architecture")}
    recipe = replace(RECIPES[training["recipe"]], input_px=arguments.input_px, **settings)
    recipe = changed(recipe, training["architecture"])
    network = initial_network(recipe, len(COLLECTIONS["held out"].categories))
    pictures = TrainingDataModule(HELD[training["shortcut"]], HELD["validation"], recipe)
    torch.manual_seed(recipe.seed)
    start, folder = time.monotonic(), arguments.out.parent / "learning" / "-".join(map(str, training.values()))
    accelerator = "gpu" if device.type == "cuda" else "cpu"
    module = SupervisedModule(network, recipe)
    fit(module, pictures, folder, accelerator=accelerator, devices=1, quiet=True)
    seconds = time.monotonic() - start
    numbers = validation_metrics(network, validation_batches(HELD["report"], recipe))
    rho = numbers.get("rho_attention", {}).get("mean_of_layers", "")
    told = {"accuracy": numbers["accuracy"], "rho_attention": rho, "train_s": round(seconds)}
    seen = Network(
        network.to(device), name=recipe.name, preprocessing=FRAMES[0],
        categories=COLLECTIONS["held out"].categories,
    )  # fmt: skip
    return training | told | looked(fuse_batchnorm(seen), arguments.images)


def looked(network: Network, count: int) -> dict[str, float]:
    images = sorted(HELD["report"].images, key=lambda image: named_rng("learning", image).random())[:count]
    collection, cells = COLLECTIONS["held out"], (COMPARISON_CELLS, COMPARISON_CELLS)
    people = np.stack(
        [area_average(FRAMES[0].map_to_frame(collection.human_map(image)).values[None], cells)[0] for image in images]
    )
    told = {}
    for name, (n, noise) in LOOKS.items():
        spec = EvaluationSpec(split="all", smoothgrad=SmoothGradSpec(n_samples=n, noise_fraction=noise))
        found = block_results(network, collection, images, spec)
        told[f"rho_{name}"] = round(float(np.mean(spearman(found.smoothgrad, people))), 4)
        share = found.shares["smoothgrad"][:, found.regions.index("diagnostic")]
        told[f"diagnostic_{name}"] = round(float(share.mean()), 4)
    return told


def written(rows: list[dict[str, Any]], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(dict.fromkeys(key for row in rows for key in row)))
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
