"""Partner images: who may be drawn, in which order, and that the order is the image's own."""

from collections import Counter
from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gala_viz.alignment import PartnerImages

LABELS = st.lists(st.sampled_from(["cat", "dog", "hare", None]), min_size=1, max_size=40)


@given(LABELS, st.integers(0, 3), st.data())
def test_all_others_are_drawn_once_by_whether_they_share_the_category(labels, seed, data):
    images = [f"image {number}" for number in range(len(labels))]
    position = data.draw(st.integers(0, len(labels) - 1))
    orders = PartnerImages(images, labels, seed=seed).orders(images[position], labels[position])
    drawn = {kind: list(order) for kind, order in orders.items()}
    own = labels[position]
    same = {one for one, label in zip(images, labels, strict=True) if label == own and own is not None}
    assert sorted(drawn["same"]) == sorted(same - {images[position]})
    assert sorted(drawn["different"]) == sorted(set(images) - same - {images[position]})


def test_an_order_is_the_same_again_and_another_for_another_image_or_seed():
    images, labels = [f"{number}" for number in range(60)], ["cat", "dog"] * 30
    partners = PartnerImages(images, labels)

    def order(of, image, label):
        return list(of.orders(image, label)["different"])

    first = order(partners, "4", "cat")
    assert first == order(partners, "4", "cat")
    assert first == order(PartnerImages(images, labels), "4", "cat")
    assert first != order(partners, "6", "cat")
    assert first != order(PartnerImages(images, labels, seed=1), "4", "cat")


def test_every_other_image_comes_first_equally_often():
    images, labels = [f"{number}" for number in range(9)], ["cat"] * 4 + ["dog"] * 5
    for kind, expected in (("same", images[:4]), ("different", images[4:])):
        counts = Counter(
            next(PartnerImages([*images], labels).orders(f"outside {number}", "cat")[kind]) for number in range(4000)
        )
        share = np.array([counts[image] for image in expected]) / 4000
        np.testing.assert_allclose(share, 1 / len(expected), atol=0.03)


def test_ten_of_half_a_million_are_drawn_without_a_pass_over_all():
    images = [f"{number}" for number in range(500_000)]
    partners = PartnerImages(images, [f"{number % 1000}" for number in range(500_000)])
    drawn = list(islice(partners.orders("7", "7")["different"], 10))
    assert len(set(drawn)) == 10
    assert all(int(one) % 1000 != 7 for one in drawn)


def test_one_category_an_image_is_expected():
    with pytest.raises(ValueError, match="one category an image"):
        PartnerImages(["a", "b"], ["cat"])
