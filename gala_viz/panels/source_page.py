"""A page of one session over a source that is loaded: the view of one pair of its networks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import panel as pn
import panel_material_ui as pmui
import param
from panel.util import edit_readonly

from gala_viz.panels.bokeh_documents import ScriptDocument
from gala_viz.panels.connection_monitor import ConnectionMonitor
from gala_viz.panels.dark_mode import DarkMode, is_dark
from gala_viz.panels.document_queue import DocumentQueue, hold_updates, release_updates
from gala_viz.panels.gallery.collection_index import CollectionIndex
from gala_viz.panels.html_pane import html_pane
from gala_viz.panels.html_templates import render_html
from gala_viz.panels.latest_job_worker import IsCancelled, LatestJobWorker
from gala_viz.panels.markup import load_error, loading_message
from gala_viz.panels.memory import free_soon
from gala_viz.panels.network_pair import linked_pair, with_pair
from gala_viz.panels.page_head import PAGE_TEMPLATE, set_page_head
from gala_viz.panels.page_state import parse_query
from gala_viz.panels.panel_patches import patch_page_links
from gala_viz.panels.shared_source import SharedSource
from gala_viz.panels.styles import PAGE_SX, THEME
from gala_viz.store.source import MapSource

if TYPE_CHECKING:
    from gala_viz.panels.page_persistence import PagePersistence

patch_page_links()
TITLE = "gala_viz"
EDGE = (6, 14)


class _Idle(param.Parameterized):
    """What a page refers to in place of the server's busy state.

    With the server's state every callback of any session would cost each page two messages to its browser, and the
    reference would keep each page alive for as long as the server runs.
    """

    busy = param.Boolean(default=False)


class SourcePage(ABC):
    """The page of one session; ``view`` is None until its pair of networks is loaded.

    ``waiting_page`` stands before it while the source itself is loading. It shows one pair of the source's networks at
    a time: that of its address, and another one when the visitor chooses it or goes back to it. ``source`` and
    ``index`` are those of the pair.
    """

    heading: str
    """What the page is, in the browser's tab and while networks are loaded."""
    description: str
    source: MapSource
    """That of the pair in view."""
    index: CollectionIndex

    def __init__(self, shared_source: SharedSource) -> None:
        self.shared_source = shared_source
        self.view = None
        self._persistence: PagePersistence | None = None
        self.document = pn.state.curdoc or ScriptDocument()
        assert shared_source.source is not None, "it is ready"
        assert shared_source.index is not None
        self.source, self.index = shared_source.source, shared_source.index
        self.status_pane = html_pane()
        self.connection = ConnectionMonitor(width=0, height=0, margin=0)
        self.subtitle = html_pane(margin=(0, 8), align="center", styles={"flex": "1 1 0", "min-width": "0"})
        title = f"gala_viz: {self.heading[0].lower()}{self.heading[1:]}"
        self.page = pmui.Page(
            title=TITLE,
            site_url="./",
            main=[self.status_pane],
            sidebar=[],
            header=[self.subtitle, self.connection],
            sidebar_width=276,
            sidebar_resizable=False,
            theme_config=THEME,
            dark_theme=is_dark() is True,
            busy_indicator=None,
            sx=PAGE_SX,
            meta_title=title,
            meta_description=self.description,
            template=PAGE_TEMPLATE,
        )
        set_page_head(title, skip_link=True)
        with edit_readonly(self.page):
            self.page.busy = _Idle().param.busy
        self.dark_mode = DarkMode(dark=self.page.dark_theme, width=0, height=0, margin=0)
        self.page.jslink(self.dark_mode, dark_theme="dark", sidebar_open="sidebar_open", bidirectional=True)
        self._pair_queue = DocumentQueue(self.document, self._on_pair)
        self._pair_worker = LatestJobWorker("gala-viz pair", lambda error: self._pair_queue.put("error", (error,)))
        self.document.on_session_destroyed(lambda _: self._end())
        hold_updates(self.document)
        pn.state.onload(lambda: release_updates(self.document))
        query = query_of(pn.state.session_args)
        if not self.open_query(query):
            self._build(query)

    @abstractmethod
    def build(self, query: str) -> None:
        """Create ``view`` from ``source`` and ``index``, put it on the page, and show the state ``query``."""

    @abstractmethod
    def show_error(self, error: Exception) -> None:
        """Say on the view why another pair cannot be shown; the pair before stays."""

    @property
    def default_pair(self) -> tuple[str, str]:
        """Names of the two networks with which the server begins."""
        source = self.shared_source.source
        assert source is not None, "it is ready"
        first, second = source.networks
        return first.name, second.name

    def open_query(self, query: str) -> bool:
        """Show the pair of networks that an address names, and return whether that is another pair than now.

        The other pair is loaded in a thread, and then shown in the state of ``query``.
        """
        pair = linked_pair(dict(parse_query(query)), list(self.source.titles), self.default_pair)
        if pair == tuple(network.name for network in self.source.networks):
            return False
        self.request_pair(*pair, query)
        return True

    def request_pair(self, first: str, second: str, query: str, *, push_history: bool = False) -> None:
        """Load a pair of networks in a thread, and show it in the state of an address.

        Parameters
        ----------
        first, second : str
            Names of the networks.
        query : str
            Address of the state.
        push_history : bool
            Whether the address becomes a step of its own in the browser's history.
        """
        source, index = self.source, self.index
        titles = source.titles
        text = f"Loading {' and '.join(dict.fromkeys(titles.get(name, name) for name in (first, second)))}…"
        if self.view is None:
            self.status_pane.object = loading_message(text, self.heading)
        else:
            self.show_loading(text)

        def load(cancelled: IsCancelled) -> None:
            pair = source.pair(first, second)
            of_pair = index.of_pair(pair)
            if not cancelled():
                self._pair_queue.put("pair", (pair, of_pair, query, push_history))

        self._pair_worker.submit(load)

    def cancel_pair(self) -> None:
        """Stop loading another pair of networks; the pair in view stays."""
        self._pair_worker.cancel()

    @abstractmethod
    def show_loading(self, text: str) -> None:
        """Say on the view that something is being loaded."""

    def close_view(self) -> None:
        """Cancel what the view requested, and release it."""
        if self.view is not None:
            self.view.close()
            self.view = None

    def close(self) -> None:
        """Cancel what this session requested and release its view."""
        self._pair_worker.close()
        self._pair_queue.close()
        self.close_view()

    def _end(self) -> None:
        self.close()
        free_soon()

    def _show_pair(self, source: MapSource, index: CollectionIndex, query: str, push_history: bool) -> None:
        """Show another pair of networks in place of the one before."""
        self.close_view()
        self.source, self.index = source, index
        self._build(query)
        if push_history:
            self.write_address()
        elif self._persistence is not None:
            self._persistence.address_sync.write(push_history=False, tell=False)

    def write_address(self) -> None:
        """Make the present address a step of its own in the browser's history."""
        if self._persistence is not None:
            self._persistence.address_sync.write(push_history=True)

    def _choose(self, first: str, second: str) -> None:
        """Show another pair of networks in the present state of all else."""
        if self._persistence is not None:
            pairs = with_pair(parse_query(self._persistence.address_sync.state.query), first, second)
            self.request_pair(first, second, urlencode(pairs), push_history=True)

    def _build(self, query: str) -> None:
        self.build(query)
        networks = self.source.networks
        names = " and ".join(dict.fromkeys(network.name for network in networks))
        devices = " / ".join(dict.fromkeys(network.device for network in networks))
        self.subtitle.object = _subtitle(self.source.title, names, devices)

    def _on_pair(self, key: str, value: tuple) -> None:
        if key == "pair":
            self._show_pair(*value)
            return
        (error,) = value
        if self.view is None:
            self.status_pane.object = load_error(str(error) or type(error).__name__, self.heading)
        else:
            self.show_error(error)


def query_of(arguments: Mapping[str, Sequence[bytes]] | None) -> str:
    """Return the query of the address that opened a session."""
    pairs = [(name, one.decode("utf-8", "replace")) for name, ones in (arguments or {}).items() for one in ones]
    return urlencode(pairs)


def section(title: str, hint: str, *parts, margin: tuple[int, ...] = (0, 0, 12, 0)) -> pn.Column:
    """Lay out components below a heading.

    Parameters
    ----------
    title : str
        The heading.
    hint : str
        Beside it, in smaller type.
    *parts
        Components, one below the other.
    margin : tuple of int
        Of the section, in pixels.

    Returns
    -------
    panel.Column
        The section.
    """
    heading = render_html('<h2>{{ title }} <span class="muted hint">{{ hint }}</span></h2>', title=title, hint=hint)
    return pn.Column(
        html_pane(heading),
        *parts,
        sizing_mode="stretch_width",
        margin=margin,
    )


def _subtitle(title: str, names: str, devices: str) -> str:
    return render_html(
        """<div class="subtitle"><b title="{{ title }}">{{ title }}</b><span class="muted">{{ names }}</span>
<span class="muted device">{{ devices }}</span></div>""",
        title=title,
        names=names,
        devices=devices,
    )
