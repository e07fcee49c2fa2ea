"""All scores and maps of chosen images as one file: CSV, NetCDF or Zarr, with the settings that made them."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from gala_viz.collections.human_maps.uploaded_maps import KIND as UPLOADED_KIND
from gala_viz.engine.results.scores import FLOORS, METRICS
from gala_viz.plots.map_labels import distinct_names
from gala_viz.schema import HUMAN_MAP_ATTRS, labelled_variable, name_pixels, netcdf_name
from gala_viz.specs import MapRequest, settings
from gala_viz.store.source import (
    Cancelled,
    ForwardResults,
    MapSource,
    MapUpdate,
    Progress,
    finished_maps,
    request_of_image,
)

FORMATS: Mapping[str, tuple[str, str]] = {
    "csv": ("scores, CSV", "scores.csv"),
    "netcdf": ("scores and maps, NetCDF", "maps.nc"),
    "zarr": ("scores and maps, Zarr", "maps.zarr.zip"),
}
"""Format -> what a page calls it, and the name of its file."""
MAX_IMAGES_WITH_MAPS = 200
"""At about a megabyte each. Of more the command ``gala-viz attribute`` makes a store."""


def export_selection(
    source: MapSource, images: Sequence[str], request: MapRequest, kind: str, file: Path, cancelled: Cancelled
) -> Iterator[Progress]:
    """Write scores, and maps unless as CSV, of images into a file; maps that are not at hand are computed.

    Parameters
    ----------
    source : MapSource
        Its two networks.
    images : sequence of str
        Ids, at least one; with maps at most ``MAX_IMAGES_WITH_MAPS``.
    request : MapRequest
        Settings of the maps; scores of a collection are of the maps of all participants.
    kind : {"csv", "netcdf", "zarr"}
        One of ``FORMATS``. Zarr is one ZIP file, which ``xarray.open_zarr(zarr.storage.ZipStore(file))`` reads.
    file : Path
        Replaced if it is there.
    cancelled : callable
        Cancellation callback; once it returns True no file is begun any more.

    Yields
    ------
    Progress
        After each image.

    Raises
    ------
    ValueError
        There are no images or too many, or the maps of one could not be finished.
    """
    if not images:
        raise ValueError("no photograph is shown: at least one was expected.")
    if kind == "csv":
        score_table(source, images, request).to_csv(file, index=False, lineterminator="\n")
        yield Progress(done=len(images), total=len(images), seconds=0.0, eta_s=0.0)
        return
    if len(images) > MAX_IMAGES_WITH_MAPS:
        raise ValueError(
            f"maps of {len(images):,} photographs are too much for a page, which gives those of "
            f"{MAX_IMAGES_WITH_MAPS} at most: filter or select fewer, take the scores alone, or make a store of all "
            "with gala-viz attribute."
        )
    mapped = [image for image in images if image in source.uploads and source.info(image).has_human_map]
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "maps.zarr"
        begun = time.monotonic()
        for done, image in enumerate(images, 1):
            one = image_maps(source, image, request, cancelled, with_uploaded_maps=bool(mapped))
            if one is None:
                return
            one.to_zarr(store, zarr_format=2, append_dim=None if done == 1 else "image")
            seconds = time.monotonic() - begun
            yield Progress(done=done, total=len(images), seconds=seconds, eta_s=seconds / done * (len(images) - done))
        if cancelled():
            return
        if kind == "netcdf":
            with xr.open_zarr(store) as whole:
                whole.load().drop_encoding().to_netcdf(file, engine="scipy", format="NETCDF3_64BIT")
        else:
            shutil.make_archive(str(file).removesuffix(".zip"), "zip", store)


def score_table(source: MapSource, images: Sequence[str], request: MapRequest) -> pd.DataFrame:
    """Return a row for each image: what it is, every score of both networks, and the settings of the maps.

    Parameters
    ----------
    source : MapSource
        Its two networks.
    images : sequence of str
        Ids.
    request : MapRequest
        Settings of the maps.

    Returns
    -------
    DataFrame
        Empty cells where a score is not known; columns of a network are named by it, of one network twice those of the
        second with "_second".
    """
    request = replace(request, participant=None)  # scores of a collection are with the maps of all
    scores = source.scores(request).reindex(image=list(images))
    infos = [source.info(image) for image in images]
    columns: dict[str, Any] = {
        "image": list(images),
        "category": [one.category or "" for one in infos],
        "split": [one.split or "" for one in infos],
    }
    layers = [str(layer) for layer in scores["layer"].values] if "layer" in scores.coords else []
    for row, (network, called) in enumerate(zip(source.networks, distinct_names(source.networks), strict=True)):
        for name in ("correct", *METRICS, *FLOORS):
            if name in scores:
                columns[f"{name} {called}"] = np.asarray(scores[name])[row]
        for layer in network.layers:
            if layer in layers:
                values = np.asarray(scores["rho_attention"])[row, layers.index(layer)]
                columns[f"rho_attention {layer} {called}"] = values
    for name in ("ceiling", "delta_size"):
        if name in scores:
            columns[name] = np.asarray(scores[name])
    table = pd.DataFrame(columns).assign(**_plain_settings(source, request))
    for row, image in enumerate(images):
        if image in source.uploads:
            _enter_upload(table, row, source, image, request)
    return table


def _enter_upload(table: pd.DataFrame, row: int, source: MapSource, image: str, request: MapRequest) -> None:
    """Enter the scores of an upload in a row, which are in no collection's: those of its map, if they are at hand."""
    table.loc[row, "human_map"] = _kind_of(source, image, request)
    update = source.cached(image, request_of_image(source, image, request))
    if update is None:
        return
    for number, (network, called) in enumerate(zip(source.networks, distinct_names(source.networks), strict=True)):
        scores = update.scores.isel(network=number)
        for name in METRICS:
            if name in scores and f"{name} {called}" in table:
                table.loc[row, f"{name} {called}"] = float(scores[name])
        for layer in network.layers if "rho_attention" in scores else ():
            if f"rho_attention {layer} {called}" in table and layer in scores["layer"].values:
                table.loc[row, f"rho_attention {layer} {called}"] = float(scores["rho_attention"].sel(layer=layer))


def image_maps(
    source: MapSource, image: str, request: MapRequest, cancelled: Cancelled, *, with_uploaded_maps: bool = False
) -> xr.Dataset | None:
    """Return all maps and scores of one image, computed where they are not at hand.

    Parameters
    ----------
    source : MapSource
        Its two networks.
    image : str
        Id of an image or an upload.
    request : MapRequest
        Settings of the maps.
    cancelled : callable
        Cancellation callback.
    with_uploaded_maps : bool
        Whether an image beside this one is an upload with a human map; then ``human_map_kind`` tells that of each.

    Returns
    -------
    Dataset or None
        Dims (image, network, y, x), in the frame of the first network; NaN where there is no human map, or a network
        does not see. ``participant``, ``target`` and ``second_target`` tell what counts for this image; where the
        second map is made otherwise, the coordinates ``method``, ``units`` and ``layer_path`` tell how each is. None
        once cancelled.

    Raises
    ------
    ValueError
        The maps could not be finished.
    """
    asked = request_of_image(source, image, request)
    forward, update = source.forward(image), finished_maps(source, image, asked, cancelled, background=True)
    if update is None:
        return None
    has_human_maps = bool(source.map_kinds) or with_uploaded_maps
    human = source.human_map(image, asked.human_map, asked.participant) if has_human_maps else None
    maps = _variables(source, update, forward, human, has_human_maps=has_human_maps)
    names = ("correct", *METRICS, *FLOORS, "ceiling")
    scores = {name: update.scores[name].variable for name in names if name in update.scores}
    scores["delta_reliability"] = xr.Variable((), update.delta_reliability)
    scores["explained"] = xr.Variable("network", list(update.targets))
    scores["participant"] = xr.Variable((), np.array(asked.participant or "all", dtype=object))
    scores["target"] = xr.Variable((), np.array(str(asked.target), dtype=object))
    if with_uploaded_maps:
        scores["human_map_kind"] = xr.Variable((), np.array(_kind_of(source, image, request), dtype=object))
    if request.second is not None:
        scores["second_target"] = xr.Variable((), np.array(str(asked.of_network(1).target), dtype=object))
    own = {name: (dim, np.array(values, dtype=object)) for name, (dim, values) in update.network_coords().items()}
    dataset = xr.Dataset(
        maps | scores,
        coords={
            "network": np.array(distinct_names(source.networks), dtype=object),
            "y": update.maps["y"].values,
            "x": update.maps["x"].values,
            **own,
        },
        attrs={name: value for name, value in _plain_settings(source, request).items() if name not in scores},
    )
    name_pixels(dataset)
    return dataset.expand_dims(image=np.array([image], dtype=object))


def _kind_of(source: MapSource, image: str, request: MapRequest) -> str:
    """Return of which kind the human map of an image is, and the file of an uploaded one; "" where it has none."""
    if image in source.uploads:
        name = source.info(image).map_filename
        return f"{UPLOADED_KIND}: {name}" if name else ""
    return request.human_map or next(iter(source.map_kinds), "")


def _variables(
    source: MapSource,
    update: MapUpdate,
    forward: ForwardResults,
    human: xr.DataArray | None,
    *,
    has_human_maps: bool,
) -> dict[str, xr.Variable]:
    maps = {
        "saliency": (update.maps, "map of each network"),
        "delta": (update.delta, "second map minus first, normalised"),
    }
    if update.standard_error is not None:
        maps["standard_error"] = (update.standard_error, "Monte-Carlo standard error of the map")
    if update.delta_error is not None:
        maps["delta_standard_error"] = (update.delta_error, "standard error of the delta")
    variables = {name: labelled_variable(one, text) for name, (one, text) in maps.items()}
    if has_human_maps:
        missing = update.delta.copy(data=np.full(update.delta.shape, np.nan, np.float32)).assign_attrs(units="")
        variables["human_map"] = labelled_variable(missing if human is None else human, **HUMAN_MAP_ATTRS)
    names = distinct_names(source.networks)
    for network, called, norms in zip(source.networks, names, forward.attention_norms, strict=True):
        for layer, norm in norms.items():
            rows, columns = norm.shape
            variables[netcdf_name("attention_norm", layer, called)] = xr.Variable(
                (f"row_of_{rows}", f"column_of_{columns}"),
                np.asarray(norm.values, np.float32),
                {"long_name": f"attention norm at {layer} of {network.title}", "units": "1"},
            )
    return variables


def _plain_settings(source: MapSource, request: MapRequest) -> dict[str, Any]:
    """Return the settings of maps and scores as plain values, with what they are of."""
    values = settings(request)
    second = values.pop("second", {})
    values |= {f"second_{name}": value for name, value in second.items() if value is not None}
    nested = {name: value for name, value in values.items() if isinstance(value, dict)}
    plain = {name: value for name, value in values.items() if name not in nested}
    for one in nested.values():
        plain |= one
    plain["human_map"] = plain.get("human_map") or next(iter(source.map_kinds), "")
    plain["participant"] = plain.get("participant") or "all"
    named = {name: value if isinstance(value, int | float) else str(value) for name, value in plain.items()}
    return {"collection": source.title, **named}
