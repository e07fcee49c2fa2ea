"""All images of a collection as points: ``panel serve apps/compare.py apps/explore.py --args --store maps.zarr``."""

import sys

import tyro

from gala_viz.commands.compare_page import all_images
from gala_viz.commands.serving import under_panel_serve
from gala_viz.panels.options import CompareOptions

under_panel_serve()
all_images(tyro.cli(CompareOptions, prog="explore", args=sys.argv[1:])).servable()
