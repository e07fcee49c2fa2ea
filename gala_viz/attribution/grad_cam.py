"""Grad-CAM through Captum, interpolated to the input's frame."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from captum.attr import LayerAttribution, LayerGradCam
from torch import Tensor, nn

from gala_viz.attribution.frozen_eval import frozen_eval
from gala_viz.attribution.gradients import single_pass_states
from gala_viz.attribution.map_state import MapState
from gala_viz.attribution.smoothgrad import DifferentiableNetwork
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


def grad_cam_states(
    network: DifferentiableNetwork, network_input: np.ndarray, *, target: int, spec: GradCamSpec, **options: object
) -> Iterator[MapState]:
    """Yield the Grad-CAM map of one input: channel activities weighted by their mean gradients, summed, then ReLU.

    It is computed on the layer's grid and interpolated bilinearly to the input's size. Its unit is logits times
    activity per position, so that only its shape is comparable between networks.

    Parameters
    ----------
    network : DifferentiableNetwork
        Whose logit is explained.
    network_input : ndarray, (channel, y, x), float32
        One image in the network's input space.
    target : int
        Category index of the logit.
    spec : GradCamSpec
        The layer.
    **options : object
        Further keyword arguments of all methods, of which ``cancelled`` is used.

    Yields
    ------
    MapState
        One state, whose map has one channel (1, y, x); none where the computation is cancelled before it begins.

    Raises
    ------
    ValueError
        There is no such layer, or its output has no positions.

    References
    ----------
    Selvaraju et al. 2017.
    """
    layer = find_cam_layer(network, network_input, spec.layer)
    method = LayerGradCam(network.logits, layer)

    def attribute(batch: Tensor) -> Tensor:
        cam = method.attribute(batch, target=target, relu_attributions=True)
        if not isinstance(cam, Tensor) or cam.ndim != 4:
            output = f"{cam.ndim} dims" if isinstance(cam, Tensor) else f"{len(cam)} outputs"
            raise ValueError(f"Grad-CAM needs a layer with positions (B, C, H, W); {spec.layer!r} gives {output}.")
        return LayerAttribution.interpolate(cam.float(), network_input.shape[-2:], "bilinear")

    yield from single_pass_states(network, network_input, target, options, attribute)


def find_cam_layer(network: DifferentiableNetwork, network_input: np.ndarray, name: str = LAST_LAYER) -> nn.Module:
    """Return the module that ``GradCamSpec.layer`` names.

    Parameters
    ----------
    network : DifferentiableNetwork
        The network to search.
    network_input : ndarray, (channel, y, x), float32
        One input; for "last" one forward pass of it finds the layer.
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
    with frozen_eval(network.module), torch.no_grad():
        handles = [part.register_forward_hook(note) for part in candidates]
        try:
            network.logits(torch.from_numpy(np.array(network_input[None], np.float32)).to(network.device))
        finally:
            for handle in handles:
                handle.remove()
    if not layers_run:
        raise ValueError("Grad-CAM needs a convolution that gives a map; this network has none. Use 'saliency'.")
    return layers_run[-1]
