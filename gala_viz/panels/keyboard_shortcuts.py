"""Keys that act on a page, and the card that lists them: keyboard_shortcuts.js."""

from __future__ import annotations

import param

from gala_viz.panels.browser_component import MessagingComponent, read_scripts, read_stylesheets

SHORTCUTS = (
    ("←  →", "previous and next photograph"),
    ("S", "star: bookmark the photograph, or take the bookmark away"),
    ("?", "show or hide this list"),
    ("Esc", "close this list"),
)
"""Keys that act on every page, and what they do."""
COMPARE_SHORTCUTS = (
    SHORTCUTS[0],
    ("Space", "flicker: the second network in the first one's place"),
    SHORTCUTS[1],
    ("P", "present: full screen, for a room"),
    ("B", "brush: hide a part of the photograph, erase and reveal"),
    ("M", "your own map: paint what matters"),
    ("[  ]", "smaller and larger brush"),
    ("Ctrl+Z", "take back a stroke; with Shift bring it back"),
    SHORTCUTS[2],
    ("Esc", "close this list; let go of the crosshair and the brush"),
)


class KeyboardShortcuts(MessagingComponent):
    """The keyboard, the card that lists ``keys``, and buttons to move; sends ``{"move": -1 | 1}``."""

    keys = param.List(default=list(SHORTCUTS), doc="(key, what it does) on the card.")

    _esm = read_scripts("keyboard_shortcuts")
    _stylesheets = [read_stylesheets("keyboard_shortcuts")]  # noqa: RUF012
