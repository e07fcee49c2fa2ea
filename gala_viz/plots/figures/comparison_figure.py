"""Figure 2: image by image, what people marked, what two networks rely on, how they differ, and where they attend."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from textwrap import fill

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from gala_viz.plots.figures.print_style import (
    DIVERGING_MAP,
    SEQUENTIAL_MAP,
    WIDTH_INCHES,
    colour_bar,
    draw_image,
    finite_limits,
    finite_upper_limit,
    print_figure,
)
from gala_viz.registry import UnknownNameError, unknown_name

Map = NDArray[np.floating] | None
COLOUR_SCALES_TEXT = (
    "Colour scales: each human map is divided by its largest value, each SmoothGrad map by the 99th percentile of its "
    "own values, and each attention norm by its root mean square over the image (1 everywhere: no preference); after "
    "that one scale holds for all rows of a column and for both SmoothGrad columns. Attention norms have a scale for "
    "each network, from its smallest to its largest value: compare their places by the colours and their strength by "
    "the bars. Values beyond a bar's end are drawn in its last colour. The delta's scale is symmetric about 0: red "
    "where the second network relies more, blue where the first does."
)
"""What the colours stand for, for the caption."""
COLUMNS = ("image", "people", "first", "second", "delta", "first_norm", "second_norm")
"""What may stand side by side, in the order of the published figure."""
MAX_HEADING_LETTERS = 18
"""Most letters in a line over a column; longer names of networks continue below, as words do over narrow columns."""
LETTER_WIDTH = 0.58
"""Width of a letter of the figures' font, as a share of its size."""
_KIND = {"people": "people", "first": "maps", "second": "maps", "delta": "delta"}
_KIND |= {name: name for name in ("first_norm", "second_norm")}
"""Columns of one kind share a colour scale."""
_DIVISORS = {"people": "largest", "maps": "percentile", "first_norm": "rms", "second_norm": "rms"}


@dataclass(frozen=True, kw_only=True, eq=False)
class ComparisonRow:
    """One row: the photograph ``view`` (y, x, 3) uint8, people's map, two SmoothGrad maps, their delta, two norms.

    Maps are (y, x) over the same frame, at any resolution, in their own units; the delta is of normalised maps. None
    stands for what is not known.
    """

    title: str
    view: NDArray[np.uint8]
    human_map: Map
    first: Map
    second: Map
    delta: Map
    first_norm: Map
    second_norm: Map


def comparison_figure(
    rows: Sequence[ComparisonRow],
    network_titles: tuple[str, str],
    layer: str,
    people_label: str = "people",
    *,
    columns: Sequence[str] = COLUMNS,
    method_title: str = "SmoothGrad",
    width_inches: float = WIDTH_INCHES,
) -> Figure:
    """Draw figure 2: a row for each image, with its maps of two networks side by side.

    Parameters
    ----------
    rows : sequence of ComparisonRow
        One for each image.
    network_titles : tuple of two str
        Names of the first and the second network.
    layer : str
        Layer of the attention norms, for the label of their colour bars.
    people_label : str
        Heading of the column of human maps; it must say when they are simulated.
    columns : sequence of str
        Some of ``COLUMNS``, in the order in which they are drawn.
    method_title : str
        Attribution method of the maps.
    width_inches : float
        Of the figure.

    Returns
    -------
    matplotlib.figure.Figure
        The figure; ``COLOUR_SCALES_TEXT`` explains its colours.

    Raises
    ------
    UnknownNameError
        A column is none of ``COLUMNS``.
    ValueError
        ``columns`` are empty, or one stands twice.

    References
    ----------
    Linsley et al. 2019, figure 2.
    """
    check_columns(columns)
    scaled = [_scaled(row) for row in rows]
    ends = {
        "people": (0.0, 1.0),
        "maps": (0.0, 1.0),
        "delta": (-1.0, 1.0),
        **{name: finite_limits(*(one[name] for one in scaled)) for name in ("first_norm", "second_norm")},
    }
    end = finite_upper_limit(*(None if row.delta is None else np.abs(row.delta) for row in rows))
    ends["delta"] = (-end, end)
    count, width = max(1, len(rows)), len(columns)
    cell = width_inches / max(width, 3)
    size = float(np.clip(6.5 * cell, 4.5, 6.0))
    letters = max(6, int((cell - 0.06) * 72 / (size * LETTER_WIDTH)))
    headings = dict(zip(COLUMNS, _headings(network_titles, people_label, method_title, letters), strict=True))
    labels = {
        "people": "marks / largest",
        "maps": f"{method_title} / its 99th percentile",
        "delta": "difference",
        **dict.fromkeys(("first_norm", "second_norm"), f"norm of {layer} / its RMS"),
    }
    runs = [(kind, start, stop, fill(labels[kind], letters * (stop - start))) for kind, start, stop in _runs(columns)]
    extra = max(0, max(headings[name].count("\n") for name in columns) - 1)
    extra += max((label.count("\n") for *_, label in runs), default=0)
    height = 0.55 + count * (cell - 0.06) + 1.3 * size / 72 * extra
    with print_figure(height, width_inches, layout="compressed") as figure:
        grid = figure.add_gridspec(count + 1, width, height_ratios=[*[1] * count, 0.05], hspace=0, wspace=0)
        for at, name in enumerate(columns):
            for line in range(count):
                axes = figure.add_subplot(grid[line, at])
                if line == 0:
                    axes.set_title(headings[name], fontsize=size, pad=3)
                if line >= len(rows):
                    draw_image(axes, None)
                    continue
                kind = _KIND.get(name)
                colours = None if kind is None else DIVERGING_MAP if kind == "delta" else SEQUENTIAL_MAP
                frame = rows[line].view.shape[:2]
                draw_image(axes, scaled[line][name], colours=colours, limits=ends.get(kind, (0, 1)), frame_px=frame)
                if at == 0:
                    axes.set_ylabel(rows[line].title, fontsize=6, labelpad=2)
        for kind, start, stop, label in runs:
            colours = DIVERGING_MAP if kind == "delta" else SEQUENTIAL_MAP
            colour_bar(figure.add_subplot(grid[-1, start:stop]), colours, ends[kind], label, size=size)
    return figure


def check_columns(columns: Sequence[str]) -> None:
    """Raise ``UnknownNameError`` for a column that is none of ``COLUMNS``, ``ValueError`` for none or one twice."""
    for name in columns:
        if name not in COLUMNS:
            raise UnknownNameError(unknown_name("column", name, list(COLUMNS)))
    if not columns or len(set(columns)) != len(columns):
        raise ValueError(f"columns are one or more of {', '.join(COLUMNS)}, each once; got {', '.join(columns)}.")


def _headings(names: tuple[str, str], people: str, method: str, letters: int) -> tuple[str, ...]:
    names = tuple(fill(name, min(MAX_HEADING_LETTERS, letters)) for name in names)
    people = "\n".join(fill(line, letters) for line in people.split("\n"))
    maps, norms = (tuple(f"{fill(what, letters)}\n{name}" for name in names) for what in (method, "attention norm"))
    return ("image", people, *maps, "delta", *norms)


def _runs(columns: Sequence[str]) -> Iterator[tuple[str, int, int]]:
    """Yield (kind, first, last + 1) of neighbouring columns of one kind: each such run has one colour bar."""
    at = 0
    for kind, run in groupby(columns, key=_KIND.get):
        count = len(list(run))
        if kind is not None:
            yield kind, at, at + count
        at += count


def nonempty_columns(rows: Sequence[ComparisonRow]) -> tuple[str, ...]:
    """Return those of ``COLUMNS`` that are not empty in all rows."""
    values = [_values(row) for row in rows]
    return tuple(name for name in COLUMNS if any(one[name] is not None for one in values))


def _values(row: ComparisonRow) -> dict[str, NDArray | None]:
    parts = (row.view, row.human_map, row.first, row.second, row.delta, row.first_norm, row.second_norm)
    return dict(zip(COLUMNS, parts, strict=True))


def _scaled(row: ComparisonRow) -> dict[str, NDArray | None]:
    return {name: _over(values, _DIVISORS.get(_KIND.get(name))) for name, values in _values(row).items()}


def _over(values: Map, what: str | None) -> Map:
    """Divide ``values`` by their ``what``, if any; where that is not above 0, return zeros."""
    if values is None or what is None:
        return values
    finite = np.nan_to_num(np.asarray(values, dtype=np.float64))
    scale = {
        "largest": finite.max,
        "percentile": lambda: np.percentile(np.abs(finite), 99),
        "rms": lambda: np.sqrt(np.mean(finite**2)),
    }[what]()
    return np.asarray(values) / scale if scale > 0 else np.zeros(finite.shape)
