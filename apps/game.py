"""The ClickMe game: ``panel serve apps/game.py --args --collection photos --records records.sqlite``."""

from gala_viz.commands.app import app_page
from gala_viz.commands.game_page import prepare_game_page, build_game_page
from gala_viz.panels.game_options import GameOptions

app_page("game", GameOptions, build_game_page, prepare_game_page).servable()
