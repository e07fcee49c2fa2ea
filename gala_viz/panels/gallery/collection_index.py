"""A collection's images as columns: searched, filtered and sorted at once, however many there are."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from gala_viz.splits import LEARNT
from gala_viz.store.source import Labels, MapSource

Verdict = Literal["any", "both right", "both wrong", "only the first right", "only the second right"]
VERDICTS: tuple[Verdict, ...] = ("any", "both right", "both wrong", "only the first right", "only the second right")
SortOrder = Literal["id", "first", "second", "gain", "delta"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageQuery:
    """Filters and order of the gallery; ``category`` and ``split`` "" mean all; order "id" ignores ``descending``."""

    search: str = ""
    category: str = ""
    split: str = ""
    verdict: Verdict = "any"
    human_only: bool = False
    order: SortOrder = "id"
    descending: bool = True


class CollectionIndex:
    """Columns over a source's images: ids, categories, splits, which have human maps.

    It is read once and shared by all sessions. ``category_codes`` (image,) are positions in ``categories``, -1 for
    none; ``learnt`` (image,) marks images that a network shown learnt from.
    """

    def __init__(self, source: MapSource) -> None:
        labels = source.labels()
        self.images: tuple[str, ...] = tuple(source.images)
        self.position = {image: i for i, image in enumerate(self.images)}
        self.has_human_map = labels.has_human_map
        self.categories: tuple[str, ...] = tuple(sorted(set(labels.category) - {""}))
        numbers = {name: i for i, name in enumerate(self.categories)}
        self.category_codes = np.array([numbers.get(name, -1) for name in labels.category], dtype=np.int32)
        self.splits: tuple[str, ...] = tuple(sorted(set(labels.split) - {""}, key=_split_order))
        parts = {part: i for i, part in enumerate(self.splits)}
        self._split = np.array([parts.get(part, -1) for part in labels.split], dtype=np.int8)
        self.learnt: NDArray[np.bool_] = _learnt(labels)
        self._text: list[str] | None = None
        self._names = labels.category

    def __len__(self) -> int:
        return len(self.images)

    def of_pair(self, source: MapSource) -> CollectionIndex:
        """Return the index of the same images with another pair of networks, ``source``: only ``learnt`` differs."""
        index = copy.copy(self)
        index.learnt = _learnt(source.labels())
        return index

    def category(self, position: int) -> str | None:
        """Return the category of the image at a position; None where it is not known."""
        return self._names[position] or None

    def find(self, query: ImageQuery, scores: xr.Dataset | None) -> NDArray[np.intp]:
        """Return the positions of the images that match ``query``, in its order.

        Images without a score come last, those with equal scores by id.
        """
        mask = np.ones(len(self), dtype=bool)
        if words := query.search.casefold().split():
            if self._text is None:
                self._text = [f"{i}\n{name}".casefold() for i, name in zip(self.images, self._names, strict=True)]
            mask &= np.fromiter((all(w in text for w in words) for text in self._text), dtype=bool, count=len(self))
        if query.category:
            number = self.categories.index(query.category) if query.category in self.categories else -2
            mask &= self.category_codes == number
        if query.split:
            mask &= self._split == (self.splits.index(query.split) if query.split in self.splits else -2)
        if query.human_only:
            mask &= self.has_human_map
        if query.verdict != "any":
            mask &= self._verdict(query.verdict, scores)
        positions = np.flatnonzero(mask)
        if query.order == "id":
            return positions
        values = self.sort_values(query.order, scores)[positions]
        ranked = -values if query.descending else values
        return positions[np.argsort(np.where(np.isfinite(ranked), ranked, np.inf), kind="stable")]

    def held_out(self, positions: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return ``positions`` without images that networks learnt from; all where there are no others."""
        others = positions[~self.learnt[positions]]
        return others if len(others) else positions

    def sort_values(self, order: SortOrder, scores: xr.Dataset | None) -> NDArray[np.floating]:
        """Return the values (image,) that ``order`` sorts by, NaN where unknown; all NaN for order "id"."""
        unknown = np.full(len(self), np.nan)
        name = "delta_size" if order == "delta" else "rho"
        if order == "id" or scores is None or name not in scores:
            return unknown
        if order == "delta":
            return self._column(scores, "delta_size")
        first, second = self._column(scores, "rho")
        return {"first": first, "second": second, "gain": second - first}[order]

    def correctness(self, scores: xr.Dataset | None) -> NDArray[np.floating]:
        """Return whether predictions are right, (network, image): 1 right, 0 wrong, NaN unknown."""
        if scores is None or "correct" not in scores:
            return np.full((2, len(self)), np.nan)
        return self._column(scores, "correct")

    def _column(self, scores: xr.Dataset, name: str) -> NDArray[np.floating]:
        column = scores[name]
        if column.sizes["image"] != len(self):  # a source may score uploads as well
            column = column.reindex(image=list(self.images))
        return np.asarray(column, dtype=float)

    def _verdict(self, verdict: Verdict, scores: xr.Dataset | None) -> NDArray[np.bool_]:
        first, second = self.correctness(scores)
        wanted = {
            "both right": (1, 1),
            "both wrong": (0, 0),
            "only the first right": (1, 0),
            "only the second right": (0, 1),
        }[verdict]
        return (first == wanted[0]) & (second == wanted[1])


def _learnt(labels: Labels) -> NDArray[np.bool_]:
    if labels.learnt is None:
        return np.zeros(len(labels.category), bool)
    return np.asarray(labels.learnt) == LEARNT


def _split_order(name: str) -> tuple[int, str]:
    known = ("train", "validation", "test")
    return (known.index(name) if name in known else len(known), name)
