"""The page of the game: one browser component that talks to the game's own addresses beside it: game_page.js."""

from __future__ import annotations

from pathlib import Path

import panel as pn
import param

from gala_viz.panels.browser_component import BrowserComponent, read_scripts
from gala_viz.panels.page_head import LETTER_SIZE_CSS, set_page_head
from gala_viz.participant_texts import participant_texts

_PAGE_CSS = f"""{LETTER_SIZE_CSS}
html {{ scrollbar-gutter: stable; color-scheme: light dark; }}
html, body {{ background: light-dark(#ffffff, #101418); }}"""
"""A page that grows longer moves nothing sideways; the room of its scrollbar has the game's colour."""


class GameComponent(BrowserComponent):
    """The whole game in the browser; see ``gala_viz.game.handlers`` for what it talks to."""

    api_path = param.String(default="play/", doc="Where the game's addresses lie, as seen from the page.")
    image = param.String(default="", doc="The image of the first round, where somebody asked for one.")

    texts = param.Dict(default={}, doc="What players read, see ``gala_viz.participant_texts``.")

    _esm = read_scripts(
        "participant_texts",
        "game/paint_surface",
        "map_over",
        "game/websocket",
        "game/sound",
        "game/scoreboard",
        "game/game_page",
    )
    _stylesheets = [(Path(__file__).with_name("game_page.css")).read_text(encoding="utf-8")]  # noqa: RUF012


def game_page() -> GameComponent:
    """Return the page of one session; ``?image=ID`` in its address names the image of the first round."""
    arguments = pn.state.session_args.get("image", []) if pn.state.session_args else []
    set_page_head(participant_texts("game")["title"], css=_PAGE_CSS)
    image = arguments[0].decode("utf-8", "replace") if arguments else ""
    return GameComponent(texts=participant_texts("game"), image=image, sizing_mode="stretch_width", margin=0)
