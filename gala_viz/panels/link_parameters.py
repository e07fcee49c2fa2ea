"""Names of the query parameters in links to the pages.

They outlive the code's own names: a link of today must open tomorrow. So no name ever gets another meaning; a change of
meaning raises ``page_state.LINK_FORMAT``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from gala_viz.panels.compare.brush_strokes import strokes_problem
from gala_viz.panels.compare.compare_view import CompareView
from gala_viz.panels.gallery.gallery import Gallery
from gala_viz.panels.gallery.selection_filter import SelectionFilter
from gala_viz.panels.network_pair import PLACES, PairChooser
from gala_viz.panels.page_state import LinkParameter, format_value
from gala_viz.panels.presenting.presentation import Presentation
from gala_viz.panels.presenting.stage import PANELS
from gala_viz.panels.view_state import AS_FIRST, AttributionSettings, CurrentImage, GridSettings, ScatterAxes
from gala_viz.plots.grid_columns import parse_columns
from gala_viz.plots.point_selection import selection_geometry
from gala_viz.registry import unknown_name
from gala_viz.store.source import MapSource

if TYPE_CHECKING:
    from gala_viz.panels.explore.explore_view import ExploreView  # which loads Datashader, for its own page alone
    from gala_viz.panels.grid.grid_view import GridView

SHARED_LINK_NAMES = frozenset(
    [
        "first",
        "second",
        "selection",
        "selected-x",
        "selected-y",
        "search",
        "in",
        "split",
        "verdict",
        "notes",
        "mapped",
        "sort",
        "descending",
        "learnt",
    ]
)
"""Names that mean the same on all pages: which networks, which images the gallery shows, in which order."""
MAP_LINK_NAMES = SHARED_LINK_NAMES | {
    "maps",
    "participant",
    "explain",
    "category",
    "method",
    "cam-layer",
    "n",
    "seed",
    "noise",
    "channels",
    "smoothing",
    "normalise",
    "columns",
    "size",
}
"""Names that mean the same on the comparison and on the grid: the settings of maps too, and the grid's own, which the
comparison keeps for the way back."""
VERSION_1_MAPS = {
    "channels": "absolute",
    "smoothing": "0",
    "normalise": "percentile",
    "scale": "shared",
    "opacity": "0.65",
    "threshold": "0",
    "colours": "Blue to yellow",
    "people": "overlay",
    "parts": "0",
    "within-error": "shown",
    "outlines": "0",
    "flicker": "0",
    "zoom": "",
    "erase-reveal": "0",
    "reveal-by": "people",
    "reveal-percent": "100",
    "erase": "0",
    "fill": "grey",
    "strokes": "",
    "maps": "",
    "participant": "",
    "layer": "",
    "second-layer": "",
    "second-method": "",
    "second-explain": "",
    "second-category": "0",
    "second-cam-layer": "",
    "category": "0",
    "present": "0",
    "panels": "photo,human,a,b,delta",
    "blink": "0",
    "columns": "",
    "size": "150",
}
VERSION_1_AXES = {"x": "rho:first", "y": "rho:second", "means": "0"}
VERSION_1_SHARED = {
    "selection": "",
    "selected-x": "",
    "selected-y": "",
    "search": "",
    "in": "",
    "split": "",
    "verdict": "any",
    "notes": "",
    "mapped": "0",
    "sort": "id",
    "descending": "1",
    "learnt": "1",
}
"""Values that links of version 1 leave out, because pages began with them then. These values are never changed; a new
name is added where pages of then behaved in another way than pages begin today."""
MAX_ZOOM_PX = 10_000
"""Largest coordinate of a link's zoom, in pixels of the frame; at larger ones the picture would be stripes."""


def compare_link_parameters(
    view: CompareView,
    presentation: Presentation,
    selection_filter: SelectionFilter,
    default_pair: Sequence[str] | None = None,
) -> dict[str, LinkParameter]:
    """Return the link parameters of the comparison: image, networks, maps, how they are drawn, gallery, stage.

    Parameters
    ----------
    view : CompareView
        What the links show.
    presentation : Presentation
        Its stage.
    selection_filter : SelectionFilter
        Its selection.
    default_pair : sequence of two str, optional
        Names of the networks of links that name none; default: those that the view shows.

    Returns
    -------
    dict of str to LinkParameter
        Name in links -> what it stands for.
    """
    source, shown, settings, looks = view.source, view.current, view.settings, view.display_settings
    assert source is not None, "the view is open"
    erased = view.erase_reveal.settings
    layers = view.layers.n_columns
    return {
        "image": _image(view.gallery, shown, view.source, first=view.first_image),
        **_pair_parameters(view.chooser, source, default_pair),
        "layer": LinkParameter(owner=shown, parameter="layer", push_history=True, refusal=_below(layers, "layers")),
        "second-layer": LinkParameter(
            owner=shown, parameter="second_layer", push_history=True, refusal=_below(layers, "layers")
        ),
        **_map_parameters(source, settings, shown),
        **_second_parameters(source, settings),
        "scale": LinkParameter(owner=looks, parameter="scale"),
        "opacity": LinkParameter(owner=looks, parameter="opacity"),
        "threshold": LinkParameter(owner=looks, parameter="threshold"),
        "colours": LinkParameter(owner=looks, parameter="palette"),
        "people": LinkParameter(owner=looks, parameter="human_style"),
        "within-error": LinkParameter(owner=looks, parameter="within_error"),
        "parts": LinkParameter(owner=looks, parameter="parts"),
        "outlines": LinkParameter(owner=looks, parameter="contours"),
        "flicker": LinkParameter(owner=view.display, parameter="flicker"),
        "zoom": LinkParameter(owner=view.display, parameter="zoom", refusal=_zoom),
        "erase-reveal": LinkParameter(owner=view.display, parameter="erase_reveal"),
        "reveal-by": LinkParameter(owner=erased, parameter="order"),
        "reveal-percent": LinkParameter(owner=erased, parameter="percent"),
        "erase": LinkParameter(owner=erased, parameter="erase"),
        "fill": LinkParameter(owner=erased, parameter="fill"),
        "strokes": LinkParameter(owner=shown, parameter="strokes", refusal=strokes_problem),
        "present": LinkParameter(owner=presentation, parameter="active", push_history=True),
        "panels": LinkParameter(owner=presentation, parameter="panels", refusal=_panels),
        "blink": LinkParameter(owner=presentation, parameter="blink"),
        **_grid_parameters(view.grid_settings, view.source),
        **_selection_parameters(selection_filter.axes),
        **_gallery_places(view.gallery),
    }


def compare_version_1_defaults(source: MapSource) -> dict[str, str]:
    """Return name -> text that links of version 1 to the comparison of ``source`` leave out."""
    request = source.request_version_1
    request_values = {
        "explain": request.target,
        "method": request.method,
        "cam-layer": request.cam_layer,
        "n": request.smoothgrad.n_samples,
        "seed": request.smoothgrad.seed,
        "noise": request.smoothgrad.noise_fraction,
    }
    image = {"image": source.images[0]} if source.images else {}
    return {
        **image,
        **VERSION_1_MAPS,
        **VERSION_1_SHARED,
        **{name: format_value(value) for name, value in request_values.items()},
    }


def explore_version_1_defaults(source: MapSource) -> dict[str, str]:
    """Return name -> text that links of version 1 to all images of ``source`` leave out."""
    return {**VERSION_1_AXES, **VERSION_1_SHARED}


VERSION_1_DEFAULTS = {
    "compare": compare_version_1_defaults,
    "explore": explore_version_1_defaults,
    "grid": lambda source: VERSION_1_SHARED,
}


def explore_link_parameters(view: ExploreView, default_pair: Sequence[str] | None = None) -> dict[str, LinkParameter]:
    """Return the link parameters of the exploration: image in view, networks, axes, selection, gallery.

    ``default_pair`` are the names of the networks of links that name none (default: those that the view shows).
    """
    axes = view.axes
    return {
        "image": _image(view.gallery, view.current),
        **_pair_parameters(view.chooser, view.source, default_pair),
        "x": LinkParameter(owner=axes, parameter="x", push_history=True),
        "y": LinkParameter(owner=axes, parameter="y", push_history=True),
        "means": LinkParameter(owner=axes, parameter="show_category_means"),
        **_selection_parameters(axes),
        **_gallery_places(view.gallery),
    }


def grid_link_parameters(view: GridView, default_pair: Sequence[str] | None = None) -> dict[str, LinkParameter]:
    """Return the link parameters of the grid: image in view, networks, columns, settings of the maps, gallery.

    ``default_pair`` are the names of the networks of links that name none (default: those that the view shows).
    """
    return {
        "image": _image(view.gallery, view.current),
        **_pair_parameters(view.chooser, view.source, default_pair),
        **_grid_parameters(view.grid_settings, view.source),
        **_map_parameters(view.source, view.settings, view.current),
        **_selection_parameters(view.selection_filter.axes),
        **_gallery_places(view.gallery),
    }


def _grid_parameters(settings: GridSettings, source: MapSource) -> dict[str, LinkParameter]:
    """Return the link parameters of the grid's columns, of which those that are there are shown, and pictures."""

    def refusal(text: str) -> str:
        try:
            parse_columns(text, source)
        except ValueError as error:
            return str(error)
        return ""

    def accepted(text: str) -> str | None:
        return ",".join(name for name in text.split(",") if name and not refusal(name)) or None

    return {
        "columns": LinkParameter(
            owner=settings, parameter="columns", push_history=True, refusal=refusal, accepted=accepted
        ),
        "size": LinkParameter(owner=settings, parameter="cell_px"),
    }


def _map_parameters(source: MapSource, settings: AttributionSettings, shown: CurrentImage) -> dict[str, LinkParameter]:
    """Return the link parameters of all that determines maps and their scores."""
    kinds, many = list(source.map_kinds), len(source.networks[0].categories)
    return {
        "maps": LinkParameter(
            owner=shown, parameter="kind", push_history=True, refusal=_among("kind of human maps", kinds)
        ),
        "participant": LinkParameter(owner=shown, parameter="participant", push_history=True),
        "explain": LinkParameter(owner=settings, parameter="target", push_history=True),
        "category": LinkParameter(
            owner=settings, parameter="category", push_history=True, refusal=_below(many, "categories")
        ),
        "method": LinkParameter(
            owner=settings, parameter="method", push_history=True, refusal=_among("method", list(source.methods))
        ),
        "cam-layer": LinkParameter(owner=settings, parameter="cam_layer", push_history=True, refusal=_layer),
        "n": LinkParameter(owner=settings, parameter="n_samples"),
        "seed": LinkParameter(owner=settings, parameter="seed"),
        "noise": LinkParameter(owner=settings, parameter="noise_fraction"),
        "channels": LinkParameter(owner=settings, parameter="reduction"),
        "smoothing": LinkParameter(owner=settings, parameter="smoothing_px"),
        "normalise": LinkParameter(owner=settings, parameter="normalise"),
    }


def _second_parameters(source: MapSource, settings: AttributionSettings) -> dict[str, LinkParameter]:
    """Return the link parameters of what the second map has of its own; the grid has columns for that."""
    many = len(source.networks[1].categories)
    refusals = {
        "method": _among("method", [AS_FIRST, *source.methods]),
        "target": lambda value: "",
        "category": _below(many, "categories"),
        "cam_layer": lambda value: "",
    }
    names = {"method": "method", "target": "explain", "category": "category", "cam_layer": "cam-layer"}
    return {
        f"second-{names[own]}": LinkParameter(
            owner=settings, parameter=f"second_{own}", push_history=True, refusal=refusal
        )
        for own, refusal in refusals.items()
    }


def _pair_parameters(
    chooser: PairChooser, source: MapSource, default: Sequence[str] | None
) -> dict[str, LinkParameter]:
    """Return the link parameters of the two networks shown; a page restores the pair before all else."""
    names = list(source.titles)
    return {
        place: LinkParameter(
            owner=chooser.pair,
            parameter=place,
            push_history=True,
            refusal=_among("network of this page", names),
            default=name,
        )
        for place, name in zip(PLACES, default or [network.name for network in source.networks], strict=True)
    }


def _selection_parameters(axes: ScatterAxes) -> dict[str, LinkParameter]:
    return {
        "selection": LinkParameter(owner=axes, parameter="selection", push_history=True, refusal=_selection),
        "selected-x": LinkParameter(owner=axes, parameter="selection_x"),
        "selected-y": LinkParameter(owner=axes, parameter="selection_y"),
    }


def _gallery_places(gallery: Gallery) -> dict[str, LinkParameter]:
    """Return the link parameters of the gallery's search, filters and order."""
    settings = gallery.settings
    return {
        "search": LinkParameter(owner=settings, parameter="search"),
        "in": LinkParameter(owner=settings, parameter="category", push_history=True),
        "split": LinkParameter(owner=settings, parameter="split", push_history=True),
        "verdict": LinkParameter(owner=settings, parameter="verdict", push_history=True),
        "notes": LinkParameter(owner=settings, parameter="note_filter", push_history=True),
        "mapped": LinkParameter(owner=settings, parameter="human_only"),
        "sort": LinkParameter(owner=settings, parameter="order", push_history=True),
        "descending": LinkParameter(owner=settings, parameter="descending"),
        "learnt": LinkParameter(owner=settings, parameter="learnt"),
    }


def _image(
    gallery: Gallery, shown: CurrentImage, source: MapSource | None = None, first: str | None = None
) -> LinkParameter:
    """Return the link parameter of the image in view; uploads, too, where ``source`` is given and still has them."""

    def refused(image: Any) -> str:
        if image is None or image in gallery.index.position or (source is not None and image in source.uploads):
            return ""
        if str(image).startswith("upload-"):
            return "an uploaded photograph is kept until the server ends or has many newer ones; upload it again."
        return "this collection has no such image."

    return LinkParameter(owner=shown, parameter="image", push_history=True, refusal=refused, default=first)


def _among(kind: str, known: list[str]) -> Callable[[Any], str]:
    return lambda value: "" if value is None or value in known else unknown_name(kind, value, known)


def _below(count: int, what: str) -> Callable[[Any], str]:
    return lambda value: "" if value is None or value < count else f"there are {count} {what}, counted from 0."


def _layer(value: str) -> str:
    return "" if value else "a module's path, or last, was expected."  # whether networks have it, their source tells


def _zoom(value: list[float]) -> str:
    fits = len(value) == 4 and value[0] < value[1] and value[2] < value[3] and max(map(abs, value)) <= MAX_ZOOM_PX
    return "" if fits or not value else "x0,x1,y0,y1 in pixels of the frame was expected."


def _panels(value: Any) -> str:
    names = str(value).split(",")
    return "" if names and set(names) <= set(PANELS) else f"some of {', '.join(PANELS)} was expected."


def _selection(value: str) -> str:
    try:
        if value:
            selection_geometry(value)
    except ValueError as error:
        return str(error)
    return ""
