"""What a result says about where it came from: attrs of plain values that survive any file format."""

from __future__ import annotations

import json
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from gala_viz.networks.network import Network


def code_versions() -> dict[str, str]:
    """Versions of gala_viz and of what its numbers depend on; "unknown" for a package that is not installed."""
    found = {}
    for package in ("gala_viz", "torch", "captum", "numpy"):
        try:
            found[f"{package}_version"] = version(package)
        except PackageNotFoundError:
            found[f"{package}_version"] = "unknown"
    return found


def network_attrs(network: Network) -> dict[str, Any]:
    """Which network, on what, with which weights and preprocessing."""
    return {
        "network": network.name,
        "weights_sha256": network.sha256,
        "preprocessing": json.dumps(network.preprocessing.settings()),
        "device": network.device_description,
        **code_versions(),
    }
