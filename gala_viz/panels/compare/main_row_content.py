"""Which maps stand in the main row, under which titles and units: saliency maps, or one layer's attention norms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import xarray as xr

from gala_viz.collections.human_maps.uploaded_maps import KIND as UPLOADED_KIND
from gala_viz.engine.results.reliability import ADVICE, beyond_error_text, reliability_text, reliability_words
from gala_viz.engine.results.scores import has_order
from gala_viz.plots.attention_layers import attention_delta
from gala_viz.plots.map_overlays import SALIENCY_UNIT, unit_text
from gala_viz.schema import count_participants, norm_title
from gala_viz.specs import Normalisation
from gala_viz.store.source import ForwardResults, MapUpdate, NetworkInfo

DELTA_UNIT = "difference of normalised maps"
ERROR_TEXT = "±: the standard error of chance, over samples of the same number"
LIFTED_TEXT = (
    "not the distance from the map of infinitely many samples: absolute values lift weak pixels, the more the fewer "
    "samples, and smoothing, which makes the error small, does not take that away"
)
"""What the error of a map of absolute values does not tell."""
RELIES_MORE, LARGER = "red: the second relies more", "red: the second is larger"
"""What a positive delta says, of maps that order places by importance, and of other values."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MainRowContent:
    """Panel (a, b, delta) -> map (y, x) or None, its standard error or None, title, and the unit of its colour bar.

    ``from_zero`` says that the networks' maps are attention norms, whose scales all begin at 0.
    ``methods`` are those of the networks' maps, with the layers at which they are computed; none for norms.
    ``captions`` say what a column does not whose title is that of its network: the category or layer.
    ``columns`` are the maps' names in a table, with all that determines them; ``name`` is that of a file of them.
    ``delta_reliability`` and ``delta_beyond`` say how far the delta can be read; "" where that is not known.
    ``lifted`` are the panels whose maps are of absolute values of means, which chance makes larger.
    """

    maps: dict[str, xr.DataArray | None]
    titles: dict[str, str]
    captions: dict[str, str]
    columns: dict[str, str]
    name: str
    units: dict[str, str]
    errors: dict[str, xr.DataArray | None] = field(default_factory=dict)
    from_zero: bool = False
    methods: dict[str, str] = field(default_factory=dict)
    delta_reliability: str = ""
    delta_beyond: str = ""
    lifted: tuple[str, ...] = ()

    @property
    def explanations(self) -> dict[str, str]:
        """Panel -> what the unit of its map means, and what its error tells, as sentences without an end."""
        texts = {}
        for panel in ("a", "b", "delta"):
            error = ERROR_TEXT if self.errors.get(panel) is not None else ""
            if error and panel in self.lifted:
                error = f"{error}; {LIFTED_TEXT}"
            texts[panel] = ". ".join(filter(None, [unit_text(self.units[panel]), error]))
        return texts

    @property
    def has_two_units(self) -> bool:
        """Whether the two networks' maps are in different units, and have no scale in common."""
        return self.units["a"] != self.units["b"]


def unknown_units() -> dict[str, str]:
    """Return the units of the colour bars before there are any maps."""
    return {"a": SALIENCY_UNIT, "b": SALIENCY_UNIT, "delta": DELTA_UNIT}


def human_map_title(human_map: xr.DataArray | None, participants: Sequence[str], participant: str | None = None) -> str:
    """Return whose human map it is: that of ``participant``, or of all ``participants``, with n where it is known.

    That of an upload is named by its file.
    """
    simulated = human_map is not None and human_map.attrs.get("simulated")
    if participant is not None:
        return f"{'Simulated participant' if simulated else 'Participant'} {participant}"
    who = "Simulated people" if simulated else "People"
    if human_map is None:
        return who
    if human_map.attrs.get("kind") == UPLOADED_KIND:
        who = f"{who}, {human_map.attrs['file']}"
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
    second_layer: int | None = None,
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
    second_layer : int, optional
        Column of the second network's layer; default: that of the first.

    Returns
    -------
    MainRowContent
        Maps, titles and units.
    """
    if layer is not None and forward_result is not None:
        return _attention(networks, forward_result, layers_in_column(networks, layer, second_layer), normalise)
    if map_update is None:
        titles = {"a": networks[0].title, "b": networks[1].title, "delta": "Delta"}
        return MainRowContent(
            maps=dict.fromkeys(titles),
            titles=titles,
            captions={},
            columns=titles,
            name="",
            units=unknown_units(),
        )
    made_by = [_method(map_update.attrs_of(number), methods or {}) for number in range(2)]
    categories = [_category(network, target) for network, target in zip(networks, map_update.targets, strict=True)]
    names = [": ".join(filter(None, pair)) for pair in zip((n.title for n in networks), categories, strict=True)]
    titles = [f"{name}, {own}" for name, own in zip(names, made_by, strict=True)] if _differ(map_update) else names
    reliability, errors = map_update.delta_reliability, map_update.standard_error
    units = [map_update.attrs_of(number).get("units", SALIENCY_UNIT) for number in range(2)]
    normalised = map_update.delta.attrs.get("normalise") != "none"
    columns = {
        side: f"{name}, {_settings(map_update, number, made_by[number])} ({units[number]})"
        for number, (side, name) in enumerate(zip("ab", names, strict=True))
    }
    columns["delta"] = (
        f"Delta: second minus first, {_delta_settings(map_update, made_by, categories)}, "
        f"normalised by {map_update.delta.attrs.get('normalise')}"
    )
    beyond = beyond_error_text(map_update.delta, map_update.delta_error) if map_update.done else ""
    return MainRowContent(
        maps={"a": map_update.maps[0], "b": map_update.maps[1], "delta": map_update.delta},
        titles={"a": titles[0], "b": titles[1], "delta": _delta_title(reliability)},
        captions={
            **{
                side: " for ".join(filter(None, [own, name]))
                for side, own, name in zip("ab", made_by, categories, strict=True)
            },
            "delta": RELIES_MORE if has_order(map_update.maps.attrs.get("reduction", "absolute")) else LARGER,
        },
        columns=columns,
        name="-".join(dict.fromkeys(str(map_update.attrs_of(number).get("method", "")) for number in range(2))),
        units={"a": units[0], "b": units[1], "delta": DELTA_UNIT if normalised else f"difference of maps, {units[0]}"},
        methods={"a": made_by[0], "b": made_by[1]},
        delta_reliability=_reliability(reliability),
        delta_beyond=beyond,
        lifted=() if map_update.maps.attrs.get("reduction") == "signed" else ("a", "b", "delta"),
        errors={
            "a": None if errors is None else errors[0],
            "b": None if errors is None else errors[1],
            "delta": map_update.delta_error,
        },
    )


def layers_in_column(
    networks: Sequence[NetworkInfo], column: int, second_column: int | None = None
) -> list[str | None]:
    """Return the layer of each network in a column of the small multiples: the last where it has fewer, or None.

    ``second_column`` is that of the second network where it is another one.
    """
    columns = (column, column if second_column is None else second_column)
    return [
        network.layers[min(at, len(network.layers) - 1)] if network.layers else None
        for network, at in zip(networks, columns, strict=True)
    ]


def _attention(
    networks: Sequence[NetworkInfo],
    forward_results: ForwardResults,
    names: Sequence[str | None],
    normalise: Normalisation,
) -> MainRowContent:
    """Return the attention norms of one layer of each network; there is no delta where their grids differ."""
    pair = [
        None if name is None else norms[name]
        for norms, name in zip(forward_results.attention_norms, names, strict=True)
    ]
    both = [norm for norm in pair if norm is not None]
    alike = len({norm.shape for norm in both}) == 1 and len(both) == len(pair)
    norm_titles = {norm_title(norm) for norm in both}
    where = [name or "no attention blocks" for name in names]
    no_delta = "No delta: grids differ" if len(both) == len(pair) else "No delta: one network has no attention"
    both_layers = " and ".join(dict.fromkeys(where))
    unit = norm_titles.pop() if len(norm_titles) == 1 else "norm"
    return MainRowContent(
        maps={"a": pair[0], "b": pair[1], "delta": attention_delta(both[0], both[1], normalise) if alike else None},
        titles={
            "a": f"{networks[0].title}, {where[0]}",
            "b": f"{networks[1].title}, {where[1]}",
            "delta": f"Delta of {unit.split()[0]}" if alike else no_delta,
        },
        captions={"a": where[0], "b": where[1], **({"delta": LARGER} if alike else {})},
        columns={
            "a": f"{networks[0].title}, {unit} at {where[0]}",
            "b": f"{networks[1].title}, {unit} at {where[1]}",
            "delta": f"Delta of {unit} at {both_layers}: second minus first, normalised by {normalise}",
        },
        name="-".join(dict.fromkeys(["attention", *filter(None, names)])),
        units={"a": unit, "b": unit, "delta": DELTA_UNIT if normalise != "none" else "difference of norms as they are"},
        from_zero=True,
    )


def _differ(update: MapUpdate) -> bool:
    """Return whether two maps are by two methods, or at two layers of one, which their titles then tell."""
    named = [tuple(own.get(name) for name in ("method", "layer_path")) for own in update.own_attrs]
    return len(set(named)) > 1


def _method(attrs: Mapping[str, Any], methods: Mapping[str, str]) -> str:
    """Return the method of a map, and the layer at which it is computed; "" where it is not known."""
    name = attrs.get("method")
    layer = f" at {attrs['layer_path']}" if attrs["layer_path"] else ""
    return f"{methods.get(name, name)}{layer}" if name else ""


def _delta_settings(update: MapUpdate, made_by: Sequence[str], categories: Sequence[str]) -> str:
    """Return all that determines both maps of a delta, as text: once where both are made alike."""
    if not update.own_attrs:
        return _settings(update, 0, " and ".join(dict.fromkeys(made_by)))
    made = [_settings(update, number, own) for number, own in enumerate(made_by)]
    first, second = (" for ".join(filter(None, pair)) for pair in zip(made, categories, strict=True))
    return f"{second} minus {first}"


def _settings(update: MapUpdate, number: int, method: str) -> str:
    """Return all that determines one network's map, as text."""
    attrs = update.attrs_of(number)
    parts = [method or "maps"]
    if "n_samples" in attrs:
        parts += [
            f"n = {attrs.get('n', update.n)}",
            f"noise {attrs.get('noise_fraction')}",
            f"seed {attrs.get('seed')}",
        ]
    if "reduction" in attrs:
        parts.append(str(attrs["reduction"]))
    if attrs.get("smoothing_px"):
        parts.append(f"smoothing {attrs['smoothing_px']:g} px")
    return ", ".join(parts)


def _reliability(reliability: float) -> str:
    """Return the delta's reliability with what it means and what to do; "" where it is not known."""
    known = reliability_text(reliability)
    if not known:
        return ""
    return f"{known}: {ADVICE}" if reliability_words(reliability) else f"{known}, mostly signal"


def _delta_title(reliability: float) -> str:
    """Return the delta's title, with its split-half reliability where that is known."""
    known = reliability_text(reliability)
    return f"Delta: second minus first{', ' * bool(known)}{known}"


def _category(network: NetworkInfo, target: int) -> str:
    """Return the name of the category whose logit is explained; "" where the network has no name for it."""
    return network.categories[target] if 0 <= target < len(network.categories) else ""
