"""The page of a visitor who comes while networks are still loading: words at once, without a script of any library.

It asks the server how far it is, and loads itself anew once the source is ready: the real page is then built in one go.
Meanwhile the browser fetches the scripts of that page.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import panel as pn
import tornado.web
from markupsafe import Markup

from gala_viz.panels.dark_mode import is_dark
from gala_viz.panels.html_pane import html_pane
from gala_viz.panels.html_templates import html_template
from gala_viz.panels.markup import load_error
from gala_viz.panels.page_head import ICON, set_page_head
from gala_viz.panels.served_pages import HEADINGS
from gala_viz.panels.shared_source import SharedSource, source_of_token

_log = logging.getLogger(__name__)
TEMPLATE = Path(__file__).parent / "pages" / "waiting.html"
_COLOURS = {None: "light dark", False: "light", True: "dark"}


def page_when_ready(
    shared_source: SharedSource, name: str, build: Callable[[], pn.viewable.Viewable]
) -> pn.viewable.Viewable:
    """Build a page of the present session, what stands for it while its source is loading, or why it cannot be built.

    Parameters
    ----------
    shared_source : SharedSource
        The source, which has begun to load.
    name : str
        Name of the page among ``served_pages.KNOWN_PAGES``.
    build : callable
        Builds the page; called where the source is ready.

    Returns
    -------
    panel.viewable.Viewable
        The page. That of a waiting visitor is empty: all that is seen is in the document's template.
    """
    if shared_source.state == "ready":
        try:
            return build()
        except Exception as error:  # of whatever kind: a visitor is told in words, the log in full
            _log.exception("A page could not be built.")
            set_page_head(f"gala_viz: {HEADINGS[name]}")
            return html_pane(load_error(str(error) or type(error).__name__, HEADINGS[name]))
    document = pn.state.curdoc
    assert document is not None, "a session waits"
    document.template = html_template(TEMPLATE.read_text(encoding="utf-8"))
    document.template_variables.update(
        heading=HEADINGS[name],
        app_favicon=ICON,
        step=shared_source.step,
        address=f"loading/{shared_source.token}",
        failure=Markup(load_error("", HEADINGS[name])),
        colours=_COLOURS[is_dark()],
    )
    return pn.Spacer()


class LoadingHandler(tornado.web.RequestHandler):
    """Says how far a source is: ``state``, ``step`` and ``error`` as JSON."""

    def get(self, token: str) -> None:
        """Answer; 404 for a source that this process does not have, as after a restart."""
        source = source_of_token(token)
        if source is None:
            raise tornado.web.HTTPError(404, reason="this is not loading here")
        self.set_header("Cache-Control", "no-store")
        self.write({"state": source.state, "step": source.step, "error": source.error})


def loading_routes(prefix: str = "") -> list[tuple[str, type[LoadingHandler]]]:
    """Return the address of ``LoadingHandler`` under ``prefix``, part of a regular expression."""
    return [(rf"{prefix}/loading/([\w-]+)", LoadingHandler)]
