"""Score tables keep what was entered."""

import numpy as np
import pytest

from gala_viz.cache import ArrayCache
from gala_viz.live.score_table import ScoreTable


@pytest.fixture
def cache(tmp_path):
    return ArrayCache(tmp_path)


def test_a_score_table_keeps_what_was_entered_and_knows_what_it_knows(cache):
    images = ["a", "b", "c"]
    table = ScoreTable("t", images, {"rho": (2,), "ceiling": ()}, cache)
    table.enter("b", {"rho": [0.5, np.nan], "ceiling": 0.25})
    table.enter("upload", {"rho": [1, 1], "ceiling": 1})
    table.save()
    again = ScoreTable("t", images, {"rho": (2,), "ceiling": ()}, cache)
    assert [again.known(image) for image in (*images, "upload")] == [False, True, False, False]
    np.testing.assert_array_equal(again.columns()["rho"], np.float32([[np.nan, 0.5, np.nan], [np.nan] * 3]))
    assert again.columns()["ceiling"][1] == 0.25


def test_a_table_with_other_columns_starts_empty(cache):
    table = ScoreTable("t", ["a"], {"rho": (2,)}, cache)
    table.enter("a", {"rho": [0.5, 0.5]})
    table.save()
    other = ScoreTable("t", ["a"], {"rho": (3,)}, cache)
    assert np.isnan(other.columns()["rho"]).all()


def test_scores_with_a_human_map_of_before_are_not_known(cache):
    newest = 2**64 - 3
    table = ScoreTable("v", ["a", "b"], {"rho": ()}, cache)
    table.enter("a", {"rho": 0.5}, newest)
    table.save()
    again = ScoreTable("v", ["a", "b"], {"rho": ()}, cache)
    assert again.known("a", newest)
    assert not again.known("a", newest - 1)
    assert not again.known("a")
    assert not again.known("b")
