"""Scripts of Bokeh and Panel beside the site: interactive figures of notebooks are read without an internet."""

from __future__ import annotations

import re
import shutil
from importlib.util import find_spec
from pathlib import Path

_BOKEH = re.compile(r"https://cdn\.bokeh\.org/bokeh/release/(bokeh[a-z-]*?)-\d[\w.]*?\.min\.js")
_PANEL = re.compile(r"https://cdn\.holoviz\.org/panel/[\w.]+/dist/([^\"'?)\\\s]+)")


def with_own_scripts(app: object, error: Exception | None) -> None:
    """Copy what the notebooks' pages would fetch out of the installed packages; let the pages ask for the copies."""
    out = Path(app.outdir)
    if error is not None or app.builder.format != "html":
        return
    for page in (out / "notebooks").glob("*.html"):
        text = page.read_text(encoding="utf-8")
        own = _BOKEH.sub(lambda found: _copied(found[0], "bokeh", f"server/static/js/{found[1]}.min.js", out), text)
        own = _PANEL.sub(lambda found: _copied(found[0], "panel", f"dist/{found[1]}", out), own)
        if own != text:
            page.write_text(own, encoding="utf-8")


def _copied(address: str, package: str, inside: str, out: Path) -> str:
    """Return the address, from a notebook's page, of a copy of a package's file; ``address`` where there is none."""
    source = Path(find_spec(package).origin).parent / inside
    if not source.is_file():
        return address
    name = re.sub(r"[^\w./-]", "_", f"_static/{package}/{inside}")
    copy = out / name
    if not copy.is_file():
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, copy)
    return f"../{name}"
