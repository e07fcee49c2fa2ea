"""Figure 1A: photographs seen through what people marked on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from numpy.typing import NDArray

from gala_viz.plots.figures.print_style import WIDTH_INCHES, colour_bar, draw_image, print_figure

SUPERCLASS_COLOURS = ("#2f6fb5", "#c8442f")
"""Blue for the first group (animals), red for the second (vehicles)."""
GROUP_COLOURS = dict(zip(("animals", "vehicles"), SUPERCLASS_COLOURS, strict=True))
OPACITY_MAP = LinearSegmentedColormap.from_list("opacity", ["white", "black"])
BAR_LABEL = "opacity: human map / its 99th percentile"
BAR_INCHES = 0.42
"""Height of the part with the opacity bar, in inches."""
OPAQUE_PERCENTILE = 99.0
OPACITY_TEXT = (
    "Opacity is the human map divided by the 99th percentile of its own values; where nobody marked, the page shows."
)
"""How the pictures are made, for the caption."""


@dataclass(frozen=True, kw_only=True, eq=False)
class PhotographWithMap:
    """One photograph ``view`` (y, x, 3) uint8 with its human map (y, x) of the same size, and what to call it."""

    title: str
    view: NDArray[np.uint8]
    human_map: NDArray[np.floating]


def apply_opacity(view: NDArray[np.uint8], human_map: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Return the photograph (y, x, 4), uint8, as opaque as its human map is high: 255 from its 99th percentile on.

    ``view`` is (y, x, 3), uint8; ``human_map`` (y, x). A map without any mark gives an empty picture. Raises
    ``ValueError`` for a map of another size.
    """
    if human_map.shape != view.shape[:2]:
        raise ValueError(f"a map of the photograph's size {view.shape[:2]} was expected; got {human_map.shape}.")
    density = np.clip(np.nan_to_num(human_map), 0, None)
    full = opaque_threshold(human_map)
    opacity = np.rint(255 * np.minimum(density / full, 1)) if full > 0 else np.zeros(density.shape)
    return np.dstack([view, opacity.astype(np.uint8)])


def opaque_threshold(human_map: NDArray[np.floating]) -> float:
    """Return the value of ``human_map`` (y, x) from which a picture is fully opaque.

    It is the 99th percentile; where that is 0, the largest value; 0 for a map without any mark.
    """
    density = np.clip(np.nan_to_num(human_map), 0, None)
    return float(np.percentile(density, OPAQUE_PERCENTILE)) or float(density.max())


def people_figure(
    groups: Sequence[tuple[str, Sequence[PhotographWithMap]]],
    *,
    columns: int = 4,
    width_inches: float = WIDTH_INCHES,
    with_opacity_bar: bool = False,
    simulated: bool = False,
) -> Figure:
    """Draw figure 1A: photographs seen through human maps, in a block for each group.

    Parameters
    ----------
    groups : sequence of (str, sequence of PhotographWithMap)
        Title and photographs of each block; blocks stand side by side, photographs are outlined in the block's colour.
    columns : int
        Photographs side by side in a block.
    width_inches : float
        Of the figure.
    with_opacity_bar : bool
        Whether a bar below says what opacity stands for.
    simulated : bool
        Whether the maps are simulated; the titles say so.

    Returns
    -------
    matplotlib.figure.Figure
        The figure; ``OPACITY_TEXT`` explains its opacity.

    References
    ----------
    Linsley et al. 2019, figure 1A.
    """
    rows = max(1, *(-(-len(pictures) // columns) for _, pictures in groups)) if groups else 1
    count = max(1, len(groups))
    height = 0.2 + rows * (width_inches / (columns * count) + 0.1)
    with print_figure(height + (BAR_INCHES if with_opacity_bar else 0), width_inches) as figure:
        upper, *lower = figure.subfigures(
            1 + with_opacity_bar, 1, height_ratios=[height, *[BAR_INCHES] * with_opacity_bar], squeeze=False
        )[:, 0]
        blocks = upper.subfigures(1, count, wspace=0.02, squeeze=False)[0]
        colours = _colours([title for title, _ in groups])
        for (title, pictures), block, colour in zip(groups, blocks, colours, strict=True):
            block.suptitle(f"{title}, simulated maps" if simulated else title, color=colour, fontsize=8)
            grid = block.subplots(rows, columns, squeeze=False).ravel()
            for axes in grid[len(pictures) :]:
                axes.set_axis_off()
            for axes, one in zip(grid, pictures, strict=False):
                draw_image(axes, apply_opacity(one.view, one.human_map))
                axes.set_title(one.title, fontsize=5.5, pad=2)
                for spine in axes.spines.values():
                    spine.set(visible=True, color=colour, linewidth=1.2)
        for part in lower:
            colour_bar(part.add_axes((0.3, 0.72, 0.4, 0.16)), OPACITY_MAP, (0.0, 1.0), BAR_LABEL)
    return figure


def _colours(titles: Sequence[str]) -> list[str]:
    """Return a colour for each title: blue for animals, red for vehicles, else in turn the colours that are left."""
    known = [GROUP_COLOURS.get(title) for title in titles]
    left = cycle([colour for colour in SUPERCLASS_COLOURS if colour not in known] or SUPERCLASS_COLOURS)
    return [colour or next(left) for colour in known]
