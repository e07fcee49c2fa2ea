"""The comparison page assembled: options, a source that loads beside it, a view of it; served with or without a file.

``apps/compare.py`` and ``gala-viz compare`` both serve ``page``; ``apps/explore.py`` and ``gala-viz explore`` serve
``all_images``.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from gala_viz.panels.options import CompareOptions
from gala_viz.panels.shared import SharedSource, shared_source

if TYPE_CHECKING:
    from panel.viewable import Viewable

    from gala_viz.behavior.database import Database
    from gala_viz.collections.collection import Collection
    from gala_viz.store.source import MapSource

_log = logging.getLogger(__name__)


def page(options: CompareOptions) -> Viewable:
    """The page of one session; it stands at once and shows what is being loaded."""
    from gala_viz.panels.compare import compare_page

    return compare_page(source(options), options.game, origin(options), records(options))


def origin(options: CompareOptions) -> dict[str, Any]:
    """The fields of a figure's file that open this source again (``plots.figures.asked.FigureSpec``)."""
    stored = options.store is not None
    return {
        "collection": options.collection if stored else options.shown_collection,
        "human_maps": options.human_maps,
        "store": options.store,
        "networks": options.networks if stored else options.pair,
    }


def all_images(options: CompareOptions, compare: str = "compare") -> Viewable:
    """The page of all images of the same source, for one session; ``compare`` is where the comparison is served."""
    from gala_viz.panels.spares import DRAWING

    with DRAWING:
        from gala_viz.panels.explore import explore_page

    return explore_page(source(options), compare, origin(options), records(options))


@functools.cache
def records(options: CompareOptions) -> Database | None:
    """Where notes and saved views are kept; None where none are, or where their database cannot be opened."""
    from gala_viz.behavior.database import Database, own_records

    where = options.notes or options.records or str(own_records())
    if where == "none":
        return None
    try:
        return Database(where)
    except (ValueError, OSError) as error:
        if options.notes is not None:
            raise
        _log.warning("Notes cannot be kept: %s", error)
        return None


def warm_up(options: CompareOptions) -> None:
    """Do before the first visitor comes what every page needs: import its parts, begin to load its source."""
    import gala_viz.panels.compare  # noqa: F401

    source(options)
    records(options)


def source(options: CompareOptions) -> SharedSource:
    """The source of all sessions with these options; the first call begins to load it, in a thread of its own."""
    return shared_source(options, lambda say: load(options, say))


def load(options: CompareOptions, say: Callable[[str], None]) -> MapSource:
    """The source itself; ``say`` hears which step it is at."""
    if options.store is not None:
        return _stored(options, say)
    say("Opening the collection…")
    from gala_viz.collections import open_collection

    collection = open_collection(options.shown_collection, human_maps=options.human_maps)
    collection.get_ready(say)
    if options.records is not None:
        from gala_viz.behavior.database import Database
        from gala_viz.behavior.with_collected import WithCollected

        collection = WithCollected(collection, Database(options.records))
    return _live(collection, options.pair, options, say)


def _live(
    collection: Collection, pair: Sequence[str], options: CompareOptions, say: Callable[[str], None]
) -> MapSource:
    say("Starting PyTorch…")
    from gala_viz.live import LiveMaps
    from gala_viz.networks.zoo import load_network

    networks = []
    for name in pair:
        say(f"Loading the network {name}…")
        networks.append(load_network(name, options.device, options.dtype, layers=options.layers))
    return LiveMaps(collection, networks)


def _stored(options: CompareOptions, say: Callable[[str], None]) -> MapSource:
    """The store's maps at once; networks are loaded when something else is asked for."""
    say("Opening the store…")
    from gala_viz.collections import open_collection
    from gala_viz.store.stored_maps import StoredMaps
    from gala_viz.store.zarr_store import Store

    store = Store(options.store)
    about = store.spec.collection
    human_maps = options.human_maps or about.get("human_maps")
    collection = open_collection(options.collection or about["opened_as"], human_maps=human_maps)
    names = options.networks or tuple(network.name for network in store.spec.networks[:2])
    opened_as = {network.name: network.opened_as for network in store.spec.networks}

    def live() -> MapSource:
        return _live(collection, [opened_as[name] for name in names], options, say)

    return StoredMaps(store, collection, names, live)
