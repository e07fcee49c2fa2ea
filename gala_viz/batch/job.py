"""One job: a block of images, computed and written by whichever process it falls to."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gala_viz.batch.memory import peak_bytes
from gala_viz.store.identity import doubt, identity_in
from gala_viz.store.zarr_store import Store, StoreError, fingerprint_at

if TYPE_CHECKING:
    from gala_viz.collections.collection import Collection
    from gala_viz.engine.results.human_maps import HumanMaps
    from gala_viz.networks.network import Network

_opened: list[Any] = []
"""The last job of this process, and what ``opened`` returned for it."""
_lock = threading.Lock()


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """What a worker needs to open for itself: paths and names, as the worker's machine sees them.

    ``fingerprint`` is ``fingerprint_at`` the store: a worker that stays up opens what was made anew at the same path.
    """

    store: str
    fingerprint: str
    collection: str
    human_maps: str | None
    networks: tuple[str, ...]
    layers: tuple[str, ...] = ()
    device: str | None = None
    precisions: tuple[str, ...] = ()
    """One for each network; none: float32."""


@dataclass(frozen=True, slots=True, eq=False)
class Given:
    """Collection and networks that were made in Python, which have no name by which another process could open them."""

    collection: Collection
    networks: tuple[Network, ...]


@dataclass(frozen=True, slots=True)
class BlockDone:
    """What came of a block.

    ``unreadable`` and ``not_finite`` are images that are not there, with the reason; ``peak_bytes`` is the most memory
    that the worker has held so far; ``notes`` say how it was computed, for example in smaller batches.
    """

    number: int
    n_images: int
    unreadable: dict[str, str]
    seconds: float
    peak_bytes: int = 0
    not_finite: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def run_block(job: Job, number: int, given: Given | None = None) -> BlockDone:
    """Compute and write block ``number``; a process opens what the job names, or prepares what is given, once."""
    from gala_viz.batch.block import block_values

    begun = time.monotonic()
    with _lock:
        if not _opened or _opened[0] != job:
            _opened[:] = [job, *opened(job, given)]
        store, collection, networks, human = _opened[1:]
    images = store.images[store.spec.block(number)]
    values, faults = block_values(store.spec, collection, networks, images, human)
    if fingerprint_at(store.path) != job.fingerprint:
        raise StoreError(f"{job.store} was made anew meanwhile, for something else; this block is not written.")
    store.write_block(number, values, faults.unreadable, faults.not_finite, faults.unusable_maps)
    seconds = time.monotonic() - begun
    return BlockDone(
        number, len(images), faults.unreadable, seconds, peak_bytes(), faults.not_finite, tuple(sorted(faults.notes))
    )


def opened(job: Job, given: Given | None = None) -> tuple[Store, Collection, list[Network], HumanMaps]:
    """Return store, collection, networks and human maps, checked against those of the store."""
    import torch

    from gala_viz.batch.block import human_maps_of
    from gala_viz.batch.described import stored_network
    from gala_viz.collections import open_collection
    from gala_viz.networks.fuse_batchnorm import fuse_batchnorm
    from gala_viz.networks.zoo import load_network

    store = Store(job.store, writing=True)
    if fingerprint_at(job.store) != job.fingerprint:
        raise StoreError(f"{job.store} is another store than the one that this run began with.")
    if store.spec.threads is not None:
        torch.set_num_threads(store.spec.threads)
    if given is None:
        collection = open_collection(job.collection, human_maps=job.human_maps)
        precisions = job.precisions or ("float32",) * len(job.networks)
        networks = [
            load_network(name, job.device, precision, layers=job.layers)
            for name, precision in zip(job.networks, precisions, strict=True)
        ]
    else:
        collection, networks = given.collection, list(given.networks)
    if collection.fingerprint != store.spec.collection["fingerprint"]:
        name = job.collection or collection.name
        raise StoreError(f"{name} is not, or no longer, the collection that {job.store} was made for.")
    for network, stored in zip(networks, store.spec.networks, strict=True):
        here = stored_network(network)
        if told := doubt(stored, identity_in(here)):
            raise StoreError(f"{network.name} is not, or no longer, the network that {job.store} was made for: {told}")
    human = human_maps_of(collection, store.images, networks, strict=given is None)  # nobody asks for scores there
    return store, collection, [fuse_batchnorm(network) for network in networks], human


def close() -> None:
    """Let go of what this process opened for its last job."""
    with _lock:
        _opened.clear()
