"""Whether the networks that are loaded now are those whose maps a store holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from gala_viz.networks.output_fingerprint import NOT_REPRODUCIBLE, NetworkIdentity, OutputFingerprint
from gala_viz.store.spec import StoredNetwork, comparable_network, differences

MOST_TOLD = 6
"""Differences of settings that a sentence lists, at most."""


def doubt(stored: StoredNetwork, loaded: NetworkIdentity) -> str | None:
    """Return a sentence on why maps of ``loaded`` may not stand beside those of ``stored``; None where they may.

    Weights and settings must be equal, and output fingerprints the same up to rounding. A store that was made before
    output fingerprints were stored may be extended only where weights are enough to know the network.
    """
    behaviour = OutputFingerprint.from_settings(stored.behaviour)
    if behaviour is None and not loaded.known_by_weights:
        return (
            f"The store does not tell what {stored.name} did with fixed inputs, as an earlier version made it; the "
            "code of this network is not gala_viz's, so that nobody knows whether it still computes what it did."
        )
    if stored.weights_sha256 != loaded.weights_sha256:
        return (
            f"The weights of {stored.name} have changed: {stored.weights_sha256[:12]}… in the store, "
            f"{loaded.weights_sha256[:12]}… now."
        )
    changes = [_in_words(one, stored) for one in differences(comparable_network(asdict(stored)), loaded.settings)]
    if changes:
        more = f"; and {len(changes) - MOST_TOLD} more" if len(changes) > MOST_TOLD else ""
        return f"{stored.name} is not as it was when the store was made: {'; '.join(changes[:MOST_TOLD])}{more}."
    if behaviour is None:
        return None
    if loaded.behaviour is None:
        return f"What {stored.name} does with fixed inputs is in the store, and was not computed for comparison."
    changes = behaviour.describe_differences(loaded.behaviour)
    if not changes:
        return None
    return (
        f"The stored maps are of another behaviour of {stored.name} than the one that is loaded: the weights are the "
        f"same, and for fixed inputs it now gives {'; '.join(changes)}. Its code, or a library that "
        "it uses, has changed."
    )


def _in_words(difference: str, stored: StoredNetwork) -> str:
    """Return a difference in words for people, to whom the digits of a fingerprint say nothing.

    Where weights are equal, a differing fingerprint is of architecture or precision, which also go into it.
    """
    if difference.startswith("fingerprint:"):
        return f"architecture or precision is another one than in the store (computed on {stored.device})"
    return difference


def doubts(stored: Sequence[StoredNetwork], loaded: Sequence[NetworkIdentity]) -> list[str]:
    """Return the sentences of ``doubt`` on all networks of a store, or of a page, in their order."""
    return [sentence for pair in zip(stored, loaded, strict=True) if (sentence := doubt(*pair)) is not None]


def identity_in(network: StoredNetwork) -> NetworkIdentity:
    """Return the identity of a network from its description in a store."""
    return NetworkIdentity(
        weights_sha256=network.weights_sha256,
        behaviour=OutputFingerprint.from_settings(network.behaviour),
        settings=comparable_network(asdict(network)),
        known_by_weights=network.known_by_weights,
    )


def check_steady(name: str, behaviour: OutputFingerprint) -> None:
    """Raise ``ValueError`` for a network whose maps cannot be computed a second time."""
    if not behaviour.steady:
        raise ValueError(f"{name} cannot have a store: {NOT_REPRODUCIBLE}. Maps could not be computed twice.")
