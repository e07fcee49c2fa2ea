"""Creating a store, or opening one that was made for the same settings."""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import zarr

from gala_viz.schema import PIXEL_ATTRS, pixel_centres
from gala_viz.specs import GRAD_CAM, fingerprint
from gala_viz.splits import UNKNOWN
from gala_viz.store.compaction import compact, finish_renaming
from gala_viz.store.identity import doubts, identity_in
from gala_viz.store.layout import LABELS, Stored, arrays_of, learnt_path, segment
from gala_viz.store.source import Labels
from gala_viz.store.spec import StoreSpec, comparable, differences
from gala_viz.store.zarr_store import (
    ATTRS,
    CHECKED,
    CIRCUMSTANCES,
    FINGERPRINT,
    GATHERED,
    LAYER_PATH,
    SCORED_ALIKE,
    Store,
    StoreError,
)

WHOLE = 100_000
"""Images in a chunk of what every page reads at once."""


def create_store(
    path: str | Path,
    spec: StoreSpec,
    images: Sequence[str],
    labels: Labels | None = None,
    learnt: Mapping[str, np.ndarray] | None = None,
    cam_paths: Mapping[str, str] | None = None,
) -> Store:
    """Create an empty store, or open one that was made for exactly this; what is computed in it stays.

    Parameters
    ----------
    path : str or Path
        Folder of the store.
    spec : StoreSpec
        Everything that determines the store's numbers.
    images : sequence of str
        Ids of the images of ``spec``, in order.
    labels : Labels, optional
        Categories and the like of the images, which a new store notes; default: nothing is known.
    learnt : mapping of str to ndarray, (image,), int8, optional
        Network -> training status of each image (see ``gala_viz.splits``), which a new store notes.
    cam_paths : mapping of str to str, optional
        Network -> path of the layer of its Grad-CAM, which a new store notes; default: they are not known.

    Returns
    -------
    Store
        The store, open for writing.

    Raises
    ------
    StoreError
        There is another store, with every difference named, or something else; or its Grad-CAM is of other layers.
    ValueError
        ``images`` are not those of ``spec``.
    """
    path = Path(path).expanduser()
    if len(images) != spec.n_images or fingerprint(list(images)) != spec.images:
        raise ValueError("the images are not those of the spec.")
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        store = Store(path, writing=True)
        check_same(store, spec)
        _check_cam_paths(store, cam_paths or {})
        finish_renaming(store)
        return store
    unfinished = path.with_name(f".{path.name}.begun")
    shutil.rmtree(unfinished, ignore_errors=True)
    root = zarr.create_group(unfinished)
    _add(root, Stored("image", "string", fill="", chunk=WHOLE), spec, np.array(list(images), dtype=object))
    for name in LABELS:
        texts = getattr(labels, name) if labels is not None else [""] * len(images)
        _add(root, Stored(name, "string", fill="", chunk=WHOLE), spec, np.array(list(texts), dtype=object))
    marked = labels.has_human_map if labels is not None else np.zeros(len(images), bool)
    _add(root, Stored("marked", "bool", fill=False, chunk=WHOLE), spec, marked)
    for one in arrays_of(spec):
        _add(root, one, spec)
    for name, status in (learnt or {}).items():
        _add(root, Stored(learnt_path(name), "int8", fill=UNKNOWN, chunk=WHOLE), spec, status)
    for network in spec.networks:
        root[segment(network.name)].attrs.update({"title": network.title, "weights_sha256": network.weights_sha256})
        if cam_paths and GRAD_CAM in spec.methods:
            root[f"{segment(network.name)}/{GRAD_CAM}/map"].attrs[LAYER_PATH] = cam_paths[network.name]
    root.attrs[ATTRS] = json.dumps(spec.settings())
    root.attrs[FINGERPRINT] = spec.fingerprint
    root.attrs[CIRCUMSTANCES] = []
    root.attrs[CHECKED] = True
    if not spec.has_one_cut:
        root.attrs[SCORED_ALIKE] = True
    unfinished.rename(path)
    return Store(path, writing=True)


def check_same(store: Store, spec: StoreSpec) -> None:
    """Raise ``StoreError``, with every difference named, unless a store was made for exactly ``spec``."""
    path = store.path
    if [network.name for network in store.spec.networks] == [network.name for network in spec.networks]:
        unsure = doubts(store.spec.networks, [identity_in(network) for network in spec.networks])
        if unsure:
            raise StoreError(
                f"{path} is not extended. {' '.join(unsure)} The store can be looked at as before; for new maps "
                "choose another store, or remove this one."
            )
    differing = differences(comparable(store.settings), comparable(json.loads(json.dumps(spec.settings()))))
    if differing:
        listed = "; ".join(differing[:6]) + (f"; and {len(differing) - 6} more" if len(differing) > 6 else "")
        raise StoreError(f"{path} was made for something else: {listed}. Choose another store, or remove this one.")
    if not store.is_scored_alike:
        raise StoreError(
            f"{path} is not extended: its networks cut photographs differently, and its scores are each over what "
            "one of them sees. Choose another store, or make the scores anew with --rescore first."
        )


def _check_cam_paths(store: Store, cam_paths: Mapping[str, str]) -> None:
    """Raise ``StoreError`` where the layer that Grad-CAM means is another one than when the store was begun."""
    for network, path in cam_paths.items():
        before = store.layer_path(network, GRAD_CAM)
        if before not in ("", path):
            raise StoreError(
                f"{store.path} is not extended: its Grad-CAM of {network} is at {before}, and would now be at {path}. "
                "Choose another store, or remove this one."
            )


def finish(store: Store) -> None:
    """Bring a store without missing blocks into the form that is read: few files, and consolidated metadata.

    What has one value an image is written a second time, in few chunks, since pages show half a million images at once.
    Nothing happens where blocks are missing, or where it was done before.
    """
    if store.missing_blocks():
        return
    _gather(store)
    if compact(store) or not (store.path / "zarr.json").read_bytes().count(b"consolidated_metadata"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # consolidated metadata are young in Zarr 3
            zarr.consolidate_metadata(store.path)


def _gather(store: Store) -> None:
    if store.gathered:
        return
    root = zarr.open_group(store.path, mode="r+", use_consolidated=False)
    shutil.rmtree(store.path / GATHERED, ignore_errors=True)
    for one in arrays_of(store.spec):
        if one.path in ("status", "note", "pixels") or one.path.startswith("scores/"):
            values = root[one.path][:]
            _add(root, replace(one, path=f"{GATHERED}/{one.path}", chunk=WHOLE), store.spec, values)
    root.attrs[GATHERED] = True


def _add(root: zarr.Group, one: Stored, spec: StoreSpec, values: np.ndarray | None = None) -> None:
    """Create an array with its dims, and the coordinates of its group that are not there yet."""
    shape = one.shape(spec.n_images)
    along = min(one.chunk or spec.block_images, spec.n_images)
    chunks = tuple(along if dim == "image" else size for dim, size in zip(one.all_dims(), shape, strict=True))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # variable-length text is young in Zarr 3
        array = root.create_array(
            one.path,
            shape=shape,
            dtype=one.dtype if one.dtype != "string" else str,
            chunks=chunks,
            fill_value=one.fill,
            dimension_names=one.all_dims(),
            attributes={key: value for key, value in one.attrs.items() if value is not None},
        )
    if values is not None:
        array[:] = values
    group = root if "/" not in one.path else root[one.path.rpartition("/")[0]]
    for dim, labels in _coordinates(one).items():
        if dim not in group:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                coordinate = group.create_array(
                    dim,
                    shape=labels.shape,
                    dtype=str if labels.dtype == object else labels.dtype,
                    dimension_names=(dim,),
                    attributes={**PIXEL_ATTRS.get(dim, {})},
                )
            coordinate[:] = labels


def _coordinates(one: Stored) -> dict[str, np.ndarray]:
    """Return the coordinates of an array's dims, by dim."""
    coordinates: dict[str, np.ndarray] = {}
    if one.grid is not None:
        _, sizes, extent = one.grid
        coordinates = {dim: pixel_centres(size, px) for dim, size, px in zip(("y", "x"), sizes, extent, strict=True)}
    for dim, labels in one.labels.items():
        values = list(labels)
        coordinates[dim] = np.array(values, dtype=np.int64 if values and isinstance(values[0], int) else object)
    return coordinates
