"""Which maps stand in the main row, under which titles and units: saliency maps, or one layer's attention norms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import xarray as xr

from gala_viz.engine.results.reliability import beyond_error_text, reliability_text
from gala_viz.plots.attention_layers import attention_delta
from gala_viz.plots.map_overlays import SALIENCY_UNIT
from gala_viz.schema import count_participants, norm_title
from gala_viz.specs import Normalisation
from gala_viz.store.source import ForwardResults, MapUpdate, NetworkInfo

DELTA_UNIT = "difference of normalised maps"


@dataclass(frozen=True, kw_only=True, slots=True)
class MainRowContent:
    """Panel (a, b, delta) -> map (y, x) or None, its standard error or None, title, and the colour bars' units.

    ``from_zero`` says that the networks' maps are attention norms, whose scales all begin at 0.
    """

    maps: dict[str, xr.DataArray | None]
    titles: dict[str, str]
    unit: str
    delta_unit: str
    errors: dict[str, xr.DataArray | None] = field(default_factory=dict)
    from_zero: bool = False


def human_map_title(human_map: xr.DataArray | None, participants: Sequence[str], participant: str | None = None) -> str:
    """Return whose human map it is: that of ``participant``, or of all ``participants``, with n where it is known."""
    simulated = human_map is not None and human_map.attrs.get("simulated")
    if participant is not None:
        return f"{'Simulated participant' if simulated else 'Participant'} {participant}"
    who = "Simulated people" if simulated else "People"
    if human_map is None:
        return who
    n = count_participants(human_map, participants)
    if n is None:
        return f"{who}, number unknown" if "n_participants" in human_map.attrs else who
    return f"{who}, n = {n}"


def main_row_content(
    networks: Sequence[NetworkInfo],
    forward_result: ForwardResults | None,
    map_update: MapUpdate | None,
    layer: int | None,
    normalise: Normalisation = "percentile",
    methods: Mapping[str, str] | None = None,
) -> MainRowContent:
    """Return the maps of the main row: the attention norms of one layer, or the saliency maps.

    Parameters
    ----------
    networks : sequence of NetworkInfo
        The two networks.
    forward_result : ForwardResults or None
        Holds the attention norms; without it the saliency maps stand in the row.
    map_update : MapUpdate or None
        Holds the saliency maps; None: there are none yet.
    layer : int or None
        Column of the layer; a network with fewer layers shows its last. None: the saliency maps.
    normalise : str
        What attention norms are divided by before their delta.
    methods : mapping of str to str, optional
        Attribution method -> title.

    Returns
    -------
    MainRowContent
        Maps, titles and units.
    """
    if layer is not None and forward_result is not None:
        return _attention(networks, forward_result, layer, normalise)
    if map_update is None:
        titles = {"a": networks[0].title, "b": networks[1].title, "delta": "Delta"}
        return MainRowContent(maps=dict.fromkeys(titles), titles=titles, unit=SALIENCY_UNIT, delta_unit=DELTA_UNIT)
    names = [_title(network, target) for network, target in zip(networks, map_update.targets, strict=True)]
    reliability, errors = map_update.delta_reliability, map_update.standard_error
    unit = DELTA_UNIT if map_update.delta.attrs.get("normalise") != "none" else "difference of maps as they are"
    beyond = beyond_error_text(map_update.delta, map_update.delta_error) if map_update.done else ""
    return MainRowContent(
        maps={"a": map_update.maps[0], "b": map_update.maps[1], "delta": map_update.delta},
        titles={"a": names[0], "b": names[1], "delta": _delta_title(reliability)},
        unit=_map_unit(map_update, methods or {}),
        delta_unit=f"{unit}; {beyond}" if beyond else unit,
        errors={
            "a": None if errors is None else errors[0],
            "b": None if errors is None else errors[1],
            "delta": map_update.delta_error,
        },
    )


def layers_in_column(networks: Sequence[NetworkInfo], column: int) -> list[str]:
    """Return the layer of each network in a column of the small multiples; the last of a network with fewer."""
    return [network.layers[min(column, len(network.layers) - 1)] for network in networks]


def _attention(
    networks: Sequence[NetworkInfo], forward_results: ForwardResults, layer: int, normalise: Normalisation
) -> MainRowContent:
    """Return the attention norms of one layer; there is no delta where the grids of the two networks differ."""
    names = layers_in_column(networks, layer)
    pair = [norms[name] for norms, name in zip(forward_results.attention_norms, names, strict=True)]
    alike = pair[0].shape == pair[1].shape
    norm_titles = {norm_title(norm) for norm in pair}
    unit = norm_titles.pop() if len(norm_titles) == 1 else "norm"
    return MainRowContent(
        maps={"a": pair[0], "b": pair[1], "delta": attention_delta(pair[0], pair[1], normalise) if alike else None},
        titles={
            "a": f"{networks[0].title}, {names[0]}",
            "b": f"{networks[1].title}, {names[1]}",
            "delta": f"Delta of {unit.split()[0]}" if alike else "No delta: grids differ",
        },
        unit=unit,
        delta_unit=DELTA_UNIT if normalise != "none" else "difference of norms as they are",
        from_zero=True,
    )


def _map_unit(update: MapUpdate, methods: Mapping[str, str]) -> str:
    """Return the method, the layer at which it is computed, and the unit of the maps."""
    attrs = update.maps.attrs
    name = attrs.get("method")
    layer = f" at {attrs['layer_path']}" if attrs.get("layer_path") else ""
    method = f"{methods.get(name, name)}{layer}, " if name else ""
    return f"{method}{attrs.get('units', SALIENCY_UNIT)}"


def _delta_title(reliability: float) -> str:
    """Return the delta's title, with its split-half reliability where that is known."""
    known = reliability_text(reliability)
    return f"Delta: second minus first{', ' * bool(known)}{known}"


def _title(network: NetworkInfo, target: int) -> str:
    return f"{network.title}: {network.categories[target]}" if target < len(network.categories) else network.title
