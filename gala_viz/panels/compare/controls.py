"""Inputs for how maps are made (the source computes again) and how they are drawn (in the browser alone)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gala_viz.panels.compare.map_display import MapDisplay
from gala_viz.panels.compare.setting_forms import SettingForms
from gala_viz.panels.form import Field, as_options
from gala_viz.panels.view_state import (
    HUMAN_STYLES,
    NORMALISATIONS,
    REDUCTIONS,
    TARGETS,
    WITHIN_ERROR,
    AttributionSettings,
    CurrentImage,
    DisplaySettings,
)
from gala_viz.plots.colour_maps import SEQUENTIAL
from gala_viz.plots.colour_scale import COLOUR_SCALES
from gala_viz.specs import GRAD_CAM

MAX_PARTICIPANTS = 200
MAX_SEED = 2**31 - 1
_EVERYBODY = ("all together", "")
SCALE_HINTS = {
    "shared": "0 to the larger 99.5th percentile",
    "per map": "0 to each one's 99.5th percentile",
    "raw": "smallest (attention: 0) to largest",
}
"""What each colour scale is, told where it is chosen."""
OWN_SCALES_HINT = "each map its own: two units"
"""In place of these where the two networks' maps have no unit in common."""
SIGNED_SCALE_HINTS = {
    "shared": "± the larger 99.5th percentile of sizes",
    "per map": "± each one's 99.5th percentile of sizes",
    "raw": "± the largest size of both",
}


class AttributionControls:
    """Inputs for ``AttributionSettings``; sliders act when they are released.

    ``methods`` are name -> title. ``display`` gets the noise fraction while a slider moves. ``first_choice`` returns
    the category with which "Chosen category" starts, None where it is not known.
    """

    def __init__(
        self,
        settings: AttributionSettings,
        categories: Sequence[str],
        methods: Mapping[str, str],
        display: MapDisplay,
        first_choice: Callable[[], int | None] = lambda: None,
    ) -> None:
        self.settings, self._first_choice = settings, first_choice
        settings.param.method.objects = list(methods)
        titles = tuple((title, name) for name, title in methods.items())
        numbered = tuple((f"{name}  ({i})", i) for i, name in enumerate(categories))

        def slider(name: str, label: str, **more: float) -> Field:
            return Field(name=name, label=label, kind="slider", value=getattr(settings, name), **more)

        def choice(name: str, label: str, options: tuple[tuple[str, Any], ...]) -> Field:
            return Field(name=name, label=label, kind="choice", value=getattr(settings, name), options=options)

        self.pane = SettingForms(
            [
                choice("target", "Explain", as_options(TARGETS)),
                Field(
                    name="category",
                    label="Category for both",
                    kind="pick",
                    value=settings.category,
                    options=numbered,
                    visible=settings.target == "chosen",
                ),
                choice("method", "Method", titles),
                Field(
                    name="cam_layer",
                    label="Grad-CAM layer",
                    kind="choice",
                    value=settings.cam_layer,
                    options=as_options([settings.cam_layer]),
                    visible=settings.method == GRAD_CAM,
                ),
                slider("n_samples", "Samples n", start=5, end=200, step=5),
                slider("noise_fraction", "Noise fraction", end=0.5, step=0.01, digits=2),
                Field(name="seed", label="Seed of the noise", kind="number", value=settings.seed, end=MAX_SEED),
                slider("smoothing_px", "Smoothing, px", end=16, step=0.5, digits=1),
                choice("reduction", "Colour channels", as_options(REDUCTIONS)),
                choice("normalise", "Normalise for delta", as_options(NORMALISATIONS)),
            ],
            self._write,
            bar_px=112,
            more_px=118,
        )
        self.pane.more.jslink(display, live_values="noise")
        self._layers: tuple[str, ...] = ()
        settings.param.watch(lambda _: self.set_cam_layers(self._layers), "cam_layer")  # before its input follows
        self.pane.sync_from(settings)
        settings.param.watch(lambda event: self.pane.update_field("category", visible=event.new == "chosen"), "target")
        settings.param.watch(lambda event: self.pane.update_field("cam_layer", visible=event.new == GRAD_CAM), "method")
        settings.param.watch(lambda *_: self._offer_samples(), ["method", "second_method"])

    def _write(self, name: str, value: Any) -> None:
        start = self._first_choice() if (name, value) == ("target", "chosen") else None
        self.settings.param.update(**{name: value}, **({} if start is None else {"category": start}))

    def set_cam_layers(self, layers: Sequence[str]) -> None:
        """Offer the layers of Grad-CAM that the source has, and that of a link which it may not have."""
        self._layers = tuple(layers)
        names = list(dict.fromkeys((*self._layers, self.settings.cam_layer)))
        self.pane.update_field("cam_layer", options=as_options(names))

    def _offer_samples(self) -> None:
        """Let samples and noise be chosen where one of the two maps is of samples."""
        sampled = "smoothgrad" in (self.settings.method, self.settings.second_method or self.settings.method)
        for own in ("n_samples", "noise_fraction", "seed"):
            self.pane.update_field(own, enabled=sampled)

    def show_target_hint(self, has_label: bool) -> None:
        """Say that own predictions are explained, where the target is the true category and the image has no label."""
        falls_back = self.settings.target == "label" and not has_label
        self.pane.update_field("target", hint="unknown here: own predictions" if falls_back else "")

    def show_sigma(self, sigma: Sequence[float], noisy: bool) -> None:
        """Show the noise's standard deviation for each network, in input units; nothing where it is not ``noisy``."""
        words = ""
        sigma = [one for one in sigma if one] or list(sigma)  # a map without samples has none
        if noisy and len(sigma):
            same = max(sigma) - min(sigma) < 1e-6 * max(max(sigma), 1)
            values = f"{sigma[0]:.3g}" if same else " and ".join(f"{s:.3g}" for s in sigma)
            words = f"σ = {values} input units"
        self.pane.update_field("noise_fraction", hint=words)


class DisplayControls:
    """Inputs for ``DisplaySettings`` and for the human map in view; the display follows them in the browser.

    Parameters
    ----------
    display_settings : DisplaySettings
        Changed by the inputs.
    current : CurrentImage
        Its kind and participant are changed by the inputs.
    display : MapDisplay
        Follows the inputs in the browser.
    kinds : mapping of str to str
        Kinds of human maps; empty: there are no inputs for human maps.
    parts : str
        What can be outlined, for example "diagnostic parts"; "" for nothing.
    """

    def __init__(
        self,
        display_settings: DisplaySettings,
        current: CurrentImage,
        display: MapDisplay,
        kinds: Mapping[str, str],
        parts: str = "",
    ) -> None:
        self.display_settings, self.current = display_settings, current
        fields = [
            self._look(
                "scale",
                "Scale",
                "segments",
                options=as_options(COLOUR_SCALES),
                hint=SCALE_HINTS[display_settings.scale],
            ),
            self._look("opacity", "Opacity", "slider", step=0.05, digits=2),
            self._look("threshold", "Hide weakest, %", "slider", end=99),
            self._look("within_error", "Delta within its error", "segments", options=as_options(WITHIN_ERROR)),
            self._look("palette", "Colours", "choice", options=as_options(list(SEQUENTIAL))),
        ]
        styles, shown = as_options(HUMAN_STYLES), bool(kinds)
        fields.append(self._look("human_style", "People as", "choice", options=styles, visible=shown))
        if kinds:
            names = as_options(list(kinds))
            fields += [
                Field(name="kind", label="Human maps", kind="choice", value=next(iter(kinds)), options=names),
                Field(name="participant", label="Participant", kind="choice", value="", options=(_EVERYBODY,)),
            ]
        fields.append(self._look("contours", "Outline people in all", "switch", visible=shown))
        if parts:
            fields.append(self._look("parts", f"Outline {parts}", "switch"))
        self.pane = SettingForms(fields, self._write, bar_px=150, more_px=140)
        self.pane.bar.jslink(display, live_values="display_settings")
        self.pane.more.jslink(display, live_values="more_display_settings")
        self.pane.sync_from(display_settings)
        if kinds:
            current.param.watch(lambda event: self.pane.show_values({"kind": event.new or next(iter(kinds))}), "kind")
            current.param.watch(lambda event: self.pane.show_values({"participant": event.new or ""}), "participant")
        self._signed = self._has_two_units = False
        display_settings.param.watch(
            lambda _: self.show_scale_hint(signed=self._signed, has_two_units=self._has_two_units), "scale"
        )
        display.defaults = {name: value for name, value in display_settings.param.values().items() if name != "name"}

    def _look(self, name: str, label: str, kind: str, **more: Any) -> Field:
        return Field(name=name, label=label, kind=kind, value=getattr(self.display_settings, name), **more)

    def _write(self, name: str, value: Any) -> None:
        if name == "kind":
            self.current.param.update(kind=value, participant=None)
        elif name == "participant":
            self.current.participant = value or None
        else:
            self.display_settings.param.update(**{name: value})

    def show_scale_hint(self, *, signed: bool, has_two_units: bool) -> None:
        """Say what the scale is, of maps that are ``signed`` or not, and share a unit or not."""
        self._signed, self._has_two_units = signed, has_two_units
        hints, scale = SIGNED_SCALE_HINTS if signed else SCALE_HINTS, self.display_settings.scale
        is_own = has_two_units and scale != "per map"
        self.pane.update_field("scale", hint=OWN_SCALES_HINT if is_own else hints[scale])

    def show_people(self) -> None:
        """Offer how people's maps are drawn, also where the collection has none and an upload brings one."""
        for name in ("human_style", "contours"):
            self.pane.update_field(name, visible=True)

    def set_participants(self, participants: Sequence[str]) -> None:
        """Offer the participants of the image in view, at most ``MAX_PARTICIPANTS``."""
        if "participant" not in self.pane.values:
            return
        options = (_EVERYBODY, *((one, one) for one in participants[:MAX_PARTICIPANTS]))
        wanted = self.current.participant if self.current.participant in participants else ""
        self.pane.update_field("participant", options=options, value=wanted)
