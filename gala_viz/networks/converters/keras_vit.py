"""ViT as vit_keras builds it, from its files of weights (.h5), among them the harmonized ViT-B16; no TensorFlow."""

from __future__ import annotations

import re
from pathlib import Path

import h5py
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from gala_viz.networks.converters.keras_file import datasets
from gala_viz.networks.network_folders import WeightsError
from gala_viz.networks.state_dict_files import load_weights

HEAD_PX = 64
"""Width of an attention head: that of every ViT that vit_keras has."""


class KerasViT(nn.Module):
    """A ViT with a class token, pre-norm blocks, GELU and a linear head.

    Parameters
    ----------
    width : int
        Values of a token, a multiple of 64.
    depth : int
        Number of blocks.
    mlp : int
        Values between the two layers of a block's MLP.
    patch_px : int
        Side of a patch in pixels.
    grid : sequence of int, (rows, columns)
        Patches of an input.
    n_categories : int
        Number of logits.
    """

    def __init__(
        self, width: int, depth: int, mlp: int, patch_px: int, grid: tuple[int, int], n_categories: int
    ) -> None:
        super().__init__()
        self.embedding = nn.Conv2d(3, width, patch_px, patch_px)
        self.cls = nn.Parameter(torch.zeros(1, 1, width))
        self.positions = nn.Parameter(torch.zeros(1, grid[0] * grid[1] + 1, width))
        self.blocks = nn.ModuleList(_Block(width, mlp) for _ in range(depth))
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.head = nn.Linear(width, n_categories)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (B, category) of ``images`` (B, 3, y, x)."""
        tokens = self.embedding(images).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls.expand(len(tokens), -1, -1), tokens], 1) + self.positions
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x)[:, 0])


class _Block(nn.Module):
    def __init__(self, width: int, mlp: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width, eps=1e-6), nn.LayerNorm(width, eps=1e-6)
        self.query, self.key, self.value, self.out = (nn.Linear(width, width) for _ in range(4))
        self.dense1, self.gelu, self.dense2 = nn.Linear(width, mlp), nn.GELU(), nn.Linear(mlp, width)

    def forward(self, x: Tensor) -> Tensor:
        seen = self.norm1(x)
        heads = [part(seen).unflatten(2, (-1, HEAD_PX)).transpose(1, 2) for part in (self.query, self.key, self.value)]
        attended = functional.scaled_dot_product_attention(*heads).transpose(1, 2).flatten(2)
        x = x + self.out(attended)
        return x + self.dense2(self.gelu(self.dense1(self.norm2(x))))


_NAMES = {
    r"LayerNorm_0/(gamma|beta)": "norm1",
    r"LayerNorm_2/(gamma|beta)": "norm2",
    r"MultiHeadDotProductAttention_1/query/(kernel|bias)": "query",
    r"MultiHeadDotProductAttention_1/key/(kernel|bias)": "key",
    r"MultiHeadDotProductAttention_1/value/(kernel|bias)": "value",
    r"MultiHeadDotProductAttention_1/out/(kernel|bias)": "out",
    r"Dense_0/(kernel|bias)": "dense1",
    r"Dense_1/(kernel|bias)": "dense2",
}
_OUTER = {
    r"embedding/(kernel|bias)": "embedding.{}",
    r"head/(kernel|bias)": "head.{}",
    r"encoder_norm/(gamma|beta)": "norm.{}",
    r"class_token/cls": "cls",
    r"posembed_input/pos_embedding": "positions",
}


def is_vit_file(path: Path) -> bool:
    """Return whether a file holds weights of vit_keras without an architecture."""
    try:
        with h5py.File(path, "r") as file:
            names: list[str] = []
            file.visit(names.append)
            return "model_config" not in file.attrs and any("encoderblock_" in name for name in names)
    except OSError:
        return False


def read_keras_vit(path: str | Path) -> tuple[KerasViT, dict[str, object], list[str]]:
    """Return the ViT of a file of weights, the arguments of its builder, and what is to be told.

    Raises ``WeightsError`` where weights are missing, or there are others; the message names one.
    """
    path = Path(path).expanduser()
    state: dict[str, Tensor] = {}
    unknown = []
    with h5py.File(path, "r") as file:
        for name, values in datasets(file):
            key = _own_name(name.partition(":")[0])
            if key is None:
                unknown.append(name)
                continue
            if key.endswith(".weight") and values.ndim > 1:
                values = np.transpose(values, (3, 2, 0, 1)) if values.ndim == 4 else values.T
            state[key] = torch.from_numpy(np.ascontiguousarray(values, np.float32))
    if unknown:
        raise WeightsError(f"{path}: the weight {unknown[0]!r} is none of a ViT of vit_keras with a linear head.")
    if missing := [key for key in ("embedding.weight", "positions", "head.weight") if key not in state]:
        raise WeightsError(f"{path}: a ViT of vit_keras has {missing[0]!r}; it is not there.")
    width, _, patch, _ = state["embedding.weight"].shape
    n_patches = state["positions"].shape[1] - 1
    side = round(n_patches**0.5)
    if side * side != n_patches or width % HEAD_PX:
        raise WeightsError(
            f"{path}: {n_patches} patches of a square and a width by {HEAD_PX} were expected; got {width}."
        )
    depth = len({key.split(".")[1] for key in state if key.startswith("blocks.")})
    dense = state.get("blocks.0.dense1.weight")
    arguments = {
        "width": width, "depth": depth, "mlp": 4 * width if dense is None else len(dense), "patch_px": patch,
        "grid": [side, side], "n_categories": len(state["head.weight"]),
    }  # fmt: skip
    module = KerasViT(**arguments)  # pyright: ignore[reportArgumentType]
    load_weights(path, state, module)
    note = f"heads of {HEAD_PX} values, as in every ViT of vit_keras: the file does not tell their number"
    return module.eval(), arguments, [note]


def _own_name(path: str) -> str | None:
    for pattern, own in _OUTER.items():
        if match := re.search(rf"(?:^|[/_]){pattern}$", path):
            if "encoderblock" in path:
                break
            return own.format(_kind(match[1]) if match.groups() else "")
    block = re.search(r"encoderblock_(\d{1,4})/", path)
    for pattern, own in _NAMES.items():
        if block and (match := re.search(rf"(?:^|[/_]){pattern}$", path)):
            return f"blocks.{int(block[1])}.{own}.{_kind(match[1])}"
    return None


def _kind(name: str) -> str:
    return "weight" if name in ("kernel", "gamma") else "bias"
