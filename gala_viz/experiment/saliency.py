"""Bottom-up saliency by name, from OpenCV: what stands out in an image whatever it shows.

Sources: spectral residual, Hou & Zhang 2007 (CVPR); fine-grained, Montabone & Soto 2010 (Image and Vision Computing).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from gala_viz.registry import UnknownNameError, unknown_name

SALIENCY_MODELS = {
    "spectral-residual": "StaticSaliencySpectralResidual_create",
    "fine-grained": "StaticSaliencyFineGrained_create",
}
"""Name -> constructor of the model in ``cv2.saliency``."""


def saliency_model(name: str) -> Callable[[NDArray[np.uint8]], NDArray[np.float32]]:
    """Return the model called ``name``: RGB (y, x, 3) uint8 -> saliency (y, x) float32, none below 0, no unit.

    Raises ``UnknownNameError`` for any other name; the model raises ``ValueError`` for an image without saliency.
    """
    if name not in SALIENCY_MODELS:
        raise UnknownNameError(unknown_name("saliency model", name, list(SALIENCY_MODELS)))
    return lambda photo: _computed(name, photo)


def _computed(name: str, photo: NDArray[np.uint8]) -> NDArray[np.float32]:
    import cv2

    model = getattr(cv2.saliency, SALIENCY_MODELS[name])()
    success, values = model.computeSaliency(cv2.cvtColor(np.ascontiguousarray(photo), cv2.COLOR_RGB2BGR))
    if not success:
        raise ValueError(f"{name} found no saliency in an image of {photo.shape[1]} x {photo.shape[0]} pixels.")
    return np.maximum(values.astype(np.float32), 0)
