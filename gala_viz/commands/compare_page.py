"""The comparison page assembled: options, a source that loads beside it, a view of it; served with or without a file.

``apps/compare.py`` and ``gala-viz compare`` both serve ``page``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from gala_viz.panels.options import CompareOptions
from gala_viz.panels.shared import SharedSource, shared_source

if TYPE_CHECKING:
    from panel.viewable import Viewable

    from gala_viz.store.source import MapSource


def page(options: CompareOptions) -> Viewable:
    """The page of one session; it stands at once and shows what is being loaded."""
    from gala_viz.panels.compare import compare_page

    return compare_page(source(options))


def warm_up(options: CompareOptions) -> None:
    """Do before the first visitor comes what every page needs: import its parts, begin to load its source."""
    import gala_viz.panels.compare  # noqa: F401

    source(options)


def source(options: CompareOptions) -> SharedSource:
    """The source of all sessions with these options; the first call begins to load it, in a thread of its own."""
    return shared_source(options, lambda say: _load(options, say))


def _load(options: CompareOptions, say: Callable[[str], None]) -> MapSource:
    say("Opening the collection…")
    from gala_viz.collections import open_collection

    collection = open_collection(options.collection, human_maps=options.human_maps)
    say("Starting PyTorch…")
    from gala_viz.live import LiveMaps
    from gala_viz.networks.zoo import load_network

    networks = []
    for name in options.pair:
        say(f"Loading the network {name}…")
        networks.append(load_network(name, options.device, options.dtype, layers=options.layers))
    return LiveMaps(collection, networks)
