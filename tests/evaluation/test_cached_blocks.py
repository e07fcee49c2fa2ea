"""What is finished is kept, what is kept is not computed again, and the numbers are the same."""

from dataclasses import replace

import numpy as np
import pytest

from gala_viz.attribution.network_identity import weights_sha256
from gala_viz.cache import ArrayCache, read_npz
from gala_viz.evaluation import network_results as results_module
from gala_viz.evaluation.evaluate import evaluate
from gala_viz.evaluation.export import evaluation_json
from gala_viz.evaluation.progress import Progress, duration
from gala_viz.evaluation.spec import EvaluationSpec
from gala_viz.specs import SmoothGradSpec
from tests.evaluation.fakes import Shapes, network
from tests.evaluation.test_evaluate import SPEC


class Stopped(Exception):
    """In place of Ctrl-C."""


@pytest.fixture
def looks(monkeypatch):
    """The blocks that are computed, in order; raises ``Stopped`` before the block number in ``stop``."""
    seen, stop = [], []
    real = results_module.block_results

    def counted(one, collection, images, spec, **options):
        if stop and len(seen) == stop[0]:
            raise Stopped
        seen.append((one.name, tuple(images)))
        return real(one, collection, images, spec, **options)

    monkeypatch.setattr(results_module, "block_results", counted)
    return seen, stop


@pytest.mark.slow
def test_a_stopped_evaluation_goes_on_and_gives_the_numbers_of_an_uninterrupted_one(tmp_path, looks):
    seen, stop = looks
    nets, shapes = {"a": network("a", 1), "b": network("b", 2)}, Shapes()
    whole = evaluation_json(evaluate(nets, shapes, SPEC, cache=ArrayCache(tmp_path / "whole")))
    assert len(seen) == 6
    seen.clear()
    stop.append(4)
    with pytest.raises(Stopped):
        evaluate(nets, shapes, SPEC, cache=ArrayCache(tmp_path / "parts"))
    stop.clear()
    seen.clear()
    told = []
    resumed = evaluation_json(evaluate(nets, shapes, SPEC, cache=ArrayCache(tmp_path / "parts"), tell=told.append))
    assert [name for name, _ in seen] == ["b", "b"]
    assert resumed == whole
    assert "a: 12 of 12 images (12 kept from before)" in "\n".join(told)


def test_a_finished_evaluation_computes_nothing_when_run_again(tmp_path, looks, monkeypatch):
    seen, _ = looks
    cache = ArrayCache(tmp_path)
    first = evaluation_json(evaluate({"a": network("a", 1)}, Shapes(), SPEC, cache=cache))
    seen.clear()
    monkeypatch.setattr("gala_viz.engine.results.human_maps.image_ceilings", None)
    assert evaluation_json(evaluate({"a": network("a", 1)}, Shapes(), SPEC, cache=cache)) == first
    assert seen == []


@pytest.mark.slow
def test_other_weights_settings_or_images_are_computed_anew(tmp_path, looks):
    seen, _ = looks
    cache, shapes = ArrayCache(tmp_path), Shapes()
    images = [image for image in shapes.images if image.startswith("test")][:5]
    other_collection = Shapes()
    other_collection.fingerprint = "shapes-2"
    asked = [
        (network("a", 1), shapes, images, SPEC),
        (network("a", 2), shapes, images, SPEC),
        (network("a", 1), shapes, images[:4], SPEC),
        (network("a", 1), other_collection, images, SPEC),
        (network("a", 1), shapes, images, replace(SPEC, smoothgrad=SmoothGradSpec(n_samples=3))),
        (network("a", 1), shapes, images, replace(SPEC, smoothgrad=SmoothGradSpec(n_samples=2, seed=1))),
        (network("a", 1), shapes, images, replace(SPEC, target="label")),
        (network("a", 1), shapes, images, replace(SPEC, cells=8)),
    ]
    for count, (one, collection, names, spec) in enumerate(asked, start=1):
        results_module.network_results(one, collection, names, spec, cache=cache)
        assert len(seen) == count
    results_module.network_results(network("a", 1), shapes, images, replace(SPEC, n_resamples=500), cache=cache)
    assert len(seen) == len(asked)


def test_a_torn_block_is_computed_again(tmp_path, looks):
    seen, _ = looks
    cache, shapes = ArrayCache(tmp_path), Shapes()
    images = [image for image in shapes.images if image.startswith("test")][:5]
    before = results_module.network_results(network("a", 1), shapes, images, SPEC, cache=cache)
    (block,) = (path for path in tmp_path.rglob("*.npz") if "choices" in read_npz(path))
    block.write_bytes(block.read_bytes()[:200])
    after = results_module.network_results(network("a", 1), shapes, images, SPEC, cache=cache)
    assert len(seen) == 2
    np.testing.assert_array_equal(before.smoothgrad, after.smoothgrad)
    assert len(list(tmp_path.rglob("*.npz"))) == 2, "the block, and the behaviours met"


def test_weights_that_were_never_in_a_file_have_a_checksum_of_their_values():
    assert weights_sha256(network("a", 1)) == weights_sha256(network("b", 1)) != weights_sha256(network("a", 2))


def test_progress_tells_the_time_left_from_what_was_computed_not_from_what_was_kept():
    now, told = [0.0], []
    progress = Progress(100, told.append, every_s=5, clock=lambda: now[0])
    progress.begin("net", 100)
    progress.step(-50)
    assert told == []
    now[0] = 20.0
    progress.step(10)
    assert told == ["net: 60 of 100 images (50 kept from before), about 1 min left"]
    progress.step(1)
    assert len(told) == 1
    progress.step(39)
    assert told[-1] == "net: 100 of 100 images (50 kept from before)"
    assert [duration(seconds) for seconds in (0.2, 59, 200, 7800)] == ["1 s", "59 s", "3 min", "2 h 10 min"]


def test_the_default_settings_are_those_of_the_command():
    from gala_viz.commands.evaluate import Arguments

    assert Arguments(collection="c", networks=(), out="o").evaluation_spec() == EvaluationSpec()
