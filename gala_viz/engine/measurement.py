"""One network measured on a block of images: forward passes, targets, and maps of any methods with their errors.

Pages measure image by image, as somebody looks; stores and evaluations measure block by block, and both by this.
"""

from __future__ import annotations

from collections.abc import Collection as Container
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from gala_viz.attribution.finite import NonFiniteError, non_finite_message
from gala_viz.attribution.methods import METHODS
from gala_viz.collections.collection import Collection
from gala_viz.engine.attribution_maps import image_maps, labelled_maps
from gala_viz.engine.forward import LoadedImage, forward, load_images
from gala_viz.engine.results.forward_result import NO_ANSWER, ForwardResult
from gala_viz.engine.results.reduction import reduce_channels
from gala_viz.imagenet import label_index
from gala_viz.networks.fuse_batchnorm import fuse_batchnorm
from gala_viz.networks.imported_maps import METHOD, UNKNOWN_UNIT, ImportedMaps
from gala_viz.networks.network import Network
from gala_viz.progress import ProgressCallback
from gala_viz.specs import Reduction, Target


@dataclass(frozen=True, kw_only=True, eq=False)
class Measurement:
    """One network's results for a block of images.

    Parameters
    ----------
    images : tuple of str
        Ids.
    forward : tuple of ForwardResult
        One for each image, finite or not.
    labels : tuple of int or None
        Index of each true category among the network's; None where it is not known.
    finite : ndarray, (image,), bool
        Whether logits and norms are finite.
    not_finite : dict of str to str
        Image for which a number is NaN or infinite -> a sentence on which.
    maps : dict of str to Dataset
        Method -> ``map``, ``standard_error`` and ``half_map``, unsmoothed, of the images that have a target and finite
        logits; absent where there are none.
    notes : frozenset of str
        Sentences on how maps were computed, for example that batches were made smaller.
    """

    images: tuple[str, ...]
    forward: tuple[ForwardResult, ...]
    labels: tuple[int | None, ...]
    finite: np.ndarray
    not_finite: dict[str, str]
    maps: dict[str, xr.Dataset]
    notes: frozenset[str] = frozenset()

    @property
    def first_choices(self) -> np.ndarray:
        """Index of the category with the largest logit, (image,) int64."""
        return np.array([result.logits.argmax() for result in self.forward], np.int64)

    def correct(self) -> np.ndarray:
        """Return (image,) float64: 1 where the first choice is the true category, 0 where not, NaN where unknown."""
        if not any(result.logits.size for result in self.forward):
            return np.full(len(self.images), np.nan)
        return np.array(
            [
                float(choice == label) if finite and label is not None else np.nan
                for choice, label, finite in zip(
                    self.first_choices.tolist(), self.labels, self.finite.tolist(), strict=True
                )
            ]
        )


def measure(
    network: Network,
    collection: Collection,
    images: Sequence[str],
    methods: Mapping[str, Any],
    target: Target = "own",
    *,
    reduction: Reduction = "absolute",
    errors: bool = False,
    explain: Container[str] | None = None,
    progress: ProgressCallback | None = None,
) -> Measurement:
    """Measure a network on a block of images: one forward pass of each, and the maps of every method.

    An image's results do not depend on what else is in the block.

    Parameters
    ----------
    network : Network
        For maps its batch norms are fused, see ``gala_viz.networks.fuse_batchnorm``.
    collection : Collection
        Where photographs are read.
    images : sequence of str
        Ids of photographs that can be read.
    methods : mapping of str to object
        Name in ``gala_viz.attribution.methods.METHODS`` -> settings of its type.
    target : {"own", "label"} or int
        The network's first choice, the true category, or a category index. Images whose target is not known have no
        maps.
    reduction : {"absolute", "maximum", "signed"}
        How colour channels become one number.
    errors : bool
        Whether maps have ``standard_error`` and ``half_map``.
    explain : container of str, optional
        Images whose maps are wanted; default: all.
    progress : callable, optional
        Called as ``progress(done, total)`` after every image of every method.

    Returns
    -------
    Measurement
        Images with numbers that are not finite are named, and their maps are NaN. Of imported maps there are the maps
        alone, by whatever method is asked for, of the images that have one.
    """
    if network.maps is not None:
        return _imported(network.maps, images, methods, reduction, explain)
    loaded = list(load_images(network, collection, images))
    results = forward(network, [one.tensor for one in loaded])
    labels = [label_index(network.categories, collection.category(one), collection.target(one)) for one in images]
    finite = np.ones(len(results), bool)
    not_finite: dict[str, str] = {}
    explained: list[tuple[LoadedImage, int]] = []
    for row, (one, result, label) in enumerate(zip(loaded, results, labels, strict=True)):
        try:
            result.check(network.name, one.image)
        except NonFiniteError as error:
            finite[row], not_finite[one.image] = False, str(error)
            continue
        index = {"own": int(result.logits.argmax()), "label": label}.get(target) if isinstance(target, str) else target
        if index is not None and (explain is None or one.image in explain):
            explained.append((one, index))
    notes: set[str] = set()
    maps, fused = {}, fuse_batchnorm(network) if explained and methods else network
    for method, spec in methods.items() if explained else ():
        entry, found = METHODS[method], []
        for one in image_maps(
            entry(fused, spec), explained, reduction=reduction, wanted=["standard_error", "half_map"] * errors
        ):
            if told := non_finite_message(
                one.arrays["map"], f"values of the {entry.title} map", network.name, one.image
            ):
                not_finite.setdefault(one.image, told)
                one.arrays["map"][:] = np.nan
            found.append(one)
            notes |= {one.note} if one.note else set()
            if progress is not None:
                progress(len(found), len(explained))
        maps[method] = labelled_maps(found, {"method": method, "reduction": reduction, "units": entry.units})
    return Measurement(
        images=tuple(images),
        forward=tuple(results),
        labels=tuple(labels),
        finite=finite,
        not_finite=not_finite,
        maps=maps,
        notes=frozenset(notes),
    )


def _imported(
    maps: ImportedMaps,
    images: Sequence[str],
    methods: Mapping[str, Any],
    reduction: Reduction,
    explain: Container[str] | None,
) -> Measurement:
    """Return what there is of imported maps: the maps, once for each method, and no answers."""
    ids = [image for image in images if image in maps and (explain is None or image in explain)]
    values = [reduce_channels(maps.map(image)[None], reduction) for image in ids]
    attrs = {"reduction": reduction, "units": UNKNOWN_UNIT, "method": METHOD}
    found = xr.Dataset({"map": (("image", "y", "x"), np.array(values))}, {"image": ids}, attrs) if ids else None
    return Measurement(
        images=tuple(images),
        forward=(NO_ANSWER,) * len(images),
        labels=(None,) * len(images),
        finite=np.ones(len(images), bool),
        not_finite={},
        maps={} if found is None else dict.fromkeys(methods, found),
    )
