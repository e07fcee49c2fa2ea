"""Rapid categorisation: ``panel serve apps/experiment.py --args --folder experiment --records records.sqlite``."""

from gala_viz.commands.experiment.experiment_app import ExperimentOptions, check, page
from gala_viz.commands.panel_serve import app_page

app_page("experiment", ExperimentOptions, page, check).servable()
