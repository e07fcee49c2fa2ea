"""Style of the pages: Material theme, the two networks' colours."""

from __future__ import annotations

FIRST_NETWORK_COLOURS = {"light": "#2060a8", "dark": "#74b0f0"}
SECOND_NETWORK_COLOURS = {"light": "#b8371f", "dark": "#f0896f"}
"""Blue for the first network, red for the second, as in the delta; chosen for contrast in light and dark."""
FOCUS_OUTLINE = {"outline": "2px solid currentColor", "outlineOffset": "1px"}


def _palette(mode: str) -> dict:
    dark = mode == "dark"
    return {
        "palette": {
            "primary": {"main": "#7fb2e6" if dark else "#245a92"},
            "background": {"default": "#101418" if dark else "#ffffff", "paper": "#151a1f" if dark else "#ffffff"},
        },
        "typography": {"fontSize": 13, "button": {"textTransform": "none"}},
        "shape": {"borderRadius": 6},
        "components": {"MuiButtonBase": {"styleOverrides": {"root": {"&.Mui-focusVisible": FOCUS_OUTLINE}}}},
    }


THEME = {"light": _palette("light"), "dark": _palette("dark")}

PAGE_SX = {
    "&.mui-light": {
        "--gv-a": FIRST_NETWORK_COLOURS["light"],
        "--gv-b": SECOND_NETWORK_COLOURS["light"],
        "--gv-soft": "rgba(20, 40, 60, 0.05)",
        "--gv-line": "rgba(20, 40, 60, 0.18)",
    },
    "&.mui-dark": {
        "--gv-a": FIRST_NETWORK_COLOURS["dark"],
        "--gv-b": SECOND_NETWORK_COLOURS["dark"],
        "--gv-soft": "rgba(220, 235, 255, 0.06)",
        "--gv-line": "rgba(220, 235, 255, 0.2)",
    },
    "& .header": {
        "backgroundColor": "background.paper",
        "backgroundImage": "none",
        "color": "text.primary",
        "boxShadow": "none",
        "borderBottom": "1px solid",
        "borderColor": "divider",
    },
    "& .header .title": {
        "color": "text.primary",
        "fontSize": "1.05rem",
        "fontWeight": 700,
        "marginRight": "12px",
        # no room for it on a telephone, where it stays the name of its link
        "@media (max-width: 700px)": {
            "position": "absolute",
            "width": "1px",
            "height": "1px",
            "overflow": "hidden",
            "clipPath": "inset(50%)",
        },
    },
    "& .MuiToolbar-root": {"minHeight": "44px !important", "margin": "0"},
    "& .header .MuiBox-root": {"minWidth": 0},
    "& .sidebar": {"borderRight": "1px solid", "borderColor": "divider", "backgroundImage": "none"},
    "& .main-content": {"overflowX": "hidden"},
    "& .header .MuiLinearProgress-root": {"display": "none"},  # Panel's own bar has no name, and no page needs it
    "& .MuiToolbar-root > .MuiTypography-h5": {"display": "none"},  # empty headings, which keep room for nothing
}


def grid_css(columns: str, gap: str) -> str:
    """Return a style sheet that lays a container's children out in ``columns`` with a ``gap`` (both CSS).

    In windows of at most 1000 px, whose drawer leaves no room for two, they stand below each other.
    """
    return (
        f":host {{ display: grid !important; grid-template-columns: {columns}; gap: {gap}; align-items: center; }} "
        ":host > * { min-width: 0; } "
        "@media (max-width: 1000px) { :host { grid-template-columns: minmax(0, 1fr); max-height: none !important; } }"
    )
