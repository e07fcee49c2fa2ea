"""What a training leaves behind: a folder with weights and a card."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import nn

from gala_viz.networks.card import write_network
from gala_viz.networks.network import Network
from gala_viz.specs import fingerprint
from gala_viz.splits import describe_splits
from gala_viz.training.recipes import Recipe
from gala_viz.training.samples import Source


def write_outcome(
    out: Path, network: nn.Module, recipe: Recipe, start: Network, parts: Sequence[Sequence[Source]]
) -> Path:
    """Write ``out``/<recipe's name> and return it: half-precision weights and a card without numbers yet.

    The card's [data] lists, for each collection, its role, how many images trained and chose, and a fingerprint of the
    image ids, by which anyone can check the split.
    """
    card = {
        "network": {
            "name": recipe.name,
            "title": recipe.title,
            "builder": recipe.builder,
            "arguments": _plain(recipe.arguments),
            "start": f"{start.name} (sha256 {start.sha256[:16]})",
            "licence": "weights: Apache-2.0, as those they start from",
        },
        "preprocessing": start.preprocessing.settings(),
        "categories": {"source": "imagenet"},
        "recipe": _plain(asdict(recipe)),
        "data": _data(parts),
        "made": {
            "code": f"gala_viz {version('gala_viz')}",
            "torch": torch.__version__,
            "machine": f"{platform.system()} {platform.machine()}, {torch.get_num_threads()} threads",
        },
    }
    folder = out / recipe.name
    write_network(folder, network, card, half=True)
    return folder


def _data(parts: Sequence[Sequence[Source]]) -> dict[str, Any]:
    told: dict[str, Any] = {"split": describe_splits()}
    for split, sources in zip(("train", "validation"), parts, strict=True):
        for source in sources:
            entry = told.setdefault(source.collection.name, {"role": source.role})
            entry[f"n_{split}"] = len(source.images)
            entry[f"ids_{split}"] = fingerprint(list(source.images))
            kinds = getattr(source.collection, "map_kinds", {})
            if source.role == "maps" and kinds:
                entry["maps"] = next(iter(kinds.values()))
    return told


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items() if item is not None}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
