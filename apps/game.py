"""The ClickMe game: ``panel serve apps/game.py --args --collection photos --records records.sqlite``."""

import sys

import tyro

from gala_viz.commands.game_page import page
from gala_viz.commands.serving import under_panel_serve
from gala_viz.panels.game_options import GameOptions

under_panel_serve()
page(tyro.cli(GameOptions, prog="game", args=sys.argv[1:])).servable()
