"""The authors' TensorFlow networks in PyTorch: which architecture a checkpoint holds, and which variable is what.

Source: the variable names of the code that Linsley et al. 2018 trained on TPUs. Convolutions, batch norms and the
last layer are numbered in the order in which the network was built; GALA's variables carry group and block.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from gala_viz.networks.card import cast_weight
from gala_viz.networks.converters.tensorflow_checkpoint import CheckpointError, TensorFlowCheckpoint
from gala_viz.networks.gala import Squashing
from gala_viz.networks.resnet import resnet

_GALA = {
    "{0}_ATTENTION_intermediate/kernel": "local_shrink.weight",
    "{0}_ATTENTION_intermediate/bias": "local_shrink.bias",
    "{0}_ATTENTION_intermediate_0/kernel": "local_middle.weight",
    "{0}_ATTENTION_intermediate_0/bias": "local_middle.bias",
    "{0}_ATTENTION_output/kernel": "local_collapse.weight",
    "{0}_ATTENTION_output/bias": "local_collapse.bias",
    "{0}_ATTENTION_intermediate/weights": "global_shrink.weight",
    "{0}_ATTENTION_intermediate/biases": "global_shrink.bias",
    "{0}_ATTENTION_output/weights": "global_expand.weight",
    "{0}_ATTENTION_output/biases": "global_expand.bias",
    "alpha_{0}": "additive",
    "beta_{0}": "multiplicative",
}
_BLOCK = re.compile(r"block_layer(\d+)_(\d+)")
_BODY = re.compile(r"(?:(?P<norm>batch_normalization)|conv2d|dense)(?:_(?P<number>\d+))?/(?P<leaf>\w+)")
_OURS = re.compile(
    r"(?:(?:conv2d|batch_normalization|dense)(?:_\d+)?|block_layer\d+_\d+_ATTENTION_\w+)/\w+$"
    r"|(?:alpha|beta)_block_layer\d+_\d+$"
)
_NORM = {"gamma": "weight", "beta": "bias", "moving_mean": "running_mean", "moving_variance": "running_var"}
_UNUSED = re.compile(r"(^|/)(global_step|\w+_power|Momentum|RMSProp(_\d)?|Adam(_\d)?|ExponentialMovingAverage)$")

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ConversionResult:
    """A network in eval mode, the ``arguments`` of ``resnet`` that build it, and variables that it does not need."""

    network: nn.Module
    arguments: dict[str, Any]
    unused: tuple[str, ...]


def convert_checkpoint(checkpoint: TensorFlowCheckpoint, *, squash: Squashing | None = None) -> ConversionResult:
    """Return the network of a checkpoint: any width and depth, GALA at output or input of its bottlenecks, or none.

    A checkpoint does not say its ``squash``: without one it is sigmoid, as in the authors' code. Raises
    ``CheckpointError`` where the variables are not those of such a network.
    """
    unused = tuple(name for name in checkpoint.shapes if _UNUSED.search(name))
    shapes = {_bare(name): shape for name, shape in checkpoint.shapes.items() if name not in unused}
    full = {_bare(name): name for name in checkpoint.shapes if name not in unused}
    arguments = infer_resnet_arguments(shapes)
    if squash is not None and arguments["attention"] == "gala":
        arguments["attention_options"] = {**arguments["attention_options"], "squash": squash}
    network = resnet(**arguments)
    keys = match_variables(network, shapes)
    state = network.state_dict()
    for name, key in keys.items():
        values = to_torch(checkpoint.read(full[name]))
        if values.shape != state[key].shape:
            raise CheckpointError(f"{name} has shape {shapes[name]}; {tuple(state[key].shape)} was expected for {key}.")
        state[key] = cast_weight(checkpoint.prefix, full[name], values, state[key].dtype)
    network.load_state_dict(state)
    return ConversionResult(network.eval(), arguments, unused)


def infer_resnet_arguments(shapes: Mapping[str, Shape]) -> dict[str, Any]:
    """Return the arguments of ``resnet`` that the ``shapes`` of a checkpoint's variables imply.

    Raises ``CheckpointError`` where they are not those of a ResNet of the authors' code.
    """
    kernels = [shape for name, shape in _numbered(shapes, "conv2d") if name.endswith("kernel")]
    if not kernels or len(kernels[0]) != 4 or "dense/kernel" not in shapes:
        raise CheckpointError("it has no conv2d/kernel and dense/kernel: it is no ResNet of the authors' code.")
    blocks: list[int] = []
    position = 1
    while position < len(kernels):
        projects = position + 2 < len(kernels) and kernels[position + 2][0] == 3
        if not projects and not blocks:
            raise CheckpointError(
                "the first bottleneck has no projection shortcut: it is no ResNet of the authors' code."
            )
        blocks = [*blocks, 1] if projects else [*blocks[:-1], blocks[-1] + 1]
        position += 4 if projects else 3
    arguments: dict[str, Any] = {
        "n_categories": shapes["dense/kernel"][-1],
        "blocks": tuple(blocks),
        "base_filters": kernels[0][-1],
        "attention": "none",
    }
    attended = sorted({(int(match[1]), int(match[2])) for name in shapes if (match := _BLOCK.search(name))})
    if attended:
        group, block = attended[0]
        name = f"block_layer{group}_{block}"
        channels, hidden = shapes[f"{name}_ATTENTION_intermediate/weights"]
        at_output = 4 * arguments["base_filters"] * 2 ** (group - 1)
        form = "tpu2018" if f"{name}_ATTENTION_intermediate_0/kernel" in shapes else "iclr2019"
        arguments |= {
            "attention": "gala",
            "attention_options": {"form": form, "ratio": channels // hidden, "squash": "sigmoid"},
            "attention_groups": tuple(sorted({group for group, _ in attended})),
            "position": "output" if channels == at_output else "input",
        }
    return arguments


def match_variables(network: nn.Module, shapes: Mapping[str, Shape]) -> dict[str, str]:
    """Return variable -> key of the state dict of ``network``.

    Every variable and every key is used; ``CheckpointError`` says which is not.
    """
    keys = [key for key in network.state_dict() if not key.endswith("num_batches_tracked")]
    matches: dict[str, str] = {}
    for group, block in sorted({(int(hit[1]), int(hit[2])) for name in shapes if (hit := _BLOCK.search(name))}):
        for variable, ours in _GALA.items():
            name = variable.format(f"block_layer{group}_{block}")
            if name in shapes:
                matches[name] = f"group{group}.block{block + 1}.attention.{ours}"
    body = [key for key in keys if ".attention." not in key]
    norms = list(dict.fromkeys(key.rpartition(".")[0] for key in body if "norm" in key.rpartition(".")[0]))
    others = [key for key in body if key.rpartition(".")[0] not in norms and not key.startswith("head.")]
    for name, _ in _numbered(shapes, "batch_normalization"):
        number, leaf = _number(name), name.rpartition("/")[2]
        if number < len(norms) and leaf in _NORM:
            matches[name] = f"{norms[number]}.{_NORM[leaf]}"
    for name, _ in _numbered(shapes, "conv2d"):
        if _number(name) < len(others):
            matches[name] = others[_number(name)]
    matches |= {"dense/kernel": "head.weight", "dense/bias": "head.bias"}
    left, missing = sorted(shapes.keys() - matches.keys()), sorted(set(keys) - set(matches.values()))
    if left or missing or len(set(matches.values())) < len(matches):
        reasons = [
            f"{what}: {', '.join(names[:5])}" for what, names in (("not known", left), ("missing", missing)) if names
        ]
        raise CheckpointError(f"the variables are not those of such a network; {'; '.join(reasons)}.")
    return matches


def to_torch(values: np.ndarray) -> Tensor:
    """Return a variable's values in PyTorch's order of dims.

    Convolutions go from (y, x, in, out) to (out, in, y, x), dense layers from (in, out) to (out, in); vectors stay, and
    (1, 1, 1, C) becomes (C,). Raises ``CheckpointError`` for other numbers of dims.
    """
    if values.ndim == 4 and values.shape[:3] == (1, 1, 1):
        values = values.ravel()
    order = {4: (3, 2, 0, 1), 2: (1, 0), 1: (0,)}.get(values.ndim)
    if order is None:
        raise CheckpointError(f"a variable has the shape {values.shape}; weights have 1, 2 or 4 dims.")
    return torch.from_numpy(values.transpose(order).copy())


def _bare(name: str) -> str:
    """Return the name without the scope that a whole network may have been built in."""
    match = _OURS.search(name)
    return name if match is None else match[0]


def _numbered(shapes: Mapping[str, Shape], kind: str) -> list[tuple[str, Shape]]:
    of_kind = [(name, shape) for name, shape in shapes.items() if re.match(rf"{kind}(_\d+)?/", name)]
    return sorted(of_kind, key=lambda entry: _number(entry[0]))


def _number(name: str) -> int:
    match = _BODY.fullmatch(name)
    if match is None:
        raise CheckpointError(f"the variable {name} is none of such a network.")
    return int(match["number"] or 0)
