"""Alignment with people: the scores of this photograph beside those of the whole collection."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import panel as pn
import xarray as xr
from bokeh.plotting import figure
from numpy.typing import NDArray

from gala_viz.alignment import MIN_IMAGES_FOR_INTERVAL
from gala_viz.engine.results.score_selection import ABOVE_CEILING, ScoreSelection, score_columns, select_scores
from gala_viz.engine.results.scores import NO_ORDER, drawn_name, has_order
from gala_viz.panels.closeness import CEILING_TEXT, Closeness, ClosenessBars
from gala_viz.panels.form import Field, Form, as_options
from gala_viz.panels.html_pane import html_pane
from gala_viz.panels.markup import muted_text, photograph_count, score_table
from gala_viz.plots.bokeh_rendering import bokeh_figure, disable_sync
from gala_viz.plots.map_labels import distinct_titles, is_one_network
from gala_viz.plots.score_distribution import CeilingInterval, distribution_columns, score_distribution
from gala_viz.specs import MapRequest
from gala_viz.store.source import NetworkInfo

METRICS = {"Spearman's rho": "rho", "Dice": "dice", "IoU": "iou"}
NO_HUMAN_MAPS = (
    "This collection has no human maps, so nothing can be said about closeness to people. Scoring it tells which "
    "predictions are right and how large each delta is."
)
NO_HUMAN_MAP = "People did not mark this photograph."
UPLOADED = "This photograph was uploaded: it belongs to no collection, and no human map came with it."
LAYERS_HAVE_RHO = "Attention norms are compared by rho alone."


def ceiling_band(selection: ScoreSelection) -> CeilingInterval | None:
    """Return the noise ceiling of a selection as a band, a line where there are too few images for an interval."""
    if not np.isfinite(selection.ceiling):
        return None
    low, high = selection.ceiling_interval or (selection.ceiling, selection.ceiling)
    return CeilingInterval(mean=selection.ceiling, low=low, high=high)


def ceiling_text(selection: ScoreSelection, digits: int = 2) -> str:
    """Return the noise ceiling of a selection in words, with its interval and number of images; "" without one."""
    if not np.isfinite(selection.ceiling):
        return ""
    interval = selection.ceiling_interval
    bounds = f" [{interval[0]:.{digits}f}, {interval[1]:.{digits}f}]" if interval else ""
    return f"{CEILING_TEXT} {selection.ceiling:.{digits}f}{bounds}, n = {selection.n_ceiling:,}"


def fractions_text(selection: ScoreSelection) -> str:
    """Return the means as shares of the ceiling, with intervals where images are not too few, and what is above it."""
    parts = [f"{100 * mean:.0f} % [{100 * low:.0f}, {100 * high:.0f}]" for mean, (low, high) in selection.fractions]
    above = f" ({ABOVE_CEILING})" if selection.is_above_ceiling else ""
    return f"{' and '.join(parts)} of the ceiling{above}" if parts else above.strip(" ()")


def baseline_texts(selection: ScoreSelection, *, has_categories: bool = True, digits: int = 2) -> list[str]:
    """Return the shuffled baselines of a selection in words, each with its number of images where that is another."""
    words = {"same": "the same category", "different": "another category" if has_categories else "other images"}
    return [
        f"shuffled baseline, with people's maps of {words[kind]}: "
        + " and ".join(f"{mean:.{digits}f}" for mean in means)
        + (f" (n = {n:,})" if n != selection.n else "")
        for kind, (means, n) in selection.floors.items()
    ]


def score_figure(networks: Sequence[NetworkInfo]) -> figure:
    """Draw an empty distribution, whose data sources ``update_score_figure`` fills."""
    empty, marks = np.full((len(networks), 0), np.nan), (0.0,) * len(networks)
    titles = [network.title for network in networks]
    fig = bokeh_figure(score_distribution(empty, titles, current=marks, ceiling=CeilingInterval(mean=0, low=0, high=0)))
    fig.update(toolbar_location=None, height=170, width=None, sizing_mode="stretch_width", min_border=4)
    fig.output_backend = "canvas"  # a handful of rectangles; WebGL would cost more than it saves
    fig.toolbar.tools = []
    fig.outline_line_color = None
    fig.yaxis.visible = False
    fig.xgrid.visible = fig.ygrid.visible = False
    fig.title.visible = False
    disable_sync(fig)
    return fig


def update_score_figure(
    distribution: figure,
    values: NDArray[np.floating],
    current: Sequence[float],
    ceiling: CeilingInterval | None,
    label: str,
) -> None:
    """Fill a figure of ``score_figure`` in place.

    Parameters
    ----------
    distribution : bokeh figure
        Made by ``score_figure``.
    values : ndarray, (network, image)
        Scores; NaN is left out.
    current : sequence of float
        For each network where its mark stands; NaN for no mark.
    ceiling : CeilingInterval or None
        The noise ceiling, drawn as a band.
    label : str
        Title of the metric, below the axis.
    """
    columns, top = distribution_columns(values, current, ceiling)
    for renderer, data in zip(distribution.renderers, columns, strict=True):
        renderer.data_source.data = data
    bars = columns[2]
    distribution.x_range.update(start=bars["left"][0], end=bars["right"][-1])
    distribution.y_range.update(start=0, end=top)
    distribution.xaxis.axis_label = label


@dataclass(frozen=True, kw_only=True, slots=True)
class Compared:
    """What is compared with which human map.

    ``layers`` are, for each network, the layer whose attention norm stands in the main row; None: the saliency maps of
    ``request``. ``maps`` are what each of these has of its own, empty where they are alike but for the network.
    ``human_map`` is the title of the human map in view.
    """

    request: MapRequest
    layers: tuple[str | None, ...] | None = None
    maps: tuple[str, ...] = ()
    human_map: str = ""


class ScoreView:
    """A table for this photograph, a histogram per network for the images that are shown, with this one marked.

    ``closeness`` are the bars under the maps, of the same metric and images.

    Parameters
    ----------
    networks : sequence of NetworkInfo
        The two networks.
    has_human_maps : bool
        Whether the collection has any; without, scores are shown from ``show_human_maps`` on.
    distribution : bokeh figure
        Made by ``score_figure``.
    shown_images : callable
        Returns the mask (image,) of the images that the gallery's filters let through; None: all.
    people : str
        "people" or "simulated people".
    has_categories : bool
        Whether images have categories; else the baseline is of any other image.
    """

    def __init__(
        self,
        networks: Sequence[NetworkInfo],
        has_human_maps: bool,
        distribution: figure,
        shown_images: Callable[[], NDArray[np.bool_]] | None = None,
        people: str = "people",
        *,
        has_categories: bool = True,
    ) -> None:
        self.networks = networks
        self.has_human_maps = self._is_collection_mapped = has_human_maps
        self._shown_images = shown_images
        self._people, self._has_categories = people, has_categories
        self._selected: tuple[tuple, NDArray[np.bool_], ScoreSelection] | None = None
        self.closeness = ClosenessBars(networks)
        self.metric_form = Form(
            [Field(name="measure", label="Metric", kind="segments", value="rho", options=as_options(METRICS))],
            lambda _, metric: self._choose(metric),
            margin=(6, 0, 2, 0),
        )
        self.table = html_pane(muted_text(NO_HUMAN_MAPS) if not has_human_maps else "")
        self.pane = pn.Column(sizing_mode="stretch_width", margin=0)
        self._here: xr.Dataset | None = None
        self._all: xr.Dataset | None = None
        self._compared: Compared | None = None
        self._has_map = self._is_uploaded = False
        self._metric = "rho"  # that is chosen
        self.figure = distribution
        self.distribution_pane = pn.pane.Bokeh(self.figure, sizing_mode="stretch_width", margin=0)
        self.note_pane = html_pane(margin=(2, 0, 0, 0))
        self._lay_out()

    def show_human_maps(self) -> None:
        """Show scores, also where the collection has no human maps, once an upload brings one."""
        self.has_human_maps = True
        self._lay_out()
        self.refresh()

    def _lay_out(self) -> None:
        of_scores = [self.metric_form, self.distribution_pane, self.note_pane] if self.has_human_maps else []
        self.pane.objects = [self.table, *of_scores]

    def set_image_scores(self, scores: xr.Dataset | None, has_human_map: bool, *, is_uploaded: bool = False) -> None:
        """Show the scores (network,) of the photograph in view; they count only where ``has_human_map``.

        Beside an uploaded photograph, which belongs to no collection, those of the collection are not shown.
        """
        self._here, self._has_map, self._is_uploaded = scores if has_human_map else None, has_human_map, is_uploaded
        self.refresh()

    def set_people(self, people: str) -> None:
        """Say whose human map is in view: "people" or "simulated people"."""
        if people != self._people:
            self._people = people
            self.refresh()

    def set_compared(self, compared: Compared) -> None:
        """Say what is compared: the maps of a request or attention norms, and with which human map."""
        if compared != self._compared:
            self._compared = compared
            self.refresh()

    def set_collection_scores(self, scores: xr.Dataset | None) -> None:
        """Show the scores of all images, as ``MapSource.scores`` returns them."""
        self._all, self._selected = scores, None
        self.refresh()

    def refresh(self) -> None:
        """Show everything anew, for example because other images are shown."""
        if self.has_human_maps:
            self._tabulate()
            self._draw()

    @property
    def _layers(self) -> tuple[str | None, ...] | None:
        return None if self._compared is None else self._compared.layers

    @property
    def _own(self) -> tuple[str, ...]:
        """What of each network is compared with people where both are not compared by one map; empty where they are."""
        if self._layers is not None:
            return tuple(f"attention at {layer}" if layer else "no attention" for layer in self._layers)
        return () if self._compared is None else self._compared.maps

    def _of_image(self, name: str) -> list[float]:
        if self._here is None:
            return [float("nan")] * len(self.networks)
        here = self._here if "image" in self._here.dims else self._here.expand_dims("image", axis=-1)
        return [float(value) for value in score_columns(here, name, self._layers)[:, 0]]

    def _tabulate(self) -> None:
        """Show the scores of this photograph: of the unsmoothed maps, and below of the maps as they are drawn."""
        metrics = METRICS if self._layers is None else {"Spearman's rho": "rho"}
        columns = {title: self._of_image(name) for title, name in metrics.items()}
        smoothing = 0.0 if self._compared is None else self._compared.request.smoothing_px
        drawn = {}
        if self._layers is None and self._here is not None and drawn_name("rho") in self._here:
            drawn = {title: self._of_image(drawn_name(name)) for title, name in METRICS.items()}
        rows = {"": columns} if not drawn else {"unsmoothed": columns, f"drawn, {smoothing:g} px": drawn}
        titles = [network.title for network in self.networks]
        own = self._own if self._layers is None or is_one_network(self.networks) else ()
        if own:
            titles = [", ".join(pair) for pair in zip(titles, own, strict=True)]
        elif is_one_network(self.networks):
            titles = distinct_titles(self.networks)
        self.table.object = score_table(titles, rows, self._table_note(bool(drawn)))

    def _table_note(self, has_drawn: bool) -> str:
        """Return below the table what is compared with what, or why there is nothing."""
        if not self._has_map:
            return UPLOADED if self._is_uploaded else NO_HUMAN_MAP if self._is_collection_mapped else NO_HUMAN_MAPS
        compared = self._compared
        if compared is None:
            return ""
        if self._layers is not None:
            names = " and ".join(dict.fromkeys(layer or "no layer" for layer in self._layers))
            return f"Attention norms of {names}, each on its own grid, with: {compared.human_map}."
        if not has_order(compared.request.reduction):
            return f"No closeness: {NO_ORDER}. Choose another reduction of colour channels."
        more = " Tables, points and means are of unsmoothed maps." if has_drawn else ""
        return f"With: {compared.human_map}.{more}"

    def _choose(self, metric: str) -> None:
        self._metric = metric
        self._draw()

    def _draw(self) -> None:
        """Draw the distribution of the chosen metric, and its means in words below."""
        layers = self._layers
        name = "rho" if layers is not None else self._metric
        label = next(title for title, key in METRICS.items() if key == name)
        of_one = self._compared is not None and self._compared.request.participant is not None
        here = [float("nan")] * len(self.networks) if of_one else self._of_image(name)
        selection = None
        if self._all is not None and self._is_collection_mapped and not self._is_uploaded:
            mask = np.ones(self._all.sizes["image"], bool) if self._shown_images is None else self._shown_images()
            selection = self._select(name, mask, layers)
        self.metric_form.update_field(
            "measure", value=name, enabled=layers is None, hint="" if layers is None else LAYERS_HAVE_RHO
        )
        self.closeness.show(
            Closeness(
                metric=label,
                people=self._people,
                selection=selection,
                here=here,
                of=self._own,
            )
        )
        if selection is None:
            self.distribution_pane.visible, self.note_pane.object = False, ""
            return
        self.distribution_pane.visible = selection.n > 1
        if selection.n > 1:
            title = label if layers is None else f"{label} of attention norms"
            update_score_figure(self.figure, selection.values, here, ceiling_band(selection), title)
        self.note_pane.object = muted_text(self._sentence(selection, of_one))

    def _select(self, name: str, mask: NDArray[np.bool_], layers: Sequence[str | None] | None) -> ScoreSelection:
        """Return ``select_scores`` of these images; what was asked last is not computed again."""
        key = (id(self._all), name, layers)
        if self._selected is None or self._selected[0] != key or not np.array_equal(self._selected[1], mask):
            assert self._all is not None, "there are scores"
            self._selected = (key, mask.copy(), select_scores(self._all, name, mask, layers))
        return self._selected[2]

    def _sentence(self, selection: ScoreSelection, of_one: bool) -> str:
        """Return n, resolution, means, ceiling and baselines as sentences."""
        assert self._all is not None, "there are scores"
        verb = "is" if selection.n == 1 else "are"
        text = f"n = {photograph_count(selection.n)} shown that {verb} scored by both"
        if of_one:
            text += ", with the maps of all participants together"
        side = self._all.attrs.get("resolution_px")
        if side and self._layers is None:
            text += f"; maps at {side} × {side} cells" if isinstance(side, int | float) else f"; maps at {side} cells"
        if self._all.attrs.get("note"):
            text += f"; {self._all.attrs['note']}"
        sentences = [text]
        if selection.n > 1:
            means = " and ".join(f"{mean:.2f}" for mean in selection.means)
            share = fractions_text(selection)
            sentences.append(f"Means {means}{f', {share}' if share else ''}")
        if ceiling := ceiling_text(selection):
            few = "" if selection.ceiling_interval else f"; no interval below {MIN_IMAGES_FOR_INTERVAL} images"
            sentences.append(f"Band: {ceiling}{few}" if not few else f"{ceiling[0].upper()}{ceiling[1:]}{few}")
        baselines = baseline_texts(selection, has_categories=self._has_categories)
        sentences += [f"{text[0].upper()}{text[1:]}" for text in baselines]
        return ". ".join(sentences) + "."
