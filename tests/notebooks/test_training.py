"""The notebooks that train networks."""

from __future__ import annotations

import pytest

from tests.notebooks.notebook_runs import check_executed


@pytest.mark.slow
@pytest.mark.parametrize("name", ["05_co-training", "08_train_on_your_own_photographs"])
def test_the_notebook_runs_from_top_to_bottom(name, tmp_path):
    check_executed(name, tmp_path)
