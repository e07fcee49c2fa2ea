"""What the game has collected: ``GALA_VIZ_PASSWORD=... panel serve apps/experimenter.py --args --records FILE``."""

from gala_viz.commands.game_app import build_experimenter_page, prepare_experimenter_page
from gala_viz.commands.panel_serve import app_page
from gala_viz.panels.game.game_options import GameOptions

app_page("experimenter", GameOptions, build_experimenter_page, prepare_experimenter_page).servable()
