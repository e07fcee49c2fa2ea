"""Photographs that lie elsewhere than when a store was made: known by their ids and their pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from gala_viz.collections.human_maps.map_checks import spread
from gala_viz.counts import counted
from gala_viz.store.layout import pixel_key
from gala_viz.store.zarr_store import Store, StoreError

N_COMPARED = 16
"""Photographs whose pixels are compared when a store is opened; others are when they are shown."""


class PhotoCollection(Protocol):
    """The part of a collection by which its photographs are compared."""

    @property
    def name(self) -> str:
        """Name, for messages."""
        ...

    @property
    def fingerprint(self) -> str:
        """Name of the present files."""
        ...

    @property
    def images(self) -> Sequence[str]:
        """Ids."""
        ...

    def photo(self, image: str) -> np.ndarray:
        """Return the upright photograph.

        Parameters
        ----------
        image : str
            Id of the image.

        Returns
        -------
        ndarray, (y, x, 3), uint8
            RGB.
        """
        ...


def is_moved(store: Store, collection: PhotoCollection) -> bool:
    """Return whether a collection is another one than a store was made for, with the same images.

    Raises ``StoreError`` where it does not have all images of the store, or the pixels of one that is compared differ;
    and for stores of before, which do not hold what pixels could be compared with.
    """
    if collection.fingerprint == store.spec.collection["fingerprint"]:
        return False
    made_for = f"{collection.name} is not, or no longer, the collection that {store.path} was made for"
    if not store.has("pixels"):
        raise StoreError(f"{made_for}, and the store does not hold what its pixels could be compared with.")
    known = set(collection.images)
    missing = [image for image in store.images if image not in known]
    if missing:
        raise StoreError(f"{made_for}: {counted(len(missing), 'image')} of it are not there, the first: {missing[0]}.")
    there = [store.images[row] for row in np.flatnonzero(store.column("pixels"))]
    for image in spread(there, N_COMPARED):
        check_pixels(store, collection, image)
    return True


def check_pixels(store: Store, collection: PhotoCollection, image: str) -> None:
    """Raise ``StoreError`` where the photograph is not the one whose maps the store holds."""
    known = int(store.read("pixels", image))
    if known and pixel_key(collection.photo(image)) != known:
        raise StoreError(
            f"{image}: its pixels in {collection.name} are not those whose maps {store.path.name} holds; the file was "
            "changed, or is another one of the same name."
        )


def changed_pixels(store: Store, collection: PhotoCollection) -> list[str]:
    """Return the sentences on all photographs whose pixels differ, or that cannot be read any more."""
    problems = []
    for row in np.flatnonzero(store.column("pixels")).tolist():
        try:
            check_pixels(store, collection, store.images[row])
        except (ValueError, OSError) as error:
            problems.append(str(error))
    return problems
