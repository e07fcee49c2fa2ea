"""``gala-viz explore``: all images of a collection as points, and the comparison of each beside it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

import tyro

from gala_viz.commands.compare import serve_pages
from gala_viz.commands.page_server import ServerAddress
from gala_viz.panels.compare.compare_options import CompareOptions


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Look at a whole collection: which images two networks see like people, and where they differ.

    --store opens maps that gala-viz attribute made, any number of images; without it the images that the comparison
    has scored are shown.
    """

    options: Annotated[CompareOptions, tyro.conf.arg(name="")] = field(default_factory=CompareOptions)
    server_address: Annotated[ServerAddress, tyro.conf.arg(name="")] = field(default_factory=ServerAddress)

    def run(self) -> None:
        """Serve both pages until Ctrl-C; what cannot be shown is said before the pages are announced."""
        serve_pages(self.options, self.server_address, "explore")
