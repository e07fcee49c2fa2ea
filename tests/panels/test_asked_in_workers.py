"""The source of a page, of which any question may take a while, is asked in worker threads alone."""

import io
import threading
import time

import pytest
from PIL import Image

from gala_viz.panels.compare.compare_page import ComparePage
from gala_viz.panels.explore.explore_page import ExplorePage
from gala_viz.panels.grid.grid_page import GridPage
from gala_viz.store.source import MapSource
from tests.panels.fake_source import FakeSource, photograph
from tests.panels.ready_source import ready

QUESTIONS = [name for name, value in vars(MapSource).items() if callable(value) and not name.startswith("_")]


class Watched(FakeSource):
    """Notes the questions that the thread of the pages asks."""

    def __init__(self, **options):
        self.in_document = []
        self.is_watching = False
        super().__init__(**options)

    def __getattribute__(self, name):
        if name in QUESTIONS and self.is_watching and threading.current_thread() is threading.main_thread():
            self.in_document.append(name)
        return super().__getattribute__(name)


@pytest.fixture
def source():
    return Watched(count=12, n_networks=3)


@pytest.fixture(params=[ComparePage, ExplorePage, GridPage])
def page(request, source):
    shared = ready(source)
    source.is_watching = True
    page = request.param(shared)
    yield page
    page.close()
    source.is_watching = False


def until(page, condition):
    end = time.monotonic() + 20
    while not condition():
        page.document.run_pending()
        assert time.monotonic() < end, "it never came"
        time.sleep(0.01)


def test_questions_are_all_methods_of_a_source():
    assert {"info", "scores", "thumbnail", "choices", "maps", "labels"} <= set(QUESTIONS)


def test_a_page_asks_nothing_in_its_own_thread(page, source):
    gallery = page.view.gallery
    until(page, lambda: gallery.scores is not None and all(one["thumbnail"] for one in gallery.thumbnails.items))
    page.open_query("v=2&first=other-2")
    until(page, lambda: page.source.networks[0].name == "other-2" and page.view.gallery.scores is not None)
    gallery = page.view.gallery
    gallery.settings.search = "photo 0000"
    gallery.settings.param.update(search="", order="gain")
    page.view.current.image = source.images[3]
    axes = page.view.axes if isinstance(page, ExplorePage) else selection_of(page).axes
    axes.selection = selected(page)
    until(page, lambda: gallery.selection_mask is not None)
    axes.selection = ""
    until(page, lambda: gallery.selection_mask is None)
    assert source.in_document == []


def selection_of(page):
    return page._selection if isinstance(page, ComparePage) else page.view.selection_filter


def selected(page):
    """A box around all images, as a link has it."""
    from gala_viz.plots.point_selection import selection_text

    return selection_text({"type": "rect", "x0": -9, "x1": 9, "y0": -9, "y1": 9})


@pytest.mark.slow
def test_the_comparison_asks_nothing_there_for_photographs_maps_uploads_and_a_presentation(source):
    shared = ready(source)
    source.is_watching = True
    page = ComparePage(shared)
    view = page.view
    try:
        until(page, lambda: view.results.map_update is not None and view.results.map_update.done)
        page._presentation.active = True
        view.move(1)
        until(page, lambda: view.results.map_update is not None and view.results.map_update.done)
        view.settings.param.update(target="label", n_samples=20)
        view.current.kind = "mouse"
        view.display.erase_reveal = True
        until(page, lambda: view.results.map_update is not None and view.results.map_update.n_samples == 20)
        view.erase_reveal.settings.percent = 30
        view.display.own_map = True
        view.strip.start()
        view.scoring.start()
        stream = io.BytesIO()
        Image.fromarray(photograph(5)).save(stream, "PNG")
        view.add_upload("mine.png", stream.getvalue())
        until(page, lambda: view.gallery.uploads)
        until(page, lambda: view.results.map_update is not None and view.results.map_update.done)
        until(page, lambda: not view.scoring.bar.busy)
    finally:
        page.close()
        source.is_watching = False
    assert source.in_document == []
