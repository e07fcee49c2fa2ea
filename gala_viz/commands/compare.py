"""``gala-viz compare``: the page that compares two networks, from options to a server."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

import tyro

from gala_viz.commands.progress import steps
from gala_viz.commands.serving import Address, check_address, ending_cleanly, serve
from gala_viz.panels.options import CompareOptions


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Compare what two networks rely on, image by image, with each other and with people."""

    options: Annotated[CompareOptions, tyro.conf.arg(name="")] = field(default_factory=CompareOptions)
    at: Annotated[Address, tyro.conf.arg(name="")] = field(default_factory=Address)

    def run(self) -> None:
        """Serve the page until Ctrl-C; what cannot be shown is told before the page is announced."""
        serve_pages(self.options, self.at, "compare")


def serve_pages(options: CompareOptions, at: Address, first: str) -> None:
    """Serve the comparison and the exploration, of which ``first`` is opened; ``compare`` or ``explore``."""
    with ending_cleanly():
        check_address(at)
        from gala_viz.commands import compare_page

        with steps() as say:
            compare_page.prepare(options, say)
        pages = {
            "compare": lambda: compare_page.page(options, reaches_others=at.reaches_others),
            "explore": lambda: compare_page.all_images(options, reaches_others=at.reaches_others),
        }
        serve({first: pages[first], **pages}, at, when_listening=lambda: compare_page.warm_up(options))
