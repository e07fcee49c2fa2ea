"""A collection together with the maps that the game has collected on it so far."""

from __future__ import annotations

import threading
import time
from typing import Any

import numpy as np
import xarray as xr

from gala_viz.collections.clickme.painted_map import SMOOTHING
from gala_viz.collections.clickme.participant_maps import participant_maps
from gala_viz.collections.clickme.round_table import round_table
from gala_viz.collections.collection import Collection
from gala_viz.collections.human_maps.points import PointMaps
from gala_viz.records.database import Database
from gala_viz.records.finished_rounds import finished_rounds, participants_by_image
from gala_viz.registry import position_of
from gala_viz.schema import labelled_map
from gala_viz.specs import content_key, fingerprint

PARTICIPANTS_LIFETIME_S = 2.0
"""How long it is taken as known who painted which image, before it is read anew."""
CACHE_SIZE = 64


class CollectionWithGameMaps:
    """``collection`` with one more kind of human map, the default: what was painted on it in ``database``.

    Simulated participants' rounds are a kind of their own, which says so; it is there if they had any when this was
    made, and it is the default while people had none. Maps follow the game while it is played: with every finished
    round, and where a participant withdraws, they and ``map_version`` change within ``PARTICIPANTS_LIFETIME_S``.
    Everything else is the collection's.
    """

    def __init__(self, collection: Collection, database: Database) -> None:
        self._collection, self._database = collection, database
        self._painted_by: dict[bool, dict[str, frozenset[str]]] = {False: {}, True: {}}
        self._read_s = float("-inf")
        self._lock = threading.Lock()
        self._maps: dict[tuple[str, bool, frozenset[str]], PointMaps] = {}
        made = f"one count map each, averaged, smoothed ({SMOOTHING}); all finished rounds, not filtered"
        self._own = {"collected ClickMe": False}
        if self._participants(True):
            self._own["collected SIMULATED ClickMe"] = True
        if not self._participants(False) and len(self._own) > 1:
            self._own = dict(sorted(self._own.items(), key=lambda one: not one[1]))
        who = {False: "people who played the game", True: "SIMULATED participants who played the game"}
        self.map_kinds = {kind: f"Maps of {who[of]}: {made}." for kind, of in self._own.items()}
        self.map_kinds |= collection.map_kinds
        self.origin: dict[str, str] = {}  # no name or folder tells the game
        self.fingerprint = fingerprint("collected", collection.fingerprint, database.name, SMOOTHING)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # copying looks up attributes before ``__init__`` has set any
            raise AttributeError(name)
        return getattr(self._collection, name)

    def __len__(self) -> int:
        return len(self._collection)

    def __contains__(self, image: object) -> bool:
        return image in self._collection

    def map_kind(self, kind: str | None) -> str:
        """Return ``kind`` itself, or the default for None. Raises ``UnknownNameError`` for a kind that is not known."""
        if kind is None:
            return next(iter(self.map_kinds))
        return kind if kind in self._own else self._collection.map_kind(kind)

    def map_version(self, image: str) -> int:
        """Return a number that stands for all who painted the image by now, simulated participants included."""
        painted = [sorted(self._participants(simulated).get(image, ())) for simulated in self._own.values()]
        return content_key(repr(painted).encode()) if any(painted) else 0

    def has_human_map(self, image: str) -> bool:
        """Return whether anybody painted the image, in the default kind."""
        self._collection.check(image)
        return image in self._participants(self._own[self.map_kind(None)])

    def why_no_map(self, image: str) -> str:
        """Return why ``human_map`` returned None for an image that somebody painted; else an empty text."""
        return "nothing that was painted lies inside of it." * self.has_human_map(image)

    def map_unread(self, image: str) -> bool:
        """Return False: rounds are in the records, and no file can fail to be read."""
        return False

    def participants(self, image: str, kind: str | None = None) -> tuple[str, ...]:
        """Return the ids of the participants who painted the image."""
        kind = self.map_kind(kind)
        if kind not in self._own:
            return self._collection.participants(image, kind)
        point_maps = self._point_maps(image, self._own[kind])
        return point_maps.participants if point_maps else ()

    def participant_maps(self, image: str, kind: str | None = None) -> xr.DataArray | None:
        """Return one map each, float32 (participant, y, x), or None where nobody painted the image."""
        kind = self.map_kind(kind)
        if kind not in self._own:
            return self._collection.participant_maps(image, kind)
        point_maps = self._point_maps(image, self._own[kind])
        leading = {"participant": list(point_maps.participants)} if point_maps else None
        return point_maps and self._labelled(image, kind, point_maps.maps, point_maps, leading)

    def human_map(self, image: str, kind: str | None = None, participant: str | None = None) -> xr.DataArray | None:
        """Return the mean map over participants, or that of ``participant``; None where nobody painted the image."""
        kind = self.map_kind(kind)
        if kind not in self._own:
            return self._collection.human_map(image, kind, participant)
        point_maps = self._point_maps(image, self._own[kind])
        if participant is not None:
            known = point_maps.participants if point_maps else ()
            position = position_of(f"participant of image {image!r}", participant, known)
            return self._labelled(image, kind, point_maps.maps[position], point_maps)
        return None if point_maps is None else self._labelled(image, kind, point_maps.maps.mean(axis=0), point_maps)

    def _labelled(
        self, image: str, kind: str, values: np.ndarray, point_maps: PointMaps, leading: dict | None = None
    ) -> xr.DataArray:
        attrs = {"kind": kind, "smoothing": SMOOTHING, "n_participants": len(point_maps.participants)}
        attrs |= {"simulated": 1} if self._own[kind] else {}
        return labelled_map(
            values, name="human_map", extent_px=self._collection.size_px(image), leading=leading, attrs=attrs
        )

    def _participants(self, simulated: bool) -> dict[str, frozenset[str]]:
        """Return image -> ids of those who painted it."""
        with self._lock:
            if time.monotonic() - self._read_s > PARTICIPANTS_LIFETIME_S:
                for one in (False, True):
                    self._painted_by[one] = participants_by_image(self._database, self._collection.name, simulated=one)
                self._read_s = time.monotonic()
            return self._painted_by[simulated]

    def _point_maps(self, image: str, simulated: bool) -> PointMaps | None:
        """Return the maps of an image from its finished rounds, cached by who painted it; None where nobody did."""
        self._collection.check(image)
        participants = self._participants(simulated).get(image)
        if participants is None:
            return None
        key = (image, simulated, participants)
        with self._lock:
            point_maps = self._maps.get(key)
        if point_maps is None:
            finished = finished_rounds(self._database, self._collection.name, [image], simulated=simulated)
            rounds = round_table(one for one in finished if one.participant in participants)
            points = rounds.points(np.arange(len(rounds)))
            point_maps = participant_maps(points, self._collection.size_px(image), SMOOTHING)
            with self._lock:
                while len(self._maps) >= CACHE_SIZE:
                    self._maps.pop(next(iter(self._maps)))
                self._maps[key] = point_maps
        return point_maps if point_maps.participants else None
