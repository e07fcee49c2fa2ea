"""All images of a collection as points: ``panel serve apps/compare.py apps/explore.py --args --store maps.zarr``."""

from gala_viz.commands.app import app
from gala_viz.commands.compare_page import all_images, prepare
from gala_viz.panels.options import CompareOptions

app("explore", CompareOptions, all_images, prepare).servable()
