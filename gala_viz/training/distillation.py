"""Distillation: a pretrained network learns where people look and, beside its teacher, keeps what it knows."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn

from gala_viz.deprecated_paths import deprecated_getattr
from gala_viz.networks.architectures import build_module
from gala_viz.networks.fuse_batchnorm import fuse_batchnorm
from gala_viz.networks.insert import open_gates
from gala_viz.networks.network import Network
from gala_viz.training.cotraining import CoTrainingModule
from gala_viz.training.losses import distillation_loss
from gala_viz.training.recipes import DistillationRecipe
from gala_viz.training.supervised import blocks_without, placed_weights


class DistillationModule(CoTrainingModule):
    """Co-training beside the ``teacher`` that the network starts from; batches are those of ``TrainingDataModule``.

    The teacher, the unmodified network, gets every picture exactly as the student does, crop and mirror image alike
    (Beyer et al. 2022 found this consistency to matter); it is no part of the checkpoint. Batch-norm statistics stay as
    they are: modules remain in eval mode, and the trunk named in the recipe is fixed. Also logged per validation epoch:
    ``agreement`` (first choice equal to the teacher's).
    """

    recipe: DistillationRecipe
    stays_in_eval = True
    validation_metrics = (*CoTrainingModule.validation_metrics, "agreement")

    def __init__(self, network: nn.Module, recipe: DistillationRecipe, teacher: Network) -> None:
        super().__init__(network.eval(), recipe)
        self._teacher = (copy.deepcopy(fuse_batchnorm(teacher).module),)  # moved to the device of each process
        for path, parameter in network.named_parameters():
            parameter.requires_grad_(not _under(path, recipe.frozen))

    def train(self, mode: bool = True) -> DistillationModule:
        """Stay in eval mode, whatever ``mode`` says: only batch norm and dropout would change, and neither shall."""
        del mode
        return super().train(False)

    def on_fit_start(self) -> None:
        """Bring the teacher to the device of this process."""
        self._teacher[0].to(self.device)

    @torch.no_grad()
    def teacher_logits(self, batch: dict[str, Tensor]) -> Tensor:
        """Return the teacher's logits (B, category), float32, for a ``batch``."""
        return self._teacher[0](batch["input"].contiguous(memory_format=torch.channels_last)).float()

    def category_loss(self, batch: dict[str, Tensor], logits: Tensor) -> Tensor:
        """Return ``distillation_loss`` with the recipe's temperature and share of the label."""
        shares = {"temperature": self.recipe.temperature, "label_share": self.recipe.label_share}
        return distillation_loss(logits, batch["label"], self.teacher_logits(batch), **shares)

    def counts_for_categories(self, batch: dict[str, Tensor]) -> Tensor:
        """Return all images of ``batch``: the teacher labels each of them."""
        return torch.ones_like(batch["label"], dtype=torch.bool)

    def extra_metrics(self, batch: dict[str, Tensor], logits: Tensor) -> dict[str, Tensor]:
        """Return the agreement with the teacher: the share of images with the same first choice."""
        agreement = logits.argmax(dim=1) == self.teacher_logits(batch).argmax(dim=1)
        return {"agreement": agreement.float().mean()}

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Return two groups: the backbone and GALA, each with its own rate."""
        gala = {id(parameter) for block in self._blocks.values() for parameter in block.parameters()}
        learning = [parameter for parameter in self.network.parameters() if parameter.requires_grad]
        return [
            {"params": [p for p in learning if id(p) not in gala], "lr": self.recipe.backbone_rate},
            {"params": [p for p in learning if id(p) in gala], "lr": self.recipe.gala_rate},
        ]


def initial_student(recipe: DistillationRecipe, start: Network) -> nn.Module:
    """Return the recipe's architecture with the weights of ``start``, and the gates of new blocks open.

    It computes what ``start`` does. GALA's other weights come from the recipe's seed. Raises ``ValueError`` where
    ``start`` has keys that the architecture lacks, or weights of another shape.
    """
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(recipe.seed)
        network = build_module(recipe.builder, recipe.arguments, recipe.gala, recipe.gala_options)
    weights = placed_weights(start.module.state_dict(), network, start.name, recipe.builder)
    network.load_state_dict(weights, strict=False)
    return open_gates(network, recipe.gate, blocks_without(weights, network))


def _under(path: str, prefixes: tuple[str, ...]) -> bool:
    return any(path == prefix or path.startswith(f"{prefix}.") for prefix in prefixes)


__getattr__ = deprecated_getattr(__name__)
