"""The page's looks: Material theme, the two networks' colours, and the style sheets of its own parts."""

from __future__ import annotations

FIRST = {"light": "#2060a8", "dark": "#74b0f0"}
SECOND = {"light": "#b8371f", "dark": "#f0896f"}
"""Blue for the first network, red for the second, as in the delta; chosen for contrast in light and dark."""


def _palette(mode: str) -> dict:
    dark = mode == "dark"
    return {
        "palette": {
            "primary": {"main": "#7fb2e6" if dark else "#245a92"},
            "background": {"default": "#101418" if dark else "#ffffff", "paper": "#151a1f" if dark else "#ffffff"},
        },
        "typography": {"fontSize": 13, "button": {"textTransform": "none"}},
        "shape": {"borderRadius": 6},
    }


THEME = {"light": _palette("light"), "dark": _palette("dark")}

PAGE_SX = {
    "&.mui-light": {
        "--gv-a": FIRST["light"],
        "--gv-b": SECOND["light"],
        "--gv-soft": "rgba(20, 40, 60, 0.05)",
        "--gv-line": "rgba(20, 40, 60, 0.18)",
    },
    "&.mui-dark": {
        "--gv-a": FIRST["dark"],
        "--gv-b": SECOND["dark"],
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
    "& .header .title": {"color": "text.primary", "fontSize": "1.05rem", "fontWeight": 700, "marginRight": "12px"},
    "& .MuiToolbar-root": {"minHeight": "44px !important", "margin": "0"},
    "& .sidebar": {"borderRight": "1px solid", "borderColor": "divider", "backgroundImage": "none"},
    "& .main-content": {"overflowX": "hidden"},
}

BASE_CSS = """
:host { font-family: var(--bokeh-base-font, Roboto, sans-serif); color: var(--panel-on-surface-color); font-size: 13px; }
* { box-sizing: border-box; }
button { font: inherit; color: inherit; background: none; border: 1px solid var(--gv-line, #8884);
  border-radius: 6px; padding: 2px 10px; cursor: pointer; }
button:hover:not(:disabled) { background: var(--gv-soft, #8881); }
button:disabled { opacity: 0.35; cursor: default; }
:focus-visible { outline: 2px solid var(--panel-primary-color); outline-offset: 1px; }
.root { width: 100%; min-width: 0; }
.muted { opacity: 0.68; }
.a { --own: var(--gv-a); } .b { --own: var(--gv-b); }
"""

DISPLAY_CSS = (
    BASE_CSS
    + """
.strip { display: grid; grid-template-columns: repeat(5, minmax(0, 1fr)); }
.cell { padding: 3px 10px 4px; min-height: 40px; border-left: 2px solid var(--own, var(--gv-line, #8884)); }
.cell span { display: block; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.value { font-size: 14px; font-variant-numeric: tabular-nums; font-weight: 600; }
.photo .value { font-weight: 500; }
.percentile { font-size: 11px; opacity: 0.7; font-variant-numeric: tabular-nums; min-height: 14px; }
.bar { display: flex; gap: 6px; align-items: center; padding: 5px 0 0 10px; }
.hint { flex: 1; font-size: 11.5px; opacity: 0.68; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.action { font-size: 12px; white-space: nowrap; }
.action[aria-pressed=true] { background: var(--gv-soft); border-color: var(--gv-b); color: var(--gv-b); }
"""
)

GALLERY_CSS = (
    BASE_CSS
    + """
.count { font-size: 12px; opacity: 0.72; padding: 2px 2px 6px; }
.shelf { display: grid; grid-template-columns: repeat(auto-fill, minmax(74px, 1fr)); gap: 6px; }
.tile { cursor: pointer; border-radius: 6px; padding: 3px; border: 2px solid transparent; min-width: 0; }
.tile:hover { background: var(--gv-soft, #8881); }
.tile[aria-selected=true] { border-color: var(--panel-primary-color); background: var(--gv-soft, #8881); }
.picture { position: relative; aspect-ratio: 1; border-radius: 4px; overflow: hidden; background: var(--gv-soft, #8882); }
.picture.waiting { animation: breathe 1.4s ease-in-out infinite; }
@keyframes breathe { 50% { opacity: 0.5; } }
@media (prefers-reduced-motion: reduce) { .picture.waiting { animation: none; } }
.picture img { width: 100%; height: 100%; object-fit: cover; display: block; }
.marks { position: absolute; right: 2px; bottom: 2px; display: flex; gap: 1px; font-size: 11px; line-height: 1;
  background: rgba(0, 0, 0, 0.62); color: #fff; border-radius: 4px; padding: 2px 4px; }
.marks .wrong { color: #ffb59f; } .marks .right { color: #bfe3ff; }
.caption { font-size: 11px; line-height: 1.25; padding-top: 2px; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.turn { display: flex; gap: 8px; align-items: center; justify-content: center; padding: 8px 0 4px; font-size: 12px; }
.turn[hidden] { display: none; }
"""
)

KEYS_CSS = (
    BASE_CSS
    + """
.open { width: 28px; height: 28px; padding: 0; border-radius: 50%; font-weight: 700; }
dialog { border: 1px solid var(--gv-line, #8884); border-radius: 10px; padding: 18px 24px 20px; min-width: 380px;
  background: var(--panel-surface-color); color: var(--panel-on-surface-color); box-shadow: 0 12px 48px rgba(0, 0, 0, 0.35); }
dialog::backdrop { background: rgba(0, 0, 0, 0.38); }
h2 { font-size: 16px; margin: 0 0 10px; }
dl { display: grid; grid-template-columns: auto 1fr; gap: 8px 16px; margin: 0 0 16px; align-items: center; }
dd { margin: 0; }
kbd { font: inherit; border: 1px solid var(--gv-line, #8884); border-bottom-width: 2px; border-radius: 5px; padding: 1px 8px;
  background: var(--gv-soft, #8881); white-space: nowrap; }
"""
)

UPLOAD_CSS = (
    BASE_CSS
    + """
:host { position: relative; }
label { display: inline-block; border: 1px dashed var(--gv-line, #8884); border-radius: 6px; padding: 3px 12px; cursor: pointer;
  white-space: nowrap; }
label:hover, label.over { background: var(--gv-soft, #8881); border-color: var(--panel-primary-color); }
label.busy { opacity: 0.7; pointer-events: none; }
input { position: absolute; width: 1px; height: 1px; opacity: 0; pointer-events: none; }
.message { position: absolute; z-index: 30; top: calc(100% + 6px); right: 0; width: 320px; padding: 10px 12px; border-radius: 8px;
  background: var(--panel-surface-color); border: 1px solid var(--gv-b, #b33); box-shadow: 0 6px 24px rgba(0, 0, 0, 0.25);
  display: flex; gap: 10px; align-items: flex-start; line-height: 1.35; }
.message[hidden] { display: none; }
.message span { flex: 1; overflow-wrap: anywhere; }
.message button { border: none; padding: 0 4px; font-size: 16px; line-height: 1; }
"""
)

FACTS_CSS = (
    BASE_CSS
    + """
h1 { font-size: 18px; line-height: 1.2; margin: 0; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
h2 { font-size: 14px; margin: 0 0 4px; }
p { margin: 2px 0; line-height: 1.4; }
.network { border-left: 3px solid var(--own); padding-left: 10px; }
.name { display: flex; gap: 8px; align-items: baseline; font-weight: 600; padding-bottom: 2px; white-space: nowrap; }
.name span:first-child { overflow: hidden; text-overflow: ellipsis; }
.verdict { font-weight: 500; font-size: 12px; border-radius: 10px; padding: 0 8px; border: 1px solid currentColor; }
.verdict.right { color: var(--gv-a); } .verdict.wrong { color: var(--gv-b); } .verdict.unknown { opacity: 0.65; }
.five { display: grid; grid-template-columns: 14px minmax(0, 1fr) minmax(40px, 0.7fr) 50px; gap: 0 8px; font-size: 12px; line-height: 17px;
  align-items: center; }
.five .category { white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.five .track { height: 6px; border-radius: 3px; background: var(--gv-soft, #8882); overflow: hidden; }
.five .fill { height: 100%; background: var(--own); border-radius: 3px; }
.five .share { text-align: right; font-variant-numeric: tabular-nums; }
.five .true { font-weight: 700; }
table { border-collapse: collapse; width: 100%; font-size: 13px; }
th, td { text-align: right; padding: 3px 8px; font-variant-numeric: tabular-nums; border-bottom: 1px solid var(--gv-line, #8884); }
th { font-weight: 500; opacity: 0.75; } th:first-child, td:first-child { text-align: left; }
.dot { display: inline-block; width: 9px; height: 9px; border-radius: 50%; background: var(--own); margin-right: 7px; }
.state { max-width: 560px; margin: 14vh auto 0; padding: 28px 32px; border: 1px solid var(--gv-line, #8884); border-radius: 12px; }
.state h1 { white-space: normal; margin-bottom: 8px; }
.state pre { white-space: pre-wrap; overflow-wrap: anywhere; background: var(--gv-soft, #8881); border-radius: 6px; padding: 10px 12px; }
.pulse { height: 3px; border-radius: 2px; overflow: hidden; background: var(--gv-soft, #8882); margin-top: 18px; }
.pulse::after { content: ""; display: block; width: 35%; height: 100%; background: var(--panel-primary-color); border-radius: 2px;
  animation: slide 1.6s ease-in-out infinite; }
@keyframes slide { from { transform: translateX(-100%); } to { transform: translateX(290%); } }
@media (prefers-reduced-motion: reduce) { .pulse::after { animation: none; width: 100%; opacity: 0.5; } }
.alert { border: 1px solid var(--gv-b); border-left-width: 4px; border-radius: 8px; padding: 10px 14px; margin: 4px 0; }
details summary { cursor: pointer; }
ul { margin: 4px 0; padding-left: 20px; }
"""
)


def grid_css(columns: str, gap: str) -> str:
    """A style sheet that lays a container's children out in ``columns`` (CSS)."""
    return (
        f":host {{ display: grid !important; grid-template-columns: {columns}; gap: {gap}; align-items: center; }} "
        ":host > * { min-width: 0; }"
    )
