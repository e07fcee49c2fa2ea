"""Rapid categorisation: ``panel serve apps/experiment.py --args --folder experiment --records records.sqlite``."""

import sys

import tyro

from gala_viz.commands.experiment.page import ExperimentOptions, page
from gala_viz.commands.serving import under_panel_serve

under_panel_serve()
page(tyro.cli(ExperimentOptions, prog="experiment", args=sys.argv[1:])).servable()
