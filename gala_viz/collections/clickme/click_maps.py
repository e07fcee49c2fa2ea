"""ClickMe maps from a table of clicks: rounds are filtered and matched to images, then counted and smoothed."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from gala_viz.collections.clickme.click_tables import READER_VERSION, READERS, read_rounds
from gala_viz.collections.clickme.participant_maps import participant_maps
from gala_viz.collections.clickme.round_filters import RoundFilters, filter_rounds
from gala_viz.collections.clickme.round_table import RoundTable
from gala_viz.collections.clickme.smoothing import SMOOTHINGS
from gala_viz.collections.clickme.text_encoding import check_encoding_name
from gala_viz.collections.human_maps.human_map import HumanMap
from gala_viz.collections.human_maps.human_map_memory import HUMAN_MAPS
from gala_viz.collections.human_maps.image_names import ImageNames
from gala_viz.collections.human_maps.map_checks import MapFileError
from gala_viz.collections.human_maps.points import PointMaps, Points
from gala_viz.counts import counted
from gala_viz.specs import check_finite, fingerprint, settings

KIND = "ClickMe"
N_CHECKED_IMAGES = 200

SizeFunction = Callable[[str], tuple[int, int]]


@dataclass(frozen=True, kw_only=True, slots=True)
class ClickMapSpec:
    """How a table of clicks becomes maps.

    ``smoothing`` is a name in ``gala_viz.collections.clickme.smoothing.SMOOTHINGS``. ``frame_px`` is the (height,
    width) of the frame in which clicks were recorded, over which the whole photograph was shown; None: the photograph's
    own pixels. ``swap_xy`` reads the first number of a click as y. ``encoding`` is that of a CSV table, by one of
    Python's names; None: UTF-8.
    """

    smoothing: str = "discs"
    frame_px: tuple[int, int] | None = None
    swap_xy: bool = False
    filters: RoundFilters = field(default_factory=RoundFilters)
    encoding: str | None = None

    def __post_init__(self) -> None:
        check_finite(self)
        SMOOTHINGS[self.smoothing]
        if self.encoding is not None:
            check_encoding_name(self.encoding)
        if self.frame_px is not None and not (len(self.frame_px) == 2 and all(side > 0 for side in self.frame_px)):
            raise ValueError(f"frame_px is the height and width in which clicks were recorded; got {self.frame_px}.")


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
        The table cannot be used, or most clicks lie outside of their photographs: x and y may be swapped, or the frame
        another one.
    """

    def __init__(
        self, source: Path, images: Sequence[str], size_px: SizeFunction, spec: ClickMapSpec | None = None
    ) -> None:
        self.spec = spec or ClickMapSpec()
        status = source.stat()
        self.fingerprint = fingerprint(
            "clicks", READER_VERSION, str(source), status.st_size, status.st_mtime_ns, settings(self.spec)
        )
        rounds, skipped = read_rounds(source, self.spec.encoding)
        filter_result = filter_rounds(rounds, self.spec.filters)
        self._rounds, self._dropped = filter_result.rounds, dict(filter_result.dropped)
        self.filter_summary = filter_result.summary()
        names, unmatched = match_image_numbers(rounds.images, images)
        self._rounds_of = _grouped(self._rounds, names)
        self._source = source.name
        self.skipped = [(f"{source.name}, {name}", reason) for name, reason in (*skipped, *unmatched)]
        if not self._rounds_of:
            raise MapFileError(
                f"{source.name}: no round is on an image of the collection. {self.filter_summary} A row's image "
                "is the last two "
                f"parts of its path, for example {rounds.images[0] if rounds.images else 'n01440764/a.JPEG'!r}."
            )
        self._check_inside(size_px)
        people = len(np.unique(self._rounds.participant))
        self.kinds = {
            KIND: f"ClickMe maps of {counted(people, 'participant')} from {source.name}: one count map each, averaged, "
            f"smoothed ({self.spec.smoothing}). {self.filter_summary}"
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
        point_maps: PointMaps | None = HUMAN_MAPS.get(key)
        if point_maps is None:
            point_maps = participant_maps(self._points(image), frame_px, self.spec.smoothing)
            if not point_maps.participants:
                raise MapFileError("none of its clicks lies inside of the photograph.")
            point_maps.maps.flags.writeable = False
            HUMAN_MAPS.put(key, point_maps, point_maps.maps.nbytes)
        attrs = {
            "smoothing": self.spec.smoothing,
            "n_participants": len(point_maps.participants),
            "n_rounds": len(self._rounds_of[image]),
            "n_outside": point_maps.n_outside,
            "filters": json.dumps(settings(self.spec.filters)),
            "dropped_rounds": json.dumps(self._dropped),
        }
        return HumanMap(point_maps.maps, point_maps.participants, attrs)

    def _points(self, image: str) -> Points:
        points = self._rounds.points(self._rounds_of[image])
        if not self.spec.swap_xy:
            return points
        return Points(participant=points.participant, x_px=points.y_px, y_px=points.x_px)

    def _check_inside(self, size_px: SizeFunction) -> None:
        """Compare the clicks on some images, spread over all, with the sizes of these."""
        images = sorted(self._rounds_of)
        outside = swapped = total = 0
        for image in images[:: max(1, len(images) // N_CHECKED_IMAGES)]:
            try:
                height, width = self.spec.frame_px or size_px(image)
            except ValueError:
                continue  # a photograph that cannot be read is listed when it is shown
            points = self._points(image)
            total += len(points.x_px)
            outside += _outside(points.x_px, points.y_px, width, height)
            swapped += _outside(points.y_px, points.x_px, width, height)
        if not total or outside * 2 <= total:
            return
        share, other = outside / total, swapped / total
        frame = f"{self._source}: {share:.0%} of the clicks lie outside of their photographs"
        if other < share / 2:
            raise MapFileError(
                f"{frame}, {other:.0%} would with x and y swapped; open it with swap_xy=True (--swap-xy)."
            )
        raise MapFileError(
            f"{frame}; were they recorded in another frame than the photograph's pixels? Tell its height and width "
            "with frame_px (--frame)."
        )


def match_image_numbers(names: Sequence[str], images: Sequence[str]) -> tuple[dict[int, str], list[tuple[str, str]]]:
    """Match the images of a table: return number -> image, and (name, reason) of those that are none or several."""
    known = ImageNames(images)
    image_by_number: dict[int, str] = {}
    left_out: list[tuple[str, str]] = []
    n_unknown = 0
    for number, name in enumerate(names):
        candidates = known.find(name)
        if len(candidates) == 1:
            image_by_number[number] = candidates[0]
        elif candidates:
            left_out.append((name, f"fits {' and '.join(candidates[:3])}; its rounds are left out."))
        else:
            n_unknown += 1
    if n_unknown:
        left_out.append(
            ("images", f"{n_unknown} of {len(names)} are not in the collection; their rounds are left out.")
        )
    return image_by_number, left_out


def _grouped(rounds: RoundTable, names: dict[int, str]) -> dict[str, np.ndarray]:
    """Return image -> the numbers of its rounds, in order."""
    order = np.argsort(rounds.image, kind="stable")
    codes, starts = np.unique(rounds.image[order], return_index=True)
    groups = np.split(order, starts[1:])
    rounds_by_image: dict[str, np.ndarray] = {}
    for code, group in zip(codes.tolist(), groups, strict=True) if len(codes) else ():
        if code in names:
            image = names[code]
            rounds_by_image[image] = (
                np.concatenate([rounds_by_image[image], group]) if image in rounds_by_image else group
            )
    return rounds_by_image


def _outside(x: np.ndarray, y: np.ndarray, width: float, height: float) -> int:
    return int((~((x >= 0) & (x < width) & (y >= 0) & (y < height))).sum())
