"""Networks as observers of an experiment: the same pictures, the same two answers, the same table of responses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from gala_viz.attribution.finite import check_finite
from gala_viz.collections.collection import Collection
from gala_viz.engine.results.prediction import softmax
from gala_viz.experiment.design import TEST, n_sets, set_conditions
from gala_viz.experiment.experiment_spec import ExperimentSpec, Level
from gala_viz.experiment.responses import format_level
from gala_viz.experiment.revelation import FULL
from gala_viz.experiment.stimuli import Stimuli
from gala_viz.imagenet import category_names, superclass_of_index
from gala_viz.networks.fuse_batchnorm import fuse_batchnorm
from gala_viz.networks.network import Network

Condition = tuple[str, Level]


def network_responses(
    stimuli: Stimuli, networks: Sequence[Network], progress: Callable[[int, int], None] = lambda done, total: None
) -> pd.DataFrame:
    """Return the answers of every network to every image in every condition, each picture made once for all networks.

    A network answers with the superclass whose categories have more of its probability together. It takes the place of
    one participant for each rotating set, so that its standard errors at a level are over sets, which share no picture
    there; its thresholds and tests are over images (``performance.resampled_units``). It has no reaction time. Raises
    ``ValueError`` for a network whose categories do not name both superclasses.
    """
    observers = [_Observer.of(network, stimuli) for network in networks]
    spec = stimuli.spec
    images = [image for some in spec.images.values() for image in some]
    answers: dict[tuple[str, Condition], list[int]] = {}
    shares = {}
    for done, image in enumerate(images):
        conditions = list(dict.fromkeys(_alike(condition) for condition in spec.conditions))
        pictures = [stimuli.render(image, *condition) for condition in conditions]
        said = [observer.answers(pictures) for observer in observers]
        for at, condition in enumerate(conditions):
            answers[image, condition] = [one[at] for one in said]
            shares[image, condition] = stimuli.revealed_percent(image, *condition)
        progress(done + 1, len(images))
    rows = []
    for number in range(n_sets(spec)):
        for at, (image, condition) in enumerate(set_conditions(spec, number).items()):
            share, said = shares[image, _alike(condition)], answers[image, _alike(condition)]
            told = _trial(spec, number, at, image, condition)
            told |= {"percent_important": share.important, "percent_all": share.all_pixels}
            told |= {"percent_important_shown": share.important_shown}
            for observer, answer in zip(observers, said, strict=True):
                response = spec.superclasses[answer]
                given = {"response": response, "correct": float(response == told["superclass"]), "rt": np.nan}
                rows.append({"observer": observer.network.name, **told, **given})
    return pd.DataFrame(rows)


def _alike(condition: Condition) -> Condition:
    """Return a condition without its map type for a full image, which is the same picture whatever the map type."""
    return ("", FULL) if condition[1] == FULL else condition


def _trial(spec: ExperimentSpec, number: int, at: int, image: str, condition: Condition) -> dict:
    return {
        "participant": f"set {number:02d}",
        "set": number,
        "trial_index": at,
        "trial_type": TEST,
        "block": 1,
        "stimulus": image,
        "superclass": spec.superclass_of[image],
        "map_type": condition[0],
        "level": format_level(condition[1]),
    }


@dataclass(frozen=True, slots=True)
class _Observer:
    network: Network
    members: NDArray[np.float64]
    """(superclass, category): 1 where the category is of the superclass."""

    @property
    def batch(self) -> int:
        """Pictures at a time: few on a CPU, whose memory for a layer is then used again instead of asked for anew."""
        return 4 if self.network.device.type == "cpu" else 64

    @classmethod
    def of(cls, network: Network, stimuli: Stimuli) -> _Observer:
        members = category_members(network.categories, stimuli.collection, stimuli.spec.superclasses)
        return cls(fuse_batchnorm(network), members)

    def answers(self, pictures: list[NDArray[np.uint8]]) -> list[int]:
        """Return numbers of superclasses. A picture fills the network's whole frame."""
        whole = self.network.preprocessing.uncut()
        inputs = torch.from_numpy(np.stack([whole.to_input(one) for one in pictures]))
        with self.network.computing(), torch.no_grad():
            parts = [self.network.logits(some.to(self.network.device)) for some in inputs.split(self.batch)]
        logits = torch.cat(parts).float().cpu().numpy()
        check_finite(logits, "logits", self.network.name, "the pictures of a trial")
        probabilities = softmax(logits)
        return (probabilities @ self.members.T).argmax(axis=1).tolist()


def category_members(
    categories: Sequence[str], collection: Collection, superclasses: Sequence[str]
) -> NDArray[np.float64]:
    """(superclass, category): which of a network's ``categories`` are of which superclass, 1 or 0.

    ImageNet's 1,000 by WordNet, so that no animal or vehicle is left out; other categories by the collection's images.
    """
    if tuple(categories) == category_names():
        found = [superclass_of_index(index) for index in range(len(categories))]
    else:
        known = {collection.category(image): collection.superclass(image) for image in collection.images}
        found = [known.get(category) for category in categories]
    members = np.array([[one == superclass for one in found] for superclass in superclasses], dtype=float)
    for superclass, row in zip(superclasses, members, strict=True):
        if not row.any():
            raise ValueError(f"none of the network's {len(categories)} categories is known to be of {superclass!r}.")
    return members
