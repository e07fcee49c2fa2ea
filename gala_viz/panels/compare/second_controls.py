"""Inputs for what the second column has of its own: network, method, target and layers, as the first's by default."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from gala_viz.panels.form import Field, Form
from gala_viz.panels.network_pair import PairChooser, choice_options
from gala_viz.panels.view_state import AS_FIRST, TARGETS, AttributionSettings, CurrentImage
from gala_viz.specs import GRAD_CAM
from gala_viz.store.source import MapSource, NetworkChoice

LIKE_FIRST = ("as the first", AS_FIRST)


class SecondControls:
    """Inputs for the second map's part of ``AttributionSettings``, and for the second layer in the main row.

    Parameters
    ----------
    source : MapSource
        Its methods, layers and the second network's categories can be chosen.
    settings : AttributionSettings
        Changed by the inputs.
    current : CurrentImage
        Its ``second_layer`` is changed by an input.
    chooser : PairChooser
        Where it has no list of networks of its own, the second network is chosen here, also the first once more.
    first_choice : callable
        Returns the second network's prediction, with which "Chosen category" starts; None where it is not known.
    """

    def __init__(
        self,
        source: MapSource,
        settings: AttributionSettings,
        current: CurrentImage,
        chooser: PairChooser,
        first_choice: Callable[[], int | None] = lambda: None,
    ) -> None:
        self.settings, self._current, self._chooser = settings, current, chooser
        self._first_choice, self._second = first_choice, source.networks[1]
        settings.param.second_method.objects = [AS_FIRST, *source.methods]
        self._layers: tuple[str, ...] = ()

        def choice(name: str, label: str, options: Sequence[tuple[str, Any]], **more: Any) -> Field:
            value = getattr(settings, name)
            return Field(
                name=name, label=label, kind="choice", value=value, default=value, options=tuple(options), **more
            )

        methods = [(title, name) for name, title in source.methods.items()]
        numbered = tuple((f"{name}  ({i})", i) for i, name in enumerate(self._second.categories))
        fields = [
            choice("second_method", "Second: method", [LIKE_FIRST, *methods]),
            choice("second_target", "Second: explain", [LIKE_FIRST, *TARGETS.items()]),
            Field(
                name="second_category",
                label="Second: category",
                kind="pick",
                value=settings.second_category,
                default=settings.second_category,
                options=numbered,
            ),
            choice("second_cam_layer", "Second: Grad-CAM layer", self._layer_options()),
        ]
        if chooser.on_choose is not None and not chooser.is_needed:
            choices = [NetworkChoice(name=name, title=title) for name, title in source.titles.items()]
            second = Field(
                name="second_network",
                label="Second: network",
                kind="choice",
                value=self._second.name,
                options=choice_options(choices),
            )
            fields.insert(0, second)
        if self._second.layers:
            at = [(layer, column) for column, layer in enumerate(self._second.layers)]
            fields.append(
                Field(
                    name="second_layer",
                    label="Second: attention layer",
                    kind="choice",
                    value=AS_FIRST,
                    default=AS_FIRST,
                    options=(LIKE_FIRST, *at),
                )
            )
        self.form = Form(fields, self._write, min_width_px=150)
        self.form.sync_from(settings)
        names = ("second_method", "second_target", "second_cam_layer", "method")
        settings.param.watch(lambda *_: self._show_states(), list(names))
        current.param.watch(lambda *_: self._show_states(), ["layer", "second_layer"])
        self._show_states()

    @property
    def layer(self) -> int | str:
        """Column of the second layer as its input holds it, ``AS_FIRST`` where it is the first's."""
        column = self._current.second_layer
        return AS_FIRST if column is None else min(column, len(self._second.layers) - 1)

    def set_cam_layers(self, layers: Sequence[str]) -> None:
        """Offer the layers of Grad-CAM that the source has, and that of a link which it may not have."""
        self._layers = tuple(layers)
        self._show_states()

    def show_target_hint(self, has_label: bool) -> None:
        """Say that the own prediction is explained, where the true category is asked for and not known."""
        falls_back = self.settings.second_target == "label" and not has_label
        self.form.update_field("second_target", hint="unknown here: own prediction" if falls_back else "")

    def _layer_options(self) -> tuple[tuple[str, str], ...]:
        names = dict.fromkeys(filter(None, (*self._layers, self.settings.second_cam_layer)))
        return (LIKE_FIRST, *((name, name) for name in names))

    def _show_states(self) -> None:
        """Show those inputs that have a say, with what they offer now."""
        settings = self.settings
        method = settings.second_method or settings.method
        self.form.update_field("second_category", visible=settings.second_target == "chosen")
        self.form.update_field("second_cam_layer", visible=method == GRAD_CAM, options=self._layer_options())
        if "second_layer" in self.form.values:
            is_shown = self._current.layer is not None
            hint = "" if is_shown else "click a layer below first"
            self.form.update_field("second_layer", value=self.layer, enabled=is_shown, hint=hint)

    def _write(self, name: str, value: Any) -> None:
        if name == "second_network":
            self.form.show_values({name: self._second.name})  # until the maps of the other one are there
            self._chooser.choose("second", value)
        elif name == "second_layer":
            self._current.second_layer = None if value == AS_FIRST else value
        else:
            start = self._first_choice() if (name, value) == ("second_target", "chosen") else None
            more = {} if start is None else {"second_category": start}
            self.settings.param.update(**{name: value}, **more)
