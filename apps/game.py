"""The ClickMe game: ``panel serve apps/game.py --args --collection photos --records records.sqlite``."""

from gala_viz.commands.game_app import build_game_page, prepare_game_page
from gala_viz.commands.panel_serve import app_page
from gala_viz.panels.game.game_options import GameOptions

app_page("game", GameOptions, build_game_page, prepare_game_page).servable()
