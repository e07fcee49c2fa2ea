"""Output fingerprint of a network on two fixed inputs: stored with its results, compared before they are used again.

Weights do not name a network whose code is its user's: the same tensors take another way once a file is edited or a
library is updated. Results of a network therefore carry its logits and input gradient for two fixed inputs, and count
as its own only where these agree within ``TOLERANCES``. ``gala_viz.attribution.network_identity`` computes them; this
module makes the inputs, compares, and needs no torch.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

FORMAT_VERSION = 1
"""Goes up when the inputs or the stored results change: fingerprints of another format cannot be compared."""
N_INPUTS = 2
N_LOGITS = 128
"""So many logits are stored as they are; more are added up, with fixed signs, to so many sums."""
MAX_FINGERPRINTS = 64
"""Fingerprints of the same weights that a cache remembers."""
GRADIENT_CELLS, LAYER_CELLS = 8, 7
"""Rows and columns that gradients have, and norms of layers have at most, after area averages."""
TOLERANCES = {"logits": 1e-3, "gradient": 2e-2, "gradient_norm": 2e-2, "layers": 1e-3}
"""Largest differences between two runs of one network, as shares of the larger of the two norms.

Rounding moves logits and norms of layers by less than 1e-5 between one thread and several, with and without oneDNN, and
after batch norms were fused. A gradient jumps where a unit lies at the corner of its ReLU: up to 7e-3 of a map's
maximum between numbers of threads, which is 4e-3 of the norm of its averages. The tolerances leave room for five times
as much in gradients and a hundred times as much in logits, for other devices. A branch scaled by 1 % moves the gradient
of the shipped networks by 2 to 20 % and their logits by 0.2 to 3 %.
"""
_GOLDEN = 0x9E3779B97F4A7C15
_SIGNS = 1 << 60
"""Where the counter of the signs begins, far from those of the inputs."""


@dataclass(frozen=True, kw_only=True, eq=False)
class OutputFingerprint:
    """Outputs of a network for the fixed inputs, in float32 whatever precision it is used in.

    Parameters
    ----------
    logits : ndarray, (input, value)
        Logits, or their signed sums where there are more than ``N_LOGITS``.
    gradient : ndarray, (input, channel, y, x)
        The gradient of the signed sum of all logits with respect to the input, by area averages; zero for a network
        that has none.
    gradient_norm : ndarray, (input,)
        L2 norm of that gradient before it was averaged.
    layers : mapping of str to ndarray, (input, y, x)
        Label -> attention norms of each layer, by area averages.
    steady : bool
        Whether an input has the same logits alone and beside the other. They differ where random numbers or statistics
        of the batch go into the forward pass; then nothing can be said about two runs.
    """

    logits: np.ndarray
    gradient: np.ndarray
    gradient_norm: np.ndarray
    layers: Mapping[str, np.ndarray] = field(default_factory=dict)
    steady: bool = True

    def settings(self) -> dict[str, Any]:
        """Return plain values for JSON, rounded to six digits."""
        return {
            "format": FORMAT_VERSION,
            **{name: _plain(getattr(self, name)) for name in ("logits", "gradient", "gradient_norm")},
            "layers": {label: _plain(values) for label, values in self.layers.items()},
            "steady": self.steady,
        }

    @classmethod
    def from_settings(cls, content: Any) -> OutputFingerprint | None:
        """Return the fingerprint that ``settings`` wrote; None for other ``content`` and for another format."""
        try:
            if content["format"] != FORMAT_VERSION:
                return None
            named = {name: _array(content[name]) for name in ("logits", "gradient", "gradient_norm")}
            layers = {str(label): _array(values) for label, values in content["layers"].items()}
            return cls(**named, layers=layers, steady=bool(content["steady"]))
        except (KeyError, TypeError, ValueError, AttributeError):
            return None

    def describe_differences(self, other: OutputFingerprint) -> list[str]:
        """Return in words where ``other`` differs by more than rounding; an empty list for the same network.

        Layers that only one of the two knows are ignored. A fingerprint that is not steady differs from everything.
        """
        if not (self.steady and other.steady):
            return [NOT_REPRODUCIBLE]
        differences = []
        for name, one, two in self._pairs(other):
            tolerance = TOLERANCES["layers" if name.startswith("layer ") else name]
            distance = max(map(_distance, one, two), default=0.0) if one.shape == two.shape else np.inf
            if not distance <= tolerance:
                share = "of another shape" if np.isinf(distance) else f"that are {distance:.2g} of their size away"
                differences.append(f"{_WORDS.get(name, f'norms of {name}')} {share} (rounding: up to {tolerance:g})")
        return differences

    def merge_layers(self, other: OutputFingerprint) -> OutputFingerprint:
        """Return this fingerprint with the layers that only ``other`` knows added."""
        return replace(self, layers={**other.layers, **self.layers})

    @property
    def digest(self) -> str:
        """A short name of exactly these values; another run of the same network may have another one."""
        return hashlib.sha256(json.dumps(self.settings(), sort_keys=True).encode()).hexdigest()[:16]

    def _pairs(self, other: OutputFingerprint) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
        for name in ("logits", "gradient", "gradient_norm"):
            yield name, getattr(self, name), getattr(other, name)
        for label, values in self.layers.items():
            if label in other.layers:
                yield f"layer {label}", values, other.layers[label]


NOT_REPRODUCIBLE = (
    "its logits for one input change from pass to pass or with what else is in the batch (dropout, noise or batch "
    "statistics in its forward pass)"
)
_WORDS = {"logits": "logits", "gradient": "input gradients", "gradient_norm": "norms of input gradients"}


@dataclass(frozen=True, kw_only=True, eq=False)
class NetworkIdentity:
    """What tells whether results are of a network: checksum of the weights, output fingerprint and settings.

    ``weights_sha256`` is enough for ``known_by_weights`` networks, whose code is gala_viz's own, built from a card;
    others are known by their ``behaviour``, the output fingerprint, too. ``settings`` are what results and their names
    depend on beside: name, preprocessing, grids of layers, categories, and a fingerprint of weights, architecture and
    precision.
    """

    weights_sha256: str
    behaviour: OutputFingerprint | None
    settings: Mapping[str, Any]
    known_by_weights: bool = False


def fixed_image(number: int, size: tuple[int, int]) -> np.ndarray:
    """Return the pixels of the fixed input ``number``, uint8 (y, x, 3), in a frame of ``size`` (rows, columns).

    Random blocks of three sizes, the smallest a 64th of the frame; odd inputs have a quarter of the contrast. All
    arithmetic is of integers and nothing is resized, so that every machine makes the same pixels.
    """
    total = np.zeros((*size, 3), np.int64)
    for level, (cells, weight) in enumerate(((4, 2), (16, 1), (64, 1))):
        blocks = (splitmix64((3 * number + level) << 32, cells * cells * 3) >> np.uint64(56)).astype(np.int64)
        rows, columns = (np.arange(side) * cells // side for side in size)
        total += weight * blocks.reshape(cells, cells, 3)[rows[:, None], columns[None]]
    values = total // 4
    return (values if number % 2 == 0 else 96 + values // 4).astype(np.uint8)


def splitmix64(start: int, count: int) -> np.ndarray:
    """Return ``count`` integers, uint64, by SplitMix64 (Steele et al. 2014) with a counter that begins at ``start``."""
    state = (np.uint64(start) + np.arange(1, count + 1, dtype=np.uint64)) * np.uint64(_GOLDEN)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))


def fixed_signs(count: int) -> np.ndarray:
    """Return the signs of ``count`` logits, float32: 1 or -1."""
    return np.where(splitmix64(_SIGNS, count) >> np.uint64(63), 1, -1).astype(np.float32)


def fold_logits(logits: np.ndarray) -> np.ndarray:
    """Return logits (..., category), float64, as they are stored: at most ``N_LOGITS`` values.

    With more categories these are ``N_LOGITS`` signed sums in which each category has a share. Values that are not
    finite count as 0: whether a network may give them is checked where they are used.
    """
    finite = np.where(np.isfinite(logits), logits, 0).astype(np.float64)
    count = finite.shape[-1]
    if count <= N_LOGITS:
        return finite
    rows = -(-count // N_LOGITS)
    padded = np.zeros((*finite.shape[:-1], rows * N_LOGITS))
    padded[..., :count] = finite * fixed_signs(count)
    return padded.reshape(*finite.shape[:-1], rows, N_LOGITS).sum(axis=-2)


def match_fingerprint(fingerprint: OutputFingerprint, known: dict[str, OutputFingerprint]) -> str:
    """Return the name in ``known`` of the fingerprint that this one equals; else enter it under its own name.

    Caches put this name into their keys. Layers that only one of the two has are merged. So that many small steps never
    add up unseen, a fingerprint is always compared with the one that was entered first. One that is not steady is not
    entered: its name is of these values alone. Of more than ``MAX_FINGERPRINTS`` the oldest goes.
    """
    for name, other in known.items():
        if not fingerprint.describe_differences(other):
            known[name] = other.merge_layers(fingerprint)
            return name
    name = fingerprint.digest
    if fingerprint.steady:
        known[name] = fingerprint
        if len(known) > MAX_FINGERPRINTS:
            del known[next(iter(known))]
    return name


def kept_name(behaviour: OutputFingerprint, text: str, keep: Callable[[str], None]) -> str:
    """Return the name of ``behaviour`` among those that a cache stores as ``text`` (see ``fingerprints_to_json``).

    ``keep`` is called with the text of all that are known afterwards, where it has changed.
    """
    known = fingerprints_from_json(text)
    name = match_fingerprint(behaviour, known)
    if (after := fingerprints_to_json(known)) != text:
        keep(after)
    return name


def fingerprints_from_json(text: str) -> dict[str, OutputFingerprint]:
    """Return named fingerprints from JSON; those that cannot be compared are left out."""
    try:
        content = json.loads(text)
        fingerprints = {str(name): OutputFingerprint.from_settings(one) for name, one in content.items()}
    except (ValueError, AttributeError, RecursionError):
        return {}
    return {name: one for name, one in fingerprints.items() if one is not None}


def fingerprints_to_json(known: Mapping[str, OutputFingerprint]) -> str:
    """Return ``known`` as JSON, which ``fingerprints_from_json`` reads."""
    return json.dumps({name: one.settings() for name, one in known.items()})


def _distance(one: np.ndarray, other: np.ndarray) -> float:
    largest = max(np.linalg.norm(one), np.linalg.norm(other))
    return float(np.linalg.norm(one - other) / largest) if largest else 0.0


def _plain(values: np.ndarray) -> Any:
    return [_plain(one) for one in values] if np.ndim(values) else float(f"{float(values):.6g}")


def _array(values: Any) -> np.ndarray:
    return np.asarray(values, np.float64)
