"""Which images train, which choose, which are reported: decided by an image's id alone, before anything is tried."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Literal

Split = Literal["train", "validation", "test"]
SPLIT_SEED = 0
TRAIN_SHARE, VALIDATION_SHARE = 0.60, 0.15
"""Expected shares; the test split is the rest."""


def split_of(image: str, *, seed: int = SPLIT_SEED) -> Split:
    """The split of the image with this id: train 60 %, validation 15 %, test 25 % in expectation.

    A hash of ``seed`` and the id decides, so that the answer needs no list, is the same on every machine and does not
    move when images are added.
    """
    digest = hashlib.sha256(f"split:{seed}:{image}".encode()).digest()
    position = int.from_bytes(digest[:8], "big") / 2**64
    if position < TRAIN_SHARE:
        return "train"
    return "validation" if position < TRAIN_SHARE + VALIDATION_SHARE else "test"


def images_of_split(images: Iterable[str], split: Split, *, seed: int = SPLIT_SEED) -> tuple[str, ...]:
    """Those of ``images`` that fall into ``split``, in their order."""
    if split not in ("train", "validation", "test"):
        raise ValueError(f"a split is 'train', 'validation' or 'test'; got {split!r}.")
    return tuple(image for image in images if split_of(image, seed=seed) == split)


def describe_splits(*, seed: int = SPLIT_SEED) -> str:
    """The rule as a sentence, for cards."""
    shares = (
        f"train {TRAIN_SHARE:.0%}, validation {VALIDATION_SHARE:.0%}, test {1 - TRAIN_SHARE - VALIDATION_SHARE:.0%}"
    )
    return f"by sha256 of 'split:{seed}:<image id>': {shares}"
