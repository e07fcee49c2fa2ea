"""Every attribution method by name, each an iterator of the same states, with its frozen settings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from gala_viz.attribution.grad_cam import GradCamSpec, grad_cam_states
from gala_viz.attribution.gradients import (
    GradientSpec,
    IntegratedGradientsSpec,
    input_x_gradient_states,
    integrated_gradients_states,
    saliency_states,
)
from gala_viz.attribution.guided_backprop import guided_backprop_states
from gala_viz.attribution.map_state import MapState
from gala_viz.attribution.occlusion import OcclusionSpec, occlusion_states
from gala_viz.attribution.smoothgrad import smoothgrad_states
from gala_viz.registry import Registry
from gala_viz.specs import SmoothGradSpec


@dataclass(frozen=True, kw_only=True, slots=True)
class AttributionMethod:
    """An attribution method: how it computes, its settings, its unit and its title.

    Parameters
    ----------
    title : str
        What pages and tables call it.
    spec_type : type
        Frozen dataclass of its settings, whose defaults are the default settings.
    units : str
        Unit of its values, for example ``PER_INPUT_UNIT``.
    states : callable
        ``states(network, network_input, image=, target=, spec=, chunk=, cancelled=)`` yields ``MapState``. A stochastic
        method also takes ``resume=``, a state to go on from.
    stochastic : bool
        Whether it draws random samples; its states then have a standard error.
    """

    title: str
    spec_type: type
    units: str
    states: Callable[..., Iterator[MapState]]
    stochastic: bool = False

    @property
    def per_input_unit(self) -> bool:
        """Whether values are per input unit: times the range of the input they are in logits."""
        return self.units == PER_INPUT_UNIT

    def validate_spec(self, spec: Any = None) -> Any:
        """Return the settings, or the default ones.

        Parameters
        ----------
        spec : object, optional
            Settings of the type ``spec_type``; default: the method's default settings.

        Returns
        -------
        object
            Settings of the type ``spec_type``.

        Raises
        ------
        TypeError
            The settings are of another method.
        """
        spec = self.spec_type() if spec is None else spec
        if not isinstance(spec, self.spec_type):
            raise TypeError(f"{self.title} takes {self.spec_type.__name__}; got {type(spec).__name__}.")
        return spec


PER_INPUT_UNIT = "logits per input unit"

METHODS: Registry[AttributionMethod] = Registry(
    "method",
    {
        "smoothgrad": AttributionMethod(
            title="SmoothGrad",
            spec_type=SmoothGradSpec,
            units=PER_INPUT_UNIT,
            states=smoothgrad_states,
            stochastic=True,
        ),
        "saliency": AttributionMethod(
            title="Gradient", spec_type=GradientSpec, units=PER_INPUT_UNIT, states=saliency_states
        ),
        "integrated_gradients": AttributionMethod(
            title="Integrated Gradients",
            spec_type=IntegratedGradientsSpec,
            units="logits",
            states=integrated_gradients_states,
        ),
        "input_x_gradient": AttributionMethod(
            title="Input x Gradient", spec_type=GradientSpec, units="logits", states=input_x_gradient_states
        ),
        "guided_backprop": AttributionMethod(
            title="Guided Backprop", spec_type=GradientSpec, units=PER_INPUT_UNIT, states=guided_backprop_states
        ),
        "grad_cam": AttributionMethod(
            title="Grad-CAM", spec_type=GradCamSpec, units="logits times activity", states=grad_cam_states
        ),
        "occlusion": AttributionMethod(
            title="Occlusion", spec_type=OcclusionSpec, units="logits", states=occlusion_states
        ),
    },
)
"""Name -> attribution method."""
