"""The human maps of one image, and what every source of them offers, whatever file they come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

UNKNOWN_COUNT = "unknown"
"""Stands for the number of participants of a mean map whose file does not say it."""


@dataclass(frozen=True, slots=True)
class HumanMap:
    """The human maps of one image, of all participants together or one by one, over its whole photograph.

    Parameters
    ----------
    values : array
        float32 (y, x), the mean over all participants, or (participant, y, x).
    participants : tuple of str
        Ids of the participants, in the order of ``values``; empty where they are not known one by one.
    attrs : mapping
        Settings and counts that become attrs of the labelled map.
    """

    values: np.ndarray
    participants: tuple[str, ...] = ()
    attrs: Mapping[str, Any] = field(default_factory=dict)


class HumanMaps(Protocol):
    """Human maps of a collection's images. All methods may be called from any thread."""

    kinds: dict[str, str]
    """Human-map kind -> a sentence that describes it; the first kind is the default."""
    fingerprint: str

    @property
    def skipped(self) -> Sequence[tuple[str, str]]:
        """What was left out when the maps were opened: (name, reason)."""
        ...

    def source_name(self, image: str) -> str | None:
        """Return what holds an image's maps, in the words of ``skipped``.

        Parameters
        ----------
        image : str
            Id of the image.

        Returns
        -------
        str or None
            Name of a file or of an entry in it; None where there are no maps of the image.
        """
        ...

    def read_map(self, image: str, kind: str, photo_px: tuple[int, int]) -> HumanMap | None:
        """Read the maps of an image.

        Parameters
        ----------
        image : str
            Id of the image.
        kind : str
            Human-map kind, a key of ``kinds``.
        photo_px : tuple of int
            (height, width) of the photograph in pixels.

        Returns
        -------
        HumanMap or None
            The maps; None where there are none of the image.

        Raises
        ------
        MapFileError
            The maps cannot be used.
        OSError
            Their file cannot be read.
        """
        ...
