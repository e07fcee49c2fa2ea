"""Finished blocks on disk: arrays under names that say everything they depend on."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gala_viz.attribution.network_identity import compute_output_fingerprint, state_dict_sha256
from gala_viz.attribution.provenance import network_attrs
from gala_viz.collections.cache import read_npz
from gala_viz.networks.network import Network
from gala_viz.networks.output_fingerprint import kept_name
from gala_viz.specs import fingerprint

FORMAT = 3
"""Goes up when the meaning of a block's arrays changes, so that older ones are computed again."""


class Kept:
    """Blocks of arrays in ``folder`` (None: nothing is kept), one NPZ file each, named by a fingerprint.

    A file appears whole or not at all; one that cannot be read counts as missing and is written again. Nothing in it
    can run code.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)

    def recall(self, label: str, *parts: Any) -> dict[str, np.ndarray] | None:
        """The arrays of the block called ``label`` that depend on ``parts``, or None."""
        path = self._path(label, parts)
        return None if path is None else read_npz(path)

    def keep(self, arrays: Mapping[str, np.ndarray], label: str, *parts: Any) -> None:
        """Write the arrays of the block called ``label`` that depend on ``parts``."""
        path = self._path(label, parts)
        if path is None:
            return
        begun = path.with_name(f".{os.getpid()}-{path.name}")
        try:
            np.savez_compressed(begun, **arrays)
            os.replace(begun, path)
        finally:
            begun.unlink(missing_ok=True)

    def _path(self, label: str, parts: Any) -> Path | None:
        if self.folder is None:
            return None
        plain = re.sub(r"[^A-Za-z0-9._-]+", "-", label)[:80]
        return self.folder / f"{plain}-{fingerprint(FORMAT, *parts)}.npz"


def identity(network: Network, kept: Kept) -> dict[str, Any]:
    """What a network's results in ``kept`` depend on beside the images: weights and behaviour as they are now, layers,
    preprocessing, device, versions.

    A behaviour that is no more than rounding away from one that ``kept`` has met counts as that one. Nothing is
    computed where nothing is kept.
    """
    if kept.folder is None:
        return {}
    who = {
        **network_attrs(network),
        "network": "",
        "weights_sha256": state_dict_sha256(network.module),
        "architecture": network.card.get("network", {}).get("arguments", {}),
        "layers": list(network.layers),
    }
    label = f"behaviours {network.name}"
    before = str((kept.recall(label, who) or {}).get("known", "{}"))
    name = kept_name(
        compute_output_fingerprint(network), before, lambda text: kept.keep({"known": np.array(text)}, label, who)
    )
    return {**who, "behaviour": name}
