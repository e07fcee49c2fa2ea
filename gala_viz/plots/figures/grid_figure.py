"""The grid for print: rows of photographs by columns of maps, in pages of a journal's height."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import fill

from matplotlib.figure import Figure

from gala_viz.plots.figures.print_style import WIDTH_INCHES, draw_image, print_figure
from gala_viz.plots.grid_cells import GridCell

PAGE_MM = 240.0
"""Most height of a page."""
_LABEL_INCHES, _GAP_INCHES, _TEXT_INCHES, _LINE_INCHES = 0.95, 0.05, 0.14, 0.115


def rows_of_page(n_columns: int, width_inches: float = WIDTH_INCHES) -> int:
    """Return how many rows of square pictures a page holds."""
    return max(1, int((PAGE_MM / 25.4 - 0.5) / (_cell_inches(n_columns, width_inches) + _TEXT_INCHES + _GAP_INCHES)))


def grid_pages(
    rows: Sequence[tuple[str, Sequence[GridCell]]],
    titles: Sequence[str],
    *,
    rows_per_page: int,
    width_inches: float = WIDTH_INCHES,
) -> list[Figure]:
    """Draw the grid, one figure a page; each page has the titles.

    Parameters
    ----------
    rows : sequence of (str, sequence of GridCell)
        What stands at the left of a row, and its cells.
    titles : sequence of str
        Of the columns.
    rows_per_page : int
        At most so many rows a page.
    width_inches : float
        Width of a page; its height follows from its rows.

    Returns
    -------
    list of matplotlib.figure.Figure
        In order.
    """
    parts = [rows[start : start + rows_per_page] for start in range(0, len(rows), rows_per_page)]
    return [_page(part, titles, width_inches) for part in parts]


def _page(rows: Sequence[tuple[str, Sequence[GridCell]]], titles: Sequence[str], width: float) -> Figure:
    side = _cell_inches(len(titles), width)
    letters = max(6, int(side / 0.058))
    headings = [fill(title, letters) for title in titles]
    head = max(heading.count("\n") + 1 for heading in headings) * _LINE_INCHES + 0.06
    step = side + _TEXT_INCHES + _GAP_INCHES
    height = head + len(rows) * step
    longest = max((len(cell.text) for _, cells in rows for cell in cells), default=1)
    size = min(6.0, 6.0 * side / 0.052 / max(longest, 1))
    with print_figure(height, width) as figure:
        figure.set_layout_engine("none")  # every part has its place
        lefts = [_LABEL_INCHES + column * (side + _GAP_INCHES) for column in range(len(titles))]
        for left, heading in zip(lefts, headings, strict=True):
            figure.text(left / width, 1 - 0.03 / height, heading, ha="left", va="top")
        for number, (label, cells) in enumerate(rows):
            top = height - head - number * step
            figure.text(0.0, top / height, _label_text(label), ha="left", va="top", size=6)
            for left, cell in zip(lefts, cells, strict=True):
                axes = figure.add_axes((left / width, (top - side) / height, side / width, side / height))
                draw_image(axes, cell.picture)
                figure.text(left / width, (top - side - 0.02) / height, cell.text, ha="left", va="top", size=size)
    return figure


def _label_text(label: str) -> str:
    """Return what stands at the left of a row, each of its lines in as many as it needs."""
    return "\n".join(fill(line, 17) for line in label.split("\n"))


def _cell_inches(n_columns: int, width: float) -> float:
    return (width - _LABEL_INCHES - n_columns * _GAP_INCHES) / n_columns
