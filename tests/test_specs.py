"""Settings that are no numbers are refused by every spec of the product, before anything is computed."""

from __future__ import annotations

import ast
from dataclasses import fields, replace
from pathlib import Path

import pytest

import gala_viz
from gala_viz.alignment import CeilingSpec
from gala_viz.attribution.gradients import IntegratedGradientsSpec
from gala_viz.attribution.occlusion import OcclusionSpec
from gala_viz.collections.clickme.click_maps import ClickMapSpec
from gala_viz.collections.clickme.round_filters import RoundFilters
from gala_viz.collections.fixations.fixation_maps import FixationMapSpec
from gala_viz.collections.human_maps.points import PointMapSpec
from gala_viz.collections.rendered.rendering_spec import RenderingSpec
from gala_viz.collections.rendered.simulated_participants import SimulatedParticipantSpec
from gala_viz.experiment.experiment_spec import ExclusionSpec, TimingSpec
from gala_viz.experiment.revelation import RevelationSpec
from gala_viz.experiment.simulated_observers import SimulatedObserverSpec
from gala_viz.game.game_spec import GameSpec
from gala_viz.live.shipped_scores import request_key
from gala_viz.networks.preprocessing import Preprocessing
from gala_viz.panels.game.game_options import GameOptions
from gala_viz.plots.figures.specs import ComparisonSpec
from gala_viz.records.rate_limits import RateLimits
from gala_viz.specs import (
    MapRequest,
    SecondMap,
    SmoothGradSpec,
    check_file_name,
    fingerprint,
    map_request_from_settings,
    settings,
)
from gala_viz.training.recipes import RECIPES

SPECS = [
    CeilingSpec(),
    ClickMapSpec(frame_px=(256, 256)),
    ExclusionSpec(),
    FixationMapSpec(sigma_px=20.0),
    GameOptions(),
    GameSpec(),
    IntegratedGradientsSpec(),
    MapRequest(),
    OcclusionSpec(),
    PointMapSpec(),
    Preprocessing(),
    RateLimits(),
    RECIPES["lite0-gala-human"],
    replace(RECIPES["rendered-gala-clickme"], gate=0.4),
    RenderingSpec(),
    RevelationSpec(),
    RoundFilters(),
    SimulatedObserverSpec(),
    SimulatedParticipantSpec(),
    SmoothGradSpec(),
    TimingSpec(),
]
KINDS = ("Spec", "Recipe", "Limits", "Filters", "Options", "Request", "Preprocessing")


def with_value(value, bad):
    """``value`` with ``bad`` in place of each of its numbers in turn."""
    if isinstance(value, float):
        yield bad
    elif isinstance(value, tuple) and value and all(isinstance(one, int | float) for one in value):
        yield from ((*value[:place], bad, *value[place + 1 :]) for place in range(len(value)))
    elif isinstance(value, dict):
        yield from ({**value, key: bad} for key, one in value.items() if isinstance(one, float))


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: getattr(spec, "name", type(spec).__name__))
def test_no_spec_takes_a_setting_that_is_not_finite(spec, bad):
    tried = [(one.name, other) for one in fields(spec) for other in with_value(getattr(spec, one.name), bad)]
    assert tried
    for name, value in tried:
        with pytest.raises(ValueError, match=r"\w"):
            replace(spec, **{name: value})


def test_every_spec_with_numbers_that_may_be_fractions_is_tried_above():
    """Those of stores and published tables are made of values that were checked before."""
    tried = {cls.__name__ for spec in SPECS for cls in type(spec).__mro__}
    found = set()
    for path in Path(gala_viz.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and node.name.endswith(KINDS):
                annotations = [ast.unparse(one.annotation) for one in node.body if isinstance(one, ast.AnnAssign)]
                if any("float" in annotation for annotation in annotations):
                    found.add(node.name)
    assert found
    # Options of commands become RoundFilters, SmoothGradSpec and recipes.
    become_specs = {"FilterOptions", "PaperOptions", "TrainingOptions"}
    assert found - tried - become_specs == set()


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "../../evil",
        "a/b",
        "/evil",
        "a\\b",
        "~/a/",
        ".hidden",
        " a",
        "a ",
        "a\nb",
        "a:b",
        "a\0",
        "é" * 100,
        "\ud800",
    ],
)
def test_what_is_no_plain_name_of_a_folder_is_refused(name):
    with pytest.raises(ValueError, match=r"^--name is the name of one file or folder, .* not a path; got "):
        check_file_name("--name", name)


@pytest.mark.parametrize(
    "name", ["mine", "rendered-gala-clickme-lambda1e-05-seed0-epochs3", "GALA + fixations", "é", "a.b"]
)
def test_plain_names_are_taken(name):
    check_file_name("--name", name)


NAMES_BEFORE = {"smoothgrad": "50bfe97f23ac131d", "grad_cam": "3d582edf934fdf5c", "saliency": "e8c2a554334764eb"}
"""Method -> name of its default request before Grad-CAM's layer could be chosen."""


@pytest.mark.parametrize("method", NAMES_BEFORE)
def test_requests_keep_the_names_that_they_had_before_the_layer_of_grad_cam_could_be_chosen(method):
    request = MapRequest(method=method)
    assert fingerprint(settings(request)) == NAMES_BEFORE[method]
    assert "cam_layer" not in request_key(request)
    chosen = replace(request, cam_layer="layer3")
    counts = method == "grad_cam"
    assert (fingerprint(settings(chosen)) != NAMES_BEFORE[method]) == counts, "a layer counts for Grad-CAM alone"
    assert (request_key(chosen) != request_key(request)) == counts
    if counts:
        assert map_request_from_settings(settings(chosen)) == chosen
    nested = settings(ComparisonSpec(images=("a",), request=request))["request"]
    assert nested == settings(request), "a figure's file too"


@pytest.mark.parametrize("layer", ["", None, 3])
def test_a_layer_of_grad_cam_is_a_text(layer):
    with pytest.raises(ValueError, match="cam_layer is a module's path or 'last'"):
        MapRequest(method="grad_cam", cam_layer=layer)


def test_a_second_map_that_changes_nothing_is_none():
    plain = MapRequest(target=3)
    for nothing in (
        SecondMap(),
        SecondMap(method="smoothgrad"),
        SecondMap(target=3),
        SecondMap(cam_layer="layer3"),
        SecondMap(method="smoothgrad", target=3, cam_layer="layer3"),
    ):
        request = replace(plain, second=nothing)
        assert request == plain
        assert settings(request) == settings(plain)
        assert request.of_network(1) is request.of_network(0) is request
    cam = MapRequest(method="grad_cam", cam_layer="layer3", second=SecondMap(cam_layer="layer3"))
    assert cam.second is None


def test_every_second_map_has_a_name_of_its_own():
    cam = SecondMap(method="grad_cam")
    requests = [
        MapRequest(second=second, method=method, cam_layer=layer)
        for method in ("smoothgrad", "grad_cam")
        for layer in ("last", "layer3")
        for second in (None, cam, SecondMap(method="saliency"), SecondMap(target=0), SecondMap(cam_layer="layer4"))
    ]
    for one in requests:
        for other in requests:
            shown = [tuple(settings(each.of_network(k)).items() for k in range(2)) for each in (one, other)]
            same = all(dict(a) == dict(b) for a, b in zip(*shown, strict=True))
            assert same == (fingerprint(settings(one)) == fingerprint(settings(other))), (one, other)
    beside = MapRequest(cam_layer="layer3", second=cam)
    assert beside.of_network(1).cam_layer == "layer3", "also of a first map by another method"


def test_a_second_map_comes_back_from_its_settings_and_is_checked():
    request = MapRequest(second=SecondMap(method="grad_cam", target=4, cam_layer="layer3"))
    assert map_request_from_settings(settings(request)) == request
    assert map_request_from_settings({"second": None}) == MapRequest()
    assert MapRequest.of_targets(request.targets).targets == ("own", 4)
    assert MapRequest.of_targets("label").targets == "label"
    for bad in ({"target": -1}, {"target": "mine"}, {"method": ""}, {"cam_layer": ""}, {"colour": 1}):
        with pytest.raises(ValueError, match=r"target|method|cam_layer|unknown settings"):
            map_request_from_settings({"second": bad})
    with pytest.raises(ValueError, match="second is what the second map has"):
        MapRequest(second={"method": "grad_cam"})
    with pytest.raises(ValueError, match="one for each of two networks"):
        MapRequest.of_targets((1, 2, 3))
