"""Figure 2: image by image, what people marked, what networks rely on, how they differ, and where they attend."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from textwrap import fill

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from gala_viz.plots.figures.print_style import (
    DELTA_MAPS,
    SEQUENTIAL_MAP,
    WIDTH_INCHES,
    colour_bar,
    draw_image,
    finite_upper_limit,
    print_figure,
)
from gala_viz.registry import UnknownNameError, unknown_name

Map = NDArray[np.floating] | None
ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth")
"""Names of the columns with the networks' maps, in their order."""
MAX_HEADING_LETTERS = 18
"""Most letters in a line over a column; longer names of networks continue below, as words do over narrow columns."""
LETTER_WIDTH = 0.58
"""Width of a letter of the figures' font, as a share of its size."""
RELIABILITY_TEXT = (
    "In each delta stands its reliability: the correlation of the deltas of even and odd samples over pixels, brought "
    "to all samples (Spearman-Brown); below 0.5 it is mostly noise."
)
PEOPLE, MAPS, DELTA, NORM = "people", "maps", "delta", "_norm"
_DIVIDED = (
    (PEOPLE, "each human map", "its largest value"),
    (MAPS, "each {method} map", "the 99th percentile of its own values"),
)
"""Kind of column, what it shows (of which attribution method), and by what that is divided."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ComparisonRow:
    """One row: the photograph ``view`` (y, x, 3) uint8, people's map, and the networks' saliency maps and norms.

    Maps are (y, x) over the same frame, at any resolution, in their own units. ``deltas`` are those of each network
    after the first, minus the first, of normalised maps; ``delta_texts`` are written into them. None stands for what is
    not known.
    """

    title: str
    view: NDArray[np.uint8]
    human_map: Map
    maps: Sequence[Map]
    deltas: Sequence[Map]
    norms: Sequence[Map]
    delta_texts: Sequence[str] = ()


def column_names(n_networks: int = 2) -> tuple[str, ...]:
    """Return what may stand side by side, in the order of the published figure.

    The delta of the second network is "delta", that of the third "third_delta".
    """
    places = ORDINALS[:n_networks]
    deltas = (DELTA, *(f"{place}_{DELTA}" for place in places[2:]))
    return ("image", "people", *places, *deltas, *(place + NORM for place in places))


def column_kinds(columns: Sequence[str]) -> set[str]:
    """Return what ``columns`` show beside photographs: some of ``PEOPLE``, ``MAPS``, ``DELTA`` and ``NORM``."""
    kinds = {_kind(name) for name in columns} - {None}
    return {NORM if str(kind).endswith(NORM) else str(kind) for kind in kinds}


def colour_scales_text(
    columns: Sequence[str],
    n_networks: int = 2,
    network_titles: Sequence[str] = (),
    *,
    method_title: str = "SmoothGrad",
) -> str:
    """Return what the colours of a figure stand for, for its caption.

    Parameters
    ----------
    columns : sequence of str
        Some of ``column_names``.
    n_networks : int
        Number of networks.
    network_titles : sequence of str
        With them the sides of the delta are told by name.
    method_title : str
        Attribution method of the maps.

    Returns
    -------
    str
        Sentences; "" where there are photographs alone.
    """
    kinds, two = column_kinds(columns), n_networks == 2
    divided = [(what.format(method=method_title), by) for kind, what, by in _DIVIDED if kind in kinds]
    sentences = []
    if divided:
        texts = [f"{what}{' is divided' * (number == 0)} by {by}" for number, (what, by) in enumerate(divided)]
        listed = ", and ".join([", ".join(texts[:-1]), texts[-1]] if len(texts) > 1 else texts)
        together = f" and for {'both' if two else 'all'} {method_title} columns" if MAPS in kinds else ""
        sentences.append(f"{listed}; after that one scale holds for all rows of a column{together}.")
    if NORM in kinds:
        sentences.append(
            "Attention norms are drawn as they are, on one scale for all networks and rows, from 0 to the 99.5th "
            "percentile of all their values here."
        )
    if kinds:
        sentences.append("Values beyond a bar's end are drawn in its last colour.")
    if DELTA in kinds:
        sentences.append(
            f"{'The' if two else 'Each'} delta's scale is symmetric about 0: red where "
            f"{_other_network(network_titles, two)} relies more, blue where "
            f"{network_titles[0] if network_titles else 'the first'} does."
        )
    return f"Colour scales: {' '.join(sentences)}" if sentences else ""


def _other_network(network_titles: Sequence[str], two: bool) -> str:
    """Return how the network on the red side of a delta is called."""
    return network_titles[1] if two and network_titles else f"the {'second' if two else 'other'} network"


def comparison_figure(
    rows: Sequence[ComparisonRow],
    network_titles: Sequence[str],
    layer: str,
    people_label: str = "people",
    *,
    columns: Sequence[str] | None = None,
    method_title: str = "SmoothGrad",
    map_titles: Sequence[str] = (),
    sides: Sequence[str] = (),
    second_layer: str | None = None,
    width_inches: float = WIDTH_INCHES,
    delta_colours: str = "default",
) -> Figure:
    """Draw figure 2: a row for each image, with its maps of two or more networks side by side.

    Parameters
    ----------
    rows : sequence of ComparisonRow
        One for each image.
    network_titles : sequence of str
        Names of the networks.
    layer : str
        Layer of the attention norms, for the label of their colour bars.
    people_label : str
        Heading of the column of human maps; it must say when they are simulated.
    columns : sequence of str, optional
        Some of ``column_names``, in the order in which they are drawn; default: all.
    method_title : str
        Attribution method of the maps.
    map_titles : sequence of str
        What stands over each network's map in place of the method, where two maps are made otherwise.
    sides : sequence of str
        What the delta's sides are called in place of the networks' names.
    second_layer : str, optional
        Layer of the second network's attention norms; default: ``layer``.
    width_inches : float
        Of the figure.
    delta_colours : {"default", "paper"}
        Name in ``gala_viz.plots.colour_maps.DELTA_COLOURS``; with "paper" the delta's colour bar tells by name which
        network is red and which blue.

    Returns
    -------
    matplotlib.figure.Figure
        The figure; ``colour_scales_text`` explains its colours.

    Raises
    ------
    UnknownNameError
        A column is none of ``column_names``, or no colours have this name.
    ValueError
        ``columns`` are empty, or one stands twice.

    References
    ----------
    Linsley et al. 2019, figure 2.
    """
    names = column_names(len(network_titles))
    columns = names if columns is None else columns
    check_columns(columns, len(network_titles))
    check_delta_colours(delta_colours)
    delta_map = DELTA_MAPS[delta_colours]
    scaled = [_scaled(row) for row in rows]
    norms = [name for name in names if name.endswith(NORM)]
    ends = {
        "people": (0.0, 1.0),
        "maps": (0.0, 1.0),
        **dict.fromkeys(norms, (0.0, finite_upper_limit(*(one[name] for one in scaled for name in norms)))),
    }
    drawn = [name for name in names if _kind(name) == DELTA and (name in columns or len(network_titles) == 2)]
    end = finite_upper_limit(*(None if one[name] is None else np.abs(one[name]) for one in scaled for name in drawn))
    ends[DELTA] = (-end, end)
    count, width = max(1, len(rows)), len(columns)
    cell = width_inches / max(width, 3)
    size = float(np.clip(6.5 * cell, 4.5, 6.0))
    letters = max(6, int((cell - 0.06) * 72 / (size * LETTER_WIDTH)))
    of_maps = map_titles or [method_title] * len(network_titles)
    headings = dict(zip(names, _headings(network_titles, people_label, of_maps, letters), strict=True))
    labels = {
        "people": "marks / largest",
        "maps": f"{method_title} / its 99th percentile",
        DELTA: "difference" if delta_colours == "default" else _sides_text(sides or network_titles),
        **dict.fromkeys(norms, f"norm of {layer}"),
    }
    if second_layer is not None:
        labels[norms[1]] = f"norm of {second_layer}"
    runs = [(kind, start, stop, fill(labels[kind], letters * (stop - start))) for kind, start, stop in _runs(columns)]
    extra = max(0, max(headings[name].count("\n") for name in columns) - 1)
    extra += max((label.count("\n") for *_, label in runs), default=0)
    height = 0.55 + count * (cell - 0.06) + 1.3 * size / 72 * extra
    of_delta = [name for name in names if _kind(name) == DELTA]
    texts = [dict(zip(of_delta, row.delta_texts, strict=False)) for row in rows]
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
                kind = _kind(name)
                colours = None if kind is None else delta_map if kind == DELTA else SEQUENTIAL_MAP
                frame = rows[line].view.shape[:2]
                draw_image(axes, scaled[line][name], colours=colours, limits=ends.get(kind, (0, 1)), frame_px=frame)
                if kind == DELTA:
                    _write_below(axes, texts[line].get(name, ""), size)
                if at == 0:
                    axes.set_ylabel(rows[line].title, fontsize=6, labelpad=2)
        for kind, start, stop, label in runs:
            colours = delta_map if kind == DELTA else SEQUENTIAL_MAP
            colour_bar(figure.add_subplot(grid[-1, start:stop]), colours, ends[kind], label, size=size)
    return figure


def _write_below(axes: Axes, text: str, size: float) -> None:
    """Write a short text at the lower edge of a picture."""
    box = {"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 0.6}
    axes.text(0.02, 0.02, text, transform=axes.transAxes, fontsize=0.75 * size, va="bottom", bbox=box if text else None)


def _sides_text(network_titles: Sequence[str]) -> str:
    """Return the label of a delta's colour bar that tells which network is on which side."""
    other = network_titles[1] if len(network_titles) == 2 else "the other"
    return f"blue: {network_titles[0]} larger, red: {other} larger"


def check_delta_colours(name: object) -> None:
    """Raise ``UnknownNameError``, with the nearest, unless ``name`` is one of ``DELTA_COLOURS``."""
    if not isinstance(name, str) or name not in DELTA_MAPS:
        raise UnknownNameError(unknown_name("set of delta colours", str(name), list(DELTA_MAPS)))


def check_columns(columns: Sequence[str], n_networks: int = 2) -> None:
    """Raise ``UnknownNameError`` for a column not of ``column_names``, ``ValueError`` for none or one twice."""
    known = column_names(n_networks)
    for name in columns:
        if name not in known:
            more = name in column_names(len(ORDINALS))
            hint = f" Columns of a {name.split('_')[0]} network need `networks`, all of them by name." if more else ""
            raise UnknownNameError(unknown_name("column", name, list(known)) + hint)
    if not columns or len(set(columns)) != len(columns):
        raise ValueError(f"columns are one or more of {', '.join(known)}, each once; got {', '.join(columns)}.")


def _kind(name: str) -> str | None:
    """Return the kind of a column, None for photographs; columns of one kind share a colour scale."""
    if name in ORDINALS:
        return MAPS
    return None if name == "image" else DELTA if name.endswith(DELTA) else name


def _headings(networks: Sequence[str], people: str, methods: Sequence[str], letters: int) -> tuple[str, ...]:
    names = tuple(fill(name, min(MAX_HEADING_LETTERS, letters)) for name in networks)
    people = "\n".join(fill(line, letters) for line in people.split("\n"))
    maps, norms = (
        tuple(f"{fill(what, letters)}\n{name}" for what, name in zip(of, names, strict=True))
        for of in (methods, ["attention norm"] * len(names))
    )
    deltas = ("delta",) if len(names) == 2 else tuple(f"{name}\nminus {names[0]}" for name in names[1:])
    return ("image", people, *maps, *deltas, *norms)


def _runs(columns: Sequence[str]) -> Iterator[tuple[str, int, int]]:
    """Yield (kind, first, last + 1) of neighbouring columns of one kind: each such run has one colour bar."""
    at = 0
    for kind, run in groupby(columns, key=_kind):
        count = len(list(run))
        if kind is not None:
            yield kind, at, at + count
        at += count


def nonempty_columns(rows: Sequence[ComparisonRow]) -> tuple[str, ...]:
    """Return those of ``column_names`` that are not empty in all rows, without deltas of more than two networks."""
    values, n_networks = [_values(row) for row in rows], len(rows[0].maps) if rows else 2
    return tuple(
        name
        for name in column_names(n_networks)
        if any(one[name] is not None for one in values) and (n_networks == 2 or _kind(name) != DELTA)
    )


def _values(row: ComparisonRow) -> dict[str, NDArray | None]:
    parts = (row.view, row.human_map, *row.maps, *row.deltas, *row.norms)
    return dict(zip(column_names(len(row.maps)), parts, strict=True))


def _scaled(row: ComparisonRow) -> dict[str, NDArray | None]:
    divisors = {"people": "largest", "maps": "percentile"}
    return {name: _over(values, divisors.get(_kind(name) or "")) for name, values in _values(row).items()}


def _over(values: Map, what: str | None) -> Map:
    """Divide ``values`` by their ``what``, if any; where that is not above 0, return zeros."""
    if values is None or what is None:
        return values
    finite = np.nan_to_num(np.asarray(values, dtype=np.float64))
    scale = {
        "largest": finite.max,
        "percentile": lambda: np.percentile(np.abs(finite), 99),
    }[what]()
    return np.asarray(values) / scale if scale > 0 else np.zeros(finite.shape)
