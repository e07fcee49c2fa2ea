"""What a training leaves behind: a folder with weights and a card."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import lightning as L
import torch
from torch import nn

from gala_viz.networks.card import write_network
from gala_viz.networks.network import Network
from gala_viz.networks.preprocessing import Preprocessing
from gala_viz.specs import fingerprint, plain
from gala_viz.splits import describe_splits
from gala_viz.training.held import Held, LabelledCollection
from gala_viz.training.recipes import Recipe, ScratchRecipe
from gala_viz.training.samples import Source

NOISE_FRACTION = 0.03
"""SmoothGrad's noise for networks trained on clean rendered images: of 0.03, 0.07 and 0.15 of the range, on validation,
the one with which their maps are about the object at all."""


def write_outcome(
    out: Path,
    network: nn.Module,
    recipe: Recipe,
    preprocessing: Preprocessing,
    told: Mapping[str, Mapping[str, Any]],
    trainer: L.Trainer | None = None,
) -> Path:
    """Write ``out``/<recipe's name> and return it: half-precision weights and a card without held-out numbers yet.

    ``told`` are the card's sections that differ between families, as ``distilled_sections`` or ``scratch_sections``
    give them; its [network] is added to what the recipe says. ``trainer`` tells on what the training ran.
    """
    sections = {key: dict(section) for key, section in told.items()}
    card = {
        "network": {
            "name": recipe.name,
            "title": recipe.title,
            "builder": recipe.builder,
            "arguments": plain(recipe.arguments),
            **sections.pop("network", {}),
        },
        "preprocessing": preprocessing.settings(),
        "categories": sections.pop("categories"),
        "recipe": plain(asdict(recipe)),
        **sections,
        "made": {
            "code": f"gala_viz {version('gala_viz')}",
            "torch": torch.__version__,
            "machine": f"{platform.system()} {platform.machine()}, {torch.get_num_threads()} threads",
            **({} if trainer is None else {"trained_on": trained_on(trainer)}),
        },
    }
    folder = out / recipe.name
    write_network(folder, network, plain(card), half=True)
    return folder


def trained_on(trainer: L.Trainer) -> str:
    """For example "NVIDIA H100 80GB HBM3, 1 process, bf16-mixed": the same recipe differs a little between these."""
    device, count = trainer.strategy.root_device, trainer.world_size
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type.upper()
    return f"{name}, {count} process{'' if count == 1 else 'es'}, {trainer.precision}"


def distilled_sections(start: Network, parts: Sequence[Sequence[Source]]) -> dict[str, dict[str, Any]]:
    """Sections of a network that started as ``start`` and learned from ``parts`` (training, validation).

    [data] lists, for each collection, its role, how many images trained and chose, and a fingerprint of the image ids,
    by which anyone can check the split.
    """
    data: dict[str, Any] = {"split": describe_splits()}
    for split, sources in zip(("train", "validation"), parts, strict=True):
        for source in sources:
            entry = data.setdefault(source.collection.name, {"role": source.role})
            entry[f"n_{split}"] = len(source.images)
            entry[f"ids_{split}"] = fingerprint(list(source.images))
            kinds = getattr(source.collection, "map_kinds", {})
            if source.role == "maps" and kinds:
                entry["maps"] = next(iter(kinds.values()))
    return {
        "network": {
            "start": f"{start.name} (sha256 {start.sha256[:16]})",
            "licence": "weights: Apache-2.0, as those they start from",
        },
        "categories": {"source": "imagenet"},
        "data": data,
    }


def scratch_sections(
    recipe: ScratchRecipe,
    collection: LabelledCollection,
    training: Held,
    validation: Held,
    numbers: Mapping[str, Any],
) -> dict[str, dict[str, Any]]:
    """Sections of a network trained from scratch on ``collection``; ``numbers`` are those of ``selection``."""
    entry: dict[str, Any] = {"collection_fingerprint": collection.fingerprint}
    for split, held in (("train", training), ("validation", validation)):
        entry |= {f"n_{split}": len(held.images), f"ids_{split}": fingerprint(list(held.images))}
    kinds = getattr(collection, "map_kinds", {})
    if kinds and recipe.attention_weight:
        entry["maps"], entry["maps_are"] = recipe.maps, next(iter(kinds.values()))
    compared = {
        "maps": recipe.maps,
        "rho": "Spearman, attention norm and map at the layer's grid, mean over images",
    }
    if "rho_attention" not in numbers:
        compared = {}
    arguments = {**recipe.arguments, "n_categories": len(collection.categories)}
    return {
        "network": {
            "arguments": arguments,
            "start": f"random weights, seed {recipe.seed}",
            "licence": "MIT: weights and data are this project's own",
        },
        "categories": {"names": list(collection.categories)},
        "data": {"split": "as the collection says", collection.name: entry},
        "selection": {"split": "validation", "network": "last epoch", **compared, **numbers},
        "attribution": {"noise_fraction": recipe.noise or NOISE_FRACTION},
    }
