"""Scores that come with a network: of a collection's images, in a file beside its weights.

They are used only for the weights, the collection, the settings and the version of the measurement that stand in the
file, so that the first visitor of a page sees what a pass over the whole collection would give. ``write_scores`` makes
the file; ``benchmarks/shipped_scores.py`` makes those of the networks that ship.
"""

from __future__ import annotations

import json
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from gala_viz.cache import BoundedCache
from gala_viz.collections.collection import Collection
from gala_viz.engine.results.reliability import RELIABLE
from gala_viz.networks.network_folders import network_folder
from gala_viz.specs import MEASUREMENT_VERSION, MapRequest, settings
from gala_viz.store.layout import SCORE_TITLES
from gala_viz.store.source import STARTING_SMOOTHING_PX

FORMAT = 1
MAX_BYTES = 64 * 2**20
"""Of a file of scores; larger ones are not read."""
OF_FORWARD = ("correct", "rho_attention", "ceiling")
OF_MAPS = ("rho", "dice", "iou", "floor_same", "floor_different")
SMOOTHINGS_PX = (0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0)
"""Smoothings of which a pair's file tells the reliability of deltas."""
_FILES = BoundedCache(4 * MAX_BYTES)
"""Content of files of scores by path, time and size: a pair's are asked for several times when it is opened."""
N_RELIABILITY_IMAGES = 20
"""Images, the first that neither network learnt from, over which the median reliability of a pair is."""


def scores_path(folder: Path, collection: str) -> Path:
    """Return the path of a network's scores on a collection, in the folder of its weights."""
    return folder / f"scores-{collection}.nc"


def request_key(request: MapRequest) -> str:
    """Return the part of a request that scores of unsmoothed maps depend on, as text."""
    parts = ("method", "smoothgrad", "target", "reduction", "cam_layer", "second")  # the last two where they count
    return json.dumps({name: value for name, value in settings(request).items() if name in parts}, sort_keys=True)


def write_scores(
    folder: Path,
    scores: xr.Dataset,
    reliability: Mapping[str, xr.DataArray],
    delta_size: Mapping[str, np.ndarray],
    attrs: Mapping[str, Any],
) -> Path:
    """Write the scores of one network beside its weights.

    Parameters
    ----------
    folder : Path
        Of the network.
    scores : Dataset
        ``OF_FORWARD`` and ``OF_MAPS`` over (image,), ``rho_attention`` over (layer, image), of this network.
    reliability : mapping of str to DataArray, (smoothing, image)
        For each network that it is compared with, which is the first then: reliability of the delta of images.
    delta_size : mapping of str to ndarray, (image,)
        For each of these mean absolute deltas of the unsmoothed maps.
    attrs : mapping of str to object
        Weights' checksum, collection, settings: see ``about``.

    Returns
    -------
    Path
        The file, NetCDF 3.
    """
    content = scores.astype(np.float32)
    for name, values in delta_size.items():
        content[f"delta_size {name}"] = ("image", np.asarray(values, np.float32))
    for name, values in reliability.items():
        renamed = values.rename({"image": f"image {name}", "smoothing": f"smoothing {name}"})
        content[f"reliability {name}"] = renamed.astype(np.float32)
    for name in content.data_vars:
        content[name].attrs = {"units": "1", "long_name": SCORE_TITLES.get(str(name).partition(" ")[0], str(name))}
    content.attrs = {key: str(value) for key, value in attrs.items()}
    path = scores_path(folder, str(attrs["collection"]))
    content.to_netcdf(path, engine="scipy", format="NETCDF3_64BIT")
    return path


def about(network_sha256: str, precision: str, collection: Collection, request: MapRequest) -> dict[str, str]:
    """Return what a file of scores must say to be used.

    Parameters
    ----------
    network_sha256 : str
        Checksum of the network's weights.
    precision : str
        In which it computes, as keys of results have it.
    collection : Collection
        Whose images are scored.
    request : MapRequest
        Settings of the maps.

    Returns
    -------
    dict of str to str
        Attrs of the file.
    """
    return {
        "format": str(FORMAT),
        "measurement_version": str(MEASUREMENT_VERSION),
        "weights_sha256": network_sha256,
        "precision": precision,
        "collection": collection.name,
        "collection_fingerprint": collection.fingerprint,
        "request": request_key(request),
    }


def read_scores(opened_as: str, expected: Mapping[str, str]) -> xr.Dataset | None:
    """Return the scores that came with a network, or None where there are none of these settings.

    Parameters
    ----------
    opened_as : str
        Name or folder by which the network was loaded.
    expected : mapping of str to str
        What ``about`` says of network, collection and request.

    Returns
    -------
    Dataset or None
        As ``write_scores`` wrote it.
    """
    try:
        folder = network_folder(opened_as) if opened_as and ":" not in opened_as else None
    except ValueError:  # it was opened by a name that leads to no folder
        return None
    scores = None if folder is None else _read_file(scores_path(folder, expected["collection"]))
    if scores is None or any(str(scores.attrs.get(key)) != value for key, value in expected.items()):
        return None
    return scores.copy()  # the arrays are shared; variables that a caller adds are its own


def _read_file(path: Path) -> xr.Dataset | None:
    """Return the content of a file of scores, read once for each state of the file; None where it is not readable."""
    try:
        about_file = path.stat()
    except OSError:
        return None
    if not stat.S_ISREG(about_file.st_mode) or about_file.st_size > MAX_BYTES:
        return None
    key = (str(path), about_file.st_mtime_ns, about_file.st_size)
    if (known := _FILES.get(key)) is not None:
        return known[0]
    try:
        scores = xr.load_dataset(path, engine="scipy")
    except Exception:  # of whatever kind: SciPy's reader fails in many ways on a damaged file
        scores = None
    for variable in () if scores is None else scores.variables.values():
        if isinstance(variable.data, np.ndarray):
            variable.data.setflags(write=False)
    _FILES.put(key, (scores,), 1000 + (0 if scores is None else scores.nbytes))
    return scores


def starting_smoothing(scores: xr.Dataset | None, first: str) -> float:
    """Return the smoothing with which a pair's maps are first drawn, in pixels.

    Parameters
    ----------
    scores : Dataset or None
        Those that came with the second network.
    first : str
        Name of the first.

    Returns
    -------
    float
        The least at which the median reliability of the pair's deltas is at least ``RELIABLE``;
        ``STARTING_SMOOTHING_PX`` where that was not measured, or is never so.
    """
    name = f"reliability {first}"
    if scores is None or name not in scores:
        return STARTING_SMOOTHING_PX
    reliability = scores[name].transpose(f"image {first}", ...)
    known = [column[~np.isnan(column)] for column in reliability.values.T]
    medians = np.array([np.median(column) if len(column) else np.nan for column in known])  # xarray's would load Dask
    enough = scores[f"smoothing {first}"].values[medians >= RELIABLE]
    return float(enough.min()) if len(enough) else STARTING_SMOOTHING_PX


def image_at_median_gain(rho: np.ndarray, images: Sequence[str]) -> str | None:
    """Return the image at which the second network's gain in rho over the first is the median.

    Parameters
    ----------
    rho : ndarray, (network, image)
        NaN where it is not known.
    images : sequence of str
        Their ids.

    Returns
    -------
    str or None
        Of an even number the lower of the two in the middle; None where no gain is known.
    """
    gain = np.asarray(rho[1], float) - np.asarray(rho[0], float)
    known = np.flatnonzero(np.isfinite(gain))
    if not len(known):
        return None
    order = known[np.argsort(gain[known], kind="stable")]
    return images[int(order[(len(order) - 1) // 2])]
