"""MapSource: all that a page uses of networks, images and maps.

A page asks a source and never computes. ``gala_viz.live.LiveMaps`` answers by computing, a store answers from disk, a
test answers with a fake of a few lines. Every array is labelled and lies in the *frame* of the first network's input:
the part of the photograph that this network's input shows, in input pixels, origin top left. NaN means that a network's
input does not show this part.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, Protocol

import numpy as np
import xarray as xr

from gala_viz.engine.results.painted_results import PaintedResults
from gala_viz.engine.results.perturbation import REVEAL_PERCENTS
from gala_viz.engine.results.prediction import Prediction
from gala_viz.specs import MapRequest, SecondMap, Targets
from gala_viz.splits import UNKNOWN

Cancelled = Callable[[], bool]
STARTING_SMOOTHING_PX = 2.0
"""Smoothing with which a page first draws maps, unless it is known how much a pair needs: without any a delta of fifty
samples is mostly noise. Scores are of unsmoothed maps."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NetworkInfo:
    """What a page shows of a network: names, layers in order, categories by index, device, provenance."""

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
class NetworkChoice:
    """A network that a source can show, with its scores on the images that have been scored so far.

    Parameters
    ----------
    name, title : str
        As in ``NetworkInfo``.
    accuracy : float or None
        Share of the ``n_labelled`` images whose true category it knows that it recognises; None: not known.
    n_labelled : int
        Images that ``accuracy`` is of.
    rho : float or None
        Mean rho of its maps with the human maps of ``n_mapped`` images; None: not known.
    n_mapped : int
        Images that ``rho`` is of.
    opened_as : str
        Name or folder by which a command loads it; "" where that is not known.
    """

    name: str
    title: str
    accuracy: float | None = None
    n_labelled: int = 0
    rho: float | None = None
    n_mapped: int = 0
    opened_as: str = ""


def network_choice(
    name: str, title: str, correct: np.ndarray | None, rho: np.ndarray | None, opened_as: str = ""
) -> NetworkChoice:
    """Return a choice whose scores are means over images.

    Parameters
    ----------
    name, title : str
        Of the network.
    correct : ndarray, (image,), or None
        1 where its prediction is right, 0 where not, NaN where that is not known.
    rho : ndarray, (image,), or None
        rho of its maps with human maps; NaN where it is not known.
    opened_as : str
        Name or folder by which a command loads it.

    Returns
    -------
    NetworkChoice
        Means over the values that are not NaN.
    """

    def mean(values: np.ndarray | None) -> tuple[float | None, int]:
        known = np.empty(0) if values is None else values[np.isfinite(values)]
        return (float(known.mean(dtype=np.float64)) if len(known) else None), len(known)

    (accuracy, n_labelled), (alignment, n_mapped) = mean(correct), mean(rho)
    return NetworkChoice(
        name=name,
        title=title,
        accuracy=accuracy,
        n_labelled=n_labelled,
        rho=alignment,
        n_mapped=n_mapped,
        opened_as=opened_as,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageInfo:
    """One image of a collection.

    ``target`` is the index of the true category among the first network's categories. ``size_px`` is (height, width) of
    the photograph, upright; None until it is read.
    """

    image: str
    category: str | None = None
    target: int | None = None
    superclass: str | None = None
    split: str | None = None
    has_human_map: bool = False
    size_px: tuple[int, int] | None = None
    learnt: int = UNKNOWN
    """Whether a network of the source learnt from it: ``LEARNT``, ``HELD_OUT`` by all of them, or ``UNKNOWN``."""
    learnt_by: tuple[str, ...] = ()
    """Titles of the networks that learnt from it."""
    filename: str = ""
    """Name of the file of an uploaded photograph."""
    map_filename: str = ""
    """Name of the file of the human map that was uploaded with it; "" without one."""
    photograph: str = ""
    """Id of an uploaded photograph alone, without its map."""
    note: str = ""
    """What a visitor should know of an upload: how the file was understood, where it may be meant otherwise."""

    @property
    def heading(self) -> str:
        """Its heading on a page: category, file name of an upload, or id."""
        return self.category or self.filename or self.image


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Labels:
    """What is known of all images without reading pixels, in their order; texts are "" where nothing is known."""

    category: tuple[str, ...]
    superclass: tuple[str, ...]
    split: tuple[str, ...]
    has_human_map: np.ndarray
    """(image,) bool."""
    learnt: np.ndarray | None = None
    """(image,) int8, as ``ImageInfo.learnt``; None: nothing is known."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ForwardResults:
    """The results of one forward pass of both networks on an image."""

    predictions: tuple[Prediction, ...]
    attention_norms: tuple[dict[str, xr.DataArray], ...]
    """Per network: layer -> (y, x) at the layer's own resolution; ``extent_px`` in attrs is the input's size."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MapUpdate:
    """The maps of both networks after ``n`` of ``n_samples`` samples, steps or windows, with their Monte-Carlo errors.

    Parameters
    ----------
    maps : DataArray, (network, y, x)
        Maps in the unit of the method (``attrs["units"]``), reduced over colour and smoothed as requested, not
        normalised.
    standard_error : DataArray, (network, y, x), or None
        Monte-Carlo standard errors of ``maps``; None for methods that are not stochastic, or where they are not stored.
    delta : DataArray, (y, x)
        Second map minus the first after normalisation: positive where the second network relies more.
    delta_error : DataArray, (y, x), or None
        Standard error of ``delta``; None where it is not known.
    delta_reliability : float
        Split-half reliability of a finished ``delta``: 1 where other samples would give the same, 0 where it is chance
        alone; NaN where it is not known.
    targets : tuple of int
        Category index explained, by network.
    sigma : tuple of float
        Standard deviation of the noise in input units, by network.
    n : int
        Samples so far.
    n_samples : int
        Samples of the finished maps.
    seconds : float
        Time since the computation began; 0 for stored maps.
    eta_s : float or None
        Time left in seconds; None while it is not known.
    done : bool
        Whether the maps are finished.
    scores : Dataset, (network,)
        Scores of this image, variables as in ``MapSource.scores``.
    note : str
        A sentence for the reader, or "".
    own_attrs : tuple of dict
        What made each network's map where the request has a ``second``: method, settings, units, layer; the attrs of
        ``maps`` are those that both have alike. Empty: the attrs of ``maps`` are those of both.
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
    delta_reliability: float = float("nan")
    note: str = ""
    """A sentence where something is worth saying, for example "GALA: the signed map is about zero", or ""."""
    own_attrs: tuple[dict[str, Any], ...] = ()

    def attrs_of(self, number: int) -> dict[str, Any]:
        """Return what made the map of one network: ``layer_path`` is its own, "" where that is not known."""
        if self.own_attrs:
            return {"layer_path": "", **self.own_attrs[number]}
        paths = str(self.maps.attrs.get("layer_path", "")).split(LAYER_PATHS_JOIN)
        return {**self.maps.attrs, "layer_path": (paths * 2)[number]}  # one path is both networks'

    def network_coords(self) -> dict[str, tuple[str, list[str]]]:
        """Return method, unit and layer of each network's map as coordinates of files; none where both have one."""
        names = ("method", "units", "layer_path") if self.own_attrs else ()
        return {name: ("network", [str(own.get(name, "")) for own in self.own_attrs]) for name in names}


LAYER_PATHS_JOIN = " and "
"""Between the layers of two networks in one text; no module's path holds it."""


def layer_path_attrs(paths: Sequence[str]) -> dict[str, str]:
    """Return what attrs of maps tell of the layers at which they are computed, one for each network; "": not known."""
    return {"layer_path": LAYER_PATHS_JOIN.join(dict.fromkeys(paths))} if all(paths) and paths else {}


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """Progress of a pass over many images, with seconds so far and left; ``eta_s`` is None while it is not known."""

    done: int
    total: int
    seconds: float
    eta_s: float | None


class PhotoCut(NamedTuple):
    """The frame in the photograph's pixels: left, top, right, bottom, and the photograph's (height, width)."""

    box: tuple[float, float, float, float]
    size_px: tuple[int, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class PerturbedAnswer:
    """How one network answers to a photograph of which a part is hidden.

    Parameters
    ----------
    prediction : Prediction
        Its five most probable categories.
    target : int
        Index of the explained category among its categories: its first choice for the untouched photograph, say.
    category : str
        The explained category.
    logit_whole, probability_whole : float
        Of that category for the untouched photograph.
    logit, probability : float
        Of that category now.
    """

    prediction: Prediction
    target: int
    category: str
    logit_whole: float
    probability_whole: float
    logit: float
    probability: float

    @property
    def logit_drop(self) -> float:
        """By how much the explained logit has fallen; negative where it has risen."""
        return self.logit_whole - self.logit


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PerturbedResults:
    """The answers of both networks to a photograph of which a part is hidden.

    Parameters
    ----------
    view : ndarray, (y, x, 3), uint8
        What is left of the photograph, as the first network sees it.
    shown_percent : float
        How much of the frame is shown, in per cent; a half-kept pixel counts half.
    answers : tuple of PerturbedAnswer
        By network.
    note : str
        A sentence without its end where a network sees more than the frame, or "".
    """

    view: np.ndarray
    shown_percent: float
    answers: tuple[PerturbedAnswer, ...]
    note: str = ""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class RevealUpdate:
    """The curve of both networks' explained logits over what is revealed or erased, as far as it is computed.

    Parameters
    ----------
    curve : Dataset, (network, percent)
        ``logit``, ``probability`` and ``logit_drop``, NaN where not computed yet, with the coordinates
        ``shown_percent``, ``explained``, ``logit_whole`` and ``probability_whole``; see
        ``gala_viz.engine.results.perturbation.label_reveal_curve``.
    progress : Progress
        Points of the curve that are computed.
    note : str
        As in ``PerturbedResults``.
    """

    curve: xr.Dataset
    progress: Progress
    note: str = ""

    @property
    def done(self) -> bool:
        """Whether the curve is complete."""
        return self.progress.done == self.progress.total


class MapSource(Protocol):
    """Images of one collection and the results of an ordered pair of networks on them.

    A source may have more networks than the pair: ``choices`` names them all, and ``pair`` gives the source of another
    pair of them. All methods may be called from any thread.
    """

    name: str
    title: str
    networks: tuple[NetworkInfo, ...]
    titles: Mapping[str, str]
    """Name -> title of all networks that the source can show, in order; nothing is loaded for it."""
    images: tuple[str, ...]
    uploads: Container[str]
    """Ids of uploaded photographs that are kept."""
    map_kinds: dict[str, str]
    """Kind -> a sentence that says what these human maps are, with n; empty where the collection has none."""
    methods: dict[str, str]
    """Attribution methods that a request may name -> titles."""
    request: MapRequest
    """Settings with which a page begins."""
    request_version_1: MapRequest
    """Settings with which a page began in version 0.1: links of that time leave them out."""
    starting_image: str | None
    """Image with which a page begins, for example the one at the median gain; None: the first that is shown."""
    outlined: str
    """What ``outline`` outlines, for example "diagnostic parts"; "" where nothing is known by construction."""
    skipped: tuple[tuple[str, str], ...]
    """Files that could not be shown: (path inside the collection, reason)."""
    cannot_perturb: str
    """Why no network can answer to a changed photograph, a sentence; "" where they can."""
    origin: Mapping[str, str]
    """By what a command opens its images and maps again: "collection", "human_maps", "store"; empty: not known."""

    def choices(self, request: MapRequest) -> tuple[NetworkChoice, ...]:
        """Return all networks that the source can show.

        Parameters
        ----------
        request : MapRequest
            Settings of the maps whose rho is told; those of ``second`` do not count.

        Returns
        -------
        tuple of NetworkChoice
            In order; their names differ.
        """
        ...

    def pair(self, first: str, second: str) -> MapSource:
        """Return the source of another pair of networks; they are loaded in the calling thread if need be.

        Parameters
        ----------
        first : str
            Name of the first network, whose frame is the frame.
        second : str
            Name of the second one.

        Returns
        -------
        MapSource
            With the same images, uploads and choices.

        Raises
        ------
        UnknownNameError
            The source does not have such a network.
        """
        ...

    def info(self, image: str) -> ImageInfo:
        """Return what is known of an image without reading pixels.

        Parameters
        ----------
        image : str
            Id of an image or an upload.

        Returns
        -------
        ImageInfo
            Category, split, training status and the like.
        """
        ...

    def labels(self) -> Labels:
        """Return what is known of all images without reading pixels.

        Returns
        -------
        Labels
            Columns in the order of ``images``.
        """
        ...

    def thumbnail(self, image: str) -> bytes:
        """Return a thumbnail.

        Parameters
        ----------
        image : str
            Id of an image or an upload.

        Returns
        -------
        bytes
            WebP, at most 128 px at the longer side.
        """
        ...

    def view(self, image: str) -> np.ndarray:
        """Return the photograph in the frame.

        Parameters
        ----------
        image : str
            Id of an image or an upload.

        Returns
        -------
        ndarray, (y, x, 3), uint8
            RGB.
        """
        ...

    def human_map(self, image: str, kind: str | None = None, participant: str | None = None) -> xr.DataArray | None:
        """Return the human map of an image in the frame.

        Parameters
        ----------
        image : str
            Id of an image or an upload.
        kind : str, optional
            Human-map kind, a key of ``map_kinds``; default: the first.
        participant : str, optional
            Id of one participant; default: the map of all.

        Returns
        -------
        DataArray, (y, x), or None
            None where there is no human map.
        """
        ...

    def photo_cut(self, image: str) -> PhotoCut:
        """Return which part of the photograph the frame is; the photograph may be read for it.

        Parameters
        ----------
        image : str
            Id of an image or an upload.

        Returns
        -------
        PhotoCut
            In the photograph's pixels.
        """
        ...

    def painted_results(self, image: str, points_px: np.ndarray, request: MapRequest) -> PaintedResults:
        """Return the map that a visitor painted on a photograph, and how alike it is to networks' maps and people's.

        Parameters
        ----------
        image : str
            Id of an image or an upload.
        points_px : ndarray, (point, 2)
            x and y of the brush in the photograph's pixels.
        request : MapRequest
            Settings of the networks' maps, kind and participant of the human map; no network runs.

        Returns
        -------
        PaintedResults
            NaN for every score that is not known, for example of maps that are not finished.
        """
        ...

    def participants(self, image: str, kind: str | None = None) -> tuple[str, ...]:
        """Return the ids of the participants whose human maps of an image are known one by one.

        Parameters
        ----------
        image : str
            Id of an image or an upload.
        kind : str, optional
            Human-map kind, a key of ``map_kinds``; default: the first.

        Returns
        -------
        tuple of str
            Ids; empty where none are known.
        """
        ...

    def outline(self, image: str) -> xr.DataArray | None:
        """Return the mask of what ``outlined`` names.

        Parameters
        ----------
        image : str
            Id of an image or an upload.

        Returns
        -------
        DataArray, (y, x), or None
            0 to 1, in the frame; None where it is not known.
        """
        ...

    def forward(self, image: str) -> ForwardResults:
        """Return predictions and attention norms; they are cached.

        Parameters
        ----------
        image : str
            Id of an image or an upload.

        Returns
        -------
        ForwardResults
            Of both networks.
        """
        ...

    def perturb(
        self, image: str, mask: np.ndarray, fill: str, target: Targets, cancelled: Cancelled
    ) -> PerturbedResults | None:
        """Return how both networks answer when a part of the photograph is hidden.

        Parameters
        ----------
        image : str
            Id of an image or an upload.
        mask : ndarray, (y, x)
            Share of the photograph that is kept at each pixel of ``view``, 0 to 1.
        fill : {"grey", "blurred", "phase"}
            What stands where it is hidden, a name in ``gala_viz.collections.fills.FILLS``.
        target : {"own", "label"} or int, or tuple of two
            Whose logit is told, as in ``MapRequest.targets``; "own": each network's first choice for the untouched
            photograph.
        cancelled : callable
            Cancellation callback.

        Returns
        -------
        PerturbedResults or None
            None once cancelled.

        Raises
        ------
        ValueError
            The mask has another shape or other values, the target is not known, or the source has no networks.
        UnknownNameError
            No fill is called so.
        """
        ...

    def reveal_curve(
        self,
        image: str,
        importance: np.ndarray | xr.DataArray,
        fill: str,
        target: Targets,
        cancelled: Cancelled,
        *,
        percents: Sequence[float] = REVEAL_PERCENTS,
        erase: bool = False,
    ) -> Iterator[RevealUpdate]:
        """Compute how the explained logit changes as a photograph is revealed from its most important pixels on.

        Parameters
        ----------
        image : str
            Id of an image or an upload.
        importance : ndarray or DataArray, (y, x)
            A map in the frame, as it is drawn: a network's, people's or a visitor's.
        fill, target
            As in ``perturb``.
        cancelled : callable
            Cancellation callback; the computation stops within one batch once it returns True.
        percents : sequence of float
            Per cent of all pixels, rising, from 0 to 100.
        erase : bool
            Erase the most important pixels instead, and show all others.

        Yields
        ------
        RevealUpdate
            Of ever more points; the last one is done unless cancelled.

        Raises
        ------
        ValueError
            The map has another shape or ranks nothing, ``percents`` are out of range, the target is not known, or the
            source has no networks.
        UnknownNameError
            No fill is called so.
        """
        ...

    def cached(self, image: str, request: MapRequest) -> MapUpdate | None:
        """Return the finished maps if they are at hand; no network runs.

        Parameters
        ----------
        image : str
            Id of an image or an upload.
        request : MapRequest
            Settings of the maps.

        Returns
        -------
        MapUpdate or None
            None where the maps would have to be computed.
        """
        ...

    def maps(
        self, image: str, request: MapRequest, cancelled: Cancelled, *, background: bool = False
    ) -> Iterator[MapUpdate]:
        """Compute maps in the calling thread, and yield them as they sharpen.

        Parameters
        ----------
        image : str
            Id of an image or an upload.
        request : MapRequest
            Settings of the maps.
        cancelled : callable
            Cancellation callback; the computation stops within one batch once it returns True.
        background : bool
            Whether what people look at goes first, and partial maps are not wanted.

        Yields
        ------
        MapUpdate
            Maps of ever more samples; the last has ``done`` unless cancelled.
        """
        ...

    def cam_layers(self) -> tuple[str, ...]:
        """Return what ``MapRequest.cam_layer`` may name; a forward pass of each network tells it.

        Returns
        -------
        tuple of str
            Paths that both networks have, with "last" where the source can show it; empty without Grad-CAM.
        """
        ...

    def scores(self, request: MapRequest) -> xr.Dataset:
        """Return the scores of all images that are known so far.

        Parameters
        ----------
        request : MapRequest
            Settings of the maps.

        Returns
        -------
        Dataset
            Dims (network, image) or (image,), NaN where not computed yet. Variables: ``correct`` (1, 0); ``rho``,
            ``dice`` and ``iou`` of the maps of ``request``, and ``rho_attention`` (network, layer, image), against the
            default human maps; ``floor_same`` and ``floor_different`` (network, image), the shuffled-image baseline:
            rho of the map with the human maps of partner images of the same or a different category; ``ceiling``
            (image), the split-half rho; ``delta_size`` (image), the mean absolute delta of the unsmoothed maps. Attrs:
            ``ceiling_mean``, ``ceiling_low``, ``ceiling_high`` (95 % over images), ``resolution_px``.
        """
        ...

    def survey(self, request: MapRequest | None, images: tuple[str, ...], cancelled: Cancelled) -> Iterator[Progress]:
        """Fill ``scores`` for images.

        Parameters
        ----------
        request : MapRequest or None
            Settings of the maps that are scored; None: predictions and attention norms alone.
        images : tuple of str
            Ids of the images.
        cancelled : callable
            Cancellation callback.

        Yields
        ------
        Progress
            After each image.
        """
        ...

    def add_upload(self, filename: str, content: bytes, beside: Sequence[str] = ()) -> str:
        """Check, decode and add a photograph for this process, or a human map of one.

        ``gala_viz.collections.human_maps.uploaded_maps`` says which files are maps. The human map of an upload is in
        no means, ceilings and baselines of the collection, and is the same for every kind that a request names.

        Parameters
        ----------
        filename : str
            Name of the visitor's file.
        content : bytes
            The file.
        beside : sequence of str
            Ids of the visitor's other uploads, among which a map finds its photograph by its name.

        Returns
        -------
        str
            Id of the photograph, of its own with a map: what an id shows never changes.

        Raises
        ------
        ValueError
            The file is no photograph that can be shown and no map of one of ``beside`` that can be used, or is too
            large.
        """
        ...


def request_of_image(source: MapSource, image: str, request: MapRequest) -> MapRequest:
    """Return a request as one image can have it.

    Parameters
    ----------
    source : MapSource
        Knows the image.
    image : str
        Id of an image or an upload.
    request : MapRequest
        Settings that are meant for many images.

    Returns
    -------
    MapRequest
        With the human maps of all participants where the chosen one has none of this image, and own predictions where
        the true category is not known, also of the second map.
    """
    if request.participant is not None and request.participant not in source.participants(image, request.human_map):
        request = replace(request, participant=None)
    targets = [request.of_network(number).target for number in range(2)]
    return without_label(request) if "label" in targets and source.info(image).target is None else request


def without_label(request: MapRequest) -> MapRequest:
    """Return a request for an image whose true category is not known: own predictions are explained in its place."""
    first, second = (request.of_network(number).target for number in range(2))
    if "label" not in (first, second):
        return request
    known = ["own" if target == "label" else target for target in (first, second)]
    return replace(request, target=known[0], second=replace(request.second or SecondMap(), target=known[1]))


def finished_maps(
    source: MapSource, image: str, request: MapRequest, cancelled: Cancelled, *, background: bool = False
) -> MapUpdate | None:
    """Return finished maps, those at hand or computed in the calling thread.

    Parameters
    ----------
    source : MapSource
        Of the two networks.
    image : str
        Id of an image or an upload.
    request : MapRequest
        Settings of the maps, of this image (``request_of_image``).
    cancelled : callable
        Cancellation callback.
    background : bool
        As in ``MapSource.maps``.

    Returns
    -------
    MapUpdate or None
        None once cancelled.

    Raises
    ------
    ValueError
        The maps could not be finished.
    """
    update = source.cached(image, request)
    if update is None:
        for computed in source.maps(image, request, cancelled, background=background):
            update = computed
    if cancelled():
        return None
    if update is None or not update.done:
        raise ValueError(f"{image}: its maps could not be finished.")
    return update
