"""The page of thumbnails is that of the image in view, also where scores come late, until the visitor turns it."""

import numpy as np
import pytest

from gala_viz.panels.compare.compare_page import ComparePage
from gala_viz.panels.gallery.collection_index import CollectionIndex, ImageQuery
from gala_viz.panels.gallery.gallery import PAGE_SIZE, Gallery
from gala_viz.panels.page_state import parse_query
from gala_viz.panels.shared_source import SharedSource
from gala_viz.panels.view_state import CurrentImage
from tests.panels.fake_source import FakeSource
from tests.panels.script import SCRIPT
from tests.panels.script import until as until_script

ORDERS = ("first", "second", "gain", "delta")


@pytest.fixture(scope="module")
def source():
    return FakeSource(count=200)


@pytest.fixture
def gallery(source):
    made = Gallery(source, CollectionIndex(source), CurrentImage(), SCRIPT)
    yield made
    made.close()


@pytest.fixture(scope="module")
def scores(source):
    return source.scores(source.request)


def page_of(gallery, image, scores, **query):
    """Page on which the image stands in an order, without asking the gallery."""
    places = gallery.index.find(ImageQuery(**query), scores)
    return [gallery.index.images[at] for at in places].index(image) // PAGE_SIZE


def far_image(gallery, scores, order):
    """An image whose page by id and in ``order`` are different, and not the first."""
    for image in gallery.index.images:
        pages = {page_of(gallery, image, None), page_of(gallery, image, scores, order=order)}
        if len(pages) == 2 and 0 not in pages:
            return image
    raise AssertionError


@pytest.mark.parametrize("order", ORDERS)
def test_scores_that_come_after_a_link_was_read_bring_the_page_of_the_image_in_view(gallery, scores, order):
    image = far_image(gallery, scores, order)
    gallery.settings.order = order
    gallery.current.image = image
    gallery.set_scores(scores)
    assert gallery.thumbnails.page == page_of(gallery, image, scores, order=order)
    assert image in [item["id"] for item in gallery.thumbnails.items]


def test_more_scores_move_the_page_on_with_the_image(gallery, scores):
    image = far_image(gallery, scores, "gain")
    gallery.settings.order = "gain"
    gallery.current.image = image
    for n_known in (50, 120, 200):
        some = scores.where(np.arange(200) < n_known)
        gallery.set_scores(some)
        assert gallery.thumbnails.page == page_of(gallery, image, some, order="gain")


def test_a_page_that_the_visitor_turned_to_stays_until_the_next_image(gallery, scores):
    image = far_image(gallery, scores, "delta")
    gallery.settings.order = "delta"
    gallery.current.image = image
    gallery.thumbnail_page._heard({"page": 0})
    gallery.set_scores(scores)
    assert gallery.thumbnails.page == 0
    gallery.current.image = other = gallery.index.images[-1]
    gallery.thumbnails.page = 0
    gallery.set_scores(scores.assign(delta_size=-scores["delta_size"]))
    assert gallery.thumbnails.page == page_of(gallery, other, gallery.scores, order="delta") != 0


def test_an_order_that_the_visitor_chooses_shows_its_first_page_also_where_scores_come_late(gallery, scores):
    gallery.current.image = far_image(gallery, scores, "gain")
    gallery.form.receive("order", "gain")
    assert gallery.thumbnails.page == 0
    gallery.set_scores(scores)
    assert gallery.thumbnails.page == 0
    assert gallery.first_image == gallery.thumbnails.items[0]["id"]


def test_scores_that_change_no_order_leave_the_page(gallery, scores):
    image = far_image(gallery, scores, "gain")
    gallery.current.image = image
    gallery.set_scores(scores)
    assert gallery.thumbnails.page == page_of(gallery, image, None)


@pytest.mark.slow
def test_a_page_opened_by_a_link_with_an_order_by_scores_shows_the_thumbnail_of_its_photograph():
    starting = FakeSource(count=200)
    shared = SharedSource(lambda say: starting).start()
    shared._thread.join(60)
    page = ComparePage(shared)
    gallery = page.view.gallery

    def thumbnail_is_shown():
        page.document.run_pending()
        return gallery.scores is not None and gallery.current.image in [one["id"] for one in gallery.thumbnails.items]

    state = page._persistence.address_sync.state
    assert state.restore(parse_query("v=2&sort=delta&image=photo%2000150")) == []
    until_script(thumbnail_is_shown)
    expected = page_of(gallery, "photo 00150", gallery.scores, order="delta")
    assert gallery.thumbnails.page == expected
    assert state.restore(parse_query("v=2&sort=gain&image=photo%2000150")) == [], "the same image in another order"
    assert gallery.thumbnails.page == page_of(gallery, "photo 00150", gallery.scores, order="gain")
    page.close()


@pytest.mark.parametrize(("order", "signed"), [("first", True), ("gain", True), ("delta", False)])
def test_a_size_has_no_sign_under_thumbnails_and_other_scores_have_one(gallery, scores, order, signed):
    gallery.settings.order = order
    gallery.set_scores(scores)
    texts = [item["score"] for item in gallery.thumbnails.items if item["score"] is not None]
    assert texts
    assert all((text[0] in "+-") == signed for text in texts)
