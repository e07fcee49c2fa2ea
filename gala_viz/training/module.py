"""Co-training as a Lightning module."""

from __future__ import annotations

import math
from typing import Any

import lightning as L
import torch
from torch import Tensor, nn

from gala_viz.networks.folding import folded
from gala_viz.networks.gala import attention_norm, attention_recorded, gala_layers
from gala_viz.networks.network import Network
from gala_viz.training.losses import attention_loss, category_loss, warmed_up
from gala_viz.training.recipes import Recipe


class CoTraining(L.LightningModule):
    """Trains ``network`` by ``recipe``, beside the ``teacher`` it starts from; batches are those of ``Samples``.

    The teacher, the unmodified network, sees every picture exactly as the student does, crop and mirror image alike
    (Beyer et al. 2022 found this consistency to matter); it is no part of the checkpoint.
    Batch-norm statistics stay as they are: modules remain in eval mode, and the trunk named in the recipe is fixed.
    Logged per step: ``loss``, ``category_loss``, ``attention_loss``, ``attention_weight``; per validation epoch:
    ``accuracy`` (labelled images), ``agreement`` (first choice equal to the teacher's) and ``distance`` (the attention
    loss on images with maps).
    """

    def __init__(self, network: nn.Module, recipe: Recipe, teacher: Network) -> None:
        super().__init__()
        self.network = network.eval()
        self._teacher = (folded(teacher).module,)
        self.recipe = recipe
        self._blocks = gala_layers(network)
        for path, parameter in network.named_parameters():
            parameter.requires_grad_(not _under(path, recipe.frozen))

    def train(self, mode: bool = True) -> CoTraining:
        """Stay in eval mode: nothing in these networks but batch norm and dropout would change, and neither shall."""
        del mode
        return super().train(False)

    def on_fit_start(self) -> None:
        """Bring the teacher to the device of this process."""
        self._teacher[0].to(self.device)

    def forward(self, batch: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Logits (B, category) and each layer's attention norm (B, h, w)."""
        with attention_recorded() as record:
            logits = self.network(batch.contiguous(memory_format=torch.channels_last))
        return logits, {label: attention_norm(record[block]) for label, block in self._blocks.items()}

    def training_step(self, batch: dict[str, Tensor], _number: int) -> Tensor:
        """Category loss plus lambda times the attention loss."""
        category, attention, _, _ = self._losses(batch)
        epoch = self.global_step / max(1, self._steps_per_epoch())
        weight = warmed_up(self.recipe.attention_weight, epoch=epoch, warmup_epochs=self.recipe.attention_warmup_epochs)
        loss = category + weight * attention
        self.log_dict(
            {"loss": loss, "category_loss": category, "attention_loss": attention, "attention_weight": weight},
            prog_bar=True,
        )
        return loss

    def validation_step(self, batch: dict[str, Tensor], _number: int) -> None:
        """Accuracy, agreement with the teacher, distance to the maps."""
        _, attention, logits, teacher_logits = self._losses(batch)
        chosen, labels = logits.argmax(dim=1), batch["label"]
        agreement = (chosen == teacher_logits.argmax(dim=1)).float().mean()
        self.log("agreement", agreement, batch_size=len(chosen), sync_dist=True, prog_bar=True)
        if (labels >= 0).any():
            right = (chosen == labels)[labels >= 0].float()
            self.log("accuracy", right.mean(), batch_size=len(right), sync_dist=True, prog_bar=True)
        if batch["has_map"].any():
            self.log("distance", attention, batch_size=int(batch["has_map"].sum()), sync_dist=True, prog_bar=True)

    def configure_optimizers(self) -> dict[str, Any]:
        """AdamW with a rate for the backbone and one for GALA, both falling as a cosine to zero."""
        gala = {id(parameter) for block in self._blocks.values() for parameter in block.parameters()}
        learning = [parameter for parameter in self.network.parameters() if parameter.requires_grad]
        groups = [
            {"params": [p for p in learning if id(p) not in gala], "lr": self.recipe.backbone_rate},
            {"params": [p for p in learning if id(p) in gala], "lr": self.recipe.gala_rate},
        ]
        optimizer = torch.optim.AdamW(groups, weight_decay=self.recipe.weight_decay)
        total = max(1, self._steps_per_epoch() * self.recipe.epochs)
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: 0.5 * (1 + math.cos(math.pi * min(step, total) / total))
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def _steps_per_epoch(self) -> int:
        return int(self.trainer.estimated_stepping_batches) // max(1, self.trainer.max_epochs or 1)

    def _losses(self, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Category loss, attention loss, and the logits of student and teacher."""
        logits, norms = self(batch["input"])
        with torch.no_grad():
            teacher_logits = self._teacher[0](batch["input"].contiguous(memory_format=torch.channels_last)).float()
        category = category_loss(
            logits.float(),
            batch["label"],
            teacher_logits,
            temperature=self.recipe.temperature,
            label_share=self.recipe.label_share,
        )
        return category, attention_loss(norms, batch["map"], batch["has_map"]), logits, teacher_logits


def _under(path: str, prefixes: tuple[str, ...]) -> bool:
    return any(path == prefix or path.startswith(f"{prefix}.") for prefix in prefixes)
