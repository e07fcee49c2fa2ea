"""The page's second map: fields, links, titles, clicks; everything that is said of it is of its own settings."""

import html
import re
from dataclasses import replace

import numpy as np
import pytest

from gala_viz.panels.compare.compare_view import CompareView
from gala_viz.panels.compare.main_row_content import main_row_content
from gala_viz.panels.gallery.collection_index import CollectionIndex
from gala_viz.panels.gallery.selection_filter import SelectionFilter
from gala_viz.panels.link_parameters import MAP_LINK_NAMES, compare_link_parameters, compare_version_1_defaults
from gala_viz.panels.other_page import other_page_query
from gala_viz.panels.page_state import PageState, parse_query
from gala_viz.panels.presenting.presentation import Presentation
from gala_viz.panels.presenting.stage import stage_scene
from gala_viz.panels.progress_view import standard_error_percent
from gala_viz.panels.view_state import AttributionSettings
from gala_viz.specs import MapRequest, SecondMap
from tests.panels.fake_source import CATEGORIES, LAYERS, FakeSource
from tests.panels.script import SCRIPT, until

NAME = "lite0-gala-vanilla"


@pytest.fixture
def source():
    source = FakeSource(count=6)
    source.methods = {**source.methods, "occlusion": "Occlusion", "grad_cam": "Grad-CAM"}
    source.layers_of_grad_cam = ("last", "layer3", "layer4")
    return source.pair(NAME, NAME)


@pytest.fixture
def view(source):
    view = CompareView(source, CollectionIndex(source), SCRIPT, on_choose_pair=lambda *pair: chosen.append(pair))
    chosen = view.chosen = []
    view.open()
    until(lambda: finished(view))
    yield view
    view.close()


def finished(view):
    update = view.results.map_update
    return update is not None and update.done and view.score_view._all is not None


def shown(view, **settings):
    """Set settings and wait for the maps of them."""
    view.settings.param.update(**settings)
    until(lambda: view._map_request == view.request() and finished(view))


def text(pane):
    return html.unescape(re.sub("<[^>]+>", " ", pane.object))


def test_fields_change_the_second_map_alone_and_reset_brings_them_back(view):
    form = view.second_controls.form
    assert [field["label"] for field in form.fields] == [
        "Second: network",
        "Second: method",
        "Second: explain",
        "Second: category",
        "Second: Grad-CAM layer",
        "Second: attention layer",
    ]
    assert view.request().second is None
    form.receive("second_method", "grad_cam")
    until(lambda: [value for _, value in options(form, "second_cam_layer")][2:] == ["layer3", "layer4"])
    assert form.states["second_cam_layer"]["visible"]
    form.receive("second_cam_layer", "layer3")
    form.receive("second_target", "chosen")
    assert form.states["second_category"]["visible"]
    assert view.request().second == SecondMap(
        method="grad_cam", cam_layer="layer3", target=view.settings.second_category
    )
    assert view.request().method == "smoothgrad"
    assert set(view.controls.changed) >= {"second_method", "second_target", "second_cam_layer"}
    view.controls.reset()
    assert view.request().second is None
    assert view.controls.changed == ()


def options(form, name):
    return next(field["options"] for field in form.fields if field["name"] == name)


def test_the_second_network_is_chosen_among_both_where_there_is_no_other_list(view, source):
    form = view.second_controls.form
    form.receive("second_network", "lite0-gala-human")
    assert view.chosen == [(NAME, "lite0-gala-human")]
    assert form.values["second_network"] == NAME, "until the other one is there"
    many = FakeSource(count=3, n_networks=3)
    with_list = CompareView(many, CollectionIndex(many), SCRIPT, on_choose_pair=lambda *pair: None)
    assert "second_network" not in with_list.second_controls.form.values
    with_list.close()


def test_titles_units_and_scores_are_of_two_methods(view, source):
    shown(view, second_method="occlusion")
    titles, columns = view.display.titles, view.display.columns
    assert titles["a"].startswith("Vanilla GALA: ")
    assert titles["a"].endswith(", SmoothGrad")
    assert titles["b"].endswith(", Occlusion")
    assert columns["a"].endswith("(logits per input unit)")
    assert columns["b"].endswith("(logits)")
    assert "Occlusion" in columns["delta"]
    assert "SmoothGrad" in columns["delta"]
    assert view.display.own_scales
    assert "Occlusion" in text(view.top_five_panes[1])
    assert "Occlusion" not in text(view.top_five_panes[0])
    assert "SmoothGrad and Occlusion" in text(view.score_view.closeness.verdict)
    assert "Vanilla GALA, Occlusion" in text(view.score_view.table)
    assert not view.row.sources["b"].data["error"][0].any(), "a map without samples has no Monte-Carlo error"
    assert view.figure_download.spec.request.second == SecondMap(method="occlusion")
    scene = stage_scene(source, view.results.info, view.results, view.current, view.display_settings, "1 of 6")
    assert [scene["panels"][side]["unit"] for side in "ab"] == [
        "SmoothGrad, logits per input unit",
        "Occlusion, logits",
    ]
    assert scene["own_scales"]


def test_an_error_in_per_cent_is_of_the_maps_that_have_one(source):
    request = MapRequest(second=SecondMap(method="saliency"))
    mixed, plain = (source.update(source.images[0], one, 50) for one in (request, MapRequest()))
    first = replace(plain, maps=plain.maps[:1], standard_error=plain.standard_error[:1])
    assert standard_error_percent(mixed) == pytest.approx(standard_error_percent(first))
    cut = mixed.standard_error.copy()
    cut[1, :5] = np.nan  # the second network does not see there, and has no samples where it does
    assert standard_error_percent(replace(mixed, standard_error=cut)) == pytest.approx(standard_error_percent(first))


def test_samples_can_be_chosen_where_the_second_map_alone_has_some(view):
    def enabled():
        return view.attribution_controls.pane.states["n_samples"]["enabled"]

    view.settings.method = "occlusion"
    assert not enabled()
    view.settings.second_method = "smoothgrad"
    assert enabled()


def test_words_over_a_column_are_of_its_map_and_not_of_what_was_asked_meanwhile(view, source):
    shown(view, second_method="occlusion")
    source.delay_s = 30
    view.settings.second_method = "grad_cam"
    assert "Occlusion" in text(view.top_five_panes[1])
    assert "Grad-CAM" not in text(view.top_five_panes[1])
    source.delay_s = 0


def test_a_photograph_without_label_is_said_to_have_no_true_category_explained(view):
    view.results.info = replace(view.results.info, target=None)
    view._map_request = None
    view.settings.second_target = "label"
    assert "true category" not in text(view.top_five_panes[1])


def test_two_targets_are_told_and_a_click_in_the_second_column_is_of_it_alone(view):
    shown(view, second_target="chosen", second_category=2)
    assert CATEGORIES[2] in text(view.top_five_panes[1])
    assert view.display.titles["b"] == f"Vanilla GALA: {CATEGORIES[2]}"
    assert 'aria-pressed="true"' not in view.top_five_panes[0].object
    view._heard({"explain": 1, "second": True})
    assert (view.settings.target, view.settings.second_category) == ("own", 1)
    view._heard({"explain": 3, "second": False})
    assert (view.settings.target, view.settings.category) == ("chosen", 3)
    assert view.settings.second_category == 1
    view._heard({"explain": 1, "second": True})
    assert view.settings.second_target == "", "another click explains it no more"
    view._heard({"explain": 2, "second": True})
    assert (view.settings.category, view.settings.second_target) == (2, ""), "both are explained together again"
    for odd in ({"explain": 10**6, "second": True}, {"explain": "1", "second": True}, {"explain": 1, "second": "yes"}):
        view._heard(odd)


def test_two_attention_layers_stand_side_by_side_with_their_own_rho(view, source):
    view.current.param.update(layer=1, second_layer=4)
    norms = source.forward(source.images[0]).attention_norms
    np.testing.assert_array_equal(view.row.sources["a"].data["image"][0], norms[0][LAYERS[1]])
    np.testing.assert_array_equal(view.row.sources["b"].data["image"][0], norms[1][LAYERS[4]])
    assert view.display.captions["b"] == LAYERS[4]
    assert view.layers._mark.data["x"][0] != view.layers._mark.data["x"][1]
    assert view.score_view._layers == (LAYERS[1], LAYERS[4])
    assert view.figure_download.spec.layer == LAYERS[1]
    assert view.figure_download.spec.second_layer == LAYERS[4]
    assert "second_layer" in view.controls.changed
    assert view.controls.more_button.label == "More (1 changed)"
    view.current.param.update(image=source.images[0], layer=None, second_layer=None)
    view.current.param.update(image=source.images[1], layer=1, second_layer=4)  # as a link sets them
    assert view.controls.more_button.label == "More (1 changed)"
    view.current.layer = None
    assert "second_layer" not in view.controls.changed, "without a layer in the row it has no say"
    view.controls.reset()
    assert view.current.second_layer is None


def test_what_is_hidden_is_asked_of_each_with_its_own_target(view, source):
    shown(view, second_target="chosen", second_category=3)
    view.display.erase_reveal = True
    view.erase_reveal.settings.percent = 50
    until(lambda: source.asked[f"perturb {source.images[0]} grey ('own', 3)"])
    until(lambda: view.erase_reveal.results is not None)
    assert view.erase_reveal.results.answers[1].target == 3


def test_a_link_holds_the_second_map_and_leaves_it_out_for_other_pages(view, source):
    parameters = compare_link_parameters(
        view, Presentation(view), SelectionFilter(source, view.gallery, SCRIPT), (NAME, NAME)
    )
    state = PageState(parameters, compare_version_1_defaults(source))
    plain = state.query
    link = "v=2&second-method=grad_cam&second-explain=chosen&second-category=2&second-cam-layer=layer4&second-layer=3"
    assert state.restore(parse_query(link)) == []
    assert view.request().second == SecondMap(method="grad_cam", target=2, cam_layer="layer4")
    assert view.current.second_layer == 3
    told = state.query
    assert state.restore(parse_query("v=1&second-method=nothing")) != []
    assert view.request().second is None
    assert state.restore(parse_query(told)) == []
    assert state.query == told
    assert not any(name.startswith("second-") for name, _ in parse_query(other_page_query(state, "", MAP_LINK_NAMES)))
    for bad in ("second-category=99999", "second-layer=77", "second-explain=mine", "second-method=magic"):
        assert len(state.restore(parse_query(f"v=2&{bad}"))) == 1
    assert state.restore(parse_query(plain)) == []
    assert view.request() == source.request


def test_settings_of_a_request_with_a_second_map_are_that_request():
    for second in (
        None,
        SecondMap(method="saliency"),
        SecondMap(target=4),
        SecondMap(target="label", method="grad_cam"),
    ):
        request = MapRequest(second=second, target=1)
        assert AttributionSettings.from_request(request).to_request() == request


def test_one_network_twice_is_not_called_two(view, source):
    assert "Both rows Vanilla GALA" in view.layers.row_legend
    content = main_row_content(source.networks, None, source.update(source.images[0], MapRequest(), 50), None)
    assert content.units == {
        "a": "logits per input unit",
        "b": "logits per input unit",
        "delta": content.units["delta"],
    }
    assert not content.has_two_units
