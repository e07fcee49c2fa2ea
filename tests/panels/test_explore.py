"""All images as points: what filters admit, what is selected, what a click shows."""

import html
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from bokeh.events import RangesUpdate, SelectionGeometry, Tap

from gala_viz.panels.explore.explore_page import ExplorePage
from gala_viz.panels.explore.score_distributions import ScoreDistributions
from gala_viz.panels.figure_download import ScatterDownloadButton
from gala_viz.panels.shared_source import SharedSource
from gala_viz.specs import MapRequest
from gala_viz.store.measures import named_measures
from tests.panels.fake_source import LAYERS, FakeSource
from tests.panels.ready_source import explored


@pytest.fixture
def view():
    source = FakeSource(count=40)
    for _ in source.survey(source.request, source.images, lambda: False):
        pass
    view = explored(source, "compare")
    yield view
    view.close()


def test_simulated_people_are_called_so_where_rho_is_drawn(view):
    assert view.distributions.figure.xaxis[0].axis_label == "rho with people; lines: means"
    view.source.map_kinds = {"simulated ClickMe": "made"}
    other = explored(view.source, "compare")
    assert "with simulated people" in other.distributions.figure.xaxis[0].axis_label
    other.close()


def test_measures_are_named_by_what_they_are(view):
    names = list(view.metrics)
    assert names[:3] == ["rho:first", "rho:second", "gain"]
    assert [view.metrics[name].title for name in names[:3]] == [
        "Spearman's rho: Vanilla GALA",
        "Spearman's rho: Human co-trained GALA",
        "gain of Human co-trained GALA (rho)",
    ]
    assert view.metrics[f"attention:{LAYERS[0]}:first"].title == f"attention rho, {LAYERS[0]}: Vanilla GALA"
    scores = view.source.scores(MapRequest())
    np.testing.assert_allclose(view.metric_values("gain"), scores["rho"][1] - scores["rho"][0], atol=1e-6)
    np.testing.assert_allclose(view.metric_values("rho:first"), scores["rho"][0], rtol=1e-6)
    (alone,) = named_measures(view.source.networks, (), has_people=False)
    assert alone.title == "size of the delta, Human co-trained GALA minus Vanilla GALA"


def test_axes_begin_with_both_networks_likeness_to_people(view):
    rho = np.asarray(view.source.scores(MapRequest())["rho"], np.float32)
    np.testing.assert_array_equal(view.scatter.points.x, rho[0])
    np.testing.assert_array_equal(view.scatter.points.y, rho[1])
    assert view.scatter.figure.xaxis.axis_label == "Spearman's rho: Vanilla GALA"
    view.form.receive("x", "delta")
    np.testing.assert_array_equal(view.scatter.points.x, np.asarray(view.scores["delta_size"], np.float32))
    assert view.scatter.figure.x_range.start < np.nanmin(view.scatter.points.x)


def test_filters_of_the_gallery_decide_what_is_drawn_in_colour(view):
    view.gallery.form.receive("category", "tabby cat")
    admitted = view.index.category_codes == view.index.categories.index("tabby cat")
    np.testing.assert_array_equal(view.scatter.points.highlighted, admitted)
    assert (
        f"<b>{int((admitted & view.scatter.points.finite).sum())}</b> of 40 images drawn in colour"
        in view.selection_pane.object
    )


def test_new_scores_under_a_filter_by_scores_decide_anew_what_is_drawn_in_colour(view):
    view.gallery.form.receive("verdict", "both right")
    before = view.scatter.points.highlighted.copy()
    scores = view.scores.copy(deep=True)
    scores["correct"][:] = 1 - scores["correct"]
    view.gallery.set_scores(scores)
    assert (view.gallery.filter_mask != before).any()
    np.testing.assert_array_equal(view.scatter.points.highlighted, view.gallery.filter_mask)


def geometry(view, mask_of, final=True):
    x, y = view.scatter.points.x[mask_of], view.scatter.points.y[mask_of]
    edges = {"x0": x.min() - 1e-6, "x1": x.max() + 1e-6, "y0": y.min() - 1e-6, "y1": y.max() + 1e-6}
    return SelectionGeometry(model=view.scatter.figure, final=final, geometry={"type": "rect", **edges})


def test_a_selection_is_what_the_gallery_shows_until_it_is_cleared(view):
    known = np.flatnonzero(view.scatter.points.finite)
    chosen = known[np.argsort(view.scatter.points.x[known])[:3]]
    event = geometry(view, chosen, final=False)
    view.scatter.figure._trigger_event(event)
    assert view.gallery.selection_mask is None
    view.scatter.figure._trigger_event(geometry(view, chosen))
    expected = view.scatter.points.selection_mask(dict(geometry(view, chosen).geometry))
    assert {item["id"] for item in view.gallery.thumbnails.items} == {
        view.index.images[k] for k in np.flatnonzero(expected)
    }
    assert "selected" in view.selection_pane.object
    assert view.clear_button.visible
    view.clear_button.clicks += 1
    assert len(view.gallery.positions) == 40
    assert not view.clear_button.visible


def test_what_is_selected_and_laid_out_is_what_a_figure_for_print_shows(view):
    download = ScatterDownloadButton(view.source, {}, view.axes, view.selected_images, pytest.fail)
    assert download.spec.images == ()
    view.form.receive("x", "gain")
    view.select(np.arange(40) < 3)
    spec = download.spec
    assert (spec.x, spec.images) == ("gain", view.index.images[:3])
    assert spec.request == view.source.request


def test_a_selection_of_nothing_shows_all(view):
    view.select(np.zeros(40, bool))
    assert view.gallery.selection_mask is None


def test_a_click_on_a_point_shows_the_image_and_a_way_to_compare_it(view):
    place = int(np.flatnonzero(view.scatter.points.finite)[2])
    x, y = view.scatter.points.x[place], view.scatter.points.y[place]
    view.scatter.figure._trigger_event(Tap(model=view.scatter.figure, x=float(x), y=float(y)))
    image = view.current.image
    assert image == view.index.images[place]
    assert view.gallery.thumbnails.selected == image
    assert view.scatter._ring.data["x"] == [pytest.approx(float(x))]
    assert "compare?v=2&amp;image=" in view.image_pane.object
    assert "<img" not in view.image_pane.object, "an id that looks like markup stays text"


def test_moving_through_the_gallery_moves_the_ring(view):
    view.current.image = view.index.images[0]
    view.move(1)
    assert view.current.image == view.index.images[1]


def test_zooming_draws_the_part_that_is_looked_at(view):
    before = view.scatter._picture.data
    view.scatter.figure._trigger_event(RangesUpdate(model=view.scatter.figure, x0=0.1, x1=0.2, y0=0.3, y1=0.5))
    after = view.scatter._picture.data
    assert (after["x"], after["dh"]) == ([0.1], [pytest.approx(0.2)])
    assert after["image"][0].shape == before["image"][0].shape
    view.scatter.figure._trigger_event(RangesUpdate(model=view.scatter.figure, x0=0.2, x1=0.2, y0=0.3, y1=float("nan")))
    assert view.scatter._picture.data is after, "a range without extent changes nothing"


def test_category_means_are_drawn_on_demand(view):
    assert len(view.scatter._means.data_source.data["x"]) == 0
    view.form.receive("show_category_means", True)
    assert len(view.scatter._means.data_source.data["x"]) == 8
    view.form.receive("show_category_means", False)
    assert len(view.scatter._means.data_source.data["x"]) == 0


def test_distributions_tell_everything_beside_their_numbers(view):
    told = view.distributions.note_pane.object
    known = int(np.isfinite(view.scatter.points.x).sum())
    assert f"n = {known} images with human maps" in told
    assert "smoothgrad, n = 50, noise 0.15 of the range, seed 0, not smoothed" in told
    assert "95 % bootstraps over images, 2,000 resamples" in told
    view.gallery.form.receive("category", "goldfish")
    assert f"n = {known} images" not in view.distributions.note_pane.object


def test_images_with_human_maps_that_are_not_scored_are_not_counted_as_scored(view):
    scores = view.source.scores(view.source.request)
    marked = np.isfinite(scores["rho"].values).all(axis=0)
    few = scores.where(xr.DataArray(np.cumsum(marked) <= 3, dims="image"))
    view.distributions.show(few, view.source.request, np.ones(40, bool), marked)
    told = view.distributions.note_pane.object
    assert f"n = 3 images scored by both networks, of {marked.sum()} with human maps" in told
    assert "resamples" not in told, "there are no intervals of three"
    other = replace(view.source.request, method="saliency")
    view.distributions.show(few, other, np.ones(40, bool), marked)
    assert "maps: saliency, not smoothed" in view.distributions.note_pane.object


@pytest.mark.parametrize(("categories", "whose"), [(True, "another category"), (False, "other images")])
def test_a_floor_says_whose_maps_it_was_made_of(view, categories, whose):
    scores = view.source.scores(view.source.request)
    scores["floor_different"] = scores["rho"] * 0 + 0.25
    distributions = ScoreDistributions(view.source.networks, has_categories=categories)
    distributions.show(scores, view.source.request, np.ones(40, bool))
    told = html.unescape(distributions.note_pane.object)
    assert f"shuffled baseline, with people's maps of {whose}: 0.250" in told


def outline(view):
    data = view.scatter._selection.data
    return [list(zip(x, y, strict=True)) for x, y in zip(data["xs"], data["ys"], strict=True)]


def test_a_selection_stays_drawn_in_the_plane_in_which_it_was_made(view):
    assert outline(view) == []
    view._drag("rect:0.1,0.4,0.2,0.5")
    corners = [(0.1, 0.2), (0.4, 0.2), (0.4, 0.5), (0.1, 0.5)]
    assert outline(view) == [corners]
    view.gallery.settings.search = "photo"
    assert outline(view) == [corners]
    before = view.axes.x
    view.axes.x = "gain"
    assert outline(view) == [], "another plane"
    view.axes.x = before
    assert outline(view) == [corners]
    view._drag("poly:0,0,1,0,0.5,1")
    assert outline(view) == [[(0, 0), (1, 0), (0.5, 1)]]
    view.clear_selection()
    assert outline(view) == []


def test_a_collection_without_scores_says_what_to_do():
    source = FakeSource(count=5, human=False)
    nothing = source.scores(source.request)
    source.scores = lambda _: nothing.where(False)
    view = explored(source)
    assert "No image has been scored yet" in view.selection_pane.object
    view.close()


def test_the_page_stands_for_a_ready_source_and_for_a_dark_one():
    source = FakeSource(count=12)
    shared = SharedSource(lambda say: source)
    shared._load()
    page = ExplorePage(shared, "compare")
    light = page.view.scatter._picture.data["image"][0]
    page.page.dark_theme = True
    assert page.view.scatter.dark
    assert page.view.scatter._picture.data["image"][0].shape == light.shape
    page.close()
    assert page.view is None
