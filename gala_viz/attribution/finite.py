"""A network whose numbers are NaN or infinite is told by name, with the image: its first choice would be the first
category, and its map would look like an empty one.
"""

from __future__ import annotations

import numpy as np


class NonFiniteError(ValueError):
    """A network gave NaN or infinite values for an image; the message names both."""


def non_finite_message(values: np.ndarray, quantity: str, network: str, image: str) -> str:
    """A sentence where ``values`` are not all finite, "" else; ``quantity`` is for example "logits"."""
    finite = np.isfinite(values)
    if finite.all():
        return ""
    count = int(finite.size - finite.sum())
    return (
        f"{image}: {count} of {finite.size} {quantity} of {network} are NaN or infinite. Check its weights, its "
        "preprocessing, and its precision (float32 reaches further than bfloat16 and float16)."
    )


def check_finite(values: np.ndarray, quantity: str, network: str, image: str) -> None:
    """Raise ``NonFiniteError`` where ``values`` are not all finite."""
    if told := non_finite_message(values, quantity, network, image):
        raise NonFiniteError(told)


def check_forward_pass(logits: np.ndarray, norms: dict[str, np.ndarray], network: str, image: str) -> None:
    """``check_finite`` of one image's logits (category,) and norms (y, x) by layer."""
    check_finite(logits, "logits", network, image)
    for layer, values in norms.items():
        check_finite(values, f"attention norms of layer {layer}", network, image)
