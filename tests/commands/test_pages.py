"""Pages as they are served together: one source, read in a thread, whichever page is asked for first."""

import re
import subprocess
import sys

import pytest

from gala_viz.commands import background_loading
from gala_viz.panels.page_head import ICON
from gala_viz.threads import shutdown_event

SCRIPT = """
import importlib.abc, importlib.machinery, sys, threading, time

class Slow(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path, target=None):
        return importlib.machinery.ModuleSpec(name, self) if name == "dask.dataframe" else None
    def create_module(self, spec):
        return None
    def exec_module(self, module):
        tried.append(module)
        time.sleep(1)
        raise ImportError("no pyarrow")

from gala_viz.commands import compare_app
from gala_viz.panels.compare.compare_options import CompareOptions
from gala_viz.panels.shared_source import SharedSource
import gala_viz.panels.compare.compare_page
from tests.panels.fake_source import FakeSource

tried = []
sys.meta_path.insert(0, Slow())
shared = SharedSource(lambda say: (time.sleep(0.2), FakeSource(count=4))[1])
compare_app.shared_source_for = lambda options: shared
shared._load()
assert "datashader" not in sys.modules
shared.figure_pool.take()
drawing = threading.Thread(target=shared.figure_pool.fill)
drawing.start()
compare_app.build_explore_page(CompareOptions())
drawing.join()
assert tried, "Datashader no longer tries dask.dataframe"
sys.exit(shared.error or None)
"""


@pytest.mark.slow
def test_figures_are_drawn_while_another_page_imports_datashader(repository):
    done = subprocess.run([sys.executable, "-c", SCRIPT], cwd=repository, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]


def test_the_pages_beside_those_of_panel_look_alike(repository):
    """Two kinds of templates fill them, so that each has the head of its own."""
    heads = set()
    for page in (repository / "gala_viz" / "panels" / "pages").glob("*.html"):
        head = page.read_text(encoding="utf-8").partition("h1 {")
        told = head[0] + head[1] + head[2].partition("\n")[0]
        told = re.sub(r"<title>gala_viz.*</title>", "<title></title>", told)
        heads.add(re.sub(r"max-width: \d+rem", "max-width", told))
    assert len(heads) == 1
    assert ICON in heads.pop()


def test_what_the_end_of_a_server_interrupted_is_begun_anew_by_the_next_page():
    def load():
        raise OSError("what it reads was taken away")

    loading = background_loading._started["interrupted"] = background_loading.LoadingTask()
    shutdown_event.set()
    try:
        background_loading._load("interrupted", loading, load, lambda *_: None)
    finally:
        shutdown_event.clear()
    assert "interrupted" not in background_loading._started
    assert (loading.done, loading.error) == (False, "")
