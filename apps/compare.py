"""Two networks on one collection: ``panel serve apps/compare.py --args --collection photos --networks A B --device cpu``."""

import sys

from gala_viz.panels.compare import compare_page
from gala_viz.panels.options import parse_compare_options
from gala_viz.panels.shared import shared_source

options = parse_compare_options(sys.argv[1:])


def build(say):
    """Open the collection and load the networks; torch is imported here, in a thread, while the page already stands."""
    say("Opening the collection…")
    from gala_viz.collections import open_collection
    from gala_viz.live import LiveMaps
    from gala_viz.networks import load_network

    collection = open_collection(options.collection, human_maps=options.human_maps)
    networks = []
    for name in options.networks:
        say(f"Loading networks… {name}")
        networks.append(load_network(name, device=options.device, dtype=options.dtype))
    return LiveMaps(collection, networks)


compare_page(shared_source(options, build)).servable()
