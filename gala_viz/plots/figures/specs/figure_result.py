"""A figure that was drawn, with its caption and its data, and the files that these become."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import xarray as xr
from matplotlib.figure import Figure

from gala_viz.plots.figures.print_style import save_figure
from gala_viz.plots.figures.specs.figure_spec import FigureSpec

ProgressCallback = Callable[[int, int], None]
"""Called with the number of images done and the number of all."""


def ignore_progress(done: int, total: int) -> None:
    """Ignore the progress, ``done`` of ``total`` images; the default callback."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class FigureResult:
    """``figure``, laid out for print; ``caption`` with all settings and n, as Markdown.

    ``more_pages`` go on where one page does not hold it. Its data are ``maps``, labelled and in their own units, a
    ``table``, and other ``texts`` by the ending of their file, for example "tex".
    """

    figure: Figure
    caption: str
    more_pages: Sequence[Figure] = ()
    maps: xr.Dataset | None = None
    table: pd.DataFrame | None = None
    texts: Mapping[str, str] = field(default_factory=dict)

    def write(self, spec: FigureSpec, folder: Path, name: str) -> list[Path]:
        """Write all files called ``name`` into ``folder`` and return their paths.

        These are .png, .svg, .pdf and the caption as .md; .nc (maps), .csv (table), other texts, .json (``spec``).
        Pages after the first are pictures called NAME-2, NAME-3 and so on, and pages of the one .pdf.
        """
        paths = save_figure(self.figure, folder, name, self.caption, dpi=spec.dpi, more_pages=self.more_pages)
        if self.maps is not None:
            paths.append(folder / f"{name}.nc")
            self.maps.to_netcdf(paths[-1], engine="scipy")
        if self.table is not None:
            paths.append(folder / f"{name}.csv")
            self.table.to_csv(paths[-1], index=False, lineterminator="\n")
        for ending, text in {**self.texts, "json": spec.text()}.items():
            paths.append(folder / f"{name}.{ending}")
            paths[-1].write_text(text, encoding="utf-8")
        return paths
