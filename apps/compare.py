"""Two networks on one collection: ``panel serve apps/compare.py --args --collection photos --networks A B``."""

from gala_viz.commands.compare_app import build_compare_page, prepare_compare_page
from gala_viz.commands.panel_serve import app_page
from gala_viz.panels.compare.compare_options import CompareOptions

app_page("compare", CompareOptions, build_compare_page, prepare_compare_page).servable()
