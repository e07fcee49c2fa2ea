"""Kind "scatter": two metrics of all images of a collection, or of those that are chosen."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from gala_viz.alignment import MIN_IMAGES_FOR_INTERVAL, ConfidenceInterval, spearman
from gala_viz.engine.results.score_selection import n_page_resamples
from gala_viz.plots.figures.scatter_figure import ScatterGroup, scatter_figure
from gala_viz.plots.figures.specs.caption_text import (
    attribution_text,
    caption_markdown,
    check_map_kind,
    has_simulated_maps,
    human_maps_text,
    images_text,
    interval_text,
    note_sentence,
)
from gala_viz.plots.figures.specs.figure_result import FigureResult, ProgressCallback, ignore_progress
from gala_viz.plots.figures.specs.figure_spec import MAX_SELECTED_IMAGES, FigureSpec, check_images
from gala_viz.plots.figures.specs.image_scores import image_mask, mean_intervals, missing_scores_text
from gala_viz.plots.figures.specs.network_sources import collect_scores, networks_of, pair_sources
from gala_viz.store.measures import NamedMeasure, ceiling_for, measure_called, named_measures
from gala_viz.store.source import MapSource, NetworkInfo

MIN_IMAGES_FOR_RHO = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class ScatterSpec(FigureSpec):
    """Two metrics of all images as points.

    Parameters
    ----------
    x, y : str, optional
        Metrics by title or short name; default: Spearman's rho of the first two networks with the human maps.
    rest : bool
        Whether images that are not named in ``images`` are drawn too; those named are marked.
    **common
        Those of ``FigureSpec``.

    Examples
    --------
    >>> import gala_viz as gv
    >>> gv.ScatterSpec(rest=True).kind
    'scatter'
    """

    kind: ClassVar[str] = "scatter"
    n_images_range: ClassVar[tuple[int, int]] = (0, MAX_SELECTED_IMAGES)

    x: str | None = None
    y: str | None = None
    rest: bool = True
    width: str = "single"

    def __post_init__(self) -> None:
        FigureSpec.__post_init__(self)
        for name, value in (("x", self.x), ("y", self.y)):
            if value is not None and not isinstance(value, str):
                raise ValueError(f"{name} names a measure; got {value!r}.")
        if not isinstance(self.rest, bool):
            raise ValueError(f"rest is true or false; got {self.rest!r}.")


def draw_scatter(
    source: MapSource, spec: ScatterSpec, progress: ProgressCallback = ignore_progress, score_missing: bool = True
) -> FigureResult:
    """Draw two metrics of many images as ``spec`` says, with caption and table.

    Parameters
    ----------
    source : MapSource
        Scores come from it.
    spec : ScatterSpec
        Metrics, images, and settings of the maps.
    progress : callable
        Called as ``progress(done, total)`` while images are scored.
    score_missing : bool
        Whether scores that are missing are computed.

    Returns
    -------
    FigureResult
        With a table of a row for each image.

    Raises
    ------
    UnknownNameError
        The source does not have an image, a network or a metric.
    ValueError
        Both metrics are the same, or networks see different parts of photographs and have no common scores.
    """
    check_images(source, spec)
    check_map_kind(source, spec.request.human_map)
    wanted = () if spec.rest else spec.images
    sources = pair_sources(source, spec)
    source = sources[0]
    scores = collect_scores(sources, spec, wanted, score_missing, progress)
    axes = _axes(source, networks_of(sources), scores, spec)
    columns = [one.values(scores) for one in axes]
    known = np.isfinite(columns[0]) & np.isfinite(columns[1])
    chosen = image_mask(scores, spec.images)
    drawn = image_mask(scores, wanted)
    groups = [_points("chosen images" if spec.images else "all images", columns, known & chosen)]
    if spec.images and spec.rest:
        groups.append(_points("all images", columns, known))
    ceiling = _ceiling(scores, known & drawn)
    beside = tuple(ceiling if ceiling_for(one.title) else None for one in axes)
    simulated = has_simulated_maps(source, spec.request.human_map)
    figure = scatter_figure(
        groups,
        (axes[0].title, axes[1].title),
        ceilings=beside,
        equality_line=axes[0].quantity == axes[1].quantity,
        people_label="simulated people" if simulated else "people",
        width_inches=spec.width_inches,
    )
    of_people = any(one.of_people for one in axes)
    caption = caption_markdown(
        f"{source.title}: {axes[0].title} and {axes[1].title}",
        [
            missing_scores_text(source, known, drawn, of_people),
            f"Chosen: {images_text(spec.images)}" if spec.images and len(spec.images) < scores.sizes["image"] else "",
            *[_group_text(group, axes) for group in groups],
            _ceiling_text(ceiling) if any(beside) else "",
            _settings_text(source, scores, spec, axes),
            human_maps_text(source, simulated, spec.request.human_map) if of_people else "",
        ],
    )
    return FigureResult(figure=figure, caption=caption, table=_table(source, scores, axes, columns, drawn, chosen))


def _axes(source: MapSource, networks: list[NetworkInfo], scores: xr.Dataset, spec: ScatterSpec) -> list[NamedMeasure]:
    """Return the metrics across and up: those of ``spec``, or the first two."""
    known = named_measures(networks, [str(layer) for layer in scores["layer"].values], bool(source.map_kinds))
    defaults = (known[0], known[min(1, len(known) - 1)])
    axes = [
        measure_called(name, known) if name is not None else default
        for name, default in zip((spec.x, spec.y), defaults, strict=True)
    ]
    if axes[0] is axes[1]:
        others = "" if len(known) > 1 else f" {source.title} has no human maps, so no other is known."
        raise ValueError(f"a scatter is of two different measures; got {axes[0].title!r} for both.{others}")
    return axes


def _points(title: str, columns: list[NDArray], shown: NDArray[np.bool_]) -> ScatterGroup:
    x, y = (np.asarray(column[shown], dtype=float) for column in columns)
    means = mean_intervals(x, y, n_resamples=n_page_resamples(len(x))) if len(x) else (None, None)
    return ScatterGroup(title=title, x=x, y=y, means=tuple(means), rho=_rho(x, y))


def _rho(x: NDArray[np.floating], y: NDArray[np.floating]) -> float:
    """Return Spearman's rho over images; NaN for fewer than ``MIN_IMAGES_FOR_RHO``."""
    return float(spearman(x[None], y[None])) if len(x) >= MIN_IMAGES_FOR_RHO else float("nan")


def _ceiling(scores: xr.Dataset, shown: NDArray[np.bool_]) -> ConfidenceInterval | None:
    """Return the mean split-half rho of people over the images that are drawn, with the interval that pages give."""
    values = np.asarray(scores["ceiling"], dtype=float)[shown]
    n = int(np.isfinite(values).sum())
    return mean_intervals(values, n_resamples=n_page_resamples(n))[0] if n else None


def _group_text(group: ScatterGroup, axes: list[NamedMeasure]) -> str:
    means = "; ".join(
        f"mean {one.title} {interval_text(mean)}" for one, mean in zip(axes, group.means, strict=True) if mean
    )
    between = f"; Spearman's rho between the two measures, over images, {group.rho:.3f}" * bool(np.isfinite(group.rho))
    bounded = [mean for mean in group.means if mean and np.isfinite(mean.low)]
    resampled = next((f" ({mean.n_resamples:,} resamples, seed {mean.seed})" for mean in bounded), "")
    return f"{group.title[0].upper()}{group.title[1:]}, n = {len(group.x):,}: {means}{between}{resampled}."


def _ceiling_text(ceiling: ConfidenceInterval | None) -> str:
    return f"Grey: noise ceiling, people's split-half rho over the n = {ceiling.n:,} images drawn that have one: " + (
        f"{interval_text(ceiling)}."
    )


def _settings_text(source: MapSource, scores: xr.Dataset, spec: ScatterSpec, axes: list[NamedMeasure]) -> str:
    cells = scores.attrs.get("resolution_px")
    compared = f" Maps are compared at {cells} x {cells} cells, attention norms at their layer's own grid."
    note = f" {note_sentence(scores)}".rstrip()
    maps = attribution_text(source, replace(spec.request, smoothing_px=0.0)) if any(one.of_maps for one in axes) else ""
    intervals = f"95 % bootstrap intervals over images, none below {MIN_IMAGES_FOR_INTERVAL} of them"
    return f"Brackets and crosses: {intervals}. {maps}{compared if cells else ''}{note}"


def _table(
    source: MapSource,
    scores: xr.Dataset,
    axes: list[NamedMeasure],
    columns: list[NDArray],
    drawn: NDArray[np.bool_],
    chosen: NDArray[np.bool_],
) -> pd.DataFrame:
    """Return a row for each image that is ``drawn``, also for those without a value."""
    category = np.asarray(source.labels().category, dtype=object)
    table = {"image": scores["image"].values.astype(str)}
    if len(category) == len(table["image"]):
        table["category"] = category
    for at, (one, values) in enumerate(zip(axes, columns, strict=True)):
        table[one.title if one.title not in table else f"{one.title} ({'xy'[at]})"] = values
    table["ceiling"] = np.asarray(scores["ceiling"], dtype=np.float32)
    table["chosen"] = chosen
    return pd.DataFrame(table)[drawn]
