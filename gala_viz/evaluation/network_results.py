"""What one network makes of images, before anyone asks how human it is: predictions, attention norms, SmoothGrad."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from gala_viz.attribution.finite import NonFiniteError
from gala_viz.attribution.network_identity import compute_output_fingerprint
from gala_viz.cache import ArrayCache
from gala_viz.collections.clickme.smoothing import smooth_part
from gala_viz.collections.collection import Collection
from gala_viz.engine.measurement import Measurement, measure
from gala_viz.engine.result_keys import circumstances, network_key
from gala_viz.engine.results.human_maps import images_with_maps, other_kind
from gala_viz.evaluation.regions import HasRegions, region_masks, region_shares
from gala_viz.evaluation.spec import EvaluationSpec
from gala_viz.networks.frames import Frame, cut_to_frame, is_same_cut
from gala_viz.networks.fuse_batchnorm import fuse_batchnorm
from gala_viz.networks.network import Network
from gala_viz.specs import fingerprint, settings

Step = Callable[[int], None]
"""Called with the number of images that are finished; cached ones are told by a negative number."""

FORMAT = 5
"""Goes up when the meaning of a block's arrays changes, so that older ones are computed again."""
PIXELS, SMOOTHGRAD = "pixels", "smoothgrad"
N_CHOICES = 5
"""Choices that are kept of each image: those of the top-5 error."""


@dataclass(frozen=True, kw_only=True, eq=False)
class NetworkResults:
    """One network's results for a number of images.

    Parameters
    ----------
    images : tuple of str
        Ids.
    choices : ndarray, (image, choice), int64
        Indices into the network's categories by logit, largest first, ``N_CHOICES`` or as many as there are.
    norms : dict of str to ndarray, (image, y, x)
        Layer -> attention norms at the layer's grid.
    smoothgrad : ndarray, (image, y, x), or None
        At the cells of the comparison; None where it was left out, NaN for images that have nothing to compare it with.
    regions : tuple of str
        Names of the regions that the collection knows.
    shares : dict of str to ndarray, (image, region)
        For ``PIXELS``, ``SMOOTHGRAD`` and each layer how much lies on each region.
    at_cells : dict of int to ndarray, (image, y, x)
        Cells a side -> SmoothGrad at so many, for the further resolutions.
    """

    images: tuple[str, ...]
    choices: np.ndarray
    norms: dict[str, np.ndarray]
    smoothgrad: np.ndarray | None
    regions: tuple[str, ...]
    shares: dict[str, np.ndarray]
    at_cells: dict[int, np.ndarray] = field(default_factory=dict)

    @property
    def first_choice(self) -> np.ndarray:
        """Index of the category with the largest logit, (image,) int64."""
        return self.choices[:, 0]

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return all of it as plain arrays by name, for a file."""
        arrays = {"images": np.array(self.images), "choices": self.choices, "regions": np.array(self.regions)}
        arrays |= {f"norm:{layer}": norm for layer, norm in self.norms.items()}
        arrays |= {f"share:{of}": values for of, values in self.shares.items()}
        arrays |= {f"cells:{cells}": maps for cells, maps in self.at_cells.items()}
        return arrays if self.smoothgrad is None else {**arrays, "smoothgrad": self.smoothgrad}

    @classmethod
    def from_arrays(cls, arrays: dict[str, np.ndarray]) -> NetworkResults:
        """Return what ``to_arrays`` wrote."""

        def named(kind: str) -> dict[str, np.ndarray]:
            return {key.removeprefix(kind): value for key, value in arrays.items() if key.startswith(kind)}

        return cls(
            images=tuple(str(image) for image in arrays["images"]),
            choices=arrays["choices"],
            norms=named("norm:"),
            smoothgrad=arrays.get("smoothgrad"),
            regions=tuple(str(region) for region in arrays["regions"]),
            shares=named("share:"),
            at_cells={int(cells): maps for cells, maps in named("cells:").items()},
        )


def network_results(
    network: Network,
    collection: Collection,
    images: Sequence[str],
    spec: EvaluationSpec,
    *,
    frame: Frame | None = None,
    cache: ArrayCache | None = None,
    step: Step = lambda done: None,
) -> NetworkResults:
    """Return a network's results for images, block by block.

    Parameters
    ----------
    network : Network
        Its batch norms are fused for it.
    collection : Collection
        Where photographs are read.
    images : sequence of str
        Ids.
    spec : EvaluationSpec
        SmoothGrad's settings, target, cells, images in a block, and the human maps that it is compared with.
    frame : Preprocessing or CommonFrame, optional
        The part of a photograph over which maps are compared; default: all that the network sees.
    cache : ArrayCache, optional
        Blocks that it holds are not computed again; default: nothing is cached.
    step : callable
        Called with the number of images that are finished.

    Returns
    -------
    NetworkResults
        The cut into blocks does not change them.

    Raises
    ------
    NonFiniteError
        A number is NaN or infinite.
    """
    cache = cache or ArrayCache()
    behaviour = None if network.maps is not None or cache.folder is None else compute_output_fingerprint(network)
    key = "" if cache.folder is None else network_key(network, behaviour, cache)
    frame, parts = frame or network.preprocessing, []
    part = {} if is_same_cut(network.preprocessing, frame) else frame.settings()
    kind = None if spec.smoothgrad is None else other_kind(collection, spec.human_map)
    if kind is not None:  # SmoothGrad is of other images then
        part["human_map"] = kind
    for start in range(0, len(images), spec.block_images):
        block = tuple(images[start : start + spec.block_images])
        about = (FORMAT, key, list(network.layers), {**_settings(network, spec), **part})
        block_key = f"block {fingerprint(*about, collection.name, collection.fingerprint, list(block))}"
        arrays = cache.read(block_key)
        if arrays is not None:
            step(-len(block))
        else:
            computing = network if network.maps is not None else fuse_batchnorm(network)
            arrays = block_results(computing, collection, block, spec, frame=frame, step=step).to_arrays()
            cache.write(block_key, {**arrays, "circumstances": np.array(json.dumps(circumstances(network)))})
        parts.append(NetworkResults.from_arrays(arrays))
    return joined(parts)


def block_results(
    network: Network,
    collection: Collection,
    images: Sequence[str],
    spec: EvaluationSpec,
    *,
    frame: Frame | None = None,
    step: Step = lambda done: None,
) -> NetworkResults:
    """Return a network's results for a block of images: one forward pass of each, and one map where it is compared.

    Parameters
    ----------
    network, collection, images, spec, frame, step
        As in ``network_results``.

    Returns
    -------
    NetworkResults
        For the images of the block.

    Raises
    ------
    NonFiniteError
        A number is NaN or infinite.
    """
    own = network.preprocessing
    frame = frame or own
    found = region_masks(collection, images, frame)
    regions, members = found if found is not None else ((), None)
    compared: list[int] = []
    if spec.smoothgrad is not None:
        marked = set(images_with_maps(collection, images, spec.human_map))
        known = np.zeros(len(images), bool) if members is None else ~np.isnan(members).all(axis=(1, 2, 3))
        compared = [row for row, image in enumerate(images) if image in marked or known[row]]
    if network.maps is not None:
        compared = [row for row in compared if images[row] in network.maps]
    step(len(images) - len(compared))
    measured = measure(
        network,
        collection,
        images,
        {} if spec.smoothgrad is None else {SMOOTHGRAD: spec.smoothgrad},
        spec.target,
        reduction=spec.reduction,
        explain={images[row] for row in compared},
        progress=lambda done, total: step(1),
    )
    if network.maps is None:
        _check(measured, compared, spec)
    else:
        step(len(compared))
    sizes_px = [(0, 0) if is_same_cut(own, frame) else collection.size_px(image) for image in images]

    def cut(maps: np.ndarray, rows: Sequence[int], grid: tuple[int, int]) -> np.ndarray:
        """Return maps (image, y, x) of some of the images on a grid of the frame."""
        return np.stack(
            [cut_to_frame(one, own, frame, sizes_px[row], grid) for row, one in zip(rows, maps, strict=True)]
        )

    norms = {layer: np.stack([result.norms[layer] for result in measured.forward]) for layer in network.layers}
    norms = {layer: cut(norm, range(len(images)), norm.shape[1:]) for layer, norm in norms.items()}
    on_regions: dict[str, np.ndarray] = {}
    if members is not None:
        on_regions[PIXELS] = members.mean(axis=(2, 3), dtype=np.float64)
        on_regions |= {layer: region_shares(norm, members) for layer, norm in norms.items()}
    coarse, at_cells = None, {}
    if spec.smoothgrad is not None:
        coarse = np.full((len(images), spec.cells, spec.cells), np.nan, np.float32)
        at_cells = {cells: np.full((len(images), cells, cells), np.nan, np.float32) for cells in spec.resolutions}
        if members is not None:
            on_regions[SMOOTHGRAD] = np.full(members.shape[:2], np.nan)
        if compared:
            maps = smooth_part(measured.maps[SMOOTHGRAD]["map"].values, spec.map_smoothing, min(own.resize_px))
            for cells, rows in {**at_cells, spec.cells: coarse}.items():
                rows[compared] = cut(maps, compared, (cells, cells))
            if spec.cells in at_cells:
                at_cells[spec.cells][:] = coarse
            if members is not None and spec.reduction != "signed":  # a signed map has no mass
                on_regions[SMOOTHGRAD][compared] = region_shares(cut(maps, compared, frame.input_px), members[compared])
    return NetworkResults(
        images=tuple(images),
        choices=best_categories([result.logits for result in measured.forward]),
        norms=norms,
        smoothgrad=coarse,
        regions=regions,
        shares=on_regions,
        at_cells=at_cells,
    )


def best_categories(logits: Sequence[np.ndarray], n: int = N_CHOICES) -> np.ndarray:
    """Return the indices of the ``n`` largest of each image's logits, largest first; of equal ones the first is first.

    (image, category) -> (image, choice), int64; all categories where there are fewer than ``n``.
    """
    return np.argsort(-np.stack(logits), axis=-1, kind="stable")[:, :n].astype(np.int64)


def _check(measured: Measurement, compared: Sequence[int], spec: EvaluationSpec) -> None:
    """Raise an error for numbers that are not finite, and for a true category that is to be explained and not known."""
    for why in measured.not_finite.values():
        raise NonFiniteError(why)
    if spec.target == "label":
        for row in compared:
            if measured.labels[row] is None:
                raise ValueError(f"the true category of {measured.images[row]!r} is not known; explain another target.")


def any_compared(collection: Collection, images: Sequence[str], kind: str | None = None) -> bool:
    """Return whether a map of any of ``images`` has something to be compared with: a human map of a kind, or regions.

    ``kind`` None is the collection's first.
    """
    if any(images_with_maps(collection, [image], kind) for image in images):
        return True
    return isinstance(collection, HasRegions) and any(collection.regions(image) for image in images)


def joined(parts: Sequence[NetworkResults]) -> NetworkResults:
    """Return the results of several blocks as one; a region that only others know has no pixels in a block."""
    regions = tuple(dict.fromkeys(region for part in parts for region in part.regions))

    def share(part: NetworkResults, of: str) -> np.ndarray:
        if not part.regions:
            return np.full((len(part.images), len(regions)), np.nan)
        own = part.shares[of]
        wide = np.where(np.isnan(own).all(axis=1, keepdims=True), np.nan, np.zeros((len(part.images), len(regions))))
        wide[:, [regions.index(region) for region in part.regions]] = own
        return wide

    first = parts[0]
    known = dict.fromkeys(of for part in parts for of in part.shares)
    return NetworkResults(
        images=tuple(image for part in parts for image in part.images),
        choices=np.concatenate([part.choices for part in parts]),
        norms={layer: np.concatenate([part.norms[layer] for part in parts]) for layer in first.norms},
        smoothgrad=None if first.smoothgrad is None else np.concatenate([part.smoothgrad for part in parts]),
        regions=regions,
        shares={of: np.concatenate([share(part, of) for part in parts]) for of in known},
        at_cells={cells: np.concatenate([part.at_cells[cells] for part in parts]) for cells in first.at_cells},
    )


def _settings(network: Network, spec: EvaluationSpec) -> dict[str, object]:
    """Return the part of ``spec`` that a network's results depend on."""
    if spec.smoothgrad is None:
        return {"smoothgrad": None}
    values: dict[str, object] = {"smoothgrad": settings(spec.smoothgrad), "target": spec.target, "cells": spec.cells}
    told = settings(spec)
    values |= {name: told[name] for name in ("reduction", "map_smoothing", "resolutions") if name in told}
    return {**values, "categories": list(network.categories)} if spec.target == "label" else values
