"""Operators and copies of SmoothGrad on a device: ``python benchmarks/device_traffic.py [--network NAME]``.

No measure of speed, and no GPU is needed: tensors that claim to be on a device compute on the CPU, and every operator
on them and every copy to and from them is counted. On a GPU each operator starts one kernel or a few, and a copy makes
the CPU wait; so the counts tell what a GPU would have to do beside the network's own arithmetic. Captum's NoiseTunnel
around Saliency, all samples in one batch, stands beside it.
"""

from __future__ import annotations

import argparse
from collections import Counter
from contextlib import nullcontext
from typing import Any

import numpy as np
import torch
from captum.attr import NoiseTunnel, Saliency
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map_only

import gala_viz as gv

WRAPPER, TO_COPY = "_make_wrapper_subclass", torch.ops.aten._to_copy.default
"""PyTorch documents the first for subclasses of tensors, and calls the second for every copy between devices."""
DEVICE = "meta"
"""The only device that every build of PyTorch lets tensors claim to be on without a driver."""


class OnDevice(torch.Tensor):
    """A tensor that says it is on ``DEVICE``; its values are those of ``values``, on the CPU."""

    values: torch.Tensor

    @staticmethod
    def __new__(cls, values: torch.Tensor) -> OnDevice:
        """Return a tensor of the shape and type of ``values``."""
        made = getattr(torch.Tensor, WRAPPER)(
            cls, values.size(), strides=values.stride(), dtype=values.dtype, device=DEVICE
        )
        made.values = values
        return made

    @classmethod
    def __torch_dispatch__(cls, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Compute outside of ``Traffic``, uncounted."""
        return computed(function, args, kwargs or {})


class Traffic(TorchDispatchMode):
    """Counts operators on the device, and copies to and from it with their bytes."""

    def __init__(self) -> None:
        super().__init__()
        self.operators: Counter[str] = Counter()
        self.uploads: list[int] = []
        self.downloads: list[int] = []

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Count one operator, and compute it."""
        kwargs = kwargs or {}
        found = computed(function, args, kwargs)
        source = args[0] if args else None
        if function is TO_COPY and isinstance(source, OnDevice) != isinstance(found, OnDevice):
            (self.downloads if isinstance(source, OnDevice) else self.uploads).append(source.nbytes)
        elif isinstance(found, bool | int | float) and isinstance(source, OnDevice):
            self.downloads.append(1)
        elif isinstance(found, OnDevice | tuple | list) and not is_view(function):
            self.operators[str(function)] += 1
        return found


def is_view(function: Any) -> bool:
    """Whether an operator only looks at its input in another shape, for which no kernel runs."""
    return function.is_view or str(function) in ("aten.detach.default", "aten._unsafe_view.default")


def computed(function: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """Compute an operator on the CPU; what comes of values on the device, or is asked for there, is there."""
    inputs: list[OnDevice] = []
    plain_args, plain_kwargs = tree_map_only(OnDevice, lambda one: inputs.append(one) or one.values, (args, kwargs))
    device = kwargs.get("device")
    there = bool(inputs) if device is None else torch.device(device).type == DEVICE
    if device is not None:
        plain_kwargs = {**plain_kwargs, "device": torch.device("cpu")}
    plain_kwargs.pop("pin_memory", None)
    if function is TO_COPY and device is not None and there != bool(inputs):
        plain_kwargs.pop("non_blocking", None)
    found = function(*plain_args, **plain_kwargs)
    written = [one for one in inputs if any(one.values is out for out in _tensors(found))]
    if written and function._schema.is_mutable:  # in place: the caller's own tensor comes back
        return written[0] if isinstance(found, torch.Tensor) else found
    return tree_map_only(torch.Tensor, OnDevice, found) if there else found


def _tensors(found: Any) -> list[torch.Tensor]:
    every = found if isinstance(found, tuple | list) else [found]
    return [one for one in every if isinstance(one, torch.Tensor)]


def let_device_be_named() -> None:
    """Replace two functions of PyTorch: autocast refuses the device, and ``tensor`` makes a tensor without values."""
    plain = torch.tensor
    torch.autocast = lambda *_, **__: nullcontext()  # all computes in float32
    torch.tensor = lambda values, *, device=None, **more: (
        plain(values, **more) if device is None else plain(values, **more).to(device)
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--network", default="lite0-gala-human")
    parser.add_argument("--collection", default="photos")
    parser.add_argument("--images", type=int, default=4)
    parser.add_argument("--samples", type=int, default=50)
    arguments = parser.parse_args()
    collection, spec = gv.open_collection(arguments.collection), gv.SmoothGradSpec(n_samples=arguments.samples)
    images = collection.images[: arguments.images]
    on_cpu = gv.smoothgrad(gv.load_network(arguments.network, "cpu"), collection, spec, images, return_error=True)
    let_device_be_named()
    with Traffic():
        network = gv.load_network(arguments.network, DEVICE)
        gv.smoothgrad(network, collection, gv.SmoothGradSpec(n_samples=1), images[:1])  # batch norms are fused once
    with Traffic() as ours:
        maps = gv.smoothgrad(network, collection, spec, images, return_error=True)
    change = float(((maps["map"] - on_cpu["map"]) ** 2).mean() ** 0.5 / (on_cpu["standard_error"] ** 2).mean() ** 0.5)
    with Traffic() as theirs:
        for image in images:
            by_captum(network, collection, image, arguments.samples)
    print(f"{len(images)} images by {arguments.network}, {arguments.samples} samples, with standard errors")
    print(f"rms difference from the CPU's maps: {change:.4f} of their standard error\n")
    print(f"{'an image':<44}{'operators':>10}{'uploads':>9}{'downloads':>11}{'MB down':>9}")
    for name, traffic in (("gv.smoothgrad", ours), ("Captum in one batch, no errors", theirs)):
        count, n = sum(traffic.operators.values()), len(images)
        print(
            f"{name:<44}{count / n:10.0f}{len(traffic.uploads) / n:9.1f}{len(traffic.downloads) / n:11.1f}"
            f"{sum(traffic.downloads) / n / 1e6:9.2f}"
        )


def by_captum(network: gv.Network, collection: Any, image: str, n_samples: int) -> np.ndarray:
    """SmoothGrad as Captum's users write it."""
    values = torch.from_numpy(network.preprocessing.to_input(collection.photo(image))[None]).to(network.device)
    target = int(network.logits(values).argmax())
    tunnel = NoiseTunnel(Saliency(network.logits))
    sigma = 0.15 * float(values.max() - values.min())
    found = tunnel.attribute(values, nt_type="smoothgrad", nt_samples=n_samples, stdevs=sigma, target=target, abs=False)
    return found[0].abs().sum(0).detach().cpu().numpy()


if __name__ == "__main__":
    main()
