"""Kind "comparison", figure 2: photographs, human maps, maps of two or more networks, deltas and attention norms."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import xarray as xr

from gala_viz.engine.results.reliability import (
    DEGREES_OF_FREEDOM,
    chance_beyond_error,
    reliability_text,
    share_beyond_error,
)
from gala_viz.plots.figures.comparison_figure import (
    DELTA,
    MAPS,
    NORM,
    ORDINALS,
    PEOPLE,
    RELIABILITY_TEXT,
    ComparisonRow,
    check_columns,
    check_delta_colours,
    colour_scales_text,
    column_kinds,
    comparison_figure,
    nonempty_columns,
)
from gala_viz.plots.figures.specs.caption_text import (
    attribution_text,
    caption_markdown,
    check_map_kind,
    human_maps_text,
    images_text,
    listed,
    method_title,
    two_maps_text,
)
from gala_viz.plots.figures.specs.figure_result import (
    FigureResult,
    ProgressCallback,
    ignore_progress,
)
from gala_viz.plots.figures.specs.figure_spec import FigureSpec, check_images
from gala_viz.plots.figures.specs.network_sources import (
    NO_COMMON_SCORES,
    have_common_scores,
    networks_of,
    pair_sources,
)
from gala_viz.plots.map_labels import distinct_names, own_labels, target_label
from gala_viz.registry import UnknownNameError, unknown_name
from gala_viz.schema import HUMAN_MAP_ATTRS, labelled_variable, name_pixels, netcdf_name, norm_title
from gala_viz.specs import COUNTS, GRAD_CAM, MapRequest, settings
from gala_viz.store.source import (
    ForwardResults,
    MapSource,
    MapUpdate,
    NetworkInfo,
    finished_maps,
    request_of_image,
)

METRICS = ("rho", "dice", "iou")
ALL_PARTICIPANTS = "all"
"""In the CSV file, in place of a participant's id."""
SECOND_TITLE = "saliency"
"""What maps by two methods are called together."""
MAX_EXPLAINED = 12
"""Images whose explained categories a caption lists, at most."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ComparisonSpec(FigureSpec):
    """Figure 2 of chosen images and two or more networks, in the frame of the first.

    Parameters
    ----------
    columns : tuple of str
        Some of ``gala_viz.plots.figures.comparison_figure.column_names``, in the order in which they are drawn;
        default: all that are not empty for every image, without deltas where there are more than two networks.
    layer : str, optional
        Of the attention norms; default: the last one of the last network that has any.
    second_layer : str, optional
        Of the second network's attention norms; default: the same one.
    delta_colours : {"default", "paper"}
        Colours of the delta; "paper" is the red and blue of Linsley et al. 2019, with a colour bar that names the
        networks.
    **common
        Those of ``FigureSpec``.

    Examples
    --------
    >>> import gala_viz as gv
    >>> gv.ComparisonSpec(collection="photos", images=("imagenet_00_243",)).kind
    'comparison'
    """

    kind: ClassVar[str] = "comparison"

    columns: tuple[str, ...] = ()
    layer: str | None = None
    second_layer: str | None = field(default=None, metadata={COUNTS: lambda spec: spec.second_layer is not None})
    delta_colours: str = "default"

    def __post_init__(self) -> None:
        FigureSpec.__post_init__(self)
        check_delta_colours(self.delta_colours)
        if self.columns:
            check_columns(self.columns, len(self.networks or ORDINALS[:2]))
        if (self.request.second or self.second_layer) and len(self.networks or ORDINALS[:2]) != 2:
            raise ValueError(
                "request.second and second_layer are of the second of two maps; name two networks, or one of them "
                f"twice; got {', '.join(self.networks or ())}."
            )


def draw_comparison(
    source: MapSource, spec: ComparisonSpec, progress: ProgressCallback = ignore_progress
) -> FigureResult:
    """Draw figure 2 as ``spec`` says, with its caption and data.

    Parameters
    ----------
    source : MapSource
        Maps that it does not have at hand are computed.
    spec : ComparisonSpec
        Images, layer, columns and settings of the maps.
    progress : callable
        Called as ``progress(done, total)`` after each image.

    Returns
    -------
    FigureResult
        With the maps, and a table of scores and predictions.

    Raises
    ------
    UnknownNameError
        The source does not have an image or a network, or no network has the layer.
    ValueError
        The maps of an image could not be finished.
    """
    check_images(source, spec)
    check_map_kind(source, spec.request.human_map)
    sources = pair_sources(source, spec)
    source, networks = sources[0], networks_of(sources)
    layer, scored = _layer(networks, spec), have_common_scores(sources, spec.request)
    layers = [layer] * len(networks)
    if spec.second_layer is not None:
        layers[1] = _second_layer(networks, spec.second_layer)
    rows, parts, scores, made_by, simulated = [], [], [], [], False
    cam_layers: list[list[str]] = [[] for _ in networks]
    notes: dict[str, str] = {}
    for done, image in enumerate(spec.images):
        request = request_of_image(source, image, spec.request)
        request = replace(request, target=spec.request.target, second=spec.request.second)
        updates = [_finished(one, image, request) for one in sources]
        notes[image] = "; ".join(dict.fromkeys(filter(None, (update.note for update in updates))))
        human = source.human_map(image, request.human_map, request.participant)
        cam_layers = [[*known, path] for known, path in zip(cam_layers, _layer_paths(updates), strict=True)]
        forwards = [one.forward(image) for one in sources]
        every = [*forwards[0].attention_norms, *(one.attention_norms[1] for one in forwards[1:])]
        norms = [by_layer.get(own) for by_layer, own in zip(every, layers, strict=True)]
        simulated |= human is not None and bool(human.attrs.get("simulated"))
        rows.append(
            ComparisonRow(
                title=source.info(image).category or image,
                view=source.view(image),
                human_map=None if human is None else human.values,
                maps=[*updates[0].maps.values, *(one.maps.values[1] for one in updates[1:])],
                deltas=[one.delta.values for one in updates],
                delta_texts=[reliability_text(one.delta_reliability) for one in updates],
                norms=[None if norm is None else norm.values for norm in norms],
            )
        )
        parts.append(_labelled(networks, updates, human, norms, spec.columns))
        for number, (one, forward, update) in enumerate(zip(sources, forwards, updates, strict=True)):
            metrics, first = METRICS if scored else (), number == 0
            scores += _scored(image, one, forward, update, request.smoothing_px, first=first, metrics=metrics)
            made_by += _settings_columns(source, update, request, scored and human is not None)[0 if first else 1 :]
        progress(done + 1, len(spec.images))
    maps: xr.Dataset = xr.concat(
        parts, dim=pd.Index(spec.images, name="image"), join="outer", combine_attrs="drop_conflicts"
    )
    name_pixels(maps)
    maps.attrs = {"collection": source.title, "layer": layer or "", "settings": json.dumps(settings(spec))}
    by_network = [list(dict.fromkeys(filter(None, paths))) for paths in cam_layers]
    all_layers = list(dict.fromkeys(path for at in zip(*cam_layers, strict=True) for path in at if path))
    maps.attrs |= {"second_layer": spec.second_layer} if spec.second_layer is not None else {}
    maps.attrs |= {"layer_path": " and ".join(all_layers)} if all_layers else {}
    columns = spec.columns or nonempty_columns(rows)
    titles = [network.title for network in networks]
    own = own_labels(source, spec.request)
    sides = [", ".join(pair) for pair in zip(titles, own, strict=True)] if own else []
    figure = comparison_figure(
        rows,
        titles,
        layer or "no layer",
        "simulated people" if simulated else "people",
        columns=columns,
        method_title=(
            SECOND_TITLE if own else method_title(source, spec.request, all_layers if len(all_layers) == 1 else ())
        ),
        map_titles=_map_titles(source, spec.request, by_network) if own else (),
        sides=sides,
        second_layer=spec.second_layer,
        width_inches=spec.width_inches,
        delta_colours=spec.delta_colours,
    )
    requests = [spec.request.of_network(number) for number in range(2)]
    method = listed(list(dict.fromkeys(source.methods.get(one.method, one.method) for one in requests)))
    numbers = _scores_text(scores, spec, method, beside_norms=NORM in column_kinds(columns))
    caption = _caption(
        source,
        networks,
        spec,
        columns,
        layer,
        norms,
        simulated,
        sides,
        "" if scored else NO_COMMON_SCORES,
        " ".join(filter(None, [_explained_text(scores), _notes_text(notes), numbers])),
        attribution_text(source, spec.request, all_layers)
        if not own
        else two_maps_text(source, spec.request, by_network),
        any(text for row in rows for text in row.delta_texts),
    )
    table = pd.concat([pd.DataFrame(scores), pd.DataFrame(made_by)], axis=1)
    return FigureResult(figure=figure, caption=caption, maps=maps, table=table)


def _layer(networks: list[NetworkInfo], spec: ComparisonSpec) -> str | None:
    known = [layer for network in networks[::-1] for layer in network.layers]
    if spec.layer is not None and spec.layer not in known:
        raise UnknownNameError(unknown_name("layer of the networks", spec.layer, list(dict.fromkeys(known))))
    last = next((network.layers[-1] for network in networks[::-1] if network.layers), None)
    return spec.layer or last


def _finished(source: MapSource, image: str, request: MapRequest) -> MapUpdate:
    update = finished_maps(source, image, request, lambda: False)
    assert update is not None, "nothing cancels it"
    return update


def _second_layer(networks: list[NetworkInfo], layer: str) -> str:
    if layer not in networks[1].layers:
        raise UnknownNameError(unknown_name("layer of the second network", layer, list(networks[1].layers)))
    return layer


def _layer_paths(updates: Sequence[MapUpdate]) -> list[str]:
    """Return the layer at which the map of each network is computed, as it tells; "" for methods without one."""
    return [updates[0].attrs_of(0)["layer_path"], *(one.attrs_of(1)["layer_path"] for one in updates)]


def _map_titles(source: MapSource, request: MapRequest, layers: Sequence[Sequence[str]]) -> list[str]:
    """Return what stands over two maps that are made otherwise: method and layer, and the target where two differ."""
    requests = [request.of_network(number) for number in range(2)]
    titles = [method_title(source, one, paths[:1]) for one, paths in zip(requests, layers, strict=True)]
    if requests[0].target == requests[1].target:
        return titles
    of = [target_label(network, one.target) for network, one in zip(source.networks, requests, strict=True)]
    return [f"{title} of {target}" for title, target in zip(titles, of, strict=True)]


def _labelled(
    networks: list[NetworkInfo],
    updates: list[MapUpdate],
    human: xr.DataArray | None,
    norms: list,
    columns: tuple[str, ...],
) -> xr.Dataset:
    """Return the maps of one image, without the photograph; attention norms have dims of their own, at their grid.

    Of more than two networks it has the deltas that are drawn. All have units and names, and their rows and columns
    the centres in pixels of the input.
    """
    maps = {"saliency": _together([one.maps for one in updates])}
    if len(updates) == 1:
        maps["delta"] = updates[0].delta
        if updates[0].delta_error is not None:
            maps["delta_standard_error"] = updates[0].delta_error
    for place, network, update in zip(ORDINALS[1:], networks[1:], updates, strict=False):
        if len(updates) > 1 and (DELTA if place == "second" else f"{place}_{DELTA}") in columns:
            maps[netcdf_name("delta", network.name)] = update.delta
            if update.delta_error is not None:
                maps[netcdf_name("delta_standard_error", network.name)] = update.delta_error
    errors = [one.standard_error for one in updates]
    if all(one is not None for one in errors):
        maps["standard_error"] = _together(errors)
    variables = {name: labelled_variable(one, _long_name(name)) for name, one in maps.items()}
    coords: dict[str, Any] = {
        "network": [network.name for network in networks],
        "y": maps["saliency"]["y"],
        "x": maps["saliency"]["x"],
    }
    if human is not None:
        variables["human_map"] = labelled_variable(human, **HUMAN_MAP_ATTRS)
    if len(updates) == 1:
        coords |= updates[0].network_coords()
    for network, called, norm in zip(networks, distinct_names(networks), norms, strict=True):
        if norm is not None:
            dims = tuple(netcdf_name(str(dim), called) for dim in norm.dims)
            name = netcdf_name("attention_norm", called)
            one = labelled_variable(norm, f"{norm_title(norm)} of {network.title}", "1")
            variables[name] = xr.Variable(dims, one.data, one.attrs)
            coords |= {own: (own, norm[str(dim)].values) for own, dim in zip(dims, norm.dims, strict=True)}
    return xr.Dataset(variables, coords=coords)


def _long_name(name: str) -> str:
    """Return what a variable of ``_labelled`` is in words."""
    if name.startswith("delta_standard_error"):
        return "Monte-Carlo standard error of the delta"
    if name.startswith("delta"):
        return "second map minus the first, each normalised as the attribute tells"
    return {"saliency": "saliency map, as it is drawn", "standard_error": "Monte-Carlo standard error of the map"}[name]


def _together(pairs: list[xr.DataArray]) -> xr.DataArray:
    """Return the maps (network, y, x) of the first pair, and of the second network of each other one."""
    return xr.concat([pairs[0], *(one.isel(network=[1]) for one in pairs[1:])], dim="network", join="override")


def _explained_text(rows: Sequence[dict]) -> str:
    """Return which category's logit each map explains, image by image, where these are few enough to read."""
    if len(rows) > 2 * MAX_EXPLAINED:
        return "The category whose logit each map explains stands in the CSV file."
    images = dict.fromkeys(row["image"] for row in rows)
    told = []
    for image in images:
        of_image = [(row["network"], row["explained"]) for row in rows if row["image"] == image and row["explained"]]
        if not of_image:  # imported maps, of which this is not known
            continue
        names = list(dict.fromkeys(name for _, name in of_image))
        if len({network for network, _ in of_image}) < len(of_image):  # one network twice
            of_image = [(f"the {place} map", name) for place, (_, name) in zip(ORDINALS, of_image, strict=False)]
        each = names[0] if len(names) == 1 else ", ".join(f"{name} by {network}" for network, name in of_image)
        told.append(f"{image}: {each}")
    return f"Explained is the logit of: {'; '.join(told)}." if told else ""


def _notes_text(notes: Mapping[str, str]) -> str:
    """Return what is to be said of the maps of single images, for example that one is about zero; "" for nothing."""
    images: dict[str, list[str]] = {}
    for image, note in notes.items():
        if note:
            images.setdefault(note, []).append(image)
    few = {note: listed(of) if len(of) <= MAX_EXPLAINED else f"{len(of):,} images" for note, of in images.items()}
    return " ".join(f"Of {of}: {note}." for note, of in few.items())


def _scores_text(rows: Sequence[dict], spec: ComparisonSpec, method: str, beside_norms: bool) -> str:
    """Return which maps the numbers of the CSV file are of: scores and deltas are of different ones."""
    maps = f"unsmoothed {method} maps{', not of attention norms,' * beside_norms}"
    cells = next((row["resolution_px"] for row in rows if "resolution_px" in row), None)
    scores = f"rho, Dice and IoU are of {maps} on {cells} × {cells} cells" if cells else ""
    smoothing = f"{spec.request.smoothing_px:g} px"
    deltas = ""
    if any("delta_reliability" in row for row in rows):
        deltas = f"the delta's columns are of the maps as they are drawn, with a smoothing of {smoothing}"
    told = "; ".join(filter(None, [scores, deltas]))
    return f"In the CSV file {told}." if told else ""


def _scored(
    image: str,
    source: MapSource,
    forward_results: ForwardResults,
    update: MapUpdate,
    smoothing_px: float,
    *,
    first: bool,
    metrics: Sequence[str],
) -> list[dict]:
    """Return a row for each network of a pair, with some metrics; without ``first`` for the second alone.

    Scores are of unsmoothed maps, what is told of the delta is of the maps that are drawn, smoothed by
    ``smoothing_px``; columns before the numbers say so.
    """
    rows = []
    for number, (network, prediction) in enumerate(zip(source.networks, forward_results.predictions, strict=True)):
        if number == 0 and not first:
            continue
        values = {name: float(update.scores[name].values[number]) for name in metrics if name in update.scores}
        explained = network.categories[update.targets[number]] if network.categories else ""
        row = {"image": image, "category": source.info(image).category, "network": network.name}
        row |= {"explained": explained, "prediction": prediction.categories[0] if prediction.indices else ""}
        row |= {"probability": next(iter(prediction.probabilities), None), "correct": prediction.correct}
        if values:
            row |= {"scores_smoothing_px": 0.0, "resolution_px": update.scores.attrs.get("resolution_px")}
        if number == 1 and (of_delta := _delta_columns(update)):
            values |= {"delta_smoothing_px": smoothing_px, **of_delta}
        rows.append({**row, **values})
    return rows


def _delta_columns(update: MapUpdate) -> dict[str, float]:
    """Return how far a delta can be read: its reliability, and how much of it lies beyond its error."""
    error = update.delta_error
    if error is None:
        return {}
    chance = chance_beyond_error(float(error.attrs.get(DEGREES_OF_FREEDOM, 0)))
    return {
        "delta_reliability": update.delta_reliability,
        "delta_beyond_two_errors": share_beyond_error(np.asarray(update.delta), np.asarray(error)),
        "beyond_two_errors_by_chance": chance,
    }


def _settings_columns(source: MapSource, update: MapUpdate, request: MapRequest, is_scored: bool) -> list[dict]:
    """Return all settings that made the numbers of an image, a row for each network of a pair.

    What the method does not have stays empty, and so does the human map of an image that is not scored.
    """
    kind = request.human_map or next(iter(source.map_kinds), "")
    rows = []
    for number in range(2):
        one, own = request.of_network(number), update.attrs_of(number)
        path, method = own["layer_path"], str(own.get("method", one.method))
        sampled = settings(one.smoothgrad) if method == "smoothgrad" else {}
        row = {
            "scores_of": "saliency map" if is_scored else "",
            "human_map": kind if is_scored else "",
            "participant": (request.participant or ALL_PARTICIPANTS) if is_scored else "",
            "method": method,
            "cam_layer": (path or one.cam_layer) if method == GRAD_CAM else "",
            "n_samples": sampled.get("n_samples"),
            "noise_fraction": sampled.get("noise_fraction"),
            "seed": sampled.get("seed"),
            "target": one.target if method == one.method else "",
            "reduction": request.reduction,
            "smoothing_px": request.smoothing_px,
            "normalise": request.normalise,
        }
        rows.append(row)
    return rows


def _caption(
    source: MapSource,
    networks: list[NetworkInfo],
    spec: ComparisonSpec,
    columns: Sequence[str],
    layer: str | None,
    norms: list[xr.DataArray | None],
    simulated: bool,
    sides: Sequence[str],
    note: str,
    explained: str,
    made_by: str,
    has_reliability: bool,
) -> str:
    """Return the caption of what ``columns`` show; ``norms`` are those of one image.

    ``made_by`` says how maps are made; ``sides`` are what the two maps are called where they are made otherwise.
    """
    kinds, titles = column_kinds(columns), [network.title for network in networks]
    where = layer if spec.second_layer is None else f"{layer} and {spec.second_layer}"
    shown = next((norm_title(norm) for norm in norms if norm is not None), "attention norm").capitalize()
    paragraphs = [
        images_text(spec.images),
        made_by if kinds & {MAPS, DELTA} else "",
        (f"{shown}s of {where}." if layer else "No network has attention blocks.") if NORM in kinds else "",
        human_maps_text(source, simulated, spec.request.human_map) if PEOPLE in kinds or not spec.columns else "",
        f"Of participant {spec.request.participant} where the image has a map of this one."
        if spec.request.participant is not None and PEOPLE in kinds
        else "",
        colour_scales_text(
            columns,
            len(networks),
            sides or ([] if spec.delta_colours == "default" else titles),
            method_title=SECOND_TITLE if sides else source.methods.get(spec.request.method, spec.request.method),
        ),
        RELIABILITY_TEXT if DELTA in kinds and has_reliability else "",
        explained,
        note,
    ]
    return caption_markdown(f"{source.title}: {listed(sides or titles)}", paragraphs)
