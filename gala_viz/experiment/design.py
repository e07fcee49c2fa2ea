"""Design of an experiment: rotating sets of conditions, and the order of one participant's trials."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gala_viz.deprecated_paths import deprecated_getattr
from gala_viz.experiment.experiment_spec import ExperimentSpec, Level
from gala_viz.experiment.revelation import FULL

PRACTICE, TEST = "practice", "test"


@dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """One image in one condition. ``number`` counts from 0 over practice and blocks; ``block`` is 0 in practice."""

    number: int
    block: int
    phase: str
    image: str
    map_type: str
    level: Level
    fixation_ms: float


def n_sets(spec: ExperimentSpec) -> int:
    """Return the number of sets, that of conditions: over all sets every image is in every condition once."""
    return len(spec.conditions)


def set_conditions(spec: ExperimentSpec, set_number: int) -> dict[str, tuple[str, Level]]:
    """Return image -> condition (map type, level) in set ``set_number``.

    The k-th image of a superclass is in condition k + set number, modulo the number of conditions: where the number of
    a superclass's images is a multiple of that of conditions, all conditions have equally many of it
    (``imbalance`` says where they do not). Raises
    ``ValueError`` for a number that no set has.
    """
    conditions = spec.conditions
    if not 0 <= set_number < len(conditions):
        raise ValueError(f"sets are numbered 0 to {len(conditions) - 1}; got {set_number}.")
    return {
        image: conditions[(position + set_number) % len(conditions)]
        for images in spec.images.values()
        for position, image in enumerate(images)
    }


def imbalance(spec: ExperimentSpec) -> str:
    """Return a sentence on conditions that have more images of a superclass than others; "" where none has."""
    k = len(spec.conditions)
    uneven = [
        f"of {len(images)} images of {name} a set has {len(images) // k} or {len(images) // k + 1} in a condition"
        for name, images in spec.images.items()
        if len(images) % k
    ]
    if not uneven:
        return ""
    return (
        f"Not balanced: {' and '.join(uneven)}. With a multiple of {k} images of each superclass, for {k} conditions, "
        f"each has equally many."
    )


def trial_sequence(spec: ExperimentSpec, set_number: int, seed: int) -> tuple[Trial, ...]:
    """Return all trials of a participant of set ``set_number``: practice on full images, then the blocks.

    The spec's seed and the participant's ``seed`` determine the order and the durations of the fixations.
    """
    rng = np.random.default_rng([spec.seed, seed])
    of_image = set_conditions(spec, set_number)
    images = list(of_image)
    order = [images[position] for position in rng.permutation(len(images))]
    blocks = np.array_split(np.arange(len(order)), spec.n_blocks)
    any_type = next(iter(spec.maps))
    practice = [image for some in spec.practice.values() for image in some]
    planned = [(0, PRACTICE, practice[position], (any_type, FULL)) for position in rng.permutation(len(practice))]
    for block, positions in enumerate(blocks, start=1):
        planned += [(block, TEST, order[position], of_image[order[position]]) for position in positions]
    fixations = rng.choice(spec.timing.fixation_ms, size=len(planned))
    return tuple(
        Trial(
            number=number,
            block=block,
            phase=phase,
            image=image,
            map_type=map_type,
            level=level,
            fixation_ms=float(fixation),
        )
        for number, ((block, phase, image, (map_type, level)), fixation) in enumerate(
            zip(planned, fixations, strict=True)
        )
    )


__getattr__ = deprecated_getattr(__name__)
