"""Checks that a human map passes before it is used: its shape, its values, and that it is no other kind of array.

Three things look like importance maps and are none: a constant array, which tells no place from another; a label mask,
whose integers name objects; and a stack of cumulative maps, whose members are no participants.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np
import xarray as xr

from gala_viz.cpu_threads import available_cores
from gala_viz.error_text import error_message

MAX_SIDE = 4096
MAX_PARTICIPANTS = 1000
MAX_VALUES = 64_000_000
ASPECT_TOLERANCE = 0.05
IGNORE_LABELS = (255, 1000, 65535)
"""Values by which label masks mark pixels that belong to nothing."""
MAX_LABELS = 32
MIN_CELLS_PER_LABEL = 16
"""A label mask is piecewise constant: it has at least so many cells for each of its values, on average."""
FEW_LEVELS, MAX_LEVELS = 12, MAX_LABELS
"""A mean over up to ``MAX_LEVELS`` binary maps is importance, though it has few values. Of a mean over more than
``FEW_LEVELS`` a third of the levels must be there, else labels would often fit."""
CHECKED_MAPS = 16
"""Number of maps that are checked when a source of maps is opened, spread over all."""
MAX_LISTED = 6
SMALLEST_MAXIMUM, LARGEST_MAXIMUM = 1e-30, 1e30
"""Maps whose largest value lies outside of these are scaled: float32 has few numbers below, and no sums above."""
STEPS = 256
"""A map that spans fewer steps of float32 is checked for values that become the same."""

_NUMBER = re.compile(r"\d[\d.,e+-]*")

Item = TypeVar("Item")


class MapFileError(ValueError):
    """A map file that is refused; the message says why and what was expected."""


class LabelMaskError(MapFileError):
    """A label mask in place of a map."""


@contextmanager
def damage_refused(what: str, length: int = 120, refusal: type[ValueError] = MapFileError) -> Iterator[None]:
    """Let what a reader raises on a damaged file be a ``refusal`` of ``what``; what the system raises stays.

    Readers raise errors of many kinds on damaged files. ``length`` is that of the reader's message in the sentence. A
    ``MapFileError`` is turned into a ``refusal`` with the same message.
    """
    try:
        yield
    except refusal:
        raise
    except MapFileError as error:
        raise refusal(str(error)) from None
    except Exception as error:
        if failed_to_read(error):
            raise
        raise refusal(f"{what} cannot be read ({error_message(error, length)}).") from error


def failed_to_read(error: BaseException | None) -> bool:
    """Return whether the system could not read a file, which says nothing of its content.

    Readers raise ``OSError`` without a number on damaged files, too, and HDF5 gives the number in words.
    """
    return isinstance(error, OSError) and (error.errno is not None or "errno = " in str(error))


def check_shape(shape: tuple[int, ...], n_participants: int = 1) -> None:
    """Raise ``MapFileError`` for a map ``shape`` (y, x) too small or too large, or for too many participants."""
    height, width = shape
    if not (2 <= height <= MAX_SIDE and 2 <= width <= MAX_SIDE):
        raise MapFileError(f"each side of a map has 2 to {MAX_SIDE} cells; this one has {height} x {width}.")
    if not 1 <= n_participants <= MAX_PARTICIPANTS or n_participants * height * width > MAX_VALUES:
        raise MapFileError(f"maps of at most {MAX_PARTICIPANTS} participants and {MAX_VALUES:,} values are read.")


def check_aspect(shape: tuple[int, ...], photo_px: tuple[int, int]) -> None:
    """Raise ``MapFileError`` for a map ``shape`` (y, x) without the proportions of ``photo_px`` (height, width)."""
    height, width = shape
    expected = photo_px[0] / photo_px[1]
    lowest, highest = (height - 1) / (width + 1), (height + 1) / (width - 1)
    if not lowest / (1 + ASPECT_TOLERANCE) <= expected <= highest * (1 + ASPECT_TOLERANCE):
        raise MapFileError(
            f"a map covers the whole photograph; {height} x {width} cells do not fit {photo_px[0]} x {photo_px[1]} px "
            "(height x width). Save the map in the photograph's proportions."
        )


def unusable_reason(values: np.ndarray) -> str:
    """Return why the map ``values`` (..., y, x) says nothing of where people looked; "" for a usable one.

    Values must be finite, at least 0 and not all the same: an array of zeros means that nobody marked anything, and any
    other constant ranks no place above another. They are checked as they are stored. Maps are converted to float32 (see
    ``to_float32``): one whose values differ but become the same there is unusable, too.
    """
    values = _as_floats(values)
    low, high = values.min(), values.max()
    if not (np.isfinite(low) and np.isfinite(high)):  # of values with NaN both are NaN
        count = int((~np.isfinite(values)).sum())
        return f"a map's values are finite numbers; {count} of {values.size} are not."
    if low < 0:
        return f"a map's values are at least 0; the smallest is {low:.4g}."
    if low == high:
        if high == 0:
            return "all of its values are 0: nobody marked anything."
        return f"all of its values are {high:.4g}: it tells no place from another."
    return _lost_in_float32(values)


def to_float32(values: np.ndarray) -> np.ndarray:
    """Convert the maps ``values`` (..., y, x) of one image, for which ``unusable_reason`` is "", to float32.

    Maps whose largest value lies outside ``SMALLEST_MAXIMUM`` to ``LARGEST_MAXIMUM`` are multiplied by a power of two,
    all by the same.
    """
    values = _as_floats(values)
    top = float(values.max())
    if top > 0 and not SMALLEST_MAXIMUM <= top <= LARGEST_MAXIMUM:
        values = np.ldexp(values, -math.frexp(top)[1])
    return np.ascontiguousarray(values, np.float32)


def _as_floats(values: np.ndarray) -> np.ndarray:
    """Return ``values`` in float32 where that holds them exactly, else in float64."""
    values = np.asarray(values)
    exact = np.can_cast(values.dtype, np.float32)
    with np.errstate(over="ignore"):
        return values.astype(np.float32 if exact else np.float64, copy=False)


def _lost_in_float32(values: np.ndarray) -> str:
    """Return why one of the maps ``values`` (..., y, x) loses its levels in float32, or "" where none does.

    The values are finite and at least 0.
    """
    if values.dtype != np.float64:
        return ""
    rounded = to_float32(values)
    for stored, one in zip(
        values.reshape(-1, *values.shape[-2:]), rounded.reshape(-1, *values.shape[-2:]), strict=True
    ):
        low, high = float(stored.min()), float(stored.max())
        if high == low or float(one.max()) - float(one.min()) >= STEPS * float(np.spacing(one.max())):
            continue
        levels = [len(np.unique(_levels(each))) for each in (stored, one)]
        if levels[1] < levels[0]:
            return (
                f"its values, {low:.10g} to {high:.10g}, differ by too little of their size for float32, in which maps "
                f"are kept: of {levels[0]} levels {levels[1]} would be left. Subtract the smallest value, divide by "
                "the largest, and save it anew."
            )
    return ""


def _levels(values: np.ndarray) -> np.ndarray:
    """Quantise ``values`` to whole steps, ``STEPS`` from the smallest to the largest."""
    values = values.astype(np.float64)
    span = values.max() - values.min()
    return np.rint((values - values.min()) / span * (STEPS - 1)) if span > 0 else np.zeros_like(values)


class SupportsHumanMap(Protocol):
    """The part of a collection that ``usable_map`` needs."""

    def human_map(self, image: str, kind: str | None = None, participant: str | None = None) -> xr.DataArray | None:
        """Return the human map of an image.

        Parameters
        ----------
        image : str
            Id of the image.
        kind : str, optional
            Human-map kind; None: the default.
        participant : str, optional
            Id of one participant; None: the map of all.

        Returns
        -------
        DataArray or None
            Map (y, x); None where there is none.
        """
        ...

    def has_human_map(self, image: str) -> bool:
        """Return whether ``human_map`` returns a map, as far as that is known.

        Parameters
        ----------
        image : str
            Id of the image.

        Returns
        -------
        bool
            Whether there is a map.
        """
        ...


class SupportsParticipantMaps(Protocol):
    """The part of a collection that ``usable_participants`` needs."""

    def participant_maps(self, image: str, kind: str | None = None) -> xr.DataArray | None:
        """Return one human map of each participant on an image.

        Parameters
        ----------
        image : str
            Id of the image.
        kind : str, optional
            Human-map kind; None: the default.

        Returns
        -------
        DataArray or None
            Maps (participant, y, x); None where participants are not known one by one.
        """
        ...


class ImagesWithHumanMaps(SupportsHumanMap, SupportsParticipantMaps, Protocol):
    """The part of a collection that scores against human maps need."""

    @property
    def name(self) -> str:
        """Name of the collection."""
        ...

    @property
    def fingerprint(self) -> str:
        """Hash of all that determines its maps, beside ``map_version``."""
        ...

    @property
    def images(self) -> tuple[str, ...]:
        """Ids of its images."""
        ...

    @property
    def map_kinds(self) -> dict[str, str]:
        """Human-map kind -> a sentence that describes it."""
        ...

    def category(self, image: str) -> str | None:
        """Return the category of an image.

        Parameters
        ----------
        image : str
            Id of the image.

        Returns
        -------
        str or None
            None where it is not known.
        """
        ...

    def size_px(self, image: str) -> tuple[int, int]:
        """Return the size of an image's photograph.

        Parameters
        ----------
        image : str
            Id of the image.

        Returns
        -------
        tuple of int
            (height, width) in pixels.
        """
        ...

    def map_version(self, image: str) -> int:
        """Return a number that changes with an image's human map.

        Parameters
        ----------
        image : str
            Id of the image.

        Returns
        -------
        int
            The number.
        """
        ...


class Frame(Protocol):
    """The part of a network's preprocessing that cuts maps like the photograph."""

    def map_to_frame(self, human_map: xr.DataArray) -> xr.DataArray:
        """Cut maps over a whole photograph to the network's frame.

        Parameters
        ----------
        human_map : DataArray
            Maps (..., y, x) over the photograph.

        Returns
        -------
        DataArray
            Maps (..., y, x) over the network's frame.
        """
        ...


def marked_images(collection: SupportsHumanMap, images: Iterable[str]) -> tuple[str, ...]:
    """Return those of ``images`` that should have human maps, also where one proved unusable when it was read."""
    reason_of = getattr(collection, "why_no_map", lambda image: "")
    return tuple(image for image in images if collection.has_human_map(image) or reason_of(image))


def usable_map(
    collection: SupportsHumanMap, image: str, kind: str | None = None, participant: str | None = None
) -> tuple[xr.DataArray | None, str]:
    """Return the human map of an image that should have one and "", or None and why the map cannot be used.

    What a file holds is known once it is read: ``has_human_map`` is True until then. See ``marked_images``.

    Parameters
    ----------
    collection : SupportsHumanMap
        Whose map it is.
    image : str
        Id of the image.
    kind : str, optional
        Human-map kind; default: the collection's first.
    participant : str, optional
        Id of one participant; default: the map of all.

    Returns
    -------
    map : DataArray or None
        The usable map (y, x).
    reason : str
        Why there is none, or "".
    """
    named = () if kind is None and participant is None else (kind, participant)
    human_map = collection.human_map(image, *named)
    if human_map is None:
        reason_of = getattr(collection, "why_no_map", lambda image: "")
        return None, reason_of(image) or "it could not be read."
    why = unusable_reason(human_map.values)
    return (None, why) if why else (human_map, "")


def usable_participants(
    collection: SupportsParticipantMaps, image: str, kind: str | None = None
) -> tuple[xr.DataArray | None, str]:
    """Return the maps (participant, y, x) of an image that are not constant and "", or None and why none can be used.

    None and "" where participants are not known one by one. The maps are of the default ``kind`` unless another is
    named.
    """
    maps = collection.participant_maps(image, *(() if kind is None else (kind,)))
    if maps is None or not maps.sizes["participant"]:
        return None, ""
    try:
        _, names = drop_constant_maps(maps.values, tuple(maps["participant"].values.tolist()))
    except MapFileError as error:
        return None, str(error)
    return (maps if len(names) == maps.sizes["participant"] else maps.sel(participant=list(names))), ""


def any_unread(collection: SupportsHumanMap, images: Iterable[str]) -> bool:
    """Return whether a map of ``images`` could not be read the last time, so that it may be usable the next time."""
    is_unread = getattr(collection, "map_unread", None)
    return is_unread is not None and any(map(is_unread, images))


def why_not_in_frame(framed: np.ndarray) -> str:
    """Return why a usable map says nothing after it was cut to a network's frame; "" where it does."""
    if framed.min() < framed.max():
        return ""
    return f"{'it is the same everywhere' if framed.any() else 'nothing of it lies'} in the network's frame."


def usable_maps(
    collection: SupportsHumanMap, images: Iterable[str], frame: Frame | None = None
) -> tuple[tuple[str, ...], dict[str, str]]:
    """Return those of ``images`` whose human maps can be used, and image -> why the map cannot be used for the others.

    ``images`` should have human maps. With ``frame``, a network's, maps must be usable in that frame.
    """

    def reason(image: str) -> str:
        human_map, why = usable_map(collection, image)
        return why_not_in_frame(frame.map_to_frame(human_map).values) if human_map is not None and frame else why

    images = tuple(images)
    with ThreadPoolExecutor(min(8, available_cores())) as pool:
        reasons = dict(zip(images, pool.map(reason, images), strict=True))
    usable = tuple(image for image, reason in reasons.items() if not reason)
    return usable, {image: reason for image, reason in reasons.items() if reason}


def describe_usable_maps(n_usable: int, left_out: Mapping[str, str]) -> str:
    """Describe how many maps are usable, for example "57 of 60 maps usable (left out 3: REASON)".

    Reasons that differ by their numbers alone are one: it is counted, with the most frequent of them as an example.
    """
    summary = f"{n_usable} of {n_usable + len(left_out)} maps usable"
    if not left_out:
        return summary
    groups: dict[str, Counter[str]] = {}
    for why in left_out.values():
        groups.setdefault(_NUMBER.sub("#", why), Counter())[why.rstrip(".")] += 1
    ordered = sorted(groups.values(), key=lambda group: -group.total())
    listed = "; ".join(
        f"{group.total()}{', for example' * (len(group) > 1)}: {group.most_common(1)[0][0]}" for group in ordered[:3]
    )
    return f"{summary} (left out {listed}{'; …' if len(ordered) > 3 else ''})"


def check_values(values: np.ndarray) -> None:
    """Raise ``MapFileError`` for a map, or maps, for which ``unusable_reason`` gives a reason."""
    if why := unusable_reason(values):
        raise MapFileError(why)


def drop_constant_maps(values: np.ndarray, participants: tuple[str, ...]) -> tuple[np.ndarray, tuple[str, ...]]:
    """Drop constant maps from ``values`` (participant, y, x); return the others as float32, and their participants.

    A participant who marked nothing cannot be in a half of a noise ceiling and does not count. Raises ``MapFileError``
    for values that are not finite or negative, and where no map is left.
    """
    check_values(values)
    values = to_float32(values)
    differs = values.min(axis=(1, 2)) < values.max(axis=(1, 2))
    if not differs.any():
        raise MapFileError("each participant's map is constant: nobody marked anything.")
    names = tuple(name for name, one in zip(participants, differs.tolist(), strict=True) if one)
    return values if differs.all() else values[differs], names


def check_no_labels(values: np.ndarray) -> None:
    """Raise ``LabelMaskError`` for a label mask, ``values`` (..., y, x) as they are stored.

    A label mask has an ignore label (255, 1000 or 65535) above a few small integers, each on many cells. A binary mask,
    and the mean of a few binary ones, rise in even steps up to their largest value and pass.
    """
    top = values.max()
    if not np.isfinite(top) or int(top) not in IGNORE_LABELS or top != int(top):
        return
    levels = np.unique(values)
    small = levels[(levels > 0) & (levels < top)]
    if not 0 < len(small) <= MAX_LABELS or values.size < MIN_CELLS_PER_LABEL * len(levels):
        return
    if (small != np.floor(small)).any() or _in_even_steps(small, int(top)):
        return
    raise LabelMaskError(
        f"it holds {describe_values(levels)}: the labels of a mask, of which {int(top)} usually means 'ignore', and no "
        "importance. Make a map of the objects that you mean (1 on them, 0 elsewhere); if this is importance all the "
        "same, divide it by its largest value and save it as an array of floating-point numbers."
    )


def check_are_no_masks(maps: Iterable[tuple[str, Callable[[], object]]]) -> None:
    """Raise ``LabelMaskError`` where one of the ``maps`` of a folder or file is a label mask.

    ``maps`` are (name, function that reads the map). A mask is recognised by its "ignore" label alone: others of its
    kind would be taken for maps. Maps that cannot be read, or are refused for another reason, are ignored here.
    """
    for name, read in maps:
        try:
            read()
        except LabelMaskError as error:
            raise LabelMaskError(
                f"{name}: {error} The others beside it are then masks too, those that happen to have no such label "
                "among them, and none is taken for importance; if it is one among maps, take it out."
            ) from None
        except (MapFileError, OSError):
            continue  # reported when the map is read


def spread(items: Sequence[Item], count: int) -> list[Item]:
    """Return at most ``count`` of ``items``, evenly from first to last."""
    count = min(count, len(items))
    return [items[number * len(items) // count] for number in range(count)]


def check_not_cumulative(values: np.ndarray) -> None:
    """Raise ``MapFileError`` for maps (participant, y, x) of which each contains the one before.

    None of ``values`` may be constant. These are the cumulative bins of one map, from which "participants" would agree
    almost perfectly. Bins that were divided by their own sums are recognised by the cells that they cover: each covers
    all that the one before does. Of two people one may well have marked all that the other did, so that two maps pass.
    """
    if len(values) < 3:
        return
    slack = 1e-6 * float(np.abs(values).max())
    rises = all((later >= earlier - slack).all() for earlier, later in pairwise(values))
    covered = values > 0
    nested = not (covered[:-1] & ~covered[1:]).any() and (covered[0] != covered[-1]).any()
    if rises or nested:
        raise MapFileError(
            f"its first axis has {len(values)} maps of which each contains the one before: cumulative bins of one map, "
            "and no participants. Save the last one alone as (y, x), or one map for each participant."
        )


def describe_values(values: np.ndarray) -> str:
    """Describe sorted values, for example as "the values 0, 1, 2 and 255"."""
    listed = [f"{value:g}" for value in values.tolist()]
    if len(listed) == 1:
        return f"the value {listed[0]}"
    if len(listed) > MAX_LISTED:
        listed = [*listed[: MAX_LISTED - 2], "…", listed[-1]]
    return f"the values {', '.join(listed[:-1])} and {listed[-1]}"


def _in_even_steps(small: np.ndarray, top: int) -> bool:
    """Return whether the values ``small`` are steps of ``top`` / n, rounded up or down, for one n up to ``MAX_LEVELS``.

    For n above ``FEW_LEVELS`` at least a third of the steps must be there.
    """
    return any(
        np.isin(small, [rounded(top * step / n) for step in range(1, n) for rounded in (np.floor, np.ceil)]).all()
        for n in range(2, MAX_LEVELS + 1)
        if n <= FEW_LEVELS or 3 * len(small) >= n
    )


def check_no_links(folder: Path) -> None:
    """Raise ``MapFileError`` where a link inside ``folder`` leads out of it."""
    root = folder.resolve()
    for path in folder.rglob("*"):
        if path.is_symlink() and not path.resolve().is_relative_to(root):
            raise MapFileError(f"{folder.name}: the link {path.relative_to(folder)} leaves it and is not followed.")
