"""Whose logit is explained: each network's own first choice, the true category, or one category by index."""

from __future__ import annotations

import numpy as np

from gala_viz.specs import Target


def target_index(target: Target, logits: np.ndarray, label: int | None, *, image: str) -> int:
    """Return the category index that a target means for one image and one network.

    Parameters
    ----------
    target : {"own", "label"} or int
        The network's own first choice, the true category, or an index.
    logits : ndarray, (category,)
        Logits of the network for the image.
    label : int, optional
        Index of the true category; None where it is unknown.
    image : str
        Id of the image, for the error.

    Returns
    -------
    int
        Index of a category of the network.

    Raises
    ------
    ValueError
        The target is "label" and the true category is unknown, or an index is out of range.
    """
    if target == "own":
        return int(logits.argmax())
    if target == "label":
        if label is None:
            raise ValueError(
                f"the true category of {image!r} is not known to this network; choose target 'own' or an index."
            )
        return label
    if not 0 <= int(target) < len(logits):
        raise ValueError(f"a category index lies between 0 and {len(logits) - 1}; got {target!r}.")
    return int(target)
