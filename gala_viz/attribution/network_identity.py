"""Running a network on the two fixed inputs that its results are known again by."""

from __future__ import annotations

import copy
import hashlib
import json

import numpy as np
import torch
from torch import Tensor, nn

from gala_viz.alignment import area_average
from gala_viz.attribution.frozen_eval import frozen_eval
from gala_viz.networks.gala import attention_norm
from gala_viz.networks.network import Network
from gala_viz.networks.output_fingerprint import (
    GRADIENT_CELLS,
    LAYER_CELLS,
    N_INPUTS,
    TOLERANCES,
    NetworkIdentity,
    OutputFingerprint,
    fixed_image,
    fixed_signs,
    fold_logits,
)
from gala_viz.specs import fingerprint


def compute_output_fingerprint(network: Network) -> OutputFingerprint:
    """Run ``network`` on the fixed inputs: one pass of both without gradients, one of each with.

    Nothing is remembered: a network whose module was changed meanwhile behaves as it does now. It runs in float32,
    since bfloat16 differs between devices by more than many an edit does.
    """
    return _probed(network)[0]


def _probed(network: Network) -> tuple[OutputFingerprint, dict[str, tuple[int, int]]]:
    """The behaviour, and each layer's rows and columns."""
    plain = copy.copy(network)
    plain.dtype = torch.float32
    frame = network.preprocessing
    inputs = np.stack([frame.normalise(fixed_image(number, frame.input_px)) for number in range(N_INPUTS)])
    with frozen_eval(network.module):
        with torch.no_grad():
            together, attention = plain.attention(torch.from_numpy(inputs).to(plain.device))
            norms = {layer: _finite(attention_norm(values)) for layer, values in attention.items()}
            together = fold_logits(_finite(together))
        runs = [_with_gradient(plain, one) for one in inputs]
    alone = fold_logits(np.stack([logits for logits, _ in runs]))
    gradient = np.stack([gradient for _, gradient in runs])
    scale = np.maximum(np.linalg.norm(alone, axis=1), np.linalg.norm(together, axis=1))
    behaviour = OutputFingerprint(
        logits=alone,
        gradient=area_average(gradient, (GRADIENT_CELLS, GRADIENT_CELLS)),
        gradient_norm=np.linalg.norm(gradient.reshape(N_INPUTS, -1), axis=1),
        layers={layer: area_average(values, _bounded(values.shape[1:])) for layer, values in norms.items()},
        steady=bool(np.all(np.linalg.norm(alone - together, axis=1) <= TOLERANCES["logits"] * scale)),
    )
    return behaviour, {layer: (values.shape[1], values.shape[2]) for layer, values in norms.items()}


def network_identity(network: Network) -> NetworkIdentity:
    """What tells whether results are those of ``network``."""
    behaviour, grids = _probed(network)
    weights = weights_sha256(network)
    architecture = json.dumps(network.card.get("network", {}), sort_keys=True, default=str)
    settings = {
        "name": network.name,
        "fingerprint": fingerprint(weights, architecture, str(network.dtype)),
        "weights_sha256": weights,
        "preprocessing": network.preprocessing.settings(),
        "input_px": network.preprocessing.input_px,
        "layers": grids,
        "categories": network.categories,
    }
    return NetworkIdentity(
        weights_sha256=weights, behaviour=behaviour, settings=settings, known_by_weights=network.known_by_weights
    )


def weights_sha256(network: Network) -> str:
    """The checksum of the network's file, or of its values where they never were in a file."""
    return network.sha256 or state_dict_sha256(network.module)


def state_dict_sha256(module: nn.Module) -> str:
    """The checksum of all parameters and persistent buffers as they are now: names, types, shapes and values."""
    digest = hashlib.sha256()
    for name, value in module.state_dict().items():
        if isinstance(value, Tensor):
            digest.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
            digest.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
        else:
            digest.update(f"{name} {value!r}\n".encode())
    return digest.hexdigest()


def _with_gradient(network: Network, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Logits (category,) of one input, and the gradient (channel, y, x) of their signed sum; zero where there is none.

    A forward pass that cannot be differentiated gives no maps either; what else it gives is known by its logits.
    """
    batch = torch.from_numpy(np.array(values[None])).to(network.device).requires_grad_()
    with torch.enable_grad():
        logits = network.logits(batch)
        signs = torch.from_numpy(fixed_signs(logits.shape[1])).to(logits.device)
        total = torch.where(torch.isfinite(logits), logits, 0).mul(signs).sum()
        try:
            (gradient,) = torch.autograd.grad(total, batch, allow_unused=True)
        except torch.OutOfMemoryError:
            raise
        except RuntimeError:
            gradient = None
    found = np.zeros(values.shape, np.float32) if gradient is None else _finite(gradient[0])
    return _finite(logits[0]), found


def _finite(values: Tensor) -> np.ndarray:
    found = values.detach().to("cpu", torch.float32).numpy()
    return np.where(np.isfinite(found), found, np.float32(0))


def _bounded(size: tuple[int, ...]) -> tuple[int, int]:
    rows, columns = size
    return min(rows, LAYER_CELLS), min(columns, LAYER_CELLS)
