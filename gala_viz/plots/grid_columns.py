"""Columns of the grid: what they show, their names in links, and their titles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from gala_viz.registry import unknown_name
from gala_viz.schema import is_simulated_kind
from gala_viz.store.source import MapSource

PLACES = ("first", "second")
ColumnKind = Literal["photo", "people", "map", "delta", "layer"]


@dataclass(frozen=True, kw_only=True, slots=True)
class GridColumn:
    """One column.

    Parameters
    ----------
    kind : {"photo", "people", "map", "delta", "layer"}
        The photograph, the human map, a network's map, second minus first, or a network's attention norm at a layer.
    network : int
        0 for the first network, 1 for the second; of maps and layers.
    method : str
        Of maps and deltas; "" for the method of the page's settings.
    layer : str
        Of attention norms.
    """

    kind: ColumnKind
    network: int = 0
    method: str = ""
    layer: str = ""

    @property
    def name(self) -> str:
        """Its name in links: photo, people, first, second:METHOD, delta, first@LAYER."""
        base = PLACES[self.network] if self.kind in ("map", "layer") else self.kind
        return base + (f"@{self.layer}" if self.layer else f":{self.method}" if self.method else "")


def all_columns(source: MapSource) -> list[GridColumn]:
    """Return all columns that a source has, the usual ones first."""
    columns = [GridColumn(kind="photo")]
    columns += [GridColumn(kind="people")] if source.map_kinds else []
    for method in ("", *source.methods):
        columns += [GridColumn(kind="map", network=number, method=method) for number in range(len(PLACES))]
        columns.append(GridColumn(kind="delta", method=method))
    for number, network in enumerate(source.networks):
        columns += [GridColumn(kind="layer", network=number, layer=layer) for layer in network.layers]
    return columns


def usual_columns(source: MapSource) -> list[GridColumn]:
    """Return the columns with which a grid begins: photograph, people, both networks, delta."""
    return [one for one in all_columns(source) if not one.method and not one.layer]


def column_title(column: GridColumn, source: MapSource, map_kind: str | None = None) -> str:
    """Return what a column is called, with human maps of ``map_kind`` (default: the first)."""
    if column.kind == "photo":
        return "Photograph"
    if column.kind == "people":
        return "Simulated people" if is_simulated_kind(map_kind or next(iter(source.map_kinds), "")) else "People"
    networks, by = source.networks, source.methods.get(column.method, column.method)
    if column.kind == "delta":
        return f"Delta, {by}" if by else "Delta"
    title = networks[column.network].title
    return f"{title}, {column.layer or by}" if column.layer or by else title


def parse_columns(text: str, source: MapSource) -> list[GridColumn]:
    """Return the columns of a link's text, names with commas between; ``ValueError`` for one that is not there."""
    known = {column.name: column for column in all_columns(source)}
    names = [name for name in text.split(",") if name]
    for name in names:
        if name not in known:
            raise ValueError(unknown_name("column of the grid", name, list(known)))
    return [known[name] for name in dict.fromkeys(names)]
