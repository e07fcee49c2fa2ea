"""The grid of a page for print: its photographs, its columns and its settings, in pages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pandas as pd

from gala_viz.plots.figures.grid_figure import grid_pages, rows_of_page
from gala_viz.plots.figures.specs.caption_text import (
    attribution_text,
    caption_markdown,
    check_map_kind,
    has_simulated_maps,
    human_maps_text,
    images_text,
)
from gala_viz.plots.figures.specs.figure_result import FigureResult, ProgressCallback, ignore_progress
from gala_viz.plots.figures.specs.figure_spec import FigureSpec, check_images, check_texts
from gala_viz.plots.grid_cells import SCALE_TEXT, grid_cells
from gala_viz.plots.grid_columns import column_title, parse_columns, usual_columns
from gala_viz.store.source import MapSource

MAX_GRID_IMAGES, MAX_COLUMNS, MAX_ROWS = 200, 12, 60


@dataclass(frozen=True, kw_only=True, slots=True)
class GridSpec(FigureSpec):
    """Chosen images by chosen columns, in pages; the first two networks are shown.

    Parameters
    ----------
    columns : tuple of str
        Names as links of the grid hold them: photo, people, first, second, delta, with ``:METHOD`` of another method,
        first@LAYER; default: those with which the page begins.
    rows_per_page : int, optional
        Images of a page; default: as many as 240 mm hold.
    **common
        Those of ``FigureSpec``.

    Examples
    --------
    >>> import gala_viz as gv
    >>> gv.GridSpec(images=("a", "b"), columns=("photo", "first")).kind
    'grid'
    """

    kind: ClassVar[str] = "grid"
    n_images_range: ClassVar[tuple[int, int]] = (1, MAX_GRID_IMAGES)

    columns: tuple[str, ...] = ()
    rows_per_page: int | None = None

    def __post_init__(self) -> None:
        FigureSpec.__post_init__(self)
        check_texts("columns", self.columns, (0, MAX_COLUMNS))
        rows = self.rows_per_page
        if rows is not None and (isinstance(rows, bool) or not isinstance(rows, int) or not 1 <= rows <= MAX_ROWS):
            raise ValueError(f"rows_per_page is a whole number from 1 to {MAX_ROWS}; got {rows!r}.")


def draw_grid(source: MapSource, spec: GridSpec, progress: ProgressCallback = ignore_progress) -> FigureResult:
    """Draw the grid as ``spec`` says, with its caption and a table of what stands in it.

    Parameters
    ----------
    source : MapSource
        Photographs and maps come from it.
    spec : GridSpec
        Images, columns and settings.
    progress : callable
        Called as ``progress(done, total)`` after each image.

    Returns
    -------
    FigureResult
        With a figure for each page.

    Raises
    ------
    UnknownNameError
        The source does not have an image, or not this kind of human map.
    ValueError
        A column is not there, or maps could not be finished.
    """
    check_images(source, spec)
    kind = check_map_kind(source, spec.request.human_map)
    columns = parse_columns(",".join(spec.columns), source) or usual_columns(source)
    titles = [column_title(column, source, kind) for column in columns]
    rows, table = [], []
    for done, image in enumerate(spec.images):
        cells = grid_cells(source, image, columns, spec.request, lambda: False)
        if cells is None:
            raise ValueError(f"{image}: its maps could not be finished.")
        info = source.info(image)
        rows.append((info.heading if info.heading == image else f"{info.heading}\n{image}", cells))
        words = {column.name: cell.text for column, cell in zip(columns, cells, strict=True)}
        table.append({"image": image, "category": info.category, "split": info.split, **words})
        progress(done + 1, len(spec.images))
    per_page = spec.rows_per_page or rows_of_page(len(columns), spec.width_inches)
    first, *others = grid_pages(rows, titles, rows_per_page=per_page, width_inches=spec.width_inches)
    has_people = any(column.kind == "people" for column in columns)
    simulated = has_people and has_simulated_maps(source, kind)
    caption = caption_markdown(
        f"{source.title}: {len(spec.images)} photographs by {len(columns)} columns",
        [
            f"{images_text(spec.images)} Columns: {'; '.join(titles)}.",
            human_maps_text(source, simulated, kind) if has_people else "",
            attribution_text(source, spec.request),
            f"{SCALE_TEXT} Under a map stand the network's first choice, right (✓) or wrong (✗), its probability, and "
            "rho of the unsmoothed map with the human map; under a delta (second minus first) its reliability; under "
            "an attention norm the ends of its scale.",
        ],
    )
    return FigureResult(figure=first, more_pages=others, caption=caption, table=pd.DataFrame(table))
