"""What the two networks see of an image, and what one forward pass of each tells about it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from gala_viz.attribution.network_identity import state_dict_sha256
from gala_viz.attribution.provenance import code_versions
from gala_viz.collections.collection import Collection
from gala_viz.engine.forward import forward
from gala_viz.engine.results.forward_result import ForwardResult
from gala_viz.engine.results.prediction import prediction_of
from gala_viz.imagenet import label_index
from gala_viz.live.kept import Results, n_bytes
from gala_viz.live.turns import Turns
from gala_viz.live.uploads import Uploads
from gala_viz.networks.frames import resample_to_frame
from gala_viz.networks.layer_labels import layer_units
from gala_viz.networks.network import Network
from gala_viz.networks.output_fingerprint import OutputFingerprint
from gala_viz.schema import labelled_map
from gala_viz.specs import fingerprint
from gala_viz.store.source import Passage


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """One image as the pair sees it: the first's view (y, x, 3) uint8, and each input (3, y, x) with its checksum."""

    view: np.ndarray
    inputs: tuple[np.ndarray, ...]
    checksums: tuple[str, ...]
    photo_px: tuple[int, int]


class Looking:
    """Inputs and passages of a pair of networks over a collection and its uploads, kept as far as memory reaches.

    ``fingerprints`` name what determines each network's numbers, ``name`` also their categories and layers: all that
    determines what is said of an image. ``behaviours`` are those of ``networks`` as they are now.
    """

    def __init__(
        self,
        collection: Collection,
        uploads: Uploads,
        networks: Sequence[Network],
        behaviours: Sequence[OutputFingerprint],
        results: Results,
        turns: Turns,
    ) -> None:
        self._collection, self._uploads, self._networks = collection, uploads, tuple(networks)
        self._results, self._turns = results, turns
        self.fingerprints = tuple(map(network_fingerprint, networks, behaviours, [results] * len(networks)))
        labels = [[list(network.categories), list(network.layers)] for network in networks]
        self.name = fingerprint("pair", collection.name, collection.fingerprint, list(self.fingerprints), labels)
        self._seen = fingerprint(
            "look", collection.name, collection.fingerprint, [network.preprocessing.settings() for network in networks]
        )

    def look(self, image: str) -> Look:
        """Decode the photograph and make both inputs, or recall them."""
        kept = self.recalled(image)
        if kept is None:
            uploaded = image in self._uploads
            photo = self._uploads.photo(image) if uploaded else self._collection.photo(image)
            first = self._networks[0].preprocessing
            inputs = tuple(network.preprocessing.to_input(photo) for network in self._networks)
            checksums = tuple(hashlib.sha256(values.tobytes()).hexdigest()[:32] for values in inputs)
            kept = Look(first.resize_and_crop(photo), inputs, checksums, photo.shape[:2])
            self._results.remember(("look", self._seen, image), kept, n_bytes(kept.view, *inputs))
        return kept

    def recalled(self, image: str) -> Look | None:
        """The look if it is in memory; nothing is decoded."""
        return self._results.recall(("look", self._seen, image))

    def labels(self, image: str) -> tuple[int | None, ...]:
        """The true category's index for each network, None where it is not known."""
        if image in self._uploads:
            return (None,) * len(self._networks)
        category, index = self._collection.category(image), self._collection.target(image)
        return tuple(label_index(network.categories, category, index) for network in self._networks)

    def logits(self, image: str, priority: int, cancelled: Callable[[], bool]) -> tuple[np.ndarray, ...] | None:
        """Each network's logits (category,), or None once cancelled."""
        passes = self._passes(image, priority, cancelled)
        return None if passes is None else tuple(one.logits for one in passes)

    def logits_at_hand(self, image: str) -> tuple[np.ndarray, ...] | None:
        """Each network's logits if both are kept; no network runs for it."""
        kept = [
            self._kept_pass(f"pass {name} {checksum}", network)
            for name, checksum, network in zip(
                self.fingerprints, self.look(image).checksums, self._networks, strict=True
            )
        ]
        return None if any(arrays is None for arrays in kept) else tuple(arrays["logits"] for arrays in kept)

    def passage(self, image: str, priority: int, cancelled: Callable[[], bool]) -> Passage | None:
        """Predictions and attention norms in the frame of the first network, or None once cancelled."""
        key = ("passage", self._seen, self.name, image)
        kept = self._results.recall(key)
        if kept is not None:
            return kept
        passes = self._passes(image, priority, cancelled)
        if passes is None:
            return None
        look, frame = self.look(image), self._networks[0].preprocessing
        predictions, norms = [], []
        for network, label, result in zip(self._networks, self.labels(image), passes, strict=True):
            predictions.append(prediction_of(result.logits, network.categories, label))
            norms.append(
                {
                    layer: labelled_map(
                        resample_to_frame(values, network.preprocessing, frame, look.photo_px, values.shape),
                        name="attention_norm",
                        extent_px=frame.input_px,
                        attrs={"units": layer_units(layer), "layer": layer, "network": network.name},
                    )
                    for layer, values in result.norms.items()
                }
            )
        passage = Passage(predictions=tuple(predictions), attention_norms=tuple(norms))
        weight = 20_000 + sum(norm.nbytes + 5000 for of_one in norms for norm in of_one.values())
        self._results.remember(key, passage, weight)
        return passage

    def results(self, image: str, priority: int, cancelled: Callable[[], bool]) -> tuple[ForwardResult, ...] | None:
        """Each network's results on its own grids, in its own frame, or None once cancelled."""
        passes = self._passes(image, priority, cancelled)
        return None if passes is None else tuple(passes)

    def _passes(self, image: str, priority: int, cancelled: Callable[[], bool]) -> list[ForwardResult] | None:
        look = self.look(image)
        passes = []
        for network, name, values, checksum in zip(
            self._networks, self.fingerprints, look.inputs, look.checksums, strict=True
        ):
            key = f"pass {name} {checksum}"
            arrays = self._kept_pass(key, network)
            if arrays is None:
                with self._turns.taken(priority, cancelled) as granted:
                    if not granted:
                        return None
                    (result,) = forward(network, [values])
                result.check(network.title, image)
                arrays = {"logits": result.logits, **{_layer(layer): norm for layer, norm in result.norms.items()}}
                self._results.write(key, arrays)
                self._results.remember(key, arrays, n_bytes(*arrays.values()))
            passes.append(ForwardResult(arrays["logits"], {layer: arrays[_layer(layer)] for layer in network.layers}))
        return passes

    def _kept_pass(self, key: str, network: Network) -> dict[str, np.ndarray] | None:
        """What is kept of a pass, from memory or disk; None also where it lacks a layer that is looked at now."""
        needed = {"logits": 1, **{_layer(layer): 2 for layer in network.layers}}

        def has_all(arrays: dict[str, np.ndarray] | None) -> bool:
            return arrays is not None and all(
                name in arrays and arrays[name].ndim == dims for name, dims in needed.items()
            )

        arrays = self._results.recall(key)
        if has_all(arrays):
            return arrays
        arrays = self._results.read(key)
        if not has_all(arrays):
            return None
        if not all(np.isfinite(arrays[name]).all() for name in needed):
            return None  # kept before such values were refused
        self._results.remember(key, arrays, n_bytes(*arrays.values()))
        return arrays


def _layer(name: str) -> str:
    """The name of a layer's array in a file, apart from the others' names."""
    return f"layer {name}"


def network_fingerprint(network: Network, behaviour: OutputFingerprint, results: Results) -> str:
    """Names what determines a network's numbers: weights, architecture, preprocessing, precision, versions of the code,
    and ``behaviour``, by the name under which ``results`` know it.

    The weights are those of now, not those of the file that they were read from.
    """
    architecture = [str(network.module), network.card.get("network", {})]
    frame, device = network.preprocessing.settings(), network.device.type
    weights = state_dict_sha256(network.module)
    known = fingerprint(weights, architecture, frame, str(network.dtype), device, code_versions())
    return fingerprint(known, results.behaviour_name(known, behaviour))
