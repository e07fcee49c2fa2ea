"""Images that a network shown learnt from: marked, and out of the way where there are others."""

from dataclasses import replace

import numpy as np
import pytest

from gala_viz.panels.compare.compare_view import CompareView
from gala_viz.panels.gallery.collection_index import CollectionIndex
from gala_viz.panels.gallery.gallery import Gallery
from gala_viz.panels.gallery.selection_filter import SelectionFilter
from gala_viz.panels.link_parameters import VERSION_1_DEFAULTS, compare_link_parameters, explore_link_parameters
from gala_viz.panels.markup import image_heading
from gala_viz.panels.page_state import PageState
from gala_viz.panels.presenting.presentation import Presentation
from gala_viz.panels.view_state import CurrentImage
from gala_viz.splits import HELD_OUT, LEARNT, UNKNOWN
from gala_viz.store.source import ImageInfo
from tests.panels.fake_source import FakeSource
from tests.panels.ready_source import explored
from tests.panels.script import SCRIPT, until

SPLITS = ("train", "test", "train", "validation")


class Told(FakeSource):
    """The images whose number ``learnt`` admits were learnt from by the second network."""

    def __init__(self, learnt=lambda number: SPLITS[number % 4] == "train", count=12):
        self._learnt = learnt
        super().__init__(count=count, odd_names=False)

    def info(self, image):
        info = super().info(image)
        if image not in self._seed:
            return info
        told = {"learnt": LEARNT, "learnt_by": ("GALA",)} if self._learnt(self.seed(image)) else {"learnt": HELD_OUT}
        return replace(info, split=SPLITS[self.seed(image) % 4], **told)

    def labels(self):
        learnt = np.array([self.info(image).learnt for image in self.images], np.int8)
        return replace(super().labels(), learnt=learnt)


@pytest.fixture
def made():
    galleries = []

    def make(source):
        galleries.append(Gallery(source, CollectionIndex(source), CurrentImage(), SCRIPT))
        return galleries[-1]

    yield make
    for gallery in galleries:
        gallery.close()


def shown(gallery):
    return [item["id"] for item in gallery.thumbnails.items]


def numbers(source, gallery):
    return [source.seed(image) for image in shown(gallery)]


def test_learnt_images_are_hidden_where_others_are_left_and_that_is_told(made):
    source = Told()
    gallery = made(source)
    assert numbers(source, gallery) == [1, 3, 5, 7, 9, 11]
    assert gallery.thumbnails.count_text == "6 of 12 photographs; 6 learnt from are hidden"
    assert gallery.first_image == source.images[1]
    assert gallery.images_to_score() == [source.images[number] for number in (1, 3, 5, 7, 9, 11)]
    gallery.current.image = source.images[1]
    assert gallery.image_at_offset(1) == source.images[3]


def test_learnt_images_are_shown_and_marked_when_they_are_asked_for(made):
    source = Told()
    gallery = made(source)
    gallery.settings.learnt = True
    assert numbers(source, gallery) == list(range(12))
    assert gallery.thumbnails.count_text == "12 photographs"
    assert [item["learnt"] for item in gallery.thumbnails.items] == [number % 2 == 0 for number in range(12)]


def test_where_filters_leave_only_learnt_images_these_are_shown(made):
    source = Told()
    gallery = made(source)
    gallery.settings.split = "train"
    assert numbers(source, gallery) == [0, 2, 4, 6, 8, 10]
    assert gallery.thumbnails.count_text == "6 of 12 photographs"
    assert all(item["learnt"] for item in gallery.thumbnails.items)


def test_a_selection_of_learnt_images_alone_shows_them(made):
    source = Told()
    gallery = made(source)
    gallery.restrict(np.arange(12) % 2 == 0)
    assert numbers(source, gallery) == [0, 2, 4, 6, 8, 10]


def test_the_switch_is_offered_only_where_it_changes_something(made):
    def offered(learnt):
        return made(Told(learnt)).form.states["learnt"]["visible"]

    mixed, every, none = (lambda number: number % 2), (lambda number: True), (lambda number: False)
    assert [offered(learnt) for learnt in (mixed, every, none)] == [True, False, False]


def test_all_images_are_shown_where_all_or_none_were_learnt_from(made):
    for learnt in (True, False):
        source = Told(lambda number, learnt=learnt: learnt)
        assert numbers(source, made(source)) == list(range(12))


def test_a_source_that_does_not_tell_shows_all(made):
    source = FakeSource(count=12)
    gallery = made(source)
    assert shown(gallery) == list(source.images)
    assert not any(item["learnt"] for item in gallery.thumbnails.items)


def test_a_page_opens_on_an_image_that_was_not_learnt_from():
    source = Told()
    view = CompareView(source, CollectionIndex(source), SCRIPT)
    try:
        view.open()
        assert view.current.image == source.images[1]
        view.open(source.images[0])
        until(lambda: "learnt from by GALA" in view.heading.object)
    finally:
        view.close()


@pytest.mark.parametrize(
    ("code", "by", "told"),
    [
        (LEARNT, ("Vanilla", "<b>GALA</b>"), "learnt from by Vanilla and &lt;b&gt;GALA&lt;/b&gt;"),
        (HELD_OUT, (), "held out: not learnt from"),
        (UNKNOWN, (), "not known to be learnt from"),
    ],
)
def test_the_heading_says_what_is_known(code, by, told):
    assert told in image_heading(ImageInfo(image="a", category="tench", learnt=code, learnt_by=by))


@pytest.mark.parametrize("page", ["compare", "explore"])
def test_links_of_version_1_show_what_pages_showed_then(page):
    source = Told()
    index = CollectionIndex(source)
    if page == "compare":
        view = CompareView(source, index, SCRIPT)
        places = compare_link_parameters(view, Presentation(view), SelectionFilter(source, view.gallery, SCRIPT))
    else:
        view = explored(source)
        places = explore_link_parameters(view)
    try:
        state = PageState(places, VERSION_1_DEFAULTS[page](source))
        assert state.restore([("v", "1"), ("sort", "id")]) == []
        assert numbers(source, view.gallery) == list(range(12))
        assert view.current.image == {"compare": source.images[0], "explore": None}[page]
        assert state.restore([]) == []
        assert numbers(source, view.gallery) == [1, 3, 5, 7, 9, 11]
        assert view.current.image == {"compare": source.images[1], "explore": None}[page]
        assert state.restore([("v", "2"), ("learnt", "1"), ("image", source.images[2])]) == []
        assert (view.gallery.settings.learnt, view.current.image) == (True, source.images[2])
    finally:
        view.close()
