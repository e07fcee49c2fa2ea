"""A collection of seeded pictures in memory, with two participants' maps."""

from __future__ import annotations

import numpy as np
import xarray as xr

from gala_viz.registry import UnknownNameError
from gala_viz.schema import labelled_map


class TinyCollection:
    """Four photographs of 20 x 24 px; the categories a and b; human maps of all but the last."""

    name, title, licence = "tiny", "four pictures", None
    images = ("one", "two", "three", "four")
    map_kinds = {"marks": "two participants marked each image"}  # noqa: RUF012
    skipped = ()
    outlined = ""
    origin = {}  # noqa: RUF012
    fingerprint = "0123456789abcdef"

    def check(self, image):
        if image not in self.images:
            raise UnknownNameError(f"no image called {image!r}")
        return self.images.index(image)

    def photo(self, image):
        return np.random.default_rng(self.check(image)).integers(0, 256, (20, 24, 3), dtype=np.uint8)

    def size_px(self, image):
        return 20, 24

    def category(self, image):
        return (*"abab",)[self.check(image)] if image != "four" else None

    def target(self, image):
        self.check(image)

    superclass = split = regions = target

    def map_version(self, image):
        self.check(image)
        return 0

    def thumbnail(self, image, side_px=128):
        self.check(image)
        return b"RIFF....WEBP"

    def has_human_map(self, image):
        return self.check(image) < 3

    def participants(self, image, kind=None):
        return ("p1", "p2", "p3", "p4") if self.has_human_map(image) else ()

    def participant_maps(self, image, kind=None):
        if not self.has_human_map(image):
            return None
        rng = np.random.default_rng(100 + self.check(image))
        shared = rng.random((20, 24))
        maps = np.stack([shared + 0.5 * rng.random((20, 24)) for _ in range(4)]).astype(np.float32)
        return _participants(maps)

    def human_map(self, image, kind=None, participant=None):
        maps = self.participant_maps(image, kind)
        if maps is None:
            return None
        chosen = maps.mean("participant") if participant is None else maps.sel(participant=participant, drop=True)
        return chosen.assign_attrs(maps.attrs)


def _participants(maps):
    one = labelled_map(maps[0], name="human_map")
    return xr.DataArray(
        maps,
        dims=("participant", "y", "x"),
        coords={"participant": ["p1", "p2", "p3", "p4"], "y": one.y, "x": one.x},
        name="human_map",
        attrs=one.attrs,
    )
