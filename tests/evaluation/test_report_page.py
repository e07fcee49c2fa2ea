"""The page of a report: every number with what stands behind it, one file, nothing that could run."""

from __future__ import annotations

import html
import re
from dataclasses import replace

import pytest

from gala_viz.evaluation.evaluate import evaluate
from gala_viz.evaluation.export import evaluation_json
from gala_viz.evaluation.forest import blocks, shared_blocks
from gala_viz.evaluation.provenance import filters_text, provenance, smoothing_text
from gala_viz.evaluation.report_page import report_page
from tests.evaluation.fakes import Shapes, network
from tests.evaluation.test_evaluate import SPEC


@pytest.fixture(scope="module")
def found():
    return evaluate({"resnet": network("resnet", 1, gala=False), "gala": network("gala", 2)}, Shapes(), SPEC)


def number(found, who, quantity, layer=""):
    return next(n for n in found.estimates if (n.who, n.key.metric, n.key.layer) == (who, quantity, layer))


def test_a_rho_of_attention_tells_its_layers_grid_the_maps_and_the_seeds(found):
    told = provenance(found, number(found, "gala", "rho_attention", "layer1"))
    assert told.resolution == f"{found.networks['gala']['grids']['layer1']} cells"
    assert re.fullmatch(r"\d+ x \d+ cells", told.resolution)
    assert told.smoothing == smoothing_text(found.collection["human_maps"]["settings"])
    assert told.filters == "none"
    assert f"resamples {SPEC.seed}" in told.seeds


def test_smoothgrad_tells_its_samples_and_the_seed_of_its_noise(found):
    told = provenance(found, number(found, "gala", "rho_smoothgrad"))
    assert told.resolution == f"{SPEC.cells} x {SPEC.cells} cells"
    grad = SPEC.smoothgrad
    assert f"noise {grad.seed} ({grad.n_samples} samples, {grad.noise_fraction} of the range)" in told.seeds


def test_an_error_has_neither_resolution_nor_maps(found):
    told = provenance(found, number(found, "gala", "top1_error"))
    assert (told.resolution, told.smoothing, told.filters) == ("", "", "")
    assert told.n_images == 12


def test_filters_are_told_one_by_one_with_what_they_dropped():
    settings = {
        "smoothing": "gaussian",
        "sigma_px": 3.5,
        "filters": '{"max_clicks": 40, "min_clicks": 2}',
        "dropped_rounds": '{"repeated rounds": 1, "fewer than 2 clicks": 7}',
    }
    assert smoothing_text(settings) == "gaussian, sigma 3.5 px"
    assert filters_text(settings) == (
        "repeated rounds (1 round dropped); fewer than 2 clicks (7 rounds dropped); "
        "the first 40 clicks of a round count"
    )
    assert smoothing_text({}) == "as they came, smoothing not known"


def test_every_number_of_the_networks_stands_on_the_page_with_its_n(found):
    page = html.unescape(report_page(found, evaluation_json(found)))
    for block in (*blocks(found, list(found.networks)), *shared_blocks(found)):
        for row in block.rows:
            assert row.text in page
        for line in block.behind:
            assert "n = " in line
            assert "seeds: " in line
            assert line in page
    assert "simulated, not of people" in page


def test_a_row_lies_where_its_numbers_lie(found):
    block = next(one for one in blocks(found, ["gala"]) if one.title.startswith("rho of the attention norm"))
    row = block.rows[0]
    assert 0 <= row.low <= row.at <= row.high <= 100
    low, high = map(float, block.ends)
    interval = next(n.interval for n in found.estimates if n.who == "gala" and n.key.metric == "rho_attention")
    assert low + (high - low) * row.at / 100 == pytest.approx(interval.mean, abs=2e-3)
    assert row.floors


def test_names_are_text_and_never_markup(found):
    evil = "<script>alert(1)</script>"
    named = replace(
        found, collection={**found.collection, "title": evil}, notes=(f"{evil}&",), left_out=((evil, "torn"),)
    )
    page = report_page(named, evaluation_json(named))
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_the_page_asks_nothing_of_any_network(found):
    page = report_page(found, evaluation_json(found))
    assert not re.search(r"(src|href)\s*=", page)
    assert "default-src 'none'" in page
