"""Measures by which images can be laid out: one value an image, from the scores of a source."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from gala_viz.registry import UnknownNameError, unknown_name
from gala_viz.store.source import MapSource, NetworkInfo

Measure = Callable[[xr.Dataset], NDArray[np.float32]]
MEASURED = {"rho": "Spearman's rho", "dice": "Dice", "iou": "IoU"}
PLACES = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth")
"""Networks in short names, in their order."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NamedMeasure:
    """One value an image, by its ``title`` or, in files and commands, by its short ``name``.

    ``values`` makes (image,) of scores, NaN where unknown. Two measures of one ``quantity`` can be compared value by
    value; ``of_maps`` says that it is known only where a request's maps are, ``of_people`` that it needs human maps.
    """

    name: str
    title: str
    quantity: str
    values: Measure
    of_maps: bool = True
    of_people: bool = True


def named_measures(networks: Sequence[NetworkInfo], layers: Sequence[str], has_people: bool) -> list[NamedMeasure]:
    """Return all measures of two or more networks, in the order in which a page offers them.

    ``layers`` are those with attention norms; without people (``has_people``) only the size of the delta is there,
    which is of the first two.
    """
    first, second = networks[:2]
    rows = list(enumerate(zip(PLACES, networks, strict=False)))
    measures: list[NamedMeasure] = []
    if has_people:
        for name, title in MEASURED.items():
            for row, (place, network) in rows:
                values = _of_network(name, row)
                measures.append(_named(f"{name}:{place}", f"{title}: {network.title}", name, values))
            for row, (place, network) in rows[1:] if name == "rho" else ():
                short = "gain" if row == 1 else f"gain:{place}"
                measures.append(_named(short, f"gain of {network.title} (rho)", "gain", _gain_of(row)))
    title = f"size of the delta, {second.title} minus {first.title}"
    size = NamedMeasure(name="delta", title=title, quantity="delta", values=_of_all("delta_size"), of_people=False)
    measures.append(size)
    if has_people:
        for layer in layers:
            for row, (place, network) in rows:
                if layer in network.layers:
                    name, title = f"attention:{layer}:{place}", f"attention rho, {layer}: {network.title}"
                    measures.append(_named(name, title, "rho", _of_layer(layer, row), of_maps=False))
        measures.append(
            _named("ceiling", "noise ceiling (split-half rho)", "rho", _of_all("ceiling"), of_maps=False),
        )
    return measures


def measures_of(source: MapSource) -> list[NamedMeasure]:
    """Return the measures of a source."""
    layers = list(dict.fromkeys(layer for network in source.networks for layer in network.layers))
    return named_measures(source.networks, layers, bool(source.map_kinds))


def measure_called(name: str, known: Sequence[NamedMeasure]) -> NamedMeasure:
    """Return the measure of this title or short name.

    Raises ``UnknownNameError``, with the nearest, for another name.
    """
    for one in known:
        if name in (one.title, one.name):
            return one
    titled = unknown_name("measure", name, [one.title for one in known])
    short = unknown_name("measure", name, [one.name for one in known])
    raise UnknownNameError(titled if " " in name else short)


def ceiling_for(title: str) -> bool:
    """Return whether the noise ceiling at the resolution of comparisons belongs beside the measure called ``title``."""
    return title.startswith(f"{MEASURED['rho']}:")


def _named(name: str, title: str, quantity: str, values: Measure, of_maps: bool = True) -> NamedMeasure:
    return NamedMeasure(name=name, title=title, quantity=quantity, values=values, of_maps=of_maps)


def _of_network(name: str, row: int) -> Measure:
    return lambda scores: _column(scores, name, row)


def _of_all(name: str) -> Measure:
    return lambda scores: _column(scores, name)


def _of_layer(layer: str, row: int) -> Measure:
    return lambda scores: np.asarray(scores["rho_attention"].sel(layer=layer)[row], dtype=np.float32)


def _gain_of(row: int) -> Measure:
    return lambda scores: _column(scores, "rho", row) - _column(scores, "rho", 0)


def _column(scores: xr.Dataset, name: str, row: int | None = None) -> NDArray[np.float32]:
    values = np.asarray(scores[name], dtype=np.float32)
    return values if row is None else values[row]
