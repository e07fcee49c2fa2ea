"""Figures and files of two methods, targets or layers: what each map is stands at it, and no number is lost."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from gala_viz.live import LiveMaps
from gala_viz.plots.figures.selection_export import image_maps, score_table
from gala_viz.plots.figures.specs import (
    ComparisonSpec,
    GridSpec,
    ScatterSpec,
    TableSpec,
    draw_figure,
    read_figure_spec,
)
from gala_viz.plots.map_labels import distinct_names, distinct_titles, own_labels
from gala_viz.registry import UnknownNameError
from gala_viz.specs import MapRequest, SecondMap, SmoothGradSpec, settings
from tests.attribution.tiny import tiny_network
from tests.attribution.tiny_collection import TinyCollection
from tests.panels.fake_source import FakeSource

PLAIN = MapRequest(smoothgrad=SmoothGradSpec(n_samples=4, noise_fraction=0.2))
REQUEST = replace(PLAIN, second=SecondMap(method="grad_cam", target=2))
TWICE = ("tiny0", "tiny0")


@pytest.fixture(scope="module")
def source():
    return LiveMaps(TinyCollection(), [tiny_network(0), tiny_network(1)])


def never():
    return False


def test_a_figure_of_two_methods_of_one_network_says_which_is_which(source):
    spec = ComparisonSpec(images=("one",), networks=TWICE, request=REQUEST, delta_colours="paper")
    drawn = draw_figure(source, spec)
    *_, update = source.pair(*TWICE).maps("one", REQUEST, never)
    np.testing.assert_array_equal(drawn.maps["saliency"].values[0], update.maps.values.astype(np.float32))
    assert drawn.maps["method"].values.tolist() == ["smoothgrad", "grad_cam"]
    assert drawn.maps["units"].values.tolist() == ["logits per input unit", "logits times activity"]
    assert drawn.table["method"].tolist() == ["smoothgrad", "grad_cam"]
    assert drawn.table["target"].tolist() == ["own", 2]
    assert drawn.table["n_samples"].isna().tolist() == [False, True]
    for row in range(2):
        assert drawn.table["rho"][row] == pytest.approx(float(update.scores["rho"].values[row]))
    texts = [axes.get_title() for axes in drawn.figure.axes]
    assert any(text.startswith("SmoothGrad of") for text in texts)
    assert any(text.startswith("Grad-CAM") for text in texts)
    assert "First map: SmoothGrad: n = 4" in drawn.caption
    assert "Second map: Grad-CAM" in drawn.caption
    categories = source.networks[0].categories
    assert f"{categories[update.targets[0]]} by the first map, {categories[2]} by the second map" in drawn.caption
    first, second = (f"{source.networks[0].title}, {own}" for own in own_labels(source.pair(*TWICE), REQUEST))
    assert f"red where {second} relies more, blue where {first} does" in drawn.caption


def test_a_figure_of_two_attention_layers_has_both():
    source = FakeSource(count=3)
    image, name, layers = source.images[0], source.networks[0].name, source.networks[0].layers
    spec = ComparisonSpec(
        images=(image,), networks=(name, name), request=PLAIN, layer=layers[0], second_layer=layers[-1]
    )
    drawn = draw_figure(source, spec)
    norms = source.forward(image).attention_norms
    np.testing.assert_array_equal(drawn.maps[f"attention_norm_{name}"].values[0], norms[0][layers[0]].values)
    np.testing.assert_array_equal(drawn.maps[f"attention_norm_{name}_second"].values[0], norms[1][layers[-1]].values)
    assert drawn.maps.attrs["second_layer"] == layers[-1]
    assert f"{layers[0]} and {layers[-1]}" in drawn.caption
    with pytest.raises(UnknownNameError, match="layer of the second network"):
        draw_figure(source, replace(spec, second_layer="layer9"))


def test_the_file_of_such_a_figure_draws_it_again_and_other_kinds_refuse_it(tmp_path):
    spec = ComparisonSpec(images=("one",), request=REQUEST, second_layer="blocks.1")
    spec.save(tmp_path / "figure.json")
    assert read_figure_spec(tmp_path / "figure.json") == spec
    plain = json.loads(ComparisonSpec(images=("one",)).text())
    assert "second_layer" not in plain
    assert "second" not in plain["request"]
    for kind in (TableSpec, ScatterSpec, GridSpec):
        with pytest.raises(ValueError, match="one of the kind comparison"):
            kind(request=REQUEST, **({"images": ("one",)} if kind is GridSpec else {}))
    with pytest.raises(ValueError, match="of the second of two maps; name two networks"):
        ComparisonSpec(images=("one",), networks=("a", "b", "c"), request=REQUEST)


def test_a_table_of_two_methods_of_one_network_has_a_column_for_each(source):
    pair = source.pair(*TWICE)
    list(pair.survey(REQUEST, pair.images, never))
    table, scores = score_table(pair, pair.images, REQUEST), pair.scores(REQUEST)
    np.testing.assert_array_equal(table["rho tiny0"], scores["rho"].values[0])
    np.testing.assert_array_equal(table["rho tiny0_second"], scores["rho"].values[1])
    assert set(table["method"]) == {"smoothgrad"}
    assert set(table["second_method"]) == {"grad_cam"}
    assert set(table["second_target"]) == {2}
    assert "second_cam_layer" in table, "a layer beside another method is named"
    assert not [name for name in score_table(source, source.images, PLAIN) if name.startswith("second")]


def test_maps_in_a_file_tell_how_each_is_made(source):
    content = image_maps(source, "one", REQUEST, never)
    assert content["method"].values.tolist() == ["smoothgrad", "grad_cam"]
    assert content["saliency"].attrs["units"] == "arbitrary", "there is no unit of both"
    assert content["second_target"].item() == "2"
    assert content.attrs["second_method"] == "grad_cam"
    plain = image_maps(source, "one", PLAIN, never)
    assert "method" not in plain.coords
    assert "second_target" not in plain


def test_labels_hold_what_differs_alone(source):
    category = source.networks[1].categories[2]
    assert own_labels(source, PLAIN) == ()
    assert own_labels(source, replace(PLAIN, second=SecondMap(target=2))) == ("own prediction", category)
    assert own_labels(source, REQUEST) == ("SmoothGrad, own prediction", f"Grad-CAM, {category}")
    cam = MapRequest(method="grad_cam", second=SecondMap(cam_layer="layer3"))
    assert own_labels(source, cam) == ("Grad-CAM", "Grad-CAM at layer3")
    twice = source.pair(*TWICE).networks
    assert distinct_titles(twice) == [f"{twice[0].title}, first", f"{twice[0].title}, second"]
    assert distinct_names(twice) == ["tiny0", "tiny0_second"]
    assert distinct_names(source.networks) == ["tiny0", "tiny1"]
    assert settings(REQUEST)["second"]["method"] == "grad_cam"
