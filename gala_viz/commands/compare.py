"""``gala-viz compare``: the page that compares two networks, from options to a server."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Annotated

import tyro

from gala_viz.commands.page_server import ServerAddress, check_address, clean_shutdown, serve
from gala_viz.commands.terminal_progress import step_printer
from gala_viz.networks.network_folders import with_output
from gala_viz.panels.compare.compare_options import CompareOptions


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Compare what two networks rely on, image by image, with each other and with people."""

    options: Annotated[CompareOptions, tyro.conf.arg(name="")] = field(default_factory=CompareOptions)
    server_address: Annotated[ServerAddress, tyro.conf.arg(name="")] = field(default_factory=ServerAddress)

    def run(self) -> None:
        """Serve the page until Ctrl-C; what cannot be shown is said before the page is announced."""
        serve_pages(self.options, self.server_address, "compare")


def serve_pages(options: CompareOptions, server_address: ServerAddress, first: str) -> None:
    """Serve the comparison, the exploration and the grid; the browser opens the page called ``first``."""
    with clean_shutdown():
        check_address(server_address)
        if options.output:
            options = replace(options, networks=with_output(options.network_names, options.output), output=None)
        from gala_viz.commands import compare_app

        with step_printer() as say:
            compare_app.prepare_compare_page(options, say)
        is_public = server_address.is_public
        pages = {
            "compare": lambda: compare_app.build_compare_page(options, "explore", "grid", is_public=is_public),
            "explore": lambda: compare_app.build_explore_page(options, "compare", "grid", is_public=is_public),
            "grid": lambda: compare_app.build_grid_page(options, "compare", "explore", is_public=is_public),
        }
        serve({first: pages[first], **pages}, server_address, when_listening=lambda: compare_app.warm_up(options))
