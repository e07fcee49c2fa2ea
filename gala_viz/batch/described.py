"""From opened collections and networks to the agreement that a store is made by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from gala_viz.alignment import COMPARISON_CELLS
from gala_viz.attribution.finite import check_finite
from gala_viz.attribution.methods import METHODS
from gala_viz.attribution.network_identity import network_identity
from gala_viz.attribution.provenance import code_versions
from gala_viz.collections.collection import Collection
from gala_viz.engine.precision import with_common_precision
from gala_viz.engine.result_keys import circumstances
from gala_viz.live.descriptions import summary
from gala_viz.networks.network import Network
from gala_viz.specs import fingerprint, settings
from gala_viz.store.identity import check_steady
from gala_viz.store.spec import PRECISION, StoredNetwork, StoreSpec
from gala_viz.store.zarr_store import Store


def store_spec(
    collection: Collection,
    images: Sequence[str],
    networks: Sequence[Network],
    methods: Mapping[str, Any],
    *,
    opened_as: str,
    human_maps: str | None = None,
    networks_as: Sequence[str] = (),
    target: str | int = "own",
    reduction: str = "absolute",
    cells: int | None = None,
    errors: bool = True,
    block_images: int = 32,
    threads: int | None = None,
) -> StoreSpec:
    """Return what a store of some methods by some networks on some images holds.

    Parameters
    ----------
    collection : Collection
        Where photographs are read.
    images : sequence of str
        Ids.
    networks : sequence of Network
        Of different names.
    methods : mapping of str to object
        Name of a method -> its settings, None: the defaults.
    opened_as, human_maps : str
        What the collection was opened by.
    networks_as : sequence of str
        Names by which the networks were loaded; default: their own.
    target, reduction, cells, errors, block_images, threads
        As in ``StoreSpec``.

    Returns
    -------
    StoreSpec
        The settings.
    """
    return StoreSpec(
        collection={
            "name": collection.name,
            "title": collection.title,
            "fingerprint": collection.fingerprint,
            "opened_as": opened_as,
            **({"human_maps": human_maps} if human_maps else {}),
        },
        images=fingerprint(list(images)),
        n_images=len(images),
        networks=tuple(
            stored_network(*pair) for pair in zip(networks, networks_as or [""] * len(networks), strict=True)
        ),
        methods={name: method_settings(name, spec) for name, spec in methods.items()},
        target=target,
        reduction=reduction,
        cells=cells,
        errors=errors,
        comparison_cells=COMPARISON_CELLS,
        block_images=block_images,
        versions=code_versions(),
        threads=threads,
    )


def with_stored_precision(path: Path, networks: Sequence[Network]) -> list[Network]:
    """Return networks, those in "auto" in the precision of the store at ``path`` where there is one.

    Else they get what "auto" means here, one precision for all (``gala_viz.engine.precision.with_common_precision``).
    """
    if (path / "zarr.json").is_file():
        stored = {network.name: network.precision for network in Store(path).spec.networks}
        networks = [
            network.with_precision(stored[network.name], f"{stored[network.name]}, as the store was begun")
            if network.precision == "auto" and network.name in stored
            else network
            for network in networks
        ]
    return with_common_precision(networks)


def store_circumstances(networks: Sequence[Network], threads: int | None) -> dict[str, str]:
    """Return what the blocks of a store are computed with on this machine; workers elsewhere may differ."""
    about = circumstances(networks[0])
    notes = {network.name: network.precision_note for network in networks if network.precision_note}
    about |= {PRECISION: "; ".join(f"{name}: {note}" for name, note in notes.items())} if notes else {}
    return {**about, "threads": str(threads or about["threads"])}


def add_notes(store: Store, notes: Iterable[str]) -> None:
    """Record that blocks of a store were computed otherwise than its last circumstances say, in smaller batches."""
    about = store.circumstances[-1]
    for note in dict.fromkeys(notes):
        store.add_circumstances({**about, "batch_size": f"below {about.get('batch_size', '?')} ({note})"})


def method_settings(name: str, spec: Any = None) -> dict[str, Any]:
    """Return a method's settings with its title, its unit, and whether it has chance."""
    method = METHODS[name]
    about = {"title": method.title, "units": method.units, "by_chance": method.stochastic}
    return {**settings(method.validate_spec(spec)), **about}


@torch.no_grad()
def stored_network(network: Network, opened_as: str = "") -> StoredNetwork:
    """Return what a store tells of a network.

    Raises ``ValueError`` for a network whose maps could not be computed a second time, and its kind ``NonFiniteError``
    for one that has no finite numbers even for a grey input.
    """
    height, width = network.preprocessing.input_px
    logits = network.logits(torch.zeros(1, 3, height, width))
    check_finite(logits.cpu().numpy(), "logits", network.name, "a grey picture")
    identity = network_identity(network)
    assert identity.behaviour is not None, "it was computed"
    check_steady(network.name, identity.behaviour)
    return StoredNetwork(
        **identity.settings,
        title=network.title,
        device=network.device_description,
        opened_as=opened_as or network.name,
        summary=summary(network.card),
        behaviour=identity.behaviour.settings(),
        known_by_weights=identity.known_by_weights,
    )
