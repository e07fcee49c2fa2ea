"""The notebooks that begin: collections, and a network of one's own."""

from __future__ import annotations

import pytest

from tests.notebooks.notebook_runs import check_executed


@pytest.mark.parametrize("name", ["01_collections", pytest.param("07_your_own_network", marks=pytest.mark.slow)])
def test_the_notebook_runs_from_top_to_bottom(name, tmp_path):
    check_executed(name, tmp_path)
