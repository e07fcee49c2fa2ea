"""Figures specified by a small file: which kind, images, networks and settings; enough to draw them again."""

from gala_viz.plots.figures.specs.comparison_spec import ComparisonSpec
from gala_viz.plots.figures.specs.figure_kinds import KINDS, FigureKind, draw_figure, read_figure_spec, write_figure
from gala_viz.plots.figures.specs.figure_result import FigureResult
from gala_viz.plots.figures.specs.figure_spec import DPI_RANGE, WIDTHS_MM, FigureSpec
from gala_viz.plots.figures.specs.grid_spec import GridSpec
from gala_viz.plots.figures.specs.layers_spec import LayersSpec
from gala_viz.plots.figures.specs.people_spec import PeopleSpec
from gala_viz.plots.figures.specs.scatter_spec import ScatterSpec
from gala_viz.plots.figures.specs.table_spec import TableSpec

__all__ = [
    "DPI_RANGE",
    "KINDS",
    "WIDTHS_MM",
    "ComparisonSpec",
    "FigureKind",
    "FigureResult",
    "FigureSpec",
    "GridSpec",
    "LayersSpec",
    "PeopleSpec",
    "ScatterSpec",
    "TableSpec",
    "draw_figure",
    "read_figure_spec",
    "write_figure",
]
