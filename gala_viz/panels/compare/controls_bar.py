"""All inputs of a comparison: a bar of those that count most, the others behind "More", one reset."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import panel as pn
import panel_material_ui as pmui

from gala_viz.panels.compare.controls import AttributionControls, DisplayControls
from gala_viz.panels.compare.second_controls import SecondControls
from gala_viz.panels.compare.setting_forms import IN_BAR

_BAR = """
:host { display: grid !important; grid-template-columns: minmax(0, 4fr) minmax(0, 3fr) auto; gap: 0 14px;
  align-items: start !important; max-height: none !important; }
:host > * { min-width: 0; }
@media (max-width: 900px) { :host { grid-template-columns: minmax(0, 1fr); } }
"""


class ControlsBar:
    """``pane`` holds the bar, and the other inputs below it when "More" is pressed.

    The button says how many of the others are not at their default, and "Reset" brings
    all inputs back to theirs.
    """

    def __init__(self, attribution: AttributionControls, display: DisplayControls, second: SecondControls) -> None:
        self._attribution, self._display, self._second = attribution, display, second
        self._defaults = {**attribution.pane.values, **display.pane.values, **second.form.values}
        looks = {
            "size": "small",
            "margin": 0,
            "sx": {
                "&.MuiButtonBase-root": {"padding": "3px 10px", "fontSize": "13px", "lineHeight": "20px", "minWidth": 0}
            },
        }
        self.more_button = pmui.Toggle(label="More", value=False, **looks)
        self.reset_button = pmui.Button(label="Reset", variant="outlined", disabled=True, **looks)
        self.reset_button.on_click(lambda _: self.reset())
        more = pn.Column(
            display.pane.more,
            attribution.pane.more,
            second.form,
            visible=False,
            sizing_mode="stretch_width",
            margin=(4, 0, 8, 0),
            styles={"gap": "10px"},
        )
        self.more_button.jslink(more, value="visible")
        bar = pn.Row(
            attribution.pane.bar,
            display.pane.bar,
            pn.Row(self.more_button, self.reset_button, margin=(16, 0, 0, 0), styles={"gap": "8px"}),
            sizing_mode="stretch_width",
            margin=0,
            stylesheets=[_BAR],
        )
        self.pane = pn.Column(bar, more, sizing_mode="stretch_width", margin=0)
        for settings in (attribution.settings, display.display_settings, display.current):
            settings.param.watch(lambda *_: self._count(), list(settings.param))
        self._count()

    @property
    def changed(self) -> tuple[str, ...]:
        """Names of the inputs that count and are not at their default."""
        attribution, display = self._attribution.settings, self._display.display_settings
        current, names = self._display.current, list(self._defaults)
        values = {
            **{name: getattr(attribution, name) for name in names if name in attribution.param},
            **{name: getattr(display, name) for name in names if name in display.param},
        }
        if "kind" in self._defaults:
            values |= {"kind": current.kind or self._defaults["kind"], "participant": current.participant or ""}
        states = {**self._attribution.pane.states, **self._display.pane.states, **self._second.form.states}
        if "second_layer" in self._defaults and current.layer is not None:  # else it has no say
            values["second_layer"] = self._second.layer
            states["second_layer"] = {"visible": True, "enabled": True}
        return tuple(name for name, value in values.items() if value != self._defaults[name] and _counts(states[name]))

    def reset(self) -> None:
        """Bring all inputs back to their defaults."""
        self._display.current.param.update(kind=None, participant=None, second_layer=None)
        for settings in (self._display.display_settings, self._attribution.settings):
            settings.param.update(**{name: value for name, value in self._defaults.items() if name in settings.param})

    def _count(self) -> None:
        """Say what is changed; asked of the settings, since not every input has followed yet."""
        hidden = sum(name not in IN_BAR for name in self.changed)
        self.more_button.label = f"More ({hidden} changed)" if hidden else "More"
        self.reset_button.disabled = not self.changed


def _counts(state: Mapping[str, Any]) -> bool:
    """Return whether an input has a say: a hidden one, of another target or method, has none."""
    return bool(state["visible"] and state["enabled"])
