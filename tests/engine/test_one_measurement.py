"""One measurement: a page, a store, an evaluation and Python give the same numbers for the same settings."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import gala_viz as gv
from gala_viz.alignment import (
    N_PARTNERS,
    CeilingSpec,
    PartnerImages,
    area_average,
    dice,
    iou,
    partner_rhos,
    spearman,
    to_resolution,
)
from gala_viz.batch.block import block_values
from gala_viz.batch.described import store_spec
from gala_viz.collections import open_collection
from gala_viz.engine.forward import forward
from gala_viz.engine.results.human_maps import HumanMaps
from gala_viz.engine.results.scores import COMPARISON_GRID
from gala_viz.evaluation.evaluate import evaluate
from gala_viz.evaluation.spec import EvaluationSpec
from gala_viz.live import LiveMaps
from gala_viz.live.compute_scheduler import ComputeScheduler
from gala_viz.networks.frames import common_frame
from gala_viz.networks.zoo import load_network
from gala_viz.schema import labelled_map
from gala_viz.specs import MEASUREMENT_VERSION, MapRequest, SmoothGradSpec
from gala_viz.store.spec import differences
from tests.batch import lab
from tests.tiers import slow

SPEC = SmoothGradSpec(n_samples=7, noise_fraction=0.2, seed=3)


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    """With several threads a convolution's sums may differ in the last bit from call to call."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module", params=["one frame", *slow("two frames")])
def corner(tmp_path_factory, request):
    """Twenty images, one of them without a human map, and two networks, which see as much or the second one less."""
    root = tmp_path_factory.mktemp("lab")
    photos, maps = lab.photographs(root, count=20)
    networks = [load_network(folder, "cpu") for folder in lab.networks(root)]
    if request.param == "two frames":
        networks[1].preprocessing = replace(networks[1].preprocessing, short_px=40)
    return open_collection(photos, human_maps=maps), networks


def over_what_both_see(values, network, networks, size):
    """A network's map on a grid of the part that all ``networks`` see of a photograph of 40 x 40, by repeating cells.

    The first sees all 40 pixels in 32 cells, the second 32 of them, one in each cell.
    """
    if network is networks[1] or networks[1].preprocessing.short_px == 32:
        return area_average(values, size)
    fine = np.repeat(np.repeat(values, 5, 0), 5, 1)  # 160 x 160, four to a pixel of the photograph
    return area_average(fine[16:144, 16:144], size)


@pytest.fixture(scope="module")
def by_page(corner):
    collection, networks = corner
    source = LiveMaps(collection, networks, scheduler=ComputeScheduler(0))
    request = MapRequest(smoothgrad=SPEC, smoothing_px=3.0)
    updates = {image: list(source.maps(image, request, lambda: False))[-1] for image in collection.images}
    return updates, source.scores(request)


@pytest.fixture(scope="module")
def by_store(corner):
    collection, networks = corner
    spec = store_spec(collection, collection.images, networks, {"smoothgrad": SPEC}, opened_as="here")
    return block_values(spec, collection, networks, collection.images)[0]


@pytest.fixture(scope="module")
def by_evaluation(corner):
    collection, networks = corner
    spec = EvaluationSpec(split="all", smoothgrad=SPEC, ceiling=CeilingSpec(), n_resamples=100)
    found = evaluate({network.name: network for network in networks}, collection, spec)
    return [found.image_metrics[network.name].reindex(image=list(collection.images)) for network in networks]


def test_scores_with_people_are_the_same_everywhere_also_where_a_page_smooths(corner, by_page, by_store, by_evaluation):
    collection, networks = corner
    updates, scores = by_page
    exact = 1e-4 if networks[1].preprocessing.short_px == 40 else 0.0  # repeated cells: ties differ by rounding
    for row, network in enumerate(networks):
        maps = gv.smoothgrad(network, collection, SPEC)
        human = HumanMaps(collection, common_frame([one.preprocessing for one in networks]))
        for at, image in enumerate(collection.images):
            coarse = over_what_both_see(maps.sel(image=image).values, network, networks, COMPARISON_GRID)
            marked = human.on_grid(image, COMPARISON_GRID)
            assert (marked is None) == (image == "tram/19.png")
            expected = {
                name: np.nan if marked is None else metric(coarse, marked)
                for name, metric in (("rho", spearman), ("dice", dice), ("iou", iou))
            }
            for name, value in expected.items():
                stored = by_store[f"scores/{name}"][0, row, at]
                assert stored == pytest.approx(np.float32(value), nan_ok=True, abs=exact)
                assert scores[name].values[row, at] == pytest.approx(stored, nan_ok=True, abs=0)
                assert updates[image].scores[name].values[row] == pytest.approx(value, nan_ok=True, abs=exact)
            assert by_evaluation[row].rho_smoothgrad.values[at] == pytest.approx(
                expected["rho"], nan_ok=True, abs=exact or 1e-12
            )


def test_floors_have_ten_partners_and_are_the_same_everywhere(corner, by_page, by_store, by_evaluation):
    _, networks = corner
    _, scores = by_page
    assert N_PARTNERS == 10
    for row in range(len(networks)):
        for kind in ("same", "different"):
            pairs = by_evaluation[row].floor_smoothgrad.sel(partner=kind)
            assert pairs.sizes["other"] == N_PARTNERS
            expected = pairs.mean("other").values
            assert np.isfinite(expected).sum() == 19
            np.testing.assert_allclose(by_store[f"scores/floor_{kind}"][0, row], expected, rtol=1e-6)
            np.testing.assert_allclose(scores[f"floor_{kind}"].values[row], expected, rtol=1e-6)


def test_ceilings_right_answers_and_attention_are_the_same_everywhere(corner, by_page, by_store, by_evaluation):
    _, networks = corner
    _, scores = by_page
    ceiling = by_evaluation[0].ceiling_smoothgrad.values.astype(np.float32)
    np.testing.assert_array_equal(by_store["scores/ceiling"], ceiling)
    np.testing.assert_array_equal(scores.ceiling.values, ceiling)
    for row, network in enumerate(networks):
        correct = by_evaluation[row].correct.values.astype(np.float32)
        np.testing.assert_array_equal(by_store["scores/correct"][row], correct)
        np.testing.assert_array_equal(scores.correct.values[row], correct)
        for number, layer in enumerate(network.layers):
            rho = by_evaluation[row].rho_attention.sel(layer=layer).values.astype(np.float32)
            np.testing.assert_array_equal(by_store["scores/rho_attention"][row, number], rho)
            np.testing.assert_array_equal(scores.rho_attention.values[row, number], rho)


def test_maps_and_their_errors_are_the_same_to_the_last_bit(corner, by_page, by_store):
    collection, networks = corner
    source = LiveMaps(collection, networks, scheduler=ComputeScheduler(0))
    for row, network in enumerate(networks):
        python = gv.smoothgrad(network, collection, SPEC, return_error=True)
        np.testing.assert_array_equal(by_store[f"{network.name}/smoothgrad/map"], python["map"])
        np.testing.assert_array_equal(by_store[f"{network.name}/smoothgrad/standard_error"], python["standard_error"])
        for image in collection.images[:3]:
            update = list(source.maps(image, MapRequest(smoothgrad=SPEC), lambda: False))[-1]
            if network.preprocessing.short_px == networks[0].preprocessing.short_px:
                np.testing.assert_array_equal(update.maps.values[row], python["map"].sel(image=image))
            else:
                assert np.isnan(update.maps.values[row]).mean() == pytest.approx(1 - 0.8**2, abs=0.05)
                continue
            error = python["standard_error"].sel(image=image)
            np.testing.assert_allclose(update.standard_error.values[row], error, rtol=0.02, atol=1e-3 * error.max())


def test_results_carry_the_version_of_the_measurement(corner, by_store):
    collection, networks = corner
    attrs = gv.smoothgrad(networks[0], collection, SPEC, collection.images[:1]).attrs
    assert attrs["measurement_version"] == str(MEASUREMENT_VERSION)
    spec = store_spec(collection, collection.images, networks, {"smoothgrad": SPEC}, opened_as="here")
    older = replace(spec, versions={**spec.versions, "measurement_version": "1"})
    assert any("measurement_version" in one for one in differences(older.settings(), spec.settings()))


def test_a_row_of_a_forward_pass_holds_no_more_memory_than_its_own(corner, monkeypatch):
    collection, networks = corner
    monkeypatch.setattr("gala_viz.engine.forward.CPU_BATCH_SIZE", 4)
    (result,) = forward(networks[1], list(networks[1].to_batch([collection.photo(collection.images[0])])))
    assert all(values.base is None for values in (result.logits, *result.norms.values()))


def test_a_survey_whose_results_are_cached_nowhere_ends(corner, monkeypatch):
    collection, networks = corner
    source = LiveMaps(collection, networks, scheduler=ComputeScheduler(0))
    monkeypatch.setattr(source._cache, "write", lambda key, arrays: None)
    remember = source._cache.remember
    monkeypatch.setattr(
        source._cache, "remember", lambda key, *rest: None if str(key).startswith("forward ") else remember(key, *rest)
    )
    steps = list(source.survey(None, collection.images[:2], lambda: False))
    assert steps[-1].done == 2


def test_where_no_map_can_be_read_few_partner_images_are_tried():
    images = [f"{number}" for number in range(5000)]
    tried = []
    rhos = partner_rhos(
        np.ones((4, 4)), "0", "cat", PartnerImages(images, ["cat"] * 5000), lambda image: tried.append(image)
    )
    assert len(tried) == 100
    assert all(np.isnan(rho) for rho in rhos.values())


def test_networks_that_cut_photographs_differently_are_compared_over_what_both_see(
    corner, by_page, by_store, by_evaluation
):
    collection, networks = corner
    updates, scores = by_page
    said = (
        "maps are compared over the part of a photograph that all see: 64 % of what Plain sees, 100 % of what Gala sees"
    )
    two = networks[1].preprocessing.short_px == 40
    assert scores.attrs["note"] == (said if two else "")
    assert (said in updates[collection.images[0]].note) == two
    found = evaluate(
        {network.title: network for network in networks}, collection, EvaluationSpec(split="all", smoothgrad=None)
    )
    assert (f"M{said[1:]}." in found.notes) == two
    human = HumanMaps(collection, common_frame([one.preprocessing for one in networks]))
    for image in collection.images[:3]:
        update = updates[image]
        ceilings = update.scores["ceiling"].where(update.scores["ceiling"] > 0)
        np.testing.assert_array_equal(update.scores["fraction"], update.scores["rho"] / ceilings)
        assert float(update.scores["ceiling"]) == human.ceiling(image, COMPARISON_GRID)
        if two:  # the ceiling is that of people over the inner 32 x 32 pixels of 40 x 40
            people = collection.participant_maps(image).values[:, 4:36, 4:36]
            inner = labelled_map(people, name="human_map", leading={"participant": ["a", "b", "c"]})
            expected = gv.noise_ceiling({image: to_resolution(inner)}).per_image.item()
            assert float(update.scores["ceiling"]) == pytest.approx(expected, abs=1e-5)


def test_a_delta_is_of_what_both_see_also_in_its_scales(corner, by_page):
    collection, networks = corner
    updates, scores = by_page
    update = updates[collection.images[0]]
    first, second = update.maps.values
    both = np.isfinite(first) & np.isfinite(second)
    expected = [one / np.percentile(np.abs(one[both]), 99) for one in (first, second)]
    np.testing.assert_allclose(update.delta.values[both], (expected[1] - expected[0])[both], rtol=1e-4, atol=1e-5)
    assert np.isnan(update.delta.values[~both]).all()
    assert both.mean() == pytest.approx(0.64 if networks[1].preprocessing.short_px == 40 else 1.0, abs=0.05)
    assert np.isfinite(scores.delta_size.values).all()


def test_a_store_has_the_size_of_every_delta(corner, by_store):
    sizes = by_store["scores/delta_size"][0]
    assert np.isfinite(sizes[0, 1]).all()
    assert np.isfinite(sizes[1, 0]).all()
