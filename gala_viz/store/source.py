"""MapSource: all that a page ever sees of networks, images and maps.

A page asks; it never computes. ``gala_viz.live.LiveMaps`` answers by computing, a store answers from disk, a test
answers with a six-line fake. Every array is labelled and lies in the *frame* of the first network's input: what that
network sees of the photograph, in input pixels, origin top left. NaN means "not seen here".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import xarray as xr

from gala_viz.specs import MapRequest
from gala_viz.splits import UNKNOWN

Cancelled = Callable[[], bool]


@dataclass(frozen=True, kw_only=True, slots=True)
class NetworkInfo:
    """What a page tells about a network: names, layers in order, categories by index, device, provenance."""

    name: str
    title: str
    layers: tuple[str, ...]
    categories: tuple[str, ...]
    input_px: tuple[int, int]
    device: str
    """For example "CPU, float32" or "NVIDIA H100, bfloat16"."""
    summary: dict[str, str] = field(default_factory=dict)
    """Lines of the card worth reading beside a map: data, recipe, held-out numbers, licence."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageInfo:
    """One image of a collection. ``size_px`` is (height, width) of the photograph, upright; None until it is read."""

    image: str
    category: str | None = None
    target: int | None = None
    superclass: str | None = None
    split: str | None = None
    has_human_map: bool = False
    size_px: tuple[int, int] | None = None
    learnt: int = UNKNOWN
    """Whether a network shown learnt from it: ``LEARNT``, ``HELD_OUT`` by all of them, or ``UNKNOWN``."""
    learnt_by: tuple[str, ...] = ()
    """Titles of the networks that did."""
    filename: str = ""
    """Of a photograph that a visitor brought: what it was called."""

    @property
    def heading(self) -> str:
        """What to call it: its category, the name under which it was brought, or its id."""
        return self.category or self.filename or self.image


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Labels:
    """What is known of all images without reading pixels, in their order: texts are "" where nothing is known."""

    category: tuple[str, ...]
    superclass: tuple[str, ...]
    split: tuple[str, ...]
    has_human_map: np.ndarray
    """(image,) bool."""
    learnt: np.ndarray | None = None
    """(image,) int8, as ``ImageInfo.learnt``; None: nothing is known."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Prediction:
    """A network's five most probable categories, best first. ``correct`` is None where the true one is unknown."""

    indices: tuple[int, ...]
    categories: tuple[str, ...]
    probabilities: tuple[float, ...]
    correct: bool | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Passage:
    """What one forward pass of both networks tells about an image."""

    predictions: tuple[Prediction, ...]
    attention_norms: tuple[dict[str, xr.DataArray], ...]
    """Per network: layer -> (y, x) at the layer's own resolution; ``extent_px`` in attrs is the input's size."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MapUpdate:
    """The maps of both networks after ``n`` of ``n_samples`` samples (or steps), with their Monte-Carlo errors.

    ``maps`` and ``standard_error`` are (network, y, x), in logits per input unit, reduced over colour and smoothed as
    asked, not normalised; ``standard_error`` is None for methods without chance. ``delta`` and ``delta_error`` are
    (y, x), after normalisation: positive where the second network relies more than the first. ``targets`` are the
    category indices explained. ``sigma`` is the noise's absolute standard deviation in input units, per network.
    ``scores`` is dims (network,), variables as in ``MapSource.scores``.
    """

    maps: xr.DataArray
    standard_error: xr.DataArray | None
    delta: xr.DataArray
    delta_error: xr.DataArray | None
    targets: tuple[int, ...]
    sigma: tuple[float, ...]
    n: int
    n_samples: int
    seconds: float
    eta_s: float | None
    done: bool
    scores: xr.Dataset
    note: str = ""
    """A sentence when something is worth saying: "this map is about zero", "memory ran out, chunks were halved"."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """How far a pass over many images is."""

    done: int
    total: int
    seconds: float
    eta_s: float | None


class MapSource(Protocol):
    """Images of one collection, looked at by a pair of networks. All methods may be called from any thread."""

    name: str
    title: str
    networks: tuple[NetworkInfo, ...]
    images: tuple[str, ...]
    map_kinds: dict[str, str]
    """Kind -> a sentence that says what these human maps are, with n; empty where the collection has none."""
    methods: dict[str, str]
    """Attribution methods that a request may name -> titles."""
    request: MapRequest
    """What a page begins with."""
    request_version_1: MapRequest
    """What a page began with in version 0.1: links of that time leave it out."""
    outlined: str
    """What ``outline`` outlines, for example "diagnostic parts"; "" where nothing is known by construction."""
    skipped: tuple[tuple[str, str], ...]
    """Files that could not be shown: (path inside the collection, reason)."""

    def info(self, image: str) -> ImageInfo:
        """Category and the like, without reading pixels."""
        ...

    def labels(self) -> Labels:
        """Categories and the like of all images at once."""
        ...

    def thumbnail(self, image: str) -> bytes:
        """A WebP picture, at most 128 px at its longer side."""
        ...

    def view(self, image: str) -> np.ndarray:
        """The photograph in the frame, uint8 (y, x, 3)."""
        ...

    def human_map(self, image: str, kind: str | None = None, participant: str | None = None) -> xr.DataArray | None:
        """The human map (y, x) in the frame, of all participants or of one; None where there is none."""
        ...

    def participants(self, image: str, kind: str | None = None) -> tuple[str, ...]:
        """Ids of those who marked or looked at the image."""
        ...

    def outline(self, image: str) -> xr.DataArray | None:
        """A mask (y, x) in the frame, 0 to 1, of what is ``outlined``; None where it is not known."""
        ...

    def passage(self, image: str) -> Passage:
        """Predictions and attention norms; cached."""
        ...

    def cached(self, image: str, request: MapRequest) -> MapUpdate | None:
        """The finished maps if they are at hand, without computing."""
        ...

    def maps(self, image: str, request: MapRequest, cancelled: Cancelled) -> Iterator[MapUpdate]:
        """Compute in the calling thread; yield the maps as they sharpen; stop within one chunk once ``cancelled()``."""
        ...

    def scores(self, request: MapRequest) -> xr.Dataset:
        """What is known of all images, dims (network, image) or (image,), NaN where not yet computed.

        Variables: ``correct`` (1, 0), ``rho``, ``dice``, ``iou`` of the map of ``request`` and ``rho_attention``
        (network, layer, image) against the default human maps; ``floor_same`` and ``floor_different`` (network, image):
        rho of the map with the maps of other images of its or another category; ``ceiling`` (image) split-half rho;
        ``delta_size`` (image): mean absolute delta. Attrs: ``ceiling_mean``, ``ceiling_low``, ``ceiling_high`` (95 %
        over images), ``resolution_px``.
        """
        ...

    def survey(self, request: MapRequest | None, images: tuple[str, ...], cancelled: Cancelled) -> Iterator[Progress]:
        """Fill ``scores`` for ``images``: predictions and attention with None, the request's maps as well with one."""
        ...

    def add_upload(self, filename: str, content: bytes) -> str:
        """Check, decode and add a photograph for this process; return its image id, or raise ``ValueError``."""
        ...
