"""Which arrays a store has.

A store is a Zarr hierarchy, read by xarray as a DataTree::

    /image, /status, /note                     ids; 0 missing, 1 there, 2 unreadable, 3 not finite; why, and of those
                                               that are there why the human map is not used
    /pixels                                    checksum of the photograph's pixels, see ``pixel_key``; 0: not read
    /category, /superclass, /split, /marked    what the collection says of each image
    /NETWORK/top_index, top_probability        the five first choices (image, rank)
    /NETWORK/learnt                            whether it learnt from the image: 0 unknown, 1 yes, 2 no
    /NETWORK/METHOD/map, standard_error        (image, y, x), in the network's own frame; of Grad-CAM the map's attr
                                               layer_path tells at which layer of this network
    /NETWORK/METHOD/half_map                   (image, half, y, x): the maps of the even and of the odd samples
    /NETWORK/METHOD/explained, sigma           category index explained, standard deviation of the noise (image,)
    /NETWORK/attention_norm/LAYER/norm         (image, y, x), at the layer's own grid
    /human/map                                 (image, y, x), people's maps at the cells of comparisons
    /scores/...                                one value an image: see ``SCORES``

Every array is cut along ``image`` into blocks, and a job writes whole blocks. ``status`` is written last: a block whose
status is 0 is missing, whatever else of it is there.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import numpy as np

from gala_viz.engine.results.prediction import N_TOP
from gala_viz.networks.layer_labels import layer_units
from gala_viz.schema import HUMAN_MAP_ATTRS
from gala_viz.specs import content_key
from gala_viz.store.spec import StoreSpec

MISSING, THERE, UNREADABLE, NOT_FINITE = 0, 1, 2, 3
LABELS = ("category", "superclass", "split")
"""Texts of every image, written when the store is made."""
HALVES = ("even", "odd")
"""Of a stochastic method's samples: those whose numbers are even, and odd."""
SCORES: dict[str, tuple[str, ...]] = {
    "correct": ("network",),
    "rho": ("attribution", "network"),
    "dice": ("attribution", "network"),
    "iou": ("attribution", "network"),
    "rho_attention": ("network", "layer"),
    "floor_same": ("attribution", "network"),
    "floor_different": ("attribution", "network"),
    "ceiling": (),
    "delta_size": ("attribution", "network", "other"),
}
"""Variables of /scores and their dims before ``image``; "attribution" is the method, which xarray's sel cannot name."""
SCORE_TITLES = {
    "correct": "whether the first choice is the true category: 1 or 0",
    "rho": "Spearman's rho of the unsmoothed map with the human map",
    "dice": "Dice of the unsmoothed map with the human map",
    "iou": "IoU of the unsmoothed map with the human map",
    "rho_attention": "Spearman's rho of the attention norm with the human map",
    "floor_same": "mean rho with human maps of other images of the same category",
    "floor_different": "mean rho with human maps of images of other categories",
    "ceiling": "noise ceiling: rho of one half of the participants with the other",
    "delta_size": "mean absolute delta over the cells of the unsmoothed maps, each normalised",
}
"""What the variables of /scores are, in files."""


@dataclass(frozen=True, slots=True)
class Stored:
    """One array of a store: its path, type, and dims beside ``image`` with their labels.

    ``grid`` is (dims, sizes, extent in px) for maps. ``image`` is the first dim, or with ``leading`` the last.
    """

    path: str
    dtype: str
    dims: tuple[str, ...] = ()
    labels: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    attrs: Mapping[str, Any] = field(default_factory=dict)
    fill: Any = float("nan")
    grid: tuple[tuple[str, str], tuple[int, int], tuple[int, int]] | None = None
    leading: bool = False
    chunk: int | None = None
    """Images in a chunk; None: those of a block."""

    def all_dims(self) -> tuple[str, ...]:
        """Return the dims in the array's order."""
        own = (*self.dims, *(self.grid[0] if self.grid else ()))
        return (*own, "image") if self.leading else ("image", *own)

    def shape(self, n_images: int) -> tuple[int, ...]:
        """Return the sizes in the array's order, for ``n_images`` images."""
        own = (*(len(self.labels[dim]) for dim in self.dims), *(self.grid[1] if self.grid else ()))
        return (*own, n_images) if self.leading else (n_images, *own)


def arrays_of(spec: StoreSpec) -> Iterator[Stored]:
    """Yield every array that is cut along ``image`` into blocks."""
    yield Stored("status", "int8", fill=MISSING)
    yield Stored("note", "string", fill="")
    if spec.format >= 2:
        yield Stored("pixels", "uint64", fill=0)
    labels = {
        "network": [network.name for network in spec.networks],
        "other": [network.name for network in spec.networks],
        "attribution": list(spec.methods),
        "layer": list(spec.layers),
    }
    for network in spec.networks:
        at = segment(network.name)
        yield Stored(f"{at}/top_index", "int32", ("rank",), {"rank": range(N_TOP)}, fill=-1)
        yield Stored(f"{at}/top_probability", "float32", ("rank",), {"rank": range(N_TOP)})
        for method, settings in spec.methods.items():
            attrs = {**settings, "target": spec.target, "reduction": spec.reduction, "network": network.name}
            attrs |= {"method": method, "weights_sha256": network.weights_sha256, **spec.versions}
            grid = ("y", "x"), spec.grid(network), network.input_px
            attrs["long_name"] = f"{method} map"
            yield Stored(f"{at}/{method}/map", "float32", attrs=attrs, grid=grid)
            if spec.errors and settings.get("by_chance"):
                of_error = {**attrs, "long_name": f"standard error of the {method} map"}
                yield Stored(f"{at}/{method}/standard_error", "float32", attrs=of_error, grid=grid)
                if spec.format >= 2:
                    halves, of_half = {"half": HALVES}, {**attrs, "long_name": f"{method} map of half of the samples"}
                    yield Stored(f"{at}/{method}/half_map", "float32", ("half",), halves, attrs=of_half, grid=grid)
            yield Stored(f"{at}/{method}/explained", "int32", fill=-1)
            attrs = {"units": "input units", "long_name": "standard deviation of the noise"}
            yield Stored(f"{at}/{method}/sigma", "float32", attrs=attrs)
        for layer, size in network.layers.items():
            attrs = {"layer": layer, "network": network.name, "quantity": "L2 norm over channels"}
            attrs |= {"long_name": f"norm of {layer}", "units": layer_units(layer)}
            grid = ("y", "x"), size, network.input_px
            yield Stored(f"{at}/attention_norm/{segment(layer)}/norm", "float32", attrs=attrs, grid=grid)
    inputs_px = [network.input_px for network in spec.networks]
    human = ("y", "x"), (spec.comparison_cells,) * 2, inputs_px[0] if spec.has_one_cut else min(inputs_px)
    part = {} if spec.has_one_cut else {"frame": "the part of a photograph that all networks see"}
    yield Stored("human/map", "float32", attrs={**HUMAN_MAP_ATTRS, **part}, grid=human)
    for name, dims in SCORES.items():
        attrs = {"units": "1", "long_name": SCORE_TITLES[name]}
        yield Stored(f"scores/{name}", "float32", dims, {dim: labels[dim] for dim in dims}, attrs=attrs, leading=True)


def bytes_needed(spec: StoreSpec) -> int:
    """Return the size in bytes of all arrays that are cut into blocks, before compression."""
    return sum(bytes_per_image(one) for one in arrays_of(spec)) * spec.n_images


def bytes_per_image(one: Stored) -> int:
    """Return the size in bytes of an array's values for one image, before compression."""
    width = {"float32": 4, "int32": 4, "int8": 1, "uint64": 8, "string": 16}[one.dtype]
    return width * math.prod(one.shape(1))


def pixel_key(photo: np.ndarray) -> int:
    """Return a checksum of 64 bits of a decoded photograph, uint8 (y, x, 3); never 0."""
    return content_key(repr(photo.shape).encode() + photo.tobytes()) or 1


def learnt_path(network: str) -> str:
    """Return the path of the array that holds a network's training status by image."""
    return f"{segment(network)}/learnt"


def segment(name: str) -> str:
    """Return a name as one part of a path, with "/" and what file systems do not allow escaped."""
    return quote(name, safe=" ,.()-_+@=") if name.strip(".") else quote(name, safe="").replace(".", "%2E")
