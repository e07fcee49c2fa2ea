"""JupyterLab without what widgets need: one line says what to install, and it goes away where all is there."""

from __future__ import annotations

import json

import nbformat
import pytest

from tests.notebooks.jupyter_servers import Jupyter, OpenNotebook
from tests.notebooks.notebook_runs import kernel_environment

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]

CODE = 'import gala_viz as gv\ngv.Compare("rendered")'
HINT = "pip install jupyterlab_widgets jupyter_bokeh"


@pytest.mark.parametrize(
    "disabled", [(), ("@bokeh/jupyter_bokeh",), ("@jupyter-widgets/jupyterlab-manager", "@bokeh/jupyter_bokeh")]
)
def test_a_notebook_says_what_to_install_where_an_extension_is_missing(disabled, chromium, repository, tmp_path):
    root = tmp_path / "notebooks"
    root.mkdir()
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CODE)])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(notebook, root / "one.ipynb")
    config = tmp_path / "config" / "labconfig"
    config.mkdir(parents=True)
    (config / "page_config.json").write_text(json.dumps({"disabledExtensions": dict.fromkeys(disabled, True)}))
    with kernel_environment(tmp_path):
        lab = Jupyter("lab", root, tmp_path, repository)
        page = OpenNotebook(chromium, 1440, 1000)
        try:
            page.start(lab, "one.ipynb").run_all()
            assert page.failed() == []
            if disabled:
                page.page.get_by_text(HINT).wait_for()
            else:
                page.until(".tile img", "found.length > 0", "the gallery is there")
                assert HINT not in page.outputs()
        finally:
            page.close()
            lab.close()
