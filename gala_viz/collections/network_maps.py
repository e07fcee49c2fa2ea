"""Maps of a network that other software computed, as it saved them: names and arrays in, maps of images out.

Human maps have readers of their own (``gala_viz.collections.human_maps``): those are of people, cover photographs in
their proportions, and are never negative.
"""

from __future__ import annotations

import json
import posixpath
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import h5py
import numpy as np
import xarray as xr

from gala_viz.alignment import area_average
from gala_viz.collections.file_index import index_files
from gala_viz.collections.human_maps import map_files
from gala_viz.collections.human_maps.folder_maps import ALL_NAMES, EitherName, is_inside, map_paths
from gala_viz.collections.human_maps.image_names import match_names
from gala_viz.collections.human_maps.map_checks import (
    MapFileError,
    check_aspect,
    check_no_links,
    check_shape,
    damage_refused,
)
from gala_viz.collections.human_maps.npz_arrays import (
    check_bytes,
    check_compression,
    check_dtype,
    check_length,
    check_member,
    member_header,
    read_header,
    read_member,
)

Covers = Literal["photograph", "squashed", "crop"]
Sign = Literal["importance", "signed"]
SIDE_PX = 224
"""Cells a side of stored maps, at most."""
DIMS = ("image", "y", "x")
_CF = ("_FillValue", "missing_value", "scale_factor", "add_offset", "_Unsigned")
NETCDF, ZARR = (".nc", ".nc4", ".h5", ".hdf5"), ".zarr"
MAX_NAMES_BYTES = 64 * 2**20
ACCEPTED_FORMATS = (
    "a folder of one PNG, NPY or NPZ file an image, an NPY stack with a list of names, an NPZ file of a stack and "
    "names, or NetCDF or Zarr of dims image, y, x"
)


@dataclass(frozen=True, slots=True, eq=False)
class NamedMaps:
    """Maps as a file or folder has them: ``read`` gives that of the name at a place, (y, x), unchecked.

    ``skipped`` are files that are passed over, with reasons.
    """

    names: Sequence[str]
    read: Callable[[int], np.ndarray]
    skipped: Sequence[tuple[str, str]] = field(default_factory=tuple)


def open_network_maps(source: Path, names: Path | None = None, variable: str | None = None) -> NamedMaps:
    """Open maps that other software saved.

    Parameters
    ----------
    source : Path
        One of ``ACCEPTED_FORMATS``.
    names : Path, optional
        File with one image's name a line, or a JSON list of them, for a stack; default: the file beside it that is
        called like it, with the ending .txt or .json.
    variable : str, optional
        Which variable of NetCDF or Zarr; default: the only one of dims image, y, x.

    Returns
    -------
    NamedMaps
        Names and a reader; nothing but names, shapes and types is read before.

    Raises
    ------
    FileNotFoundError
        ``source`` is not there.
    MapFileError
        It cannot be used; the message says what was expected.
    """
    suffix = source.suffix.lower()
    if not source.exists():
        raise FileNotFoundError(f"{source} is not there; {ACCEPTED_FORMATS} was expected.")
    with damage_refused(source.name):
        if source.is_dir() and (suffix == ZARR or (source / "zarr.json").is_file()):
            check_no_links(source)
            return _labelled(source, xr.open_zarr(source, consolidated=False, chunks=None), variable)
        if source.is_dir():
            return _folder(source)
        if suffix == ".npy":
            return _stack(source, names)
        if suffix == ".npz":
            return _npz(source, names)
        if suffix in NETCDF:
            with source.open("rb") as file:
                is_hdf5 = file.read(8) == b"\x89HDF\r\n\x1a\n"
            if is_hdf5:
                return _netcdf4(source, variable)
            return _labelled(source, xr.open_dataset(source, engine="scipy", decode_cf=True), variable)
    raise MapFileError(f"{source.name}: {ACCEPTED_FORMATS} was expected.")


def match_maps(maps: NamedMaps, images: Sequence[str]) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Return image -> place of its map, and (name, reason) of the maps that belong to no one image.

    Names are matched as those of human maps: with or without ending and folders, "_" for "/" where nothing else fits.
    """
    places = {str(place): name for place, name in enumerate(maps.names)}
    found, left_out = match_names(places.items(), EitherName(images))
    told = [(places.get(place, place), _with_names(reason, places)) for place, reason in left_out]
    return {image: int(place) for image, place in found.items()}, told


def _with_names(reason: str, places: Mapping[str, str]) -> str:
    start, separator, place = reason.rstrip(".").rpartition(", after ")
    return f"{start}{separator}{places[place]}." if separator and place in places else reason


def stored_map(
    values: np.ndarray, covers: Covers, sign: Sign | None, photo_px: tuple[int, int], grid: tuple[int, int] | None
) -> np.ndarray:
    """Return a map as it is stored: checked, float32, with larger values where more is meant.

    Parameters
    ----------
    values : ndarray, (y, x)
        As other software saved it.
    covers : {"photograph", "squashed", "crop"}
        The whole photograph in its proportions, the whole in others, or the central 224 px of a short side of 256.
    sign : {"importance", "signed"} or None
        "importance": larger is more important, below 0 too; the smallest value of such a map is subtracted. "signed":
        evidence for and against, of which the sizes are stored: averages of signed values would cancel where both lie
        side by side. None: not told, for maps without negative values.
    photo_px : tuple of int
        (height, width) of the photograph.
    grid : tuple of int or None
        Rows and columns of the maps before; None: this is the first.

    Returns
    -------
    ndarray, (y, x), float32
        By area averages in at most ``SIDE_PX`` cells a side.

    Raises
    ------
    MapFileError
        The map cannot be used.
    ValueError
        A value is negative and ``sign`` is None.
    """
    values = np.asarray(values)
    if values.ndim == 3 and 1 in (values.shape[0], values.shape[-1]):
        values = values.reshape(values.shape[1:] if values.shape[0] == 1 else values.shape[:2])
    if values.ndim != 2:
        raise MapFileError(f"a map (y, x) was expected; this one has the shape {values.shape}.")
    check_shape(values.shape)
    check_dtype(values.dtype)
    with np.errstate(over="ignore"):
        values = values.astype(np.float32)
    if n_bad := int((~np.isfinite(values)).sum()):
        raise MapFileError(f"a map's values are finite numbers; {n_bad} of {values.size} are not.")
    if values.min() == values.max():
        raise MapFileError(f"all of its values are {values.flat[0]:.4g}: it tells no place from another.")
    if values.min() < 0 and sign is None:
        raise ValueError(
            f"values below 0 are there, the smallest {values.min():.4g}, and what they mean is not told. Give --sign "
            "signed where they are evidence against (the size of values counts then), or --sign importance where "
            "larger is more important throughout, as in logarithms."
        )
    if sign == "importance" and values.min() < 0:
        values = values - values.min()
    if sign == "signed":
        values = np.abs(values)
        if values.min() == values.max():
            raise MapFileError(f"all of its sizes are {values.flat[0]:.4g}: it tells no place from another.")
    if covers == "photograph":
        try:
            check_aspect(values.shape, photo_px)
        except MapFileError as error:
            raise MapFileError(
                f"{error} Where it covers the whole photograph in other proportions, give --covers squashed; where "
                "the central 224 px of a short side of 256, --covers crop."
            ) from None
    if covers == "crop" and values.shape[0] != values.shape[1]:
        raise MapFileError(
            f"a map of a square crop is square; this one has {values.shape[0]} x {values.shape[1]} cells."
        )
    own = (SIDE_PX, SIDE_PX) if covers == "photograph" else tuple(min(side, SIDE_PX) for side in values.shape)
    if grid is not None and own != grid:
        raise MapFileError(
            f"{grid[0]} x {grid[1]} cells were expected, as the maps before have; got {own[0]} x {own[1]}."
        )
    return np.asarray(area_average(values, (own[0], own[1])), np.float32)


def _folder(root: Path) -> NamedMaps:
    """Open a folder of one file an image."""
    tree = index_files(root, suffixes=map_files.SUFFIXES, names=ALL_NAMES, always_checked=True)
    paths, others = map_paths((path for path, _, _ in tree.files), map_files.SUFFIXES)
    if not paths:
        raise MapFileError(f"{root}: one PNG, NPY or NPZ file for each image, called like it, was expected.")

    def read(place: int) -> np.ndarray:
        path = root / paths[place]
        if not is_inside(path, root.resolve()):
            raise MapFileError("the link leaves the maps' folder.")
        return map_files.read_stored_map(path)

    return NamedMaps([posixpath.splitext(path)[0] for path in paths], read, [*tree.refused, *others])


def _stack(path: Path, names: Path | None) -> NamedMaps:
    """Open an NPY file (image, y, x), which stays on disk."""
    with path.open("rb") as file:
        shape, dtype = read_header(file)
        begin = file.tell()
        check_dtype(dtype)
        check_length(int(np.prod(shape, dtype=object)) * dtype.itemsize, file.seek(0, 2) - begin)
    values = np.load(path, mmap_mode="r", allow_pickle=False)
    return _named_stack(path, values, _names_beside(path, names))


def _npz(path: Path, names: Path | None) -> NamedMaps:
    """Open an NPZ file of one array (image, y, x) and one of texts."""
    with zipfile.ZipFile(path) as archive:
        check_compression(archive)
        stacks, texts = [], []
        for member in archive.infolist():
            check_bytes(member.file_size, map_files.MAX_ARRAY_BYTES)
            with archive.open(member) as file:
                shape, dtype = read_header(file)
            if dtype.kind in "US" and len(shape) == 1:
                texts.append(member)
            elif len(shape) in (3, 4) and not dtype.hasobject:
                stacks.append(member)
        if len(stacks) != 1 or len(texts) != (names is None):
            held = ", ".join(member.filename.removesuffix(".npy") for member in archive.infolist())
            raise MapFileError(
                f"{path.name}: one array (image, y, x) of numbers and one (image,) of texts, the images' names, were "
                f"expected; it holds {held}. Python objects are never unpickled: save names as np.array(names)."
            )
        shape, dtype = member_header(archive, stacks[0], map_files.MAX_ARRAY_BYTES)
        check_member(stacks[0], shape, dtype, map_files.MAX_ARRAY_BYTES)
        listed = None
        if names is None:
            check_bytes(texts[0].file_size, MAX_NAMES_BYTES)
            listed = [_text(one) for one in read_member(archive, texts[0]).tolist()]
        values = read_member(archive, stacks[0])
    return _named_stack(path, values, _names_beside(path, names) if listed is None else listed)


def _named_stack(path: Path, values: np.ndarray, names: Sequence[str]) -> NamedMaps:
    if values.ndim == 4 and 1 in (values.shape[1], values.shape[3]):  # a channel axis of one
        values = values[:, 0] if values.shape[1] == 1 else values[..., 0]
    if values.ndim != 3:
        raise MapFileError(f"{path.name}: maps (image, y, x) were expected; got the shape {values.shape}.")
    if len(names) != len(values):
        raise MapFileError(f"{path.name}: {len(values):,} maps need as many names; got {len(names):,}.")
    return NamedMaps(names, lambda place: values[place])


def _names_beside(path: Path, names: Path | None) -> list[str]:
    """Return the names in a file, or in the one that is called like ``path``."""
    beside = [path.with_suffix(ending) for ending in (".txt", ".json")]
    found = names or next((one for one in beside if one.is_file()), None)
    if found is None or not found.is_file():
        expected = f"{beside[0].name} or {beside[1].name} beside it" if names is None else str(names)
        raise MapFileError(f"{path.name}: which map is whose is not told; --names FILE, or {expected}, was expected.")
    if found.stat().st_size > MAX_NAMES_BYTES:
        raise MapFileError(f"{found.name} is larger than a list of names can be.")
    text = found.read_text(encoding="utf-8-sig")
    if found.suffix.lower() != ".json":
        return [line.strip() for line in text.splitlines() if line.strip()]
    listed = json.loads(text)
    if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
        raise MapFileError(f"{found.name}: a JSON list of names was expected.")
    return listed


def _labelled(path: Path, opened: xr.Dataset, variable: str | None) -> NamedMaps:
    """Open a variable (image, y, x) of what xarray opened."""
    known = {str(name): one for name, one in opened.data_vars.items() if tuple(map(str, one.dims)) == DIMS}
    values = known[_variable(path, list(known), variable)]
    if "image" not in opened.coords:
        raise MapFileError(f"{path.name}: a coordinate 'image' with the images' names was expected.")
    check_dtype(values.dtype)
    check_shape(values.shape[1:])  # before one is read
    names = [_text(one) for one in opened["image"].values.tolist()]
    return NamedMaps(names, lambda place: values[place].values)


def _netcdf4(path: Path, variable: str | None) -> NamedMaps:
    """Open a variable (image, y, x) of a NetCDF 4 file; links and data that lie in other files are not followed."""
    with h5py.File(path, "r") as file:
        own = [str(name) for name in file if isinstance(file.get(name, getlink=True), h5py.HardLink)]
        opened = {name: file[name] for name in own}
        arrays = {name: one for name, one in opened.items() if isinstance(one, h5py.Dataset) and _lies_here(one)}
        known = [name for name, one in arrays.items() if one.ndim == 3 and _dims(one) == DIMS]
        chosen = _variable(path, known, variable)
        check_dtype(arrays[chosen].dtype)
        check_shape(arrays[chosen].shape[1:])
        if "image" not in arrays or arrays["image"].ndim != 1 or h5py.check_string_dtype(arrays["image"].dtype) is None:
            raise MapFileError(f"{path.name}: a coordinate 'image' with the images' names, as texts, was expected.")
        names = [_text(one) for one in np.asarray(arrays["image"]).tolist()]

    def read(place: int) -> np.ndarray:
        with h5py.File(path, "r") as file:
            array = file[chosen]
            if not isinstance(array, h5py.Dataset):
                raise MapFileError(f"{path.name}: {chosen} is no array any more.")
            return _decoded(np.asarray(array[place]), array)

    return NamedMaps(names, read)


def _decoded(values: np.ndarray, array: h5py.Dataset) -> np.ndarray:
    """Return values as the attributes of CF say: scaled, with NaN where they are missing."""
    attrs = {name: np.asarray(array.attrs[name]).ravel()[0] for name in _CF if name in array.attrs}
    return xr.decode_cf(xr.Dataset({"map": (("y", "x"), values, attrs)}))["map"].values


def _lies_here(array: h5py.Dataset) -> bool:
    return not array.external and not array.is_virtual


def _dims(array: h5py.Dataset) -> tuple[str, ...]:
    scales = [dim[0].name if len(dim) else dim.label for dim in array.dims]
    return tuple(str(name).rpartition("/")[2] for name in scales)


def _variable(path: Path, known: Sequence[str], variable: str | None) -> str:
    if variable is not None and variable in known:
        return variable
    if variable is None and len(known) == 1:
        return known[0]
    held = f"there are {', '.join(known)}" if known else "there is none"
    raise MapFileError(f"{path.name}: one variable of dims image, y, x was expected; {held}. --variable names one.")


def _text(name: object) -> str:
    if isinstance(name, bytes):
        return name.decode("utf-8", errors="replace")
    if not isinstance(name, str):
        raise MapFileError(f"names of images are texts; got {name!r}.")
    return name
