"""The grid for print: in pages of a journal's height, with the words of the page, drawn again from its file."""

import re

import numpy as np
import pytest
from PIL import Image

from gala_viz.plots.figures.grid_figure import PAGE_MM, rows_of_page
from gala_viz.plots.figures.specs import GridSpec, draw_figure, read_figure_spec, write_figure
from gala_viz.plots.grid_cells import grid_cells
from gala_viz.plots.grid_columns import usual_columns
from gala_viz.registry import UnknownNameError
from gala_viz.specs import MapRequest, SmoothGradSpec
from tests.panels.fake_source import FakeSource

REQUEST = MapRequest(smoothgrad=SmoothGradSpec(n_samples=8))


@pytest.fixture(scope="module")
def source():
    return FakeSource(count=20)


def spec(source, count=3, **changes):
    return GridSpec(**{"images": source.images[3 : 3 + count], "request": REQUEST, "dpi": 60, **changes})


def test_no_page_is_higher_than_a_journals_and_all_photographs_are_on_one(source):
    result = draw_figure(source, spec(source, 15))
    pages = [result.figure, *result.more_pages]
    assert len(pages) > 1
    assert all(page.get_figheight() * 25.4 <= PAGE_MM for page in pages)
    per_page = rows_of_page(len(usual_columns(source)))
    assert len(pages) == -(-15 // per_page)
    pictures = sum(len(axes.images) for page in pages for axes in page.axes)
    expected = [
        grid_cells(source, image, usual_columns(source), REQUEST, lambda: False) for image in source.images[3:18]
    ]
    assert pictures == sum(cell.picture is not None for row in expected for cell in row)


@pytest.mark.slow
def test_pages_are_one_pdf_and_a_picture_each(source, tmp_path):
    paths = [path.name for path in write_figure(source, spec(source, 5, rows_per_page=2), tmp_path, "grid")]
    assert [name for name in paths if name.endswith(".png")] == ["grid.png", "grid-2.png", "grid-3.png"]
    assert [name for name in paths if name.endswith(".pdf")] == ["grid.pdf"]
    assert len(re.findall(rb"/Type /Page\b", (tmp_path / "grid.pdf").read_bytes())) == 3
    first, last = (np.asarray(Image.open(tmp_path / name)) for name in ("grid.png", "grid-3.png"))
    assert first.shape[1] == last.shape[1]
    assert first.shape[0] > last.shape[0], "one row less"


@pytest.mark.slow
def test_it_is_drawn_again_to_the_same_bytes_from_its_file(source, tmp_path):
    one = spec(source, 3, columns=("photo", "second:saliency", "first@blocks.7"), rows_per_page=2)
    write_figure(source, one, tmp_path / "a", "grid")
    again = read_figure_spec(tmp_path / "a" / "grid.json")
    assert (again.images, again.columns, again.rows_per_page) == (one.images, one.columns, 2)
    assert again.request == one.request
    for path in write_figure(source, again, tmp_path / "b", "grid"):
        assert path.read_bytes() == (tmp_path / "a" / path.name).read_bytes(), path.name


def test_table_and_caption_say_what_stands_in_it(source):
    result = draw_figure(source, spec(source, columns=("photo", "people", "first", "delta")))
    assert list(result.table.columns) == ["image", "category", "split", "photo", "people", "first", "delta"]
    assert result.table["first"].str.contains("rho|%").all()
    assert "n = 8" in result.caption
    assert "Columns: Photograph; People; Vanilla GALA; Delta." in result.caption


def test_columns_and_images_that_are_not_there_are_refused_with_the_nearest(source):
    with pytest.raises(ValueError, match="first"):
        draw_figure(source, spec(source, columns=("fist",)))
    with pytest.raises(UnknownNameError, match="photo 00004"):
        draw_figure(source, spec(source, images=("photo 0004",)))
    for wrong in (0, 61, 2.5, True):
        with pytest.raises(ValueError, match="rows_per_page"):
            spec(source, rows_per_page=wrong)
