"""Two networks on one collection: ``panel serve apps/compare.py --args --collection photos --networks A B``."""

from gala_viz.commands.app import app
from gala_viz.commands.compare_page import page, prepare
from gala_viz.panels.options import CompareOptions

app("compare", CompareOptions, page, prepare).servable()
