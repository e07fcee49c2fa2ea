"""What the game has collected: ``GALA_VIZ_PASSWORD=... panel serve apps/experimenter.py --args --records FILE``."""

from gala_viz.commands.app import app
from gala_viz.commands.game_page import check_experimenter, experimenter
from gala_viz.panels.game_options import GameOptions

app("experimenter", GameOptions, experimenter, check_experimenter).servable()
