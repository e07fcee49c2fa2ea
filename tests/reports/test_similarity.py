"""Likeness to people: what users of other tools reported, tried here. See docs/machinery/reported_problems.md."""

from __future__ import annotations

import re
import warnings

import numpy as np
import pytest
import torch

import gala_viz as gv
from gala_viz.alignment.ceiling import spearman_brown
from gala_viz.engine.attribution_maps import attribution_maps
from gala_viz.engine.results.scores import score_maps
from gala_viz.schema import labelled_map
from tests.reports.small import SPEC, network, own_resnet, photographs


@pytest.fixture(autouse=True)
def _warnings_are_errors():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def human(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((32, 32)).astype(np.float32)


def test_a_map_with_negative_values_has_a_defined_likeness():
    collection, images = photographs()
    signed = attribution_maps(network(own_resnet()), collection, "saliency", None, images, 0, reduction="signed").values
    assert signed.min() < 0 < signed.max()
    scores = score_maps(signed, human())
    assert all(np.isfinite(values).all() for values in scores.values())
    shifted = score_maps(signed - signed.min(), human())
    for name, values in scores.items():
        np.testing.assert_allclose(shifted[name], values, atol=1e-6, err_msg="only the order of places counts")


def test_a_constant_human_map_and_the_map_of_a_network_that_sees_nothing_have_no_likeness_at_all():
    collection, images = photographs()
    blind = own_resnet()
    with torch.no_grad():
        for parameter in blind.parameters():
            parameter.zero_()
    nothing = gv.smoothgrad(network(blind), collection, SPEC, images).values
    something = gv.smoothgrad(network(own_resnet()), collection, SPEC, images).values
    assert not nothing.any()
    for maps, people in ((nothing, human()), (something, np.full((32, 32), 0.5)), (nothing, np.zeros((32, 32)))):
        for name, values in score_maps(maps, people).items():
            assert np.isnan(values).all(), f"{name} is missing, and no 0 that counts in a mean"


def test_a_human_map_of_another_size_is_refused_with_what_to_do():
    with pytest.raises(ValueError, match=re.escape("Bring them to one resolution")):
        gv.spearman(np.ones((2, 32, 32)), human()[:16])


def _crowd(noise: float) -> tuple[np.ndarray, list]:
    """What ten people would mark without noise (image, y, x), and their maps (participant, y, x) by image."""
    rng = np.random.default_rng(7)
    truth = rng.normal(size=(12, 24, 24))
    people = truth[:, None] + noise * rng.normal(size=(12, 10, 24, 24))
    return truth, [labelled_map(one, name="human_map", leading={"participant": list("abcdefghij")}) for one in people]


def test_the_worked_case_of_the_docs_holds(repository):
    text = (repository / "docs" / "definitions" / "similarity.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (0\.\d+) \| (0\.\d+) \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \|$", text, re.MULTILINE)
    assert len(rows) >= 2
    for row in rows:
        rho, half, fraction, squared, corrected = map(float, row)
        assert fraction == pytest.approx(rho / half, abs=0.006)
        assert squared == pytest.approx((rho / half) ** 2, abs=0.006)
        assert corrected == pytest.approx(rho / spearman_brown(half) ** 0.5, abs=0.006)


@pytest.mark.parametrize("noise", [1.0, 2.0])
def test_the_best_possible_map_has_a_rho_over_the_root_of_the_reliability_of_one(noise):
    truth, people = _crowd(noise)
    half = gv.noise_ceiling({str(number): one for number, one in enumerate(people)}, n_splits=50)
    rho = np.mean([gv.spearman(one, maps.mean("participant").values) for one, maps in zip(truth, people, strict=True)])
    assert rho / half.spearman_brown**0.5 == pytest.approx(1, abs=0.02)
    assert rho / half.rho > 1.05, "the ceiling of halves lies below what the best map reaches"
