"""The page of the game: one browser part that talks to the game's own addresses beside it."""

from __future__ import annotations

from pathlib import Path

import panel as pn
import param

from gala_viz.panels.messenger import BrowserComponent, read_scripts

TITLE = "ClickMe"
SCRIPTS = ("surface", "connection", "sound", "boards", "game")
_STYLE = Path(__file__).parent / "browser" / "game" / "game.css"


class GameComponent(BrowserComponent):
    """The whole game in the browser; see ``gala_viz.play.handlers`` for what it talks to."""

    play_path = param.String(default="play/", doc="Where the game's addresses lie, as seen from the page.")
    image = param.String(default="", doc="The image of the first round, where somebody asked for one.")

    _esm = read_scripts(*(f"game/{name}" for name in SCRIPTS))
    _stylesheets = [_STYLE.read_text(encoding="utf-8")]  # noqa: RUF012


def game_page() -> GameComponent:
    """The page of one session; ``?image=ID`` in its address names the image of the first round."""
    asked = pn.state.session_args.get("image", []) if pn.state.session_args else []
    if pn.state.curdoc is not None:
        pn.state.curdoc.title = TITLE
    image = asked[0].decode("utf-8", "replace") if asked else ""
    return GameComponent(image=image, sizing_mode="stretch_width", margin=0)
