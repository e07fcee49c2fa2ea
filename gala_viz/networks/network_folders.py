"""Where networks lie and what they are called, without loading any: quick, and without torch."""

from __future__ import annotations

import hashlib
import os
import re
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gala_viz.registry import unknown_name

WEIGHTS, CARD = "weights.safetensors", "card.toml"
UNMODIFIED_NETWORK = "lite0"
"""EfficientNet-Lite0 as its package ships it: a network without a folder."""


EXTERNAL_LIBRARIES = ("transformers", "timm")
FUNCTION_NAME = re.compile(r"(?P<module>[A-Za-z_][\w.]*):(?P<function>[A-Za-z_]\w*)")


class WeightsError(ValueError):
    """Weights or a card that cannot be what they claim; the message names the file and what is wrong with it."""


def model_folders() -> list[Path]:
    """Where trained networks are looked for: GALA_VIZ_MODELS first, then the checkout's, then the installation's."""
    named = [Path(folder) for folder in os.environ.get("GALA_VIZ_MODELS", "").split(os.pathsep) if folder]
    return [folder for folder in (*named, *_own_models_folders()) if folder.is_dir()]


def _own_models_folders() -> tuple[Path, Path]:
    return Path(__file__).resolve().parents[2] / "models", Path(sys.prefix) / "share" / "gala_viz" / "models"


def known_networks() -> tuple[str, ...]:
    """Names that ``load_network`` takes: the unmodified network and every trained one."""
    found = {path.parent.name for folder in model_folders() for path in folder.glob(f"*/{CARD}")}
    return (UNMODIFIED_NETWORK, *sorted(found))


def is_external(name: str) -> bool:
    """Whether ``name`` is one of others' networks: "transformers:…", "timm:…" or "package.module:function"."""
    return name.partition(":")[0] in EXTERNAL_LIBRARIES or FUNCTION_NAME.fullmatch(name) is not None


def network_folder(name_or_folder: str | Path) -> Path | None:
    """The folder of a trained network, by name or path; None for the unmodified network, which has none.

    Raises ``ValueError`` with the nearest name for an unknown one, ``WeightsError`` for a folder without a card.
    """
    name = str(name_or_folder)
    if name == UNMODIFIED_NETWORK:
        return None
    if os.sep not in name and "/" not in name and name not in ("", ".", ".."):
        for models in model_folders():
            if (models / name / CARD).is_file():
                return models / name
    folder = Path(name_or_folder).expanduser()
    if (folder / CARD).is_file():
        return folder
    if folder.is_dir():
        raise WeightsError(f"{folder / CARD}: not found; a network's folder holds {CARD} and {WEIGHTS}.")
    raise ValueError(unknown_name("network", name, known_networks()))


def read_card(folder: Path) -> dict[str, Any]:
    """The card of a network's folder. Raises ``WeightsError`` where it is missing, not TOML or lacks a section."""
    path = folder / CARD
    try:
        card = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise WeightsError(f"{path}: not found; a network's folder holds {CARD} and {WEIGHTS}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise WeightsError(f"{path}: not a TOML file ({error}).") from None
    for section, keys in {"network": ("name", "builder"), "weights": ("sha256",), "preprocessing": ()}.items():
        if not isinstance(card.get(section), dict):
            raise WeightsError(f"{path}: the section [{section}] is missing.")
        for key in keys:
            if not isinstance(card[section].get(key), str):
                raise WeightsError(f"{path}: [{section}] needs {key} as a text.")
    return card


def read_verified_weights(folder: Path, card: Mapping[str, Any]) -> bytes:
    """Return the weights' file of a network's folder. Raises ``WeightsError`` where it is missing or not its card's."""
    path = folder / WEIGHTS
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise WeightsError(f"{path}: not found; a network's folder holds {CARD} and {WEIGHTS}.") from None
    found = hashlib.sha256(content).hexdigest()
    if found != card["weights"]["sha256"]:
        raise WeightsError(
            f"{path}: its sha256 is {found[:12]}…, the card says {card['weights']['sha256'][:12]}…: "
            "the file is damaged or not this card's."
        )
    return content


def is_shipped(name: str) -> bool:
    """Whether ``name`` means a network that comes with the program, so that its code and its card are known to fit."""
    if name == UNMODIFIED_NETWORK:
        return True
    if is_external(name) or os.sep in name or "/" in name:
        return False
    folder = network_folder(name)
    return folder is not None and folder.parent in _own_models_folders()
