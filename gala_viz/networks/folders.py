"""Where networks lie and what they are called, without loading any: quick, and without torch."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from gala_viz.registry import unknown_name

WEIGHTS, CARD = "weights.safetensors", "card.toml"
UNMODIFIED = "lite0"
"""EfficientNet-Lite0 as its package ships it: a network without a folder."""


LIBRARIES = ("transformers", "timm")
FUNCTION = re.compile(r"(?P<module>[A-Za-z_][\w.]*):(?P<function>[A-Za-z_]\w*)")


class WeightsError(ValueError):
    """Weights or a card that cannot be what they claim; the message names the file and what is wrong with it."""


def models_folders() -> list[Path]:
    """Where trained networks are looked for: GALA_VIZ_MODELS first, then the checkout's, then the installation's."""
    named = [Path(folder) for folder in os.environ.get("GALA_VIZ_MODELS", "").split(os.pathsep) if folder]
    checkout = Path(__file__).resolve().parents[2]
    installed = Path(sys.prefix) / "share" / "gala_viz" / "models"
    return [folder for folder in (*named, checkout / "models", installed) if folder.is_dir()]


def known_networks() -> tuple[str, ...]:
    """Names that ``load_network`` takes: the unmodified network and every trained one."""
    found = {path.parent.name for folder in models_folders() for path in folder.glob(f"*/{CARD}")}
    return (UNMODIFIED, *sorted(found))


def is_other(name: str) -> bool:
    """Whether ``name`` is one of others' networks: "transformers:…", "timm:…" or "package.module:function"."""
    return name.partition(":")[0] in LIBRARIES or FUNCTION.fullmatch(name) is not None


def network_folder(name_or_folder: str | Path) -> Path | None:
    """The folder of a trained network, by name or path; None for the unmodified network, which has none.

    Raises ``ValueError`` with the nearest name for an unknown one, ``WeightsError`` for a folder without a card.
    """
    name = str(name_or_folder)
    if name == UNMODIFIED:
        return None
    if os.sep not in name and "/" not in name and name not in ("", ".", ".."):
        for models in models_folders():
            if (models / name / CARD).is_file():
                return models / name
    folder = Path(name_or_folder).expanduser()
    if (folder / CARD).is_file():
        return folder
    if folder.is_dir():
        raise WeightsError(f"{folder / CARD}: not found; a network's folder holds {CARD} and {WEIGHTS}.")
    raise ValueError(unknown_name("network", name, known_networks()))
