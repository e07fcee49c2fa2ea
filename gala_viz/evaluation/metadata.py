"""What an evaluation says of itself: which collection, which networks, and what it could not measure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.special import stdtrit
from scipy.stats import binom

from gala_viz.alignment import MIN_IMAGES_FOR_INTERVAL
from gala_viz.alignment.bootstrap import EXPANDED_BELOW
from gala_viz.attribution.network_identity import weights_sha256
from gala_viz.collections.collection import Collection
from gala_viz.collections.human_maps.map_checks import describe_usable_maps, usable_map
from gala_viz.counts import counted
from gala_viz.engine.results.human_maps import images_with_maps, other_kind
from gala_viz.evaluation.network_results import N_CHOICES
from gala_viz.evaluation.people import People
from gala_viz.evaluation.spec import EvaluationSpec
from gala_viz.imagenet import listed_categories
from gala_viz.networks.network import Network
from gala_viz.splits import HELD_OUT, LEARNT, UNKNOWN

OF_ONE_IMAGE = ("extent_px", "kind", "file", "n_outside", "n_rounds", "n_participants", "n_left_out", "simulated")
"""Attrs of a human map that are not settings shared by all of its collection."""
FRACTIONS_TEXT = (
    "Fractions are of the split-half ceiling, as published. It compares halves of the participants, whereas a network "
    "is compared with the surer map of all: more than 100 % is possible, and 100 % is not the most that can be had. "
    "The fewer people marked an image, the larger the fraction of the same network: it compares networks on the same "
    "maps, and no two collections. Rho corrected for the reliability does not depend on their number. Part of every "
    "rho is that both maps lie in the middle of images: see the floors, the share of the ceiling above them, and rho "
    "with the distance from the centre held constant."
)
OTHER_INTERVALS_TEXT = (
    f"below {EXPANDED_BELOW} images at percentiles further out, as wide as Student's t. Floors, and shares above "
    "floors, have a jackknife's, since each image is also the partner of others; errors of 0 and of 100 % have "
    f"Wilson's, and a note. Numbers of fewer than {MIN_IMAGES_FOR_INTERVAL} images have none, and are not tested. An n "
    "stands beside numbers of fewer images than the heading says."
)
"""What Markdown and HTML say after the bootstrap: which intervals are others, and whose n is told."""
MEANS_TEXT = (
    "Networks are means over seeds; their intervals and tests ask about other images, these trainings being taken as "
    "they are."
)


def limitation_notes(
    collection: Collection,
    networks: Mapping[str, Network],
    values: Mapping[str, xr.Dataset],
    images: Sequence[str],
    left_out: Sequence[tuple[str, str]],
    people: People | None,
    without: Sequence[str] = (),
    kind: str | None = None,
) -> tuple[str, ...]:
    """Return what could not be measured, and why.

    Parameters
    ----------
    collection : Collection
        The collection.
    networks : mapping of str to Network
        The networks of the table.
    values : mapping of str to Dataset
        Network -> its image metrics.
    images : sequence of str
        Images that are reported.
    left_out : sequence of (str, str)
        Photographs that cannot be read, and why.
    people : People, optional
        Human maps; None where nothing is compared with them.
    without : sequence of str
        Images in no split.
    kind : str, optional
        Kind of human maps that was named; None: the collection's first.

    Returns
    -------
    tuple of str
        Sentences.
    """
    notes = (
        [
            f"{counted(len(left_out), 'photograph')} could not be read and "
            f"{'is' if len(left_out) == 1 else 'are'} left out."
        ]
        if left_out
        else []
    )
    if without:
        notes.append(f"{counted(len(without), 'image is', 'images are')} in no split of the collection and left out.")
    unlabelled = [name for name in networks if "correct" not in values[name]]
    if unlabelled:
        notes.append(
            "No image has a label that these networks know; top-1 and top-5 errors are left out: "
            f"{_listed(unlabelled)}."
        )
    few = [name for name in networks if "correct" in values[name] and "correct_top5" not in values[name]]
    if few:
        notes.append(f"With {N_CHOICES} categories or fewer, so without a top-5 error: {_listed(few)}.")
    notes += label_notes(collection, {name: values[name] for name in networks}, images)
    notes += chance_notes({name: len(network.categories) for name, network in networks.items()}, values)
    no_layers = [name for name, network in networks.items() if not network.layers]
    if no_layers:
        notes.append(f"Without GALA layers, so without attention columns: {_listed(no_layers)}.")
    if people is None and images_with_maps(collection, images, kind):
        notes.append("None of these networks has maps that are compared; likeness to people is left out.")
    elif people is None:
        of_kind = "" if kind is None else f" of the kind {kind!r}"
        notes.append(f"{collection.name} has no human maps{of_kind} of these images; likeness to people is left out.")
    else:
        notes += people_notes(people, len(images))
        notes += _without_rho(networks, values, people)
    if not any("region" in one.dims for one in values.values()):
        notes.append(f"{collection.name} does not know what its pixels belong to; shares of regions are left out.")
    else:
        notes += _without_shares(networks, values)
    return tuple(notes)


def check_imported(networks: Mapping[str, Network], spec: EvaluationSpec) -> None:
    """Raise ``ValueError`` where maps that were computed elsewhere would be computed in another way."""
    imported = [name for name, network in networks.items() if network.maps is not None]
    if imported and spec.protocol is not None:
        raise ValueError(
            f"{imported[0]} is maps that were computed elsewhere, and {spec.protocol} computes maps in its own way; "
            "leave one of the two out."
        )
    if len(imported) == len(networks) and spec.smoothgrad is None:
        raise ValueError(f"without SmoothGrad (--samples 0) nothing of {', '.join(imported)} is compared.")


def imported_metadata(network: Network) -> dict[str, str]:
    """Return by which method the maps of a network were computed elsewhere; nothing for one that computes its own."""
    return {} if network.maps is None else {"imported_maps": network.maps.method}


def imported_notes(networks: Mapping[str, Network], images: Sequence[str]) -> list[str]:
    """Return what is known of maps that were computed elsewhere, and of how many images there is none."""
    notes = []
    for name, network in networks.items():
        if (maps := network.maps) is None:
            continue
        notes.append(f"{maps.text()}; they stand in the columns of SmoothGrad.")
        if n_missing := sum(image not in maps for image in images):
            notes.append(
                f"{name}: {counted(n_missing, 'image has', 'images have')} no map, of {len(images):,}; every n of its "
                "maps is of the others, and so is every test against it."
            )
    return notes


def label_notes(collection: Collection, values: Mapping[str, xr.Dataset], images: Sequence[str]) -> list[str]:
    """Of which networks the errors are not of all images, because they do not know the others' categories."""
    whose: dict[tuple[tuple[str | None, int], ...], list[str]] = {}
    for name, one in values.items():
        if "correct" in one:
            unknown = [image for image in images if one["correct"].sel(image=image).isnull()]
            whose.setdefault(tuple(Counter(map(collection.category, unknown)).items()), []).append(name)
    notes = []
    for unknown, names in whose.items():
        n = sum(count for _, count in unknown)
        if n:
            which = "Top-1 and top-5 error" if any("correct_top5" in values[name] for name in names) else "Top-1 error"
            notes.append(
                f"{which}: of {len(images) - n:,} of the {counted(len(images), 'image')}; of the other "
                f"{n:,} the category is "
                f"unknown to {_listed(names)}: {listed_categories(dict(unknown))}."
            )
    return notes


def chance_notes(n_categories: Mapping[str, int], values: Mapping[str, xr.Dataset]) -> list[str]:
    """Which networks recognise no more images than by chance, where a network midway to perfect would be told apart."""
    notes = []
    for name, count in n_categories.items():
        if "correct" not in values[name]:
            continue
        correct = values[name]["correct"].values
        n, right, chance = int(np.isfinite(correct).sum()), int(np.nansum(correct)), 1 / count
        needed = int(binom.isf(0.05, n, chance)) + 1
        if right < needed and binom.cdf(needed - 1, n, (1 + chance) / 2) < 0.05:
            notes.append(
                f"{name} recognises {right:,} of {counted(n, 'image')}, no more than by chance ({100 * chance:.3g} %): "
                "see that weights, preprocessing and the order of its categories are those of its training. Its maps "
                "explain guesses."
            )
    return notes


def _without_rho(networks: Mapping[str, Network], values: Mapping[str, xr.Dataset], people: People) -> list[str]:
    """How many maps of networks have no rho though people marked the image: maps of one value."""
    notes = []
    for name in networks:
        for kind, title in (("attention", "attention norms"), ("smoothgrad", "SmoothGrad")):
            if f"rho_{kind}" not in values[name]:
                continue
            there = [one for one in people.images if (maps := networks[name].maps) is None or one in maps]
            rho = values[name][f"rho_{kind}"].sel(image=there)
            missing = rho.isnull().any([dim for dim in rho.dims if dim != "image"])
            if n := int(missing.sum()):
                notes.append(f"{name}: {title} of {counted(n, 'image')} are the same everywhere and have no rho.")
    return notes


def _without_shares(networks: Mapping[str, Network], values: Mapping[str, xr.Dataset]) -> list[str]:
    """Of how many images a network's map has no shares."""
    notes = []
    for name in networks:
        for kind, title in (("attention", "attention norm"), ("smoothgrad", "SmoothGrad")):
            if f"share_{kind}" not in values[name]:
                continue
            share = values[name][f"share_{kind}"]
            missing = share.isnull().any([dim for dim in share.dims if dim != "image"])
            if n := int(missing.sum()):
                notes.append(
                    f"{name}: shares of {title} count no image whose regions are not known or whose map is 0: {n:,} of "
                    f"{len(missing):,}."
                )
    return notes


def training_use_text(learnt: Mapping[str, NDArray[np.int8]], n_images: int, why: Mapping[str, str]) -> str:
    """How many of the images reported were learnt from, and of which networks that is not known, in sentences.

    Parameters
    ----------
    learnt : mapping of str to ndarray, (image,), int8
        By network what its card tells of each image.
    n_images : int
        Number of images.
    why : mapping of str to str
        By network why images of this collection are unknown, ``TrainingData.why_unknown``.

    Returns
    -------
    str
        One sentence or more.
    """
    found = {name: int((status == LEARNT).sum()) for name, status in learnt.items()}
    union = int(np.any([status == LEARNT for status in learnt.values()], axis=0).sum()) if n_images else 0
    verb = "was" if union == 1 else "were"
    told = f"Of the {counted(n_images, 'image')} reported, {union:,} {verb} learnt from by any of these networks"
    told += ", as their cards say by the images' ids and bytes"
    if union:
        each = "; ".join(f"{name} {count:,}" for name, count in found.items() if count)
        told = f"NOT HELD OUT: {told} ({each})"
    by_reason: dict[str, list[str]] = {}
    for name, status in learnt.items():
        if (status == UNKNOWN).any():
            by_reason.setdefault(why.get(name, ""), []).append(name)
    for reason, names in by_reason.items():
        if reason:
            told += f". Whether these learnt from {'the others' if union else 'them'} is not known: {_listed(names)}"
            told += f" ({reason})"
        else:
            told += f". What else these learnt from is not known: {_listed(names)}"
    return f"{told}."


LEARNT_WORDS = {LEARNT: "yes", HELD_OUT: "no", UNKNOWN: "unknown"}
"""Whether a network learnt from an image, in tables."""


def people_notes(people: People, n_images: int) -> list[str]:
    """Which human maps are not counted, and of how many participants those are that have no noise ceiling."""
    notes = []
    if people.left_out:
        told = describe_usable_maps(len(people.images), people.left_out)
        rest = f"every n of likeness to people is of the usable ones, on {counted(n_images, 'image')}"
        notes.append(f"Human maps: {told}; {rest if people.images else 'likeness to people is left out'}.")
    if without := n_images - len(people.images) - len(people.left_out):
        notes.append(
            f"{without:,} of the {counted(n_images, 'image')} {'has' if without == 1 else 'have'} no human map; "
            "no n of likeness "
            "to people counts them."
        )
    if people.means_of:
        known = [n for n in people.means_of.values() if n is not None]
        unknown = len(people.means_of) - len(known)
        parts = [f"of {min(known)} to {max(known)} participants ({counted(len(known), 'image')})"] if known else []
        parts += [f"of a number of participants that is not known ({counted(unknown, 'image')})"] if unknown else []
        notes.append(f"Human maps that are means, {' and '.join(parts)}, have no noise ceiling.")
    return notes


def human_maps_title(spec: EvaluationSpec) -> str:
    """Return "Human maps", with their kind where one was named."""
    kind = spec.human_map
    return "Human maps" if kind is None else f"Human maps of the kind {kind!r}"


def chance_text(over: str, categories: Sequence[str | None], *, with_people: bool) -> str:
    """Return which chance intervals and tests are about, in a sentence.

    Parameters
    ----------
    over : {"images", "categories"}
        What is taken as drawn by chance.
    categories : sequence of str or None
        Category of each image.
    with_people : bool
        Whether anything is compared with human maps.

    Returns
    -------
    str
        For example "Intervals and tests ask about other images of these 12 categories, for these people."
    """
    n = len({one for one in categories if one is not None})
    people = ", for these people" if with_people else ""
    if over == "categories":
        return f"Intervals and tests ask about other categories than these {n}, with images of theirs{people}."
    if not n:
        return f"Intervals and tests ask about other images like these{people}."
    these = "this category" if n == 1 else f"these {n} categories"
    text = f"Intervals and tests ask about other images of {these}{people}"
    if n < len(categories):
        text += (
            "; where images of a category are alike, they say less of other categories than they seem to, for which "
            "--over categories draws and flips whole categories"
        )
    return f"{text}."


def seeds_text(groups: Mapping[str, Sequence[str]], networks: Mapping[str, Mapping[str, Any]]) -> str:
    """For example "rendered-gala: 1, 2; rendered-se: 1": the seeds that each mean is over."""
    return "; ".join(
        f"{name}: {', '.join(str(networks[member].get('seed')) for member in members)}"
        for name, members in groups.items()
    )


def other_trainings_text(groups: Mapping[str, Sequence[str]]) -> str:
    """Return how far a mean over seeds is from that of other trainings of the recipe, as a multiple of what ± tells."""
    counts = sorted({len(members) for members in groups.values()})
    factors = [f"{stdtrit(n - 1, 0.975) / np.sqrt(n):.1f} times ± for {n} seeds" for n in counts if n > 1]
    if not factors:
        return "Of one training nothing is known of others."
    return f"For other trainings the mean's 95 % interval reaches {', '.join(factors)} to each side (Student's t)."


def seed_of(network: Network) -> int | None:
    """Return the seed of the network's training, as its card says."""
    return network.card.get("recipe", {}).get("seed")


def networks_by_seed(networks: Mapping[str, Network], groups: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """For each seed the networks of different groups that were trained with it."""
    found: dict[int, list[str]] = {}
    for member in dict.fromkeys(member for members in groups.values() for member in members):
        if (seed := seed_of(networks[member])) is not None:
            found.setdefault(seed, []).append(member)
    return [names for _, names in sorted(found.items()) if len(names) > 1]


def smoothgrad_text(spec: EvaluationSpec) -> str:
    """SmoothGrad's settings in a sentence; "" where it was left out."""
    if spec.smoothgrad is None:
        return ""
    grad, whose = spec.smoothgrad, "the network's own first choice" if spec.target == "own" else "the true category"
    return (
        f"SmoothGrad: n = {grad.n_samples}, noise {grad.noise_fraction:g} of the range, seed {grad.seed}, of {whose}; "
        f"compared at {spec.cells} x {spec.cells} cells. Attention norms are compared at their own grids."
    )


def _listed(names: Sequence[str]) -> str:
    return "; ".join(names)


def collection_metadata(collection: Collection, images: Sequence[str], kind: str | None = None) -> dict[str, Any]:
    """Which images, with which maps, and whether these are simulated: plain values.

    ``kind`` is of human maps; None: the collection's first.
    """
    kinds, other = getattr(collection, "map_kinds", {}), other_kind(collection, kind)
    first = None
    if kinds:
        there = (one for one in images if other is not None or collection.has_human_map(one))
        usable = (usable_map(collection, one, other)[0] for one in there)
        first = next((found for found in usable if found is not None), None)
    maps = None
    if first is not None:
        carried = first.attrs
        settings = {name: value for name, value in carried.items() if name not in OF_ONE_IMAGE}
        simulated = bool(carried.get("simulated", False))
        name = kind or next(iter(kinds))
        maps = {"kind": name, "made": kinds[name], "simulated": simulated, "settings": settings}
    return {
        "name": collection.name,
        "title": getattr(collection, "title", collection.name),
        "fingerprint": collection.fingerprint,
        "licence": getattr(collection, "licence", None),
        "human_maps": maps,
    }


def network_metadata(network: Network, grids: Mapping[str, tuple[int, ...]]) -> dict[str, Any]:
    """Which network, with which weights, how it was trained, and on what it ran: plain values.

    ``grids`` are (rows, columns) of its layers.
    """
    card = network.card
    return {
        "name": network.name,
        "title": network.title,
        "weights_sha256": weights_sha256(network),
        **network.device_attrs,
        "layers": list(network.layers),
        "grids": {layer: f"{grids[layer][0]} x {grids[layer][1]}" for layer in network.layers},
        "preprocessing": network.preprocessing.settings(),
        "builder": card.get("network", {}).get("builder"),
        "seed": seed_of(network),
        "attention_weight": card.get("recipe", {}).get("attention_weight"),
    }
