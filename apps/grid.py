"""Many photographs by many columns: ``panel serve apps/compare.py apps/grid.py --args --collection photos``."""

from gala_viz.commands.compare_app import build_grid_page, prepare_compare_page
from gala_viz.commands.panel_serve import app_page
from gala_viz.panels.compare.compare_options import CompareOptions

app_page("grid", CompareOptions, build_grid_page, prepare_compare_page).servable()
