"""ClickMe maps from a table of clicks: rounds are filtered and matched to images, then counted and smoothed."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np

from gala_viz.collections.clickme.click_tables import READER_VERSION, READERS, read_rounds
from gala_viz.collections.clickme.participant_maps import keeps_participants, mean_map, participant_maps
from gala_viz.collections.clickme.round_filters import RoundFilters, filter_rounds
from gala_viz.collections.clickme.smoothing import SMOOTHINGS
from gala_viz.collections.clickme.text_encoding import check_encoding_name
from gala_viz.collections.human_maps.human_map import HumanMap
from gala_viz.collections.human_maps.human_map_memory import HUMAN_MAPS
from gala_viz.collections.human_maps.image_names import match_table, no_match_reason
from gala_viz.collections.human_maps.map_checks import MapFileError
from gala_viz.collections.human_maps.point_frames import FrameCheck, SizeFunction, check_frame, frame_points
from gala_viz.collections.human_maps.points import Points, rows_by_image
from gala_viz.counts import counted
from gala_viz.specs import COUNTS, check_finite, fingerprint, settings

KIND = "ClickMe"

Units = Literal["pixels", "fraction"]
_DECLARE = (
    "Declare the frame with --frame HEIGHT WIDTH (frame_px), --swap-xy (swap_xy=True) or --units fraction "
    '(units="fraction"); or, if the clicks are in the photographs\' pixels all the same, with --units pixels.'
)


@dataclass(frozen=True, kw_only=True, slots=True)
class ClickMapSpec:
    """How a table of clicks becomes maps.

    ``smoothing`` is a name in ``gala_viz.collections.clickme.smoothing.SMOOTHINGS``. ``frame_px`` is the (height,
    width) of the frame in which clicks were recorded, over which the whole photograph was shown; None: the photograph's
    own pixels. ``swap_xy`` reads the first number of a click as y. ``units`` "fraction" reads clicks as shares of the
    photograph's sides, 0 to 1; "pixels" declares that they are in pixels, so that they are believed wherever they lie;
    None: pixels, unless it looks otherwise (``gala_viz.collections.human_maps.point_frames``). ``encoding`` is that of
    a CSV table, by one of Python's names; None: UTF-8.
    """

    smoothing: str = "discs"
    frame_px: tuple[int, int] | None = None
    swap_xy: bool = False
    filters: RoundFilters = field(default_factory=RoundFilters)
    encoding: str | None = None
    units: Units | None = field(default=None, metadata={COUNTS: lambda spec: spec.units is not None})

    def __post_init__(self) -> None:
        check_finite(self)
        SMOOTHINGS[self.smoothing]
        if self.encoding is not None:
            check_encoding_name(self.encoding)
        if self.frame_px is not None and not (len(self.frame_px) == 2 and all(side > 0 for side in self.frame_px)):
            raise ValueError(f"frame_px is the height and width in which clicks were recorded; got {self.frame_px}.")
        if self.units not in (None, "pixels", "fraction"):
            raise ValueError(f"units is 'pixels' or 'fraction'; got {self.units!r}.")
        if self.units == "fraction" and self.frame_px is not None:
            raise ValueError("fractions are of the photograph's own sides; leave frame_px out, or units.")


def check_clicks(clicks: ClickMapSpec | None, human_maps: str | Path | None) -> None:
    """Raise ``ValueError`` where ``clicks`` say how a table becomes maps, and ``human_maps`` is no table of clicks."""
    if clicks is not None and (human_maps is None or Path(human_maps).suffix.lower() not in READERS):
        given = "none" if human_maps is None else Path(human_maps).name
        raise ValueError(
            "clicks tell how a table of clicks (CSV, NPZ) becomes maps, and one was expected as human_maps; "
            f"got {given}. Name the table, or leave clicks out."
        )


class ClickMaps:
    """ClickMe maps from a table of clicks.

    Rounds are read once and stored in the user's cache folder.

    Parameters
    ----------
    source : Path
        Table of clicks, .csv or .npz.
    images : sequence of str
        Ids of the collection's images.
    size_px : callable
        Takes an image's id and returns (height, width) of its photograph in pixels.
    spec : ClickMapSpec, optional
        How clicks become maps.

    Raises
    ------
    MapFileError
        The table cannot be used, or its clicks seem to be in another frame than the photographs' pixels, and none was
        declared.
    """

    def __init__(
        self, source: Path, images: Sequence[str], size_px: SizeFunction, spec: ClickMapSpec | None = None
    ) -> None:
        self.spec = spec or ClickMapSpec()
        status = source.stat()
        self.fingerprint = fingerprint(
            "clicks", READER_VERSION, str(source), status.st_size, status.st_mtime_ns, settings(self.spec)
        )
        self._source = source.name
        rounds, skipped = read_rounds(source, self.spec.encoding)
        names = [(name,) for name in rounds.images]
        match = match_table(names, images, "rounds")
        rounds = rounds.with_images(match.image_by_number)
        filter_result = filter_rounds(rounds, self.spec.filters)
        self._rounds, self._dropped = filter_result.rounds, dict(filter_result.dropped)
        notes = (*rounds.notes, *((match.note,) if match.note else ()))
        self.filter_summary = " ".join([filter_result.summary(), *notes])
        matched = set(match.image_by_number.values())
        image_of = {number: image for number, image in enumerate(self._rounds.images) if image in matched}
        self._rounds_of = rows_by_image(self._rounds.image, np.ones(len(self._rounds), bool), image_of)
        self.skipped = [(f"{source.name}, {name}", reason) for name, reason in (*skipped, *match.left_out)]
        if not match.image_by_number:
            raise MapFileError(
                f"{source.name}: no round is on an image of the collection: {no_match_reason(names, images, match)} "
                f"{self.filter_summary}"
            )
        if not self._rounds_of:
            raise MapFileError(f"{source.name}: no round is left on an image of the collection. {self.filter_summary}")
        check = self._check_frame(size_px)
        people = len(np.unique(self._rounds.participant))
        self.kinds = {
            KIND: f"ClickMe maps of {counted(people, 'participant')} from {source.name}: one count map each, averaged, "
            f"smoothed ({self.spec.smoothing}). {self.filter_summary} {check.description()}"
        }

    def with_smoothing(self, smoothing: str) -> ClickMaps:
        """Return the same rounds' maps, smoothed otherwise."""
        other = copy.copy(self)
        other.spec = replace(self.spec, smoothing=smoothing)
        other.fingerprint = fingerprint(self.fingerprint, "smoothing", smoothing)
        return other

    def source_name(self, image: str) -> str | None:
        """Return the names of the table and of the image in it."""
        return f"{self._source}, {image}" if image in self._rounds_of else None

    def read_map(self, image: str, kind: str, photo_px: tuple[int, int]) -> HumanMap | None:
        """Return one smoothed map of each participant on the image; ``kind`` is not used."""
        del kind
        if image not in self._rounds_of:
            return None
        frame_px = self.spec.frame_px or photo_px
        key = ("clicks", self.fingerprint, image, frame_px)
        human_map: HumanMap | None = HUMAN_MAPS.get(key)
        if human_map is None:
            human_map = self._made_map(image, photo_px)
            human_map.values.flags.writeable = False
            HUMAN_MAPS.put(key, human_map, human_map.values.nbytes)
        return human_map

    def clicks_px(self, image: str, photo_px: tuple[int, int]) -> np.ndarray | None:
        """Return the clicks of the rounds that make an image's map, those outside too.

        Parameters
        ----------
        image : str
            Id of the image.
        photo_px : tuple of int
            (height, width) of its photograph in pixels.

        Returns
        -------
        ndarray or None
            x and y (click, 2) in the photograph's pixels; None where there are no rounds on the image.
        """
        if image not in self._rounds_of:
            return None
        points, (height, width) = self._points(image, photo_px), self.spec.frame_px or photo_px
        return np.stack([points.x_px * (photo_px[1] / width), points.y_px * (photo_px[0] / height)], axis=1)

    def _made_map(self, image: str, photo_px: tuple[int, int]) -> HumanMap:
        """Make the maps of each participant on an image, or their mean where there are too many to keep."""
        points, frame_px = self._points(image, photo_px), self.spec.frame_px or photo_px
        smoothing, attrs = self.spec.smoothing, {}
        people = np.unique(self._rounds.participant[self._rounds_of[image]])
        if keeps_participants(len(people), frame_px):
            maps = participant_maps(points, frame_px, smoothing)
            values, participants = maps.maps, maps.participants
            n_participants, n_outside = len(participants), maps.n_outside
        else:
            values, n_participants, n_outside = mean_map(points, frame_px, smoothing)
            participants = ()
            attrs["mean_only"] = (
                f"the maps of {n_participants:,} participants are too many to keep one by one: this is their mean, and "
                "there is no noise ceiling"
            )
        if not n_participants:
            raise MapFileError("none of its clicks lies inside of the photograph.")
        attrs |= {
            "smoothing": smoothing,
            "n_participants": n_participants,
            "n_rounds": len(self._rounds_of[image]),
            "n_clicks": len(points.x_px),
            "n_outside": n_outside,
            "filters": json.dumps(settings(self.spec.filters)),
            "dropped_rounds": json.dumps(self._dropped),
        }
        return HumanMap(values, participants, attrs)

    def _points(self, image: str, photo_px: tuple[int, int]) -> Points:
        """Return the clicks on an image in the pixels of the frame."""
        points = self._rounds.points(self._rounds_of[image])
        x, y = (points.y_px, points.x_px) if self.spec.swap_xy else (points.x_px, points.y_px)
        if self.spec.units == "fraction":
            x, y = x * photo_px[1], y * photo_px[0]
        return Points(participant=points.participant, x_px=x, y_px=y)

    def _check_frame(self, size_px: SizeFunction) -> FrameCheck:
        """Compare the clicks on some images, spread over all, with the sizes of these."""

        def points_on(image: str) -> tuple[Points, tuple[int, int]]:
            photo_px = size_px(image)
            return self._points(image, photo_px), self.spec.frame_px or photo_px

        declared = "positions" if self.spec.units else "size" if self.spec.frame_px else "nothing"
        try:
            check = check_frame(frame_points(sorted(self._rounds_of), points_on), "click", declared=declared)
            check.refuse(_DECLARE)
        except MapFileError as error:
            raise MapFileError(f"{self._source}: {error}") from None
        return check
