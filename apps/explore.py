"""All images of a collection as points: ``panel serve apps/compare.py apps/explore.py --args --store maps.zarr``."""

from gala_viz.commands.compare_app import build_explore_page, prepare_compare_page
from gala_viz.commands.panel_serve import app_page
from gala_viz.panels.compare.compare_options import CompareOptions

app_page("explore", CompareOptions, build_explore_page, prepare_compare_page).servable()
