"""Two methods, targets or layers side by side: each map is the one asked alone, the delta and its error are theirs."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from gala_viz.attribution.methods import METHODS
from gala_viz.engine.results.delta import delta
from gala_viz.engine.results.half_samples import split_half_reliability
from gala_viz.specs import MapRequest, SecondMap, SmoothGradSpec
from tests.attribution.tiny import tiny_network
from tests.live.test_live_maps import REQUEST, last, live, never

MIXED = replace(REQUEST, second=SecondMap(method="saliency"))


def alone(source, number, request):
    """One network's map of ``request``, as a page of it alone would show it."""
    name = source.networks[number].name
    return last(source.pair(name, name), request=request)


@pytest.mark.parametrize(
    "second",
    [
        SecondMap(method="grad_cam"),
        SecondMap(target=3),
        SecondMap(method="saliency", target=1),
        SecondMap(method="grad_cam", cam_layer="blocks.0", target="label"),
    ],
)
@pytest.mark.parametrize("networks", [("tiny0", "tiny0"), ("tiny0", "tiny1")])
def test_each_of_two_maps_is_the_one_that_is_asked_alone_bit_by_bit(networks, second):
    source = live().pair(*networks)
    layers = source.cam_layers()
    if second.cam_layer is not None:
        second = replace(second, cam_layer=layers[1])
    request = replace(REQUEST, second=second)
    update = last(source, request=request)
    assert update.done
    for number in range(2):
        one = alone(live().pair(*networks), number, request.of_network(number))
        np.testing.assert_array_equal(update.maps.values[number], one.maps.values[number])
        assert update.targets[number] == one.targets[number]
        own = update.attrs_of(number)
        assert (own["method"], own["units"]) == (one.maps.attrs["method"], one.maps.attrs["units"])
        assert own["layer_path"] == one.maps.attrs.get("layer_path", "")
    np.testing.assert_array_equal(update.delta, delta(*update.maps.values))


def test_two_targets_of_one_network_share_their_noise_so_that_errors_are_by_groups_together():
    source = live().pair("tiny0", "tiny0")
    two = last(source, request=replace(REQUEST, target=0, second=SecondMap(target=1)))
    same = last(source, request=replace(REQUEST, target=1))
    assert two.targets == (0, 1)
    np.testing.assert_array_equal(two.standard_error.values[1], same.standard_error.values[0])
    assert not same.delta_error.values.any(), "one map twice differs by nothing"
    assert two.delta_error.values.any()
    assert np.isfinite(two.delta_reliability)


@pytest.mark.parametrize("normalise", ["percentile", "maximum", "sum", "none"])
def test_swapping_the_two_maps_negates_the_delta_and_leaves_its_error(normalise):
    there = replace(REQUEST, second=SecondMap(method="saliency"), normalise=normalise)
    back = replace(REQUEST, method="saliency", second=SecondMap(method="smoothgrad"), normalise=normalise)
    source = live().pair("tiny0", "tiny0")
    one, other = last(source, request=there), last(source, request=back)
    np.testing.assert_array_equal(one.delta.values, -other.delta.values)
    np.testing.assert_array_equal(one.delta_error.values, other.delta_error.values)
    assert one.delta_reliability == pytest.approx(other.delta_reliability)
    assert (one.n, one.n_samples) == (other.n, other.n_samples) == (12, 12), "n is that of the map with samples"
    assert np.sign(one.sigma).tolist() == np.sign(other.sigma)[::-1].tolist() == [1, 0]


def test_a_map_without_samples_has_no_monte_carlo_error_beside_one_with_samples():
    partial = list(live().maps("one", MIXED, never))
    assert partial[-1].standard_error.values[0].any()
    assert not partial[-1].standard_error.values[1].any()
    assert np.isfinite(partial[-1].delta_error).all()
    assert [one.n for one in partial] == [5, 10, 12], "what is told grows with the samples"
    assert partial[0].eta_s > 0


def test_two_methods_without_samples_have_no_error_and_no_reliability():
    request = MapRequest(method="saliency", second=SecondMap(method="occlusion"))
    update = last(live(), request=request)
    assert update.standard_error is update.delta_error is None
    assert np.isnan(update.delta_reliability)
    assert update.n == update.n_samples > 1, "n is that of the map that takes longer"


@pytest.mark.slow
def test_the_error_of_a_delta_beside_a_fixed_map_is_its_scatter_over_seeds():
    network, n = tiny_network(0), 10
    pair = [
        MapRequest(smoothgrad=SmoothGradSpec(n_samples=n, seed=seed), second=SecondMap(method="saliency"))
        for seed in range(40)
    ]
    updates = [last(live((network, tiny_network(1))), request=request) for request in pair]
    scatter = np.std([update.delta.values for update in updates], axis=0, ddof=1)
    estimated = np.sqrt(np.mean([update.delta_error.values**2 for update in updates], axis=0))
    assert np.median(estimated / scatter) == pytest.approx(1, abs=0.12)
    deltas = np.array([update.delta.values for update in updates])
    found = np.mean([np.corrcoef(one.ravel(), other.ravel())[0, 1] for one, other in pairwise(deltas)])
    told = np.mean([update.delta_reliability for update in updates])
    assert told == pytest.approx(found, abs=0.06), "reliability is the correlation with the delta of other samples"


def test_the_reliability_beside_a_fixed_map_is_that_of_the_halves_with_the_fixed_map():
    source = live().pair("tiny0", "tiny0")
    update = last(source, request=MIXED)
    state = source._pair[0].finished_map("one", MIXED.of_network(0), update.targets[0])
    halves = np.abs(state.half_means()).sum(axis=1)
    expected = split_half_reliability(np.stack([delta(half, update.maps.values[1]) for half in halves]))
    assert update.delta_reliability == pytest.approx(expected, abs=1e-6)


def test_two_units_are_not_subtracted_as_they_are():
    request = MapRequest(method="saliency", second=SecondMap(method="grad_cam"), normalise="none")
    source = live()
    last(source, request=replace(request, normalise="percentile"))
    for ask in (
        lambda: last(source, request=request),
        lambda: source.cached("one", request),
        lambda: list(source.survey(request, source.images, never)),
    ):
        with pytest.raises(ValueError, match=r"Gradient is in logits per input unit, Grad-CAM in .* is no number"):
            ask()
    update = last(source, request=replace(request, second=SecondMap(method="guided_backprop")))
    assert METHODS["guided_backprop"].units == METHODS["saliency"].units == update.delta.attrs["units"]


def test_attrs_tell_what_both_maps_have_and_each_what_is_its_own():
    update = last(live(), request=replace(REQUEST, second=SecondMap(method="grad_cam")))
    assert "method" not in update.maps.attrs
    assert "units" not in update.maps.attrs
    assert update.maps.attrs["reduction"] == "absolute"
    assert update.attrs_of(0)["n_samples"] == 12
    assert "n_samples" not in update.attrs_of(1)
    assert update.network_coords()["method"] == ("network", ["smoothgrad", "grad_cam"])
    assert update.delta.attrs["units"] == "1"
    assert last(live()).own_attrs == ()


def test_scores_of_the_second_are_those_of_its_own_request():
    request = MapRequest(method="saliency", second=SecondMap(method="input_x_gradient"))
    source, other = live(), live()
    list(source.survey(request, source.images, never))
    list(other.survey(MapRequest(method="input_x_gradient"), other.images, never))
    scores, expected = source.scores(request), other.scores(MapRequest(method="input_x_gradient"))
    for name in ("rho", "dice", "iou"):
        np.testing.assert_array_equal(scores[name].values[1], expected[name].values[1])
    alone_first = source.scores(MapRequest(method="saliency"))
    np.testing.assert_array_equal(scores["rho"].values[0], alone_first["rho"].values[0])
    assert np.isnan(alone_first["rho"].values[1]).all(), "nobody asked for this one"
    assert np.isfinite(scores["delta_size"].values).any()
    assert not np.isfinite(alone_first["delta_size"].values).any(), "the size of a delta is of the two maps"
    passed = list(source.survey(request, source.images, never))
    assert passed[-1].done == len(source.images)


def test_a_part_that_is_hidden_is_told_to_each_network_of_its_own_target():
    source, cut = live().pair("tiny0", "tiny0"), np.ones((16, 16), np.float32)
    cut[:8] = 0
    both = source.perturb("one", cut, "grey", (0, 1), never)
    for number, target in enumerate((0, 1)):
        one = source.perturb("one", cut, "grey", target, never)
        assert both.answers[number] == one.answers[number]
    importance = np.arange(256, dtype=np.float32).reshape(16, 16)
    curve = list(source.reveal_curve("one", importance, "grey", (0, 1), never))[-1].curve
    assert curve.explained.values.tolist() == [0, 1]
    assert curve.attrs["target"] == "0 and 1"
