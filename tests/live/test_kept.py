"""What is written to the cache comes back, and what was not written by us does not."""

import numpy as np
import pytest

from gala_viz.attribution.map_state import N_GROUPS, MapState
from gala_viz.collections.cache import BoundedCache
from gala_viz.engine.results.jackknife import monte_carlo_error
from gala_viz.live.kept import Results, packed, unpacked
from gala_viz.live.score_table import ScoreTable


@pytest.fixture
def results(tmp_path):
    return Results(tmp_path, memory=BoundedCache(2**20))


def state_of(n):
    samples = np.random.default_rng(n).normal(3, 1, (n, 3, 8, 8)).astype(np.float32)
    sums = np.stack([samples[group::N_GROUPS].sum(axis=0) for group in range(N_GROUPS)])
    return MapState(mean=samples.mean(axis=0), n=n, n_samples=n, target=4, sigma=0.3, group_sums=sums)


@pytest.mark.parametrize("n", [1, 4, 10, 23])
def test_a_state_comes_back_with_its_errors(results, n):
    state = state_of(n)
    results.write("key", packed(state))
    back = unpacked(results.read("key"))
    assert (back.n, back.n_samples, back.target, back.sigma, back.note) == (n, n, 4, 0.3, "")
    np.testing.assert_array_equal(back.mean, state.mean)
    if n > 1:
        np.testing.assert_allclose(
            monte_carlo_error(lambda mean: mean.sum(0), back),
            monte_carlo_error(lambda mean: mean.sum(0), state),
            rtol=0.02,
        )


def test_a_map_without_chance_comes_back(results):
    results.write("key", packed(MapState(mean=np.ones((1, 4, 4), np.float32), n=1, n_samples=1, target=0, note="näh")))
    back = unpacked(results.read("key"))
    assert back.note == "näh"
    assert back.group_sums is None


def test_what_is_not_a_state_is_not_taken_for_one():
    arrays = packed(state_of(4))
    assert unpacked({}) is None
    assert unpacked({**arrays, "deviations": arrays["deviations"][:, :2]}) is None
    assert unpacked({**arrays, "mean": arrays["mean"][0]}) is None
    assert unpacked({**arrays, "numbers": np.array(["a", "b", "c"])}) is None


def test_pickled_objects_are_never_loaded(results, tmp_path):
    results.write("key", {"values": np.ones(3)})
    (file,) = tmp_path.rglob("*.npz")
    np.savez(file, key=np.array("key"), values=np.array([{"code": 1}], dtype=object), allow_pickle=True)
    assert results.read("key") is None


def test_a_file_of_another_key_is_not_taken(results, tmp_path):
    results.write("one", {"values": np.ones(3)})
    (file,) = tmp_path.rglob("*.npz")
    other = results._files._path("two")
    other.parent.mkdir(parents=True, exist_ok=True)
    file.rename(other)
    assert results.read("two") is None


def test_a_score_table_keeps_what_was_entered_and_knows_what_it_knows(results):
    images = ["a", "b", "c"]
    table = ScoreTable("t", images, {"rho": (2,), "ceiling": ()}, results)
    table.enter("b", {"rho": [0.5, np.nan], "ceiling": 0.25})
    table.enter("upload", {"rho": [1, 1], "ceiling": 1})
    table.save()
    again = ScoreTable("t", images, {"rho": (2,), "ceiling": ()}, results)
    assert [again.known(image) for image in (*images, "upload")] == [False, True, False, False]
    np.testing.assert_array_equal(again.columns()["rho"], np.float32([[np.nan, 0.5, np.nan], [np.nan] * 3]))
    assert again.columns()["ceiling"][1] == 0.25


def test_a_table_with_other_columns_starts_empty(results):
    table = ScoreTable("t", ["a"], {"rho": (2,)}, results)
    table.enter("a", {"rho": [0.5, 0.5]})
    table.save()
    other = ScoreTable("t", ["a"], {"rho": (3,)}, results)
    assert np.isnan(other.columns()["rho"]).all()
