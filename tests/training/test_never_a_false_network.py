"""A training that went wrong ends, says so, and leaves no network and no card that claim something else."""

from __future__ import annotations

import csv
import errno
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from lightning.pytorch.callbacks import Callback

from gala_viz.networks.network_folders import read_card
from gala_viz.training.batches import TrainingDataModule, validation_batches
from gala_viz.training.checkpoints import (
    INTERRUPTED_CHECKPOINT,
    LAST_CHECKPOINT,
    PREVIOUS_CHECKPOINT,
    DivergedError,
    hardware_of,
    hardware_text,
)
from gala_viz.training.dataset import TrainingImages, load_dataset
from gala_viz.training.epoch_log import EPOCHS_FILE, epoch_text, read_epochs
from gala_viz.training.fit import check_hardware, fit
from gala_viz.training.losses import attention_loss, attention_loss_of_code, with_mass
from gala_viz.training.run_lock import locked_run
from gala_viz.training.sources import TrainingSource
from gala_viz.training.supervised import SupervisedModule, initial_network
from gala_viz.training.training_card import supervised_sections, write_trained_network
from gala_viz.training.validation_metrics import validation_metrics

from .tiny import Lamps, tiny_recipe, tiny_supervised_recipe

RECIPE = tiny_supervised_recipe()
LAMPS = Lamps()


def pictures(recipe=RECIPE, lamps=LAMPS):
    parts = [load_dataset(lamps, split, recipe.preprocessing) for split in ("train", "validation")]
    return TrainingDataModule(*parts, recipe)


def trained(folder, recipe=RECIPE, data=None, **options):
    module = SupervisedModule(initial_network(recipe, 2), recipe)
    data = data or pictures(recipe)
    return fit(module, data, folder, accelerator="cpu", devices=1, quiet=True, **options), data


def weights(folder, name=LAST_CHECKPOINT):
    state = torch.load(folder / name, weights_only=True)["state_dict"]
    return {key: value for key, value in state.items() if value.is_floating_point()}


class NotFinite(SupervisedModule):
    """Its loss is NaN in the third step of the second epoch."""

    def category_loss(self, batch, logits):
        return super().category_loss(batch, logits) * (float("nan") if self.global_step == 14 else 1.0)


def test_a_loss_that_is_not_finite_ends_the_training_with_its_step_and_batch_and_the_last_good_checkpoint(tmp_path):
    module = NotFinite(initial_network(RECIPE, 2), RECIPE)
    with pytest.raises(
        DivergedError, match=r"not finite in step 14 \(epoch 1, rate .*loss nan.*batch: train-\d+"
    ) as error:
        fit(module, pictures(), tmp_path, accelerator="cpu", devices=1, quiet=True)
    assert "the last good checkpoint is kept" in str(error.value)
    kept = torch.load(tmp_path / LAST_CHECKPOINT, weights_only=True)
    assert kept["epoch"] == 0
    assert all(bool(torch.isfinite(value).all()) for value in weights(tmp_path).values())


def test_weights_that_are_not_finite_are_never_a_checkpoint(tmp_path):
    class Spoilt(SupervisedModule):
        """Its weights are spoilt by the last step of the second epoch, after the loss."""

        def optimizer_step(self, *arguments, **named):
            super().optimizer_step(*arguments, **named)
            if self.global_step == 23:  # counted after the step
                with torch.no_grad():
                    next(self.network.parameters())[0] = float("inf")

    module = Spoilt(initial_network(RECIPE, 2), RECIPE)
    with pytest.raises(DivergedError, match=r"after step 24 \(epoch 1\) the weights are not finite"):
        fit(module, pictures(), tmp_path, accelerator="cpu", devices=1, quiet=True)
    assert torch.load(tmp_path / LAST_CHECKPOINT, weights_only=True)["epoch"] == 0


def test_a_damaged_checkpoint_is_told_in_our_words_and_the_one_before_it_serves(tmp_path):
    trained(tmp_path, max_epochs=2)
    whole, _ = trained(tmp_path / "whole")
    (tmp_path / LAST_CHECKPOINT).write_bytes((tmp_path / LAST_CHECKPOINT).read_bytes()[:5000])
    with pytest.raises(
        ValueError, match=r"last\.ckpt is damaged \(\w+\).*resume=False \(--restart\).*or with previous\.ckpt"
    ):
        trained(tmp_path)
    (tmp_path / LAST_CHECKPOINT).unlink()
    resumed, _ = trained(tmp_path)
    for key, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[key]), key
    assert (tmp_path / PREVIOUS_CHECKPOINT).is_file()


def test_another_precision_is_not_gone_on_with(tmp_path):
    trained(tmp_path, max_epochs=1)
    with pytest.raises(ValueError, match=r"trained otherwise \(precision: 32-true, now bf16-mixed\).*--restart"):
        trained(tmp_path, precision="bf16-mixed")
    with pytest.raises(ValueError, match=r"another recipe \(epochs: 3, now 4\).*--restart.*planned at its start"):
        trained(tmp_path, tiny_supervised_recipe(epochs=4))


@pytest.mark.parametrize(
    ("accelerator", "precision", "told"),
    [("gpu", "32-true", "finds none here"), ("cpu", "16-mixed", "needs a GPU"), ("cpu", "64-true", "one of 32-true")],
)
def test_hardware_that_is_not_there_is_refused_at_once(accelerator, precision, told, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match=told):
        check_hardware(accelerator, precision)


def test_one_training_at_a_time_runs_in_a_folder(tmp_path):
    with locked_run(tmp_path / "run"):
        program = """
import sys
from pathlib import Path
from gala_viz.training.run_lock import locked_run
from gala_viz.training.sources import TrainingSource
with locked_run(Path(sys.argv[1])):
    pass
"""
        command = [sys.executable, "-c", program, str(tmp_path / "run")]
        root = Path(__file__).resolve().parents[2]
        other = subprocess.run(
            command, env={**os.environ, "PYTHONPATH": str(root)}, capture_output=True, text=True, check=False
        )
        assert "another training runs in" in other.stderr
        rank = {**os.environ, "PYTHONPATH": str(root), "RANK": "1"}
        assert subprocess.run(command, env=rank, check=False).returncode == 0, "of one training, another process"
    with locked_run(tmp_path / "run"):
        pass


def test_each_epoch_has_a_row_and_a_line_and_a_resumed_training_goes_on_in_the_table(tmp_path):
    lines = []
    trained(tmp_path, max_epochs=2, tell=lines.append)
    trained(tmp_path, tell=lines.append)
    rows = read_epochs(tmp_path / EPOCHS_FILE)
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    assert [row["step"] for row in rows] == ["12", "24", "36"]
    for row in rows:
        parts = float(row["category_part"]) + float(row["attention_part"])
        assert float(row["loss"]) == pytest.approx(parts, rel=1e-5), "also while lambda rises"
        assert float(row["category_part"]) == pytest.approx(float(row["category_loss"]), rel=1e-5)
        assert float(row["gradient_norm"]) > 0
        assert float(row["images_per_s"]) > 0
        assert 0 <= float(row["accuracy"]) <= 1
        assert -1 <= float(row["rho"]) <= 1
    assert 0 < float(rows[2]["rate"]) < float(rows[1]["rate"]), "of the last step that was taken"
    begins = [line.split(":")[0] for line in lines]
    assert begins == ["epoch 1 of 2", "epoch 2 of 2", f"goes on from {tmp_path / LAST_CHECKPOINT}", "epoch 3 of 3"]
    with (tmp_path / "log" / "version_0" / "metrics.csv").open() as file:
        assert "loss" in next(csv.reader(file))


def test_an_epoch_that_is_resumed_in_its_middle_has_the_row_of_all_its_steps(tmp_path):
    trained(tmp_path / "whole")

    class Stop(Callback):
        """Ctrl-C in the seventh step of the second epoch."""

        def on_train_batch_start(self, trainer, module, batch, batch_idx):
            if (trainer.current_epoch, batch_idx) == (1, 6):
                signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path / "parts", callbacks=[Stop()])
    assert (tmp_path / "parts" / INTERRUPTED_CHECKPOINT).is_file()
    trained(tmp_path / "parts")
    whole, parts = (read_epochs(tmp_path / name / EPOCHS_FILE) for name in ("whole", "parts"))
    for one, other in zip(whole, parts, strict=True):
        names = ("loss", "category_part", "attention_part", "category_loss", "attention_loss")
        for name in (*names, "gradient_norm", "rho", "step"):
            assert float(one[name]) == pytest.approx(float(other[name]), rel=1e-5), name
        assert 0 < float(other["seconds"]) < 60


def test_a_table_that_cannot_be_written_never_ends_a_training(tmp_path, caplog):
    def gone(line):
        raise BrokenPipeError(errno.EPIPE, "nobody reads")

    trained(tmp_path, max_epochs=1, tell=gone)
    assert (tmp_path / LAST_CHECKPOINT).is_file()
    assert "epoch 1 is not told" in caplog.text


def test_a_training_that_is_finished_is_not_said_to_have_run_where_nothing_ran(tmp_path):
    _, data = trained(tmp_path)
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(threads + 1)
        _, data = trained(tmp_path)
    finally:
        torch.set_num_threads(threads)
    assert hardware_of(data.trainer) == [hardware_text(torch.device("cpu"), 1, "32-true", threads)]


@pytest.mark.parametrize(
    ("environment", "holds"),
    [
        ({}, True), ({"SLURM_PROCID": "0", "LOCAL_RANK": "1"}, False), ({"RANK": "0", "LOCAL_RANK": "0"}, True),
        ({"SLURM_PROCID": "3"}, False), ({"RANK": "4", "LOCAL_RANK": "0"}, False),
    ],
)  # fmt: skip
def test_the_first_process_of_a_training_holds_its_lock(tmp_path, monkeypatch, environment, holds):
    for name in ("RANK", "LOCAL_RANK", "SLURM_PROCID"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with locked_run(tmp_path) as found:
        assert found is holds


def test_the_time_that_is_left_is_of_all_epochs():
    row = {"epoch": 3, "loss": 1.5, "accuracy": 0.25, "images_per_s": 61.2, "seconds": 60.0}
    assert epoch_text(row, 10) == "epoch 3 of 10: loss 1.500, accuracy 0.250, 61 images/s, 7.0 min left"
    assert epoch_text({**row, "seconds": 3600.0}, 10).endswith("7.0 h left")
    maps = {"category_part": 1.1, "attention_part": 0.4, "attention_weight": 0.5, "attention_loss": 1.0}
    told = "epoch 3 of 10: loss 1.500 = 1.100 categories + 0.400 attention"
    assert epoch_text({**row, **maps}, 10).startswith(f"{told} (1.000 a map, lambda 0.5), accuracy")
    del maps["attention_loss"]
    more = {"harmonizer_part": 0.2}
    assert epoch_text({**row, **maps, **more}, 10).startswith(f"{told} (no map, lambda 0.5) + 0.200 harmonizer, acc")
    assert epoch_text({**row, "epoch": 10}, 10).endswith("61 images/s")


def test_the_epochs_loss_is_the_mean_of_its_steps(tmp_path):
    """Of a network that does not learn, over the pictures of the epoch, by a loop of its own."""
    recipe = tiny_supervised_recipe(epochs=1, rate=1e-30, weight_decay=0.0, attention_weight=0.0)
    _, data = trained(tmp_path, recipe)
    module = SupervisedModule(initial_network(recipe, 2), recipe).train()
    losses = []
    for batch in data.train_dataloader():
        batch = data.on_after_batch_transfer(batch, 0)
        losses.append(module.category_loss(batch, module(batch["input"])[0]).item())
    assert float(read_epochs(tmp_path / EPOCHS_FILE)[0]["loss"]) == pytest.approx(sum(losses) / len(losses), rel=1e-4)


def test_the_share_of_maps_counts_the_maps_that_the_loss_counts():
    maps = torch.zeros(3, 4, 4)
    maps[0, 1, 1] = 1.0
    has_map = torch.tensor([True, True, False])
    assert with_mass(maps, has_map).tolist() == [True, False, False]
    norms = {"layer": torch.rand(3, 4, 4, generator=torch.Generator().manual_seed(0))}
    assert attention_loss(norms, maps, has_map) == attention_loss(norms, maps, with_mass(maps, has_map))

    batch = {
        "input": torch.rand(3, 3, 32, 32),
        "label": torch.zeros(3, dtype=torch.int64),
        "map": torch.zeros(3, 32, 32),
    }
    batch["map"][0, 5, 5] = 1.0
    counted = []
    module = SupervisedModule(initial_network(RECIPE, 2), RECIPE)
    module.share_of = lambda counts: counted.append(counts.tolist()) or 1.0
    module._check_finite = module.log = module.log_dict = lambda *_, **__: None
    module.training_step({**batch, "has_map": has_map}, 0)
    assert counted == [[True, True, True], [True, False, False]], "of labels, then of maps"


def test_a_card_tells_what_it_was_trained_on_its_steps_and_final_losses_and_no_licence_that_nobody_gave(tmp_path):
    network, data = trained(tmp_path / "run")
    numbers = validation_metrics(network, validation_batches(data.validation, RECIPE))

    def card(licence=None):
        sections = supervised_sections(RECIPE, LAMPS.categories, data.training, data.validation, numbers, licence)
        return read_card(write_trained_network(tmp_path, network, RECIPE, RECIPE.preprocessing, sections, data.trainer))

    told = card()
    assert told["network"]["licence"] == "not given"
    assert "noise_fraction" not in told.get("attribution", {}), "it was found for rendered objects"
    made = told["made"]
    assert made["trained_on"] == f"CPU, 1 process, 32-true, {torch.get_num_threads()} thread" + "s" * (
        torch.get_num_threads() > 1
    )
    assert made["steps"] == 36
    assert {"lightning", "numpy", "torch", "date", "seconds", "final_loss", "final_attention_loss"} <= set(made)
    assert card("CC BY 4.0")["network"]["licence"] == "CC BY 4.0"


@pytest.mark.parametrize(
    ("make", "changes", "told"),
    [
        (tiny_supervised_recipe, {"rate": -1.0}, "rate is above 0"),
        (tiny_supervised_recipe, {"rate": float("nan")}, "rate"),
        (tiny_supervised_recipe, {"seed": -1}, "seed is 0 or more"),
        (tiny_supervised_recipe, {"seed": 1.5}, "seed is a whole number"),
        (tiny_supervised_recipe, {"weight_decay": -0.1}, "weight_decay is 0 or more"),
        (tiny_supervised_recipe, {"norm_momentum": -0.1}, "norm_momentum"),
        (tiny_recipe, {"gala_rate": 0.0}, "gala_rate is above 0"),
        (tiny_recipe, {"temperature": -2.0}, "temperature is above 0"),
        (tiny_recipe, {"jitter_px": -1}, "jitter_px"),
    ],
)
def test_settings_without_sense_are_refused(make, changes, told):
    with pytest.raises(ValueError, match=told):
        make(**changes)


class HalfMarked(Lamps):
    """Of the training images only some have maps, so that steps of four often have none."""

    def has_human_map(self, image):
        return image.startswith("validation") or int(image.split("-")[1]) % 7 == 0


@pytest.mark.parametrize(("form", "accumulate"), [("paper", 1), ("code", 1), ("paper", 2)])
def test_the_attention_loss_that_is_told_is_averaged_over_maps_and_the_loss_is_the_sum_of_its_parts(
    tmp_path, form, accumulate
):
    """A step without a map is none whose attention is perfect."""
    settings = {"rate": 1e-30, "weight_decay": 0.0, "attention_loss": form, "accumulate": accumulate}
    recipe = tiny_supervised_recipe(epochs=2, harmonizer_weight=0.5, attention_warmup_epochs=2.0, **settings)
    lamps = HalfMarked()
    parts = [load_dataset(lamps, split, recipe.preprocessing) for split in ("train", "validation")]
    data = TrainingDataModule(*parts, recipe)
    lines = []
    module = SupervisedModule(initial_network(recipe, 2), recipe)
    fit(module, data, tmp_path, accelerator="cpu", devices=1, quiet=True, tell=lines.append)
    fresh = SupervisedModule(initial_network(recipe, 2), recipe).train()
    loss = {"paper": attention_loss, "code": attention_loss_of_code}[form]
    total = n_maps = n_empty = 0
    for batch in data.train_dataloader():  # of epoch 0
        batch = data.on_after_batch_transfer(batch, 0)
        count = int(batch["has_map"].sum())
        with torch.no_grad():
            each = float(loss(fresh(batch["input"])[1], batch["map"], batch["has_map"]))
        total, n_maps, n_empty = total + each * (count if form == "paper" else 1), n_maps + count, n_empty + (not count)
    assert n_empty > 3, "some steps have no map"
    first, second = read_epochs(tmp_path / EPOCHS_FILE)
    assert float(first["attention_loss"]) == pytest.approx(total / n_maps, rel=1e-4)
    for row in (first, second):
        told = sum(float(row[name]) for name in ("category_part", "attention_part", "harmonizer_part"))
        assert float(row["loss"]) == pytest.approx(told, rel=1e-5)
        assert float(row["harmonizer_loss"]) > float(row["harmonizer_part"]) > 0
    whole = re.search(r"loss (\S+) =", lines[0])[1]
    added = re.findall(r"(\S+) (?:categories|attention|harmonizer)", lines[0])
    assert float(whole) == pytest.approx(sum(map(float, added)), abs=2.1e-3)


def test_an_epoch_without_a_map_or_a_label_has_no_such_loss(tmp_path):
    class Unmarked(HalfMarked):
        def has_human_map(self, image):
            return image.startswith("validation")

    recipe = tiny_supervised_recipe(epochs=1)
    lamps = Unmarked()
    images = tuple(one for one in lamps.images if one.startswith("train"))
    train = TrainingSource(lamps, images, "labels", categories=("none of them",))
    validation = load_dataset(lamps, "validation", recipe.preprocessing)
    data = TrainingDataModule(
        TrainingImages([train], recipe.stored_frame(recipe.preprocessing)).load(), validation, recipe
    )
    lines = []
    module = SupervisedModule(initial_network(recipe, 2), recipe)
    fit(module, data, tmp_path, accelerator="cpu", devices=1, quiet=True, tell=lines.append)
    (row,) = read_epochs(tmp_path / EPOCHS_FILE)
    assert (row["category_loss"], row["attention_loss"]) == ("", "")
    assert "= 0.000 categories + 0.000 attention (no map, lambda" in lines[0]
