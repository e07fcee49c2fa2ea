"""External networks: from a function in a module, from transformers, from timm.

A name here runs the code that it names, so it comes from an operator's command line or notebook and never from a page.
"""

from __future__ import annotations

import copy
import importlib
import logging
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from gala_viz.imagenet import category_names
from gala_viz.networks.devices import choose_device, choose_precision
from gala_viz.networks.network import (
    ASSUMED_PREPROCESSING,
    Network,
    own_preprocessing,
)
from gala_viz.networks.network_folders import FUNCTION_NAME, check_names_differ
from gala_viz.networks.preprocessing import Preprocessing
from gala_viz.registry import Registry

_log = logging.getLogger(__name__)
_RESAMPLING = {1: "lanczos", 2: "bilinear", 3: "bicubic"}


class ExternalNetworkError(ValueError):
    """An external network that cannot be loaded; the message says what was expected and what came."""


def load_external(
    name: str,
    device: str | torch.device | None,
    precision: str | torch.dtype | None,
    hooked_layers: Sequence[str],
    output: str = "",
) -> Network:
    """Load the external network called ``name``.

    Parameters
    ----------
    name : str
        "transformers:NAME", "timm:NAME" or "package.module:function"; it runs the code that it names.
    device : str or torch.device or None
        See ``choose_device``; a ``Network`` that a function returns must be there already.
    precision : str or torch.dtype or None
        See ``choose_precision``; likewise.
    hooked_layers : sequence of str
        Paths of modules whose activity is shown as layers; likewise.
    output : str
        What of its output the logits are, see ``Network``; "" for logits; likewise.

    Returns
    -------
    Network
        In eval mode, after its check. Without ``preprocessing`` of its own it gets ImageNet's.

    Raises
    ------
    ExternalNetworkError
        The name is no network, its code fails, or a returned ``Network`` has another device, precision or layers.
    ValueError
        The forward pass gives other outputs than expected, a layer is unknown, or two categories have one name.
    """
    library, _, rest = name.partition(":")
    made = LIBRARIES[library](rest) if library in LIBRARIES else _from_function(name)
    if isinstance(made, Network):
        _check_own_settings(name, made, device, precision, hooked_layers, output)
        _check_names(name, made.categories)
        made = copy.copy(made)
        # The function may have changed what a card's builder made, or loaded other weights into it.
        made.known_by_weights, made.sha256 = False, ""
        made.training_data = replace(made.training_data, complete=False)
        return made
    module = made.pop("module")
    preprocessing = made.pop("preprocessing", None)
    if preprocessing is None:
        _log.warning("%s: %s", name, ASSUMED_PREPROCESSING)
        preprocessing = Preprocessing.imagenet()
    categories = made.pop("categories", None)
    card = {"network": {"name": name, "builder": name, "start": made.pop("start", name)}}
    if output:
        card["network"]["output"] = output
    return Network(
        module,
        name=name,
        preprocessing=preprocessing,
        categories=tuple(categories) if categories else None,
        card=card,
        hooked_layers=hooked_layers,
        device=device,
        precision=precision,
        in_place=True,
        output=output,
    )


def _check_own_settings(
    name: str,
    network: Network,
    device: str | torch.device | None,
    precision: str | torch.dtype | None,
    hooked_layers: Sequence[str],
    output: str,
) -> None:
    """Raise ``ExternalNetworkError`` where a returned ``Network`` has not the settings that the caller wants."""
    differences = []
    if device is not None and choose_device(device).type != network.device.type:
        differences.append(f"is on {network.device}, device {str(device)!r} was asked for")
    if precision is not None and choose_precision(precision) != network.precision:
        differences.append(f"computes in {network.precision}, precision {str(precision)!r} was asked for")
    if missing := [path for path in hooked_layers if path not in network.hooked_layers]:
        differences.append(f"does not watch the layer {missing[0]!r}")
    if output and output != network.output:
        differences.append(f"takes {network.output or 'all'!r} of its output, {output!r} was asked for")
    if differences:
        raise ExternalNetworkError(
            f"{name} returns a Network that {' and '.join(differences)}; set this where it is made, or return a module."
        )


def _from_function(name: str) -> Network | dict[str, Any]:
    """Call the function ``name``; return its ``Network``, or its module with ``preprocessing`` and ``categories``."""
    function = import_function(name)
    try:
        made = function()
    except Exception as error:
        raise ExternalNetworkError(
            f"{name}: a function without arguments that returns a network was expected; it raised {error_text(error)}."
        ) from error
    if isinstance(made, Network):
        return made
    if not isinstance(made, nn.Module):
        raise ExternalNetworkError(
            f"{name} should return a torch.nn.Module or a gala_viz Network; got {type(made).__name__}."
        )
    categories = getattr(made, "categories", None)
    _check_names(name, categories or ())
    return {"module": made, "preprocessing": own_preprocessing(made), "categories": categories}


def import_function(name: str) -> Callable[..., Any]:
    """Return the function called "package.module:function"; its module is looked for beside the present folder too.

    Raises ``ExternalNetworkError`` where it is not there, or its module fails.
    """
    match = FUNCTION_NAME.fullmatch(name)
    if match is None:
        raise ExternalNetworkError(f"a network of your own is named package.module:function; got {name!r}.")
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        return getattr(importlib.import_module(match["module"]), match["function"])
    except ImportError as error:
        raise ExternalNetworkError(f"{name}: {error}. Modules are looked for beside the present folder too.") from error
    except AttributeError:
        raise ExternalNetworkError(f"{name}: {match['module']} has no {match['function']}.") from None
    except Exception as error:  # the module is external code, which may fail in any way
        raise ExternalNetworkError(f"{name}: the module cannot be imported: {error_text(error)}.") from error


def _check_names(name: str, categories: Sequence[str]) -> None:
    """Raise ``WeightsError`` where two categories have one name; ImageNet's may, since their indices differ."""
    if tuple(categories) != category_names():
        check_names_differ(name, categories)


def _from_transformers(name: str) -> dict[str, Any]:
    """Load an image classifier of transformers.

    Parameters
    ----------
    name : str
        The model's name or folder, as ``from_pretrained`` takes it.

    Returns
    -------
    dict
        "module", a function from images to logits; "preprocessing", of the model's image processor; "categories", the
        names in the order of the logits; "start", where the weights come from.

    Raises
    ------
    ExternalNetworkError
        transformers cannot be imported, or the model cannot be loaded.
    """
    transformers = import_library("transformers")
    try:
        model = transformers.AutoModelForImageClassification.from_pretrained(name, trust_remote_code=False)
        processor_config, _ = transformers.image_processing_base.ImageProcessingMixin.get_image_processor_dict(name)
    except Exception as error:  # a missing file, a missing library, a configuration of another kind of model
        raise ExternalNetworkError(f"transformers:{name}: {' '.join(str(error).split())[:300]}") from error
    labels = model.config.id2label
    return {
        "module": LogitsOfTransformers(model),
        "preprocessing": transformers_preprocessing(processor_config),
        "categories": [str(labels[number]) for number in sorted(labels)],
        "start": f"transformers, {name}",
    }


def _from_timm(name: str) -> dict[str, Any]:
    """Load a pretrained model of timm.

    Parameters
    ----------
    name : str
        The model's name, as ``timm.create_model`` takes it.

    Returns
    -------
    dict
        "module", from images to logits; "preprocessing", of the model's pretrained configuration; "start", where the
        weights come from. Categories are those of ``load_external``'s default.

    Raises
    ------
    ExternalNetworkError
        timm cannot be imported, or the model cannot be loaded.
    """
    timm = import_library("timm")
    try:
        model = timm.create_model(name, pretrained=True)
    except Exception as error:  # an unknown name, weights that cannot be had
        raise ExternalNetworkError(f"timm:{name}: {' '.join(str(error).split())[:300]}") from error
    return {
        "module": model,
        "preprocessing": timm_preprocessing(model.pretrained_cfg),
        "start": f"timm, {name}",
    }


LIBRARIES: Registry[Callable[[str], dict[str, Any]]] = Registry(
    "library of networks", {"transformers": _from_transformers, "timm": _from_timm}
)
"""Library -> function from a model's name to "module" and, if known, "preprocessing", "categories" and "start"."""


def transformers_preprocessing(config: Mapping[str, Any]) -> Preprocessing:
    """Return the preprocessing that the ``config`` of an image processor of transformers describes.

    It is read from the sizes, means, standard deviations and resampling. Means and standard deviations become pixel
    units 0..255.
    """
    size, crop = _side(config.get("size")), _side(config.get("crop_size"))
    target = crop or size or 224
    share = config.get("crop_pct")
    short = round(target / share) if share and not crop else size or target
    scale = 1 / config.get("rescale_factor", 1 / 255)
    return Preprocessing(
        short_px=max(short, target),
        crop_px=target,
        interpolation=_RESAMPLING.get(config.get("resample", 3), "bicubic"),
        mean=tuple(scale * value for value in config.get("image_mean", (0.5,) * 3)),
        std=tuple(scale * value for value in config.get("image_std", (0.5,) * 3)),
    )


def timm_preprocessing(config: Mapping[str, Any]) -> Preprocessing:
    """Return the preprocessing that a pretrained ``config`` of timm describes.

    It is read from the input size, share of the crop, means, standard deviations and interpolation. Means and standard
    deviations become pixel units 0..255.
    """
    target = int(config["input_size"][-1])
    interpolation = config.get("interpolation", "bicubic")
    return Preprocessing(
        short_px=round(target / config.get("crop_pct", 1)),
        crop_px=target,
        interpolation=interpolation if interpolation in _RESAMPLING.values() else "bicubic",
        mean=tuple(255 * value for value in config["mean"]),
        std=tuple(255 * value for value in config["std"]),
    )


class LogitsOfTransformers(nn.Module):
    """A model of transformers as a module from images to logits; its own modules run as the model runs them."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        for name, part in model.named_children():
            self.add_module(name, part)
        self._model = (model,)

    def add_module(self, name: str, module: nn.Module | None) -> None:
        """Put a module in the place of another one, in the model too, which runs it."""
        super().add_module(name, module)
        if hasattr(self, "_model"):
            setattr(self._model[0], name, module)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (B, category) of ``images`` (B, 3, y, x)."""
        return self._model[0](pixel_values=images).logits


def import_library(name: str) -> Any:
    """Return the library ``name``, imported now; ``ExternalNetworkError`` says how to install one that is missing."""
    try:
        return importlib.import_module(name)
    except Exception as error:  # a library that does not fit its torch fails in many ways
        message = " ".join(str(error).split())[:200]
        raise ExternalNetworkError(
            f"{name} cannot be imported ({message}); install it with: pip install {name}"
        ) from error


def error_text(error: Exception) -> str:
    """Return an error of external code as a part of a sentence."""
    text = " ".join(str(error).split())[:300].rstrip(".")
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _side(size: Any) -> int | None:
    if isinstance(size, Mapping):
        return next((int(size[key]) for key in ("shortest_edge", "height") if key in size), None)
    return None if size is None else int(size)
