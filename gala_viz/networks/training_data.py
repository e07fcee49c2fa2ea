"""Training data of a network, as its card and the file of its training images beside it say.

[data] of a card lists in ``collections`` each collection's name, role, split rule and seed, with counts and
fingerprints of the image ids. The file holds short hashes of the ids and of the photographs' bytes, no names. Older
cards have a table for each collection and a sentence on the splits: what these say is read, the rest is unknown.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load as load_arrays
from safetensors.numpy import save as save_arrays

from gala_viz.networks.network_folders import WeightsError
from gala_viz.specs import content_key, fingerprint
from gala_viz.splits import HELD_OUT, LEARNT, UNKNOWN, hash_splits, splits_of

TRAINING_IMAGES_FILE = "training_images.safetensors"
MAX_HASHED_IMAGES = 500_000
"""Hashes of so many training images are stored, at most 12 MB; of more a card has counts and fingerprints alone."""
MAX_COMPARED_IMAGES = 100_000
"""So many photographs of a collection are compared by their bytes before a page is shown; of more none is."""
_LARGEST_FILE = 64 * 2**20
_OF_BEFORE = re.compile(r"by sha256 of 'split:(-?\d{1,18}):")


class ImageCollection(Protocol):
    """The part of a collection by which its images are compared with training data."""

    name: str
    images: tuple[str, ...]

    @property
    def fingerprint(self) -> str:
        """Fingerprint of the collection."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingCollection:
    """How one collection took part in a training, in one role.

    ``rule`` and ``seed`` are those of its splits; ``n_train`` counts the training images and ``ids_train`` is the
    fingerprint of their ids. What a card does not say has its default.
    """

    name: str
    role: str = ""
    rule: Literal["own", "hash", "unknown"] = "unknown"
    seed: int | None = None
    fingerprint: str = ""
    n_train: int = 0
    ids_train: str = ""
    learnt_by: str = ""
    """The network that this one started from, where that one learnt from it."""


def _none() -> NDArray[np.uint64]:
    return np.empty(0, np.uint64)


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainingData:
    """What a network learnt from.

    Parameters
    ----------
    collections : tuple of TrainingCollection
        Each collection in each role, as far as they are known.
    complete : bool
        Whether that is all that the network, and what it starts from, ever learnt from, by id and by bytes. Never for
        an older card or an external network.
    ids : mapping of str to ndarray, (image,), uint64
        Collection's name -> sorted hashes of the ids; empty where only fingerprints of all ids are known.
    contents : ndarray, (n,), uint64
        Sorted hashes of the photographs' files.
    sizes : ndarray, (n,), uint64
        Sorted, different sizes of these files, in bytes.
    all_bytes : bool
        Whether the files of all images in ``ids`` are among them.
    """

    collections: tuple[TrainingCollection, ...] = ()
    complete: bool = False
    ids: Mapping[str, NDArray[np.uint64]] = field(default_factory=dict)
    contents: NDArray[np.uint64] = field(default_factory=_none)
    sizes: NDArray[np.uint64] = field(default_factory=_none)
    all_bytes: bool = False

    def training_status(
        self, collection: ImageCollection, images: Sequence[str] | None = None, *, max_compared: int | None = None
    ) -> NDArray[np.int8]:
        """Return what is known of each image: ``LEARNT``, ``HELD_OUT`` or ``UNKNOWN`` (see ``gala_viz.splits``).

        Learnt are images whose id in a collection of this name, or whose file's bytes, are among the training images.
        Held out are the others of a collection that the card names, where the card is ``complete`` and the bytes could
        be compared. Unknown is all else:

        - An image of another collection of this name that has a training image's id and other bytes: an equal name
          tells nothing, but it may be the same photograph, saved anew.
        - An image whose id is that of a training image of another collection: records hold photographs that were
          encoded anew.

        Parameters
        ----------
        collection : ImageCollection
            The collection.
        images : sequence of str, optional
            Ids of the collection; default: all.
        max_compared : int, optional
            At most so many photographs are compared by their bytes; of more none is, and none is held out.

        Returns
        -------
        ndarray, (image,), int8
            Status of each image.
        """
        images = collection.images if images is None else images
        named = [one for one in self.collections if one.name == collection.name and one.n_train]
        unchanged = collection.fingerprint in {one.fingerprint for one in named}
        status = np.full(len(images), HELD_OUT if named and self.complete else UNKNOWN, np.int8)
        by_name = np.isin(hash_ids(images), self.ids.get(collection.name, _none()))
        by_rule = self._by_rule(collection, images, named)
        elsewhere = [ids for name, ids in self.ids.items() if name != collection.name]
        if elsewhere:
            status[np.isin(hash_ids(images), np.concatenate(elsewhere))] = UNKNOWN
        status[by_name | by_rule] = LEARNT
        if len(self.contents):
            certain = by_rule if self.all_bytes and not unchanged else by_name | by_rule
            rest = np.flatnonzero(~certain)
            if max_compared is not None and len(rest) > max_compared:
                status[status == HELD_OUT] = UNKNOWN
                return status
            for at in rest.tolist():
                learnt = self._by_content(collection, images[at])
                if learnt:
                    status[at] = LEARNT
                elif (learnt is None and not unchanged and not by_name[at]) or (learnt is False and by_name[at]):
                    status[at] = UNKNOWN
        return status

    def why_unknown(self, collection: str) -> str:
        """Return why images of the collection called so are ``UNKNOWN``; "" where the card does not tell all.

        Parameters
        ----------
        collection : str
            Name of a collection.

        Returns
        -------
        str
            A clause about networks in the plural: "their cards ...".
        """
        if not self.complete:
            return ""
        names = list(dict.fromkeys(one.name for one in self.collections if one.n_train))
        if collection in names:
            return (
                "their cards are complete; left open are images that have a training image's name and other bytes, or "
                "whose bytes cannot be read"
            )
        bytes_differ = "no other image here has the bytes of a training image" if len(self.contents) else ""
        told = f"their cards are complete and name other collections ({', '.join(names)}) than {collection}"
        return "; ".join(part for part in (told, bytes_differ, "one that was saved anew would not be found") if part)

    def contains(self, content: bytes) -> bool:
        """Return whether a photograph's file with the bytes ``content`` is among the training images."""
        return _among(content_key(content), self.contents)

    def _by_rule(
        self, collection: ImageCollection, images: Sequence[str], named: Sequence[TrainingCollection]
    ) -> NDArray[np.bool_]:
        """Return which images an older card's split rule makes training images: it has no hashes."""
        hashed = collection.name in self.ids
        learnt: set[str] = set()
        for one in named:
            if not hashed or (one.learnt_by and not self.complete):
                learnt |= _ids_of_before(one, collection)
        return np.fromiter((image in learnt for image in images), dtype=bool, count=len(images))

    def _by_content(self, collection: ImageCollection, image: str) -> bool | None:
        """Return whether the file's bytes are among the training images; None where they cannot be read."""
        size = getattr(collection, "content_size", _nothing)(image)
        if size is None or not _among(size, self.sizes):
            return None if size is None else False
        key = collection.content_key(image)  # type: ignore[attr-defined]
        return None if key is None else _among(key, self.contents)

    @classmethod
    def from_card(cls, card: Mapping[str, Any], arrays: Mapping[str, NDArray] | None = None) -> TrainingData:
        """Return what a ``card`` says, with the ``arrays`` of the file beside it."""
        data = card.get("data", {})
        if not isinstance(data, Mapping):
            return cls()
        listed = data.get("collections")
        if isinstance(listed, list):
            collections = tuple(_used(one) for one in listed if isinstance(one, Mapping))
        else:
            collections = _collections_of_before(data)
        arrays = arrays or {}
        complete = bool(arrays) and data.get("complete") is True
        return cls(
            collections=collections,
            complete=complete,
            ids={name.removeprefix("id:"): value for name, value in arrays.items() if name.startswith("id:")},
            contents=arrays.get("contents", _none()),
            sizes=arrays.get("sizes", _none()),
            all_bytes=complete or (bool(arrays) and data.get("all_bytes") is True),
        )

    @classmethod
    def merge(cls, parts: Sequence[TrainingData]) -> TrainingData:
        """Return what a network learnt from that was trained in several steps, the ``parts``."""
        names = dict.fromkeys(name for part in parts for name in part.ids)
        return cls(
            collections=tuple(one for part in parts for one in part.collections),
            complete=all(part.complete for part in parts),
            ids={name: _sorted(part.ids.get(name, _none()) for part in parts) for name in names},
            contents=_sorted(part.contents for part in parts),
            sizes=_sorted(part.sizes for part in parts),
            all_bytes=all(part.all_bytes or not part.ids for part in parts),
        )


def hash_ids(images: Iterable[str]) -> NDArray[np.uint64]:
    """Return a hash of 64 bits for each image id: (image,), uint64."""
    return np.array([content_key(image.encode("utf-8", "surrogatepass")) for image in images], dtype=np.uint64)


def hash_training_images(sources: Iterable[tuple[ImageCollection, Sequence[str]]]) -> tuple[dict[str, NDArray], bool]:
    """Return the arrays of the file for ``sources``, and whether every photograph's bytes are in it.

    ``sources`` are pairs of a collection and its training images. There are no arrays where the images are more than
    ``MAX_HASHED_IMAGES``.
    """
    sources = list(sources)
    if sum(len(images) for _, images in sources) > MAX_HASHED_IMAGES:
        return {}, False
    ids: dict[str, list[NDArray]] = {}
    contents: list[int | None] = []
    sizes: list[int | None] = []
    for collection, images in sources:
        ids.setdefault(collection.name, []).append(hash_ids(images))
        for image in images:
            sizes.append(getattr(collection, "content_size", _nothing)(image))
            contents.append(getattr(collection, "content_key", _nothing)(image))
    arrays = {f"id:{name}": _sorted(parts) for name, parts in ids.items()}
    for name, values in (("contents", contents), ("sizes", sizes)):
        arrays[name] = np.unique(np.array([one for one in values if one is not None], dtype=np.uint64))
    return arrays, bool(contents) and None not in contents and None not in sizes


def training_data_arrays(data: TrainingData) -> dict[str, NDArray]:
    """Return the arrays of the file that holds ``data``, as ``TrainingData.from_card`` takes them."""
    named = {f"id:{name}": value for name, value in data.ids.items()}
    return {**named, "contents": data.contents, "sizes": data.sizes}


def training_images_file(arrays: Mapping[str, NDArray]) -> tuple[bytes | None, dict[str, str]]:
    """Return the file's content and [data.training_images] of the card, with its name and checksum.

    Without ``arrays`` the content is None and the section empty.
    """
    if not arrays:
        return None, {}
    content = save_arrays(dict(arrays))
    return content, {"file": TRAINING_IMAGES_FILE, "sha256": hashlib.sha256(content).hexdigest()}


def read_training_data(folder: Path, card: Mapping[str, Any]) -> TrainingData:
    """Return what the network in ``folder`` learnt from.

    Without the file that the card names, what its bytes would tell is unknown. Raises ``WeightsError`` for a file that
    is damaged or not this card's.
    """
    section = card.get("data", {}).get("training_images") if isinstance(card.get("data"), Mapping) else None
    path = folder / TRAINING_IMAGES_FILE
    if not isinstance(section, Mapping) or "sha256" not in section or not path.is_file():
        return TrainingData.from_card(card)
    if path.stat().st_size > _LARGEST_FILE:
        raise WeightsError(f"{path}: at most {_LARGEST_FILE / 1e6:.0f} MB were expected.")
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != section["sha256"]:
        raise WeightsError(f"{path}: its sha256 is not the card's: the file is damaged or not this card's.")
    try:
        arrays = load_arrays(content)
    except (SafetensorError, ValueError, KeyError) as error:
        raise WeightsError(f"{path}: not a safetensors file ({error}).") from None
    odd = next((name for name, values in arrays.items() if values.dtype != np.uint64 or values.ndim != 1), None)
    if odd is not None:
        raise WeightsError(f"{path}: {odd!r} holds no list of hashes.")
    return TrainingData.from_card(card, {name: np.sort(values) for name, values in arrays.items()})


def _used(entry: Mapping[str, Any], **more: Any) -> TrainingCollection:
    """Return one entry of a card; a value of another type than expected counts as missing."""

    def value_of(name: str, kind: type, default: Any) -> Any:
        value = entry.get(name, default)
        return value if type(value) is kind else default

    rule = entry.get("rule")
    known = {
        "name": value_of("name", str, ""),
        "role": value_of("role", str, ""),
        "rule": rule if rule in ("own", "hash") else "unknown",
        "seed": value_of("seed", int, None),
        "fingerprint": value_of("collection_fingerprint", str, ""),
        "n_train": value_of("n_train", int, 0),
        "ids_train": value_of("ids_train", str, ""),
        "learnt_by": value_of("learnt_by", str, ""),
    }
    return TrainingCollection(**{**known, **more})


def _collections_of_before(data: Mapping[str, Any]) -> tuple[TrainingCollection, ...]:
    """Return the collections of an older card, which has a table [data.NAME] for each and one sentence on splits."""
    sentence = str(data.get("split", ""))
    by_id = _OF_BEFORE.match(sentence)
    rule: dict[str, Any] = {}
    if by_id is not None:
        rule = {"rule": "hash", "seed": int(by_id[1])}
    elif sentence == "as the collection says":
        rule = {"rule": "own"}
    tables = {name: entry for name, entry in data.items() if isinstance(entry, Mapping) and "n_train" in entry}
    return tuple(_used(entry, name=name, **rule) for name, entry in tables.items())


def _ids_of_before(one: TrainingCollection, collection: Any) -> set[str]:
    """Return the training images that the split rule of an older card gives.

    The fingerprint of their ids tells whether these are all and no others. Where it does not agree the collection has
    changed, and every image of the rule's training split counts.
    """
    if one.rule == "hash" and one.seed is not None:
        splits = hash_splits(collection.name, collection.images, seed=one.seed)
    elif one.rule == "own":
        splits = splits_of(collection)
        if splits.rule != "own":
            return set()
    else:
        return set()
    train = splits.by_split.get("train", ())
    narrowed = train
    if one.role == "maps":
        narrowed = tuple(image for image in train if collection.has_human_map(image))
    elif one.role == "labels":
        narrowed = tuple(image for image in train if collection.target(image) is not None)
    return set(narrowed if fingerprint(list(narrowed)) == one.ids_train else train)


def _among(value: int, ordered: NDArray[np.uint64]) -> bool:
    at = int(np.searchsorted(ordered, np.uint64(value)))
    return at < len(ordered) and int(ordered[at]) == value


def _sorted(parts: Iterable[NDArray]) -> NDArray[np.uint64]:
    return np.unique(np.concatenate([_none(), *parts]))


def _nothing(image: str) -> None:
    """Stand in for a method that collections without files lack."""
