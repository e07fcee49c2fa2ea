"""Architectures by name, with fresh weights: our own, those of libraries, and functions of one's own.

A card names an architecture, and a card may come from anybody. Our own builders and those of timm, torchvision and
transformers run no code but their own. A function of one's own runs only where the person who opens the network names
it, too.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import nn

from gala_viz.error_text import error_message, error_text
from gala_viz.networks.converters.keras_graph import KerasGraph
from gala_viz.networks.converters.keras_vit import KerasViT
from gala_viz.networks.converters.torchvision_resnet import TorchvisionResNet
from gala_viz.networks.external import (
    ExternalNetworkError,
    LogitsOfTransformers,
    import_function,
    import_library,
)
from gala_viz.networks.insert import add_gala
from gala_viz.networks.lite0 import lite0, lite0_gala
from gala_viz.networks.network_folders import EXTERNAL_LIBRARIES, is_function
from gala_viz.networks.resnet import resnet
from gala_viz.registry import Registry, UnknownNameError, unknown_name

BUILDERS: Registry[Callable[..., nn.Module]] = Registry(
    "network builder",
    {
        "lite0": lite0,
        "lite0_gala": lite0_gala,
        "resnet": resnet,
        "torchvision_resnet": TorchvisionResNet,
        "keras_graph": KerasGraph,
        "keras_vit": KerasViT,
    },
)
"""Architectures that a card may name; its [network.arguments] are passed by keyword."""

TRANSFORMERS_MODELS = frozenset({
    "beit", "bit", "convnext", "convnextv2", "cvt", "data2vec-vision", "deit", "dinat", "dinov2", "efficientnet",
    "focalnet", "hiera", "levit", "mobilenet_v1", "mobilenet_v2", "mobilevit", "mobilevitv2", "poolformer", "pvt",
    "pvt_v2", "regnet", "resnet", "swiftformer", "swin", "swinv2", "vit", "vit_msn",
})  # fmt: skip
"""Kinds of models of transformers that a card may name: classifiers that transformers builds all by itself."""
_LEFT_OUT = frozenset({
    "_name_or_path", "architectures", "auto_map", "dtype", "id2label", "label2id", "num_labels", "torch_dtype",
    "transformers_version", "attn_implementation", "_attn_implementation",
})  # fmt: skip
"""Of a configuration of transformers: where it came from, names of categories, and what decides how it computes."""
_WORD = re.compile(r"[A-Za-z0-9_+-]{0,64}")
"""A setting that is a text: no path, no address, no name of a repository."""


class OwnCodeError(ValueError):
    """A card names a function of somebody's own, and nobody allowed it to run."""


def build_module(
    builder: str,
    arguments: Mapping[str, Any],
    gala: Sequence[str] = (),
    gala_options: Mapping[str, Any] | None = None,
    *,
    input_px: int | tuple[int, int] = 224,
    allowed_function: str | None = None,
    from_card: bool = False,
) -> nn.Module:
    """Return a module with fresh weights.

    Parameters
    ----------
    builder : str
        A name in ``BUILDERS``; "timm:NAME", "torchvision:NAME" or "transformers:NAME", which these libraries build
        without weights; or a function, "package.module:function".
    arguments : mapping
        Passed by keyword; lists become tuples. These libraries take "n_categories", transformers also "config", the
        model's configuration. A function gets "n_categories" where it has such a parameter.
    gala : sequence of str
        Paths of modules behind which GALA blocks are put, see ``add_gala``.
    gala_options : mapping, optional
        Further settings of ``add_gala``: "form", "ratio", "squash".
    input_px : int or tuple of int, (height, width)
        Side, or height and width, of an input on which channels are found where a module does not tell them.
    allowed_function : str, optional
        The one function that may run; default: any, which suits names that a person wrote, and not those of a card.
    from_card : bool
        Whether the names come from a card: nothing is then fetched, or read from another file.

    Returns
    -------
    nn.Module
        On the CPU.

    Raises
    ------
    UnknownNameError
        The builder is unknown; the message offers the nearest name.
    OwnCodeError
        The builder is another function than the allowed one.
    ExternalNetworkError
        A library or a function cannot build it.
    TypeError, ValueError
        The builder refuses its arguments, or GALA a module.
    """
    if not isinstance(arguments, Mapping) or not isinstance(gala_options or {}, Mapping):
        raise ValueError(f"{builder}: its arguments and gala_options are tables of settings; got {arguments!r}.")
    plain = {key: tuple(value) if isinstance(value, list) else value for key, value in arguments.items()}
    library, _, name = builder.partition(":")
    if library in EXTERNAL_LIBRARIES and name:
        if from_card and library == "transformers" and "config" not in plain:
            raise ValueError(f"{builder}: a card holds the configuration, as the argument config; it is not there.")
        module = _LIBRARIES[library](name, plain)
    elif is_function(builder):
        if allowed_function is not None and builder != allowed_function:
            raise OwnCodeError(
                f"its architecture is the function {builder}, which is code of its author's own and runs only where "
                f"you name it: open the network as {builder}@FOLDER."
            )
        module = _from_function(builder, plain)
    else:
        try:
            module = BUILDERS[builder](**plain)
        except TypeError as error:
            raise ValueError(f"{builder}: {error}.") from error
    if gala:
        options = dict(gala_options or {})
        if unknown := sorted(set(options) - {"form", "ratio", "squash"}):
            raise ValueError(f"gala_options knows form, ratio and squash; got {', '.join(unknown)}.")
        if not isinstance(options.get("ratio", 1), int):
            raise ValueError(f"gala_options: ratio is a whole number; got {options['ratio']!r}.")
        size = input_px if isinstance(input_px, tuple) else (input_px, input_px)
        add_gala(module, list(gala), example=torch.zeros(1, 3, *size), **options)
    return module


def _from_timm(name: str, arguments: dict[str, Any]) -> nn.Module:
    """Return a model of timm's own list, without its weights."""
    timm = import_library("timm")
    _check_only(f"timm:{name}", arguments, ("n_categories",))
    if name.partition(".")[0] not in (known := timm.list_models()):  # else timm would look elsewhere, or fetch it
        raise UnknownNameError(unknown_name("model of timm", name, known))
    try:
        return timm.create_model(name, pretrained=False, num_classes=arguments.get("n_categories", 1000))
    except Exception as error:  # an unknown tag of a known model, among others
        raise ExternalNetworkError(f"timm:{name}: {error_text(error)}.") from error


def _from_torchvision(name: str, arguments: dict[str, Any]) -> nn.Module:
    """Return a classifier of torchvision's own list, without its weights."""
    models = import_library("torchvision.models")
    _check_only(f"torchvision:{name}", arguments, ("n_categories",))
    if name not in (known := models.list_models(module=models)):
        raise UnknownNameError(unknown_name("classifier of torchvision", name, known))
    return models.get_model(name, weights=None, num_classes=arguments.get("n_categories", 1000))


def _from_transformers(name: str, arguments: dict[str, Any]) -> nn.Module:
    """Return an image classifier of a configuration that is given, or of that of ``name``."""
    transformers = import_library("transformers")
    label = f"transformers:{name}"
    _check_only(label, arguments, ("n_categories", "config"))
    config = arguments.get("config") or transformers_config(name)
    _check_config(label, config)
    settings = {key: value for key, value in config.items() if key not in (*_LEFT_OUT, "model_type")}
    if n_categories := arguments.get("n_categories"):
        settings["num_labels"] = n_categories
    try:
        built = transformers.AutoConfig.for_model(config["model_type"], **settings)
        model = transformers.AutoModelForImageClassification.from_config(
            built, trust_remote_code=False, attn_implementation="eager"
        )
    except Exception as error:  # a configuration of anybody's
        raise ExternalNetworkError(f"{label}: {error_message(error, 300)}.") from error
    return LogitsOfTransformers(model)


def _check_config(label: str, config: Any) -> None:
    """Raise ``ExternalNetworkError`` for a configuration of more than numbers and words, or of an unknown kind."""
    if not isinstance(config, Mapping) or not isinstance(config.get("model_type"), str):
        raise ExternalNetworkError(f"{label}: its config, with a model_type, was expected.")
    if config["model_type"] not in TRANSFORMERS_MODELS:
        known = sorted(TRANSFORMERS_MODELS)
        raise ExternalNetworkError(f"{label}: {unknown_name('model_type', config['model_type'], known)}")
    for key, value in config.items():
        if key in _LEFT_OUT:
            continue
        if not isinstance(key, str) or "implementation" in key or "kernel" in key or not _is_plain(value):
            raise ExternalNetworkError(f"{label}: the setting {key!r} is not one that describes an architecture.")


def _is_plain(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, int | float) or (isinstance(value, str) and bool(_WORD.fullmatch(value)))


def transformers_config(name: str) -> dict[str, Any]:
    """Return the configuration of the model of transformers called ``name``, as plain values, for a card.

    It is read from a folder or fetched. Raises ``ExternalNetworkError`` where there is none, or it is of a kind that no
    card may name.
    """
    transformers = import_library("transformers")
    try:
        config = transformers.AutoConfig.from_pretrained(name, trust_remote_code=False).to_diff_dict()
    except Exception as error:  # a missing file, a name that is unknown, no network
        raise ExternalNetworkError(f"transformers:{name}: {error_message(error, 300)}.") from error
    plain = {key: value for key, value in config.items() if key not in _LEFT_OUT}
    _check_config(f"transformers:{name}", plain)
    return plain


def complete_arguments(builder: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the ``arguments`` of a ``builder`` with all that a card needs: of transformers the configuration."""
    library, _, name = builder.partition(":")
    if library != "transformers" or "config" in arguments:
        return dict(arguments)
    return {**arguments, "config": transformers_config(name)}


_LIBRARIES: dict[str, Callable[[str, dict[str, Any]], nn.Module]] = {
    "timm": _from_timm,
    "torchvision": _from_torchvision,
    "transformers": _from_transformers,
}


def _check_only(name: str, arguments: Mapping[str, Any], known: tuple[str, ...]) -> None:
    """Raise ``ValueError`` for arguments beside the ``known`` ones: a library's own may read files or fetch some."""
    unknown = sorted(set(arguments) - set(known))
    if unknown:
        raise ValueError(f"{name} takes the arguments {' and '.join(known)}; got {', '.join(unknown)}.")


def _from_function(name: str, arguments: dict[str, Any]) -> nn.Module:
    """Return what the function called ``name`` gives for ``arguments``."""
    function = import_function(name)
    parameters = inspect.signature(function).parameters.values()
    takes_any = any(one.kind is inspect.Parameter.VAR_KEYWORD for one in parameters)
    if not takes_any and "n_categories" not in {one.name for one in parameters}:
        arguments = {key: value for key, value in arguments.items() if key != "n_categories"}
    try:
        module = function(**arguments)
    except Exception as error:  # external code
        raise ExternalNetworkError(f"{name} raised {error_text(error)}.") from error
    if not isinstance(module, nn.Module):
        raise ExternalNetworkError(f"{name} should return a torch.nn.Module; got {type(module).__name__}.")
    return module
