"""Maps of a round's summary: where the player painted, and where others did."""

from __future__ import annotations

from typing import Any

import numpy as np

from gala_viz.collections.clickme.painted_map import SMOOTHING, painted_map
from gala_viz.collections.clickme.participant_maps import participant_maps
from gala_viz.collections.collection import Collection
from gala_viz.collections.human_maps.points import Points
from gala_viz.networks.preprocessing import Preprocessing
from gala_viz.records.canvas import Box
from gala_viz.records.database import Database
from gala_viz.records.finished_rounds import finished_rounds
from gala_viz.wire import encode_map


def player_map(points: list[tuple[float, float]], side_px: int) -> str | None:
    """Encode the map of the player's own ``points`` (x, y) in canvas pixels; None without points."""
    own = painted_map(np.array(points), (side_px, side_px))
    return None if own is None else encode_map(own.values)


def other_players_map(
    database: Database, collection: Collection, image: str, box: Box, participant: str, *, simulated: bool
) -> dict[str, Any] | None:
    """Return the mean map of all others who painted the image, else the collection's own human map.

    Parameters
    ----------
    database : Database
        The records.
    collection : Collection
        The collection of the game.
    image : str
        Id of the image.
    box : tuple of float
        The centre square that the canvas shows: left, top, right and bottom in the photograph's pixels.
    participant : str
        Id of the player, who is left out.
    simulated : bool
        Whether the others are simulated participants instead of people.

    Returns
    -------
    dict or None
        ``map`` (see ``encode_map``), ``n`` participants (None where it is not known) and ``simulated``; None where
        there is no map, or an empty one.
    """
    left, top, _, bottom = box
    rounds = [
        one
        for one in finished_rounds(database, collection.name, [image], simulated=simulated)
        if one.participant != participant
    ]
    if rounds:
        names = np.concatenate([np.full(len(one.x_px), one.participant) for one in rounds])
        x, y = (np.concatenate([getattr(one, axis) for one in rounds]) for axis in ("x_px", "y_px"))
        painted = participant_maps(Points(names, x - left, y - top), (bottom - top, bottom - top), SMOOTHING)
        encoded = encode_map(painted.maps.mean(axis=0)) if painted.participants else None
        return encoded and {"map": encoded, "n": len(painted.participants), "simulated": simulated}
    human = collection.human_map(image) if collection.has_human_map(image) else None
    if human is None:
        return None
    square = Preprocessing(short_px=256, crop_px=256).map_to_frame(human)
    n = human.attrs.get("n_participants")
    encoded = encode_map(square.values)
    n_known = int(n) if isinstance(n, int | np.integer) else None
    return encoded and {"map": encoded, "n": n_known, "simulated": bool(human.attrs.get("simulated", False))}
