"""Sentences that captions share: how maps were made, which images, what the human maps are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from gala_viz.alignment import ConfidenceInterval
from gala_viz.registry import UnknownNameError, unknown_name
from gala_viz.specs import GRAD_CAM, LAST_LAYER, MapRequest
from gala_viz.store.source import MapSource

MAX_LISTED_IMAGES = 60
TARGETS = {"own": "each network's own first choice", "label": "the true category"}


def caption_markdown(title: str, paragraphs: Sequence[str]) -> str:
    """Return a caption as Markdown: ``title`` in bold, then each of ``paragraphs`` that is not empty."""
    return "\n\n".join([f"**{title}**", *(text for text in paragraphs if text)])


def note_sentence(scores: xr.Dataset) -> str:
    """Return what is to be said of scores, as a sentence: over what they are, by whose maps; "" for nothing."""
    note = str(scores.attrs.get("note", ""))
    return f"{note[:1].upper()}{note[1:]}." if note else ""


def listed(names: Sequence[str]) -> str:
    """Return names as a list in words: "a and b", "a, b and c"."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def method_title(source: MapSource, request: MapRequest, layers: Sequence[str] = ()) -> str:
    """Return the title of the request's attribution method, or its name where ``source`` has no title for it.

    With the ``layers`` at which its maps are computed, or the one that the request names, it tells them.
    """
    title = source.methods.get(request.method, request.method)
    names = list(layers) or [name for name in (request.cam_layer,) if request.method == GRAD_CAM and name != LAST_LAYER]
    return f"{title} at {listed(names)}" if names else title


def attribution_text(source: MapSource, request: MapRequest, layers: Sequence[str] = (), network: int = 0) -> str:
    """Return a sentence with everything that determines the saliency maps of a request.

    Parameters
    ----------
    source : MapSource
        Titles methods and names categories.
    request : MapRequest
        Settings of the maps.
    layers : sequence of str
        Those at which they are computed, where the method has any.
    network : int
        Among whose categories a target's index is.

    Returns
    -------
    str
        Method, samples, target, reduction, smoothing and normalisation.
    """
    grad = request.smoothgrad
    sampled = f"n = {grad.n_samples}, noise {grad.noise_fraction:g} of the range, seed {grad.seed}; "
    return (
        f"{method_title(source, request, layers)}: {sampled if request.method == 'smoothgrad' else ''}"
        f"of {target_text(source, request, network)}; reduction over colour: "
        f"{request.reduction}; smoothing {request.smoothing_px:g} px; normalised before the delta: {request.normalise}."
    )


def two_maps_text(source: MapSource, request: MapRequest, layers: Sequence[Sequence[str]]) -> str:
    """Return ``attribution_text`` of both maps where the second is made otherwise; ``layers`` are by network."""
    parts = [attribution_text(source, request.of_network(number), layers[number], number) for number in range(2)]
    return f"First map: {parts[0]} Second map: {parts[1]}"


def target_text(source: MapSource, request: MapRequest, network: int = 0) -> str:
    """Return whose logit a request explains; a chosen category by its name and index."""
    if isinstance(request.target, int):
        names = source.networks[network].categories
        return f"the category {names[request.target] if request.target < len(names) else ''} ({request.target})"
    return TARGETS[request.target]


def human_maps_text(source: MapSource, simulated: bool, kind: str | None = None) -> str:
    """Return a sentence on what the human maps of ``kind`` are; None: the collection's default kind."""
    if not source.map_kinds:
        return "This collection has no human maps."
    name, description = next(iter(source.map_kinds.items())) if kind is None else (kind, source.map_kinds[kind])
    which = f" ({name})" if len(source.map_kinds) > 1 else ""
    return f"{'The human maps are simulated, not of people' if simulated else 'Human maps'}{which}: {description}"


def has_simulated_maps(source: MapSource, kind: str | None = None) -> bool:
    """Return whether the human maps of ``kind`` are of simulated participants, as the first one that there is says."""
    marked = np.flatnonzero(np.asarray(source.labels().has_human_map, dtype=bool))
    human = source.human_map(source.images[int(marked[0])], kind) if len(marked) else None
    return human is not None and bool(human.attrs.get("simulated"))


def images_text(images: Sequence[str], what: str = "images") -> str:
    """Return how many ``images`` (called ``what``) there are, and their ids unless they are too many to read."""
    if len(images) > MAX_LISTED_IMAGES:
        return f"{len(images):,} {what}; their ids are in the JSON file."
    one = what.removesuffix("s") if len(images) == 1 else what
    return f"{len(images)} {one}: {', '.join(images)}."


def interval_text(interval: ConfidenceInterval | None, digits: int = 3, factor: float = 1.0) -> str:
    """Return a mean and its interval, multiplied by ``factor``, with ``digits`` decimals.

    With one image, or without bounds, there is the mean alone; None gives "n/a".
    """
    if interval is None:
        return "n/a"
    mean, low, high = (f"{factor * value:.{digits}f}" for value in (interval.mean, interval.low, interval.high))
    return f"{mean} [{low}, {high}]" if interval.n > 1 and np.isfinite(interval.low) else mean


def check_map_kind(source: MapSource, kind: str | None) -> str | None:
    """Return ``kind`` if the collection has such human maps, or if it is None; raise ``UnknownNameError`` otherwise."""
    if kind is not None and kind not in source.map_kinds:
        raise UnknownNameError(unknown_name(f"kind of human maps of {source.name}", kind, list(source.map_kinds)))
    return kind
