"""The comparison page assembled: options, a source that loads beside it, a view of it; served with or without a file.

``apps/compare.py``, ``apps/explore.py`` and ``apps/grid.py`` serve ``build_compare_page``, ``build_explore_page`` and
``build_grid_page``; ``gala-viz compare`` and ``gala-viz explore`` serve all three.
"""

from __future__ import annotations

import functools
import itertools
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from gala_viz.collections.human_maps.map_checks import usable_map
from gala_viz.commands.allowed_hosts import has_proxy_headers, is_loopback
from gala_viz.commands.page_server import is_served_by_panel, server_is_public
from gala_viz.panels.compare.compare_options import CompareOptions
from gala_viz.panels.shared_source import SharedSource, shared_source
from gala_viz.panels.waiting_page import page_when_ready

if TYPE_CHECKING:
    from panel.viewable import Viewable

    from gala_viz.collections.collection import Collection
    from gala_viz.networks.network import Network
    from gala_viz.records.database import Database
    from gala_viz.store.source import MapSource

_log = logging.getLogger(__name__)

StepCallback = Callable[[str], None]
"""Called with a few words on the step of a longer work that begins."""
N_CHECKED_MAPS = 20
"""How many human maps are read before all count as unreadable."""
_prepared: dict[CompareOptions, Callable[[StepCallback], MapSource]] = {}
"""Options -> function that makes their source; each is used once."""


def build_compare_page(
    options: CompareOptions,
    explore_url: str | None = None,
    grid_url: str | None = None,
    *,
    is_public: bool | None = None,
) -> Viewable:
    """Build the comparison page of one session; it stands at once and shows what is being loaded.

    Parameters
    ----------
    options : CompareOptions
        What is compared.
    explore_url, grid_url : str, optional
        Addresses of the exploration and the grid of the same source, "" where they are not served; default: as ``panel
        serve`` serves them.
    is_public : bool, optional
        Whether others than this machine's users can open the page; default: as the servers of this process are.

    Returns
    -------
    Viewable
        The page.
    """
    source = shared_source_for(options)

    def build() -> Viewable:
        from gala_viz.panels.compare.compare_page import compare_page

        return compare_page(
            source,
            options.game,
            figure_source(options),
            open_notes_database(options),
            read_only_notes=notes_are_read_only(options, is_public),
            explore_url=_address("explore") if explore_url is None else explore_url,
            grid_url=_address("grid") if grid_url is None else grid_url,
        )

    return _page(source, "compare", build)


def figure_source(options: CompareOptions) -> dict[str, Any]:
    """Return the fields of a ``gala_viz.plots.figures.specs.FigureSpec`` that open this source again."""
    stored = options.store is not None
    return {
        "collection": options.collection if stored else options.collection_name,
        "human_maps": options.human_maps,
        "store": options.store,
        "networks": options.networks if stored else options.network_names,
    }


def build_explore_page(
    options: CompareOptions,
    compare_url: str | None = None,
    grid_url: str | None = None,
    *,
    is_public: bool | None = None,
) -> Viewable:
    """Build the page of all images of the same source, for one session.

    Parameters
    ----------
    options : CompareOptions
        What is compared.
    compare_url, grid_url : str, optional
        Addresses of the comparison and the grid of the same source, as in ``build_compare_page``.
    is_public : bool, optional
        As in ``build_compare_page``.

    Returns
    -------
    Viewable
        The page.
    """
    source = shared_source_for(options)

    def build() -> Viewable:
        from gala_viz.plots.bokeh_rendering import DRAWING_LOCK

        with DRAWING_LOCK:
            from gala_viz.panels.explore.explore_page import explore_page

        return explore_page(
            source,
            _address("compare") if compare_url is None else compare_url,
            figure_source(options),
            open_notes_database(options),
            read_only_notes=notes_are_read_only(options, is_public),
            grid_url=_address("grid") if grid_url is None else grid_url,
        )

    return _page(source, "explore", build)


def build_grid_page(
    options: CompareOptions,
    compare_url: str | None = None,
    explore_url: str | None = None,
    *,
    is_public: bool | None = None,
) -> Viewable:
    """Build the page of many photographs by many columns of the same source, for one session.

    Parameters
    ----------
    options : CompareOptions
        What is compared.
    compare_url, explore_url : str, optional
        Addresses of the comparison and the exploration of the same source, as in ``build_compare_page``.
    is_public : bool, optional
        As in ``build_compare_page``.

    Returns
    -------
    Viewable
        The page.
    """
    source = shared_source_for(options)

    def build() -> Viewable:
        from gala_viz.panels.grid.grid_page import grid_page

        return grid_page(
            source,
            _address("compare") if compare_url is None else compare_url,
            _address("explore") if explore_url is None else explore_url,
            figure_source(options),
            open_notes_database(options),
            read_only_notes=notes_are_read_only(options, is_public),
        )

    return _page(source, "grid", build)


def _page(source: SharedSource, name: str, build: Callable[[], Viewable]) -> Viewable:
    """Build a page, or what stands for it while ``source`` loads; a visitor on another machine gets it before maps."""
    import panel as pn

    from gala_viz.panels.document_queue import send_page_first

    headers = pn.state.headers
    if pn.state.curdoc is not None and (has_proxy_headers(headers) or not is_loopback(str(headers.get("Host", "")))):
        send_page_first(pn.state.curdoc)
    return page_when_ready(source, name, build)


def _address(name: str) -> str:
    return name if is_served_by_panel(name) else ""


def notes_are_read_only(options: CompareOptions, is_public: bool | None) -> bool:
    """Return whether the visitor of this session, without a login, may change no note, bookmark or saved view."""
    if options.shared_notes:
        return False
    import panel as pn

    by_server = server_is_public() if is_public is None else is_public
    return by_server or has_proxy_headers(pn.state.headers)


@functools.cache
def open_notes_database(options: CompareOptions) -> Database | None:
    """Open the database of notes and saved views; None where there is none, or this account's own cannot be opened.

    Raises ``ValueError`` or ``OSError`` for a database that was named and cannot be opened.
    """
    from gala_viz.records.database import Database, default_records_path

    where = options.notes or options.records or str(default_records_path())
    if where == "none":
        return None
    try:
        return Database(where)
    except (ValueError, OSError) as error:
        if options.notes or options.records:
            raise
        _log.warning("Notes cannot be kept: %s", error)
        return None


def warm_up(options: CompareOptions) -> None:
    """Begin before the first visitor comes to load what every page needs, in a thread."""
    shared_source_for(options)


def shared_source_for(options: CompareOptions) -> SharedSource:
    """Return the source of all sessions with these options.

    The first call begins to load it, in a thread of its own.
    """
    return shared_source(options, lambda say: load_source(options, say))


def load_source(options: CompareOptions, say: StepCallback) -> MapSource:
    """Import the parts of the pages, and load the source of ``options``; ``say`` hears each step."""
    say("Preparing the page…")
    import gala_viz.panels.compare.compare_page  # noqa: F401

    open_notes_database(options)
    finish = _prepared.pop(options, None) or _opened(options, say)
    return finish(say)


def prepare_compare_page(options: CompareOptions, say: StepCallback) -> None:
    """Open and check all that a page of ``options`` shows, before the page is announced.

    Collection, human maps, store and databases are opened, not read. Networks, devices and layers are checked by
    loading the networks; only those that come with the program, on a CPU, are left to load while the page stands, once
    their files have been compared with their cards. What is opened serves the first page.

    Raises
    ------
    ValueError, OSError, UnknownNameError
        With a sentence that says what was expected, what came and what to do.
    """
    check_names(options)
    _prepared[options] = _opened(options, say, ahead=True)
    open_notes_database(options)


def check_names(options: CompareOptions) -> None:
    """Raise an error for a collection, a folder of maps or a network that is not there; nothing is opened."""
    from gala_viz.collections.human_maps.open_human_maps import check_human_maps
    from gala_viz.collections.open import collection_folder
    from gala_viz.networks.network_folders import is_external, network_folder

    if options.store is not None and not Path(options.store).expanduser().is_dir():
        raise NotADirectoryError(f"--store names a folder that gala-viz attribute made; {options.store} is none.")
    if options.store is None or options.collection is not None:
        collection_folder(options.collection_name)
    if options.human_maps is not None:
        check_human_maps(Path(options.human_maps).expanduser())
    for network in options.network_names if options.store is None else ():
        if not is_external(network):
            network_folder(network)


def _opened(options: CompareOptions, say: StepCallback, *, ahead: bool = False) -> Callable[[StepCallback], MapSource]:
    """Return a function that makes the source, after all else is opened.

    With ``ahead`` everything that could fail is done before.
    """
    if options.store is not None:
        stored = _stored(options, say, ahead=ahead)
        return lambda _: stored
    collection = _collection(options, say)
    if ahead and options.human_maps is not None:
        _check_maps(collection, options.human_maps)
    if not ahead or _loads_surely(options):
        return lambda say: _live(_ready(collection, say), options.network_names, options, say)
    source = _live(collection, options.network_names, options, say)

    def finish(say: StepCallback) -> MapSource:
        _ready(collection, say)
        return source

    return finish


def _ready(collection: Collection, say: StepCallback) -> Collection:
    collection.warm_up(say)
    return collection


def _collection(options: CompareOptions, say: StepCallback) -> Collection:
    """Open the collection of ``options``, with the maps of the game's records where they are named."""
    say("Opening the collection…")
    from gala_viz.collections import open_collection

    collection = open_collection(options.collection_name, human_maps=options.human_maps)
    if options.records is not None:
        from gala_viz.records.database import Database
        from gala_viz.records.game_maps import CollectionWithGameMaps
        from gala_viz.records.round_writer import adopt_journals

        database = Database(options.records)
        if n_waiting := adopt_journals(database):
            _log.warning("at most %d entries wait in the game's journal and may be missing in the maps.", n_waiting)
        collection = CollectionWithGameMaps(collection, database)
    return collection


def _check_maps(collection: Collection, human_maps: str) -> None:
    """Raise ``ValueError`` where none of the first maps can be read: the others are then no better."""
    marked = list(itertools.islice(filter(collection.has_human_map, collection.images), N_CHECKED_MAPS))
    if marked and all(collection.human_map(image) is None for image in marked):
        _, why = usable_map(collection, marked[0])
        raise ValueError(f"{human_maps}: none of the first {len(marked)} human maps can be read; {marked[0]}: {why}")


def _loads_surely(options: CompareOptions) -> bool:
    """Return whether networks and settings are such that no choice of the user can make their loading fail.

    Raises ``WeightsError`` for files of a network that are damaged.
    """
    from gala_viz.networks.network_folders import is_shipped, network_folder, read_card, read_verified_weights

    usual = options.device in (None, "auto", "cpu") and options.precision in (None, "float32", "bfloat16")
    if options.layers or not usual or not all(map(is_shipped, options.network_names)):
        return False
    for folder in map(network_folder, options.network_names):
        if folder is not None:
            read_verified_weights(folder, read_card(folder))
    return True


def _live(
    collection: Collection,
    names: Sequence[str],
    options: CompareOptions,
    say: StepCallback,
    layers: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> MapSource:
    """Return a source that computes; the first two networks are loaded, others when a page first shows them.

    Each network hooks the options' layers, or else its own of ``layers``.
    """
    say("Starting PyTorch…")
    from gala_viz.live import LiveMaps
    from gala_viz.live.network_pool import LazyNetwork
    from gala_viz.networks.zoo import load_network

    def load(name: str) -> Network:
        return load_network(name, options.device, options.precision, layers=options.layers or layers.get(name, ()))

    networks: list[Network | LazyNetwork] = []
    for number, name in enumerate(names):
        if number < 2:
            say(f"Loading the network {name}…")
            networks.append(load(name))
        else:
            own_name, title = network_title(name)
            networks.append(LazyNetwork(name=own_name, title=title, load=lambda name=name: load(name), opened_as=name))
    return LiveMaps(collection, networks)


def network_title(name: str) -> tuple[str, str]:
    """Return a network's own name and its title, from its card; nothing is loaded.

    Raises ``ValueError`` for a network that is not there.
    """
    from gala_viz.networks.network_folders import is_external, network_folder, read_card

    folder = None if is_external(name) else network_folder(name)
    if folder is None:
        return name, name
    about = read_card(folder)["network"]
    return about["name"], about.get("title", about["name"])


def _stored(options: CompareOptions, say: StepCallback, *, ahead: bool = False) -> MapSource:
    """Return a source of the store's maps; networks are loaded when something else is requested.

    With ``ahead`` layers, device and precision of these networks are checked too.
    """
    say("Opening the store…")
    from gala_viz.collections import open_collection
    from gala_viz.store.stored_maps import StoredMaps
    from gala_viz.store.zarr_store import Store, StoreError

    store = Store(options.store)
    about = store.spec.collection
    say("Opening the collection…")
    human_maps = options.human_maps or about.get("human_maps")
    try:
        collection = open_collection(options.collection or about["opened_as"], human_maps=human_maps)
    except (ValueError, OSError) as error:
        which = f"--collection {options.collection}" if options.collection else "its collection"
        raise StoreError(f"{options.store}: {which} cannot be opened as when the store was made: {error}") from error
    known = {network.name: network for network in store.spec.networks}
    names = options.networks or tuple(known)

    def live(first: Sequence[str]) -> MapSource:
        from gala_viz.networks.network import watched_paths

        networks = [known[name] for name in dict.fromkeys((*first, *known))]
        layers = {network.opened_as: watched_paths(network.layers) for network in networks}
        return _live(collection, [network.opened_as for network in networks], options, say, layers)

    source = StoredMaps(store, collection, names[:2], live)
    if ahead and options.layers:
        live(names[:2])
    elif ahead and (options.device or options.precision):
        from gala_viz.networks.devices import choose_device, choose_precision

        choose_precision(options.precision, choose_device(options.device))
    return source
