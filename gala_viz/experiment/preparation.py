"""Preparation of an experiment's spec from a collection: its images are sampled by rule, never by eye."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gala_viz.collections.collection import Collection
from gala_viz.collections.image_sampling import sample_images
from gala_viz.collections.photo_files import UnreadableImageError
from gala_viz.experiment.experiment_spec import DEFAULT_MAPS, N_BLOCKS, ExperimentSpec
from gala_viz.experiment.importance import ImportanceFunction, importance_source, is_simulated
from gala_viz.splits import splits_of


@dataclass(frozen=True, kw_only=True, slots=True)
class PreparationSpec:
    """How images are sampled: ``n_images`` of ``split``, half of each superclass, and ``n_practice`` more.

    ``superclasses`` may be left out where the split has just two. ``maps`` are map type -> source of importance, in a
    frame of ``side_px``.
    """

    n_images: int = 240
    n_practice: int = 6
    split: str = "test"
    superclasses: Sequence[str] = ()
    maps: Mapping[str, str] = field(default_factory=lambda: dict(DEFAULT_MAPS))
    side_px: int = 256
    seed: int = 0

    def __post_init__(self) -> None:
        if self.n_images < 2 or self.n_images % 2 or self.n_practice < 0 or self.n_practice % 2:
            raise ValueError(
                "n_images and n_practice are even, half of each superclass, and there are at least two images; "
                f"got {self.n_images} and {self.n_practice}."
            )


def prepare_experiment(
    collection: Collection, opened_as: str, preparation: PreparationSpec, **settings: Any
) -> ExperimentSpec:
    """Prepare the spec of an experiment on ``collection``.

    Only images that can be read, and on which every source of importance has a positive value, take part; those of
    practice come last in the sampled order.

    Parameters
    ----------
    collection : Collection
        Photographs, superclasses, splits and human maps.
    opened_as : str
        Text by which ``open_collection`` opens the collection again.
    preparation : PreparationSpec
        How many images of which split and superclasses, and the map types.
    **settings
        Further settings of ``ExperimentSpec``; ``title`` is the collection's by default.

    Returns
    -------
    ExperimentSpec
        The experiment.

    Raises
    ------
    ValueError
        There are too few images, or not two superclasses.
    """
    pool = splits_of(collection).images_of(preparation.split)
    superclasses = _superclasses(collection, pool, preparation)
    sources = [importance_source(source, collection, preparation.side_px) for source in preparation.maps.values()]
    each, practice_each = preparation.n_images // 2, preparation.n_practice // 2
    images, practice = {}, {}
    for name in superclasses:
        own = [image for image in pool if collection.superclass(image) == name]
        usable = _usable(collection, own, sources, each + practice_each, preparation.seed)
        if len(usable) < each + practice_each:
            listed = ", ".join(f"{map_type} ({source})" for map_type, source in preparation.maps.items())
            raise ValueError(
                f"{collection.name}: {each + practice_each} images of {name} were asked for, practice included; "
                f"{len(usable)} of {len(own)} in the {preparation.split} split can be read and have importance "
                f"by {listed}."
            )
        images[name], practice[name] = usable[:each], usable[each:]
    first = images[superclasses[0]][0]
    settings.setdefault("n_blocks", min(N_BLOCKS, preparation.n_images))
    return ExperimentSpec(
        title=settings.pop("title", collection.title),
        opened_as=opened_as,
        collection=collection.fingerprint,
        images=images,
        practice=practice,
        maps=dict(preparation.maps),
        simulated=tuple(name for name, source in preparation.maps.items() if is_simulated(source, collection, first)),
        side_px=preparation.side_px,
        seed=preparation.seed,
        **settings,
    )


def _superclasses(collection: Collection, pool: Sequence[str], wanted: PreparationSpec) -> tuple[str, ...]:
    known = sorted({name for image in pool if (name := collection.superclass(image)) is not None})
    if not wanted.superclasses and len(known) == 2:
        return tuple(known)
    if len(set(wanted.superclasses)) != 2 or not set(wanted.superclasses) <= set(known):
        raise ValueError(
            f"{collection.name}: two superclasses were expected, for example of folders animal/ and vehicle/; "
            f"known are {', '.join(known) or 'none'}, asked for {', '.join(wanted.superclasses) or 'none'}."
        )
    return tuple(wanted.superclasses)


def _usable(
    collection: Collection, images: Sequence[str], sources: Sequence[ImportanceFunction], count: int, seed: int
) -> tuple[str, ...]:
    """Sample ``count`` images that can be read and have importance by all sources; fewer where there are no more."""
    usable: list[str] = []
    for image in sample_images(collection, images, len(images), seed=seed, purpose="experiment"):
        if len(usable) == count:
            break
        try:
            collection.photo(image)
            maps = [source(image) for source in sources]
        except (UnreadableImageError, ValueError):
            continue
        if all(one is not None and np.isfinite(one).all() and one.max() > 0 for one in maps):
            usable.append(image)
    return tuple(usable)
