"""A figure that was drawn, with its caption and its data, and the files that these become."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.figure import Figure

from gala_viz.plots.figures.print_style import save_figure
from gala_viz.plots.figures.specs.figure_spec import FigureSpec
from gala_viz.schema import PIXEL_ATTRS

ProgressCallback = Callable[[int, int], None]
"""Called with the number of images done and the number of all."""


ATTRS_OF_MAPS = ("method", "reduction", "smoothing_px", "normalise", "percentile")
"""Settings that each map of a file tells of itself, where it has them."""


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


def netcdf_name(*parts: str) -> str:
    """Return ``parts`` joined to a name that NetCDF allows; slashes, as in names of networks, become underscores."""
    return "_".join(parts).replace("/", "_")


def labelled_variable(labelled: xr.DataArray, long_name: str, units: str = "arbitrary") -> xr.Variable:
    """Return a map as a file has it: float32, with a name, a unit and the settings that it tells of itself.

    Parameters
    ----------
    labelled : DataArray
        The map, in its own unit.
    long_name : str
        What it is, in words.
    units : str
        Its unit, where it does not tell one itself.

    Returns
    -------
    Variable
        Dims as in ``labelled``.
    """
    about = {key: labelled.attrs[key] for key in ATTRS_OF_MAPS if key in labelled.attrs}
    attrs = {"long_name": long_name, "units": str(labelled.attrs.get("units", units)), **about}
    return xr.Variable(labelled.dims, np.asarray(labelled.values, np.float32), attrs)


def name_pixels(maps: xr.Dataset) -> None:
    """Write units and names into the coordinates y, x, y_NAME and x_NAME of ``maps``: pixels of a network's input."""
    for name in map(str, maps.coords):
        if name.partition("_")[0] in PIXEL_ATTRS:
            maps[name].attrs = {**PIXEL_ATTRS[name[0]], "frame": "the input of the network"}
