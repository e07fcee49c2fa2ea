"""Opening of all human maps: a folder or a file in, ``HumanMaps`` out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from gala_viz.collections.clickme.click_maps import ClickMaps, ClickMapSpec
from gala_viz.collections.clickme.click_tables import READERS
from gala_viz.collections.fixations.fixation_maps import FixationMaps, FixationMapSpec
from gala_viz.collections.fixations.open_fixations import is_fixation_source
from gala_viz.collections.folder_layouts import detect_layout, is_record_name
from gala_viz.collections.folder_spec import MaskFormat
from gala_viz.collections.human_maps.folder_maps import FolderMaps
from gala_viz.collections.human_maps.hdf5_batches import HDF5Batches, hdf5_batches
from gala_viz.collections.human_maps.hdf5_maps import SUFFIXES, HDF5Maps
from gala_viz.collections.human_maps.human_map import HumanMaps
from gala_viz.collections.human_maps.unread_sets import unread_set_advice
from gala_viz.collections.human_maps.zarr_maps import SUFFIX as ZARR
from gala_viz.collections.human_maps.zarr_maps import ZarrMaps

ACCEPTED_FORMATS = (
    "a folder of PNG, JPEG, NPY or NPZ maps, a table of clicks (CSV, NPZ), maps in Zarr, an HDF5 file of maps or a "
    "folder of these, or fixations"
)
RECORDS_ALONE = (
    "They hold photographs and maps together and are a collection by themselves: --collection (in a training --maps or "
    "--labels) takes them."
)


def open_human_maps(
    source: Path,
    images: Sequence[str],
    size_px: Callable[[str], tuple[int, int]],
    clicks: ClickMapSpec | None = None,
    *,
    fixations: FixationMapSpec | None = None,
    mask: MaskFormat | None = None,
    refresh: bool = False,
) -> HumanMaps:
    """Open human maps in any of the ``ACCEPTED_FORMATS``.

    Parameters
    ----------
    source : Path
        Folder or file of maps, or table of clicks.
    images : sequence of str
        Ids of the collection's images.
    size_px : callable
        Takes an image's id and returns (height, width) of its photograph in pixels.
    clicks : ClickMapSpec, optional
        How a table of clicks becomes maps.
    fixations : FixationMapSpec, optional
        How fixations become maps; with it ``source`` is read as fixations, whatever it is called.
    mask : str, optional
        Format of label masks in a folder; None: a folder is of maps.
    refresh : bool
        Whether to list a folder of maps anew, without the stored index.

    Returns
    -------
    HumanMaps
        The maps of the images.

    Raises
    ------
    FileNotFoundError
        ``source`` is not there.
    ValueError
        ``source`` has none of the formats, or (``MapFileError``) cannot be used.
    """
    try:
        return _open(source, images, size_px, clicks, fixations=fixations, mask=mask, refresh=refresh)
    except ValueError as error:
        advice = unread_set_advice(source)
        if not advice or advice in str(error):
            raise
        raise type(error)(f"{error} {advice}") from error


def _open(
    source: Path,
    images: Sequence[str],
    size_px: Callable[[str], tuple[int, int]],
    clicks: ClickMapSpec | None,
    *,
    fixations: FixationMapSpec | None,
    mask: MaskFormat | None,
    refresh: bool,
) -> HumanMaps:
    if mask is not None:
        if not source.is_dir():
            raise ValueError(f"mask is the format of a folder of label masks; {source.name} is no folder.")
        return FolderMaps(source, images, mask=mask, refresh=refresh)
    if fixations is None and source.suffix.lower() == ZARR and source.is_dir():
        return ZarrMaps(source, images)
    if fixations is not None or (clicks is None and source.exists() and is_fixation_source(source)):
        return FixationMaps(source, images, size_px, fixations)
    if source.is_dir() and (layout := detect_layout(source)) in ("records", "npz_records"):
        form = "TFRecords" if layout == "records" else "NPZ records"
        raise ValueError(f"human_maps is {ACCEPTED_FORMATS}; {source} holds {form}. {RECORDS_ALONE}")
    if source.is_dir() and (batches := hdf5_batches(source)):
        return HDF5Batches(source, batches, images)
    if source.is_dir():
        return FolderMaps(source, images, refresh=refresh)
    check_human_maps(source)
    if source.suffix.lower() in SUFFIXES:
        return HDF5Maps(source, images)
    return ClickMaps(source, images, size_px, clicks)


def check_human_maps(source: Path) -> None:
    """Raise ``FileNotFoundError`` or ``ValueError`` where ``source`` cannot be human maps, without reading it."""
    if not source.exists():
        raise FileNotFoundError(f"human_maps is {ACCEPTED_FORMATS}; {source} is not there.")
    if source.is_file() and source.suffix.lower() not in (*READERS, *SUFFIXES) and not is_fixation_source(source):
        more = "".join(
            f" {one}" for one in (RECORDS_ALONE * is_record_name(source.name), unread_set_advice(source)) if one
        )
        raise ValueError(f"human_maps is {ACCEPTED_FORMATS}; {source.name} is none of these.{more}")
