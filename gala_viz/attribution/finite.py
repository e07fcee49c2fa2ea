"""Errors for a network that gives NaN or infinite values; they name the network and the image.

Without them its first choice would be the first category, and its map would look like an empty one.
"""

from __future__ import annotations

import numpy as np


class NonFiniteError(ValueError):
    """A network gave NaN or infinite values for an image; the message names both."""


def non_finite_message(values: np.ndarray, quantity: str, network: str, image: str) -> str:
    """Return a sentence where values are not all finite, else "".

    Parameters
    ----------
    values : ndarray
        Of any shape.
    quantity : str
        What the values are, for example "logits".
    network : str
        Name of the network.
    image : str
        Id of the image.

    Returns
    -------
    str
        How many values are NaN or infinite, and what to check; "" where all are finite.
    """
    finite = np.isfinite(values)
    if finite.all():
        return ""
    count = int(finite.size - finite.sum())
    return (
        f"{image}: {count} of {finite.size} {quantity} of {network} are NaN or infinite. Check its weights, its "
        "preprocessing, and its precision (float32 reaches further than bfloat16 and float16)."
    )


def check_finite(values: np.ndarray, quantity: str, network: str, image: str) -> None:
    """Raise ``NonFiniteError`` where values are not all finite.

    Parameters
    ----------
    values : ndarray
        Of any shape.
    quantity : str
        What the values are, for example "logits".
    network : str
        Name of the network.
    image : str
        Id of the image.

    Raises
    ------
    NonFiniteError
        Some values are NaN or infinite.
    """
    if message := non_finite_message(values, quantity, network, image):
        raise NonFiniteError(message)
