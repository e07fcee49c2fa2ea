"""SmoothGrad: the mean of signed gradients at noisy copies of an image.

The gradient is Captum's ``Saliency`` with ``abs=False``; the result equals Captum's ``NoiseTunnel`` around it with the
same noise. Unlike there, noise belongs to (seed, image, sample), memory does not grow with n, and a map of any number
of samples can be shown, stored and resumed, with its Monte-Carlo error
(``gala_viz.engine.results.jackknife.monte_carlo_error``).
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from torch import Tensor

from gala_viz.attribution.gradients import Saliency
from gala_viz.attribution.method import ExplainedImage
from gala_viz.attribution.noise import noise_key, noise_sigma, write_standard_normal
from gala_viz.specs import SmoothGradSpec


class SmoothGrad(Saliency):
    """The mean gradient of the target's logit over ``n_samples`` noisy copies, in logits per input unit.

    References
    ----------
    Smilkov et al. 2017.
    """

    title: ClassVar[str] = "SmoothGrad"
    spec_type: ClassVar[type] = SmoothGradSpec
    stochastic: ClassVar[bool] = True

    def n_samples(self, shape: tuple[int, ...]) -> int:
        """Return the number of noisy copies."""
        return self.spec.n_samples

    def sigma(self, network_input: np.ndarray) -> float:
        """Return the standard deviation of the noise in input units."""
        return noise_sigma(network_input, self.spec.noise_fraction)

    def write_samples(self, samples: Tensor, explained: ExplainedImage, first: int) -> None:
        """Write noisy copies; their noise depends on seed, image and number alone."""
        if explained.sigma == 0:
            super().write_samples(samples, explained, first)
            return
        write_standard_normal(samples, noise_key(self.spec.seed, explained.image), first)
        if samples.device.type == "cpu":  # NumPy's one thread, as PyTorch's would wait for each other
            noisy = samples.numpy()
            noisy *= np.float32(explained.sigma)
            noisy += explained.values.numpy()
        else:
            samples.mul_(explained.sigma).add_(explained.values)
