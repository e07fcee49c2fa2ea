"""Grad-CAM through Captum, interpolated to the input's frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import captum.attr
import torch
from torch import Tensor, nn

from gala_viz.attribution.method import AttributionMethod, DifferentiableNetwork
from gala_viz.registry import unknown_name

LAST_LAYER = "last"


@dataclass(frozen=True, kw_only=True, slots=True)
class GradCamSpec:
    """Settings of Grad-CAM: the layer whose output is weighted.

    Parameters
    ----------
    layer : str
        A module's path as in ``named_modules()``, or "last": of the convolutions and batch norms that give more than
        one position and more than one channel, the last that runs. With a batch norm behind the last convolution that
        is the batch norm, so that fusing the two changes nothing.

    References
    ----------
    Selvaraju et al. 2017.
    """

    layer: str = LAST_LAYER

    def __post_init__(self) -> None:
        if not isinstance(self.layer, str) or not self.layer:
            raise ValueError(f"layer is a module's path or {LAST_LAYER!r}; got {self.layer!r}.")


class GradCam(AttributionMethod):
    """Grad-CAM: channel activities of a layer weighted by their mean gradients, summed, then ReLU.

    It is computed on the layer's grid and interpolated bilinearly to the input's size. Its unit is logits times
    activity per position, so that only its shape is comparable between networks.

    References
    ----------
    Selvaraju et al. 2017.
    """

    title: ClassVar[str] = "Grad-CAM"
    spec_type: ClassVar[type] = GradCamSpec
    units: ClassVar[str] = "logits times activity"

    _layer: nn.Module | None = None

    def attribute(self, samples: Tensor, targets: Tensor) -> Tensor:
        """Return the map at each sample (B, 1, y, x).

        Raises ``ValueError`` where there is no such layer, or its output has no positions.
        """
        if self._layer is None:
            self._layer = find_cam_layer(self.network, samples[:1], self.spec.layer)
        cam = captum.attr.LayerGradCam(self.network.logits, self._layer).attribute(
            samples, target=targets, relu_attributions=True
        )
        if not isinstance(cam, Tensor) or cam.ndim != 4:
            output = f"{cam.ndim} dims" if isinstance(cam, Tensor) else f"{len(cam)} outputs"
            raise ValueError(f"Grad-CAM needs a layer with positions (B, C, H, W); {self.spec.layer!r} gives {output}.")
        return captum.attr.LayerAttribution.interpolate(cam.float(), samples.shape[-2:], "bilinear")


def find_cam_layer(network: DifferentiableNetwork, inputs: Tensor, name: str = LAST_LAYER) -> nn.Module:
    """Return the module that ``GradCamSpec.layer`` names.

    Parameters
    ----------
    network : DifferentiableNetwork
        The network to search.
    inputs : Tensor, (B, channel, y, x), float32
        For "last" one forward pass of them finds the layer.
    name : str
        A module's path, or "last".

    Returns
    -------
    nn.Module
        The module.

    Raises
    ------
    ValueError
        No module has this path, or for "last" no convolution gives a map.
    """
    modules = dict(network.module.named_modules())
    if name != LAST_LAYER:
        if name not in modules:
            raise ValueError(unknown_name("module", name, [path for path in modules if path]))
        return modules[name]
    layers_run: list[nn.Module] = []

    def note(module: nn.Module, _inputs: object, output: Tensor) -> None:
        if output.ndim == 4 and output.shape[1] > 1 and output.shape[2] * output.shape[3] > 1:
            layers_run.append(module)

    candidates = [part for part in modules.values() if isinstance(part, (nn.Conv2d, nn.BatchNorm2d))]
    with network.computing(), torch.no_grad():
        handles = [part.register_forward_hook(note) for part in candidates]
        try:
            network.logits(inputs)
        finally:
            for handle in handles:
                handle.remove()
    if not layers_run:
        raise ValueError("Grad-CAM needs a convolution that gives a map; this network has none. Use 'saliency'.")
    return layers_run[-1]
