"""The cloud of images: every point is somewhere in the picture, and a selection holds what lies inside of it."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from matplotlib.path import Path as Polygon

from gala_viz.plots.bokeh_rendering import bokeh_figure
from gala_viz.plots.scatter import (
    HIGHLIGHT_COLOURS,
    HIGHLIGHT_COLOURS_DARK,
    ScatterPoints,
    category_means,
    scatter_plot,
)

CHANCE = np.random.default_rng(0)
X, Y = CHANCE.normal(0.3, 0.2, (2, 400)).astype(np.float32)


def cloud(kept=None, x=X, y=Y):
    return ScatterPoints(x, y, np.ones(len(x), bool) if kept is None else kept)


def alpha(picture):
    return picture >> 24


def colour(text):
    red, green, blue = (int(text[k : k + 2], 16) for k in (1, 3, 5))
    return 255 << 24 | blue << 16 | green << 8 | red


def test_a_point_is_where_its_values_say():
    one = ScatterPoints(np.array([0.25], np.float32), np.array([0.75], np.float32), np.array([True]))
    picture = one.rasterize((0, 1), (0, 1), (40, 40))
    rows, columns = np.nonzero(alpha(picture))
    assert abs(rows.mean() - 30) < 1
    assert abs(columns.mean() - 10) < 1
    assert picture.shape == (40, 40)


@pytest.mark.parametrize("dark", [False, True])
def test_images_that_stand_alone_have_the_colour_of_few(dark):
    x = np.array([0.1, 0.5, 0.9], np.float32)
    picture = ScatterPoints(x, x, np.ones(3, bool)).rasterize((0, 1), (0, 1), (90, 90), dark)
    few = (HIGHLIGHT_COLOURS_DARK if dark else HIGHLIGHT_COLOURS)[0]
    assert set(picture[alpha(picture) > 0].tolist()) == {colour(few)}


def test_kept_images_lie_over_the_rest_in_colour_and_others_outside_are_not_drawn():
    x = np.array([0.5, 0.5, 0.1, 7, np.nan], np.float32)
    some = ScatterPoints(x, x, np.array([True, False, False, True, True]))
    picture = some.rasterize((0, 1), (0, 1), (50, 50))
    assert picture[25, 25] in {colour(HIGHLIGHT_COLOURS[0]), colour(HIGHLIGHT_COLOURS[1])}
    grey = picture[5, 5]
    assert alpha(grey) == 255
    assert grey & 255 == grey >> 8 & 255 == grey >> 16 & 255
    dark = some.rasterize((0, 1), (0, 1), (50, 50), dark=True)
    assert dark[25, 25] != picture[25, 25]
    assert not alpha(ScatterPoints(x[:0], x[:0], np.empty(0, bool)).rasterize((0, 1), (0, 1), (9, 9))).any()


def test_ranges_hold_all_points_with_a_margin():
    (x0, x1), (y0, y1) = cloud().ranges()
    assert x0 < X.min() < X.max() < x1
    assert y0 < Y.min() < Y.max() < y1
    same = np.full(3, 0.4, np.float32)
    assert cloud(x=same, y=same).ranges() == ((pytest.approx(-0.1), pytest.approx(0.9)),) * 2
    none = np.full(3, np.nan, np.float32)
    assert cloud(x=none, y=none).ranges() == ((0, 1), (0, 1))


def test_a_box_holds_what_lies_in_it_however_it_was_drawn():
    expected = (X >= 0.2) & (X <= 0.4) & (Y >= 0.1) & (Y <= 0.5)
    for x0, x1, y0, y1 in ((0.2, 0.4, 0.1, 0.5), (0.4, 0.2, 0.5, 0.1)):
        found = cloud().selection_mask({"type": "rect", "x0": x0, "x1": x1, "y0": y0, "y1": y1})
        np.testing.assert_array_equal(found, expected)


@given(st.lists(st.tuples(st.floats(-0.5, 1), st.floats(-0.5, 1)), min_size=3, max_size=12))
@example([(0.0, 0.0), (0.0, 1.0), (1.0, 2.225073858507e-311)])  # two corners that are all but level
def test_a_lasso_holds_what_another_library_finds_in_it(corners):
    found = cloud().selection_mask({"type": "poly", "x": [x for x, _ in corners], "y": [y for _, y in corners]})
    simple = len(corners) == 3  # the even-odd rule and winding numbers agree on triangles
    if simple:
        path = Polygon(corners, closed=False)
        near = path.contains_points(np.column_stack([X, Y]), radius=1e-5) != path.contains_points(
            np.column_stack([X, Y]), radius=-1e-5
        )
        expected = path.contains_points(np.column_stack([X, Y]))
        np.testing.assert_array_equal(found[~near], expected[~near])
    low, high = np.min(corners, axis=0), np.max(corners, axis=0)
    assert not found[(low[0] - 1e-6 > X) | (high[0] + 1e-6 < X) | (low[1] - 1e-6 > Y) | (high[1] + 1e-6 < Y)].any()


def test_a_lasso_without_an_area_or_with_nonsense_holds_nothing():
    for corners in ([0.1, 0.2], [0.1, 0.2, float("nan")]):
        assert not cloud().selection_mask({"type": "poly", "x": corners, "y": corners}).any()


def test_a_click_finds_the_nearest_kept_image_and_nothing_in_the_void():
    kept = np.ones(len(X), bool)
    ranges = cloud().ranges()
    place = cloud(kept).nearest(float(X[7]), float(Y[7]), *ranges)
    assert place == 7
    kept[7] = False
    assert cloud(kept).nearest(float(X[7]), float(Y[7]), *ranges) != 7
    assert cloud().nearest(5, 5, *ranges) is None
    assert cloud(x=X[:0], y=Y[:0]).nearest(0, 0, (0, 1), (0, 1)) is None


def test_category_means_are_those_of_the_kept_images():
    category = np.arange(len(X)) % 3 - 1
    kept = np.arange(len(X)) % 2 == 0
    means = category_means(cloud(kept), category, 4)
    assert means["category"].tolist() == [0, 1]
    for row, number in enumerate(means["category"]):
        chosen = kept & (category == number)
        assert means["x"][row] == pytest.approx(X[chosen].mean(), rel=1e-5)
        assert means["n"][row] == chosen.sum()


def test_the_plot_has_a_picture_a_line_and_a_ring():
    figure = bokeh_figure(scatter_plot(cloud(), "rho of one", "rho of the other"))
    assert len(figure.renderers) == 3
    assert figure.xaxis.axis_label == "rho of one"
