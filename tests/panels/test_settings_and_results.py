"""What stands beside a result are the settings that made it, also where others were chosen and cancelled since."""

import numpy as np
import pytest

from gala_viz.panels.compare.compare_view import CompareView
from gala_viz.panels.gallery.collection_index import CollectionIndex
from gala_viz.panels.score_view import LAYERS_HAVE_RHO, UPLOADED
from tests.panels.fake_source import FakeSource
from tests.panels.script import SCRIPT, until


@pytest.fixture
def source():
    return FakeSource(count=12)


@pytest.fixture
def view(source):
    view = CompareView(source, CollectionIndex(source), SCRIPT)
    view.open()
    until(lambda: finished(view))
    yield view
    view.close()


def finished(view):
    return view.results.map_update is not None and view.results.map_update.done and view.score_view._all is not None


def never_arrives(view, monkeypatch):
    """From now on maps are asked for and nothing comes."""
    monkeypatch.setattr(view.source_client._maps, "submit", lambda job: None)


@pytest.mark.parametrize(("name", "value"), [("kind", "mouse"), ("participant", "p3")])
def test_scores_with_another_human_map_go_at_once_and_stay_away_when_the_maps_are_cancelled(
    view, monkeypatch, name, value
):
    assert "0.410" in view.score_view.table.object
    never_arrives(view, monkeypatch)
    setattr(view.current, name, value)
    until(lambda: value.lstrip("p") in view.display.titles["human"] or value in view.display.columns["human"])
    view.cancel()
    assert "0.410" not in view.score_view.table.object
    assert "0.4" not in view.score_view.closeness.panes["a"].object
    assert value.lstrip("p") in view.score_view.table.object, "it says with whom"


def test_settings_that_were_cancelled_do_not_describe_the_maps_of_those_before(view, monkeypatch):
    view.settings.smoothing_px = 2.0
    until(lambda: "drawn, 2 px" in view.score_view.table.object)
    never_arrives(view, monkeypatch)
    view.settings.smoothing_px = 6.0
    view.cancel()
    view.current.layer = 2
    view.current.layer = None
    assert "drawn, 2 px" in view.score_view.table.object
    assert "6 px" not in view.score_view.table.object
    view.settings.reduction = "signed"
    view.cancel()
    view.current.layer = 2
    view.current.layer = None
    assert "No closeness" not in view.score_view.table.object
    assert "0 to the larger" in view.display_controls.pane.bar.states["scale"]["hint"]


def test_cancelled_maps_are_not_told_to_run_again_when_another_layer_comes_into_view(view, monkeypatch):
    never_arrives(view, monkeypatch)
    view.settings.seed = 3
    request, update = view._map_request, view.results.map_update
    half = type(update)(**{name: getattr(update, name) for name in update.__slots__} | {"n": 5, "done": False})
    view._on_maps((request, half))
    view.cancel()
    view.current.layer = 1
    assert "Cancelled at n = 5" in view.progress.bar.text
    assert not view.progress.bar.busy


def test_beside_an_upload_no_score_of_the_collection_stands(view, source):
    assert "ceiling" in view.score_view.closeness.panes["human"].object
    view.add_upload("mine.webp", source.thumbnail(source.images[3]))
    until(lambda: view.current.image == "upload-1" and finished(view))
    panes = view.score_view.closeness.panes
    assert "ceiling" not in "".join(pane.object for pane in panes.values())
    assert not view.score_view.closeness.verdict.object
    assert UPLOADED in view.score_view.table.object
    assert "15 observers" not in view.people_heading.object
    view.current.image = source.images[0]
    until(lambda: "ceiling" in panes["human"].object)


def test_the_metric_that_is_lit_is_that_of_the_numbers(view):
    form = view.score_view.metric_form
    form.receive("measure", "dice")
    view.current.layer = 3
    assert (form.values["measure"], form.states["measure"]["hint"]) == ("rho", LAYERS_HAVE_RHO)
    view.current.layer = None
    assert form.values["measure"] == "dice", "as it was chosen"


def test_the_scale_of_a_layer_is_never_told_to_be_that_of_signed_maps(view):
    view.settings.reduction = "signed"
    until(lambda: "No closeness" in view.score_view.table.object)
    hint = view.display_controls.pane.bar
    assert "±" in hint.states["scale"]["hint"]
    view.current.layer = 2
    assert "±" not in hint.states["scale"]["hint"]


def test_the_column_of_a_layers_delta_names_the_layer(view):
    view.current.layer = 2
    layer = view.layers.n_columns and view.source.networks[0].layers[2]
    assert f"at {layer}: second minus first" in view.display.columns["delta"]
    assert np.isfinite(view.row.sources["delta"].data["image"][0]).any()


def test_cancelling_tells_the_page_too(source):
    told = []
    view = CompareView(source, CollectionIndex(source), SCRIPT, on_cancel=lambda: told.append(True))
    view.cancel()
    view.close()
    assert told == [True]
