"""The head of every served page: its title, its icon, and what has to work before a connection does: page_head.js."""

from __future__ import annotations

from pathlib import Path

import panel as pn
from markupsafe import Markup

from gala_viz.panels.browser_component import read_scripts

ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E"
    "%3Ccircle cx='12' cy='16' r='11' fill='%232060a8'/%3E"
    "%3Ccircle cx='20' cy='16' r='11' fill='%23b8371f' fill-opacity='.8'/%3E%3C/svg%3E"
)
"""The icon in the tab, as an address that no server is asked for; the pages in ``pages/`` have the same."""
PAGE_HEAD = (Path(__file__).with_name("page_head.html")).read_text(encoding="utf-8")
"""Blocks over those of Panel's own template, which Panel puts before the text of a document's template."""
PAGE_TEMPLATE = "{% extends base %}\n" + PAGE_HEAD
"""The same as a whole, for ``panel_material_ui.Page``."""

LETTER_SIZE_CSS = "html { font-size: max(16px, .75vw); }"
"""Larger letters in windows wider than 2133 px, and with them all that a style sheet measures in rem."""


def set_page_head(title: str, *, skip_link: bool = False, css: str = "") -> None:
    """Give the page of the present session a title, an icon and ``page_head.js``, whatever serves it.

    Outside of a server nothing is done.

    Parameters
    ----------
    title : str
        What stands in the browser's tab.
    skip_link : bool
        Whether the page begins with a link past its header and drawer.
    css : str
        Rules that count before the page's scripts run: the colour of its ground, so that it does not begin white.
    """
    if pn.state.curdoc is None:
        return
    document = pn.state.curdoc
    document.template = PAGE_HEAD  # type: ignore[assignment] # Panel takes a text for blocks over its own
    document.template_variables.update(
        page_title=title,
        favicon=ICON,
        app_favicon=ICON,
        page_css=Markup(css),
        page_head_script=Markup(_script(skip_link=skip_link)),
    )


def _script(*, skip_link: bool) -> str:
    source = read_scripts("connection_banner", "bokeh_patches", "page_head")
    return f"{source}\nbegin_page({{skip_link: {'true' if skip_link else 'false'}}})"
