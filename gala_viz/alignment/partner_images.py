"""Partner images: other images whose human maps give the shuffled-image baseline, drawn by an image's id alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from gala_viz.alignment.split_half import rng_for_image

PARTNER_KINDS = ("same", "different")
"""Other images by category."""

N_PARTNERS = 10
"""Partner images of each kind for one image, at most."""


class PartnerImages:
    """Others of an image's category, and images of different ones, each in a random order of the image's own.

    The order depends on the image, on which others there are, and on the seed: whoever takes the first ten that have a
    usable human map takes the same ten.

    Parameters
    ----------
    images : sequence of str
        Ids of the images that partners are drawn among.
    categories : sequence of str or None
        Category of each; an image without one is of a different category than all others.
    seed : int
        With an image's id it determines the orders.
    """

    def __init__(self, images: Sequence[str], categories: Sequence[str | None], *, seed: int = 0) -> None:
        if len(images) != len(categories):
            raise ValueError(f"one category an image was expected; got {len(categories)} for {len(images)} images.")
        self._images, self._seed = list(images), seed
        members: dict[str | None, list[int]] = {}
        for position, category in enumerate(categories):
            if category is not None:
                members.setdefault(category, []).append(position)
        self._members = {category: np.array(positions) for category, positions in members.items()}

    def orders(self, image: str, category: str | None) -> dict[str, Iterator[str]]:
        """Return the partners of an image by kind, one after the other.

        Parameters
        ----------
        image : str
            Id of the image; it need not be one of those that partners are drawn among.
        category : str or None
            Its category.

        Returns
        -------
        dict of str to iterator of str
            Kind of ``PARTNER_KINDS`` -> ids in the order in which they are taken.
        """
        alike = self._members.get(category, np.array([], int))
        rng = rng_for_image(self._seed, image)
        seeds = dict(zip(PARTNER_KINDS, rng.spawn(len(PARTNER_KINDS)), strict=True))
        before = alike - np.arange(len(alike))  # images of other categories that come before each of this category
        n_others = len(self._images) - len(alike)

        def same() -> Iterator[str]:
            for number in _random_order(len(alike), seeds["same"]):
                if self._images[alike[number]] != image:
                    yield self._images[alike[number]]

        def different() -> Iterator[str]:
            for number in _random_order(n_others, seeds["different"]):
                position = number + int(np.searchsorted(before, number, side="right"))
                if self._images[position] != image:
                    yield self._images[position]

        return {"same": same(), "different": different()}


def _random_order(n: int, rng: np.random.Generator) -> Iterator[int]:
    """Yield 0 to n - 1 in random order, each step in constant time: Fisher and Yates' shuffle of what is asked for."""
    moved: dict[int, int] = {}
    for step in range(n):
        other = int(rng.integers(step, n))
        yield moved.get(other, other)
        moved[other] = moved.get(step, step)
