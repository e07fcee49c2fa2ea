"""The names that addresses of the pages are made of. They outlive the code's own names: a link of today must open
tomorrow, so that none of them is ever given another meaning (a change of meaning raises ``links.FORMAT``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from gala_viz.panels.compare.compare_view import CompareView
from gala_viz.panels.gallery.gallery import Gallery
from gala_viz.panels.gallery.selection_filter import SelectionFilter
from gala_viz.panels.page_state import LinkParameter, format_value
from gala_viz.panels.presenting.presentation import Presentation
from gala_viz.panels.presenting.stage import PANELS
from gala_viz.panels.view_state import CurrentImage, ScatterAxes
from gala_viz.plots.point_selection import selection_geometry
from gala_viz.registry import unknown_name
from gala_viz.store.source import MapSource

if TYPE_CHECKING:
    from gala_viz.panels.explore.explore_view import ExploreView  # which loads Datashader, for its own page alone

SHARED_LINK_NAMES = frozenset(
    [
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
"""Names that mean the same on both pages: which images are gone through."""
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
    "outlines": "0",
    "flicker": "0",
    "zoom": "",
    "maps": "",
    "participant": "",
    "layer": "",
    "category": "0",
    "present": "0",
    "panels": "photo,human,a,b,delta",
    "blink": "0",
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
"""What links of version 1 leave out, because pages began with it then. These tables are never changed; a name that is
new since is added where pages of then behaved in another way than pages begin today."""
MAX_ZOOM_PX = 10_000
"""How far from a frame's corner a link may look; from farther away it would be seen as stripes."""


def compare_link_parameters(
    view: CompareView, presentation: Presentation, selection_filter: SelectionFilter
) -> dict[str, LinkParameter]:
    """Of the comparison: the photograph and its maps, how they are drawn, the gallery, the stage."""
    shown, settings, looks = view.current, view.settings, view.display_settings
    layers, kinds = view.layers.n_columns, list(view.source.map_kinds)
    many = len(view.source.networks[0].categories)
    return {
        "image": _image(view.gallery, shown, first=view.gallery.first_image),
        "maps": LinkParameter(of=shown, parameter="kind", step=True, refused=_among("kind of human maps", kinds)),
        "participant": LinkParameter(of=shown, parameter="participant", step=True),
        "layer": LinkParameter(of=shown, parameter="layer", step=True, refused=_below(layers, "layers")),
        "explain": LinkParameter(of=settings, parameter="target", step=True),
        "category": LinkParameter(of=settings, parameter="category", step=True, refused=_below(many, "categories")),
        "method": LinkParameter(
            of=settings, parameter="method", step=True, refused=_among("method", list(view.source.methods))
        ),
        "n": LinkParameter(of=settings, parameter="n_samples"),
        "seed": LinkParameter(of=settings, parameter="seed"),
        "noise": LinkParameter(of=settings, parameter="noise_fraction"),
        "channels": LinkParameter(of=settings, parameter="reduction"),
        "smoothing": LinkParameter(of=settings, parameter="smoothing_px"),
        "normalise": LinkParameter(of=settings, parameter="normalise"),
        "scale": LinkParameter(of=looks, parameter="scale"),
        "opacity": LinkParameter(of=looks, parameter="opacity"),
        "threshold": LinkParameter(of=looks, parameter="threshold"),
        "colours": LinkParameter(of=looks, parameter="palette"),
        "people": LinkParameter(of=looks, parameter="human_style"),
        "parts": LinkParameter(of=looks, parameter="parts"),
        "outlines": LinkParameter(of=looks, parameter="contours"),
        "flicker": LinkParameter(of=view.display, parameter="flicker"),
        "zoom": LinkParameter(of=view.display, parameter="zoom", refused=_zoom),
        "present": LinkParameter(of=presentation, parameter="shown", step=True),
        "panels": LinkParameter(of=presentation, parameter="chosen", refused=_panels),
        "blink": LinkParameter(of=presentation, parameter="blink"),
        **_selection_places(selection_filter.axes),
        **_gallery_places(view.gallery),
    }


def compare_version_1_defaults(source: MapSource) -> dict[str, str]:
    """Name -> what links of version 1 to the comparison of ``source`` leave out."""
    request = source.request_version_1
    asked = {
        "explain": request.target,
        "method": request.method,
        "n": request.smoothgrad.n_samples,
        "seed": request.smoothgrad.seed,
        "noise": request.smoothgrad.noise_fraction,
    }
    image = {"image": source.images[0]} if source.images else {}
    return {
        **image,
        **VERSION_1_MAPS,
        **VERSION_1_SHARED,
        **{name: format_value(value) for name, value in asked.items()},
    }


def explore_version_1_defaults(source: MapSource) -> dict[str, str]:
    """Name -> what links of version 1 to all images of ``source`` leave out."""
    return {**VERSION_1_AXES, **VERSION_1_SHARED}


VERSION_1_DEFAULTS = {"compare": compare_version_1_defaults, "explore": explore_version_1_defaults}


def explore_link_parameters(view: ExploreView) -> dict[str, LinkParameter]:
    """Of all images as points: axes, selection, the image in view, the gallery."""
    axes = view.axes
    return {
        "image": _image(view.gallery, view.current),
        "x": LinkParameter(of=axes, parameter="x", step=True),
        "y": LinkParameter(of=axes, parameter="y", step=True),
        "means": LinkParameter(of=axes, parameter="means"),
        **_selection_places(axes),
        **_gallery_places(view.gallery),
    }


def _selection_places(axes: ScatterAxes) -> dict[str, LinkParameter]:
    return {
        "selection": LinkParameter(of=axes, parameter="selection", step=True, refused=_selection),
        "selected-x": LinkParameter(of=axes, parameter="across"),
        "selected-y": LinkParameter(of=axes, parameter="up"),
    }


def _gallery_places(gallery: Gallery) -> dict[str, LinkParameter]:
    choosing = gallery.settings
    return {
        "search": LinkParameter(of=choosing, parameter="search"),
        "in": LinkParameter(of=choosing, parameter="category", step=True),
        "split": LinkParameter(of=choosing, parameter="split", step=True),
        "verdict": LinkParameter(of=choosing, parameter="verdict", step=True),
        "notes": LinkParameter(of=choosing, parameter="noted", step=True),
        "mapped": LinkParameter(of=choosing, parameter="human_only"),
        "sort": LinkParameter(of=choosing, parameter="order", step=True),
        "descending": LinkParameter(of=choosing, parameter="descending"),
        "learnt": LinkParameter(of=choosing, parameter="learnt"),
    }


def _image(gallery: Gallery, shown: CurrentImage, first: str | None = None) -> LinkParameter:
    def refused(image: Any) -> str:
        if image is None or image in gallery.index.position or image in gallery.uploads:
            return ""
        if str(image).startswith("upload-"):
            return "an uploaded photograph belongs to the page that it was uploaded to; upload it again."
        return "this collection has no such image."

    return LinkParameter(of=shown, parameter="image", step=True, refused=refused, first=first)


def _among(kind: str, known: list[str]) -> Callable[[Any], str]:
    return lambda value: "" if value is None or value in known else unknown_name(kind, value, known)


def _below(count: int, what: str) -> Callable[[Any], str]:
    return lambda value: "" if value is None or value < count else f"there are {count} {what}, counted from 0."


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
