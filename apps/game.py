"""The ClickMe game: ``panel serve apps/game.py --args --collection photos --records records.sqlite``."""

from gala_viz.commands.app import app
from gala_viz.commands.game_page import check, page
from gala_viz.panels.game_options import GameOptions

app("game", GameOptions, page, check).servable()
