"""The identity of a network: checksum of its weights, and its output fingerprint on the fixed images."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import torch
from torch import Tensor, nn

from gala_viz.alignment import area_average
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
    """Compute the output fingerprint of a network on the fixed images.

    It runs one forward pass of both images without gradients, and one of each with gradients, in float32, since
    bfloat16 differs between devices by more than many an edit does. Nothing is cached: a module that was changed
    meanwhile is measured as it is now.

    Parameters
    ----------
    network : Network
        It is frozen in eval mode meanwhile, and restored afterwards.

    Returns
    -------
    OutputFingerprint
        Logits, input gradients and norms of layers, on grids of fixed size.
    """
    return _probed(network)[0]


def _probed(network: Network) -> tuple[OutputFingerprint, dict[str, tuple[int, int]]]:
    """Return the output fingerprint, and rows and columns of each layer's grid."""
    plain = network.with_precision("float32")
    frame = network.preprocessing
    inputs = np.stack([frame.normalise(fixed_image(number, frame.input_px)) for number in range(N_INPUTS)])
    with plain.computing():
        with torch.no_grad():
            together, attention = plain.attention(torch.from_numpy(inputs).to(plain.device))
            norms = {layer: _finite(attention_norm(values)) for layer, values in attention.items()}
            together = fold_logits(_finite(together))
        runs = [_with_gradient(plain, one) for one in inputs]
    alone = fold_logits(np.stack([logits for logits, _ in runs]))
    gradient = np.stack([gradient for _, gradient in runs])
    scale = np.maximum(np.linalg.norm(alone, axis=1), np.linalg.norm(together, axis=1))
    output_fingerprint = OutputFingerprint(
        logits=alone,
        gradient=area_average(gradient, (GRADIENT_CELLS, GRADIENT_CELLS)),
        gradient_norm=np.linalg.norm(gradient.reshape(N_INPUTS, -1), axis=1),
        layers={layer: area_average(values, _bounded(values.shape[1:])) for layer, values in norms.items()},
        steady=bool(np.all(np.linalg.norm(alone - together, axis=1) <= TOLERANCES["logits"] * scale)),
    )
    return output_fingerprint, {layer: (values.shape[1], values.shape[2]) for layer, values in norms.items()}


def network_identity(network: Network) -> NetworkIdentity:
    """Return what tells whether results are of a network.

    Parameters
    ----------
    network : Network
        It runs on the fixed images.

    Returns
    -------
    NetworkIdentity
        Checksum of the weights, output fingerprint, and settings on which its numbers depend.
    """
    output_fingerprint, grids = (None, {}) if network.maps is not None else _probed(network)
    weights = weights_sha256(network)
    architecture = json.dumps(network.card.get("network", {}), sort_keys=True, default=str)
    settings = {
        "name": network.name,
        "fingerprint": fingerprint(weights, architecture, precision_key(network)),
        "weights_sha256": weights,
        "preprocessing": network.preprocessing.settings(),
        "input_px": network.preprocessing.input_px,
        "layers": grids,
        "categories": network.categories,
    }
    return NetworkIdentity(
        weights_sha256=weights,
        behaviour=output_fingerprint,
        settings=settings,
        known_by_weights=network.known_by_weights,
    )


def precision_key(network: Network) -> str:
    """Return the precision as keys of results have it, whose first were types of PyTorch."""
    return f"torch.{network.precision}"


def weights_sha256(network: Network) -> str:
    """Return the checksum of a network's weights.

    Parameters
    ----------
    network : Network
        With or without a file of weights.

    Returns
    -------
    str
        SHA-256 of the file, or of the values where they never were in a file, in hex digits.
    """
    return network.sha256 or state_dict_sha256(network.module)


def state_dict_sha256(module: nn.Module) -> str:
    """Return the checksum of all parameters and persistent buffers as they are now.

    Parameters
    ----------
    module : nn.Module
        Whose state dict is read.

    Returns
    -------
    str
        SHA-256 of names, types, shapes and values, in hex digits.
    """
    digest = hashlib.sha256()
    for name, value in module.state_dict().items():
        if isinstance(value, Tensor):
            digest.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
            digest.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
        else:
            digest.update(f"{name} {value!r}\n".encode())
    return digest.hexdigest()


def _with_gradient(network: Network, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the logits (category,) of one input, and the gradient (channel, y, x) of their signed sum.

    The gradient is zero where there is none: a forward pass that cannot be differentiated gives no maps either, and the
    logits tell what else it gives.
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
    gradient_values = np.zeros(values.shape, np.float32) if gradient is None else _finite(gradient[0])
    return _finite(logits[0]), gradient_values


def _finite(values: Tensor) -> np.ndarray:
    array = values.detach().to("cpu", torch.float32).numpy()
    return np.where(np.isfinite(array), array, np.float32(0))


def _bounded(size: tuple[int, ...]) -> tuple[int, int]:
    rows, columns = size
    return min(rows, LAYER_CELLS), min(columns, LAYER_CELLS)
