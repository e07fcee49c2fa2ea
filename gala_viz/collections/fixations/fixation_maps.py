"""Human maps from fixations: matched to images, checked against their frames, one smoothed map of each participant."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np

from gala_viz.collections.clickme.smoothing import SMOOTHINGS
from gala_viz.collections.clickme.text_encoding import check_encoding_name
from gala_viz.collections.fixations.open_fixations import read_fixations
from gala_viz.collections.fixations.table_columns import ROLES
from gala_viz.collections.human_maps.human_map import UNKNOWN_COUNT, HumanMap
from gala_viz.collections.human_maps.human_map_memory import HUMAN_MAPS
from gala_viz.collections.human_maps.image_names import match_table, no_match_reason
from gala_viz.collections.human_maps.map_checks import MapFileError, check_aspect
from gala_viz.collections.human_maps.point_frames import FrameCheck, SizeFunction, check_frame, frame_points
from gala_viz.collections.human_maps.points import (
    PointMaps,
    PointMapSpec,
    Points,
    point_counts,
    rows_by_image,
    smooth_maps,
)
from gala_viz.counts import counted
from gala_viz.specs import check_finite, fingerprint, settings

FIXATIONS, DURATIONS = "fixations", "durations"
SIGMA_FRACTION = 0.03
"""Default sigma, as a share of the frame's longer side: OSIE's 24 of 800 px, about a degree of visual angle there."""
MIN_SPAN = 0.6
"""Share of the width or height over which the fixations on some photographs spread at least."""
_DECLARE = (
    "Declare where the photograph's top left corner was on the display with --offset X Y (offset_px) and, if it was "
    "scaled, how large it was shown with --frame HEIGHT WIDTH (frame_px); or --swap-xy (swap_xy=True); or --units "
    'fraction (units="fraction"); or, if the fixations are in the photographs\' pixels all the same, --offset 0 0.'
)
_MATLAB_PX = 0.5
"""From the centre of the first pixel, which MATLAB calls 1, to its edge."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FixationMapSpec:
    """How fixations become maps.

    Parameters
    ----------
    columns : mapping of str to str
        Role -> column of a long table: image, participant, x, y, and perhaps duration, onset, order, trial.
    frame_px : tuple of int, optional
        (height, width) in the recording's pixels at which the whole photograph was shown; None: as large as the file
        tells, else the photograph's own pixels.
    offset_px : tuple of float, optional
        (x, y) of the photograph's top left corner in the recording; None: (0, 0). Where neither it nor ``frame_px`` is
        told, positions must look like the photograph's own.
    units : str
        "px", or "fraction" where positions run from 0 to 1 over the photograph.
    swap_xy : bool
        Whether to read x as y and y as x.
    one_based : bool, optional
        Whether positions count pixels from 1 at their centres; None: as the set does, in long tables from the edge.
    drop_first : bool
        Whether to leave out the first fixation of each participant on each image.
    weight : str
        "count", or "duration": whether the default kind of map counts fixations or sums their durations.
    sigma_px : float, optional
        Standard deviation of the Gaussian in the recording's pixels; None: ``SIGMA_FRACTION`` of the longer side.
    sigma_degrees, px_per_degree : float, optional
        The same in degrees of visual angle, and how many of the recording's pixels are one; both or none.
    encoding : str, optional
        Encoding of a long table; None: UTF-8.

    Raises
    ------
    ValueError
        A setting is none of these, or two of them contradict each other.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    frame_px: tuple[int, int] | None = None
    offset_px: tuple[float, float] | None = None
    units: Literal["px", "fraction"] = "px"
    swap_xy: bool = False
    one_based: bool | None = None
    drop_first: bool = False
    weight: Literal["count", "duration"] = "count"
    sigma_px: float | None = None
    sigma_degrees: float | None = None
    px_per_degree: float | None = None
    encoding: str | None = None

    def __post_init__(self) -> None:
        check_finite(self)
        wrong = sorted(set(self.columns) - set(ROLES))
        if wrong:
            raise ValueError(f"columns have the roles {', '.join(ROLES)}; got {', '.join(wrong)}.")
        if self.frame_px is not None and not (len(self.frame_px) == 2 and all(side > 0 for side in self.frame_px)):
            raise ValueError(f"frame_px is the height and width at which photographs were shown; got {self.frame_px}.")
        if self.offset_px is not None and len(self.offset_px) != 2:
            raise ValueError(f"offset_px is x and y of the photograph's top left corner; got {self.offset_px}.")
        if self.units not in ("px", "fraction") or self.weight not in ("count", "duration"):
            raise ValueError(
                f"units is 'px' or 'fraction' and weight 'count' or 'duration'; got {self.units!r} and {self.weight!r}."
            )
        if self.units == "fraction" and (self.frame_px or self.offset_px or self.one_based):
            raise ValueError(
                "units='fraction' are shares of the photograph's sides: frame, offset and one_based have none."
            )
        if (self.sigma_degrees is None) != (self.px_per_degree is None):
            raise ValueError("sigma_degrees and px_per_degree belong together: degrees of how many pixels?")
        if self.sigma_px is not None and self.sigma_degrees is not None:
            raise ValueError("sigma is told twice, in pixels and in degrees; tell one.")
        for name in ("sigma_px", "sigma_degrees", "px_per_degree"):
            value = getattr(self, name)
            if value is not None and not 0 < value <= 1000:
                raise ValueError(f"{name} is above 0 and at most 1000; got {value!r}.")
        if self.encoding is not None:
            check_encoding_name(self.encoding)

    @property
    def declares_frame(self) -> bool:
        """Whether the frame of positions is told."""
        return self.frame_px is not None or self.offset_px is not None or self.units == "fraction"

    def sigma_in(self, frame_px: tuple[int, int]) -> float:
        """Return the Gaussian's standard deviation in pixels of a frame (height, width)."""
        if self.sigma_px is not None:
            return self.sigma_px
        if self.sigma_degrees is not None and self.px_per_degree is not None:
            return self.sigma_degrees * self.px_per_degree
        return SIGMA_FRACTION * max(frame_px)


class FixationMaps:
    """Human maps from fixations.

    Kinds: ``fixations`` counts each participant's fixations, ``durations`` sums their durations where these are
    recorded. Each participant has one map, smoothed with a Gaussian; the image's map is their mean. Where participants
    are not told apart there is one map of all, over an unknown number of people. Fixations outside of the photograph
    are dropped and counted (``attrs["n_outside"]``).

    Parameters
    ----------
    source : Path
        File or folder, one of ``open_fixations.FORMATS``.
    images : sequence of str
        Ids of the collection's images.
    size_px : callable
        Takes an image's id and returns (height, width) of its photograph in pixels.
    spec : FixationMapSpec, optional
        How fixations become maps.

    Raises
    ------
    MapFileError
        The source cannot be used, fits no image, or lies in another frame than the photographs.
    """

    def __init__(
        self, source: Path, images: Sequence[str], size_px: SizeFunction, spec: FixationMapSpec | None = None
    ) -> None:
        self.spec = spec or FixationMapSpec()
        table, key = read_fixations(source, self.spec.columns, self.spec.encoding)
        self._table, self._source = table, source.name
        self.fingerprint = fingerprint("fixation maps", key, settings(self.spec))
        self._smoothing: str | None = None
        self._people = _ids(table.participants)
        if self.spec.weight == "duration" and not table.has_durations:
            raise MapFileError(f"{source.name}: no durations are recorded, by which maps could be weighted.")
        if self.spec.drop_first and table.is_pooled:
            raise MapFileError(
                f"{source.name}: participants and order are not recorded; no first fixation can be dropped."
            )
        keep = ~table.first_of_scanpaths() if self.spec.drop_first else np.ones(len(table), dtype=bool)
        match = match_table(table.images, images, "fixations")
        image_of = match.image_by_number
        self._rows_of = rows_by_image(table.image, keep, image_of)
        self._number_of: dict[str, int] = {}
        for number, image in sorted(image_of.items(), reverse=True):
            self._number_of[image] = number
        self.skipped = [(f"{source.name}, {name}", reason) for name, reason in (*table.skipped, *match.left_out)]
        if not self._rows_of:
            raise MapFileError(
                f"{source.name}: no fixation is on an image of the collection: "
                f"{no_match_reason(table.images, images, match)}"
            )
        notes = (*table.notes, *((match.note,) if match.note else ()))
        check = self._check_frame(size_px)
        self.kinds = self._kinds(int((~keep).sum()), check, notes)

    def with_smoothing(self, smoothing: str) -> FixationMaps:
        """Return the same fixations' maps, smoothed by a ClickMe smoothing in place of the Gaussian."""
        SMOOTHINGS[smoothing]
        other = copy.copy(self)
        other._smoothing = smoothing
        other.fingerprint = fingerprint(self.fingerprint, "smoothing", smoothing)
        return other

    def source_name(self, image: str) -> str | None:
        """Return the names of the source and of the image in it."""
        return f"{self._source}, {image}" if image in self._rows_of else None

    def read_map(self, image: str, kind: str, photo_px: tuple[int, int]) -> HumanMap | None:
        """Return one smoothed map of each participant on the image, or one of all where they are not told apart."""
        if image not in self._rows_of:
            return None
        frame_px = self._frame(image, photo_px)
        spec = PointMapSpec(sigma_px=self.spec.sigma_in(frame_px), weight="duration" if kind == DURATIONS else "count")
        key = ("fixations", self.fingerprint, image, kind, photo_px)
        maps: PointMaps | None = HUMAN_MAPS.get(key)
        if maps is None:
            maps = point_counts(self._points(image, photo_px), frame_px, spec)
            if not maps.participants:
                raise MapFileError("none of its fixations lies inside of the photograph.")
            smooth = SMOOTHINGS[self._smoothing] if self._smoothing else None
            smoothed = smooth(maps.maps) if smooth else smooth_maps(maps.maps, frame_px, spec)
            maps = replace(maps, maps=np.asarray(smoothed, dtype=np.float32))
            maps.maps.flags.writeable = False
            HUMAN_MAPS.put(key, maps, maps.maps.nbytes)
        attrs = {**asdict(spec), "frame_px": list(frame_px), "drop_first": int(self.spec.drop_first)}
        if self._smoothing:
            del attrs["sigma_px"]
            attrs["smoothing"] = self._smoothing
        attrs |= {"n_fixations": len(self._rows_of[image]), "n_outside": maps.n_outside}
        if self._table.is_pooled:
            return HumanMap(maps.maps[0], (), {**attrs, "n_participants": UNKNOWN_COUNT})
        return HumanMap(maps.maps, maps.participants, {**attrs, "n_participants": len(maps.participants)})

    def _frame(self, image: str, photo_px: tuple[int, int]) -> tuple[int, int]:
        """Return the (height, width) over which the photograph was shown, in pixels of the recording.

        Raises ``MapFileError`` where the file tells one of other proportions than the photograph's.
        """
        if self.spec.frame_px is not None:
            return self.spec.frame_px
        told = self._table.frames_px[self._number_of[image]]
        if self.spec.declares_frame or not all(told) or self._table.is_padded:
            return photo_px
        if told != photo_px:
            check_aspect(told, photo_px)
        return told

    def _points(self, image: str, photo_px: tuple[int, int]) -> Points:
        """Return an image's fixations in pixels of its frame, from the top left edge."""
        table, rows = self._table, self._rows_of[image]
        x, y = table.x_px[rows], table.y_px[rows]
        if self.spec.swap_xy:
            x, y = y, x
        if self.spec.units == "fraction":
            x, y = x * photo_px[1], y * photo_px[0]
        elif table.is_one_based if self.spec.one_based is None else self.spec.one_based:
            x, y = x - _MATLAB_PX, y - _MATLAB_PX
        if self.spec.offset_px is not None:
            x, y = x - self.spec.offset_px[0], y - self.spec.offset_px[1]
        elif table.is_padded and not self.spec.declares_frame:
            x, y = _unpadded(x, y, table.frames_px[self._number_of[image]], photo_px)
        who = table.participant[rows]
        people = self._people[who] if table.participants else who
        duration = table.duration_ms[rows] if table.has_durations else None
        return Points(people, x, y, duration)

    def _check_frame(self, size_px: SizeFunction) -> FrameCheck:
        """Compare the fixations on some images, spread over all, with their frames."""

        def points_on(image: str) -> tuple[Points, tuple[int, int]]:
            photo_px = size_px(image)
            return self._points(image, photo_px), self._frame(image, photo_px)

        is_told = self.spec.declares_frame or any(map(any, self._table.frames_px))
        declared = "positions" if is_told else "nothing"  # people look beside a photograph that stands on a display
        try:
            points = frame_points(sorted(self._rows_of), points_on)
            check = check_frame(points, "fixation", declared=declared, min_span=MIN_SPAN)
            check.refuse(_DECLARE)
        except MapFileError as error:
            raise MapFileError(f"{self._source}: {error}") from None
        return check

    def _kinds(self, n_dropped: int, check: FrameCheck, notes: Sequence[str]) -> dict[str, str]:
        """Return the kinds of maps with a sentence that tells what was read, assumed and left out."""
        table, spec = self._table, self.spec
        rows = np.concatenate(list(self._rows_of.values()))
        people = len(np.unique(table.participant[rows]))
        who = "participants together, number unknown" if table.is_pooled else counted(people, "participant")
        if spec.sigma_px is not None:
            sigma = f"{spec.sigma_px:g} px"
        elif spec.sigma_degrees is not None:
            sigma = f"{spec.sigma_degrees:g} degrees ({spec.sigma_in((1, 1)):g} px)"
        else:
            sigma = f"{SIGMA_FRACTION:.0%} of the longer side"
        one = "one map of all" if table.is_pooled else "one map each, averaged"
        about = [
            f"{one}, smoothed with a Gaussian of {sigma}.",
            f"{counted(len(rows), 'fixation')} on {counted(len(self._rows_of), 'image')}. {check.description()}",
        ]
        if spec.drop_first:
            about.append(f"The first of each participant on each image was dropped ({n_dropped:,}).")
        text = " ".join([*about, *notes])
        sentences = {FIXATIONS: f"{table.title}, {who}: fixations counted, {text}"}
        if table.has_durations:
            sentences[DURATIONS] = f"{table.title}, {who}: fixations weighted by duration, {text}"
        order = (DURATIONS, FIXATIONS) if spec.weight == "duration" else (FIXATIONS, DURATIONS)
        return {kind: sentences[kind] for kind in order if kind in sentences}


def _ids(participants: Sequence[str]) -> np.ndarray:
    """Return ids as whole numbers where all are such, which sort by value, else as texts."""
    is_number = all(one.isascii() and one.isdigit() and str(int(one)) == one and len(one) < 19 for one in participants)
    return np.array(participants, dtype=np.int64 if is_number else str)


def _unpadded(
    x: np.ndarray, y: np.ndarray, display_px: tuple[int, int], photo_px: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Return positions on a display in pixels of the photograph, which stands in its middle as large as it can."""
    scale = min(display_px[0] / photo_px[0], display_px[1] / photo_px[1])
    left, top = ((display_px[axis] - photo_px[axis] * scale) / 2 for axis in (1, 0))
    return (x - left) / scale, (y - top) / scale
