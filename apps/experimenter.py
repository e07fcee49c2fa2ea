"""What the game has collected: ``GALA_VIZ_PASSWORD=... panel serve apps/experimenter.py --args --records FILE``."""

import sys

import tyro

from gala_viz.commands.game_page import experimenter
from gala_viz.commands.serving import under_panel_serve
from gala_viz.panels.game_options import GameOptions

under_panel_serve()
experimenter(tyro.cli(GameOptions, prog="experimenter", args=sys.argv[1:])).servable()
