"""One visitor's look at all images: two measures as axes, a selection that the gallery shows, distributions beside."""

from __future__ import annotations

from urllib.parse import quote

import numpy as np
import panel_material_ui as pmui
from bokeh.document import Document

from gala_viz.panels.cloud_view import CloudView
from gala_viz.panels.components import Keys
from gala_viz.panels.distributions import Distributions
from gala_viz.panels.facts import facts
from gala_viz.panels.fields import Field, Fields, options_of
from gala_viz.panels.gallery import Gallery
from gala_viz.panels.index import CollectionIndex
from gala_viz.panels.links import FORMAT
from gala_viz.panels.markup import alert, chosen_images, image_values, people_are
from gala_viz.panels.selecting import selected
from gala_viz.panels.state import Axes, Shown
from gala_viz.plots.cloud import Cloud
from gala_viz.store.measures import measures_of
from gala_viz.store.source import MapSource

NOTHING = (
    "No image has been scored yet. Open the comparison and press “Score the collection”, or use gala-viz attribute."
)


class ExploreView:
    """All parts of one session and what connects them.

    Filters and search of the gallery decide which images are drawn in colour; box and lasso decide which of these the
    gallery shows; the image that is shown has a ring in the cloud.
    """

    def __init__(self, source: MapSource, index: CollectionIndex, document: Document, compare: str = "") -> None:
        self.source, self.index, self._compare = source, index, compare
        self.scores = source.scores(source.request)
        self.measures = {one.name: one for one in measures_of(source, self.scores)}
        self.axes = Axes.among(list(self.measures))
        self.shown = Shown()
        self.gallery = Gallery(source, index, self.shown, document)
        self.gallery.set_scores(self.scores)
        self.gallery.on_admitted = self._draw
        self.cloud = CloudView(self._drag, lambda place: setattr(self.shown, "image", index.images[place]))
        choices, axes = options_of({one.title: name for name, one in self.measures.items()}), self.axes
        self.fields = Fields(
            [
                Field(name="x", label="Across", kind="choice", value=axes.x, options=choices),
                Field(name="y", label="Up", kind="choice", value=axes.y, options=choices),
                Field(name="means", label="Category means", kind="switch", value=False, shown=bool(index.categories)),
            ],
            lambda name, value: axes.param.update(**{name: value}),
            least_px=220,
        )
        self.fields.follow(axes)
        axes.param.watch(lambda *_: self._draw(new_axes=True), ["x", "y"])
        axes.param.watch(lambda _: self._draw(), "means")
        axes.param.watch(lambda *_: self._select(), ["selection", "across", "up"])
        self.distributions = Distributions(
            source.networks, people_are(source.map_kinds), categories=bool(index.categories)
        )
        self.selection = facts()
        self.one = facts()
        self.alert = facts()
        self.keys = Keys(on_message=lambda message: self.move(message.get("move", 0)))
        self.clear = pmui.Button(label="Show all", variant="outlined", size="small", visible=False, margin=0)
        self.clear.on_click(lambda _: self.show_all())
        self.shown.param.watch(lambda event: self._show(event.new), "image")
        self._draw(new_axes=True)

    def select(self, within: np.ndarray | None) -> None:
        """Show only ``within`` (image,) in the gallery; None, or nothing selected: all."""
        within = within if within is not None and within.any() else None
        self.gallery.restrict(within)
        self.clear.visible = within is not None
        self._tell()

    def show_all(self) -> None:
        """Let go of what box, lasso or code selected."""
        self.axes.selection = ""
        self.select(None)

    def _drag(self, selection: str) -> None:
        self.axes.param.update(selection=selection, across=self.axes.x, up=self.axes.y)

    def _select(self) -> None:
        self.select(selected(self.axes, self.measures, self.scores))

    def chosen(self) -> tuple[str, ...]:
        """Ids of what is selected or filtered; none where that is all."""
        places = self.gallery.places
        return () if len(places) == len(self.index) else tuple(self.index.images[place] for place in np.sort(places))

    def tell(self, error: Exception) -> None:
        """Say on the page what went wrong."""
        self.alert.object = alert(f"{error or type(error).__name__}")

    def move(self, by: int) -> None:
        """Go ``by`` images on in the gallery's order."""
        image = self.gallery.step(by)
        if image is not None:
            self.shown.image = image

    def set_dark(self, dark: bool) -> None:
        """Draw for a dark page, or a light one."""
        self.cloud.dark = dark
        self._draw()

    def close(self) -> None:
        """End the gallery's thread and let go of the source."""
        self.gallery.close()
        self.source = None

    def values(self, name: str) -> np.ndarray:
        """(image,) of the measure called ``name``."""
        return self.measures[name].values(self.scores)

    def _draw(self, new_axes: bool = False) -> None:
        axes = self.axes
        cloud = Cloud(self.values(axes.x), self.values(axes.y), self.gallery.admitted)
        x, y = (self.measures[name].title for name in (axes.x, axes.y))
        self.cloud.show(cloud, x, y, new_axes=new_axes)
        means = axes.means
        self.cloud.by_category(self.index.category if means else None, len(self.index.categories))
        self._show(self.shown.image)
        self._tell()

    def _tell(self) -> None:
        cloud, within = self.cloud.cloud, self.gallery.within
        chosen = cloud.kept if within is None else cloud.kept & within
        self.distributions.show(self.scores, self.source.request, chosen)
        if not cloud.known.any():
            self.selection.object = alert(NOTHING)
            return
        known = chosen & cloud.known
        pair = ((self.axes.x, cloud.x), (self.axes.y, cloud.y))
        means = {self.measures[name].title: values[known] for name, values in pair}
        self.selection.object = chosen_images(int(known.sum()), len(self.index), within is not None, means)

    def _show(self, image: str | None) -> None:
        place = self.index.place.get(image or "")
        self.cloud.mark(place)
        if place is None:
            self.one.object = image_values(None, "", "", {})
            return
        values = {one.title: float(one.values(self.scores)[place]) for one in self.measures.values()}
        number = self.index.category[place]
        category = self.index.categories[number] if number >= 0 else ""
        link = f"{self._compare}?v={FORMAT}&image={quote(str(image), safe='')}" if self._compare else ""
        self.one.object = image_values(image, category, link, values)
