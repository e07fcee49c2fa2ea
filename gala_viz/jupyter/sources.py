"""From names, folders or loaded objects to the ``MapSource`` that widgets use."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gala_viz.panels.compare.compare_options import (
    COLLECTION_NETWORKS,
    DEFAULT_NETWORKS,
    CompareOptions,
    default_collection,
)

if TYPE_CHECKING:
    from gala_viz.collections.collection import Collection
    from gala_viz.networks.network import Network
    from gala_viz.store.source import MapSource


def open_source(
    collection: str | Path | Collection | MapSource | None = None,
    networks: Sequence[str | Path | Network] | None = None,
    *,
    store: str | Path | None = None,
    human_maps: str | Path | None = None,
    layers: Sequence[str] = (),
    device: str | None = None,
    precision: str | None = None,
) -> MapSource:
    """Return the source of ``Compare``, ``explore`` and ``layers``: images of a collection with networks' results.

    They show its first two networks, or those of ``source.pair(first, second)``.

    Parameters
    ----------
    collection : str, Path, Collection or MapSource, optional
        A name ("photos", "rendered"), a folder, the folder of a store, or what ``open_collection`` gave; a source
        passes through. Default: "rendered", or "photos" where other networks or human maps are given.
    networks : sequence of str, Path or Network, optional
        At least two; of a store its names for them. Default: the pair that suits the collection, the store's first two.
    store : str or Path, optional
        A folder that ``gala-viz attribute`` wrote: its maps, collection and networks; nothing is computed that is in
        it.
    human_maps : str or Path, optional
        As for ``open_collection``.
    layers, device, precision
        As for ``load_network``; networks that are loaded keep their own.

    Returns
    -------
    MapSource
        Images, and results of the networks on them.

    Raises
    ------
    ValueError
        Fewer than two networks were given.

    Examples
    --------
    >>> import gala_viz as gv
    >>> source = gv.open_source("photos", ["lite0-gala-vanilla", "lite0-gala-human"], device="cpu")
    >>> len(source.images)
    20
    """
    if is_map_source(collection):
        return collection  # type: ignore[return-value]
    if isinstance(collection, str | Path) and store is None and _is_store(collection):
        collection, store = None, collection
    named = tuple(networks) if networks is not None and not isinstance(networks, str) else networks
    if isinstance(named, str) or (named is not None and len(named) < 2):
        value = named if isinstance(named, str) else f"{len(named)}: {', '.join(map(_name, named)) or 'none'}"
        raise ValueError(
            f"two or more networks were expected; got {value}. Name them in a list, for example "
            f"{list(DEFAULT_NETWORKS)}."
        )
    if store is not None:
        return _stored(store, collection, named, human_maps, layers, device, precision)
    opened = _collection(collection or default_collection(named, human_maps), human_maps)
    opened.warm_up(lambda _: None)
    from gala_viz.live import LiveMaps
    from gala_viz.networks.zoo import load_network

    loaded = [
        load_network(one, device, precision, layers=layers) if isinstance(one, str | Path) else one
        for one in named or COLLECTION_NETWORKS.get(opened.name, DEFAULT_NETWORKS)
    ]
    return LiveMaps(opened, loaded)


def _is_store(folder: str | Path) -> bool:
    return (Path(folder).expanduser() / "zarr.json").is_file()


def is_map_source(one: Any) -> bool:
    """Return whether ``one`` has the main methods and attributes of a ``MapSource``."""
    return all(hasattr(one, name) for name in ("maps", "forward", "scores", "networks", "images"))


def _collection(one: str | Path | Collection, human_maps: str | Path | None) -> Collection:
    from gala_viz.collections import open_collection

    if isinstance(one, str | Path):
        return open_collection(one, human_maps=human_maps)
    if human_maps is not None:
        raise ValueError(f"human maps are given where a collection is opened; {one.name} is open already.")
    return one


def _stored(
    store: str | Path,
    collection: Any,
    pair: Sequence[Any] | None,
    human_maps: str | Path | None,
    layers: Sequence[str],
    device: str | None,
    precision: str | None,
) -> MapSource:
    """Return a source of a store, as the comparison page opens it; everything must be given by name."""
    from gala_viz.commands.compare_app import load_source

    for one in (collection, *(pair or ())):
        if one is not None and not isinstance(one, str | Path):
            raise ValueError(f"with a store, collections and networks are named; got a loaded one, {_name(one)}.")
    options = CompareOptions(
        store=str(store),
        collection=None if collection is None else str(collection),
        networks=None if pair is None else tuple(map(str, pair)),  # type: ignore[arg-type]
        human_maps=None if human_maps is None else str(human_maps),
        layers=tuple(layers),
        device=device,
        precision=precision,
    )
    return load_source(options, lambda _: None)


def _name(one: Any) -> str:
    return str(getattr(one, "name", one))
