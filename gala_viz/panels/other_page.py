"""The link in a page's header to the other page of the same source, which opens with what both pages understand."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import quote, urlencode

from gala_viz.panels.html_pane import html_pane
from gala_viz.panels.html_templates import render_html
from gala_viz.panels.link_parameters import SHARED_LINK_NAMES
from gala_viz.panels.page_state import PageState


def other_page_query(state: PageState, image: str | None = None, names: Collection[str] = SHARED_LINK_NAMES) -> str:
    """Return the query with which the other page opens: the networks, what the gallery shows, and an image.

    Parameters
    ----------
    state : PageState
        State of this page.
    image : str, optional
        Id of the image that the other page shows, "" for none; default: the one in view, unless it was uploaded to this
        page.
    names : collection of str
        Link parameters that the other page understands.

    Returns
    -------
    str
        The query.
    """
    image = state.parameters["image"].value if image is None else image
    query = state.query_for(names)
    if not image or image.startswith("upload-"):
        return query
    return f"{query}&{urlencode({'image': image}, quote_via=quote, safe=':,/')}"


class OtherPageLink:
    """A link to the page at ``address``, called ``title``, which understands the link parameters ``names``.

    ``pane`` is for the header, ``drawer_pane`` for the drawer of windows that have no room in their header; both are
    empty where the address is "".
    """

    def __init__(self, address: str, title: str, names: Collection[str] = SHARED_LINK_NAMES) -> None:
        self.address, self.title, self.names = address, title, names
        self.pane = html_pane(sizing_mode=None, align="center", visible=bool(address))
        self.drawer_pane = html_pane(visible=bool(address))

    def follow(self, state: PageState) -> None:
        """Lead, from now on, to what the other page understands of ``state``."""
        if self.address:
            state.watch(lambda _: self._show(state))
            self._show(state)

    def _show(self, state: PageState) -> None:
        for pane, width in ((self.pane, ""), (self.drawer_pane, "narrow")):
            pane.object = render_html(
                '<nav class="other {{ width }}" aria-label="{{ title }}"><a href="{{ address }}">{{ title }}</a></nav>',
                width=width,
                address=f"{self.address}?{other_page_query(state, names=self.names)}",
                title=self.title,
            )
