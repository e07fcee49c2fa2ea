"""Human maps in Zarr: one smoothed map of each participant on each image, with the settings that made them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from zarr.errors import BaseZarrError

from gala_viz.collections.file_index import file_states
from gala_viz.collections.human_maps.human_map import HumanMap
from gala_viz.collections.human_maps.image_names import ImageNames, match_names
from gala_viz.collections.human_maps.map_checks import MapFileError, check_no_links, drop_constant_maps, to_float32
from gala_viz.schema import HUMAN_MAP_ATTRS, pixel_centres
from gala_viz.specs import fingerprint

SUFFIX = ".zarr"
KIND = "human"
MAX_CELLS = 512
VARIABLE = "human_map"
_ERRORS = (KeyError, OSError, ValueError, RuntimeError, BaseZarrError)
"""What zarr and its codecs raise on a store that is damaged."""
NOT_OF_MAPS = ("made", *HUMAN_MAP_ATTRS)
"""Attrs of the file alone; the others are settings, and attrs of the maps that are read."""


def write_zarr_maps(
    path: Path,
    maps: Iterable[tuple[str, str, NDArray]],
    attrs: Mapping[str, Any],
    *,
    description: str = "",
    further_coords: Callable[[str, str], Mapping[str, str]] | None = None,
) -> int:
    """Write maps of one size to a Zarr store of dims (mark, y, x), in place of what is there.

    Parameters
    ----------
    path : Path
        Folder of the store.
    maps : iterable of (str, str, array)
        (image, participant, map (y, x)); a map covers its whole photograph.
    attrs : mapping
        Settings that made the maps, as plain values.
    description : str
        A sentence that says what the maps are.
    further_coords : callable, optional
        Takes an image and a participant and returns further coordinates of their map, name -> text.

    Returns
    -------
    int
        Number of maps.

    Raises
    ------
    ValueError
        There is no map, or a participant has two on one image.
    """
    listed = list(maps)
    if not listed:
        raise ValueError("there is no map to write.")
    if len({(image, participant) for image, participant, _ in listed}) < len(listed):
        raise ValueError("one map of each participant on an image was expected; some come twice.")
    images, participants, values = zip(*listed, strict=True)
    further = [further_coords(image, participant) for image, participant, _ in listed] if further_coords else [{}]
    array = xr.DataArray(
        to_float32(np.stack(values)),
        dims=("mark", "y", "x"),
        coords={
            "image": ("mark", np.array(images, dtype=object)),
            "participant": ("mark", np.array(participants, dtype=object)),
            **{name: ("mark", np.array([one[name] for one in further], dtype=object)) for name in further[0]},
        },
        name=VARIABLE,
        attrs={**HUMAN_MAP_ATTRS, **attrs, "made": description},
    )
    sides = {"y": "height, from the top", "x": "width, from the left"}
    for dim, side in sides.items():  # photographs differ in size, so their pixels are no coordinates of all
        centres = pixel_centres(array.sizes[dim], 1.0)
        array = array.assign_coords(
            {dim: (dim, centres, {"units": "1", "long_name": f"centre of the cell, as a share of the {side}"})}
        )
    array.to_dataset().to_zarr(path, mode="w", consolidated=False)
    return len(listed)


class ZarrMaps:
    """The maps that ``write_zarr_maps`` wrote to ``source``, on ``images``. Raises ``MapFileError``."""

    def __init__(self, source: Path, images: Sequence[str]) -> None:
        try:
            check_no_links(source)
            opened = xr.open_zarr(source, consolidated=False, chunks=None)
            self._maps = opened[VARIABLE]
            names = [str(name) for name in opened["image"].values]
            people = [str(name) for name in opened["participant"].values]
        except (*_ERRORS, TypeError, AttributeError) as error:
            raise MapFileError(
                f"{source.name} holds no maps: a variable {VARIABLE!r} (mark, y, x) with image and participant was "
                f"expected ({error})."
            ) from None
        if self._maps.dims != ("mark", "y", "x") or max(self._maps.shape[1:]) > MAX_CELLS:
            raise MapFileError(
                f"{source.name}: maps (mark, y, x) of at most {MAX_CELLS} cells a side were expected; got "
                f"{dict(self._maps.sizes)}."
            )
        known, unmatched = match_names([(name, name) for name in dict.fromkeys(names)], ImageNames(images))
        rows: dict[str, list[int]] = {}
        for row, name in enumerate(names):
            rows.setdefault(name, []).append(row)
        self._rows = {image: rows[name] for image, name in known.items()}
        if not self._rows:
            raise MapFileError(
                f"{source.name}: none of its {len(set(names))} images{f', for example {names[0]!r}' if names else ''} "
                "is named like one of the collection."
            )
        self._people, self._source = people, source.name
        self._twice = twice = {image: why for image in self._rows if (why := self._why_twice(image))}
        if len(twice) == len(self._rows):
            example = next(iter(twice.values()))
            raise MapFileError(f"{source.name}: on none of its images is each map another participant's: {example}")
        self.attrs = {str(name): value for name, value in self._maps.attrs.items() if name not in NOT_OF_MAPS}
        made = str(self._maps.attrs.get("made") or f"Human maps from {source.name}, one for each participant.")
        self.kinds = {KIND: made}
        self.skipped = [*unmatched, *((f"{source.name}, {image}", why) for image, why in twice.items())]
        self.fingerprint = fingerprint("zarr maps", str(source), file_states(source))

    def source_name(self, image: str) -> str | None:
        """Return the names of the store and of the image in it."""
        return f"{self._source}, {image}" if image in self._rows else None

    def _why_twice(self, image: str) -> str:
        """Return why the image's maps are not of different people, as a noise ceiling needs; "" where they are."""
        count = Counter(self._people[row] for row in self._rows[image])
        name, most = count.most_common(1)[0]
        if most == 1:
            return ""
        return f"{count.total()} maps need as many different participants; {name!r} is there {most} times."

    def read_map(self, image: str, kind: str, photo_px: tuple[int, int]) -> HumanMap | None:
        """Read one map of each participant who marked something; ``kind`` and ``photo_px`` are not used."""
        del kind, photo_px
        if image not in self._rows:
            return None
        if image in self._twice:
            raise MapFileError(self._twice[image])
        rows = self._rows[image]
        try:
            values = self._maps.isel(mark=rows).values
        except _ERRORS as error:
            raise MapFileError(
                f"{self._source}, {image}: the map cannot be read; the store is damaged ({error})."
            ) from None
        values, people = drop_constant_maps(values, tuple(self._people[row] for row in rows))
        attrs = {**self.attrs, "n_participants": len(people)}
        attrs |= {"n_left_out": len(rows) - len(people)} if len(people) < len(rows) else {}
        return HumanMap(values, people, attrs)
