"""Photographs that visitors bring, and their human maps: checked, kept in memory for this process, only so many."""

from __future__ import annotations

import hashlib
import re
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr

from gala_viz.collections.human_maps.human_map_memory import HUMAN_MAPS
from gala_viz.collections.human_maps.map_checks import MapFileError
from gala_viz.collections.human_maps.uploaded_maps import DESCRIPTION, KIND, photograph_of, read_uploaded_map
from gala_viz.collections.photo_files import (
    UPLOAD_LIMITS,
    UnreadableImageError,
    read_photo,
    read_thumbnail,
)
from gala_viz.registry import UnknownNameError
from gala_viz.schema import labelled_map

PREFIX = "upload-"
MOST, MOST_BYTES = 64, 256 * 2**20
_WITH_MAP = re.compile(rf"({PREFIX}[0-9a-f]{{16}})-[0-9a-f]{{16}}")
MAX_NAME = 255
"""Letters of a file's name, as many as file systems allow: of a shorter one a map might fit another photograph."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A photograph as the bytes that came, alone or with a human map.

    ``photograph`` is the id of the photograph alone, ``photo_px`` its upright (height, width). Names of files are plain
    text, without folders. ``note`` is what the visitor who brought it should know.
    """

    photograph: str
    filename: str
    content: bytes
    photo_px: tuple[int, int]
    map_filename: str = ""
    map_content: bytes = b""
    note: str = ""


class Uploads:
    """Uploads by id; the oldest go when there are too many photographs or bytes.

    An id is made of the bytes and the names of the files. Nobody changes what another visitor's link shows: the same
    photograph with another map, or none, has another id. For the scores these are the human maps of a collection
    without images, kinds and participants.
    """

    name = fingerprint = "uploads"
    images: tuple[str, ...] = ()
    map_kinds: dict[str, str] = {KIND: DESCRIPTION}  # noqa: RUF012 - never changed

    def __init__(self, most: int = MOST, most_bytes: int = MOST_BYTES) -> None:
        self._most, self._most_bytes = most, most_bytes
        self._kept: OrderedDict[str, Upload] = OrderedDict()
        self._lock = threading.Lock()

    def __contains__(self, image: object) -> bool:
        return image in self._kept

    def add(self, filename: str, content: bytes, beside: Sequence[str] = ()) -> str:
        """Check and keep a photograph, or a human map with its photograph; return its id.

        Parameters
        ----------
        filename : str
            Name of the file.
        content : bytes
            The file.
        beside : sequence of str
            Ids of the visitor's other uploads, among which a map finds its photograph by its name.

        Returns
        -------
        str
            Id of the photograph, with its map where that came: the same for the same files, so that only who has them
            can tell it.

        Raises
        ------
        ValueError
            The file is neither a PNG, JPEG or WebP photograph nor a human map of one of ``beside``, within the limits;
            with its name as plain text.
        """
        name = _shown(filename)
        own = {upload.photograph: upload for image in beside if (upload := self._kept.get(image))}
        photograph, note = photograph_of(name, content, [upload.filename for upload in own.values()])
        try:
            if photograph is None:
                photo_px = read_photo(content, UPLOAD_LIMITS).shape[:2]
                upload = Upload(PREFIX + _digest(name, content), name, bytes(content), photo_px, note=note)
                return self._keep(upload.photograph, upload)
            upload = next(one for one in own.values() if one.filename == photograph)
            read_uploaded_map(name, content, upload.photo_px)
        except (UnreadableImageError, MapFileError) as error:
            raise ValueError(f"{name}: {error}") from None
        upload = replace(upload, map_filename=name, map_content=bytes(content), note="")
        return self._keep(f"{upload.photograph}-{_digest(name, content)}", upload)

    def upload(self, image: str) -> Upload:
        """Return an upload; ``UnknownNameError`` when it is no longer kept."""
        with self._lock:
            if image not in self._kept:
                raise UnknownNameError(f"the uploaded photograph {image!r} is no longer kept; upload it again.")
            self._kept.move_to_end(image)
            return self._kept[image]

    def photograph(self, image: str) -> str:
        """Return the id of an upload's photograph alone; any other id as it is."""
        found = _WITH_MAP.fullmatch(image)  # by its name alone: the same while it is kept and when it is let go
        return image if found is None else found[1]

    def photo(self, image: str) -> np.ndarray:
        """Return the upright photograph, uint8 RGB (y, x, 3); ``UnknownNameError`` when it is no longer kept."""
        return read_photo(self.upload(image).content, UPLOAD_LIMITS)

    def size_px(self, image: str) -> tuple[int, int]:
        """Return (height, width) of the upright photograph in pixels."""
        return self.upload(image).photo_px

    def thumbnail(self, image: str, side_px: int = 128) -> bytes:
        """Return a WebP picture, at most ``side_px`` at its longer side."""
        return read_thumbnail(self.upload(image).content, side_px, UPLOAD_LIMITS)

    def has_human_map(self, image: str) -> bool:
        """Return whether a human map came with the photograph."""
        upload = self._kept.get(image)
        return upload is not None and bool(upload.map_filename)

    def human_map(self, image: str, kind: str | None = None, participant: str | None = None) -> xr.DataArray | None:
        """Return the human map (y, x) over the whole photograph, whatever kind of the collection is asked for.

        None where none came, and for single participants, who are not known.
        """
        del kind
        if participant is not None or not self.has_human_map(image):
            return None
        upload, key = self.upload(image), ("uploaded map", image)
        human_map = HUMAN_MAPS.get(key)
        if human_map is None:
            human_map = read_uploaded_map(upload.map_filename, upload.map_content, upload.photo_px)
            HUMAN_MAPS.put(key, human_map, human_map.values.nbytes)
        return labelled_map(human_map.values, name="human_map", extent_px=upload.photo_px, attrs=dict(human_map.attrs))

    def participant_maps(self, image: str, kind: str | None = None) -> None:
        """Return None: participants are not known one by one."""

    def map_version(self, image: str) -> int:
        """Return a number that changes when an upload is let go or comes back."""
        return int(self.has_human_map(image))

    def category(self, image: str) -> None:
        """Return None: the category is not known."""

    def _keep(self, image: str, upload: Upload) -> str:
        """Keep an upload, and let the oldest go as far as there are too many."""
        with self._lock:
            self._kept[image] = upload
            self._kept.move_to_end(image)
            while len(self._kept) > 1 and self._is_too_much():
                self._kept.popitem(last=False)
        return image

    def _is_too_much(self) -> bool:
        """Return whether there are too many photographs or bytes; of several uploads of one photograph it counts once.

        Uploads with maps are bounded by themselves, too: many small maps of one photograph would take no end of places.
        """
        kept = self._kept.values()
        n_photographs, n_with_maps = len({one.photograph for one in kept}), sum(bool(one.map_filename) for one in kept)
        files = {id(content): len(content) for one in kept for content in (one.content, one.map_content)}
        return max(n_photographs, n_with_maps) > self._most or sum(files.values()) > self._most_bytes


def _digest(name: str, content: bytes) -> str:
    return hashlib.sha256(name.encode("utf-8", "replace") + b"\0" + content).hexdigest()[:16]


def _shown(filename: str) -> str:
    """Return a file's name as one short line of plain text, without its folders."""
    name = str(filename).replace("\\", "/").rsplit("/", 1)[-1]
    return "".join(letter if letter.isprintable() else " " for letter in name)[:MAX_NAME] or "upload"
