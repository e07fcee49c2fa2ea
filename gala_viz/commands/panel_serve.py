"""An app file under ``panel serve``: options from ``--args``, a check of them, and a page or the reason for none.

``panel serve`` runs an app file once for each visitor, and before it announces the address only with ``--warm``: then
the whole of what the page needs is checked first, and a refusal ends the server.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from gala_viz.commands.page_server import equip_panel_server
from gala_viz.commands.terminal_progress import step_printer
from gala_viz.cpu_threads import prepare_threads
from gala_viz.registry import UnknownNameError

if TYPE_CHECKING:
    from panel.viewable import Viewable

Options = TypeVar("Options")
EXIT_REFUSED = 2
"""Exit status where something was refused, as that of ``gala-viz``."""
UNKNOWN_OPTIONS_TEXT = "The options after --args are not understood; the server's log says which."


def app_page(
    name: str,
    options: type[Options],
    page: Callable[[Options], Viewable],
    prepare: Callable[[Options, Callable[[str], None]], Any],
) -> Viewable:
    """Return the page of one visitor, of options from the command line of ``panel serve``.

    Where an option or its object is refused, the page says so in the words of the command line, and the log too.

    Parameters
    ----------
    name : str
        Name of the app, for messages.
    options : type
        Dataclass of the options.
    page : callable
        ``page(options)`` makes the page.
    prepare : callable
        ``prepare(options, say)`` checks and opens what the page needs, before the server listens.

    Returns
    -------
    Viewable
        The page, or the reason why there is none.
    """
    from gala_viz.panels.html_pane import html_pane
    from gala_viz.panels.markup import load_error
    from gala_viz.panels.page_head import set_page_head

    prepare_threads()
    warming = _is_warming()
    if not warming:
        equip_panel_server()
    try:
        parsed = _read(name, options)
        if not warming:
            return page(parsed)
        with step_printer() as say:
            prepare(parsed, say)
        return html_pane()  # no visitor opens it
    except (ValueError, OSError, UnknownNameError) as error:
        sys.stderr.write(f"{name}: {error}\n")
        if warming:
            sys.exit(EXIT_REFUSED)
        set_page_head(f"gala_viz: {name}")
        return html_pane(load_error(str(error), name))


def _read(name: str, options: type[Options]) -> Options:
    import tyro

    try:
        return tyro.cli(options, prog=name, args=sys.argv[1:])
    except SystemExit as ended:  # which would end the server in the middle of a session
        raise ValueError(UNKNOWN_OPTIONS_TEXT) from ended


def _is_warming() -> bool:
    """Return whether this runs before the server listens, for no visitor."""
    import panel as pn

    context = pn.state.curdoc.session_context if pn.state.curdoc is not None else None
    return context is not None and context.server_context is None
