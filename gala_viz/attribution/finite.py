"""A network whose numbers are NaN or infinite is told by name, with the image: its first choice would be the first
category, and its map would look like an empty one.
"""

from __future__ import annotations

import numpy as np


class NotFiniteError(ValueError):
    """A network gave NaN or infinite values for an image; the message names both."""


def not_finite(values: np.ndarray, what: str, network: str, image: str) -> str:
    """A sentence where ``values`` are not all finite, "" else; ``what`` is for example "logits"."""
    finite = np.isfinite(values)
    if finite.all():
        return ""
    count = int(finite.size - finite.sum())
    return (
        f"{image}: {count} of {finite.size} {what} of {network} are NaN or infinite. Check its weights, its "
        "preprocessing, and its precision (float32 reaches further than bfloat16 and float16)."
    )


def check_finite(values: np.ndarray, what: str, network: str, image: str) -> None:
    """Raise ``NotFiniteError`` where ``values`` are not all finite."""
    if told := not_finite(values, what, network, image):
        raise NotFiniteError(told)


def check_pass(logits: np.ndarray, norms: dict[str, np.ndarray], network: str, image: str) -> None:
    """``check_finite`` of one image's logits (category,) and norms (y, x) by layer."""
    check_finite(logits, "logits", network, image)
    for layer, values in norms.items():
        check_finite(values, f"attention norms of layer {layer}", network, image)
