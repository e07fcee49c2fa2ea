"""What an evaluation says of itself: which collection, which networks, and what it could not measure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import xarray as xr

from gala_viz.collections.collection import Collection
from gala_viz.evaluation.kept import weights_sha256
from gala_viz.networks.network import Network


def notes_of(
    collection: Collection,
    networks: Mapping[str, Network],
    values: Mapping[str, xr.Dataset],
    images: Sequence[str],
    left_out: Sequence[tuple[str, str]],
) -> tuple[str, ...]:
    """What could not be measured, and why, in sentences."""
    notes = [f"{len(left_out)} photographs could not be read and are left out."] if left_out else []
    for name, network in networks.items():
        if "correct" not in values[name]:
            notes.append(f"{name}: no image has a label that it knows; its top-1 error is left out.")
        if not network.layers:
            notes.append(f"{name} has no GALA layers; its attention columns are left out.")
    if not any(collection.has_human_map(image) for image in images):
        notes.append(f"{collection.name} has no human maps of these images; likeness to people is left out.")
    if not any("region" in one.dims for one in values.values()):
        notes.append(f"{collection.name} does not know what its pixels belong to; shares of regions are left out.")
    return tuple(notes)


def collection_facts(collection: Collection) -> dict[str, Any]:
    """Which images, with which maps: plain values."""
    kind = next(iter(getattr(collection, "map_kinds", {}).items()), None)
    return {
        "name": collection.name,
        "title": getattr(collection, "title", collection.name),
        "fingerprint": collection.fingerprint,
        "licence": getattr(collection, "licence", None),
        "human_maps": None if kind is None else {"kind": kind[0], "made": kind[1]},
    }


def network_facts(network: Network) -> dict[str, Any]:
    """Which network, with which weights, how it was trained, and on what it ran: plain values."""
    card = network.card
    return {
        "name": network.name,
        "title": network.title,
        "weights_sha256": weights_sha256(network),
        "device": network.device_text,
        "layers": list(network.layers),
        "preprocessing": network.preprocessing.settings(),
        "builder": card.get("network", {}).get("builder"),
        "seed": card.get("recipe", {}).get("seed"),
        "attention_weight": card.get("recipe", {}).get("attention_weight"),
    }
