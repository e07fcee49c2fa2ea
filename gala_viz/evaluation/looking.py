"""What one network makes of images, before anyone asks how human it is: choices, attention norms, SmoothGrad."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from gala_viz.alignment import area_average
from gala_viz.collections.collection import Collection
from gala_viz.collections.map_checks import marked_images
from gala_viz.engine.attribution_maps import smoothgrad
from gala_viz.engine.forward import predictions_and_norms
from gala_viz.evaluation.kept import Kept, identity
from gala_viz.evaluation.regions import KnowsRegions, members_in_frame, shares
from gala_viz.evaluation.spec import EvaluationSpec
from gala_viz.networks.fuse_batchnorm import fuse_batchnorm
from gala_viz.networks.network import Network
from gala_viz.specs import settings

Step = Callable[[int], None]
"""Called with the number of images that are finished; ``kept`` ones are told by a negative number."""

PIXELS, SMOOTHGRAD = "pixels", "smoothgrad"


@dataclass(frozen=True, kw_only=True, eq=False)
class Looked:
    """One network's results for ``images``.

    ``first_choice`` (image,) is an index into its categories. ``norms`` are attention norms by layer, (image, y, x) at
    the layer's grid. ``smoothgrad`` (image, y, x) is at the cells of the comparison, None where it was left out, NaN
    for images that have nothing to compare it with. ``shares`` (image, region) tell for ``PIXELS``, ``SMOOTHGRAD`` and
    each layer how much lies on each of ``regions``.
    """

    images: tuple[str, ...]
    first_choice: np.ndarray
    norms: dict[str, np.ndarray]
    smoothgrad: np.ndarray | None
    regions: tuple[str, ...]
    shares: dict[str, np.ndarray]

    def arrays(self) -> dict[str, np.ndarray]:
        """All of it as plain arrays by name, for a file."""
        found = {"images": np.array(self.images), "first_choice": self.first_choice, "regions": np.array(self.regions)}
        found |= {f"norm:{layer}": norm for layer, norm in self.norms.items()}
        found |= {f"share:{of}": values for of, values in self.shares.items()}
        return found if self.smoothgrad is None else {**found, "smoothgrad": self.smoothgrad}

    @classmethod
    def from_arrays(cls, arrays: dict[str, np.ndarray]) -> Looked:
        """The inverse of ``arrays``."""

        def named(kind: str) -> dict[str, np.ndarray]:
            return {key.removeprefix(kind): value for key, value in arrays.items() if key.startswith(kind)}

        return cls(
            images=tuple(str(image) for image in arrays["images"]),
            first_choice=arrays["first_choice"],
            norms=named("norm:"),
            smoothgrad=arrays.get("smoothgrad"),
            regions=tuple(str(region) for region in arrays["regions"]),
            shares=named("share:"),
        )


def look_at_all(
    network: Network,
    collection: Collection,
    images: Sequence[str],
    spec: EvaluationSpec,
    *,
    kept: Kept | None = None,
    step: Step = lambda done: None,
) -> Looked:
    """``network``'s results for ``images``, block by block; blocks that ``kept`` holds are not computed again.

    The cut into blocks does not change results beyond rounding, and the same blocks give the same numbers.
    """
    kept = kept or Kept()
    who = identity(network, kept)
    quick: Network | None = None
    parts = []
    for start in range(0, len(images), spec.block_images):
        block = tuple(images[start : start + spec.block_images])
        about = (who, _asked(network, spec), collection.name, collection.fingerprint, list(block))
        arrays = kept.recall(network.name, *about)
        if arrays is not None:
            step(-len(block))
        else:
            quick = quick or fuse_batchnorm(network)
            arrays = look(quick, collection, block, spec, step=step).arrays()
            kept.keep(arrays, network.name, *about)
        parts.append(Looked.from_arrays(arrays))
    return joined(parts)


def look(
    network: Network,
    collection: Collection,
    images: Sequence[str],
    spec: EvaluationSpec,
    *,
    step: Step = lambda done: None,
) -> Looked:
    """``network``'s results for ``images``, from one forward pass of each and one SmoothGrad where asked for and
    used."""
    choices, norms = predictions_and_norms(network, collection, images)
    found = members_in_frame(collection, images, network.preprocessing)
    regions, members = found if found is not None else ((), None)
    on_regions: dict[str, np.ndarray] = {}
    if members is not None:
        on_regions[PIXELS] = members.mean(axis=(2, 3), dtype=np.float64)
        on_regions |= {layer: shares(norm.values, members) for layer, norm in norms.items()}
    coarse = None
    if spec.smoothgrad is not None:
        own = dict(zip(images, choices.values.tolist(), strict=True))
        marked = set(marked_images(collection, images))
        known = np.zeros(len(images), bool) if members is None else ~np.isnan(members).all(axis=(1, 2, 3))
        rows = [row for row, image in enumerate(images) if image in marked or known[row]]
        coarse = np.full((len(images), spec.cells, spec.cells), np.nan, np.float32)
        if members is not None:
            on_regions[SMOOTHGRAD] = np.full(members.shape[:2], np.nan)
        step(len(images) - len(rows))
        if rows:
            asked = [images[row] for row in rows]
            target = "label" if spec.target == "label" else {image: own[image] for image in asked}
            maps = smoothgrad(
                network, collection, spec.smoothgrad, asked, target, progress=lambda done, total: step(1)
            ).values
            coarse[rows] = area_average(maps, (spec.cells, spec.cells))
            if members is not None:
                on_regions[SMOOTHGRAD][rows] = shares(maps, members[rows])
    else:
        step(len(images))
    return Looked(
        images=tuple(images),
        first_choice=choices.values.astype(np.int64),
        norms={layer: norm.values for layer, norm in norms.items()},
        smoothgrad=coarse,
        regions=regions,
        shares=on_regions,
    )


def any_compared(collection: Collection, images: Sequence[str]) -> bool:
    """Whether a network's map of any of ``images`` has something to be compared with: a human map, or regions."""
    if marked_images(collection, images):
        return True
    return isinstance(collection, KnowsRegions) and any(collection.regions(image) for image in images)


def joined(parts: Sequence[Looked]) -> Looked:
    """Results of several blocks of images as one; a region that only others know has no pixels in a block."""
    regions = tuple(dict.fromkeys(region for part in parts for region in part.regions))

    def share(part: Looked, of: str) -> np.ndarray:
        if not part.regions:
            return np.full((len(part.images), len(regions)), np.nan)
        own = part.shares[of]
        wide = np.where(np.isnan(own).all(axis=1, keepdims=True), np.nan, np.zeros((len(part.images), len(regions))))
        wide[:, [regions.index(region) for region in part.regions]] = own
        return wide

    first = parts[0]
    known = dict.fromkeys(of for part in parts for of in part.shares)
    return Looked(
        images=tuple(image for part in parts for image in part.images),
        first_choice=np.concatenate([part.first_choice for part in parts]),
        norms={layer: np.concatenate([part.norms[layer] for part in parts]) for layer in first.norms},
        smoothgrad=None if first.smoothgrad is None else np.concatenate([part.smoothgrad for part in parts]),
        regions=regions,
        shares={of: np.concatenate([share(part, of) for part in parts]) for of in known},
    )


def _asked(network: Network, spec: EvaluationSpec) -> dict[str, object]:
    """The part of ``spec`` that a network's results depend on."""
    if spec.smoothgrad is None:
        return {"smoothgrad": None}
    asked = {"smoothgrad": settings(spec.smoothgrad), "target": spec.target, "cells": spec.cells}
    return {**asked, "categories": list(network.categories)} if spec.target == "label" else asked
