"""Figures asked for by a small file: which kind, images, networks and settings; enough to draw them again."""

from gala_viz.plots.figures.asked.comparison import ComparisonSpec
from gala_viz.plots.figures.asked.drawn import FigureResult
from gala_viz.plots.figures.asked.kinds import KINDS, FigureKind, draw_figure, read_figure_spec, write_figure
from gala_viz.plots.figures.asked.layers import LayersSpec
from gala_viz.plots.figures.asked.people import PeopleSpec
from gala_viz.plots.figures.asked.scatter import ScatterSpec
from gala_viz.plots.figures.asked.spec import DPI_RANGE, WIDTHS_MM, FigureSpec
from gala_viz.plots.figures.asked.table import TableSpec

__all__ = [
    "DPI_RANGE",
    "KINDS",
    "WIDTHS_MM",
    "ComparisonSpec",
    "FigureResult",
    "FigureSpec",
    "FigureKind",
    "LayersSpec",
    "PeopleSpec",
    "ScatterSpec",
    "TableSpec",
    "draw_figure",
    "read_figure_spec",
    "write_figure",
]
