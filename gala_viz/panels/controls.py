"""The widgets: how maps are made (the source is asked again) and how they look (the browser alone acts)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import panel as pn
import panel_material_ui as pmui

from gala_viz.panels.components import Display
from gala_viz.panels.markup import facts
from gala_viz.panels.state import HUMAN_STYLES, NORMALISATIONS, REDUCTIONS, TARGETS, Looks, MapSettings, Shown
from gala_viz.panels.styles import grid_css
from gala_viz.plots.palettes import SEQUENTIAL
from gala_viz.plots.scale import SCALES

_SMALL = {"size": "small", "margin": (4, 4), "width": None, "sizing_mode": "stretch_width"}
NO_WRAP = {"& .MuiToggleButton-root": {"whiteSpace": "nowrap"}, "& .MuiButton-root": {"whiteSpace": "nowrap"}}


def _grid(*items: object, least_px: int = 132) -> pn.Column:
    css = grid_css(f"repeat(auto-fit, minmax({least_px}px, 1fr))", "2px 6px")
    return pn.Column(*items, sizing_mode="stretch_width", margin=0, stylesheets=[css])


class MapControls:
    """Widgets over ``MapSettings``; sliders act when let go."""

    def __init__(
        self, settings: MapSettings, categories: Sequence[str], methods: Mapping[str, str], display: Display
    ) -> None:
        self.settings = settings
        settings.param.method.objects = list(methods)
        self.target = pmui.Select(label="Explain", options=TARGETS, value=settings.target, **_SMALL)
        self.category = pmui.AutocompleteInput(
            label="Category for both",
            options={f"{name}  ({i})": i for i, name in enumerate(categories)},
            value=settings.category,
            restrict=True,
            min_characters=1,
            case_sensitive=False,
            search_strategy="includes",
            visible=False,
            **_SMALL,
        )
        self.method = pmui.Select(
            label="Method", options={title: name for name, title in methods.items()}, value=settings.method, **_SMALL
        )
        self.n_samples = pmui.IntSlider(label="Samples n", start=5, end=200, step=5, value=settings.n_samples, **_SMALL)
        self.noise = pmui.FloatSlider(
            label="Noise fraction",
            start=0.0,
            end=0.5,
            step=0.01,
            value=settings.noise_fraction,
            format="0.00",
            **_SMALL,
        )
        self.smoothing = pmui.FloatSlider(
            label="Smoothing, px", start=0.0, end=16.0, step=0.5, value=settings.smoothing_px, format="0.0", **_SMALL
        )
        self.reduction = pmui.Select(label="Colour channels", options=REDUCTIONS, value=settings.reduction, **_SMALL)
        self.normalise = pmui.Select(
            label="Normalise for delta", options=NORMALISATIONS, value=settings.normalise, **_SMALL
        )
        self.sigma = facts("", margin=(0, 4))
        self.pane = _grid(
            self.target,
            self.category,
            self.method,
            self.n_samples,
            pn.Column(self.noise, sizing_mode="stretch_width", margin=0),
            self.smoothing,
            self.reduction,
            self.normalise,
        )
        self.noise.jslink(display, value="noise_fraction")
        for widget, name, when in (
            (self.target, "target", "value"),
            (self.category, "category", "value"),
            (self.method, "method", "value"),
            (self.n_samples, "n_samples", "value_throttled"),
            (self.noise, "noise_fraction", "value_throttled"),
            (self.smoothing, "smoothing_px", "value_throttled"),
            (self.reduction, "reduction", "value"),
            (self.normalise, "normalise", "value"),
        ):
            widget.param.watch(self._setter(name), when)

    def _setter(self, name: str):
        def write(event) -> None:
            if event.new is None:
                return
            if name == "target":
                self.category.visible = event.new == "chosen"
            if name == "method":
                self.n_samples.disabled = self.noise.disabled = event.new != "smoothgrad"
            self.settings.param.update(**{name: event.new})

        return write

    def show_sigma(self, sigma: Sequence[float], noisy: bool) -> None:
        """The noise's absolute standard deviation, in units of the networks' input."""
        words = ""
        if noisy and len(sigma):
            same = max(sigma) - min(sigma) < 1e-6 * max(max(sigma), 1)
            values = f"{sigma[0]:.3g}" if same else " and ".join(f"{s:.3g}" for s in sigma)
            words = f'<p class="muted">Noise σ = {values} input units</p>'
        if self.sigma.object != words:
            self.sigma.object = words


class LookControls:
    """Widgets over ``Looks`` and the human map shown; each is linked to the display in the browser."""

    def __init__(self, looks: Looks, shown: Shown, display: Display, kinds: dict[str, str]) -> None:
        self.scale = pmui.RadioButtonGroup(
            label="Scale", options=list(SCALES), value=looks.scale, size="small", margin=(4, 4), sx=NO_WRAP
        )
        self.opacity = pmui.FloatSlider(
            label="Opacity", start=0, end=1, step=0.05, value=looks.opacity, format="0.00", **_SMALL
        )
        self.threshold = pmui.IntSlider(label="Hide weakest, %", start=0, end=99, value=int(looks.threshold), **_SMALL)
        self.palette = pmui.Select(label="Colours", options=list(SEQUENTIAL), value=looks.palette, **_SMALL)
        self.human_style = pmui.Select(label="People as", options=list(HUMAN_STYLES), value=looks.human_style, **_SMALL)
        self.contours = pmui.Switch(label="Outline people in all", value=looks.contours, margin=(4, 8), size="small")
        links = ("scale", "opacity", "threshold", "palette", "human_style", "contours")
        for name in links:
            widget = getattr(self, name)
            widget.jslink(display, value=name)
            widget.link(looks, value=name)
        self.kind = pmui.Select(label="Human maps", options=list(kinds), value=next(iter(kinds), None), **_SMALL)
        self.participant = pmui.Select(label="Participant", options={"all together": ""}, value="", **_SMALL)
        self.kind.param.watch(lambda event: shown.param.update(kind=event.new, participant=None), "value")
        self.participant.param.watch(lambda event: shown.param.update(participant=event.new or None), "value")
        self.shown = shown
        people = [self.human_style, self.kind, self.participant] if kinds else []
        self.pane = pn.Row(
            self.scale,
            _grid(self.opacity, self.threshold, self.palette, *people, *([self.contours] if kinds else [])),
            sizing_mode="stretch_width",
            margin=0,
            styles={"align-items": "center", "gap": "8px"},
        )

    def set_participants(self, participants: Sequence[str]) -> None:
        """Offer the participants of the photograph shown; at most 200."""
        options = {"all together": "", **{p: p for p in participants[:200]}}
        if options != self.participant.options:
            wanted = self.shown.participant if self.shown.participant in participants else ""
            self.participant.param.update(options=options, value=wanted)
