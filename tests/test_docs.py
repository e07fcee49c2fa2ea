"""The documentation site: it builds without a warning, and tells every public name and every command there is."""

from __future__ import annotations

import html
import os
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import pytest

import gala_viz
from gala_viz import cli

pytest.importorskip("sphinx")
pytest.importorskip("myst_nb")


@pytest.fixture(scope="module")
def site(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site as HTML, its notebooks as they are; every reference that leads nowhere is an error."""
    out = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "--builder", "html", "--fail-on-warning", "--keep-going", "--quiet"]
    result = subprocess.run(
        [*command, "docs", str(out)],
        cwd=repository,
        env=os.environ | {"PYTHONPATH": str(repository), "GALA_VIZ_DOCS_EXECUTE": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return out


def ids(page: Path) -> set[str]:
    """Everything on a page that a link can lead to."""
    return set(re.findall(r'\bid="([^"]+)"', page.read_text(encoding="utf-8")))


def words(page: Path) -> str:
    """What a reader sees of a page, with single spaces."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", "", page.read_text(encoding="utf-8"))).split())


def test_every_top_level_name_is_in_the_reference(site):
    wanted = {f"gala_viz.{name}" for name in gala_viz.__all__ if name != "__version__"}
    assert wanted <= ids(site / "reference" / "toplevel.html")


def test_every_public_module_is_in_the_reference_once(site, repository):
    modules = {
        ".".join(path.relative_to(repository).with_suffix("").parts)
        for path in (repository / "gala_viz").rglob("*.py")
        if not path.stem.startswith("_")
    }
    anchors = [anchor for page in (site / "reference").glob("*.html") for anchor in ids(page)]
    told = [anchor.removeprefix("module-") for anchor in anchors if anchor.startswith("module-gala_viz.")]
    assert not modules - set(told), "give the module's package a page in docs/reference/"
    assert len(told) == len(set(told))


def test_every_command_is_in_the_command_reference_as_its_parser_tells_it(site):
    text = words(site / "reference" / "command-line.html")
    assert [name for name in cli.COMMANDS if f"usage: gala-viz {name} [-h]" not in text] == []
    assert "usage: gala-viz experiment prepare [-h]" in text


def test_a_shape_in_a_docstring_and_a_default_in_a_signature_are_shown(site):
    text = words(site / "reference" / "networks.html")
    assert "(B, C, H, W) -> (B, H, W)" in text
    assert "ratio : int = 4" in text or "ratio: int = 4" in text


def test_nothing_on_a_page_is_fetched_from_elsewhere(site):
    fetched = re.compile(r'<(?:script|link|img|iframe)\b[^>]*?(?:src|href)="(?:https?:)?//[^"]+"')
    found = {
        page.name: fetched.findall(page.read_text(encoding="utf-8"))
        for page in site.rglob("*.html")
        if "paper" not in page.parts
    }
    assert {name: hits for name, hits in found.items() if hits} == {}


def test_every_notebook_has_a_page(site, repository):
    notebooks = {path.stem for path in (repository / "notebooks").glob("[0-9][0-9]_*.ipynb")}
    assert notebooks == {path.stem for path in (site / "notebooks").glob("[0-9][0-9]_*.html")}


def test_figures_of_notebooks_ask_for_scripts_of_this_site(repository, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(repository / "docs" / "machinery"))
    offline = import_module("offline")
    page = tmp_path / "notebooks" / "a.html"
    page.parent.mkdir()
    page.write_text(
        'load("https://cdn.bokeh.org/bokeh/release/bokeh-widgets-3.9.2.min.js", "https://elsewhere.org/a.js")'
    )
    offline.with_own_scripts(SimpleNamespace(outdir=tmp_path, builder=SimpleNamespace(format="html")), None)
    own, other = re.findall(r'"([^"]+)"', page.read_text())
    assert (page.parent / own).resolve().is_relative_to(tmp_path)
    assert (page.parent / own).stat().st_size > 100_000
    assert other == "https://elsewhere.org/a.js"
