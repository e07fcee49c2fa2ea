"""One row of the grid: a photograph's pictures and words, from a source, as a page and a figure for print show them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gala_viz.engine.results.reliability import reliability_text
from gala_viz.plots.colour_scale import colour_limits, delta_limit
from gala_viz.plots.grid_columns import GridColumn
from gala_viz.plots.map_pictures import map_over_photo
from gala_viz.schema import count_participants
from gala_viz.specs import MapRequest
from gala_viz.store.source import Cancelled, MapSource, MapUpdate, finished_maps, request_of_image

SCALE_TEXT = "Maps of one method share one scale in each row; a delta's and a layer's are their own."


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class GridCell:
    """One cell: ``picture`` (y, x, 3) uint8, None where there is nothing to show, and ``text`` below it."""

    picture: NDArray[np.uint8] | None
    text: str = ""


def grid_cells(
    source: MapSource, image: str, columns: Sequence[GridColumn], request: MapRequest, cancelled: Cancelled
) -> list[GridCell] | None:
    """Return the cells of one row; maps that are not at hand are computed.

    Parameters
    ----------
    source : MapSource
        Its two networks.
    image : str
        Id of an image.
    columns : sequence of GridColumn
        In order.
    request : MapRequest
        Settings of the maps; a column may name another method. A participant of whom the image has no map counts as
        all of them, a true category that is not known as own predictions.
    cancelled : callable
        Cancellation callback.

    Returns
    -------
    list of GridCell or None
        None once cancelled. Maps of one method share one scale.
    """
    view, request = source.view(image), request_of_image(source, image, request)
    updates: dict[str, MapUpdate] = {}
    for column in columns:
        if column.kind in ("map", "delta") and column.method not in updates:
            asked = replace(request, method=column.method or request.method)
            update = finished_maps(source, image, asked, cancelled, background=True)
            if update is None:
                return None
            updates[column.method] = update
    return [_cell(source, image, column, request, view, updates) for column in columns]


def _cell(
    source: MapSource,
    image: str,
    column: GridColumn,
    request: MapRequest,
    view: np.ndarray,
    updates: dict[str, MapUpdate],
) -> GridCell:
    """Return the picture and the words of one cell."""
    if column.kind == "photo":
        return GridCell(picture=view)
    if column.kind == "people":
        return _people(source, image, request, view)
    if column.kind == "layer":
        return _layer(source, image, column, view)
    update = updates[column.method]
    if column.kind == "delta":
        end = delta_limit(update.delta.values)
        picture = map_over_photo(view, update.delta.values, (-end, end))
        return GridCell(picture=picture, text=reliability_text(update.delta_reliability))
    limits = colour_limits(update.maps.values, "shared")[column.network]
    prediction = source.forward(image).predictions[column.network]
    rho = float(update.scores["rho"].values[column.network])
    sign = {True: "✓ ", False: "✗ ", None: ""}[prediction.correct]
    words = f"{sign}{prediction.text}"
    return GridCell(
        picture=map_over_photo(view, update.maps.values[column.network], limits),
        text=" · ".join(filter(None, [words, f"rho {rho:.2f}" if np.isfinite(rho) else ""])),
    )


def _people(source: MapSource, image: str, request: MapRequest, view: np.ndarray) -> GridCell:
    participants = source.participants(image, request.human_map)
    one = request.participant if request.participant in participants else None
    human_map = source.human_map(image, request.human_map, one)
    if human_map is None:
        return GridCell(picture=None, text="not marked")
    n = 1 if one is not None else count_participants(human_map, participants)
    words = f"participant {one}" if one is not None else "" if n is None else f"n = {n}"
    return GridCell(picture=map_over_photo(view, human_map.values), text=words)


def _layer(source: MapSource, image: str, column: GridColumn, view: np.ndarray) -> GridCell:
    norm = source.forward(image).attention_norms[column.network][column.layer].values
    limits = colour_limits(norm[None], "per map", from_zero=True)[0]
    return GridCell(picture=map_over_photo(view, norm, limits), text=f"0–{limits[1]:.3g}")
