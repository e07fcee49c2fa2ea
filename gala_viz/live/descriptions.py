"""What a page says of a network, from its card, and of an image, from its collection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gala_viz.collections.collection import Collection
from gala_viz.networks.network import Network
from gala_viz.splits import UNKNOWN
from gala_viz.store.source import ImageInfo, Labels, NetworkInfo

SECTIONS = ("network", "maps", "data", "recipe", "metrics", "weights")
_HIDDEN = {"name", "title", "builder", "arguments", "file", "bytes", "training_images"}


def network_info(network: Network) -> NetworkInfo:
    """Return names, layers, categories, device and the card's lines worth reading."""
    return NetworkInfo(
        name=network.name,
        title=network.title,
        layers=network.layers,
        categories=network.categories,
        input_px=network.preprocessing.input_px,
        device=network.device_description,
        summary=summary(network.card) | ({"precision": network.precision_note} if network.precision_note else {}),
    )


def image_info(
    collection: Collection,
    image: str,
    target: int | None,
    size_px: tuple[int, int] | None,
    learnt: tuple[int, tuple[str, ...]] = (UNKNOWN, ()),
) -> ImageInfo:
    """Return what a collection knows of an image.

    Parameters
    ----------
    collection : Collection
        The collection.
    image : str
        Id of the image.
    target : int or None
        The true category's index among a network's.
    size_px : tuple of int or None
        Height and width of the photograph, where it has been read.
    learnt : (int, tuple of str)
        Whether networks learnt from the image (see ``gala_viz.splits``), and their titles.

    Returns
    -------
    ImageInfo
        For pages.
    """
    return ImageInfo(
        image=image,
        category=collection.category(image),
        target=target,
        superclass=collection.superclass(image),
        split=collection.split(image),
        has_human_map=collection.has_human_map(image),
        size_px=size_px,
        learnt=learnt[0],
        learnt_by=learnt[1],
    )


def labels_of(collection: Collection, images: Sequence[str]) -> Labels:
    """Return what a collection knows of ``images`` without reading pixels."""
    return Labels(
        category=tuple(collection.category(image) or "" for image in images),
        superclass=tuple(collection.superclass(image) or "" for image in images),
        split=tuple(collection.split(image) or "" for image in images),
        has_human_map=np.array([collection.has_human_map(image) for image in images], dtype=bool),
    )


def summary(card: Mapping[str, Any]) -> dict[str, str]:
    """Return one line per plain value of the card's sections, named "section: key", in the card's order."""
    lines: dict[str, str] = {}
    for section in SECTIONS:
        found = card.get(section, {})
        if section == "recipe" and not found.get("attention_weight", 1):
            found = {key: value for key, value in found.items() if key != "maps"}  # which no training looked at
        _add_lines(lines, section, found)
    return lines


def _in_words(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the entry of measured images with words in place of counts of those that the network learnt from.

    Images of which its training data say nothing are in neither count: two zeros would read as a contradiction.
    """
    if not {"n", "n_learnt_from", "n_held_out"} <= set(entry):
        return entry
    learnt, held_out, n = entry["n_learnt_from"], entry["n_held_out"], entry["n"]
    parts = [f"{learnt:,} learnt from"] * (learnt > 0) + [f"{held_out:,} held out"] * (held_out > 0)
    unknown = n - learnt - held_out
    parts += [f"{unknown:,} not known to be learnt from"] * (unknown > 0)
    shown = {key: value for key, value in entry.items() if key not in ("n_learnt_from", "n_held_out")}
    return shown | ({"training": ", ".join(parts)} if parts else {})


def _add_lines(lines: dict[str, str], name: str, value: Any) -> None:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key not in _HIDDEN:
                _add_lines(lines, f"{name}: {key}" if ":" not in name else f"{name}, {key}", inner)
    elif isinstance(value, (list, tuple)) and value and all(isinstance(one, Mapping) for one in value):
        for number, one in enumerate(value, start=1):
            own = " ".join(str(one[key]) for key in ("name", "role") if one.get(key)) or str(number)
            _add_lines(lines, f"{name.rpartition(', ')[0] or name.partition(':')[0]}: {own}", _in_words(one))
    elif isinstance(value, float):
        lines[name] = f"{value:.4g}"
    elif isinstance(value, (list, tuple)):
        lines[name] = ", ".join(f"{one:.4g}" if isinstance(one, float) else str(one) for one in value)
    elif value is not None:
        lines[name] = str(value)
