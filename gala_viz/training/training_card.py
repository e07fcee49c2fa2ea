"""Weights card of a training: the folder with weights and card that it leaves behind."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import lightning as L
import torch
from torch import nn

from gala_viz.collections.map_checks import describe_usable_maps
from gala_viz.collections.rendered.rendered_collection import RenderedCollection
from gala_viz.imagenet import category_names
from gala_viz.networks.card import write_network
from gala_viz.networks.network import Network
from gala_viz.networks.network_folders import UNMODIFIED_NETWORK
from gala_viz.networks.preprocessing import Preprocessing
from gala_viz.networks.training_data import (
    TRAINING_IMAGES_FILE,
    TrainingCollection,
    TrainingData,
    hash_training_images,
    training_data_arrays,
    training_images_file,
)
from gala_viz.specs import fingerprint, toml_values
from gala_viz.splits import describe_split_rule, splits_of
from gala_viz.training.checkpoints import hardware_of
from gala_viz.training.dataset import TrainingSource
from gala_viz.training.epoch_log import EPOCHS_FILE, read_epochs
from gala_viz.training.in_memory_dataset import InMemoryDataset, LabelledCollection
from gala_viz.training.recipes import Recipe, ScratchRecipe

OWN_LICENCE, NO_LICENCE = "MIT: weights and data are this project's own", "not given"
UNMODIFIED_LICENCE = "weights: Apache-2.0, as those they start from"
NOISE_FRACTION = 0.03
"""SmoothGrad's noise for networks trained on clean rendered images.

Of 0.03, 0.07 and 0.15 of the range it is the one with which, on validation, their maps are about the object at all.
"""


def write_trained_network(
    out: Path,
    network: nn.Module,
    recipe: Recipe,
    preprocessing: Preprocessing,
    sections_by_name: Mapping[str, Mapping[str, Any]],
    trainer: L.Trainer | None = None,
    start: Network | None = None,
    *,
    float16: bool = False,
) -> Path:
    """Write weights and card of a trained network into a folder of its recipe's name, and return the folder.

    The card has no numbers on held-out test images yet.

    Parameters
    ----------
    out : Path
        Folder of networks; the network's own is ``out``/<recipe's name>.
    network : nn.Module
        The trained network.
    recipe : Recipe
        How it was trained.
    preprocessing : Preprocessing
        How its input is made.
    sections_by_name : mapping
        The card's sections that differ between families, as ``distillation_sections`` or ``scratch_sections`` give
        them; [network] is added to what the recipe says.
    trainer : L.Trainer, optional
        Says on what the training ran and which images trained: short hashes of their ids and bytes are written beside
        the card, with those of ``start``.
    start : Network, optional
        The network that it began as.
    float16 : bool
        Store weights as float16, see ``write_network``; else as float32.

    Returns
    -------
    Path
        The network's folder.

    Raises
    ------
    WeightsError
        A weight is NaN or infinite, or beyond float16's range; nothing is written then.
    """
    sections = {key: dict(section) for key, section in sections_by_name.items()}
    hashes = None
    if trainer is not None:
        training, _ = trainer.datamodule.sources  # type: ignore[attr-defined]
        hashes, images = _training_images(training, start)
        sections["data"] |= images
    card = {
        "network": {
            "name": recipe.name,
            "title": recipe.title,
            "builder": recipe.builder,
            "arguments": toml_values(recipe.arguments),
            **sections.pop("network", {}),
        },
        "preprocessing": preprocessing.settings(),
        "categories": sections.pop("categories"),
        "recipe": toml_values(asdict(recipe)),
        **sections,
        "made": {
            "code": f"gala_viz {version('gala_viz')}",
            "date": datetime.now(UTC).strftime("%Y-%m-%d"),
            **{name: version(name) for name in ("torch", "lightning", "numpy")},
            "machine": f"{platform.system()} {platform.machine()}, {torch.get_num_threads()} threads",
            **({} if trainer is None else _training_facts(trainer)),
        },
    }
    folder = out / recipe.name
    write_network(folder, network, toml_values(card), half=float16, beside={TRAINING_IMAGES_FILE: hashes})
    return folder


def data_section(
    training: Sequence[TrainingSource],
    validation: Sequence[TrainingSource],
    *,
    start: Network | None = None,
    maps: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return [data] of a card: what the network learnt from, and by which rule that was split from the rest.

    Parameters
    ----------
    training : sequence of TrainingSource
        What trained.
    validation : sequence of TrainingSource
        By what the training was validated.
    start : Network, optional
        The network that it began as; its own training data are listed too.
    maps : mapping of str to str, optional
        Added to the entry of a collection with human maps whose role is not "maps"; None: nothing is added.

    Returns
    -------
    dict
        "split", a sentence, and "collections", with an entry for each collection in each role: its name and
        fingerprint, the rule of its splits ("own" or "hash", with the hash's seed), how many images trained and
        validated, and fingerprints of their ids, by which anyone can check the splits.
    """
    entries: dict[tuple[str, str, str], dict[str, Any]] = {}
    sentences = []
    for part, sources in (("train", training), ("validation", validation)):
        for source in sources:
            collection, splits = source.collection, source.splits or splits_of(source.collection)
            key = source.role, collection.name, collection.fingerprint
            if key not in entries:
                entries[key] = {
                    "name": collection.name,
                    "role": source.role,
                    "rule": splits.rule,
                    **({} if splits.seed is None else {"seed": splits.seed}),
                    "collection_fingerprint": collection.fingerprint,
                    **({"n_in_no_split": len(splits.unassigned)} if splits.unassigned else {}),
                }
                sentences.append(f"{collection.name}: {describe_split_rule(splits.rule, splits.seed)}")
            entry = entries[key]
            entry |= {f"n_{part}": len(source.images), f"ids_{part}": fingerprint(list(source.images))}
            if source.left_out:
                what = "n_left_out_as_held_out" if part == "train" else "n_validation_left_out_as_test"
                entry[what] = len(source.left_out)
            if not source.compared:
                entry["compared_by_bytes"] = False
            if source.role == "maps":
                entry[f"maps_{part}"] = describe_usable_maps(len(source.images), source.unusable)
            kinds = getattr(collection, "map_kinds", {})
            if kinds and source.role == "maps":
                entry["maps"] = next(iter(kinds.values()))
            elif kinds and maps is not None:
                entry |= {**maps, "maps_are": next(iter(kinds.values()))}
    inherited = []
    if start is not None:
        before = start.training_data.collections
        inherited = [{**_plain(one), "learnt_by": one.learnt_by or start.name} for one in before]
    return {"split": "; ".join(dict.fromkeys(sentences)), "collections": [*entries.values(), *inherited]}


def _plain(used: TrainingCollection) -> dict[str, Any]:
    """Return the entry of a card for a training collection."""
    values = asdict(used)
    return {"collection_fingerprint" if name == "fingerprint" else name: value for name, value in values.items()}


def _training_images(training: Sequence[TrainingSource], start: Network | None) -> tuple[bytes | None, dict[str, Any]]:
    """Return the file with hashes of all training images, and its part of [data].

    That says whether the hashes are complete, and the file's name and checksum.
    """
    arrays, complete = hash_training_images((source.collection, source.images) for source in training)
    all_bytes = complete
    if start is not None:
        own = TrainingData.from_card({"data": {"collections": [], "complete": complete}}, arrays)
        both = TrainingData.merge([own, start.training_data])
        arrays, complete, all_bytes = (training_data_arrays(both) if arrays else {}), both.complete, both.all_bytes
    content, section = training_images_file(arrays)
    return content, {"complete": complete, **({"all_bytes": all_bytes, "training_images": section} if section else {})}


def _training_facts(trainer: L.Trainer) -> dict[str, Any]:
    """Return what [made] of a card says of a training: hardware, steps, seconds, and the losses of its last epoch."""
    facts: dict[str, Any] = {"trained_on": "; then ".join(hardware_of(trainer)), "steps": trainer.global_step}
    rows = read_epochs(Path(trainer.default_root_dir) / EPOCHS_FILE)
    if rows:
        facts["seconds"] = round(sum(float(row["seconds"]) for row in rows))
        names = [name for name in ("loss", "category_loss", "attention_loss") if rows[-1].get(name)]
        facts |= {f"final_{name}": float(rows[-1][name]) for name in names}
    return facts


def distillation_sections(
    start: Network, sources: Sequence[Sequence[TrainingSource]], licence: str | None = None
) -> dict[str, dict[str, Any]]:
    """Return the card's sections of a network that started as ``start`` and learned from ``sources``.

    ``sources`` are (training, validation); for [data] see ``data_section``. The categories are those of ``start``.
    ``licence`` is that of the weights; default: that of the unmodified network where it starts from it, else "not
    given".
    """
    known = tuple(start.categories)
    return {
        "network": {
            "start": f"{start.name} (sha256 {start.sha256[:16]})",
            "licence": licence or (UNMODIFIED_LICENCE if start.name == UNMODIFIED_NETWORK else NO_LICENCE),
        },
        "categories": {"source": "imagenet"} if known == category_names() else {"names": list(known)},
        "data": data_section(*sources, start=start),
    }


def scratch_sections(
    recipe: ScratchRecipe,
    collection: LabelledCollection,
    training: InMemoryDataset,
    validation: InMemoryDataset,
    metrics: Mapping[str, Any],
    licence: str | None = None,
) -> dict[str, dict[str, Any]]:
    """Return the card's sections of a network trained from scratch.

    Parameters
    ----------
    recipe : ScratchRecipe
        How it was trained.
    collection : LabelledCollection
        What it was trained on; its categories are the network's.
    training : InMemoryDataset
        What trained.
    validation : InMemoryDataset
        By what the training was validated.
    metrics : mapping
        As ``validation_metrics`` gives them, for [selection].
    licence : str, optional
        Of the weights; default: this project's own for its rendered objects, else "not given".

    Returns
    -------
    dict
        Name -> section, for ``write_trained_network``.
    """
    maps = {"maps": recipe.maps} if recipe.attention_weight else None
    sources = [replace(one.source, role="labels", images=one.images) for one in (training, validation)]
    compared = {
        "maps": recipe.maps,
        "rho": "Spearman, attention norm and map at the layer's grid, mean over images",
    }
    if "rho_attention" not in metrics:
        compared = {}
    data = data_section(sources[:1], sources[1:], maps=maps)
    for part, dataset in (("train", training), ("validation", validation)):
        if dataset.has_map.any() or dataset.unusable:
            data["collections"][0][f"maps_{part}"] = dataset.describe_maps()
    is_own = isinstance(collection, RenderedCollection)
    noise = recipe.noise or (NOISE_FRACTION if is_own else 0.0)
    arguments = {**recipe.arguments, "n_categories": len(collection.categories)}
    return {
        "network": {
            "arguments": arguments,
            "start": f"random weights, seed {recipe.seed}",
            "licence": licence or (OWN_LICENCE if is_own else NO_LICENCE),
        },
        "categories": {"names": list(collection.categories)},
        "data": data,
        "selection": {"split": "validation", "network": "last epoch", **compared, **metrics},
        **({"attribution": {"noise_fraction": noise}} if noise else {}),
    }
