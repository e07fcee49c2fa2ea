"""What tells the two maps of a request apart, in words: methods, layers, targets; names of one network twice."""

from __future__ import annotations

from collections.abc import Sequence

from gala_viz.specs import GRAD_CAM, LAST_LAYER, MapRequest, Target
from gala_viz.store.source import MapSource, NetworkInfo

TARGET_LABELS = {"own": "own prediction", "label": "true category"}


def own_labels(source: MapSource, request: MapRequest) -> tuple[str, ...]:
    """Return what each of two maps has of its own, for example ("SmoothGrad", "Grad-CAM at layer4").

    Parameters
    ----------
    source : MapSource
        Titles its methods and names categories.
    request : MapRequest
        Settings of the maps.

    Returns
    -------
    tuple of str
        One for each network, in which stands only what differs; empty where the request has no ``second``.
    """
    if request.second is None:
        return ()
    both = [request.of_network(number) for number in range(2)]
    parts: list[list[str]] = [[], []]
    methods = [method_label(source, one) for one in both]
    if methods[0] != methods[1]:
        for part, method in zip(parts, methods, strict=True):
            part.append(method)
    if both[0].target != both[1].target:
        for part, network, one in zip(parts, source.networks, both, strict=True):
            part.append(target_label(network, one.target))
    return tuple(", ".join(part) for part in parts)


def method_label(source: MapSource, request: MapRequest) -> str:
    """Return the title of a request's method, with the layer of Grad-CAM where it is chosen."""
    title = source.methods.get(request.method, request.method)
    chosen = request.method == GRAD_CAM and request.cam_layer != LAST_LAYER
    return f"{title} at {request.cam_layer}" if chosen else title


def target_label(network: NetworkInfo, target: Target) -> str:
    """Return whose logit is explained: a category by its name, or by its index where the network has none for it."""
    if not isinstance(target, int):
        return TARGET_LABELS[target]
    return network.categories[target] if target < len(network.categories) else f"category {target}"


def is_one_network(networks: Sequence[NetworkInfo]) -> bool:
    """Return whether a pair is one network twice."""
    return len({network.name for network in networks}) < len(networks)


def distinct_titles(networks: Sequence[NetworkInfo]) -> list[str]:
    """Return the titles of networks, with what tells them apart where these are alike: names, or their places."""
    titles = [network.title for network in networks]
    if len(set(titles)) == len(titles):
        return titles
    if is_one_network(networks):
        return [f"{title}, {place}" for title, place in zip(titles, ("first", "second"), strict=False)]
    return [f"{network.title}, {network.name}" for network in networks]


def distinct_names(networks: Sequence[NetworkInfo]) -> list[str]:
    """Return the names of networks for columns and variables of files; one network twice has two."""
    names = [network.name for network in networks]
    return [names[0], f"{names[1]}_second"] if is_one_network(networks) and len(names) == 2 else names
