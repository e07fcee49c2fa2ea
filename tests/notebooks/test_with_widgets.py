"""The notebooks with widgets, where no browser is there to run them in JupyterLab (``test_lab.py``)."""

from __future__ import annotations

import pytest

from tests.conftest import _find_browser
from tests.notebooks.notebook_runs import check_executed


@pytest.mark.parametrize("name", ["02_networks_and_attention", "06_batch_and_store"])
def test_the_notebook_runs_from_top_to_bottom(name, tmp_path):
    if _find_browser() is not None:
        pytest.skip("test_lab.py runs it in JupyterLab")
    check_executed(name, tmp_path)
