"""The button for print: what is in view becomes a figure, with axes, selection and request of that moment."""

import io
import json
import zipfile

import pandas as pd
import pytest

from gala_viz.panels.figure_download import FigureDownloadButton, ScatterDownloadButton
from gala_viz.panels.view_state import ScatterAxes
from gala_viz.plots.figures.specs import LayersSpec, ScatterSpec
from gala_viz.store.measures import named_measures
from tests.loops import in_own_loop
from tests.panels.fake_source import LAYERS, FakeSource

GAIN, DELTA = "gain", "delta"
ORIGIN = {"collection": "photos", "networks": ("a", "b")}


@pytest.fixture
def source():
    return FakeSource(count=12)


def axes_of(source, x, y):
    axes = ScatterAxes.from_metrics([one.name for one in named_measures(source.networks, LAYERS, has_people=True)])
    axes.param.update(x=x, y=y)
    return axes


def opened(stream):
    archive = zipfile.ZipFile(stream)
    return {name: archive.read(name) for name in archive.namelist()}


def test_the_scatter_of_the_moment_has_axes_selection_and_request_in_view(source):
    axes, chosen = axes_of(source, DELTA, GAIN), []
    download = ScatterDownloadButton(source, ORIGIN, axes, lambda: chosen, pytest.fail)
    assert download.spec == ScatterSpec(**ORIGIN, x=DELTA, y=GAIN, request=source.request)
    axes.param.update(x=GAIN, y=DELTA)
    chosen.extend(source.images[:3])
    spec = download.spec
    assert (spec.x, spec.y, spec.images) == (GAIN, DELTA, source.images[:3])


def test_the_file_that_is_given_holds_the_figure_with_its_data_and_nothing_is_scored_for_it(source):
    axes = axes_of(source, GAIN, DELTA)
    download = ScatterDownloadButton(source, {}, axes, lambda: source.images[:3], pytest.fail)
    files = opened(in_own_loop(download._zipped()))
    assert {name.split(".")[1] for name in files} == {"png", "svg", "pdf", "md", "csv", "json"}
    assert json.loads(files["figure.json"])["kind"] == "scatter"
    table = pd.read_csv(io.BytesIO(files["figure.csv"]))
    assert tuple(table["image"][table["chosen"]]) == source.images[:3]
    assert b"of 12 images" in files["figure.md"]
    assert source.asked["survey"] == 0


def test_what_cannot_be_drawn_is_told_and_gives_an_empty_file(source):
    told = []
    images = [f"image {number}" for number in range(10_001)]
    axes = axes_of(source, GAIN, DELTA)
    download = ScatterDownloadButton(source, {}, axes, lambda: images, told.append)
    assert in_own_loop(download._zipped()).getvalue() == b""
    assert "at most 10,000 ids" in str(told[0])


def test_any_kind_of_figure_can_stand_behind_a_button(source):
    spec = LayersSpec(images=(source.images[0],), shown="first", layers=("blocks.5",), width="single", dpi=60)
    button = FigureDownloadButton(source, lambda: spec, pytest.fail)
    assert not button.button.disabled
    assert "figure.nc" in opened(in_own_loop(button._zipped()))
