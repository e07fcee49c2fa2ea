"""One job: a block of images, computed and written by whichever process it falls to."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import lru_cache

from gala_viz.batch.memory import peak_bytes
from gala_viz.store.identity import doubt, identity_in
from gala_viz.store.zarr_store import Store, StoreError, fingerprint_at


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
    dtype: str | None = None


@dataclass(frozen=True, slots=True)
class BlockDone:
    """What came of a block.

    ``unreadable`` and ``not_finite`` are images that are not there, with the reason; ``peak_bytes`` is the most memory
    that the worker has held so far.
    """

    number: int
    n_images: int
    unreadable: dict[str, str]
    seconds: float
    peak_bytes: int = 0
    not_finite: dict[str, str] = field(default_factory=dict)


def run_block(job: Job, number: int) -> BlockDone:
    """Compute and write block ``number``; a process opens collection and networks once for all of its blocks."""
    from gala_viz.batch.block import block_values

    begun = time.monotonic()
    store, collection, networks, human = opened(job)
    images = store.images[store.spec.block(number)]
    values, faults = block_values(store.spec, collection, networks, images, human)
    if fingerprint_at(store.path) != job.fingerprint:
        raise StoreError(f"{job.store} was made anew meanwhile, for something else; this block is not written.")
    store.write_block(number, values, *faults)
    seconds = time.monotonic() - begun
    return BlockDone(number, len(images), faults.unreadable, seconds, peak_bytes(), faults.not_finite)


@lru_cache(maxsize=1)
def opened(job: Job):
    """Return store, collection, networks and human maps of this process, checked against those of the store."""
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
    collection = open_collection(job.collection, human_maps=job.human_maps)
    if collection.fingerprint != store.spec.collection["fingerprint"]:
        raise StoreError(f"{job.collection} is not, or no longer, the collection that {job.store} was made for.")
    networks = [load_network(name, job.device, job.dtype, layers=job.layers) for name in job.networks]
    for network, stored in zip(networks, store.spec.networks, strict=True):
        here = stored_network(network)
        if told := doubt(stored, identity_in(here)):
            raise StoreError(f"{network.name} is not, or no longer, the network that {job.store} was made for: {told}")
    human = human_maps_of(collection, store.images, networks)
    return store, collection, [fuse_batchnorm(network) for network in networks], human
