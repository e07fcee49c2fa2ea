"""Plots of what a game has collected: rounds a day, how reliability grew, one image's map over its photograph."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from html import escape

import numpy as np
import xarray as xr
from bokeh.models import ColumnDataSource
from bokeh.plotting import figure
from PIL import Image

PREVIEW_PX = 320
PEOPLE_COLOUR, SIMULATED_COLOUR = "#3f80c4", "#a87a2c"
"""Colours with contrast on light and on dark pages."""


def rounds_by_day(days: Sequence[tuple[str, int, int]]) -> figure:
    """Draw a bar for each day; ``days`` are (day, rounds of people, rounds of simulated participants), in UTC."""
    names = [day for day, _, _ in days] or ["no rounds yet"]
    plot = figure(
        x_range=names, height=180, title="Rounds a day (UTC)", toolbar_location=None, sizing_mode="stretch_width"
    )
    if days:
        source = ColumnDataSource({"day": names, "people": [d[1] for d in days], "simulated": [d[2] for d in days]})
        plot.vbar_stack(
            ["people", "simulated"],
            x="day",
            width=min(0.7, 0.1 * len(days)),
            source=source,
            color=[PEOPLE_COLOUR, SIMULATED_COLOUR],
            legend_label=["people", "simulated"],
        )
        plot.legend[0].update(orientation="horizontal", margin=0, padding=0, border_line_color=None)
        plot.add_layout(plot.legend[0], "above")
    plot.y_range.start = 0
    plot.outline_line_color = None
    plot.xgrid.visible = False
    return plot


def reliability_curve(history: Sequence[tuple[int, int, float]]) -> figure:
    """Draw the mean split-half rho over the number of rounds.

    ``history`` holds (rounds, images with two participants, rho); entries whose rho is not known are left out.
    """
    plot = figure(height=240, sizing_mode="stretch_width", toolbar_location=None, y_range=(-0.1, 1.0))
    known = [(count, rho) for count, _, rho in history if np.isfinite(rho)]
    plot.line([count for count, _ in known], [rho for _, rho in known], line_width=2, color=PEOPLE_COLOUR)
    plot.scatter([count for count, _ in known], [rho for _, rho in known], size=8, color=PEOPLE_COLOUR)
    plot.outline_line_color = None
    plot.xaxis.axis_label, plot.yaxis.axis_label = "rounds", "split-half rho"
    return plot


def map_preview(photo: np.ndarray, human_map: xr.DataArray | None, image: str, kind: str, n: int) -> str:
    """Return the photograph with the human map over it and a caption, as HTML.

    Parameters
    ----------
    photo : ndarray, (y, x, 3), uint8
        The photograph; it is shrunk to at most ``PREVIEW_PX`` at its longer side.
    human_map : DataArray, (y, x), or None
        Drawn as a share of its largest value; None: the photograph is shown alone, and the caption says so.
    image : str
        Id of the image.
    kind : str
        Kind of the human map.
    n : int
        Number of its participants.

    Returns
    -------
    str
        An ``img`` with the picture as a PNG data URL, and a paragraph; texts are escaped.
    """
    picture = Image.fromarray(photo).convert("RGB")
    picture.thumbnail((PREVIEW_PX, PREVIEW_PX))
    if human_map is None:
        caption = "Nobody has painted this image yet."
    else:
        caption = f"{kind}, n = {n}"
        strength = np.asarray(human_map.values, float)
        strength = strength / max(float(strength.max()), 1e-12)
        mask = Image.fromarray((225 * strength).astype(np.uint8)).resize(picture.size, Image.Resampling.BILINEAR)
        grey = Image.blend(picture, picture.convert("L").convert("RGB"), 0.7)
        picture = Image.composite(Image.new("RGB", picture.size, (255, 170, 30)), grey, mask)
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    data = base64.b64encode(stream.getvalue()).decode("ascii")
    return f'<img alt="{escape(image)}" src="data:image/png;base64,{data}"><p>{escape(image)}<br>{escape(caption)}</p>'
