"""Kind "table": scores of all networks over many images, as CSV, Markdown, LaTeX, and drawn with the same cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pandas as pd

from gala_viz.alignment import MIN_IMAGES_FOR_INTERVAL, ConfidenceInterval
from gala_viz.engine.results.score_selection import ABOVE_CEILING
from gala_viz.plots.figures.specs.caption_text import (
    attribution_text,
    caption_markdown,
    check_map_kind,
    has_simulated_maps,
    human_maps_text,
    images_text,
    interval_text,
    listed,
    note_sentence,
)
from gala_viz.plots.figures.specs.figure_result import FigureResult, ProgressCallback, ignore_progress
from gala_viz.plots.figures.specs.figure_spec import MAX_SELECTED_IMAGES, FigureSpec, check_images, check_texts
from gala_viz.plots.figures.specs.image_scores import image_mask, missing_scores_text
from gala_viz.plots.figures.specs.network_sources import collect_scores, networks_of, pair_sources
from gala_viz.plots.figures.specs.score_summary import SUMMARY_ROWS, SummaryRow, check_rows, summary_row
from gala_viz.plots.figures.table_figure import latex_table, markdown_table, table_figure
from gala_viz.store.source import MapSource

EMPTY_CELL = "–"
Columns = tuple[ConfidenceInterval | None, ...]
SETTINGS = ("confidence", "n_resamples", "seed")


@dataclass(frozen=True, kw_only=True, slots=True)
class TableSpec(FigureSpec):
    """Scores of two or more networks over images as a table; without ``images`` over all that have scores.

    Parameters
    ----------
    rows : tuple of str
        Some of ``SUMMARY_ROWS``, and "attention:LAYER" for rho of a layer's attention norms.
    **common
        Those of ``FigureSpec``.

    Examples
    --------
    >>> import gala_viz as gv
    >>> gv.TableSpec(rows=("accuracy", "rho")).rows
    ('accuracy', 'rho')
    """

    kind: ClassVar[str] = "table"
    n_images_range: ClassVar[tuple[int, int]] = (0, MAX_SELECTED_IMAGES)

    rows: tuple[str, ...] = SUMMARY_ROWS

    def __post_init__(self) -> None:
        FigureSpec.__post_init__(self)
        check_texts("rows", self.rows, (1, 40))
        check_rows(self.rows)


def draw_table(
    source: MapSource, spec: TableSpec, progress: ProgressCallback = ignore_progress, score_missing: bool = True
) -> FigureResult:
    """Draw the table of ``spec``, with its cells as Markdown, LaTeX and numbers.

    Parameters
    ----------
    source : MapSource
        Scores come from it.
    spec : TableSpec
        Rows, images, and settings of the maps.
    progress : callable
        Called as ``progress(done, total)`` while images are scored.
    score_missing : bool
        Whether scores that are missing are computed.

    Returns
    -------
    FigureResult
        With the table as Markdown in the caption, as LaTeX among the texts, and as numbers.

    Raises
    ------
    UnknownNameError
        The source does not have an image or a network, or no network has a layer.
    ValueError
        Networks see different parts of photographs, and have no common scores.
    """
    check_images(source, spec)
    check_map_kind(source, spec.request.human_map)
    sources = pair_sources(source, spec)
    source, networks = sources[0], networks_of(sources)
    scores = collect_scores(sources, spec, spec.images, score_missing, progress)
    chosen = image_mask(scores, spec.images)
    lines = [summary_row(name, scores, chosen) for name in spec.rows]
    titles, two = [network.title for network in networks], len(networks) == 2
    simulated = has_simulated_maps(source, spec.request.human_map)
    people = "simulated people" if simulated else "people"
    head = ["", *titles, *[f"{titles[1]} minus {titles[0]}"] * two, people, "n"]
    columns = [_columns(line, len(networks)) for line in lines]
    rows = [_cells(*pair) for pair in zip(lines, columns, strict=True)]
    known = np.isfinite(np.asarray(scores["rho"], dtype=float)).all(axis=0)
    cells = scores.attrs.get("resolution_px")
    of_people = missing_scores_text(source, known, chosen, True)
    resamples = sorted(
        {one.n_resamples for line in columns for one in line if one is not None and np.isfinite(one.low)}
    )
    counts = " or ".join(f"{count:,}" for count in resamples) or "no"
    title = f"{source.title}: {listed(titles)}"
    difference = "The difference is taken image by image. " if two else ""
    paragraphs = [
        f"Means over images with 95 % bootstrap intervals over images ({counts} resamples, seed 0), none below "
        f"{MIN_IMAGES_FOR_INTERVAL} images, over the n images for which {'both' if two else 'all'} networks have a "
        f"value. {difference}The fraction of the noise ceiling is mean rho over the mean ceiling of the same images, "
        f"resampled together{'; a share above 100 % is ' + ABOVE_CEILING if _has_above(lines) else ''}.",
        images_text(spec.images) if spec.images else "All images of the collection.",
        f"Likeness to people: {of_people}",
        attribution_text(source, replace(spec.request, smoothing_px=0.0)),
        f"Maps are compared at {cells} x {cells} cells; top pixels of Dice and IoU are the tenth that is highest."
        if cells
        else "",
        note_sentence(scores),
        human_maps_text(source, simulated, spec.request.human_map),
    ]
    caption = caption_markdown(title, [markdown_table(head, rows), *paragraphs])
    latex = latex_table(head, rows, f"{title}. {paragraphs[0]}", "tab:scores")
    figure = table_figure(head, rows, width_inches=spec.width_inches)
    names = (*(network.name for network in networks), *["difference"] * two, "people")
    return FigureResult(figure=figure, caption=caption, table=_table(lines, names, columns), texts={"tex": latex})


def _has_above(lines: Sequence[SummaryRow]) -> bool:
    """Return whether a network's share of the ceiling is above 1."""
    shares = [one for line in lines if line.name == "fraction" for one in line.networks or ()]
    return any(one is not None and one.mean > 1 for one in shares)


def _columns(line: SummaryRow, n_networks: int) -> Columns:
    """Return a row's intervals: each network's, the difference of two, and people's."""
    difference = (line.difference,) if n_networks == 2 else ()
    return (*(line.networks or (None,) * n_networks), *difference, line.people)


def _cells(line: SummaryRow, columns: Columns) -> list[str]:
    texts = [EMPTY_CELL if one is None else interval_text(one, line.digits, line.factor) for one in columns]
    return [line.title, *texts, f"{line.n:,}"]


def _table(lines: Sequence[SummaryRow], names: Sequence[str], columns: Sequence[Columns]) -> pd.DataFrame:
    """Return a row for each number, in the unit that is printed."""
    rows = []
    for line, of_line in zip(lines, columns, strict=True):
        for who, one in zip(names, of_line, strict=True):
            if one is not None:
                row = {"quantity": line.name, "title": line.title, "who": who}
                row |= {end: getattr(one, end) * line.factor for end in ("mean", "low", "high")}
                rows.append(row | {"n": one.n, "confidence": 0.95, "n_resamples": one.n_resamples, "seed": one.seed})
    return pd.DataFrame(rows, columns=["quantity", "title", "who", "mean", "low", "high", "n", *SETTINGS])
