"""One row of the grid: a photograph's pictures and words, from a source, in a worker's thread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from gala_viz.engine.results.reliability import reliability_text
from gala_viz.panels.grid.grid_columns import GridColumn
from gala_viz.plots.colour_scale import colour_limits, delta_limit
from gala_viz.plots.map_pictures import map_picture, photo_picture
from gala_viz.schema import count_participants
from gala_viz.specs import MapRequest
from gala_viz.store.source import Cancelled, MapSource, MapUpdate

PICTURE_PX = 224
"""Longer side of a picture, at most."""


def grid_row(
    source: MapSource, image: str, columns: Sequence[GridColumn], request: MapRequest, cancelled: Cancelled
) -> dict[str, Any] | None:
    """Return one row as ``ImageGrid`` takes it; maps that are not at hand are computed.

    Parameters
    ----------
    source : MapSource
        Its two networks.
    image : str
        Id of an image.
    columns : sequence of GridColumn
        In order.
    request : MapRequest
        Settings of the maps; a column may name another method.
    cancelled : callable
        Cancellation callback.

    Returns
    -------
    dict or None
        ``id``, ``title``, ``about`` and ``cells`` (src, a data URL or "", and text); None once cancelled. Maps of one
        method share one scale in the row.
    """
    info, view = source.info(image), source.view(image)
    updates: dict[str, MapUpdate] = {}
    for column in columns:
        if column.kind in ("map", "delta") and column.method not in updates:
            update = _finished(source, image, replace(request, method=column.method or request.method), cancelled)
            if update is None:
                return None
            updates[column.method] = update
    cells = [_cell(source, image, column, request, view, updates) for column in columns]
    return {"id": image, "title": info.heading, "about": info.split or "", "cells": cells}


def _finished(source: MapSource, image: str, request: MapRequest, cancelled: Cancelled) -> MapUpdate | None:
    if request.participant is not None and request.participant not in source.participants(image, request.human_map):
        request = replace(request, participant=None)
    if request.target == "label" and source.info(image).target is None:
        request = replace(request, target="own")
    update = source.cached(image, request)
    if update is None:
        for computed in source.maps(image, request, cancelled):
            update = computed
    return None if cancelled() or update is None or not update.done else update


def _cell(
    source: MapSource,
    image: str,
    column: GridColumn,
    request: MapRequest,
    view: np.ndarray,
    updates: dict[str, MapUpdate],
) -> dict[str, str]:
    """Return the picture and the words of one cell."""
    if column.kind == "photo":
        return {"src": photo_picture(view, PICTURE_PX), "text": ""}
    if column.kind == "people":
        return _people(source, image, request, view)
    if column.kind == "layer":
        return _layer(source, image, column, view)
    update = updates[column.method]
    if column.kind == "delta":
        end = delta_limit(update.delta.values)
        return {
            "src": map_picture(view, update.delta.values, (-end, end), PICTURE_PX),
            "text": reliability_text(update.delta_reliability),
        }
    limits = colour_limits(update.maps.values, "shared")[column.network]
    prediction = source.forward(image).predictions[column.network]
    rho = float(update.scores["rho"].values[column.network])
    sign = {True: "✓ ", False: "✗ ", None: ""}[prediction.correct]
    words = f"{sign}{prediction.categories[0]} {100 * prediction.probabilities[0]:.0f} %"
    return {
        "src": map_picture(view, update.maps.values[column.network], limits, PICTURE_PX),
        "text": " · ".join(filter(None, [words, f"rho {rho:.2f}" if np.isfinite(rho) else ""])),
    }


def _people(source: MapSource, image: str, request: MapRequest, view: np.ndarray) -> dict[str, str]:
    participants = source.participants(image, request.human_map)
    one = request.participant if request.participant in participants else None
    human_map = source.human_map(image, request.human_map, one)
    if human_map is None:
        return {"src": "", "text": "not marked"}
    n = 1 if one is not None else count_participants(human_map, participants)
    words = f"participant {one}" if one is not None else "" if n is None else f"n = {n}"
    return {"src": map_picture(view, human_map.values, side_px=PICTURE_PX), "text": words}


def _layer(source: MapSource, image: str, column: GridColumn, view: np.ndarray) -> dict[str, str]:
    norm = source.forward(image).attention_norms[column.network][column.layer].values
    limits = colour_limits(norm[None], "per map", from_zero=True)[0]
    return {"src": map_picture(view, norm, limits, PICTURE_PX), "text": f"0–{limits[1]:.3g}"}
