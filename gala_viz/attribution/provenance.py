"""Provenance of a result: attrs of plain values that survive any file format."""

from __future__ import annotations

import json
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from gala_viz.attribution.network_identity import weights_sha256
from gala_viz.networks.network import Network
from gala_viz.specs import MEASUREMENT_VERSION


def code_versions() -> dict[str, str]:
    """Return the versions of gala_viz, of its measurement, and of the packages on which its numbers depend.

    Returns
    -------
    dict of str to str
        "PACKAGE_version" -> version; "unknown" for a package that is not installed. "measurement_version" is
        ``MEASUREMENT_VERSION``.
    """
    versions = {"measurement_version": str(MEASUREMENT_VERSION)}
    for package in ("gala_viz", "torch", "captum", "numpy", "numba"):
        try:
            versions[f"{package}_version"] = version(package)
        except PackageNotFoundError:
            versions[f"{package}_version"] = "unknown"
    return versions


def network_attrs(network: Network) -> dict[str, Any]:
    """Return attrs that name a network, its device, its weights, its preprocessing and the versions of the code.

    Parameters
    ----------
    network : Network
        The network of the result.

    Returns
    -------
    dict of str to object
        Plain values, the preprocessing as JSON.
    """
    return {
        "network": network.name,
        "weights_sha256": weights_sha256(network),
        "preprocessing": json.dumps(network.preprocessing.settings()),
        **network.device_attrs,
        **code_versions(),
    }
