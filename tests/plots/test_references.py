"""Every kind of figure beside the picture that it was when somebody last looked at it.

To renew the pictures after a change that was wanted, run this file with GALA_VIZ_RENEW_REFERENCES=1 in the environment;
then look at tests/plots/references before they are committed.
"""

import os

import matplotlib
import pytest

from gala_viz.plots.figures.specs import ComparisonSpec, LayersSpec, PeopleSpec, ScatterSpec, TableSpec, draw_figure
from gala_viz.specs import MapRequest, SmoothGradSpec
from tests.panels.fake_source import FakeSource
from tests.plots.alike import RENEW, alike, laid_out, pixels, reference, renew

REQUEST = MapRequest(smoothgrad=SmoothGradSpec(n_samples=5, seed=3))
IMAGES = ("photo 00000", "photo 00001", "photo 00003", "photo 00005")
SPECS = {
    "comparison": ComparisonSpec(images=IMAGES[:1], request=REQUEST, width="middle"),
    "people": PeopleSpec(images=IMAGES, width="single", per_row=2),
    "layers": LayersSpec(images=IMAGES[:1], width="single", layers=("blocks.5", "blocks.8", "blocks.10")),
    "scatter": ScatterSpec(images=IMAGES, request=REQUEST),
    "table": TableSpec(request=REQUEST, width="single"),
}
WITH_BARS = ("comparison", "people", "layers")


@pytest.fixture(scope="module")
def source():
    """One for all: its maps are made once."""
    return FakeSource(count=12)


@pytest.fixture(scope="module")
def figures(source):
    """Every kind, drawn once; what a test changes it changes back."""
    return {kind: drawn(source, kind) for kind in SPECS}


def drawn(source, kind):
    return laid_out(draw_figure(source, SPECS[kind]).figure)


@pytest.mark.parametrize("kind", SPECS)
def test_a_figure_looks_as_it_did(figures, kind):
    picture = pixels(figures[kind])
    if os.environ.get(RENEW):
        renew(kind, picture)
    assert alike(picture, reference(kind))


@pytest.mark.parametrize("kind", SPECS)
def test_another_way_to_draw_letters_is_no_difference(source, kind):
    with matplotlib.rc_context({"text.hinting": "none"}):
        picture = pixels(drawn(source, kind))
    assert (picture != reference(kind)).any(), "the letters are others"
    assert alike(picture, reference(kind))


@pytest.mark.parametrize("kind", SPECS)
def test_a_shifted_panel_is_a_difference(figures, kind):
    panel = next((axes for axes in figures[kind].axes if axes.images), figures[kind].axes[0])
    x, y, width, height = panel.get_position(original=True).bounds
    panel.set_position([x + 0.03, y, width, height])
    picture = pixels(figures[kind])
    panel.set_position([x, y, width, height])
    assert not alike(picture, reference(kind))


@pytest.mark.parametrize("kind", WITH_BARS)
def test_each_missing_colour_bar_is_a_difference(figures, kind):
    bars = [axes for axes in figures[kind].axes if hasattr(axes, "_colorbar")]
    assert bars
    for bar in bars:
        bar.set_visible(False)
        picture = pixels(figures[kind])
        bar.set_visible(True)
        assert not alike(picture, reference(kind))


@pytest.mark.parametrize("kind", ["comparison", "layers"])
def test_another_colour_map_is_a_difference(figures, kind):
    maps = [image for axes in figures[kind].axes for image in axes.images if image.get_array().ndim == 2]
    before = maps[-1].get_cmap()
    maps[-1].set_cmap("viridis")
    picture = pixels(figures[kind])
    maps[-1].set_cmap(before)
    assert not alike(picture, reference(kind))


def test_moved_points_and_a_missing_row_are_differences(source):
    figure = drawn(source, "scatter")
    for points in figure.axes[0].collections:
        points.set_offsets(points.get_offsets() + 0.03)
    assert not alike(pixels(figure), reference("scatter"))
    figure = drawn(source, "table")
    for text in figure.axes[0].texts[6:12]:
        text.set_visible(False)
    assert not alike(pixels(figure), reference("table"))
