"""The base of collections of ClickMe records, each a photograph, a heatmap of all participants and a label."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path

import numpy as np
import xarray as xr

from gala_viz.cache import BoundedCache
from gala_viz.collections.clickme.clickme_record import encode_bitmap
from gala_viz.collections.clickme.smoothing import SMOOTHINGS
from gala_viz.collections.clickme.tfrecord_file import TFRecordError
from gala_viz.collections.collection import Collection
from gala_viz.collections.human_maps.human_map_memory import HUMAN_MAPS
from gala_viz.collections.human_maps.map_checks import failed_to_read, unusable_reason
from gala_viz.collections.photo_cache import PHOTOS, PhotoSource, keep_photo
from gala_viz.collections.photo_files import UnreadableImageError
from gala_viz.imagenet import CATEGORIES
from gala_viz.registry import position_of
from gala_viz.schema import labelled_map

SMOOTHED_KIND, STORED_KIND = "ClickMe", "ClickMe, as stored"
CATEGORIES_FILE = "categories.txt"
"""Beside the records: the names of their labels from 0 on, one a line, where these are not ImageNet's."""
MAX_CATEGORIES = 100_000
RECORDS = BoundedCache(16 * 2**20)
"""The last records of all collections, as files hold them: photograph and map are mostly wanted one after the other."""


class RecordCollection(Collection):
    """Records with labels from 0 on, which are ImageNet's unless ``label_names`` are those of ``categories.txt``.

    Maps come smoothed by ``smoothing``, a name in ``SMOOTHINGS``, and as stored. Participants are not known one by one.
    """

    image_noun = "record"
    smoothing: str
    label_names: tuple[str, ...] = ()

    @abstractmethod
    def label(self, image: str) -> int:
        """Return the record's label as it is stored.

        Parameters
        ----------
        image : str
            Id of the image.

        Returns
        -------
        int
            The label, from 0.
        """

    @abstractmethod
    def _read_record(self, image: str) -> bytes:
        """Read what the file holds of an image. Raises ``TFRecordError``, ``OSError``."""

    @abstractmethod
    def _stored_heatmap(self, image: str) -> np.ndarray:
        """Read the heatmap (y, x), float32, as it is stored. Raises ``TFRecordError``."""

    @abstractmethod
    def _photo_pixels(self, image: str) -> np.ndarray:
        """Return the photograph, uint8 (y, x, 3). Raises ``TFRecordError``."""

    def _record(self, image: str) -> bytes:
        """Return what the file holds of an image. Raises ``TFRecordError``, also where it cannot be opened."""
        key = (self.fingerprint, image)
        record = RECORDS.get(key)
        if record is None:
            try:
                record = self._read_record(image)
            except OSError as error:
                raise TFRecordError(f"its file cannot be read ({error.strerror or error}).") from error
            RECORDS.put(key, record, len(record))
        return record

    def photo(self, image: str) -> np.ndarray:
        """Return the photograph, uint8 RGB (y, x, 3), read-only."""
        key = self._source(image)[1]
        photo = PHOTOS.get(key)
        if photo is None:
            photo = self._listing_faults(image, lambda: self._pixels(image))
            keep_photo(key, photo)
        return photo

    def _pixels(self, image: str) -> np.ndarray:
        try:
            return self._photo_pixels(image)
        except TFRecordError as error:
            raise UnreadableImageError(str(error)) from error

    def _use_labels(self, folder: Path, smallest: int | None) -> None:
        """Use the names in the folder's ``categories.txt``, else ImageNet's; ``smallest`` is the smallest label."""
        self.label_names = read_label_names(folder)
        if self.label_names:
            self.categories = self.label_names
        elif smallest is not None:
            name = CATEGORIES[smallest][1] if smallest < len(CATEGORIES) else "none of them"
            self.label_note = (
                f"its labels are read as ImageNet's ({smallest} is {name!r}); names of your own, one a line, belong "
                f"into {CATEGORIES_FILE} beside the records"
            )

    def with_smoothing(self, smoothing: str) -> RecordCollection:
        """Return this collection with the stored maps smoothed otherwise."""
        SMOOTHINGS[smoothing]
        other = self._copy_smoothed(smoothing)
        other.smoothing = smoothing
        if STORED_KIND in other.map_kinds:
            other.map_kinds[STORED_KIND] = self.map_kinds[STORED_KIND]
        return other

    def target(self, image: str) -> int | None:
        """Return the record's label where it is one of ImageNet's."""
        if self.label_names:
            self.check(image)
            return None
        label = self.label(image)
        return label if label < len(CATEGORIES) else None

    def category(self, image: str) -> str | None:
        """Return the name of the label: that of ``categories.txt``, else ImageNet's."""
        if self.label_names:
            label = self.label(image)
            return self.label_names[label] if label < len(self.label_names) else None
        target = self.target(image)
        return None if target is None else CATEGORIES[target][1]

    def click_count(self, image: str) -> int | None:
        """Return how many clicks made the map; None where the record does not say."""
        self.check(image)
        return None

    def human_map(self, image: str, kind: str | None = None, participant: str | None = None) -> xr.DataArray | None:
        """Return the record's heatmap over the whole photograph."""
        kind = self.map_kind(kind)
        if participant is not None:
            position_of(f"participant of image {image!r}", participant, ())
        if not self.has_human_map(image) or kind is None:
            return None
        key = ("record map", self.fingerprint, image, kind)
        values = HUMAN_MAPS.get(key)
        if values is None:
            try:
                values = self._heatmap(image, kind)
            except TFRecordError as error:
                if failed_to_read(error.__cause__):
                    self.skip_for_now(map_name(image), str(error))
                else:
                    self.skip(map_name(image), str(error))
                return None
            self.skip_for_now(map_name(image), None)
            values.flags.writeable = False
            HUMAN_MAPS.put(key, values, values.nbytes)
        attrs: dict[str, str | int] = {
            "kind": kind,
            "n_participants": "unknown",
            "smoothing": self.smoothing if kind == SMOOTHED_KIND else "none",
        }
        if (count := self.click_count(image)) is not None:
            attrs["n_clicks"] = count
        return labelled_map(values, name="human_map", extent_px=self.size_px(image), attrs=attrs)

    def _heatmap(self, image: str, kind: str) -> np.ndarray:
        """Read the map of a kind (y, x), float32. Raises ``TFRecordError``, also for one that is constant."""
        stored = self._stored_heatmap(image)
        maps = {STORED_KIND: stored, SMOOTHED_KIND: SMOOTHINGS[self.smoothing](stored)}
        for values in maps.values():  # a map that is constant in one kind is left out in both
            if why := unusable_reason(values):
                raise TFRecordError(why)
        return np.array(maps[kind], np.float32, order="C")  # a copy, else what is kept keeps its whole record

    def _map_name(self, image: str) -> str:
        return map_name(image)

    def _source(self, image: str) -> tuple[PhotoSource, tuple]:
        self.check(image)
        return lambda: encode_bitmap(self._pixels(image)), ("record", self.fingerprint, image)


def map_kinds(smoothing: str, form: str, note: str = "") -> dict[str, str]:
    """Return the kinds of maps from records of a ``form``, for example "TFRecords", with a sentence ``note`` or ""."""
    sentence = f"ClickMe maps of all participants together, from {form}"
    return {
        SMOOTHED_KIND: f"{sentence}, smoothed ({smoothing}).{note}",
        STORED_KIND: f"{sentence}, as stored.{note}",
    }


def map_name(image: str) -> str:
    """Return what holds an image's map, in the words of ``skipped``."""
    return f"{image}, heatmap"


def read_label_names(folder: Path) -> tuple[str, ...]:
    """Return the lines of ``categories.txt``, of which none may be empty or occur twice; none without the file."""
    path = folder / CATEGORIES_FILE
    if not path.is_file():
        return ()
    try:
        names = [line.strip() for line in path.read_text(encoding="utf-8-sig").rstrip().splitlines()]
    except UnicodeDecodeError:
        raise ValueError(f"{path} is no text in UTF-8.") from None
    if not names or len(names) > MAX_CATEGORIES or not all(names) or len(set(names)) < len(names):
        raise ValueError(f"{path} has one name a line, none of them empty and none twice, for the labels from 0 on.")
    return tuple(names)
