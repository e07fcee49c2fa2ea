"""A table of texts for print: drawn with three rules, and the same cells as Markdown and as LaTeX (booktabs)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from textwrap import fill

import numpy as np
from matplotlib.figure import Figure

from gala_viz.plots.figures.print_style import WIDTH_INCHES, print_figure

FONT_PT, MIN_PT = 7.0, 4.5
MINUS = re.compile(r"(?<![\w-])-(?=\d)")
GAP_LETTERS = 2
"""Gap between two columns, in letters."""
LETTER_WIDTH = 0.56
"""Width of a letter of the figures' font, as a share of its size: columns are laid out by it, not by drawn letters."""
MAX_HEAD_LETTERS = 16
"""Letters in a line of a column's head, at most; longer names continue below."""
LINE_SPACING = 1.45
_LATEX = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "–": "--", "ρ": r"$\rho$"}
_LATEX |= {sign: f"\\{sign}" for sign in "&%$#_{}"}


def table_figure(head: Sequence[str], rows: Sequence[Sequence[str]], *, width_inches: float = WIDTH_INCHES) -> Figure:
    """Draw ``rows`` of cells below their ``head``; the first column is aligned left, the others right.

    Where the cells are too wide for the page, their second half (an interval in brackets) goes on a line below. If they
    are still too wide, the font shrinks, to ``MIN_PT`` at least.
    """
    cells = _wrapped(head, rows, stacked=False)
    room = width_inches * 72
    if _letters(cells).sum() * LETTER_WIDTH * FONT_PT > room:
        cells = _wrapped(head, rows, stacked=True)
    letters = _letters(cells)
    size = float(np.clip(room / (letters.sum() * LETTER_WIDTH), MIN_PT, FONT_PT))
    lines = [max(cell.count("\n") + 1 for cell in row) for row in cells]
    heights = (np.array(lines, dtype=float) * 1.25 + LINE_SPACING - 1.25) * size / 72
    total = float(heights.sum()) + 0.12
    with print_figure(total, width_inches) as figure:
        figure.set_layout_engine("none")
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set(xlim=(0, 1), ylim=(total, 0))
        axes.set_axis_off()
        ends = np.cumsum(letters) / letters.sum()
        pad = GAP_LETTERS / 2 / letters.sum()
        y = 0.06
        axes.hlines(y, 0, 1, color="black", linewidth=1.0)
        for number, (row, height) in enumerate(zip(cells, heights, strict=True)):
            for column, cell in enumerate(row):
                x, side = (pad, "left") if column == 0 else (ends[column] - pad, "right")
                axes.text(x, y + height / 2, cell, fontsize=size, ha=side, va="center", multialignment=side)
            y += float(height)
            if number == 0:
                axes.hlines(y, 0, 1, color="black", linewidth=0.6)
        axes.hlines(y, 0, 1, color="black", linewidth=1.0)
    return figure


def markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return the cells of ``table_figure`` as a Markdown table."""
    lines = [list(head), ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(_plain(cell).replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


def latex_table(head: Sequence[str], rows: Sequence[Sequence[str]], caption: str, label: str) -> str:
    """Return the cells of ``table_figure`` as a LaTeX table with the rules of booktabs.

    Parameters
    ----------
    head : sequence of str
        Cells of the head.
    rows : sequence of sequence of str
        Cells of each row.
    caption : str
        Above the table.
    label : str
        By which a document refers to the table; it is not escaped.

    Returns
    -------
    str
        The source of a ``table``; LaTeX's special characters in cells and caption are escaped.
    """
    body = [" & ".join(latex_text(_plain(cell)) for cell in row) + r" \\" for row in rows]
    return "\n".join(
        [
            r"% \usepackage{booktabs}",
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{latex_text(caption)}}}",
            rf"\label{{{label}}}",
            rf"\begin{{tabular}}{{l{'r' * (len(head) - 1)}}}",
            r"\toprule",
            " & ".join(latex_text(_plain(cell)) for cell in head) + r" \\",
            r"\midrule",
            *body,
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
            "",
        ]
    )


def latex_text(text: str) -> str:
    """Return ``text`` with LaTeX's special characters escaped, and minus signs as such."""
    return MINUS.sub("$-$", "".join(_LATEX.get(letter, letter) for letter in text))


def _plain(cell: str) -> str:
    return cell.replace("\n", " ")


def _wrapped(head: Sequence[str], rows: Sequence[Sequence[str]], *, stacked: bool) -> list[list[str]]:
    """Return head and rows with long names on several lines; ``stacked`` puts brackets on a line of their own."""
    first = [fill(head[0], MAX_HEAD_LETTERS), *(fill(cell, MAX_HEAD_LETTERS) for cell in head[1:])]
    body = [[fill(row[0], 22 if stacked else 40), *(MINUS.sub("−", cell) for cell in row[1:])] for row in rows]
    if stacked:
        body = [[row[0], *(cell.replace(" [", "\n[") for cell in row[1:])] for row in body]
    return [first, *body]


def _letters(cells: Sequence[Sequence[str]]) -> np.ndarray:
    """Return the width of each column in letters, with the gap to the next one."""
    widths = [[max(map(len, cell.split("\n"))) for cell in row] for row in cells]
    return np.max(widths, axis=0) + float(GAP_LETTERS)
