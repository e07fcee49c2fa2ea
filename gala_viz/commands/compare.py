"""``gala-viz compare``: the page that compares two networks, from options to a server."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from gala_viz.commands.serving import Address, ending_cleanly, serve
from gala_viz.panels.options import CompareOptions


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Compare what two networks rely on, image by image, with each other and with people."""

    options: Annotated[CompareOptions, tyro.conf.arg(name="")] = field(default_factory=CompareOptions)
    at: Annotated[Address, tyro.conf.arg(name="")] = field(default_factory=Address)

    def run(self) -> None:
        """Serve the page until Ctrl-C; what cannot be shown is told before the server starts."""
        with ending_cleanly():
            check(self.options)
            from gala_viz.commands import compare_page

            serve(
                {
                    "compare": lambda: compare_page.page(self.options),
                    "explore": lambda: compare_page.all_images(self.options),
                },
                self.at,
                when_listening=lambda: compare_page.warm_up(self.options),
            )


def check(options: CompareOptions) -> None:
    """Raise a sentence for a collection, a folder of maps or a network that is not there; nothing is loaded."""
    from gala_viz.collections.open import collection_folder
    from gala_viz.collections.open_marks import check_marks
    from gala_viz.networks.folders import is_other, network_folder

    if options.store is not None and not Path(options.store).expanduser().is_dir():
        raise NotADirectoryError(f"--store names a folder that gala-viz attribute made; {options.store} is none.")
    if options.store is None or options.collection is not None:
        collection_folder(options.shown_collection)
    if options.human_maps is not None:
        check_marks(Path(options.human_maps).expanduser())
    if options.notes not in (None, "none"):
        from gala_viz.behavior.database import Database

        Database(options.notes).close()
    for network in options.pair if options.store is None else ():
        if not is_other(network):
            network_folder(network)
