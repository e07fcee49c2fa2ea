"""The results of one forward pass of one network on one image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gala_viz.attribution.finite import check_finite


@dataclass(frozen=True, slots=True, eq=False)
class ForwardResult:
    """The results of one forward pass of one network on one image.

    Parameters
    ----------
    logits : ndarray, (category,), float32
        Logits of the image.
    norms : dict of str to ndarray, (y, x), float32
        Layer -> its norm at its own grid: the L2 norm over channels at each position, of A, which is unitless, or of
        the activity of a hooked module, in its own unit.
    """

    logits: np.ndarray
    norms: dict[str, np.ndarray]

    def check(self, network: str, image: str) -> None:
        """Raise ``NonFiniteError``, which names ``network`` and ``image``, where a value is NaN or infinite."""
        check_finite(self.logits, "logits", network, image)
        for layer, values in self.norms.items():
            check_finite(values, f"attention norms of layer {layer}", network, image)


NO_ANSWER = ForwardResult(np.zeros(0, np.float32), {})
"""Of imported maps: what their network gave for an image is not known."""
