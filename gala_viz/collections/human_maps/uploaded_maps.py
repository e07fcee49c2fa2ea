"""Human maps that visitors upload: which file is one, of which photograph, and what it holds.

A map is named as in a folder of maps (``image_names``). Files called .npy or .npz are maps. A grey PNG is a map where a
photograph of another file name has its name: cat.png beside cat.jpg, cat.png.png beside cat.png. Every other picture is
a photograph, and where that may not be meant, a note says it.
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence

import numpy as np

from gala_viz.collections.human_maps.human_map import UNKNOWN_COUNT, HumanMap
from gala_viz.collections.human_maps.image_names import ImageNames, composed
from gala_viz.collections.human_maps.map_checks import MapFileError
from gala_viz.collections.human_maps.map_files import read_map_bytes
from gala_viz.collections.photo_files import UPLOAD_LIMITS, UnreadableImageError, read_photo

KIND = "uploaded"
"""Kind of these maps, which belong to no collection."""
DESCRIPTION = "A human map that a visitor uploaded with the photograph."
ARRAY_SUFFIXES = (".npy", ".npz")
MAX_ARRAY_BYTES = 64 * 2**20
"""Of an unpacked map: 4096 x 4096 cells of float32."""
NAMES = (
    "A human map is named like its photograph: cat.npy or cat.npz, or a grey PNG, cat.png of cat.jpg and cat.png.png "
    "of cat.png."
)


def photograph_of(filename: str, content: bytes, photographs: Sequence[str]) -> tuple[str | None, str]:
    """Return of which photograph a file is the human map, None for a photograph, and what a visitor should know.

    Parameters
    ----------
    filename : str
        Name of the file, without folders.
    content : bytes
        The file.
    photographs : sequence of str
        File names of the visitor's photographs.

    Returns
    -------
    photograph : str or None
        One of ``photographs``; None where the file is a photograph itself, or nothing that is known.
    note : str
        A sentence where a photograph may be meant as a map; else "".

    Raises
    ------
    ValueError
        The file is a map and none of the photographs, or more than one, has its name.
    """
    stem, suffix = posixpath.splitext(filename)
    is_array = suffix.lower() in ARRAY_SUFFIXES
    if not is_array and not (suffix.lower() == ".png" and content.startswith(b"\x89PNG")):
        return None, ""
    own = composed(filename).casefold()
    called = composed(stem).casefold()
    fitting = [
        name
        for name in ImageNames(photographs).find(stem)
        if composed(name).casefold() != own
        and called in (composed(name).casefold(), composed(posixpath.splitext(name)[0]).casefold())
    ]
    if not is_array and not _is_grey(content):
        if not fitting:
            return None, ""
        return None, (
            f"“{filename}” has colours and was added as a photograph of its own. It is no human map of “{fitting[0]}”: "
            "that is a grey PNG, NPY or NPZ."
        )
    if not fitting and not is_array:
        return None, f"“{filename}” is grey and was added as a photograph. {NAMES}"
    if not fitting:
        there = f"uploaded are {', '.join(f'“{name}”' for name in photographs[:3])}" if photographs else "none is there"
        raise ValueError(
            f"“{filename}” is a human map, and a photograph called like it was expected; {there}. Choose both at once, "
            f"or the photograph first. {NAMES}"
        )
    if len(fitting) > 1:
        raise ValueError(
            f"“{filename}” is a human map, and {len(fitting)} uploaded photographs have its name: "
            f"{' and '.join(f'“{name}”' for name in fitting[:3])}. Name it with the whole file name of one, which no "
            "other has."
        )
    return fitting[0], ""


def read_uploaded_map(filename: str, content: bytes, photo_px: tuple[int, int]) -> HumanMap:
    """Read an uploaded human map of which it is not known over how many participants it is the mean.

    Parameters
    ----------
    filename : str
        Name of the file, without folders.
    content : bytes
        The file, of at most as many bytes as a photograph.
    photo_px : tuple of int
        (height, width) of the photograph in pixels.

    Returns
    -------
    HumanMap
        One map (y, x).

    Raises
    ------
    MapFileError
        The map cannot be used.
    """
    if len(content) > UPLOAD_LIMITS.max_bytes:
        raise MapFileError(
            f"at most {UPLOAD_LIMITS.max_bytes / 1e6:g} MB are read; the file has {len(content) / 1e6:.1f} MB. Save "
            "the map with fewer cells."
        )
    map_file = read_map_bytes(content, posixpath.splitext(filename)[1], photo_px, MAX_ARRAY_BYTES)
    if map_file.participants:
        raise MapFileError(
            f"one map (y, x) was expected; this file has those of {len(map_file.participants)} participants. Save "
            "their mean, or open it beside a folder of photographs with --human-maps."
        )
    map_file.values.flags.writeable = False
    return HumanMap(map_file.values, attrs={"kind": KIND, "file": filename, "n_participants": UNKNOWN_COUNT})


def _is_grey(content: bytes) -> bool:
    """Return whether red, green and blue of a picture are equal everywhere; not for one that cannot be read."""
    try:
        photo = read_photo(content, UPLOAD_LIMITS)
    except UnreadableImageError:
        return False
    return not np.any(photo != photo[..., :1])
