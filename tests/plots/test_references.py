"""Every kind of figure beside the picture that it was when somebody last looked at it.

To renew the pictures after a change that was wanted, run this file with GALA_VIZ_RENEW_REFERENCES=1 in the environment;
then look at tests/plots/references before they are committed.
"""

import os

import matplotlib
import pytest

from gala_viz.plots.figures.asked import ComparisonSpec, LayersSpec, PeopleSpec, ScatterSpec, TableSpec, draw_figure
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


def drawn(source, kind):
    return laid_out(draw_figure(source, SPECS[kind]).figure)


def bars(figure):
    return [axes for axes in figure.axes if hasattr(axes, "_colorbar")]


@pytest.mark.parametrize("kind", SPECS)
def test_a_figure_looks_as_it_did(source, kind):
    picture = pixels(drawn(source, kind))
    if os.environ.get(RENEW):
        renew(kind, picture)
    assert alike(picture, reference(kind))


@pytest.mark.parametrize("hinting", ["none", "force_autohint"])
@pytest.mark.parametrize("kind", SPECS)
def test_another_way_to_draw_letters_is_no_difference(source, kind, hinting):
    with matplotlib.rc_context({"text.hinting": hinting}):
        assert alike(pixels(drawn(source, kind)), reference(kind))


@pytest.mark.parametrize("kind", SPECS)
def test_a_shifted_panel_is_a_difference(source, kind):
    figure = drawn(source, kind)
    panel = next((axes for axes in figure.axes if axes.images), figure.axes[0])
    x, y, width, height = panel.get_position().bounds
    panel.set_position([x + 0.03, y, width, height])
    assert not alike(pixels(figure), reference(kind))


@pytest.mark.parametrize("kind", WITH_BARS)
def test_each_missing_colour_bar_is_a_difference(source, kind):
    figure = drawn(source, kind)
    assert bars(figure)
    for bar in bars(figure):
        bar.set_visible(False)
        assert not alike(pixels(figure), reference(kind))
        bar.set_visible(True)


@pytest.mark.parametrize("kind", ["comparison", "layers"])
def test_another_colour_map_is_a_difference(source, kind):
    figure = drawn(source, kind)
    maps = [image for axes in figure.axes for image in axes.images if image.get_array().ndim == 2]
    maps[-1].set_cmap("viridis")
    assert not alike(pixels(figure), reference(kind))


def test_moved_points_and_a_missing_row_are_differences(source):
    figure = drawn(source, "scatter")
    for points in figure.axes[0].collections:
        points.set_offsets(points.get_offsets() + 0.03)
    assert not alike(pixels(figure), reference("scatter"))
    figure = drawn(source, "table")
    for text in figure.axes[0].texts[6:12]:
        text.set_visible(False)
    assert not alike(pixels(figure), reference("table"))
