"""Who sees which image how: rotating sets, and the order of one participant's trials."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

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
    """As many sets as conditions: over all sets every image is seen in every condition once."""
    return len(spec.conditions)


def set_conditions(spec: ExperimentSpec, set_number: int) -> dict[str, tuple[str, Level]]:
    """Image -> condition in set ``set_number``: the k-th image of a superclass is in condition k + number, around.

    Where the count of a superclass's images is a multiple of the conditions, every condition has alike many of it.
    """
    conditions = spec.conditions
    if not 0 <= set_number < len(conditions):
        raise ValueError(f"sets are numbered 0 to {len(conditions) - 1}; got {set_number}.")
    return {
        image: conditions[(at + set_number) % len(conditions)]
        for images in spec.images.values()
        for at, image in enumerate(images)
    }


def trial_sequence(spec: ExperimentSpec, set_number: int, seed: int) -> tuple[Trial, ...]:
    """All trials of a participant of set ``set_number``: practice on full images, then the blocks, "
    "shuffled by ``seed``."""
    chance = np.random.default_rng([spec.seed, seed])
    of_image = set_conditions(spec, set_number)
    images = list(of_image)
    order = [images[at] for at in chance.permutation(len(images))]
    blocks = np.array_split(np.arange(len(order)), spec.n_blocks)
    any_type = next(iter(spec.maps))
    practice = [image for some in spec.practice.values() for image in some]
    planned = [(0, PRACTICE, practice[at], (any_type, FULL)) for at in chance.permutation(len(practice))]
    for block, places in enumerate(blocks, start=1):
        planned += [(block, TEST, order[at], of_image[order[at]]) for at in places]
    fixations = chance.choice(spec.timing.fixation_ms, size=len(planned))
    return tuple(
        Trial(
            number=at,
            block=block,
            phase=phase,
            image=image,
            map_type=map_type,
            level=level,
            fixation_ms=float(fixation),
        )
        for at, ((block, phase, image, (map_type, level)), fixation) in enumerate(zip(planned, fixations, strict=True))
    )
