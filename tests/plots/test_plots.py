"""What reaches the canvas: arrays, ranges, colours and lines of the drawn figures."""

import gc
import weakref
from itertools import pairwise

import colorcet
import holoviews as hv
import numpy as np
import pytest
from bokeh.io import curdoc
from bokeh.models import ColorBar, GlyphRenderer, Image, ImageRGBA

from gala_viz import plots
from gala_viz.plots.attention_layers import attention_delta, layer_colour_limits
from gala_viz.plots.bokeh_rendering import bokeh_figure, disable_sync
from gala_viz.plots.colour_maps import DIVERGING, SEQUENTIAL
from gala_viz.plots.colour_scale import colour_limits
from gala_viz.plots.contours import contour_lines
from gala_viz.plots.map_overlays import pack_rgba
from gala_viz.plots.score_distribution import CeilingInterval, distribution_columns, histogram, score_distribution
from gala_viz.schema import labelled_map

RNG = np.random.default_rng(8)
VIEW = RNG.integers(0, 256, (24, 32, 3), dtype=np.uint8)


def glyph(figure, kind):
    return next(r for r in figure.renderers if isinstance(r, GlyphRenderer) and isinstance(r.glyph, kind))


def test_the_photograph_is_drawn_pixel_by_pixel_with_its_origin_at_the_top_left():
    figure = hv.render(plots.photograph(VIEW))
    drawn = np.asarray(glyph(figure, ImageRGBA).data_source.data["image"][0])
    assert np.array_equal(drawn, pack_rgba(VIEW))
    assert np.array_equal(drawn.view(np.uint8).reshape(24, 32, 4)[..., :3], VIEW)
    assert (figure.y_range.start, figure.y_range.end) == (24, 0)


def test_a_map_is_drawn_over_the_whole_frame_at_its_own_resolution():
    values = labelled_map(RNG.random((6, 8)).astype(np.float32), name="norm", extent_px=(24, 32))
    figure = hv.render(plots.overlay(VIEW, values, limits=(0, 1)))
    data = glyph(figure, Image).data_source.data
    assert np.array_equal(data["image"][0], values)
    assert [float(data[k][0]) for k in ("x", "y", "dw", "dh")] == [0, 0, 32, 24]
    assert isinstance(figure.below[-1], ColorBar)


def test_nan_is_transparent_zero_is_a_colour_and_what_is_outside_takes_the_end():
    values = labelled_map(np.array([[0.0, np.nan], [2.0, -1.0]], np.float32), name="m")
    figure = hv.render(plots.overlay(VIEW[:2, :2], values, limits=(0, 1)))
    mapper = glyph(figure, Image).glyph.color_mapper
    assert mapper.nan_color in ("#00000000", "rgba(0, 0, 0, 0)", "#00000000")
    assert mapper.low_color is None
    assert mapper.high_color is None
    assert (mapper.low, mapper.high) == (0, 1)
    assert not mapper.palette[0].startswith("#00000000")


def test_a_delta_is_symmetric_about_zero_in_values_and_colours():
    delta = labelled_map((RNG.random((24, 32)) - 0.3).astype(np.float32), name="delta")
    mapper = glyph(hv.render(plots.delta(VIEW, delta)), Image).glyph.color_mapper
    assert mapper.low == -mapper.high
    assert list(mapper.palette) == list(DIVERGING)


def luminance(colour):
    linear = [
        (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4)
        for c in (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    ]
    return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))


@pytest.mark.parametrize("name", list(SEQUENTIAL))
def test_sequential_colours_only_get_lighter(name):
    steps = np.diff([luminance(colour) for colour in SEQUENTIAL[name]])
    assert len(SEQUENTIAL[name]) == 256
    assert steps.min() > -0.004


def test_the_diverging_colours_go_from_blue_through_grey_to_red():
    def channels(i):
        return [int(DIVERGING[i][k : k + 2], 16) for k in (1, 3, 5)]

    (r0, _, b0), (r1, _, b1) = channels(0), channels(-1)
    assert b0 > 2 * r0
    assert r1 > 2 * b1
    assert np.ptp(channels(128)) < 12
    assert abs(luminance(DIVERGING[30]) - luminance(DIVERGING[-31])) < 0.08
    assert tuple(colorcet.palette["CET_D1"]) == DIVERGING


def test_contours_enclose_their_share_of_the_pixels():
    y, x = np.mgrid[0:100, 0:100]
    disc = labelled_map(-np.hypot(x - 50, y - 50).astype(np.float32), name="disc")
    lines = contour_lines(disc, (10.0,))
    radius = np.hypot(lines["xs"][0] - 50.5, lines["ys"][0] - 50.5)
    assert np.pi * radius.mean() ** 2 / 100**2 == pytest.approx(0.10, abs=0.01)
    assert np.ptp(radius) < 0.5


def test_a_constant_or_empty_map_has_no_contours():
    for value in (0.0, np.nan):
        assert contour_lines(labelled_map(np.full((5, 5), value, np.float32), name="flat"))["xs"] == []


def test_contours_of_a_coarse_map_lie_in_the_frame():
    coarse = labelled_map(RNG.random((7, 7)).astype(np.float32), name="norm", extent_px=(224, 224))
    lines = contour_lines(coarse)
    assert 16 <= min(map(np.min, lines["xs"])) <= max(map(np.max, lines["xs"])) <= 208


def norms(scale, layers=("one", "two")):
    return {
        layer: labelled_map((scale * RNG.random((4, 4))).astype(np.float32), name="norm", extent_px=(24, 32))
        for layer in layers
    }


def test_two_networks_share_the_scale_of_a_layer_unless_asked_per_map():
    pair = (norms(1), norms(9))
    assert len(set(layer_colour_limits(pair, "one", "shared"))) == 1
    assert len(set(layer_colour_limits(pair, "one", "per map"))) == 2


def test_every_scale_of_a_layer_begins_at_zero_as_norms_do():
    pair = (norms(1), norms(9))
    assert min(float(one["one"].min()) for one in pair) > 0
    for scale in ("shared", "per map", "raw"):
        assert [low for low, _ in layer_colour_limits(pair, "one", scale)] == [0, 0]
    largest = max(float(one["one"].max()) for one in pair)
    assert layer_colour_limits(pair, "one", "raw")[0][1] == largest, "raw clamps nothing"


def test_the_layers_of_two_networks_are_one_row_each():
    drawing = plots.attention_layers(VIEW, (norms(1), norms(2)), ("A", "B"))
    assert drawing.shape == (2, 2)


def test_each_row_has_its_own_networks_limits_where_another_network_lacks_the_layer():
    rows = [norms(1, ("one",)), norms(2), norms(9)]
    drawing = plots.attention_layers(VIEW, rows, ("A", "B", "C"), scale="per map")
    _, _, second, _, third = drawing
    for drawn, one in ((second, rows[1]), (third, rows[2])):
        mapper = glyph(hv.render(drawn), Image).glyph.color_mapper
        assert (mapper.low, mapper.high) == colour_limits(np.asarray(one["two"])[None], "per map")[0]


def test_the_delta_of_attention_is_antisymmetric_and_zero_for_equal_networks():
    first, second = norms(1)["one"], norms(5)["one"]
    np.testing.assert_allclose(attention_delta(first, second), -attention_delta(second, first))
    assert float(np.abs(attention_delta(first, first)).max()) == 0
    np.testing.assert_allclose(
        attention_delta(first, 7 * second.assign_attrs(second.attrs)), attention_delta(first, second), atol=1e-6
    )


def test_layers_of_different_resolution_are_refused():
    other = labelled_map(np.ones((3, 3), np.float32), name="norm", extent_px=(24, 32))
    with pytest.raises(ValueError, match="one grid"):
        attention_delta(norms(1)["one"], other)


SCORES = np.array([[0.1, 0.5, np.nan, 0.6], [0.7, 0.2, 0.4, np.nan]])


def test_histograms_are_shares_of_the_known_images():
    shares, edges = histogram(SCORES)
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    assert (edges[0], edges[-1]) == (0, 1)
    assert histogram(np.full((2, 3), np.nan))[0].sum() == 0


@pytest.mark.parametrize("ceiling", [None, CeilingInterval(mean=0.7, low=0.6, high=0.8)])
@pytest.mark.parametrize("here", [(0.5, 0.2), (np.nan, 0.2)])
def test_updating_columns_are_those_that_a_fresh_drawing_has(ceiling, here):
    figure = hv.render(score_distribution(SCORES, ("A", "B"), current=here, ceiling=ceiling))
    columns, top = distribution_columns(SCORES, here, ceiling)
    assert len(figure.renderers) == len(columns)
    assert figure.y_range.end == pytest.approx(top)
    for renderer, expected in zip(figure.renderers, columns, strict=True):
        drawn = renderer.data_source.data
        assert set(drawn) == set(expected)
        for name in expected:
            np.testing.assert_allclose(np.asarray(drawn[name], dtype=float), expected[name])


@pytest.mark.parametrize("count", [3, 9])
def test_every_network_has_its_histogram_and_its_mark(count):
    scores = RNG.random((count, 5))
    titles = [f"network {number}" for number in range(count)]
    figure = hv.render(score_distribution(scores, titles, current=scores[:, 0]))
    assert len(figure.renderers) == len(distribution_columns(scores, scores[:, 0])[0])
    bars = [renderer.glyph.fill_color for renderer in figure.renderers[2 : 2 + count]]
    marks = [renderer.glyph.line_color for renderer in figure.renderers[2 + count :]]
    assert bars == marks
    assert all(colour != following for colour, following in pairwise(bars))
    assert len(set(bars[:3])) == 3


def test_rendering_leaves_the_current_document_alone():
    from bokeh.document import Document
    from bokeh.io.doc import patch_curdoc

    current = Document()
    theme = current.theme
    with patch_curdoc(current):
        figure = bokeh_figure(plots.photograph(VIEW))
    assert current.theme is theme
    assert current.roots == []
    assert figure.document is None
    drawn = np.asarray(glyph(figure, ImageRGBA).data_source.data["image"][0])
    assert np.array_equal(drawn, pack_rgba(VIEW))


def test_a_figure_that_nobody_keeps_leaves_nothing_behind():
    before = len(curdoc().callbacks._session_destroyed_callbacks)
    figure = weakref.ref(bokeh_figure(plots.photograph(VIEW)))
    gc.collect()
    assert figure() is None
    assert len(curdoc().callbacks._session_destroyed_callbacks) == before


def test_a_figure_that_is_told_only_sends_nothing_back():
    figure = bokeh_figure(plots.photograph(VIEW))
    assert any(model.syncable for model in figure.references())
    disable_sync(figure)
    assert not any(model.syncable for model in figure.references())
