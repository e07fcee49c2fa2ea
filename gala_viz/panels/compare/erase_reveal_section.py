"""What the section "Erase and reveal" looks like: brush, inputs, words, and the curve of both networks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import panel as pn
import param
import xarray as xr
from bokeh.models import BasicTicker, GlyphRenderer
from bokeh.plotting import figure

from gala_viz.collections.fills import FILLS
from gala_viz.panels.compare.erase_reveal_tool import EraseRevealTool
from gala_viz.panels.form import Field, Form
from gala_viz.panels.html_pane import html_pane
from gala_viz.panels.html_templates import render_html
from gala_viz.panels.markup import SIDES
from gala_viz.plots.bokeh_rendering import bokeh_figure, disable_sync
from gala_viz.plots.map_labels import distinct_titles
from gala_viz.plots.reveal_curve import reveal_curve_columns, reveal_curves
from gala_viz.store.source import NetworkInfo, PerturbedResults, RevealUpdate

ORDERS = ("people", "first", "second", "own")
"""Whose map orders the pixels: people's, the first network's, the second one's or the visitor's own."""
EXAMPLE = (
    "One photograph is an example. Neither network met such pictures in training; logits of two have no common scale."
)
OUTER_SHEET = """
:host { max-height: none !important; }
@media (max-width: 700px) { :host { position: sticky !important; bottom: 0; z-index: 30; max-height: 46vh !important;
  overflow-y: auto !important; background: var(--panel-surface-color, Canvas); } }
"""
"""On a telephone the section stands at the window's lower edge, so that the photograph is seen above it."""
_LAYOUT = """
:host { display: grid !important; grid-template-columns: minmax(0, 3fr) minmax(0, 2fr); gap: 2px 24px;
  max-height: none !important; border-top: 1px solid var(--gv-line, #8884); padding-top: 6px; }
:host > * { min-width: 0; }
@media (max-width: 700px) { :host { grid-template-columns: minmax(0, 1fr); } }
"""


class EraseRevealSettings(param.Parameterized):
    """What is hidden by a map, and with what hidden places are filled; strokes belong to ``CurrentImage``."""

    order = param.Selector(default="people", objects=list(ORDERS), doc="Whose map says what is important.")
    percent = param.Integer(default=100, bounds=(0, 100), doc="Most important pixels that are revealed, in per cent.")
    erase = param.Boolean(default=False, doc="Whether they are erased instead.")
    fill = param.Selector(default="grey", objects=list(FILLS), doc="What stands where the photograph is hidden.")

    @property
    def hides_nothing(self) -> bool:
        """Whether the map hides nothing, whatever it is."""
        return self.percent == neutral_percent(self.erase)


def neutral_percent(erase: bool) -> int:
    """Return the per cent at which nothing is hidden."""
    return 0 if erase else 100


class EraseRevealSection:
    """``pane`` holds brush, inputs, words and curve.

    Parameters
    ----------
    key : str
        Prefix of the names of the figures' models.
    networks : sequence of NetworkInfo
        The two networks.
    settings : EraseRevealSettings
        Changed by the inputs.
    orders : sequence of str
        Those of ``ORDERS`` that are offered.
    on_message : callable
        Called with the messages of ``EraseRevealTool``.
    """

    def __init__(
        self,
        key: str,
        networks: Sequence[NetworkInfo],
        settings: EraseRevealSettings,
        orders: Sequence[str],
        on_message: Callable[[Mapping[str, Any]], None],
    ) -> None:
        self._networks, self._settings = networks, settings
        self._titles = distinct_titles(networks)
        fills = tuple((fill.title.lower(), name) for name, fill in FILLS.items())
        self.form = Form(
            [
                Field(
                    name="erase",
                    label="Most important pixels",
                    kind="segments",
                    value=settings.erase,
                    options=(("reveal", False), ("erase", True)),
                ),
                Field(name="percent", label="How many, %", kind="slider", value=settings.percent, end=100),
                Field(
                    name="order",
                    label="By the map of",
                    kind="choice",
                    value=settings.order,
                    options=self._titled(orders),
                ),
                Field(name="fill", label="Hidden places are", kind="choice", value=settings.fill, options=fills),
            ],
            self._write,
            min_width_px=120,
            margin=(4, 0),
        )
        self.form.sync_from(settings)
        self.tool = EraseRevealTool(key=key, on_message=on_message, sizing_mode="stretch_width", margin=0)
        self.tool.live = self.form.live_values
        self.form.jslink(self.tool, live_values="live")
        self.words, self.legend = html_pane(), html_pane()
        self.figure = curve_figure(self._titles)
        self.curve_pane = pn.pane.Bokeh(self.figure, sizing_mode="stretch_width", margin=0)
        self.pane = pn.Column(
            pn.Column(self.tool, self.form, self.words, sizing_mode="stretch_width", margin=0),
            pn.Column(self.curve_pane, self.legend, sizing_mode="stretch_width", margin=0),
            sizing_mode="stretch_width",
            margin=(4, 0),
            stylesheets=[_LAYOUT],
        )
        self.show_text("")
        self.show_curve(None, None)

    def offer_orders(self, orders: Sequence[str]) -> None:
        """Offer these of ``ORDERS``."""
        self.form.update_field("order", options=self._titled(orders))

    def _titled(self, orders: Sequence[str]) -> tuple[tuple[str, str], ...]:
        first, second = self._titles
        titles = {"people": "People", "first": first, "second": second, "own": "You"}
        return tuple((titles[order], order) for order in orders)

    def _write(self, name: str, value: Any) -> None:
        """Change a setting; where nothing is hidden by the map, reveal and erase both go on hiding nothing."""
        changes = {name: value}
        if name == "erase" and self._settings.hides_nothing:
            changes["percent"] = neutral_percent(value)
        self._settings.param.update(**changes)

    def show_text(self, text: str, *, is_error: bool = False) -> None:
        """Show a sentence on the order or on what went wrong, and always what one photograph can tell."""
        self.words.object = render_html(
            """{% if text %}<p{% if is_error %} role="alert"{% endif %}>{{ text }}</p>{% endif %}
<p class="muted">{{ example }}</p>""",
            text=text,
            is_error=is_error,
            example=EXAMPLE,
        )

    def show_curve(self, update: RevealUpdate | None, results: PerturbedResults | None) -> None:
        """Show the curve as far as it is computed, and where on it ``results`` are; None marks nothing."""
        percent, erase = self._settings.percent, self._settings.erase
        here = None if results is None else (percent, [answer.logit_drop for answer in results.answers])
        curve = None if update is None else update.curve
        columns, limits = reveal_curve_columns(curve, len(self._networks), here)
        lines = [renderer for renderer in self.figure.renderers if isinstance(renderer, GlyphRenderer)]
        for line, data in zip(lines, columns, strict=True):
            line.data_source.update(data=data)
        self.figure.y_range.update(start=limits[0], end=limits[1])
        self.figure.xaxis.axis_label = f"pixels {'erased' if erase else 'revealed'}, most important first, %"
        self.curve_pane.visible = curve is not None
        self.legend.object = _legend(self._networks, curve, update)


def curve_figure(titles: Sequence[str]) -> figure:
    """Draw an empty curve of each network, whose data sources ``reveal_curve_columns`` fills."""
    fig = bokeh_figure(reveal_curves(None, titles, here=(0.0, [0.0] * len(titles))))
    fig.update(toolbar_location=None, height=150, width=None, sizing_mode="stretch_width", min_border=4)
    fig.update(output_backend="canvas", outline_line_color=None, title=None)
    fig.toolbar.tools = []
    fig.xgrid.visible = fig.ygrid.visible = False
    fig.yaxis.ticker = BasicTicker(desired_num_ticks=4)
    disable_sync(fig)
    return fig


def _legend(networks: Sequence[NetworkInfo], curve: xr.Dataset | None, update: RevealUpdate | None) -> str:
    """Return which line is which network's, and the logit that it is of, as HTML."""
    lines = []
    if curve is not None:
        for side, network, index in zip(SIDES, networks, curve.explained.values.tolist(), strict=True):
            known = index < len(network.categories)
            lines.append((side, network.title, network.categories[index] if known else f"category {index}"))
    return render_html(
        """<p class="muted">{% if not lines %}The drop of the logit over per cent is drawn once the slider hides \
something.{% endif %}{% for side, title, category in lines %}{% if not loop.first %} · {% endif %}\
<span class="{{ side }}"><span class="dot"></span></span>{{ title }}: {{ category }}{% endfor %}
{%- if progress and progress.done < progress.total %} · {{ progress.done }} of {{ progress.total }} points{% endif -%}
</p>""",
        lines=lines,
        progress=None if update is None else update.progress,
    )
