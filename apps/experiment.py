"""Rapid categorisation: ``panel serve apps/experiment.py --args --folder experiment --records records.sqlite``."""

from gala_viz.commands.app import app_page
from gala_viz.commands.experiment.page import ExperimentOptions, check, page

app_page("experiment", ExperimentOptions, page, check).servable()
