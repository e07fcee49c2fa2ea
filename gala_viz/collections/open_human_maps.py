"""One door to all marks: a folder or a file in, ``HumanMaps`` out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from gala_viz.collections.clickme.click_maps import ClickMaps, ClickMapSpec
from gala_viz.collections.clickme.click_tables import READERS
from gala_viz.collections.hdf5_maps import SUFFIXES, HDF5Maps
from gala_viz.collections.human_maps import FolderMaps, HumanMaps
from gala_viz.collections.zarr_maps import SUFFIX as ZARR
from gala_viz.collections.zarr_maps import ZarrMaps

ACCEPTED_FORMATS = (
    "a folder of PNG, NPY or NPZ maps, a table of clicks (CSV, NPZ), maps in Zarr, or an HDF5 file of maps"
)


def open_human_maps(
    source: Path,
    images: Sequence[str],
    size_px: Callable[[str], tuple[int, int]],
    clicks: ClickMapSpec | None = None,
    *,
    refresh: bool = False,
) -> HumanMaps:
    """People's marks on ``images``, whose (height, width) ``size_px`` gives, from ``source``: see ``ACCEPTED_FORMATS``.

    ``clicks`` says how a table of clicks becomes maps. Raises ``FileNotFoundError`` for what is not there,
    ``MapFileError`` (a ``ValueError``) for a file that cannot be used.
    """
    if source.suffix.lower() == ZARR and source.is_dir():
        return ZarrMaps(source, images)
    if source.is_dir():
        return FolderMaps(source, images, refresh=refresh)
    check_human_maps(source)
    if source.suffix.lower() in SUFFIXES:
        return HDF5Maps(source, images)
    return ClickMaps(source, images, size_px, clicks)


def check_human_maps(source: Path) -> None:
    """Raise ``FileNotFoundError`` or ``ValueError`` where ``source`` cannot be marks, without reading it."""
    if not source.exists():
        raise FileNotFoundError(f"human_maps is {ACCEPTED_FORMATS}; {source} is not there.")
    if source.is_file() and source.suffix.lower() not in (*READERS, *SUFFIXES):
        raise ValueError(f"human_maps is {ACCEPTED_FORMATS}; {source.name} is none of these.")
