"""Weights card of a training: the folder with weights and card that it leaves behind."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import lightning as L
import torch
from torch import nn

from gala_viz.collections.rendered.rendered_collection import RenderedCollection
from gala_viz.deprecated_paths import deprecated_getattr
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
from gala_viz.training.checkpoints import EPOCHS_FILE, hardware_of
from gala_viz.training.dataset import TrainingImages
from gala_viz.training.epoch_log import EpochLog, read_epochs
from gala_viz.training.recipes import Recipe, SupervisedRecipe
from gala_viz.training.sources import TrainingSource

OWN_LICENCE, NO_LICENCE = "MIT: weights and data are this project's own", "not given"
VALIDATION_FILE = "validation_images.csv"
"""Beside the card: what the network does on each validation image."""
UNMODIFIED_LICENCE = "weights: Apache-2.0, as those they start from"
NOISE_FRACTION = 0.03
"""SmoothGrad's noise for networks trained on clean rendered images.

Of 0.03, 0.07 and 0.15 of the range it is the one with which, on validation, their maps are about the object at all.
"""


def write_trained_network(
    out: str | Path,
    network: nn.Module,
    recipe: Recipe,
    preprocessing: Preprocessing,
    sections_by_name: Mapping[str, Mapping[str, Any]],
    trainer: L.Trainer | None = None,
    start: Network | None = None,
    *,
    learnt: LearntImages | None = None,
    folder_name: str | None = None,
    beside: Mapping[str, bytes] | None = None,
    is_final: bool = True,
    float16: bool = False,
) -> Path:
    """Write weights and card of a trained network into a folder of its recipe's name, and return the folder.

    The card has no numbers on held-out test images yet.

    Parameters
    ----------
    out : str or Path
        Folder of networks; the network's own is ``out``/<recipe's name>.
    network : nn.Module
        The trained network.
    recipe : Recipe
        How it was trained.
    preprocessing : Preprocessing
        How its input is made.
    sections_by_name : mapping
        The card's sections that differ between families, as ``distillation_sections`` or ``supervised_sections`` give
        them; [network] is added to what the recipe says.
    trainer : L.Trainer, optional
        Says on what the training ran and which images trained: short hashes of their ids and bytes are written beside
        the card, with those of ``start``.
    start : Network, optional
        The network that it began as.
    learnt : LearntImages, optional
        These hashes, where they are known already.
    folder_name : str, optional
        Name of the folder in ``out``; default: the recipe's name.
    beside : mapping of str to bytes, optional
        Further files of the folder, by name.
    is_final : bool
        Whether the training is over, so that the card has its time and its last losses.
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
        hashes, images = learnt or hash_learnt_images(training, start)
        sections["data"] |= images
    card = {
        "network": {
            "name": recipe.name,
            "title": recipe.title,
            "builder": recipe.builder,
            "arguments": toml_values(recipe.arguments),
            **({"gala": list(recipe.gala), "gala_options": dict(recipe.gala_options)} if recipe.gala else {}),
            **sections.pop("network", {}),
        },
        "preprocessing": preprocessing.settings(),
        "categories": sections.pop("categories"),
        "recipe": toml_values(asdict(recipe)),
        **sections,
        "made": {
            "code": f"gala_viz {version('gala_viz')}",
            **_commit(),
            "date": datetime.now(UTC).strftime("%Y-%m-%d"),
            **{name: version(name) for name in ("torch", "lightning", "numpy")},
            "machine": f"{platform.system()} {platform.machine()}, {torch.get_num_threads()} threads",
            **({} if trainer is None else _training_facts(trainer, is_final)),
        },
    }
    folder = Path(out) / (folder_name or recipe.name)
    write_network(
        folder, network, toml_values(card), half=float16, beside={TRAINING_IMAGES_FILE: hashes, **(beside or {})}
    )
    return folder


def data_section(
    training: TrainingImages, validation: TrainingImages, *, start: Network | None = None, maps: str = ""
) -> dict[str, Any]:
    """Return [data] of a card: what the network learnt from, and by which rule that was split from the rest.

    Parameters
    ----------
    training : TrainingImages
        What trained.
    validation : TrainingImages
        By what the training was validated.
    start : Network, optional
        The network that it began as; its own training data are listed too.
    maps : str
        What human maps are, in place of what their collection says.

    Returns
    -------
    dict
        "split", a sentence, and "collections", with an entry for each collection in each role: its name and
        fingerprint, the rule of its splits ("own" or "hash", with the hash's seed), how many images trained and
        validated, how many of their maps can be used, and fingerprints of their ids, by which anyone can check the
        splits.
    """
    entries: dict[tuple[str, str, str], dict[str, Any]] = {}
    sentences = []
    for part, images in (("train", training), ("validation", validation)):
        for source in images.sources:
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
            n_labelled = sum(source.label(image) is not None for image in source.images)
            if source.role == "maps" and n_labelled < len(source.images):
                entry[f"n_{part}_labelled"] = n_labelled
            if source.unknown:
                entry[f"n_{part}_of_unknown_categories"] = sum(source.unknown.values())
            if source.left_out:
                what = "n_left_out_as_held_out" if part == "train" else "n_validation_left_out_as_test"
                entry[what] = len(source.left_out)
            if source.kept_duplicates:
                entry[f"n_{part}_same_photographs_as_held_out"] = len(source.kept_duplicates)
            if not source.compared:
                entry["compared_by_bytes"] = False
            if images.with_maps and (source.role == "maps" or images.has_maps_of(source)):
                entry[f"maps_{part}"] = images.describe_maps(source)
            kinds = getattr(collection, "map_kinds", {})
            if kinds and (source.role == "maps" or (part == "train" and images.has_maps_of(source))):
                kind = next(iter(kinds.values()))
                entry |= {"maps": maps, "maps_are": kind} if maps else {"maps": kind}
    inherited = []
    if start is not None:
        before = start.training_data.collections
        inherited = [{**_plain(one), "learnt_by": one.learnt_by or start.name} for one in before]
    return {"split": "; ".join(dict.fromkeys(sentences)), "collections": [*entries.values(), *inherited]}


def _plain(used: TrainingCollection) -> dict[str, Any]:
    """Return the entry of a card for a training collection."""
    values = asdict(used)
    return {"collection_fingerprint" if name == "fingerprint" else name: value for name, value in values.items()}


LearntImages = tuple[bytes | None, dict[str, Any]]
"""Content of the file with hashes of all training images, and its part of [data] of a card."""


def hash_learnt_images(training: Sequence[TrainingSource], start: Network | None) -> LearntImages:
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


def _training_facts(trainer: L.Trainer, is_final: bool) -> dict[str, Any]:
    """Return what [made] of a card says of a training: hardware and steps; at its end seconds and the last losses."""
    facts: dict[str, Any] = {"trained_on": "; then ".join(hardware_of(trainer)), "steps": trainer.global_step}
    rows = read_epochs(Path(trainer.default_root_dir) / EPOCHS_FILE) if is_final else []
    if rows and rows[-1]["epoch"] == str(trainer.max_epochs) and len(rows) == trainer.max_epochs:
        facts["seconds"] = round(sum(float(row["seconds"]) for row in rows))
        names = [name for name in ("loss", "category_loss", "attention_loss", "harmonizer_loss") if rows[-1].get(name)]
        facts |= {f"final_{name}": float(rows[-1][name]) for name in names}
    logs = [one.unreadable for one in trainer.callbacks if isinstance(one, EpochLog)]  # type: ignore[attr-defined]
    training = getattr(trainer.datamodule, "training", None)  # type: ignore[attr-defined]
    if unreadable := set().union(*logs, getattr(training, "unreadable", ())):
        facts["n_unreadable_photographs"] = len(unreadable)
    return facts


def distillation_sections(
    start: Network, training: TrainingImages, validation: TrainingImages, licence: str | None = None
) -> dict[str, dict[str, Any]]:
    """Return the card's sections of a network that started as another one and learned beside it.

    Parameters
    ----------
    start : Network
        The other one; the categories are its.
    training : TrainingImages
        What trained, see ``data_section``.
    validation : TrainingImages
        By what the training was validated.
    licence : str, optional
        Of the weights; default: that of the unmodified network where it starts from it, else "not given".

    Returns
    -------
    dict
        Name -> section, for ``write_trained_network``.
    """
    return {
        "network": {
            "start": f"{start.name} (sha256 {start.sha256[:16]})",
            "licence": licence or (UNMODIFIED_LICENCE if start.name == UNMODIFIED_NETWORK else NO_LICENCE),
        },
        "categories": _categories(start.categories),
        "data": data_section(training, validation, start=start),
    }


def supervised_sections(
    recipe: SupervisedRecipe,
    categories: Sequence[str],
    training: TrainingImages,
    validation: TrainingImages,
    metrics: Mapping[str, Any],
    licence: str | None = None,
    start: Network | None = None,
) -> dict[str, dict[str, Any]]:
    """Return the card's sections of a network that was trained on labels.

    Parameters
    ----------
    recipe : SupervisedRecipe
        How it was trained.
    categories : sequence of str
        The network's.
    training : TrainingImages
        What trained.
    validation : TrainingImages
        By what the training was validated.
    metrics : mapping
        As ``validation_metrics`` gives them, for [selection].
    licence : str, optional
        Of the weights; default: this project's own for its rendered objects, that of the unmodified network where it
        starts from it, else "not given".
    start : Network, optional
        The network whose weights it began with.

    Returns
    -------
    dict
        Name -> section, for ``write_trained_network``.
    """
    is_own = all(isinstance(source.collection, RenderedCollection) for source in training.sources)
    kinds = [next(iter(kinds.values())) for kinds in map(_map_kinds, validation.sources) if kinds]
    compared = {}
    if "rho_attention" in metrics:
        rho = "Spearman, attention norm and map at the layer's grid, mean over images"
        compared = {"maps": recipe.maps or "; ".join(dict.fromkeys(kinds)), "rho": rho}
    noise = recipe.noise or (NOISE_FRACTION if is_own else 0.0)
    began, inherited = f"random weights, seed {recipe.seed}", OWN_LICENCE if is_own else NO_LICENCE
    if start is not None:
        inherited = UNMODIFIED_LICENCE if start.name == UNMODIFIED_NETWORK else NO_LICENCE
        began = f"{start.name} (sha256 {start.sha256[:16]}), what is not in it: seed {recipe.seed}"
    return {
        "network": {
            "arguments": {**recipe.arguments, "n_categories": len(categories)},
            "start": began,
            "licence": licence or inherited,
        },
        "categories": _categories(categories),
        "data": data_section(training, validation, start=start, maps=recipe.maps),
        "selection": {"split": "validation", "network": _which_network(recipe), **compared, **metrics},
        **({"attribution": {"noise_fraction": noise}} if noise else {}),
    }


def _which_network(recipe: SupervisedRecipe) -> str:
    return "average of the weights, last epoch" if recipe.ema else "last epoch"


def _map_kinds(source: TrainingSource) -> Mapping[str, str]:
    return getattr(source.collection, "map_kinds", {})


def _categories(names: Sequence[str]) -> dict[str, Any]:
    known = tuple(names)
    return {"source": "imagenet"} if known == category_names() else {"names": list(known)}


def _commit() -> dict[str, str]:
    """Return the commit of the code, with "-dirty" where files were changed since; nothing outside of a checkout."""
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return {}
    try:
        command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return {}
    return {"commit": done.stdout.strip()}


__getattr__ = deprecated_getattr(__name__)
