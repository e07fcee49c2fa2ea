"""The browser's part of a widget, Bokeh and Panel, sent to a notebook as text: nothing is fetched from a network."""

from __future__ import annotations

import json
from functools import cache

import bokeh
from bokeh.resources import Resources
from IPython.display import publish_display_data
from panel_material_ui.base import BUNDLE_PATH, CDN_DIST

from gala_viz.jupyter.kernel_document import PANEL_DIST, current_cell_id

COMPONENTS = ["bokeh", "bokeh-widgets", "bokeh-tables"]
"""Bokeh's own scripts that Panel's script builds on."""
_loaded_in: set[str] = set()


def load_scripts() -> None:
    """Publish the scripts within the present cell's output, about 4.5 MB.

    That happens once a kernel, and again whenever the cell that holds them runs again, since its old output is gone by
    then. Notebooks that do not name their cells get them once.
    """
    cell = current_cell_id()
    if _loaded_in and (not cell or cell not in _loaded_in):
        return
    _loaded_in.add(cell)
    publish_display_data({"application/javascript": script_bundle()})


@cache
def script_bundle() -> str:
    """Return one script that defines Bokeh and Panel, unless the page has these versions already.

    Each part runs as on a page of its own: module loaders that a notebook may have do not catch it. The module of
    panel-material-ui, which notebooks fetch from another host, is mapped to the installed one.
    """
    parts = [*Resources(mode="inline", components=COMPONENTS).js_raw]
    parts.append((PANEL_DIST / "panel.min.js").read_text(encoding="utf-8"))
    shims = next((PANEL_DIST / "bundled" / "reactiveesm").glob("es-module-shims@*/dist/es-module-shims.min.js"))
    wrapped = [_alone(part) for part in parts]
    return "\n".join(
        [
            "(() => {",
            "if (window.importShim == null) {",
            "window.esmsInitOptions ??= {shimMode: true};",
            _alone(shims.read_text(encoding="utf-8")),
            "}",
            _installed_module(CDN_DIST, BUNDLE_PATH.read_text(encoding="utf-8")),
            f"if (window.Bokeh?.version === {bokeh.__version__!r} && window.Bokeh.Panel != null) {{ return }}",
            *wrapped,
            "})();",
        ]
    )


def _installed_module(address: str, source: str) -> str:
    """Return a script after which imports from ``address`` get the module ``source``."""
    local = f"URL.createObjectURL(new Blob([{json.dumps(source)}], {{type: 'text/javascript'}}))"
    seen = f"window.gala_viz_modules?.[{json.dumps(address)}]"
    keep = f"(window.gala_viz_modules ??= {{}})[{json.dumps(address)}] = {local}"
    add = f"importShim.addImportMap({{imports: {{{json.dumps(address)}: {keep}}}}})"
    return f"if ({seen} == null) {{ {add} }}"


def _alone(script: str) -> str:
    return f"(function(define, module, exports, require) {{\n{script}\n}}).call(window);"
