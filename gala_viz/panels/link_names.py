"""The names that addresses of the pages are made of. They outlive the code's own names: a link of today must open
tomorrow, so that none of them is ever given another meaning (a change of meaning raises ``links.FORMAT``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from gala_viz.panels.gallery import Gallery
from gala_viz.panels.links import Place, text_of
from gala_viz.panels.presenting import Presentation
from gala_viz.panels.selecting import Selecting
from gala_viz.panels.stage import PANELS
from gala_viz.panels.state import Axes, Shown
from gala_viz.panels.view import CompareView
from gala_viz.plots.selection import selection_geometry
from gala_viz.registry import unknown_name
from gala_viz.store.source import MapSource

if TYPE_CHECKING:
    from gala_viz.panels.explore_view import ExploreView  # which loads Datashader, for its own page alone

SHARED = frozenset(
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
FARTHEST_PX = 10_000
"""How far from a frame's corner a link may look; from farther away it would be seen as stripes."""


def compare_places(view: CompareView, presentation: Presentation, selecting: Selecting) -> dict[str, Place]:
    """Of the comparison: the photograph and its maps, how they are drawn, the gallery, the stage."""
    shown, settings, looks = view.shown, view.settings, view.looks
    layers, kinds = view.layers.columns, list(view.source.map_kinds)
    many = len(view.source.networks[0].categories)
    return {
        "image": _image(view.gallery, shown, first=view.gallery.first),
        "maps": Place(of=shown, parameter="kind", step=True, refused=_among("kind of human maps", kinds)),
        "participant": Place(of=shown, parameter="participant", step=True),
        "layer": Place(of=shown, parameter="layer", step=True, refused=_below(layers, "layers")),
        "explain": Place(of=settings, parameter="target", step=True),
        "category": Place(of=settings, parameter="category", step=True, refused=_below(many, "categories")),
        "method": Place(
            of=settings, parameter="method", step=True, refused=_among("method", list(view.source.methods))
        ),
        "n": Place(of=settings, parameter="n_samples"),
        "seed": Place(of=settings, parameter="seed"),
        "noise": Place(of=settings, parameter="noise_fraction"),
        "channels": Place(of=settings, parameter="reduction"),
        "smoothing": Place(of=settings, parameter="smoothing_px"),
        "normalise": Place(of=settings, parameter="normalise"),
        "scale": Place(of=looks, parameter="scale"),
        "opacity": Place(of=looks, parameter="opacity"),
        "threshold": Place(of=looks, parameter="threshold"),
        "colours": Place(of=looks, parameter="palette"),
        "people": Place(of=looks, parameter="human_style"),
        "parts": Place(of=looks, parameter="parts"),
        "outlines": Place(of=looks, parameter="contours"),
        "flicker": Place(of=view.display, parameter="flicker"),
        "zoom": Place(of=view.display, parameter="zoom", refused=_zoom),
        "present": Place(of=presentation, parameter="shown", step=True),
        "panels": Place(of=presentation, parameter="chosen", refused=_panels),
        "blink": Place(of=presentation, parameter="blink"),
        **_selection_places(selecting.axes),
        **_gallery_places(view.gallery),
    }


def compare_version_1(source: MapSource) -> dict[str, str]:
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
    return {**image, **VERSION_1_MAPS, **VERSION_1_SHARED, **{name: text_of(value) for name, value in asked.items()}}


def explore_version_1(source: MapSource) -> dict[str, str]:
    """Name -> what links of version 1 to all images of ``source`` leave out."""
    return {**VERSION_1_AXES, **VERSION_1_SHARED}


VERSION_1 = {"compare": compare_version_1, "explore": explore_version_1}


def explore_places(view: ExploreView) -> dict[str, Place]:
    """Of all images as points: axes, selection, the image in view, the gallery."""
    axes = view.axes
    return {
        "image": _image(view.gallery, view.shown),
        "x": Place(of=axes, parameter="x", step=True),
        "y": Place(of=axes, parameter="y", step=True),
        "means": Place(of=axes, parameter="means"),
        **_selection_places(axes),
        **_gallery_places(view.gallery),
    }


def _selection_places(axes: Axes) -> dict[str, Place]:
    return {
        "selection": Place(of=axes, parameter="selection", step=True, refused=_selection),
        "selected-x": Place(of=axes, parameter="across"),
        "selected-y": Place(of=axes, parameter="up"),
    }


def _gallery_places(gallery: Gallery) -> dict[str, Place]:
    choosing = gallery.choosing
    return {
        "search": Place(of=choosing, parameter="search"),
        "in": Place(of=choosing, parameter="category", step=True),
        "split": Place(of=choosing, parameter="split", step=True),
        "verdict": Place(of=choosing, parameter="verdict", step=True),
        "notes": Place(of=choosing, parameter="noted", step=True),
        "mapped": Place(of=choosing, parameter="human_only"),
        "sort": Place(of=choosing, parameter="order", step=True),
        "descending": Place(of=choosing, parameter="descending"),
        "learnt": Place(of=choosing, parameter="learnt"),
    }


def _image(gallery: Gallery, shown: Shown, first: str | None = None) -> Place:
    def refused(image: Any) -> str:
        if image is None or image in gallery.index.place or image in gallery.uploads:
            return ""
        if str(image).startswith("upload-"):
            return "an uploaded photograph belongs to the page that it was uploaded to; upload it again."
        return "this collection has no such image."

    return Place(of=shown, parameter="image", step=True, refused=refused, first=first)


def _among(kind: str, known: list[str]) -> Callable[[Any], str]:
    return lambda value: "" if value is None or value in known else unknown_name(kind, value, known)


def _below(count: int, what: str) -> Callable[[Any], str]:
    return lambda value: "" if value is None or value < count else f"there are {count} {what}, counted from 0."


def _zoom(value: list[float]) -> str:
    fits = len(value) == 4 and value[0] < value[1] and value[2] < value[3] and max(map(abs, value)) <= FARTHEST_PX
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
