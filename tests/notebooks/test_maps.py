"""The notebooks about maps: SmoothGrad and its error, alignment with people."""

from __future__ import annotations

import pytest

from tests.notebooks.notebook_runs import check_executed


@pytest.mark.slow
@pytest.mark.parametrize("name", ["03_smoothgrad_and_its_error", "04_alignment_and_ceilings"])
def test_the_notebook_runs_from_top_to_bottom(name, tmp_path):
    check_executed(name, tmp_path)
