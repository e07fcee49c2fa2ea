"""Co-training as a Lightning module: what trainings with and without a teacher share."""

from __future__ import annotations

from typing import Any

import lightning as L
import torch
from torch import Tensor, nn

from gala_viz.deprecated_paths import deprecated_getattr
from gala_viz.networks.activation_hooks import record_activations
from gala_viz.networks.gala import attention_norm, gala_layers
from gala_viz.training.checkpoints import AFTER_DIVERGENCE, DivergedError
from gala_viz.training.harmonizer import harmonizer_loss, input_gradient
from gala_viz.training.held_out import check_training_images
from gala_viz.training.losses import attention_loss, attention_loss_of_code, warmup_weight, with_mass
from gala_viz.training.optimisation import make_optimizer, rate_schedule
from gala_viz.training.recipes import Recipe
from gala_viz.training.rng import named_rng
from gala_viz.training.validation_metrics import attention_rho

_SHOWN = ("loss", "accuracy", "rho")


class CoTrainingModule(L.LightningModule):
    """Trains a network by a recipe: a category loss, which subclasses define, plus lambda times the attention loss.

    Batches are dicts: ``input`` (B, 3, y, x), ``label`` (B,) with -1 for none, ``map`` (B, y, x) in the input's frame,
    ``has_map`` (B,), and perhaps ``images``, their ids, for messages. Logged per step: ``loss``, ``category_loss`` and,
    where their weights are not 0 and an image of the step has a map, ``attention_loss``, ``harmonizer_loss``, and
    ``attention_weight``; per validation
    epoch: ``accuracy`` (labelled images) and, for networks with GALA and images with maps, ``distance`` (the attention
    loss in the paper's form) and ``rho`` (Spearman's, of attention norm and map at each layer's grid, mean over layers
    and images). A loss that is NaN or infinite ends the training with ``DivergedError``, before the step is taken.

    Parameters
    ----------
    network : nn.Module
        Maps (B, 3, y, x) to logits (B, category); it is trained in place.
    recipe : Recipe
        All settings.

    Raises
    ------
    ValueError
        Lambda is not 0 and there is no GALA layer.

    References
    ----------
    Linsley et al. 2019, section 4.
    """

    validation_metrics: tuple[str, ...] = ("accuracy", "distance", "rho")
    """Means of a validation epoch, in an order that all processes share."""
    stays_in_eval = False
    """Whether the network trains in eval mode on purpose."""

    def __init__(self, network: nn.Module, recipe: Recipe) -> None:
        super().__init__()
        self._sums: dict[str, list[float]] = {}
        self.network = network
        self.recipe = recipe
        self._blocks = gala_layers(network)
        self.layers = tuple(self._blocks)
        self._steps_per_epoch = 1
        self.step_values: dict[str, Tensor] = {}
        """Loss, the parts of which it is the sum, and lambda in the last step: what is averaged over steps."""
        self.step_means: dict[str, tuple[Tensor, Tensor]] = {}
        """Name of a loss -> its mean over the images of the last step that count in it, and how many these are, in all
        processes; the mean over processes is that of all images."""
        self.start_identity = ""
        """What names the network that it begins as, so that a training does not go on with another one."""
        self.epoch_values: dict[str, float] = {}
        """What callbacks found in the present epoch, for the table of epochs."""
        if recipe.attention_weight and not self._blocks:
            raise ValueError(
                f"{recipe.name}: attention_weight (lambda) is {recipe.attention_weight}, but the network has no GALA "
                "layer to compare with maps; use 0, or a recipe with GALA."
            )

    def setup(self, stage: str) -> None:
        """Refuse, before the first step, images that a collection of the training holds out.

        Raises ``ValueError`` for these and for a data module without ``sources``.
        """
        if stage == "fit":
            sources = getattr(self.trainer.datamodule, "sources", None)  # type: ignore[attr-defined]
            if sources is None:
                raise ValueError(
                    "a training needs a data module that says which images train and which choose, as its `sources`, "
                    "as TrainingDataModule does."
                )
            check_training_images(*sources)

    def forward(self, batch: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Return logits and each layer's attention norm.

        Parameters
        ----------
        batch : Tensor, (B, 3, y, x)
            Inputs of the network.

        Returns
        -------
        logits : Tensor, (B, category), float32
            Before softmax.
        norms : dict of str to Tensor, (B, h, w), float32
            Label -> L2 norm of A over channels, at the layer's grid.
        """
        with record_activations() as record:
            logits = self.network(batch.contiguous(memory_format=torch.channels_last))
        norms = {label: attention_norm(record[block].float()) for label, block in self._blocks.items()}
        return logits.float(), norms

    def category_loss(self, batch: dict[str, Tensor], logits: Tensor) -> Tensor:
        """Return the loss without maps; a subclass defines it.

        Parameters
        ----------
        batch : dict of str to Tensor
            As in ``CoTrainingModule``.
        logits : Tensor, (B, category), float32
            The network's, for this batch.

        Returns
        -------
        Tensor
            A scalar, the mean over the batch.
        """
        raise NotImplementedError

    def counts_for_categories(self, batch: dict[str, Tensor]) -> Tensor:
        """Return which images ``category_loss`` is the mean over; by default those with a label.

        Parameters
        ----------
        batch : dict of str to Tensor
            As in ``CoTrainingModule``.

        Returns
        -------
        Tensor, (B,), bool
            Whether an image counts.
        """
        return batch["label"] >= 0

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Return what learns; a subclass defines it.

        Returns
        -------
        list of dict
            Groups of the optimiser: ``params``, their highest rate ``lr`` and, where it is not the recipe's,
            ``weight_decay``.
        """
        raise NotImplementedError

    def extra_metrics(self, batch: dict[str, Tensor], logits: Tensor) -> dict[str, Tensor]:
        """Return further means over a validation batch, to be logged; none by default.

        A subclass that has some names them in ``validation_metrics``.

        Parameters
        ----------
        batch : dict of str to Tensor
            As in ``CoTrainingModule``.
        logits : Tensor, (B, category), float32
            The network's, for this batch.

        Returns
        -------
        dict of str to Tensor
            Name -> mean over the batch, a scalar.
        """
        del batch, logits
        return {}

    def on_train_batch_start(self, batch: dict[str, Tensor], batch_idx: int) -> None:
        """Seed what draws within the network, dropout for example, by seed, epoch, batch and process."""
        rank = self.trainer.global_rank
        seed = named_rng(self.recipe.seed, "step", self.current_epoch, batch_idx, rank).integers(2**63)
        torch.manual_seed(int(seed))

    def training_step(self, batch: dict[str, Tensor], _number: int) -> Tensor:
        """Return category loss plus lambda times the attention loss; where lambda is 0, maps and norms are not used.

        The harmonizer's loss likewise.
        """
        recipe, images = self.recipe, batch["input"]
        if recipe.harmonizer_weight:
            images = images.requires_grad_()
        logits, norms = self(images)
        category = self.category_loss(batch, logits)
        means = {"category_loss": (category, self._count_everywhere(self.counts_for_categories(batch)))}
        parts = {"category_part": category}
        share: Tensor | float = 1.0
        if recipe.uses_maps:
            has_map = with_mass(batch["map"], batch["has_map"])
            n_maps, share = self._count_everywhere(has_map), self.share_of(has_map)
        with torch.autocast(images.device.type, enabled=False):  # filters of maps are convolutions, and stay float32
            if recipe.attention_weight:
                if recipe.attention_loss == "code":  # a sum over the images of the step, in however many parts
                    total = attention_loss_of_code(norms, batch["map"], has_map)
                    attention = total * self._n_parts()
                    a_map = total * self._world_size() / n_maps.clamp(min=1)
                else:
                    attention = a_map = attention_loss(norms, batch["map"], has_map) * share
                parts["attention_part"] = self._lambda() * attention
                means["attention_loss"] = a_map, n_maps
            if recipe.harmonizer_weight:
                gradients = input_gradient(images, logits, batch["label"])
                harmonizer = harmonizer_loss(gradients, batch["map"], has_map) * share
                parts["harmonizer_part"] = recipe.harmonizer_weight * harmonizer
                means["harmonizer_loss"] = harmonizer, n_maps
            loss = sum(parts.values(), start=torch.zeros_like(category))
        self._check_finite(loss, {name: value for name, (value, _) in means.items()}, batch)
        weight = {"attention_weight": torch.tensor(self._lambda())} if recipe.attention_weight else {}
        self.step_values = {name: value.detach() for name, value in {"loss": loss, **parts}.items()} | weight
        self.step_means = {name: (value.detach(), count) for name, (value, count) in means.items()}
        self.log("loss", loss, prog_bar=True)
        self.log_dict({name: value for name, (value, count) in means.items() if count} | weight)
        return loss

    def _check_finite(self, loss: Tensor, parts: dict[str, Tensor], batch: dict[str, Any]) -> None:
        """Raise ``DivergedError`` in every process where the loss of one is NaN or infinite."""
        diverged = not bool(torch.isfinite(loss.detach()))
        if self.trainer.world_size > 1:
            diverged = self.trainer.strategy.reduce_boolean_decision(diverged, all=False)
        if not diverged:
            return
        rates = ", ".join(f"{group['lr']:.3g}" for group in self.optimizers().param_groups)  # type: ignore[union-attr]
        values = ", ".join(f"{name} {float(value.detach()):.4g}" for name, value in {"loss": loss, **parts}.items())
        images = list(batch.get("images", ()))
        listed = ", ".join(images[:4]) + (f" and {len(images) - 4} more" if len(images) > 4 else "")
        raise DivergedError(
            f"{self.recipe.name}: the loss is not finite in step {self.global_step} (epoch {self.current_epoch}, rate "
            f"{rates}): {values}. Its batch: {listed or 'not known'}; {AFTER_DIVERGENCE}"
        )

    def _n_parts(self) -> int:
        """Return of how many parts the loss of a step is the mean: those of accumulation, and processes."""
        return self.recipe.accumulate * self.trainer.world_size

    def share_of(self, counts: Tensor) -> Tensor | float:
        """Return the factor that makes the mean over processes the mean over all images that count.

        Parameters
        ----------
        counts : Tensor, (B,), bool
            Which images of this process count; it averages over them, and may have more or fewer than others.

        Returns
        -------
        Tensor or float
            A scalar; 1 with one process.
        """
        if self._world_size() == 1:
            return 1.0
        return counts.sum().float() * self._world_size() / self._count_everywhere(counts).clamp(min=1)

    def _count_everywhere(self, counts: Tensor) -> Tensor:
        """Return how many images count, (B,) bool, over all processes: a scalar."""
        here = counts.sum().float()
        return here if self._world_size() == 1 else self.trainer.strategy.reduce(here, reduce_op="sum")

    def _world_size(self) -> int:
        """Return the number of processes."""
        try:
            return self.trainer.world_size
        except RuntimeError:  # no trainer: somebody computes a loss by hand
            return 1

    def validation_step(self, batch: dict[str, Tensor], _number: int) -> None:
        """Add the batch to the sums of accuracy, attention loss and rho."""
        logits, norms = self(batch["input"])
        labelled, has_map = batch["label"] >= 0, batch["has_map"]
        for name, value in self.extra_metrics(batch, logits).items():
            self._note(name, value, len(logits))
        if labelled.any():
            right = (logits.argmax(dim=1) == batch["label"])[labelled].float()
            self._note("accuracy", right.mean(), len(right))
        if norms and has_map.any():
            count = int(has_map.sum())
            self._note("distance", attention_loss(norms, batch["map"], has_map), count)
            rho = attention_rho(norms, batch["map"], has_map)
            self._note("rho", rho.mean(), count)

    def on_validation_epoch_start(self) -> None:
        """Set all sums to zero."""
        self._sums = {name: [0.0, 0.0] for name in self.validation_metrics}

    def on_validation_epoch_end(self) -> None:
        """Log the means over the images of all processes, however many each had."""
        sums = torch.tensor(list(self._sums.values()), dtype=torch.float32, device=self.device)
        if self.trainer.world_size > 1:
            sums = self.trainer.strategy.reduce(sums, reduce_op="sum")
        for name, (total, count) in zip(self.validation_metrics, sums.tolist(), strict=True):
            if count:
                self.log(name, total / count, prog_bar=name in _SHOWN, sync_dist=True)

    def configure_optimizers(self) -> dict[str, Any]:
        """Return the recipe's optimiser and its schedule, by step."""
        optimizer = make_optimizer(self.recipe, self.parameter_groups())
        # Counted here, not by Lightning, which would make the loaders before it restores their positions.
        data = self.trainer.datamodule  # pyright: ignore[reportAttributeAccessIssue]  # Lightning sets it undeclared
        self._steps_per_epoch = max(1, len(data.train_dataloader()) // self.recipe.accumulate)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, rate_schedule(self.recipe, self._steps_per_epoch))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def _lambda(self) -> float:
        epoch = self.global_step / self._steps_per_epoch
        return warmup_weight(
            self.recipe.attention_weight, epoch=epoch, warmup_epochs=self.recipe.attention_warmup_epochs
        )

    def _note(self, name: str, value: Tensor | float, count: int) -> None:
        """Add the mean ``value`` of ``count`` images to the sums of ``name``."""
        self._sums[name][0] += float(value) * count
        self._sums[name][1] += count


__getattr__ = deprecated_getattr(__name__)
