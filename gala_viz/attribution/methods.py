"""Every attribution method by name."""

from __future__ import annotations

from gala_viz.attribution.grad_cam import GradCam
from gala_viz.attribution.gradients import InputXGradient, IntegratedGradients, Saliency
from gala_viz.attribution.guided_backprop import GuidedBackprop
from gala_viz.attribution.method import AttributionMethod
from gala_viz.attribution.occlusion import Occlusion
from gala_viz.attribution.smoothgrad import SmoothGrad
from gala_viz.registry import Registry

METHODS: Registry[type[AttributionMethod]] = Registry(
    "method",
    {
        "smoothgrad": SmoothGrad,
        "saliency": Saliency,
        "integrated_gradients": IntegratedGradients,
        "input_x_gradient": InputXGradient,
        "guided_backprop": GuidedBackprop,
        "grad_cam": GradCam,
        "occlusion": Occlusion,
    },
)
"""Name -> class of an attribution method."""
