"""External networks: from a function in a module, from transformers, timm and torchvision.

A name here runs the code that it names, so it comes from an operator's command line or notebook and never from a page.
"""

from __future__ import annotations

import copy
import importlib
import logging
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from gala_viz.error_text import error_message, error_text
from gala_viz.imagenet import category_names
from gala_viz.networks.devices import choose_device, choose_precision
from gala_viz.networks.library_preprocessing import (
    UnknownPreprocessingError,
    channels_reversed,
    check_inputs,
    timm_preprocessing,
    torchvision_preprocessing,
    transformers_preprocessing,
)
from gala_viz.networks.model_hub import why_unreachable
from gala_viz.networks.network import (
    ASSUMED_PREPROCESSING,
    Network,
    own_preprocessing,
)
from gala_viz.networks.network_folders import FUNCTION_NAME, WeightsError, check_names_differ
from gala_viz.networks.preprocessing import Preprocessing
from gala_viz.networks.state_dict_files import load_weights, read_checkpoint
from gala_viz.registry import Registry, unknown_name

_log = logging.getLogger(__name__)
_HUB_NAME = re.compile(r"hf[-_]hub:([^@]+)(?:@(.+))?$")
_OWN_FUNCTION = "Its preprocessing can be declared in a function of your own: a module with an attribute preprocessing."


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
        "transformers:NAME", "timm:NAME", "torchvision:NAME@FILE" or "package.module:function"; it runs the code that
        it names.
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
        "module", a function from images to logits; "preprocessing", of the model's image processor, if it has one;
        "categories", the names in the order of the logits; "start", where the weights come from.

    Raises
    ------
    ExternalNetworkError
        transformers cannot be imported, the model cannot be loaded, or its inputs cannot be made here.
    """
    transformers = import_library("transformers")
    reason = "" if os.path.isdir(name) else why_unreachable()
    settings = {"trust_remote_code": False, "local_files_only": bool(reason) or os.path.isdir(name)}
    try:
        model, loading = transformers.AutoModelForImageClassification.from_pretrained(
            name, output_loading_info=True, **settings
        )
    except Exception as error:  # a missing file, a missing library, a configuration of another kind of model
        if reason:
            local = "transformers:FOLDER, with config.json and model.safetensors"
            raise _unreachable(f"transformers:{name}", reason, local) from error
        raise ExternalNetworkError(f"transformers:{name}: {error_message(error, 300)}.") from error
    if missing := sorted(loading["missing_keys"]):
        raise ExternalNetworkError(
            f"transformers:{name}: weights of the whole classifier were expected; {len(missing)} are missing, for "
            f"example {missing[0]}, and would be random. Take a checkpoint that was fine-tuned to categories."
        )
    preprocessing, reverse = _of_image_processor(transformers, name, settings)
    labels = model.config.id2label
    return {
        "module": LogitsOfTransformers(model, reverse_channels=reverse),
        "preprocessing": preprocessing,
        "categories": [str(labels[number]) for number in sorted(labels)],
        "start": f"transformers, {name}",
    }


def _of_image_processor(transformers: Any, name: str, settings: Mapping[str, Any]) -> tuple[Preprocessing | None, bool]:
    """Return the preprocessing of a model's image processor, and whether blue is its first channel.

    None where it has no image processor.
    """
    try:
        config, _ = transformers.image_processing_base.ImageProcessingMixin.get_image_processor_dict(
            name, local_files_only=settings["local_files_only"]
        )
    except OSError:  # no preprocessor_config.json
        return None, False
    processor = None
    for choice in ({"backend": "pil"}, {"use_fast": False}, {}):  # Pillow's filters are those of this program
        try:
            processor = transformers.AutoImageProcessor.from_pretrained(name, **settings, **choice)
            break
        except Exception as error:  # an unknown class, another version of the library, a missing one
            problem = error_text(error)
    try:
        if processor is None:
            _log.warning("transformers:%s: inputs are not compared with its image processor's (%s)", name, problem)
            return transformers_preprocessing(config), False
        own = transformers_preprocessing({**processor.to_dict(), "image_processor_type": type(processor).__name__})

        def inputs(photo: np.ndarray) -> np.ndarray:
            return np.asarray(processor(images=photo, return_tensors="np")["pixel_values"][0], np.float32)

        reverse = channels_reversed(inputs)
        return check_inputs(own, (lambda photo: inputs(photo)[::-1]) if reverse else inputs), reverse
    except UnknownPreprocessingError as error:
        raise ExternalNetworkError(f"transformers:{name}: {error} {_OWN_FUNCTION}") from error


def _from_timm(name: str) -> dict[str, Any]:
    """Load a model of timm.

    Parameters
    ----------
    name : str
        The model's name, as ``timm.create_model`` takes it: with the weights of the library, of "hf-hub:OWNER/NAME", or
        of a folder that timm wrote; "NAME@FILE" takes those of a file.

    Returns
    -------
    dict
        "module", from images to logits; "preprocessing", of the model's pretrained configuration; "start", where the
        weights come from. Categories are those of ``load_external``'s default.

    Raises
    ------
    ExternalNetworkError
        timm cannot be imported, the model cannot be loaded, or its inputs cannot be made here.
    """
    timm = import_library("timm")
    model = _timm_with_file(timm, name) if _file_of_timm(name) else _timm_with_own_weights(timm, name)
    config = timm.data.resolve_model_data_config(model)
    transform = timm.data.create_transform(**config, is_training=False)
    try:
        preprocessing = check_inputs(
            timm_preprocessing(config), lambda photo: np.asarray(transform(Image.fromarray(photo)), np.float32)
        )
    except UnknownPreprocessingError as error:
        raise ExternalNetworkError(f"timm:{name}: {error} {_OWN_FUNCTION}") from error
    about: Any = model.pretrained_cfg
    names = about.get("label_names")
    count = getattr(model, "num_classes", None)
    return {
        "module": model,
        "preprocessing": preprocessing,
        "categories": list(map(str, names)) if isinstance(names, list | tuple) and len(names) == count else None,
        "start": f"timm, {name}",
    }


def _file_of_timm(name: str) -> str:
    """Return FILE of "NAME@FILE"; "" for other names, among them "hf-hub:OWNER/NAME@REVISION"."""
    return "" if _HUB_NAME.match(name) or name.startswith("local-dir:") else name.partition("@")[2]


def _timm_with_file(timm: Any, name: str) -> nn.Module:
    """Return a model of timm with the weights of a file; it has as many categories as these."""
    model_name, file = name.partition("@")[0], _file_of_timm(name)
    try:
        checkpoint = read_checkpoint(file)
        model = timm.create_model(model_name, pretrained=False)
        config: Any = model.pretrained_cfg
        head = config.get("classifier") or ""
        weight = checkpoint.state.get(f"{head if isinstance(head, str) else head[0]}.weight")
        if weight is not None and weight.ndim >= 2 and len(weight) != model.num_classes:
            model = timm.create_model(model_name, pretrained=False, num_classes=len(weight))
        load_weights(file, checkpoint.state, model)
    except WeightsError as error:
        raise ExternalNetworkError(f"timm:{name}: {error}") from error
    except Exception as error:  # an unknown name
        raise ExternalNetworkError(f"timm:{name}: {error_message(error, 300)}.") from error
    for note in checkpoint.notes:
        _log.warning("timm:%s: %s", name, note)
    _log.warning("timm:%s: the preprocessing is that of timm for %s; the file does not tell its own.", name, model_name)
    return model


def _timm_with_own_weights(timm: Any, name: str) -> nn.Module:
    """Return a model of timm with its own weights, of the hub, of the user's cache, or of a folder."""
    folder = name.removeprefix("local-dir:")
    architecture = name.partition(".")[0]
    try:
        if os.path.isdir(folder):
            return timm.create_model(f"local-dir:{folder}", pretrained=True)
        if not _HUB_NAME.match(name) and not timm.is_model(architecture):
            raise ExternalNetworkError(
                f"timm:{name}: {unknown_name('model of timm', architecture, timm.list_models())}"
            )
        if not (reason := why_unreachable()):
            return timm.create_model(name, pretrained=True)
        if cached := _cached_timm(timm, name):
            return timm.create_model(pretrained=True, **cached)
    except ExternalNetworkError:
        raise
    except Exception as error:  # weights that cannot be had, a folder without a configuration
        raise ExternalNetworkError(f"timm:{name}: {error_message(error, 300)}.") from error
    raise _unreachable(f"timm:{name}", reason, f"timm:{name.rpartition('/')[2]}@FILE or timm:FOLDER")


def _cached_timm(timm: Any, name: str) -> dict[str, Any]:
    """Return how ``timm.create_model`` takes weights from the user's cache; nothing where they are not there."""
    try_to_load_from_cache = import_library("huggingface_hub").try_to_load_from_cache

    if hub := _HUB_NAME.match(name):
        found = try_to_load_from_cache(hub[1], "config.json", revision=hub[2])
        return {"model_name": f"local-dir:{os.path.dirname(found)}"} if isinstance(found, str) else {}
    config = timm.get_pretrained_cfg(name)
    repository = getattr(config, "hf_hub_id", None)
    if not repository:
        return {}
    repository = repository if not repository.endswith("/") else repository + name
    for file in ("model.safetensors", "pytorch_model.bin"):
        found = try_to_load_from_cache(repository, file)
        if isinstance(found, str):
            return {"model_name": name, "pretrained_cfg_overlay": {"file": found}}
    return {}


def _from_torchvision(name: str) -> dict[str, Any]:
    """Load a classifier of torchvision with weights of a file; nothing is fetched.

    Parameters
    ----------
    name : str
        "NAME@FILE": a name of ``torchvision.models.list_models``, and a state dict or a checkpoint of torchvision's
        reference training. It has as many categories as the weights.

    Returns
    -------
    dict
        "module", from images to logits; "preprocessing", by the first of these: of torchvision's own weights that are
        called like the file, the settings of the training in the file, torchvision's first weights for NAME; "start".

    Raises
    ------
    ExternalNetworkError
        torchvision cannot be imported, the file does not fit, or its inputs cannot be made here.
    """
    models = import_library("torchvision.models")
    label, (architecture, _, file) = f"torchvision:{name}", name.partition("@")
    if architecture not in (known := models.list_models(module=models)):
        raise ExternalNetworkError(f"{label}: {unknown_name('classifier of torchvision', architecture, known)}")
    presets = list(models.get_model_weights(architecture))
    if not file:
        raise ExternalNetworkError(
            f"{label}: torchvision:NAME@FILE was expected, since nothing is fetched; torchvision's own weights are at "
            f"{presets[0].url}."
        )
    try:
        checkpoint = read_checkpoint(file)
        model = models.get_model(architecture, weights=None)
        if (n_categories := _categories_of(checkpoint.state, model)) != _IMAGENET:
            model = models.get_model(architecture, weights=None, num_classes=n_categories)
        load_weights(file, checkpoint.state, model)
    except WeightsError as error:
        raise ExternalNetworkError(f"{label}: {error}") from error
    for note in checkpoint.notes:
        _log.warning("%s: %s", label, note)
    weights, source = _torchvision_weights(presets, file)
    told = {} if source else checkpoint.settings
    settings = {key: told[key] for key in sorted(_TORCHVISION_SETTINGS & told.keys())}
    try:
        described = torchvision_preprocessing(weights.transforms(), settings)
        filters = import_library("torchvision.transforms").InterpolationMode
        transform = weights.transforms(
            crop_size=described.input_px[0],
            resize_size=described.resize_px[0],
            interpolation=filters(described.interpolation),
        )
        preprocessing = check_inputs(described, lambda photo: np.asarray(transform(Image.fromarray(photo)), np.float32))
    except UnknownPreprocessingError as error:
        raise ExternalNetworkError(f"{label}: {error} {_OWN_FUNCTION}") from error
    if settings:
        source = f"but {', '.join(f'{key} {value}' for key, value in settings.items())} of the file's training"
    source = source or "the file does not tell its own"
    sizes = f"short side {preprocessing.short_px} px, crop {preprocessing.crop_px} px, {preprocessing.interpolation}"
    _log.warning("%s: the preprocessing is that of torchvision's %s (%s): %s.", label, weights, source, sizes)
    return {"module": model, "preprocessing": preprocessing, "start": label}


_IMAGENET = 1000
_TORCHVISION_SETTINGS = frozenset({"val_resize_size", "val_crop_size", "interpolation"})
"""Of torchvision's reference training: how it makes inputs for evaluation."""


def _torchvision_weights(presets: Sequence[Any], file: str) -> tuple[Any, str]:
    """Return the weights of torchvision that are called like ``file``, and that this is so; else the first, and ""."""
    own = [one for one in presets if one.url.rpartition("/")[2] == os.path.basename(file)]
    return (own[0], "the file's name tells that they are these") if own else (presets[0], "")


def _categories_of(state: Mapping[str, Tensor], model: nn.Module) -> int:
    """Return how many categories the weights ``state`` have, where a ``model`` of ImageNet's has a thousand."""
    found = {
        len(state[key])
        for key, own in model.state_dict().items()
        if key in state and own.ndim and len(own) == _IMAGENET and state[key].shape[1:] == own.shape[1:]
    }
    return found.pop() if len(found) == 1 else _IMAGENET


def _unreachable(name: str, reason: str, local: str) -> ExternalNetworkError:
    return ExternalNetworkError(
        f"{name}: its weights are not on this machine, and {reason}. Load it once where there is a connection, or "
        f"give local weights: {local}."
    )


LIBRARIES: Registry[Callable[[str], dict[str, Any]]] = Registry(
    "library of networks",
    {"transformers": _from_transformers, "timm": _from_timm, "torchvision": _from_torchvision},
)
"""Library -> function from a model's name to "module" and, if known, "preprocessing", "categories" and "start"."""


class LogitsOfTransformers(nn.Module):
    """A model of transformers as a module from images to logits; its own modules run as the model runs them.

    With ``reverse_channels`` the model takes blue first, and images still have red first.
    """

    def __init__(self, model: nn.Module, *, reverse_channels: bool = False) -> None:
        super().__init__()
        self.reverse_channels = reverse_channels
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
        return self._model[0](pixel_values=images.flip(1) if self.reverse_channels else images).logits


def import_library(name: str) -> Any:
    """Return the library ``name``, imported now; ``ExternalNetworkError`` says how to install one that is missing."""
    try:
        return importlib.import_module(name)
    except Exception as error:  # a library that does not fit its torch fails in many ways
        message = error_message(error, 200)
        package = name.partition(".")[0]
        raise ExternalNetworkError(
            f"{package} cannot be imported ({message}); install it with: pip install {package}"
        ) from error
