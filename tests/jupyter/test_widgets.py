"""Widgets as Python objects, on a fake source and without a kernel."""

from __future__ import annotations

import bokeh
import numpy as np
import pytest
from panel_material_ui.base import CDN_DIST

import gala_viz as gv
from gala_viz.jupyter.bokeh_scripts import script_bundle
from gala_viz.jupyter.kernel_document import KernelDocument
from tests.attribution.tiny import tiny_network
from tests.panels.fake_source import FakeSource
from tests.panels.script import until
from tests.tiers import slow


@pytest.fixture
def compare():
    made = gv.Compare(FakeSource(delay_s=0.0))
    yield made
    made.close()


def test_a_source_passes_through_and_two_networks_are_asked_for():
    source = FakeSource()
    assert gv.open_source(source) is source
    with pytest.raises(ValueError, match="two or more networks were expected; got 1: lite0"):
        gv.open_source("photos", ["lite0"])
    with pytest.raises(ValueError, match="got lite0"):
        gv.open_source("photos", "lite0")


@pytest.mark.slow
def test_of_many_networks_a_pair_is_shown():
    photos = gv.Images(np.random.default_rng(0).integers(0, 256, (2, 40, 40, 3), dtype=np.uint8))
    source = gv.open_source(photos, [tiny_network(seed) for seed in range(3)])
    assert [one.name for one in source.networks] == ["tiny0", "tiny1"]
    assert [one.name for one in source.choices(source.request)] == ["tiny0", "tiny1", "tiny2"]
    view = gv.Compare(source.pair("tiny2", "tiny0"))
    view.settings.n_samples = 5
    assert view.maps.maps.network.values.tolist() == ["tiny2", "tiny0"]
    view.close()


def test_maps_asked_from_code_are_finished_whatever_the_widget_has_so_far(compare):
    compare.settings.n_samples = 20
    assert (compare.maps.n, compare.maps.done) == (20, True)
    assert compare.maps.delta.dims == ("y", "x")


def test_what_code_sets_stands_in_the_inputs(compare):
    compare.settings.n_samples = 35
    compare.looks.opacity = 0.3
    assert compare.view.attribution_controls.pane.values["n_samples"] == 35
    assert compare.view.display_controls.pane.values["opacity"] == 0.3


def test_a_photograph_comes_also_when_settings_change_before_it_was_read(compare):
    until(lambda: compare.view.progress.bar.text.endswith("s"))
    compare.image = "photo 00003"
    compare.settings.n_samples = 20
    until(lambda: compare.source.asked["forward photo 00003"] > 0 and "done" in compare.view.progress.bar.text)
    until(lambda: compare.view.results.forward_result is not None)


def told(part):
    """All markup of a part and of what is in it."""
    return [getattr(part, "object", "")] + [text for one in getattr(part, "objects", ()) for text in told(one)]


@pytest.mark.parametrize("make", [gv.Compare, *slow(gv.explore)])
def test_simulated_people_are_called_so_in_a_cell(make):
    source = FakeSource(count=12, delay_s=0.0)
    source.map_kinds = {"simulated ClickMe": "made"}
    widget = make(source)
    headings = [text for part in widget.parts() for text in told(part) if str(text).startswith("<h2>Closeness")]
    assert len(headings) == 1
    assert "Closeness to simulated people" in headings[0]
    widget.close()


def test_linked_layers_follow_and_lead(compare):
    layers = gv.layers(compare)
    compare.image = "photo 00004"
    assert layers.image == "photo 00004"
    layers.image = "photo 00006"
    assert compare.image == "photo 00006"
    assert list(layers.norms) == ["lite0-gala-vanilla", "lite0-gala-human"]
    layers.close()


def test_layers_of_one_network_have_one_row(compare):
    layers = gv.layers(compare, network="lite0-gala-human")
    assert {row for row, _ in layers.layers.cells} == {0}
    layers.close()
    with pytest.raises(ValueError, match="lite0-gala-human"):
        gv.layers(compare, network="lite0-gala-humn")


def test_a_wrong_image_is_answered_with_the_nearest(compare):
    with pytest.raises(ValueError, match=r"no image called 'photo 0000'. Did you mean 'photo 000"):
        compare.image = "photo 0000"


def test_what_is_selected_from_code_is_what_is_told():
    explore = gv.explore(FakeSource())
    assert explore.selected == ()
    explore.select(["photo 00001", "photo 00003"])
    assert explore.selected == ("photo 00001", "photo 00003")
    explore.select(None)
    assert explore.selected == ()
    explore.close()


def test_outside_a_kernel_a_widget_shows_as_words(compare):
    assert compare._repr_mimebundle_() == {"text/plain": repr(compare)}
    with pytest.raises(RuntimeError, match="needs a Jupyter kernel"):
        _ = compare.cell


def test_changes_of_one_turn_are_sent_together_after_it():
    document, sent = KernelDocument(None), []  # type: ignore[arg-type]
    document.on_change(lambda event: sent.append(event.title))

    def change() -> None:
        document.title = "first"
        document.title = "second"
        assert sent == []

    document.invoke(change)
    assert sent[-1:] == ["second"]


def test_scripts_for_a_notebook_are_text_of_the_installed_versions():
    text = script_bundle()
    assert "importShim" in text
    assert f'addImportMap({{imports: {{"{CDN_DIST}": ' in text  # what panel-material-ui would fetch from another host
    assert bokeh.__version__ in text
