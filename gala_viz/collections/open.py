"""Opening of all collections: a name or a folder in, a ``Collection`` out."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from gala_viz.collections.collection import Collection
from gala_viz.collections.folder_layouts import detect_layout, is_records
from gala_viz.collections.folder_spec import DEFAULT, Coverage, FolderSpec, MaskFormat, Orientation
from gala_viz.registry import Registry, unknown_name


def _photos() -> Collection:
    """Open the photographs that the package foolbox carries.

    Returns
    -------
    Collection
        The collection ``photos``.
    """
    from gala_viz.collections.photos import PhotosCollection

    return PhotosCollection()


def _rendered() -> Collection:
    """Open the rendered objects.

    Returns
    -------
    Collection
        The collection ``rendered``.
    """
    from gala_viz.collections.rendered.rendered_collection import RenderedCollection

    return RenderedCollection()


if TYPE_CHECKING:
    from gala_viz.collections.clickme.click_maps import ClickMapSpec
    from gala_viz.collections.fixations.fixation_maps import FixationMapSpec

COLLECTIONS: Registry[Callable[[], Collection]] = Registry("collection", {"photos": _photos, "rendered": _rendered})
"""Collections that have a name of their own; any other is opened by its folder."""
_OF_PHOTOGRAPHS = "labels, exif, covers and mask belong to a folder of photographs"


class UnknownCollectionError(FileNotFoundError):
    """Neither the name of a collection nor a folder; the message offers near misses."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """The options that a folder is opened with."""

    human_maps: str | Path | None = None
    clicks: ClickMapSpec | None = None
    smoothing: str | None = None
    fixations: FixationMapSpec | None = None
    folder: FolderSpec = DEFAULT


def open_collection(
    name_or_folder: str | Path,
    *,
    human_maps: str | Path | None = None,
    clicks: ClickMapSpec | None = None,
    fixations: FixationMapSpec | None = None,
    labels: str | Path | None = None,
    exif: Orientation = "apply",
    covers: Coverage = "photograph",
    mask: MaskFormat | None = None,
) -> Collection:
    """Open a collection by name, by folder, or by TFRecord file.

    A folder with collection.toml opens as ``gala-viz import`` made it; one in OSIE's layout with its maps from
    fixations and mouse samples; one in the layout of CAT2000, MIT1003, SALICON, COCO-Search18 or pysaliency with maps
    from its fixations; a folder of TFRecords, or one such file, with the photographs and ClickMe maps in them;
    so does a folder of NPZ files with image, heatmap and label, or its zip archive; any other folder as photographs,
    flat or with one folder for each category (ImageNet's layout gives names and indices).

    Parameters
    ----------
    name_or_folder : str or Path
        "photos", "rendered", another name in ``COLLECTIONS``, or a path. A folder that is called like a collection is
        opened as "./photos".
    human_maps : str or Path, optional
        For photographs: a folder of map files (PNG, JPEG, NPY, NPZ), a table of clicks (CSV, NPZ), maps in Zarr,
        an HDF5 file of maps, or fixations.
    clicks : ClickMapSpec, optional
        How a table of clicks becomes maps.
    fixations : FixationMapSpec, optional
        How fixations become maps: those of ``human_maps``, or of a folder in the layout of a set.
    labels : str or Path, optional
        For photographs: LOC_val_solution.csv, or ILSVRC2012_validation_ground_truth.txt beside the development kit's
        meta.mat, the labels of ImageNet's flat validation folder.
    exif : {"apply", "ignore"}
        For photographs: whether they are turned by their EXIF orientation.
    covers : {"photograph", "crop"}
        "crop": maps in files cover the central 224 px of photographs with a short side of 256 px, and the collection is
        of this part of each photograph.
    mask : {"imagenet-s", "part-imagenet"}, optional
        ``human_maps`` is a folder of label masks of this format, which become maps of objects.

    Returns
    -------
    Collection
        Images, categories, splits, human maps; nothing is decoded before it is needed.

    Raises
    ------
    UnknownCollectionError
        There is no such name or folder; the message offers near misses.
    NotADirectoryError
        The path is a file, and not of TFRecords.
    ValueError
        The folder has no photographs, or ``human_maps`` cannot belong to it, or is no table for ``clicks``.

    Examples
    --------
    >>> import gala_viz as gv
    >>> photos = gv.open_collection("photos")
    >>> len(photos), photos.photo(photos.images[0]).dtype.name
    (20, 'uint8')
    """
    if clicks is not None:
        from gala_viz.collections.clickme.click_maps import check_clicks

        check_clicks(clicks, human_maps)
    spec = FolderSpec(labels=None if labels is None else Path(labels), exif=exif, covers=covers, mask=mask)
    folder = collection_folder(name_or_folder)
    layout = None if folder is None else detect_layout(folder)
    if human_maps is not None:
        if layout in (None, "records", "npz_records", "manifest"):
            reason = f"{name_or_folder!r} has its own kinds of maps"
            raise ValueError(f"human_maps belongs to a folder of photographs; {reason}.")
        layout = "photographs"
    if spec != DEFAULT and layout not in ("photographs", "fixations"):
        raise ValueError(f"{_OF_PHOTOGRAPHS}; {name_or_folder!r} is none.")
    if folder is None or layout is None:
        opened = COLLECTIONS[str(name_or_folder)]()
    else:
        if fixations is not None and human_maps is None and layout != "fixations":
            raise ValueError("fixations tell how a set of fixations becomes maps; name it as human_maps.")
        opened = _OPENERS[layout](folder, _Asked(human_maps, clicks, fixations=fixations, folder=spec))
    if clicks is None and fixations is None and spec == DEFAULT:  # which no name or folder tells
        maps = {} if human_maps is None else {"human_maps": str(human_maps)}
        opened.origin = {"collection": str(name_or_folder), **maps}
    return opened


def _manifest(folder: Path, options: _Asked) -> Collection:
    """Open the collection that a folder's manifest describes, under the manifest's title and the folder's name."""
    from gala_viz.collections.manifest import ManifestError, read_manifest

    del options
    manifest = read_manifest(folder)
    layout = detect_layout(manifest.source) if manifest.source.exists() else None
    if layout in (None, "manifest"):
        raise ManifestError(f"{folder}: its source {manifest.source} is not there, or is a collection of its own.")
    layout = "photographs" if manifest.human_maps else layout
    if manifest.folder != DEFAULT and layout not in ("photographs", "fixations"):
        raise ManifestError(f"{folder}: {_OF_PHOTOGRAPHS}; {manifest.source} is none.")
    collection = _OPENERS[layout](
        manifest.source,
        _Asked(manifest.human_maps, manifest.clicks, manifest.smoothing, manifest.fixations, manifest.folder),
    )
    collection.name, collection.title = folder.resolve().name, manifest.title
    collection.licence = manifest.licence or collection.licence
    return collection


def _osie(folder: Path, options: _Asked) -> Collection:
    from gala_viz.collections.osie import OSIECollection

    del options
    return OSIECollection(folder)


def _fixation_set(folder: Path, options: _Asked) -> Collection:
    from gala_viz.collections.fixations.set_layouts import fixation_set_layout
    from gala_viz.collections.folder_collection import FolderCollection

    layout = fixation_set_layout(folder)
    if layout is None:  # its folders went away since it was recognised
        raise FileNotFoundError(f"{folder} holds no set of fixations any more.")
    collection = FolderCollection(
        layout.photographs, human_maps=layout.fixations, fixations=options.fixations, spec=options.folder
    )
    collection.name = folder.resolve().name
    collection.title = f"{layout.name}: {len(collection.images)} photographs"
    return collection


def _records(folder: Path, options: _Asked) -> Collection:
    from gala_viz.collections.clickme.tfrecord_collection import TFRecordCollection

    return TFRecordCollection(folder, smoothing=options.smoothing or "harmonization")


def _npz_records(folder: Path, options: _Asked) -> Collection:
    from gala_viz.collections.clickme.npz_collection import NPZRecordCollection

    return NPZRecordCollection(folder, smoothing=options.smoothing or "harmonization")


def _photographs(folder: Path, options: _Asked) -> Collection:
    from gala_viz.collections.folder_collection import FolderCollection

    return FolderCollection(
        folder,
        human_maps=options.human_maps,
        clicks=options.clicks,
        fixations=options.fixations,
        spec=options.folder,
    )


_OPENERS: dict[str, Callable[[Path, _Asked], Collection]] = {
    "manifest": _manifest,
    "osie": _osie,
    "fixations": _fixation_set,
    "records": _records,
    "npz_records": _npz_records,
    "photographs": _photographs,
}


def collection_folder(name_or_folder: str | Path) -> Path | None:
    """Return the folder or TFRecord file that ``open_collection`` would read; None for a collection with a name.

    Nothing is read. Raises ``UnknownCollectionError`` where there is nothing, ``NotADirectoryError`` for another file.
    """
    if isinstance(name_or_folder, str) and name_or_folder in COLLECTIONS:
        return None
    if not str(name_or_folder).strip():
        raise UnknownCollectionError(unknown_name("collection", str(name_or_folder), list(COLLECTIONS)))
    folder = Path(name_or_folder).expanduser()
    if any(len(os.fsencode(part)) > 255 for part in folder.parts):  # which no file system takes
        raise UnknownCollectionError(f"a name of a folder has at most 255 bytes; got {str(name_or_folder)[:40]!r}….")
    if folder.is_file() and not is_records(folder):
        raise NotADirectoryError(
            "a collection is a folder of photographs, a file of TFRecords or a zip archive of NPZ records; "
            f"{folder} is none of these. Its folder: {folder.parent}"
        )
    if not folder.exists():
        raise UnknownCollectionError(_not_found(str(name_or_folder), folder))
    return folder


def _not_found(name: str, folder: Path) -> str:
    message = unknown_name("collection or folder", name, list(COLLECTIONS))
    try:
        beside = [entry.name for entry in folder.parent.iterdir() if entry.is_dir()]
    except OSError:
        return f"{message} The folder {folder.parent} is not there either."
    near = get_close_matches(folder.name, beside, n=1, cutoff=0.6)
    return f"{message} In {folder.parent} there is {near[0]!r}." if near else message
