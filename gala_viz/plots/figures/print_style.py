"""What every printed figure shares: font, sizes, pictures without axes, colour bars, and the files that it becomes."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, ListedColormap, Normalize
from matplotlib.figure import Figure, SubFigure
from numpy.typing import NDArray

from gala_viz.plots.colour_maps import DEFAULT_SEQUENTIAL, DELTA_COLOURS, SEQUENTIAL

STYLE: dict[str, Any] = {
    "font.family": ["DejaVu Sans", "sans-serif"],
    "font.size": 7.0,
    "axes.titlesize": 7.0,
    "axes.labelsize": 7.0,
    "axes.linewidth": 0.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.labelsize": 6.0,
    "ytick.labelsize": 6.0,
    "xtick.major.width": 0.5,
    "ytick.major.width": 0.5,
    "legend.fontsize": 6.0,
    "legend.frameon": False,
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "gala_viz",
    "pdf.fonttype": 42,
    "image.composite_image": False,  # each picture is embedded as it is, once
}
WIDTH_INCHES = 7.2
"""Width of a page's two columns."""
DOTS_PER_INCH = 300
POSITION_DIGITS = 6
"""Decimals of a panel's position, as a share of the figure."""
FORMATS = ("png", "svg", "pdf")
_SETTINGS_LOCK = threading.RLock()
_NO_DATE = {"png": {"Software": None}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}

SEQUENTIAL_MAP: Colormap = ListedColormap(SEQUENTIAL[DEFAULT_SEQUENTIAL], name="sequential")
DELTA_MAPS: dict[str, Colormap] = {name: ListedColormap(colours, name=name) for name, colours in DELTA_COLOURS.items()}


@contextmanager
def _print_settings() -> Iterator[None]:
    """Set matplotlib to ``STYLE`` and restore its settings, in one thread at a time: they are the whole process's."""
    with _SETTINGS_LOCK, matplotlib.rc_context(STYLE):
        yield


@contextmanager
def print_figure(
    height_inches: float, width_inches: float = WIDTH_INCHES, *, layout: str = "constrained"
) -> Iterator[Figure]:
    """Yield an empty figure in the style of all printed figures, within matplotlib's settings for it.

    The settings are restored afterwards; figures of other threads wait until then. ``layout`` "compressed" suits one
    grid of pictures.
    """
    with _print_settings():
        figure = Figure(figsize=(width_inches, height_inches), layout=layout)
        figure.get_layout_engine().set(w_pad=0.02, h_pad=0.02, wspace=0.0, hspace=0.0)
        yield figure


def save_figure(
    figure: Figure,
    folder: Path,
    name: str,
    caption: str,
    formats: Sequence[str] = FORMATS,
    dpi: int | None = None,
    more_pages: Sequence[Figure] = (),
) -> list[Path]:
    """Write a figure in several formats, and its caption beside it.

    Within one version the same figure gives the same bytes: no dates, no random ids.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Its layout is computed once and fixed.
    folder : Path
        Created where it does not exist.
    name : str
        Of the files, without ending.
    caption : str
        Markdown, written as ``name``.md.
    formats : sequence of str
        Some of ``FORMATS``.
    dpi : int, optional
        Dots per inch of pictures; default: ``DOTS_PER_INCH``.
    more_pages : sequence of matplotlib.figure.Figure
        Further pages of the PDF; in other formats each is a file of its own, ``name``-2 and so on.

    Returns
    -------
    list of Path
        The files in the order of ``formats``, each with its further pages, then the caption.
    """
    folder.mkdir(parents=True, exist_ok=True)
    pages, paths = [figure, *more_pages], []
    with _print_settings():
        for page in pages:
            page.draw_without_rendering()  # lays the figure out, once for all formats
            page.set_layout_engine("none")
            round_positions(page)
        for ending in formats:
            about = {"dpi": dpi or DOTS_PER_INCH, "metadata": _NO_DATE[ending]}
            if ending == "pdf" and more_pages:
                paths.append(folder / f"{name}.pdf")
                with PdfPages(paths[-1], metadata=_NO_DATE["pdf"]) as file:
                    for page in pages:
                        file.savefig(page, dpi=about["dpi"])
                continue
            for number, page in enumerate(pages, 1):
                paths.append(folder / (f"{name}.{ending}" if number == 1 else f"{name}-{number}.{ending}"))
                page.savefig(paths[-1], **about)
    caption_path = folder / f"{name}.md"
    caption_path.write_text(caption.rstrip() + "\n", encoding="utf-8")
    return [*paths, caption_path]


def round_positions(figure: Figure) -> None:
    """Round the positions of all panels, whose last digits differ from one solution of the layout to the next."""
    for part in figure.subfigs:
        _settle_block(part)
    for axes in figure.axes:
        axes.set_position(np.round(axes.get_position(original=True).bounds, POSITION_DIGITS))


def _settle_block(block: SubFigure) -> None:
    block.bbox_relative.set_points(np.round(block.bbox_relative.get_points(), POSITION_DIGITS))
    for part in block.subfigs:
        _settle_block(part)


def draw_image(
    axes: Axes,
    values: NDArray[Any] | None,
    *,
    colours: Colormap | None = None,
    limits: tuple[float, float] = (0.0, 1.0),
    frame_px: tuple[int, int] | None = None,
) -> None:
    """Draw a photograph or a map without axes.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Where it is drawn.
    values : ndarray, (y, x, 3), (y, x, 4) or (y, x), or None
        A photograph or a map; None is drawn as "n/a".
    colours : Colormap, optional
        For a map.
    limits : tuple of two float
        Values at the ends of ``colours``.
    frame_px : tuple of two int, optional
        Height and width over which a map of fewer cells is stretched; its cells stay visible. Default: its own size.
    """
    axes.set(xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set_visible(False)
    if values is None:
        axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
        axes.text(0.5, 0.5, "n/a", ha="center", va="center", color="#8a8a8a")
        return
    height, width = frame_px or values.shape[:2]
    axes.imshow(
        values,
        cmap=colours,
        norm=None if colours is None else Normalize(*limits),
        extent=(0, width, height, 0),
        interpolation="none",
    )


def colour_bar(
    axes: Axes,
    colours: Colormap,
    limits: tuple[float, float],
    label: str,
    *,
    size: float = 6.0,
    ends_only: bool = False,
) -> None:
    """Draw a horizontal colour bar that fills ``axes``.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Filled by the bar.
    colours : Colormap
        Colours of the bar.
    limits : tuple of two float
        Values at its ends.
    label : str
        Quantity and unit.
    size : float
        Font size of label and ticks, in points.
    ends_only : bool
        Whether the ends alone have ticks, for a narrow bar.
    """
    scale = ScalarMappable(Normalize(*limits), colours)
    bar = axes.figure.colorbar(scale, cax=axes, orientation="horizontal")
    bar.solids.set_rasterized(True)
    bar.outline.set_visible(False)
    bar.ax.tick_params(length=2, pad=1, labelsize=size)
    if ends_only:
        bar.set_ticks(limits, labels=[f"{end:.2g}" for end in limits])
        first, last = bar.ax.get_xticklabels()
        first.set_horizontalalignment("left")
        last.set_horizontalalignment("right")
    else:
        bar.ax.locator_params(nbins=3)
    bar.set_label(label, labelpad=1, fontsize=size)


def finite_upper_limit(*maps: NDArray[np.floating] | None, percentile: float = 99.5) -> float:
    """Return the ``percentile`` of the finite values of all ``maps`` together; 1.0 where that is not above 0."""
    together = _finite(maps)
    end = float(np.percentile(together, percentile)) if together.size else 0.0
    return end if end > 0 else 1.0


def finite_limits(*maps: NDArray[np.floating] | None, percentile: float = 99.5) -> tuple[float, float]:
    """Return the ``percentile`` of the finite values of all ``maps`` together, from below and from above.

    Where both are equal, the limits are half a unit to either side.
    """
    together = _finite(maps)
    low, high = np.percentile(together, (100 - percentile, percentile)).tolist() if together.size else (0.0, 1.0)
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _finite(maps: Sequence[NDArray[np.floating] | None]) -> NDArray[np.floating]:
    values = [np.asarray(one)[np.isfinite(one)] for one in maps if one is not None]
    return np.concatenate(values) if values else np.empty(0)
