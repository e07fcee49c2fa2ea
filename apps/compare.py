"""Two networks on one collection: ``panel serve apps/compare.py --args --collection photos --networks A B``."""

import sys

import tyro

from gala_viz.commands.compare_page import page
from gala_viz.commands.serving import under_panel_serve
from gala_viz.panels.options import CompareOptions

under_panel_serve()
page(tyro.cli(CompareOptions, prog="compare", args=sys.argv[1:])).servable()
