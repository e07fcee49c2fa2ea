"""Whole Keras models (.h5 of Keras 2 and 3, .keras) of plain layers, read without TensorFlow.

The architecture is the JSON text inside of the file; nothing that it names is imported or run. Layers are those of the
table ``_LAYERS``; others, Lambda with its code among them, are refused by name.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain, count, pairwise
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from torch import Tensor

from gala_viz.error_text import error_message
from gala_viz.networks.converters.keras_graph import IMAGE, KerasGraph
from gala_viz.networks.network_folders import WeightsError
from gala_viz.networks.state_dict_files import load_weights

MAX_CONFIG_BYTES, MAX_WEIGHT_BYTES = 2**26, 2**32
_ACTIVATIONS = {"swish": "swish", "silu": "swish"} | {
    name: name for name in ("linear", "relu", "relu6", "sigmoid", "tanh", "gelu")
}
_NOT_HERE = "harmonized ConvNeXt, MaxViT and LeViT (keras_cv_attention_models) do not open"


@dataclass
class ConvertedModel:
    """A module with the weights of a file, the arguments of its builder, and what is to be told."""

    network: KerasGraph
    arguments: dict[str, Any]
    input_px: tuple[int, int]
    notes: list[str]


@dataclass
class _Steps:
    """The graph while it is read: steps, weights, and which step gives what a layer gives."""

    steps: list[dict[str, Any]] = field(default_factory=list)
    state: dict[str, Tensor] = field(default_factory=dict)
    result_of: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, kind: str, inputs: list[str], **settings: Any) -> str:
        """Add a step, and return its name; a dot would be a path in PyTorch."""
        name = re.sub(r"[^A-Za-z0-9_]", "_", name)
        taken = {step["name"] for step in self.steps} | {IMAGE}
        unique = next(one for one in chain([name], (f"{name}_{n}" for n in count(2))) if one not in taken)
        self.steps.append({"name": unique, "kind": kind, "inputs": inputs, **settings})
        return unique


def read_keras_model(path: str | Path) -> ConvertedModel:
    """Return the PyTorch module of a whole Keras model.

    Parameters
    ----------
    path : str or Path
        An .h5 or .keras file that holds architecture and weights.

    Returns
    -------
    ConvertedModel
        In eval mode. A softmax at the end is left out, so that it gives logits, and said.

    Raises
    ------
    WeightsError
        The file is no whole model, or has a layer or a setting that is not known here; the message names it.
    """
    path = Path(path).expanduser()
    config, weights = _read(path)
    try:
        layers, output = _layers(config)
        graph = _Steps()
        notes: list[str] = []
        shape: tuple[int, ...] = ()
        for number, layer in enumerate(layers):
            kind, settings = layer["class_name"], layer["config"]
            name = str(settings.get("name") or layer.get("name"))
            if settings.get("data_format") not in (None, "channels_last"):
                raise WeightsError(f"{path}: layer {name!r} has data_format {settings['data_format']!r}; channels_last "
                                   "was expected.")  # fmt: skip
            if kind == "InputLayer":
                shape = tuple(settings.get("batch_input_shape") or settings.get("batch_shape") or ())
                graph.result_of[name] = IMAGE
                continue
            if kind not in _LAYERS:
                raise WeightsError(f"{path}: layer {name!r} is a {kind}{_why(kind)}; those known are "
                                   f"{', '.join(sorted(_LAYERS))}.")  # fmt: skip
            inputs = [graph.result_of[one] for one in layer["inputs"]]
            is_last = name == output
            if number + 1 == len(layers) and not is_last:
                raise WeightsError(f"{path}: its output is layer {output!r}, and the last layer is {name!r}.")
            if is_last and (ending := _ending(kind, settings)):
                notes.append(f"the {ending} at the end is left out: a network here gives logits")
                settings = {**settings, "activation": "linear"}
                kind = "Dropout" if kind in ("Softmax", "Activation") else kind
            graph.result_of[name] = _LAYERS[kind](graph, name, settings, inputs, weights.get(name, {}))
    except WeightsError:
        raise
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        message = error_message(error, 200)
        raise WeightsError(
            f"{path}: a model of plain layers was expected ({type(error).__name__}: {message})."
        ) from None
    if len(shape) != 4 or None in shape[1:] or shape[3] != 3:
        raise WeightsError(f"{path}: an input (None, height, width, 3) was expected; got {shape}.")
    dense = [step for step in graph.steps if step["kind"] == "dense"]
    if not dense or graph.steps[-1]["kind"] not in ("dense", "linear"):
        raise WeightsError(
            f"{path}: it does not end in a Dense layer that gives logits; got {graph.steps[-1]['kind']}."
        )
    scales = any(step["kind"] == "rescale" for step in graph.steps)
    if scales:
        notes.append("its first layers scale pixels of 0 to 255 themselves, so mean is 0 and std 1; --mean and --std "
                     "say otherwise")  # fmt: skip
    arguments = {"steps": graph.steps, "n_categories": dense[-1]["channels"][1], "scales_inputs": scales}
    network = KerasGraph(**arguments)
    load_weights(path, graph.state, network)
    return ConvertedModel(network.eval(), arguments, (shape[1], shape[2]), notes)


Weights = Mapping[str, np.ndarray]


def _read(path: Path) -> tuple[dict[str, Any], dict[str, Weights]]:
    """Return the model's configuration, and each layer's weights by name."""
    if not path.is_file():
        raise WeightsError(f"{path}: not found; a Keras model (.h5, .keras) was expected.")
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                sizes = {one.filename: one.file_size for one in archive.infolist()}
                if (
                    sizes.get("config.json", 0) > MAX_CONFIG_BYTES
                    or sizes.get("model.weights.h5", 0) > MAX_WEIGHT_BYTES
                ):
                    raise WeightsError(f"{path}: it unpacks to more than {MAX_WEIGHT_BYTES:,} bytes.")
                config = json.loads(archive.read("config.json"))
                with h5py.File(io.BytesIO(archive.read("model.weights.h5")), "r") as file:
                    return config, _of_archive(config, file)
        with h5py.File(path, "r") as file:
            if "model_config" not in file.attrs:
                raise WeightsError(
                    f"{path}: weights without an architecture. Of such files only ViT-B16 of vit_keras opens; "
                    f"{_NOT_HERE}: save the whole model (model.save), or use timm's."
                )
            text: Any = file.attrs["model_config"]
            config = json.loads(text if isinstance(text, str) else bytes(text).decode())
            return config, _of_h5(file["model_weights"])
    except WeightsError:
        raise
    except (OSError, KeyError, ValueError, zipfile.BadZipFile, RecursionError) as error:
        message = error_message(error, 200)
        raise WeightsError(f"{path}: no Keras model, or a damaged one ({message}).") from None


def datasets(group: Any) -> Iterator[tuple[str, np.ndarray]]:
    """Yield path and values of every array of numbers below ``group``; links out of the file are not followed."""
    for key in group:
        if not isinstance(group.get(key, getlink=True), h5py.HardLink):
            continue
        one = group[key]
        if isinstance(one, h5py.Group):
            for path, values in datasets(one):
                yield f"{key}/{path}", values
        elif one.dtype.kind in "fiu" and one.size * 8 <= MAX_WEIGHT_BYTES and not one.external and not one.is_virtual:
            yield key, one[()]


def _of_h5(group: Any) -> dict[str, Weights]:
    return {
        name: {path.rpartition("/")[2].partition(":")[0]: values for path, values in datasets(group[name])}
        for name in group
        if isinstance(group[name], h5py.Group)
    }


def _of_archive(config: Mapping[str, Any], file: Any) -> dict[str, Weights]:
    """Return weights of a .keras file, which numbers them; layers stand there by name, or by class and number."""
    held = next((file[key] for key in ("layers", "_layer_checkpoint_dependencies") if key in file), file)
    counts: dict[str, int] = {}
    found: dict[str, Weights] = {}
    for layer in config["config"]["layers"]:
        kind, settings = layer["class_name"], layer["config"]
        name, snake = settings["name"], _snake_case(kind)
        counts[snake] = counts.get(snake, -1) + 1
        numbered = snake if counts[snake] == 0 else f"{snake}_{counts[snake]}"
        places = {key: held[key]["vars"] for key in (numbered, name) if key in held and "vars" in held[key]}
        if not (order := _order(kind, settings)) or not places:
            continue
        by_class = all(
            _snake_case(one["class_name"]) in held
            for one in config["config"]["layers"]
            if _order(one["class_name"], one["config"])
        )
        values = places.get(numbered if by_class else name)
        if values is None:
            raise WeightsError(f"no weights of layer {name!r}.")
        found[name] = {one: values[str(number)][()] for number, one in enumerate(order)}
    return found


def _snake_case(name: str) -> str:
    name = re.sub(r"\W+", "", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)).lower()


def _order(kind: str, settings: Mapping[str, Any]) -> list[str]:
    """Return the names of a layer's weights, in the order in which a .keras file numbers them."""
    if kind == "BatchNormalization":
        scaled = [name for name, key in (("gamma", "scale"), ("beta", "center")) if settings.get(key, True)]
        return [*scaled, "moving_mean", "moving_variance"]
    if kind == "Normalization":
        return ["mean", "variance"]
    if kind in ("Conv2D", "DepthwiseConv2D", "Dense"):
        return ["kernel", *(["bias"] if settings.get("use_bias", True) else [])]
    return []


def _layers(config: Mapping[str, Any]) -> tuple[list[dict[str, Any]], str]:
    """Return layers, each with the names of its inputs, in an order in which they can run; and the output's name."""
    inner = config["config"]
    if config["class_name"] == "Sequential":
        layers = [dict(layer) for layer in inner["layers"]]
        if layers[0]["class_name"] != "InputLayer":
            shape = layers[0]["config"].get("batch_input_shape") or inner.get("build_input_shape")
            layers.insert(0, {"class_name": "InputLayer", "config": {"name": "input", "batch_input_shape": shape}})
        for before, layer in pairwise(layers):
            layer["inputs"] = [before["config"]["name"]]
        return layers, layers[-1]["config"]["name"]
    if config["class_name"] not in ("Functional", "Model"):
        raise WeightsError(f"a Functional or Sequential model was expected; it is a {config['class_name']}.")
    waiting = []
    for layer in inner["layers"]:
        nodes = layer["inbound_nodes"]
        if len(nodes) > 1:
            raise WeightsError(f"layer {layer['config']['name']!r} is used {len(nodes)} times; once was expected.")
        waiting.append({**layer, "inputs": list(_names(nodes))})
    ordered: list[dict[str, Any]] = []
    while waiting:
        known = {layer["config"]["name"] for layer in ordered}
        ready = [layer for layer in waiting if set(layer["inputs"]) <= known]
        if not ready:
            raise WeightsError(f"layer {waiting[0]['config']['name']!r} takes what no layer gives.")
        ordered += ready
        waiting = [layer for layer in waiting if layer not in ready]
    outputs = inner["output_layers"]
    output = outputs[0] if isinstance(outputs[0], str) else outputs[0][0]
    if not isinstance(outputs[0], str) and len(outputs) > 1:
        raise WeightsError(f"it has {len(outputs)} outputs; one was expected.")
    ordered.sort(key=lambda layer: layer["config"]["name"] == output)
    return ordered, output


def _names(node: Any) -> Iterator[str]:
    """Yield the names of the layers whose results a node takes, in both forms that Keras writes."""
    if isinstance(node, Mapping):
        if node.get("class_name") == "__keras_tensor__":
            yield node["config"]["keras_history"][0]
        else:
            yield from _names(node.get("args", []))
    elif isinstance(node, list):
        if len(node) >= 3 and isinstance(node[0], str) and all(isinstance(one, int) for one in node[1:3]):
            yield node[0]
        else:
            for one in node:
                yield from _names(one)


def _why(kind: str) -> str:
    if kind == "Lambda":
        return ", which is code, and code in files is not run"
    return "" if kind not in ("Functional", "Model", "Sequential") else ", a model within a model"


def _ending(kind: str, settings: Mapping[str, Any]) -> str:
    name = "softmax" if kind == "Softmax" else settings.get("activation")
    if name == "sigmoid":
        raise WeightsError(
            "it ends in a sigmoid, so that its outputs are no logits of categories that exclude each other."
        )
    return "softmax" if name == "softmax" else ""


def _activation(graph: _Steps, name: str, activation: Any, before: str) -> str:
    activation = activation if activation is not None else "linear"
    if not isinstance(activation, str) or activation not in _ACTIVATIONS:
        raise WeightsError(f"layer {name!r}: the activation {activation!r} is unknown; those known: "
                           f"{', '.join(sorted(_ACTIVATIONS))}.")  # fmt: skip
    return before if activation == "linear" else graph.add(f"{name}_{activation}", _ACTIVATIONS[activation], [before])


def _padded(
    graph: _Steps, name: str, settings: Mapping[str, Any], inputs: list[str], reach: Any, value: float
) -> list[str]:
    """Return the inputs of a convolution or a pool, after SAME padding where it has it."""
    size, stride, dilation = reach
    if settings.get("padding", "valid") not in ("same", "valid"):
        raise WeightsError(f"layer {name!r}: the padding {settings['padding']!r} is unknown.")
    if settings.get("padding", "valid") == "valid" or (list(size) == [1, 1] and list(stride) == [1, 1]):
        return inputs
    return [graph.add(f"{name}_padding", "same", inputs, size=size, stride=stride, dilation=dilation, value=value)]


def _pair(value: Any) -> list[int]:
    return [int(value)] * 2 if isinstance(value, int | float) else [int(one) for one in value]


def _conv2d(graph: _Steps, name: str, settings: Any, inputs: list[str], weights: Weights) -> str:
    depthwise = "depth_multiplier" in settings
    kernel = weights.get("depthwise_kernel", weights.get("kernel"))
    if kernel is None:
        raise WeightsError(f"no weights of layer {name!r}.")
    if depthwise:
        values = np.transpose(kernel, (2, 3, 0, 1))
        groups, values = values.shape[0], values.reshape(-1, 1, *values.shape[2:])
    else:
        groups, values = int(settings.get("groups", 1)), np.transpose(kernel, (3, 2, 0, 1))
    size, stride = list(values.shape[2:]), _pair(settings.get("strides", 1))
    dilation = _pair(settings.get("dilation_rate", 1))
    inputs = _padded(graph, name, settings, inputs, (size, stride, dilation), 0.0)
    channels = [values.shape[1] * groups, values.shape[0]]
    bias = bool(settings.get("use_bias", True))
    step = graph.add(
        name, "conv", inputs, channels=channels, size=size, stride=stride, dilation=dilation, groups=groups, bias=bias
    )
    graph.state[f"{step}.weight"] = _tensor(values)
    if bias:
        graph.state[f"{step}.bias"] = _tensor(weights["bias"])
    return _activation(graph, name, settings.get("activation"), step)


def _dense(graph: _Steps, name: str, settings: Any, inputs: list[str], weights: Weights) -> str:
    kernel, bias = weights["kernel"], bool(settings.get("use_bias", True))
    step = graph.add(name, "dense", inputs, channels=list(kernel.shape), bias=bias)
    graph.state[f"{step}.weight"] = _tensor(kernel.T)
    if bias:
        graph.state[f"{step}.bias"] = _tensor(weights["bias"])
    return _activation(graph, name, settings.get("activation"), step)


def _batch_norm(graph: _Steps, name: str, settings: Any, inputs: list[str], weights: Weights) -> str:
    axis = settings.get("axis", -1)
    if (axis[0] if isinstance(axis, list) else axis) not in (-1, 3):
        raise WeightsError(f"layer {name!r} normalises axis {axis}; the last one was expected.")
    mean = weights["moving_mean"]
    step = graph.add(name, "batch_norm", inputs, channels=len(mean), eps=float(settings.get("epsilon", 1e-3)))
    graph.state |= {
        f"{step}.weight": _tensor(weights.get("gamma", np.ones_like(mean))),
        f"{step}.bias": _tensor(weights.get("beta", np.zeros_like(mean))),
        f"{step}.running_mean": _tensor(mean),
        f"{step}.running_var": _tensor(weights["moving_variance"]),
    }
    return step


def _scaled(graph: _Steps, name: str, inputs: list[str], scale: Any, offset: Any) -> str:
    scale, offset = (np.asarray(one, np.float64).ravel() for one in (scale, offset))
    channels = max(len(scale), len(offset))
    step = graph.add(name, "rescale", inputs, channels=channels)
    graph.state[f"{step}.scale"] = _tensor(np.broadcast_to(scale, channels)[:, None, None])
    graph.state[f"{step}.offset"] = _tensor(np.broadcast_to(offset, channels)[:, None, None])
    return step


def _rescaling(graph: _Steps, name: str, settings: Any, inputs: list[str], weights: Weights) -> str:
    return _scaled(graph, name, inputs, _number(settings["scale"]), _number(settings.get("offset", 0.0)))


def _normalization(graph: _Steps, name: str, settings: Any, inputs: list[str], weights: Weights) -> str:
    if settings.get("invert"):
        raise WeightsError(f"layer {name!r}: an inverted Normalization is unknown.")
    given = settings.get("mean") is not None
    mean, variance = (
        np.asarray(_number(settings[k]) if given else weights[k], np.float64) for k in ("mean", "variance")
    )
    sd = np.maximum(np.sqrt(variance), 1e-7)
    return _scaled(graph, name, inputs, 1 / sd, -mean / sd)


def _number(value: Any) -> Any:
    """Return numbers, or those of an array as Keras 3 writes it."""
    return value["config"]["value"] if isinstance(value, Mapping) else value


def _pool2d(of: str) -> Callable[..., str]:
    def add(graph: _Steps, name: str, settings: Any, inputs: list[str], weights: Weights) -> str:
        size = _pair(settings["pool_size"])
        stride = _pair(settings.get("strides") or size)
        if of == "mean" and settings.get("padding", "valid") != "valid":
            raise WeightsError(f"layer {name!r}: an average pool with padding {settings['padding']!r} is unknown.")
        inputs = _padded(graph, name, settings, inputs, (size, stride, [1, 1]), float("-inf"))
        return graph.add(name, "pool", inputs, of=of, size=size, stride=stride)

    return add


def _global_pool(of: str) -> Callable[..., str]:
    return lambda graph, name, settings, inputs, weights: graph.add(
        name, "global_pool", inputs, of=of, keepdims=bool(settings.get("keepdims", False))
    )


def _merge(of: str) -> Callable[..., str]:
    def add(graph: _Steps, name: str, settings: Any, inputs: list[str], weights: Weights) -> str:
        if of == "concatenate" and settings.get("axis", -1) not in (-1, 3):
            raise WeightsError(f"layer {name!r} joins axis {settings['axis']}; the last one was expected.")
        return graph.add(name, "merge", inputs, of=of)

    return add


def _zero_padding(graph: _Steps, name: str, settings: Any, inputs: list[str], weights: Weights) -> str:
    padding = settings["padding"]
    (top, bottom), (left, right) = (
        _pair(one) for one in (padding if isinstance(padding, list | tuple) else [padding] * 2)
    )
    return graph.add(name, "zero_pad", inputs, border=[left, right, top, bottom])


def _reshape(graph: _Steps, name: str, settings: Any, inputs: list[str], weights: Weights) -> str:
    target = list(settings["target_shape"])
    if len(target) != 3 or target[:2] != [1, 1]:
        raise WeightsError(f"layer {name!r} reshapes to {target}; only (1, 1, channels) is known.")
    return graph.add(name, "one_position", inputs)


def _relu(graph: _Steps, name: str, settings: Any, inputs: list[str], weights: Weights) -> str:
    most = settings.get("max_value")
    if settings.get("negative_slope") or settings.get("threshold") or most not in (None, 6):
        raise WeightsError(f"layer {name!r}: a ReLU of other settings than max_value 6 is unknown.")
    return graph.add(name, "relu" if most is None else "relu6", inputs)


def _tensor(values: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32))


_LAYERS: dict[str, Callable[..., str]] = {
    "Conv2D": _conv2d,
    "DepthwiseConv2D": _conv2d,
    "Dense": _dense,
    "BatchNormalization": _batch_norm,
    "Rescaling": _rescaling,
    "Normalization": _normalization,
    "MaxPooling2D": _pool2d("max"),
    "AveragePooling2D": _pool2d("mean"),
    "GlobalAveragePooling2D": _global_pool("mean"),
    "GlobalMaxPooling2D": _global_pool("max"),
    "ZeroPadding2D": _zero_padding,
    "Flatten": lambda graph, name, settings, inputs, weights: graph.add(name, "flatten", inputs),
    "Reshape": _reshape,
    "ReLU": _relu,
    "Softmax": lambda graph, name, settings, inputs, weights: _activation(graph, name, "softmax", inputs[0]),
    "Activation": lambda graph, name, settings, inputs, weights: _activation(
        graph, name, settings["activation"], inputs[0]
    ),
    "Dropout": lambda graph, name, settings, inputs, weights: inputs[0],
    "Add": _merge("add"),
    "Multiply": _merge("multiply"),
    "Concatenate": _merge("concatenate"),
}
"""Class of a layer -> function that adds its steps and returns the name of the last one."""
