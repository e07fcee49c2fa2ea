"""The base class of attribution methods: what is drawn of an image, what is explained of a draw, how draws make a map.

A map is a sum over numbered samples of an image: noisy copies, points on a path, covered copies, or the image itself,
once. A sample depends on the image and its number alone, so that samples of several images can share a batch, in any
company, and a map can be resumed (``gala_viz.attribution.packing``).
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from gala_viz.networks.devices import upload

PER_INPUT_UNIT = "logits per input unit"

CPU_BATCH_SIZE = 5
ACCELERATOR_BATCH_SIZE = 50


class DifferentiableNetwork(Protocol):
    """What attribution needs of a network; ``gala_viz.networks.network.Network`` has it.

    Attributes
    ----------
    module : nn.Module
        The network's module.
    device : torch.device
        Where inputs are put.
    """

    module: nn.Module
    device: torch.device

    def computing(self) -> AbstractContextManager[Any]:
        """Return the context of one pass: the module frozen in eval mode, restored at the end.

        ``gala_viz.networks.frozen_eval.frozen_eval`` of the module is one.
        """
        ...

    def logits(self, batch: Tensor) -> Tensor:
        """Return the logits of a batch, differentiable with respect to it.

        Parameters
        ----------
        batch : Tensor, (B, C, y, x), float32
            Network inputs.

        Returns
        -------
        Tensor, (B, category)
            Logits.
        """
        ...


@dataclass(frozen=True, slots=True, eq=False)
class ExplainedImage:
    """One image whose map is computed.

    Parameters
    ----------
    image : str
        Id of the image, which names its noise.
    values : Tensor, (channel, y, x), float32
        The image in the network's input space, on the network's device.
    target : int
        Category index of the logit that is explained.
    sigma : float
        Standard deviation of the noise in input units; 0: no noise.
    """

    image: str
    values: Tensor
    target: int
    sigma: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class NoSettings:
    """Settings of methods that have none."""


class AttributionMethod:
    """An attribution method with its settings, for one network.

    A subclass names its title, unit and settings, and says at least what ``attribute`` computes of a batch. Methods of
    one pass need nothing else.

    Parameters
    ----------
    network : DifferentiableNetwork
        Whose logits are explained.
    spec : object, optional
        Settings of the type ``spec_type``; default: the method's default settings.

    Attributes
    ----------
    title : str
        What pages and tables call it.
    spec_type : type
        Frozen dataclass of its settings, whose defaults are the default settings.
    units : str
        Unit of its maps, for example ``PER_INPUT_UNIT``.
    stochastic : bool
        Whether its samples are random; its maps are then means over samples, with a Monte-Carlo error.
    version : int
        Goes up whenever the method gives other maps with the same settings; cached maps of before are then not used.
    """

    title: ClassVar[str]
    spec_type: ClassVar[type] = NoSettings
    units: ClassVar[str] = PER_INPUT_UNIT
    stochastic: ClassVar[bool] = False
    version: ClassVar[int] = 1

    def __init__(self, network: DifferentiableNetwork, spec: Any = None) -> None:
        self.network = network
        self.spec = self.validate_spec(spec)

    @property
    def layer_path(self) -> str | None:
        """Path of the layer at which maps are computed, after the first sample; None for methods without one."""
        return None

    @classmethod
    def per_input_unit(cls) -> bool:
        """Return whether maps are per input unit: times the range of the input they are in logits."""
        return cls.units == PER_INPUT_UNIT

    @classmethod
    def validate_spec(cls, spec: Any = None) -> Any:
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
        spec = cls.spec_type() if spec is None else spec
        if not isinstance(spec, cls.spec_type):
            raise TypeError(f"{cls.title} takes {cls.spec_type.__name__}; got {type(spec).__name__}.")
        return spec

    def explained(
        self, network_input: np.ndarray, *, image: str, target: int, values: Tensor | None = None
    ) -> ExplainedImage:
        """Return an image as the method's other functions take it.

        Parameters
        ----------
        network_input : ndarray, (channel, y, x)
            One image in the network's input space; it is converted to float32.
        image : str
            Id of the image.
        target : int
            Category index of the logit that is explained.
        values : Tensor, (channel, y, x), float32, optional
            The same image on the network's device, where it is there already; default: it is uploaded.

        Returns
        -------
        ExplainedImage
            On the network's device.

        Raises
        ------
        ValueError
            The input is not one image.
        """
        if network_input.ndim != 3:
            raise ValueError(f"one image (channel, y, x) was expected; got shape {network_input.shape}.")
        values = upload(network_input, self.network.device) if values is None else values
        return ExplainedImage(image, values, target, self.sigma(network_input))

    def batch_size(self) -> int:
        """Return the number of samples in a batch, by method and device alone, so that it never changes a map.

        On a CPU it is 5, more being slower (its caches overflow), and 1 for methods of one pass. On an accelerator it
        is 50, the samples of one image by default: there a batch takes nearly as long whatever its size.
        """
        if self.network.device.type != "cpu":
            return ACCELERATOR_BATCH_SIZE
        return 1 if type(self).n_samples is AttributionMethod.n_samples else CPU_BATCH_SIZE

    def sigma(self, network_input: np.ndarray) -> float:
        """Return the standard deviation of the noise of one image in input units; 0: no noise."""
        return 0.0

    def n_samples(self, shape: tuple[int, ...]) -> int:
        """Return the number of samples of an image of ``shape`` (channel, y, x)."""
        return 1

    def write_samples(self, samples: Tensor, explained: ExplainedImage, first: int) -> None:
        """Write consecutive samples of an image.

        Parameters
        ----------
        samples : Tensor, (sample, channel, y, x), float32
            Where they are written, on the network's device, contiguous.
        explained : ExplainedImage
            The image.
        first : int
            Number of the first of them.
        """
        samples.copy_(explained.values.expand_as(samples))

    def attribute(self, samples: Tensor, targets: Tensor) -> Tensor:
        """Return what is explained of each sample.

        Parameters
        ----------
        samples : Tensor, (B, channel, y, x), float32
            Samples of one or several images; gradients are on.
        targets : Tensor, (B,), int64
            Category index of each.

        Returns
        -------
        Tensor, (B, ...)
            Values of each sample, which depend on this sample alone.
        """
        raise NotImplementedError

    def contribution(self, values: Tensor, explained: ExplainedImage, first: int, at_first: Tensor) -> Tensor:
        """Return what each sample adds to the image's sum, by default its values.

        Parameters
        ----------
        values : Tensor, (sample, ...)
            What ``attribute`` returned for consecutive samples of the image.
        explained : ExplainedImage
            The image.
        first : int
            Number of the first of them.
        at_first : Tensor, (...)
            What ``attribute`` returned for the image's sample number 0.

        Returns
        -------
        Tensor, (sample, channel or 1, y, x)
            The addends.
        """
        return values

    def finish(self, total: Tensor, n: int, explained: ExplainedImage) -> Tensor:
        """Return the signed map that a sum over samples makes, by default their mean.

        Parameters
        ----------
        total : Tensor, (channel or 1, y, x), float32
            Sum over the first ``n`` samples.
        n : int
            Samples so far, at least 1.
        explained : ExplainedImage
            The image.

        Returns
        -------
        Tensor, (channel or 1, y, x)
            Map in the method's unit.
        """
        return total / n
