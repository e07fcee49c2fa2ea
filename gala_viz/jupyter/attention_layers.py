"""The attention norms of every layer in a notebook's cell, of one network or of both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import panel as pn
import xarray as xr
from bokeh.models import ColorMapper

from gala_viz.jupyter.compare import Compare
from gala_viz.jupyter.sources import open_source
from gala_viz.jupyter.widget import Widget
from gala_viz.panels.compare.layer_view import LayerView
from gala_viz.panels.document_queue import DocumentQueue
from gala_viz.panels.form import Field, Form
from gala_viz.panels.html_pane import html_pane
from gala_viz.panels.latest_job_worker import LatestJobWorker
from gala_viz.panels.markup import alert
from gala_viz.panels.view_state import CurrentImage
from gala_viz.plots.attention_layers import layer_colour_limits
from gala_viz.registry import unknown_name
from gala_viz.store.source import ForwardResults

MAX_LISTED_IMAGES = 1000
"""Images that the selector lists; any other is chosen from code."""


class Layers(Widget):
    """Small multiples: one row per network, one column per layer, over the photograph that the selector names.

    Colours run from 0 to the 99.5th percentile of a layer, one range for both networks: layers differ in range.
    """

    def __init__(self, source: Any, current: CurrentImage | None = None, network: str | None = None) -> None:
        super().__init__(source)
        names = [one.name for one in source.networks]
        if network is not None and network not in names:
            raise ValueError(unknown_name("network", network, names))
        rows = list(dict.fromkeys(names)) if network is None else [network]
        self.rows = [names.index(name) for name in rows]
        networks = [source.networks[row] for row in self.rows]
        self._shown = current or CurrentImage(image=source.images[0] if source.images else None)
        self._key = uuid4().hex[:8]
        self.layers = LayerView(self._key, networks, source.networks[0].input_px)
        self.heading, self.alert = html_pane(), html_pane()
        offered = [(image, image) for image in source.images[:MAX_LISTED_IMAGES]]
        value = self.image if self.image in dict(offered) else None
        field = Field(name="image", label="Photograph", kind="pick", value=value, options=tuple(offered))
        self.selector = Form([field], self._on_image, min_width_px=220)
        self._queue = DocumentQueue(self.document, self._deliver)
        self._worker = LatestJobWorker("gala-viz layers", lambda error: self._queue.put("error", error))
        self._forward_results: ForwardResults | None = None
        self._watching = self.shown.param.watch(lambda _: self.document.invoke(self._ask), "image")
        self._ask()

    @property
    def shown(self) -> CurrentImage:
        """What this widget shows, and the one that it is linked to."""
        return self._shown

    @property
    def forward_results(self) -> ForwardResults | None:
        """Predictions and attention norms of the rows, as soon as they are there."""
        self.document.run_pending()
        return self._forward_results

    @property
    def norms(self) -> dict[str, dict[str, xr.DataArray]]:
        """Network -> layer -> attention norm (y, x) of the photograph in view; computed now if it is not there yet."""
        if self.image is None:
            raise ValueError(f"{self.source.title} holds no photographs.")
        norms = self.source.forward(self.image).attention_norms
        return {self.source.networks[row].name: dict(norms[row]) for row in self.rows}

    def cancel_all(self) -> None:
        """Do nothing: one forward pass is soon done."""

    def parts(self) -> list[Any]:
        """Return selector, error, predictions and small multiples."""
        return [
            pn.Column(self.selector, width=320, margin=(2, 0)),
            self.alert,
            self.heading,
            self.layers.pane,
        ]

    def _on_image(self, _: str, image: Any) -> None:
        self.shown.image = image

    def _ask(self) -> None:
        image, source = self.image, self.source
        if image is None:
            return
        if self.selector.values["image"] != image:
            self.selector.update_field("image", value=image)
        self._worker.submit(lambda _: self._queue.put("forward", (image, source.view(image), source.forward(image))))

    def _deliver(self, key: str, value: Any) -> None:
        """Show the results of a forward pass, or an error, of the photograph in view."""
        if key == "error":
            self.alert.object = alert(f"{value or type(value).__name__}")
            return
        image, view, whole = value
        if image != self.image:
            return
        self._forward_results = ForwardResults(
            predictions=tuple(whole.predictions[row] for row in self.rows),
            attention_norms=tuple(whole.attention_norms[row] for row in self.rows),
        )
        self.alert.object = ""
        self._colour(self._forward_results)
        self.layers.show_attention_norms(view, self._forward_results)

    def _colour(self, forward_results: ForwardResults) -> None:
        for row, column in self.layers.cells:
            layer = self.layers.networks[row].layers[column]
            having = [k for k, norms in enumerate(forward_results.attention_norms) if layer in norms]
            low, high = layer_colour_limits(forward_results.attention_norms, layer, "shared")[having.index(row)]
            glyph = self.layers.figure.select_one({"name": f"{self._key}/layers/glyph/{row}/{column}"}).glyph
            mapper: ColorMapper = glyph.color_mapper
            mapper.update(low=float(low), high=float(high))

    def _end(self) -> None:
        self.shown.param.unwatch(self._watching)
        self._worker.close()
        self._queue.close()

    def __repr__(self) -> str:
        return f"Layers({', '.join(one.name for one in self.layers.networks)}; image {self.image!r})"


def layers(
    source: Any = None,
    networks: Any = None,
    *,
    network: str | None = None,
    image: str | None = None,
    **source_options: Any,
) -> Layers:
    """Return the attention norms of every layer as a widget.

    Parameters
    ----------
    source
        A ``Compare``, whose photograph is then followed (and moved), or what ``open_source`` takes as its collection.
    networks
        What ``open_source`` takes, or a single network.
    network : str, optional
        Name of one of the two: only its row is shown.
    image : str, optional
        Id of the first image.
    **source_options
        Other arguments of ``open_source``.

    Returns
    -------
    Layers
        The widget.

    Examples
    --------
    >>> import gala_viz as gv
    >>> norms = gv.layers("photos", network="lite0-gala-human")  # doctest: +SKIP
    """
    if isinstance(source, Compare):
        widget = Layers(source.source, source.view.current, network)
    else:
        one = networks is not None and (isinstance(networks, str) or not isinstance(networks, Sequence))
        widget = Layers(
            open_source(source, (networks, networks) if one else networks, **source_options), network=network
        )
    if image is not None:
        widget.image = image
    return widget
