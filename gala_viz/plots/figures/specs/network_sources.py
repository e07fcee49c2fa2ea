"""The networks of a figure: the pair of its source, or the several that it names, all in the frame of the first."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import xarray as xr

from gala_viz.plots.figures.specs.figure_result import ProgressCallback
from gala_viz.plots.figures.specs.figure_spec import FigureSpec
from gala_viz.registry import UnknownNameError, unknown_name
from gala_viz.specs import MapRequest
from gala_viz.store.source import MapSource, NetworkChoice, NetworkInfo

NO_COMMON_SCORES = (
    "These networks cut photographs differently, so that each two of them are scored over another part. A store of all "
    "of them, or gala-viz evaluate, scores them over the part that all see."
)
OF_NETWORKS = ("correct", "rho", "dice", "iou", "rho_attention")
"""Scores that have one value a network."""


def pair_sources(source: MapSource, spec: FigureSpec) -> list[MapSource]:
    """Return the sources of a figure's first network with each of its others.

    Parameters
    ----------
    source : MapSource
        It has the networks of ``spec`` by their names, or by the names or folders by which they were opened.
    spec : FigureSpec
        Without networks the figure is of the pair of ``source``.

    Returns
    -------
    list of MapSource
        One fewer than networks.

    Raises
    ------
    UnknownNameError
        The source does not have a network.
    ValueError
        Two names are of one network.
    """
    if spec.networks is None:
        return [source]
    known = _names_of(source.choices(spec.request))
    for name in spec.networks:
        if name not in known:
            raise UnknownNameError(unknown_name(f"network of {source.name}", name, list(known)))
    names = [known[name] for name in spec.networks]
    if names == [network.name for network in source.networks]:
        return [source]
    if len(set(names)) < len(names) > 2:
        raise ValueError(f"each network stands once in a figure; {' and '.join(spec.networks)} are not all different.")
    return [source.pair(names[0], name) for name in names[1:]]


def reopened(source: MapSource, spec: FigureSpec) -> FigureSpec:
    """Return a spec with where its images and networks come from, so that its file draws the same figure again.

    Parameters
    ----------
    source : MapSource
        What the figure is drawn from.
    spec : FigureSpec
        What it names stays; its networks are called as commands open them.

    Returns
    -------
    FigureSpec
        A ``UserWarning`` names what no command can open: photographs or networks that only a program has.
    """
    origin = {} if spec.collection is not None or spec.store is not None else dict(source.origin)
    choices = source.choices(spec.request)
    known = _names_of(choices)
    names = [known.get(name, name) for name in spec.networks or [network.name for network in source.networks]]
    if spec.store is None and "store" not in origin:  # which names its networks itself
        opened_as = {choice.name: choice.opened_as for choice in choices}
        unknown = [f"the network {name!r}" for name in dict.fromkeys(names) if not opened_as.get(name, name)]
        unknown += [] if spec.collection is not None or origin else [f"the images of {source.name!r}"]
        names = [opened_as.get(name) or name for name in names]
        if unknown:
            warnings.warn(
                f"the figure's JSON file cannot tell how {' and '.join(unknown)} are opened; only a program that has "
                "them draws it again.",
                stacklevel=3,
            )
    return replace(spec, **origin, networks=tuple(names))


def _names_of(choices: Sequence[NetworkChoice]) -> dict[str, str]:
    """Return the names of networks by themselves, and by the names or folders by which they were opened."""
    known: dict[str, str] = {}
    for choice in choices:
        known[choice.name] = choice.name
        known.setdefault(choice.opened_as or choice.name, choice.name)
    return known


def networks_of(sources: Sequence[MapSource]) -> list[NetworkInfo]:
    """Return the networks of ``pair_sources``, in order."""
    return [sources[0].networks[0], *(source.networks[1] for source in sources)]


def have_common_scores(sources: Sequence[MapSource], request: MapRequest) -> bool:
    """Return whether the scores of ``pair_sources`` are all over one part of photographs."""
    return len(sources) == 1 or _are_over_one_part([source.scores(request) for source in sources])


def _are_over_one_part(parts: Sequence[xr.Dataset]) -> bool:
    return len({str(one.attrs.get("note", "")) for one in parts}) == 1


def collect_scores(
    sources: Sequence[MapSource],
    spec: FigureSpec,
    images: Sequence[str],
    score_missing: bool,
    on_progress: ProgressCallback,
) -> xr.Dataset:
    """Return the scores of all networks, after computing those that are missing where ``score_missing`` says so.

    Parameters
    ----------
    sources : sequence of MapSource
        As ``pair_sources`` returns them.
    spec : FigureSpec
        Settings of the maps that are scored.
    images : sequence of str
        Ids of the images to score; empty: all.
    score_missing : bool
        Whether scores that are missing are computed before.
    on_progress : callable
        Called as ``on_progress(done, total)`` while they are.

    Returns
    -------
    Dataset
        As ``MapSource.scores`` returns it, over all images of the source, with every network.

    Raises
    ------
    ValueError
        Networks see different parts of photographs, and their scores are not over what all of them see.
    """
    if score_missing:
        wanted = tuple(images) or tuple(sources[0].images)
        for number, source in enumerate(sources):
            for progress in source.survey(spec.request, wanted, lambda: False):
                on_progress(number * len(wanted) + progress.done, len(sources) * len(wanted))
    parts = [source.scores(spec.request) for source in sources]
    if len(parts) == 1:
        return parts[0]
    if not _are_over_one_part(parts):
        raise ValueError(NO_COMMON_SCORES)
    every = xr.concat(
        [parts[0][list(OF_NETWORKS)], *(one[list(OF_NETWORKS)].isel(network=[1]) for one in parts[1:])],
        dim="network",
        join="outer",
        fill_value=np.nan,
    )
    return parts[0].drop_dims("network").merge(every, join="outer")
