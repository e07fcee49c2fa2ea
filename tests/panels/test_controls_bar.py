"""The bar of inputs: which are always in view, what is not at its default, and the one reset."""

import pytest

from gala_viz.panels.compare.compare_view import CompareView
from gala_viz.panels.gallery.collection_index import CollectionIndex
from tests.panels.fake_source import FakeSource
from tests.panels.script import SCRIPT


@pytest.fixture
def view():
    source = FakeSource(count=3)
    view = CompareView(source, CollectionIndex(source), SCRIPT)
    yield view
    view.close()


def test_the_bar_has_what_counts_most_and_more_has_the_rest(view):
    forms = (view.attribution_controls.pane, view.display_controls.pane)
    in_bar = {name for form in forms for name in form.bar.values}
    hidden = {name for form in forms for name in form.more.values}
    assert {"method", "target", "n_samples", "scale", "kind"} <= in_bar
    assert {"smoothing_px", "opacity", "seed", "normalise"} <= hidden


def test_the_button_counts_what_is_changed_out_of_view_and_reset_brings_all_back(view):
    controls, settings = view.controls, view.settings
    assert (controls.more_button.label, controls.reset_button.disabled) == ("More", True)
    before = settings.to_request(), view.display_settings.opacity
    settings.smoothing_px = 3.5
    view.display_controls.pane.receive("opacity", 0.3)
    assert (controls.more_button.label, controls.reset_button.disabled) == ("More (2 changed)", False)
    view.attribution_controls.pane.receive("n_samples", 20)
    assert controls.more_button.label == "More (2 changed)", "this one is in view"
    controls.reset()
    assert (settings.to_request(), view.display_settings.opacity) == before
    assert (controls.more_button.label, controls.reset_button.disabled) == ("More", True)


def test_an_input_that_has_no_say_is_not_counted(view):
    view.settings.param.update(target="chosen", category=1)
    assert view.controls.changed == ("target", "category")
    view.settings.target = "own"
    assert view.controls.changed == (), "the category is out of view and explains nothing"


def test_a_reset_brings_back_the_human_map_of_all(view):
    view.display_controls.set_participants(["p3"])
    view.current.participant = "p3"
    assert not view.controls.reset_button.disabled
    view.controls.reset()
    assert view.current.participant is None
    assert view.display_controls.pane.values["participant"] == ""
