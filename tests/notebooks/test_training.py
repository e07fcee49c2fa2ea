"""The notebook that trains two networks."""

from __future__ import annotations

import pytest

from tests.notebooks.notebook_runs import check_executed


@pytest.mark.slow
def test_the_notebook_runs_from_top_to_bottom(tmp_path):
    check_executed("05_co-training", tmp_path)
