"""Whether the networks that are loaded now are those whose maps a store holds."""

from __future__ import annotations

from collections.abc import Sequence

from gala_viz.networks.behaviour import UNSTEADY, Behaviour, NetworkIdentity
from gala_viz.store.spec import StoredNetwork


def doubt(stored: StoredNetwork, loaded: NetworkIdentity) -> str | None:
    """Say in a sentence why maps of ``loaded`` may not stand beside those of ``stored``; None where they may.

    Weights must be equal, and behaviours the same up to rounding. A store that was made before behaviours were kept
    may go on only where weights are enough to know the network.
    """
    behaviour = Behaviour.from_settings(stored.behaviour)
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
    if behaviour is None:
        return None
    if loaded.behaviour is None:
        return f"What {stored.name} does with fixed inputs is in the store, and was not computed for comparison."
    found = behaviour.differences(loaded.behaviour)
    if not found:
        return None
    return (
        f"The stored maps are of another behaviour of {stored.name} than the one that is loaded: the weights are the "
        f"same, and for fixed inputs it now gives {'; '.join(found)}. Its code, or a library that it uses, has changed."
    )


def doubts(stored: Sequence[StoredNetwork], loaded: Sequence[NetworkIdentity]) -> list[str]:
    """The sentences of ``doubt`` on all networks of a store, or of a page, in their order."""
    return [told for pair in zip(stored, loaded, strict=True) if (told := doubt(*pair)) is not None]


def identity_in(network: StoredNetwork) -> NetworkIdentity:
    """What tells a network, from its description for a store."""
    return NetworkIdentity(
        weights_sha256=network.weights_sha256,
        behaviour=Behaviour.from_settings(network.behaviour),
        known_by_weights=network.known_by_weights,
    )


def check_steady(name: str, behaviour: Behaviour) -> None:
    """Raise ``ValueError`` for a network whose maps cannot be computed a second time."""
    if not behaviour.steady:
        raise ValueError(f"{name} cannot have a store: {UNSTEADY}. Maps could not be computed twice.")
