import time

import numpy as np
import pytest

from gala_viz.panels.gallery.collection_index import CollectionIndex, ImageQuery
from gala_viz.specs import MapRequest
from tests.panels.fake_source import FakeSource


@pytest.fixture(scope="module")
def source():
    return FakeSource(count=40)


@pytest.fixture(scope="module")
def index(source):
    return CollectionIndex(source)


@pytest.fixture(scope="module")
def scores(source):
    return source.scores(MapRequest())


def images(index, places):
    return [index.images[i] for i in places]


def test_asking_for_nothing_gives_all_images_in_the_collections_order(index, source):
    assert images(index, index.find(ImageQuery(), None)) == list(source.images)


def test_search_finds_words_in_ids_and_categories_whatever_their_case(index, source):
    found = images(index, index.find(ImageQuery(search="SCHOOL bus"), None))
    assert found
    assert all(source.info(image).category == "school bus" for image in found)
    assert images(index, index.find(ImageQuery(search="00007"), None)) == ["photo 00007"]
    assert len(index.find(ImageQuery(search="no such thing"), None)) == 0


def test_a_category_and_human_maps_narrow_each_other(index, source):
    found = images(index, index.find(ImageQuery(category="otter", human_only=True), None))
    assert found
    assert all(source.info(i).category == "otter" and source.info(i).has_human_map for i in found)
    assert len(index.find(ImageQuery(category="nothing of the kind"), None)) == 0


def test_verdicts_split_the_scored_images_without_rest(index, scores):
    kinds = ("both right", "both wrong", "only the first right", "only the second right")
    parts = [set(index.find(ImageQuery(verdict=kind), scores)) for kind in kinds]
    assert sum(map(len, parts)) == len(index)
    assert set.union(*parts) == set(range(len(index)))
    assert len(index.find(ImageQuery(verdict="both right"), None)) == 0


@pytest.mark.parametrize("order", ["first", "second", "gain", "delta"])
def test_sorting_puts_the_largest_first_and_the_unknown_last(index, scores, order):
    values = index.sort_values(order, scores)[index.find(ImageQuery(order=order), scores)]
    known = values[np.isfinite(values)]
    assert np.all(np.diff(known) <= 0)
    assert np.all(np.isnan(values[len(known) :]))
    turned = index.sort_values(order, scores)[index.find(ImageQuery(order=order, descending=False), scores)]
    assert np.all(np.diff(turned[np.isfinite(turned)]) >= 0)
    assert np.all(np.isnan(turned[len(known) :]))


def test_gain_is_the_second_minus_the_first(index, scores):
    np.testing.assert_allclose(
        index.sort_values("gain", scores), index.sort_values("second", scores) - index.sort_values("first", scores)
    )


def test_scores_that_hold_uploads_too_are_aligned_by_image(index, scores):
    longer = scores.reindex(image=["upload 1", *reversed(index.images)])
    np.testing.assert_array_equal(index.sort_values("first", longer), index.sort_values("first", scores))


def test_fifty_thousand_images_are_filtered_and_sorted_within_half_a_second():
    source = FakeSource(count=50_000)
    index, scores = CollectionIndex(source), source.scores(MapRequest())
    start = time.process_time()
    found = index.find(ImageQuery(search="photo 4", order="gain", verdict="both right"), scores)
    assert time.process_time() - start < 0.5
    assert len(found) > 1000
