"""All kinds of figures by name: read from a file, drawn from a source, written with all that belongs to them."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import gala_viz
from gala_viz.plots.figures.specs.comparison_spec import ComparisonSpec, draw_comparison
from gala_viz.plots.figures.specs.figure_result import FigureResult, ProgressCallback, ignore_progress
from gala_viz.plots.figures.specs.figure_spec import FIGURE_FORMAT, FigureSpec
from gala_viz.plots.figures.specs.grid_spec import GridSpec, draw_grid
from gala_viz.plots.figures.specs.layers_spec import LayersSpec, draw_layers
from gala_viz.plots.figures.specs.network_sources import reopened
from gala_viz.plots.figures.specs.people_spec import PeopleSpec, draw_people
from gala_viz.plots.figures.specs.scatter_spec import ScatterSpec, draw_scatter
from gala_viz.plots.figures.specs.table_spec import TableSpec, draw_table
from gala_viz.registry import Registry
from gala_viz.specs import map_request_from_settings, read_settings, spec_from_settings
from gala_viz.store.source import MapSource

DEFAULT_KIND = "comparison"
"""Kind of a file that names none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FigureKind:
    """A kind of figure: the class of its specs, and the function that draws it.

    Parameters
    ----------
    spec : type of FigureSpec
        Its ``kind`` is the name in ``KINDS``.
    draw : callable
        ``draw(source, spec, progress)`` returns a ``FigureResult``.
    needs_scores : bool
        Whether the figure shows scores of images; ``draw`` then also takes ``score_missing``, whether scores that are
        missing are computed.
    """

    spec: type[FigureSpec]
    draw: Callable[..., FigureResult]
    needs_scores: bool = False


KINDS: Registry[FigureKind] = Registry(
    "kind of figure",
    {
        "comparison": FigureKind(spec=ComparisonSpec, draw=draw_comparison),
        "grid": FigureKind(spec=GridSpec, draw=draw_grid),
        "people": FigureKind(spec=PeopleSpec, draw=draw_people),
        "layers": FigureKind(spec=LayersSpec, draw=draw_layers),
        "scatter": FigureKind(spec=ScatterSpec, draw=draw_scatter, needs_scores=True),
        "table": FigureKind(spec=TableSpec, draw=draw_table, needs_scores=True),
    },
)


def read_figure_spec(path: str | Path, *, tell: Callable[[str], None] | None = None) -> FigureSpec:
    """Read the spec in a figure's JSON file.

    Within one version of gala_viz a figure is drawn again to the same bytes.

    Parameters
    ----------
    path : str or Path
        A file that ``write_figure`` or a page wrote, or one written by hand.
    tell : callable, optional
        Called with a sentence where the file was written by another version, or names none; default: a
        ``UserWarning``.

    Returns
    -------
    FigureSpec
        Of the kind that the file names.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    ValueError
        The file is no figure.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import gala_viz as gv
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "figure.json"
    >>> gv.TableSpec(rows=("rho",)).save(path)
    >>> gv.read_figure_spec(path).rows
    ('rho',)
    """
    path = Path(path).expanduser()
    content = read_settings(path, "figure", FIGURE_FORMAT, "a figure's JSON file was expected.")
    version = content.pop("version", None)
    try:
        kind = KINDS[content.pop("kind", DEFAULT_KIND)]
        spec = spec_from_settings(
            kind.spec, {**content, "request": map_request_from_settings(content.pop("request", {}))}
        )
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise ValueError(f"{path} is no figure: {error}") from None
    if version != gala_viz.__version__:
        writer = "an earlier version, which it does not name," if version is None else f"version {str(version)[:40]}"
        sentence = (
            f"{path} was written by {writer} of gala_viz and is drawn by version {gala_viz.__version__}: "
            "pixels, bytes and last digits may differ from the figure beside it."
        )
        warnings.warn(sentence, stacklevel=2) if tell is None else tell(sentence)
    return spec


def draw_figure(
    source: MapSource, spec: FigureSpec, *, progress: ProgressCallback = ignore_progress, survey: bool = True
) -> FigureResult:
    """Draw a figure, with its caption and data.

    Parameters
    ----------
    source : MapSource
        Maps that it does not have at hand are computed.
    spec : FigureSpec
        Kind of figure, images and settings.
    progress : callable
        Called as ``progress(done, total)``.
    survey : bool
        Whether scores that are missing are computed, for figures of scores; without it these show the images that have
        scores, and say how many.

    Returns
    -------
    FigureResult
        The matplotlib figure, caption, maps, table, texts.

    Raises
    ------
    UnknownNameError
        The source does not know a name; the message offers the nearest.
    ValueError
        The figure cannot be drawn.

    Examples
    --------
    >>> import gala_viz as gv
    >>> source = gv.open_source("photos", device="cpu")  # doctest: +SKIP
    >>> gv.draw_figure(source, gv.LayersSpec(images=source.images[:1])).caption  # doctest: +SKIP
    """
    kind = KINDS[spec.kind]
    return kind.draw(source, spec, progress, **({"score_missing": survey} if kind.needs_scores else {}))


def write_figure(
    source: MapSource,
    spec: FigureSpec,
    folder: str | Path,
    name: str = "figure",
    *,
    progress: ProgressCallback = ignore_progress,
    survey: bool = True,
) -> list[Path]:
    """Draw a figure and write its files: PNG, SVG, PDF, caption, data, and the JSON that draws it again.

    Where ``spec`` does not say it, the JSON file tells by what collection, store and networks of ``source`` were
    opened. A ``UserWarning`` names those that only a program has.

    Parameters
    ----------
    source : MapSource
        As for ``draw_figure``.
    spec : FigureSpec
        As for ``draw_figure``.
    folder : str or Path
        Created where it does not exist.
    name : str
        Of the files, without ending.
    progress : callable
        As for ``draw_figure``.
    survey : bool
        As for ``draw_figure``.

    Returns
    -------
    list of Path
        The files written.

    Raises
    ------
    UnknownNameError, ValueError
        As for ``draw_figure``.

    Examples
    --------
    >>> import gala_viz as gv
    >>> source = gv.open_source("photos", device="cpu")  # doctest: +SKIP
    >>> gv.write_figure(source, gv.LayersSpec(images=source.images[:1]), "figures")  # doctest: +SKIP
    """
    spec = reopened(source, spec)
    return draw_figure(source, spec, progress=progress, survey=survey).write(spec, Path(folder), name)
