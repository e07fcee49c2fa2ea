"""Recipes of a lab's own: optimisers, rates, losses by name, files, own architectures, streamed images, kept epochs."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
import tyro
from lightning.pytorch.callbacks import Callback, TQDMProgressBar
from scipy.ndimage import gaussian_filter1d
from torch import nn

from gala_viz.cli import main
from gala_viz.collections import open_collection
from gala_viz.collections.clickme.writers import ClickMeRecord, write_tfrecords
from gala_viz.commands.helptext import REGISTRY
from gala_viz.commands.train import Arguments
from gala_viz.networks.architectures import build_module
from gala_viz.networks.card import write_network
from gala_viz.networks.gala import gala_layers
from gala_viz.networks.network import Network
from gala_viz.networks.network_folders import WeightsError, read_card
from gala_viz.networks.zoo import load_network
from gala_viz.specs import toml_values
from gala_viz.training.batches import TrainingDataModule, validation_batches
from gala_viz.training.checkpoints import INTERRUPTED_CHECKPOINT
from gala_viz.training.dataset import TrainingImages, load_dataset
from gala_viz.training.epoch_log import read_epochs
from gala_viz.training.fit import EpochProgressBar, fit
from gala_viz.training.harmonizer import harmonizer_loss, input_gradient, pyramid, standardise_and_cut
from gala_viz.training.losses import attention_loss, attention_loss_of_code
from gala_viz.training.optimisation import describe_schedule, rate_schedule, stepped_rate_factor
from gala_viz.training.recipe_file import changed_recipe, read_recipe
from gala_viz.training.recipes import RECIPES, SupervisedRecipe
from gala_viz.training.run import train
from gala_viz.training.supervised import SupervisedModule, initial_network
from tests.collections.pictures import encoded

from .tiny import Lamps, tiny_supervised_recipe

RECIPE = tiny_supervised_recipe(epochs=2)
LAMPS = Lamps()
TINY_BODY = (
    'arguments = {blocks = [1, 1], base_filters = 4, strides = [1, 2], attention_groups = [2], attention = "gala"}'
)


def parts(recipe=RECIPE, **options):
    return tuple(load_dataset(LAMPS, split, recipe.preprocessing, **options) for split in ("train", "validation"))


PARTS = parts()


def trained(folder, recipe=RECIPE, images=PARTS, n_workers=0, **options):
    module = SupervisedModule(initial_network(recipe, 2), recipe)
    pictures = TrainingDataModule(*images, recipe, n_workers=n_workers)
    return fit(module, pictures, folder, accelerator="cpu", devices=1, quiet=True, **options)


def same_weights(one, other, tolerance=0.0):
    for key, value in one.state_dict().items():
        torch.testing.assert_close(value, other.state_dict()[key], atol=tolerance, rtol=tolerance, msg=key)


def test_the_authors_rates_rise_from_zero_and_fall_by_ten_at_30_60_and_80():
    recipe = RECIPES["gala-resnet50-clickme"]
    assert recipe.highest_rate == pytest.approx(0.4)
    assert replace(recipe, batch_size=256).highest_rate == pytest.approx(0.1)
    rate = rate_schedule(recipe, 1251)
    epochs = {0: 0.0, 2.5: 0.5, 5: 1.0, 29.9: 1.0, 30: 0.1, 60: 0.01, 80: 0.001, 159: 0.001}
    for epoch, share in epochs.items():
        assert rate(round(1251 * epoch)) == pytest.approx(share, abs=1e-3)
    assert stepped_rate_factor(0, 0, []) == 1.0
    told = describe_schedule(replace(recipe, epochs=50))
    assert (
        "SGD with Nesterov momentum 0.9, highest rate 0.4 after a rise over 5 epochs, divided by 10 at epochs 30"
        in told
    )
    assert "(those at 60, 80 lie beyond its 50 epochs; --step-epochs sets others)" in told


def test_the_paper_recipes_are_the_papers_networks_at_224_px_with_lambda_6():
    names = ("resnet50", "se-resnet50", "gala-resnet50", "gala-resnet50-clickme")
    for name, blocks in zip(names, (0, 0, 6, 6), strict=True):
        recipe = RECIPES[name]
        with torch.device("meta"):
            network = build_module(recipe.builder, {**recipe.arguments, "n_categories": 1000})
        assert len(gala_layers(network)) == blocks
        assert recipe.preprocessing.input_px == (224, 224)
        assert recipe.attention_weight == (6.0 if name.endswith("clickme") else 0.0)
    assert RECIPES["gala-resnet50-clickme-code"].attention_loss == "code"


def test_of_the_authors_weights_stem_and_last_layer_decay():
    recipe = replace(RECIPES["gala-resnet50"], arguments={"blocks": (1, 1), "base_filters": 4, "attention": "gala",
                                                          "attention_groups": (2,)})  # fmt: skip
    module = SupervisedModule(initial_network(recipe, 3), recipe)
    names = {id(one): path for path, one in module.network.named_parameters()}
    decaying, others = ([names[id(one)] for one in group["params"]] for group in module.parameter_groups())
    assert decaying == ["stem.weight", "head.weight"]
    assert {"head.bias", "norm.weight"} < set(others)
    assert {group["lr"] for group in module.parameter_groups()} == {0.4}


def test_sgd_takes_the_steps_of_pytorch_by_hand(tmp_path):
    """Nesterov momentum, decay of half the squared norm, clipping, and a rate of steps, in a loop of its own."""
    recipe = tiny_supervised_recipe(
        epochs=2, optimizer="sgd", schedule="steps", step_epochs=(1,), warmup_epochs=0.0, rate=0.02, clip_norm=0.5,
        weight_decay=1e-3, attention_weight=0.0,
    )  # fmt: skip
    network = trained(tmp_path, recipe)
    module = SupervisedModule(initial_network(recipe, 2), recipe).train()
    groups = module.parameter_groups()
    momenta: dict[int, torch.Tensor] = {}
    pictures = TrainingDataModule(*PARTS, recipe)
    for epoch in range(2):
        loader = pictures.train_dataloader()
        loader.sampler.set_epoch(epoch)
        for batch in loader:
            batch = pictures.on_after_batch_transfer(batch, 0)
            module.network.zero_grad()
            F.cross_entropy(module.network(batch["input"]), batch["label"], label_smoothing=0.1).backward()
            nn.utils.clip_grad_norm_(module.network.parameters(), 0.5)
            with torch.no_grad():
                for group in groups:
                    for weight in group["params"]:
                        gradient = weight.grad + group.get("weight_decay", 1e-3) * weight
                        momentum = 0.9 * momenta.get(id(weight), torch.zeros_like(weight)) + gradient
                        if id(weight) not in momenta:
                            momentum = gradient.clone()
                        momenta[id(weight)] = momentum
                        weight -= 0.02 * 0.1**epoch * (gradient + 0.9 * momentum)
    for key, value in module.network.named_parameters():
        torch.testing.assert_close(value, network.get_parameter(key), atol=2e-5, rtol=2e-4, msg=key)


def test_a_step_in_parts_is_the_step_in_one_but_for_batch_norms_and_maps(tmp_path):
    recipe = tiny_supervised_recipe(epochs=2, batch_size=8, attention_weight=0.0, optimizer="sgd", rate=0.01)
    whole, in_parts = (
        SupervisedModule(initial_network(one, 2), one) for one in (recipe, replace(recipe, accumulate=4))
    )
    for module, folder in ((whole, "one"), (in_parts, "parts")):
        for part in module.network.modules():
            if isinstance(part, nn.BatchNorm2d):  # so that no batch's own statistics count
                part.forward = lambda x, bn=part: F.batch_norm(x, bn.running_mean, bn.running_var, bn.weight, bn.bias)
        pictures = TrainingDataModule(*PARTS, module.recipe)
        fit(module, pictures, tmp_path / folder, accelerator="cpu", devices=1, quiet=True)
        assert pictures.trainer.global_step == 12
    same_weights(whole.network, in_parts.network, tolerance=1e-5)
    with pytest.raises(ValueError, match="accumulate divides batch_size; got 3 and 8"):
        replace(recipe, accumulate=3)


@pytest.mark.slow
def test_a_moving_average_of_the_weights_is_the_network_and_is_resumed_exactly(tmp_path):
    recipe = tiny_supervised_recipe(epochs=3, ema=0.8)
    whole, plain = trained(tmp_path / "whole", recipe), trained(tmp_path / "plain", replace(recipe, ema=0.0))
    assert any(not torch.equal(one, other) for one, other in zip(whole.parameters(), plain.parameters(), strict=True))
    trained(tmp_path / "parts", recipe, max_epochs=1)
    same_weights(whole, trained(tmp_path / "parts", recipe))
    state = torch.load(tmp_path / "whole" / "last.ckpt", weights_only=True)
    current = {key.removeprefix("network."): value for key, value in state["current_model_state"].items()}
    for key, value in plain.state_dict().items():
        assert torch.equal(value, current[key]), "the average leaves the training alone"


@pytest.mark.parametrize("n_workers", [0, 2])
def test_streamed_images_train_the_network_of_those_in_memory_bit_by_bit(tmp_path, n_workers):
    streamed = tuple(TrainingImages(one.sources, one.frame).check_maps() for one in PARTS)
    assert not any(one.in_memory for one in streamed)
    same_weights(trained(tmp_path / "memory"), trained(tmp_path / "files", images=streamed, n_workers=n_workers))


def test_batches_that_were_given_before_are_not_read_again(tmp_path):
    streamed = tuple(TrainingImages(one.sources, one.frame).check_maps() for one in PARTS)

    class Stop(SupervisedModule):
        def training_step(self, batch, number):
            if (self.current_epoch, number) == (1, 7):
                signal.raise_signal(signal.SIGINT)
            return super().training_step(batch, number)

    module = Stop(initial_network(RECIPE, 2), RECIPE)
    with pytest.raises(KeyboardInterrupt):
        fit(module, TrainingDataModule(*streamed, RECIPE), tmp_path, accelerator="cpu", devices=1, quiet=True)
    read = []
    photo = streamed[0]._photo
    streamed[0]._photo = lambda position: read.append(position) or photo(position)
    trained(tmp_path, images=streamed)
    assert len(read) == 4 * 4, "four batches of four were left"


KILLED = """
import sys
from pathlib import Path
from types import SimpleNamespace
import torch
torch.set_num_threads(1)
from tests.training.test_recipes import trained
trained(Path(sys.argv[1]), checkpoint_minutes=0.0)
"""


@pytest.mark.slow
def test_a_training_that_is_killed_within_an_epoch_goes_on_from_its_last_checkpoint_exactly(tmp_path):
    root = Path(__file__).resolve().parents[2]
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", KILLED, str(tmp_path / "killed")],
        env={**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"},
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 120
    while not (tmp_path / "killed" / INTERRUPTED_CHECKPOINT).is_file():
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert not (tmp_path / "killed" / "previous.ckpt").is_file()
    same_weights(trained(tmp_path / "whole"), trained(tmp_path / "killed"))


def random_norms(n=3):
    chance = torch.Generator().manual_seed(4)
    norms = {"a": torch.rand(n, 6, 6, generator=chance), "b": torch.rand(n, 5, 5, generator=chance)}
    return norms, torch.rand(n, 24, 24, generator=chance) ** 4


def test_the_codes_attention_loss_is_that_of_an_independent_computation():
    norms, maps = random_norms()
    has_map = torch.tensor([True, False, True])
    found = attention_loss_of_code(norms, maps, has_map)
    sigma, radius = 28 * 24 / 224, round(24 * 24 / 224)
    terms = []
    for norm in norms.values():
        for image in (0, 2):
            blurred = maps[image].double().numpy()
            for axis in (0, 1):
                blurred = gaussian_filter1d(blurred, sigma, axis=axis, mode="constant", radius=radius)
            side = norm.shape[-1]
            places = np.linspace(0, 23, side)
            low = np.minimum(places.astype(int), 22)
            part = places - low
            rows = blurred[low] * (1 - part)[:, None] + blurred[low + 1] * part[:, None]
            grid = rows[:, low] * (1 - part) + rows[:, low + 1] * part
            squared = norm[image].double().numpy() ** 2
            difference = grid / np.linalg.norm(grid) - squared / np.linalg.norm(squared)
            terms.append(0.5 * (difference**2).sum())
    assert found.item() == pytest.approx(sum(terms) / len(norms), rel=1e-5)
    assert attention_loss_of_code(norms, maps, torch.zeros(3, dtype=torch.bool)) == 0
    assert found != attention_loss(norms, maps, has_map)


@pytest.mark.parametrize("form", ["paper", "code"])
def test_a_network_learns_by_either_form_of_the_attention_loss(tmp_path, form):
    weight = {"paper": 1.0, "code": 0.5}[form]
    recipe = tiny_supervised_recipe(epochs=6, attention_loss=form, attention_weight=weight)
    trained(tmp_path, recipe)
    lines = (tmp_path / "epochs.csv").read_text().splitlines()
    column = lines[0].split(",").index("attention_loss")
    losses = [float(line.split(",")[column]) for line in lines[1:]]
    assert losses[-1] < losses[0]


def test_the_harmonizers_pyramid_is_a_binomial_filter_at_every_second_place():
    maps = torch.rand(2, 1, 9, 12, generator=torch.Generator().manual_seed(0))
    levels = pyramid(maps, 3)
    assert [tuple(level.shape[2:]) for level in levels] == [(9, 12), (5, 6), (3, 3)]
    line = np.array([1, 4, 6, 4, 1]) / 16
    padded = np.pad(maps[0, 0].numpy(), ((2, 2), (1, 2)))
    expected = [[(padded[2 * y : 2 * y + 5, 2 * x : 2 * x + 5] * np.outer(line, line)).sum() for x in range(6)]
                for y in range(5)]  # fmt: skip
    np.testing.assert_allclose(levels[1][0, 0], expected, rtol=1e-5)


def test_the_harmonizers_loss_is_zero_for_a_gradient_that_is_the_map_in_any_scale_and_counts_maps_alone():
    maps = torch.rand(3, 16, 16, generator=torch.Generator().manual_seed(1))
    has_map = torch.tensor([True, True, False])
    assert harmonizer_loss(5 * maps - 2, maps, has_map).item() == pytest.approx(0, abs=1e-6)
    other = torch.rand(3, 16, 16, generator=torch.Generator().manual_seed(2))
    loss = harmonizer_loss(other, maps, has_map)
    assert loss > 0.1
    assert harmonizer_loss(torch.cat([other[:2], 9 * other[2:]]), maps, has_map) == loss
    assert harmonizer_loss(other, maps, torch.zeros(3, dtype=torch.bool)) == 0
    found, wanted = (standardise_and_cut(one[:2]).numpy() for one in (other, maps))
    wanted = wanted / wanted.max(axis=(1, 2), keepdims=True) * found.max(axis=(1, 2), keepdims=True)
    assert harmonizer_loss(other, maps, has_map, n_levels=1).item() == pytest.approx(
        ((found - wanted) ** 2).mean(), rel=1e-4
    )


def test_the_input_gradient_is_that_of_the_labels_logit_and_can_be_learnt_by():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Softplus(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))
    images = torch.randn(2, 3, 8, 8, requires_grad=True)
    found = input_gradient(images, network(images), torch.tensor([2, -1]))
    step = torch.zeros(2, 3, 8, 8)
    step[0, :, 4, 4] = 1e-3
    with torch.no_grad():
        rise = (network(images + step) - network(images - step))[0, 2] / 2e-3
    assert found[0, 4, 4].item() == pytest.approx(rise.item() / 3, rel=1e-2)
    found.square().sum().backward()
    assert all(one.grad is not None and one.grad.abs().sum() > 0 for one in network[0].parameters())


def test_a_network_without_attention_is_harmonized(tmp_path):
    """On images that it did not learn from, beside a network that was trained alike without maps."""
    arguments = {"blocks": (1, 1), "base_filters": 4, "strides": (1, 2), "attention": "none"}
    losses = {}
    for weight in (0.0, 1.0):
        recipe = tiny_supervised_recipe(arguments=arguments, attention_weight=0.0, harmonizer_weight=weight, epochs=8)
        network = trained(tmp_path / str(weight), recipe)
        (batch,) = validation_batches(PARTS[1], replace(recipe, batch_size=16))
        images = batch["input"].requires_grad_()
        gradients = input_gradient(images, network(images), batch["label"])
        losses[weight] = harmonizer_loss(gradients, batch["map"], batch["has_map"]).item()
    assert losses[1.0] < 0.75 * losses[0.0]


def photo(number, category):
    """Noise with a bright bar, whose direction is the category; the map marks the bar."""
    picture = np.random.default_rng(number).integers(0, 90, (40, 48, 3), dtype=np.uint8)
    place = 10 + number % 20
    mark = np.zeros((40, 48), np.float32)
    if category % 2:
        mark[place : place + 5] = 1
    else:
        mark[:, place : place + 5] = 1
    picture[mark > 0, category % 3] += 150
    return picture, mark


CATEGORIES = ("apple", "bench", "cat", "drum", "eel")


@pytest.fixture
def folders(tmp_path):
    """Photographs of five categories of one's own in train/, val/ and test/, and maps for half of them."""
    number = 0
    for split, count in (("train", 8), ("val", 3), ("test", 3)):
        for index, category in enumerate(CATEGORIES):
            (tmp_path / "mine" / split / category).mkdir(parents=True)
            (tmp_path / "maps" / split / category).mkdir(parents=True)
            for _ in range(count):
                picture, mark = photo(number, index)
                name = f"{split}/{category}/{number:03d}.png"
                (tmp_path / "mine" / name).write_bytes(encoded(picture))
                if number % 2:
                    (tmp_path / "maps" / name).write_bytes(encoded((255 * mark).astype(np.uint8)))
                number += 1
    return tmp_path


def command(folders, name="mine", *options, body=TINY_BODY, base="gala-resnet50-clickme"):
    """Train a small network by a recipe file, in a folder of its own."""
    lines = ["format = 1", f'base = "{base}"' if base else "", f'name = "{name}"', body, "epochs = 2"]
    lines += ["batch_size = 8", "input_px = 32", "short_px = 40", "norm_momentum = 0.2", "attention_weight = 1.0"]
    (folders / f"{name}.toml").write_text("\n".join(lines))
    where = ["--out", str(folders / "nets"), "--runs", str(folders / "runs"), "--device", "cpu", "--quiet"]
    return main(["train", str(folders / f"{name}.toml"), *where, *options])


def read_recipe_of(folders):
    """The recipe that ``command`` writes."""
    command(folders, "by-python", "--epochs", "0")
    return read_recipe(folders / "by-python.toml").recipe


def with_maps(folders):
    return ["--labels", str(folders / "mine"), "--human-maps", str(folders / "maps")]


def test_categories_of_ones_own_in_folders_and_a_folder_of_maps_train_by_one_command(folders, capsys):
    assert command(folders, "mine", *with_maps(folders)) == 0
    told = capsys.readouterr().out
    assert "categories: 5 of their own (apple, bench, cat, drum, eel)" in told
    assert "mine (labels): 40 images train; train 40, validation 15, test 15 (the collection's own splits)" in told
    assert "train: mine: 20 of 20 maps usable" in told
    assert "5 steps of 8 images an epoch\n" in told
    assert "SGD with Nesterov momentum 0.9, highest rate 0.003125" in told
    network = load_network(folders / "nets" / "mine", device="cpu")
    assert network.categories == CATEGORIES
    card = read_card(folders / "nets" / "mine")
    (entry,) = card["data"]["collections"]
    assert (entry["role"], entry["n_train"], entry["maps_train"]) == ("labels", 40, "20 of 20 maps usable")
    assert entry["n_validation"] == 15
    assert card["network"]["licence"] == "not given"
    assert card["selection"]["n_labelled"] == 15
    assert card["selection"]["n_with_maps"] == 7
    assert len((folders / "nets" / "mine" / "validation_images.csv").read_text().splitlines()) == 16
    assert (folders / "runs" / "mine" / "epochs.png").stat().st_size > 5000
    kept = load_network(f"{folders / 'runs' / 'mine'}@last", device="cpu")
    assert kept.name == "mine@2"
    same_weights(kept.module, network.module)
    first = load_network(f"{folders / 'runs' / 'mine'}@1", device="cpu")
    assert any(not torch.equal(a, b) for a, b in zip(first.module.parameters(), kept.module.parameters(), strict=True))
    with pytest.raises(ValueError, match=r"has no network of epoch '7'; there are: 0001, 0002"):
        load_network(f"{folders / 'runs' / 'mine'}@7", device="cpu")


@pytest.mark.slow
def test_images_that_do_not_fit_into_memory_train_the_same_network(folders, capsys):
    assert command(folders, "mine", *with_maps(folders)) == 0
    capsys.readouterr()
    assert command(folders, "again", *with_maps(folders), "--memory-gb", "0", "--workers", "2") == 0
    assert "train: 0.0 GB stay in their files and are read in every epoch" in capsys.readouterr().out
    networks = [load_network(folders / "nets" / name, device="cpu").module for name in ("mine", "again")]
    same_weights(*networks)


def test_flat_folders_train_by_the_hash_of_their_ids(folders, capsys):
    for index, category in enumerate(CATEGORIES):
        (folders / "flat" / category).mkdir(parents=True)
        for number in range(12):
            (folders / "flat" / category / f"{number}.png").write_bytes(encoded(photo(100 * index + number, index)[0]))
    options = ["--labels", str(folders / "flat"), "--attention-weight", "0"]
    assert command(folders, "flat", *options) == 0
    assert "by sha256 of 'split:0:<image id>'" in capsys.readouterr().out
    assert load_network(folders / "nets" / "flat", device="cpu").categories == CATEGORIES


def records(folder, n=10):
    for split, first in (("train", 0), ("val", 100), ("test", 200)):
        rows = []
        for number in range(first, first + n):
            picture, mark = photo(number, number % 5)
            square = np.zeros((48, 48, 3), np.uint8)
            square[:40] = picture
            heat = np.zeros((48, 48), np.float32)
            heat[:40] = mark
            rows.append(ClickMeRecord(square, heat, number % 5, 9, f"{split}/{number}.JPEG"))
        write_tfrecords(folder / f"clickme_{split}.tfrecords", rows)


def test_clickme_records_train_alone_with_their_own_labels_or_imagenets(folders, capsys):
    (folders / "tf").mkdir()
    records(folders / "tf")
    assert command(folders, "as-imagenet", "--maps", str(folders / "tf")) == 0
    told = capsys.readouterr().out
    assert "categories: 5 of their own (goldfish, great white shark, hammerhead, tench, tiger shark)" in told
    assert (
        "its labels are read as ImageNet's (0 is 'tench'); names of your own, one a line, belong into categories.txt"
        in told
    )
    (folders / "tf" / "categories.txt").write_text("\n".join(CATEGORIES))
    assert command(folders, "own", "--maps", str(folders / "tf")) == 0
    assert "read as ImageNet's" not in capsys.readouterr().out
    card = read_card(folders / "nets" / "own")
    assert card["categories"]["names"] == list(CATEGORIES)
    assert (card["data"]["collections"][0]["role"], card["data"]["collections"][0]["n_train"]) == ("maps", 10)
    assert card["selection"]["n_labelled"] == card["selection"]["n_with_maps"] == 10
    (folders / "tf" / "categories.txt").write_text("\n".join(CATEGORIES[:3]))
    assert command(folders, "few", "--maps", str(folders / "tf")) == 0
    told = capsys.readouterr().out
    assert "4 have no category that the network knows and learn by their maps alone" in told
    assert "1 step of 8 images an epoch; 2 of 10 images, others in each, are in none" in told
    assert read_card(folders / "nets" / "few")["data"]["collections"][0]["n_train_labelled"] == 6
    (folders / "tf" / "categories.txt").write_text("a\na\n")
    with pytest.raises(ValueError, match="one name a line, none of them empty and none twice"):
        open_collection(folders / "tf")


def test_maps_that_fit_no_photograph_are_told(folders, capsys):
    (folders / "maps" / "train" / "apple" / "nowhere.npy").write_bytes(b"")
    np.save(folders / "maps" / "train" / "apple" / "nowhere.npy", np.eye(4))
    assert command(folders, "mine", *with_maps(folders)) == 0
    told = capsys.readouterr().out
    assert "mine: 1 file not used, the first: " in told
    assert "nowhere.npy" in told


def test_human_maps_that_have_no_part_in_a_training_are_told(folders, capsys):
    assert command(folders, "mine", *with_maps(folders), "--attention-weight", "0") == 0
    assert "human maps have no part in this training: lambda is 0" in capsys.readouterr().out


def test_what_a_stopped_training_goes_on_from_is_told(tmp_path):
    lines = []
    trained(tmp_path, max_epochs=1)
    trained(tmp_path, tell=lines.append)
    assert lines[0] == f"goes on from {tmp_path / 'last.ckpt'}"


def test_python_takes_names_and_folders_too(folders):
    recipe = replace(read_recipe_of(folders), attention_weight=0.0)
    folder = train(recipe, labels=folders / "mine", out=str(folders / "out"), runs=str(folders / "runs"))
    assert read_card(str(folder))["data"]["collections"][0]["n_train"] == 40
    assert len(read_epochs(str(folders / "runs" / "by-python" / "epochs.csv"))) == recipe.epochs


def test_labels_and_maps_in_two_collections_train_together(folders):
    (folders / "tf").mkdir()
    records(folders / "tf")
    (folders / "tf" / "categories.txt").write_text("\n".join(CATEGORIES))
    options = ["--labels", str(folders / "mine"), "--maps", str(folders / "tf")]
    assert command(folders, "both", *options) == 0
    entries = read_card(folders / "nets" / "both")["data"]["collections"]
    assert [(one["name"], one["role"], one["n_train"]) for one in entries] == [
        ("tf", "maps", 10),
        ("mine", "labels", 40),
    ]


def test_one_collection_as_labels_and_maps_has_one_role(folders):
    both = ["--labels", str(folders / "tf"), "--maps", str(folders / "tf")]
    (folders / "tf").mkdir()
    records(folders / "tf")
    assert command(folders, "same", *both) == 0
    (entry,) = read_card(folders / "nets" / "same")["data"]["collections"]
    assert (entry["role"], entry["n_train"], entry["maps_train"]) == ("labels", 10, "10 of 10 maps usable")


def test_a_photograph_held_out_under_another_name_is_kept_on_request_and_the_card_says_so(folders, capsys):
    twin = folders / "mine" / "train" / "apple" / "twin.png"
    twin.write_bytes(next((folders / "mine" / "test" / "apple").glob("*.png")).read_bytes())
    assert command(folders, "clean", *with_maps(folders)) == 0
    assert "1 of the training split are left out" in capsys.readouterr().out
    assert command(folders, "kept", *with_maps(folders), "--keep-duplicates") == 0
    assert "1 are the same photographs as held-out ones and are kept" in capsys.readouterr().out
    counts = [read_card(folders / "nets" / name)["data"]["collections"][0] for name in ("clean", "kept")]
    assert [one["n_train"] for one in counts] == [40, 41]
    assert counts[1]["n_train_same_photographs_as_held_out"] == 1


def test_a_damaged_photograph_is_left_out_and_told(folders, capsys):
    bad = folders / "mine" / "train" / "cat" / "bad.png"
    bad.write_bytes(encoded(photo(1, 2)[0])[:300])
    for name, options in (("memory", []), ("files", ["--memory-gb", "0", "--workers", "0"])):
        assert command(folders, name, *with_maps(folders), *options) == 0
        assert "train/cat/bad.png" in capsys.readouterr().out
        made = read_card(folders / "nets" / name)["made"]
        assert made["n_unreadable_photographs"] == 1
    same_weights(*(load_network(folders / "nets" / name, device="cpu").module for name in ("memory", "files")))


OWN = """
from torch import nn


def backbone(width, n_categories):
    return nn.Sequential(
        nn.Conv2d(3, width, 3, stride=2, bias=False), nn.BatchNorm2d(width), nn.ReLU(),
        nn.Conv2d(width, 2 * width, 3, stride=2, bias=False), nn.BatchNorm2d(2 * width), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2 * width, n_categories),
    )
"""
OWN_BODY = (
    'builder = "own_net_of_tests:backbone"\narguments = {width = 4}\ngala = ["4"]\ngala_options = {ratio = 2}\n'
    'decaying = "matrices"'
)


def test_a_backbone_of_ones_own_with_gala_trains_and_opens_only_where_its_code_is_named(folders, monkeypatch, capsys):
    (folders / "own_net_of_tests.py").write_text(OWN)
    monkeypatch.chdir(folders)
    monkeypatch.syspath_prepend(str(folders))
    assert command(folders, "own", *with_maps(folders), body=OWN_BODY) == 2
    assert "runs the function own_net_of_tests:backbone, which is somebody's code" in capsys.readouterr().err
    allowed = ["--allow-code", "own_net_of_tests:backbone"]
    assert command(folders, "own", *with_maps(folders), *allowed, body=OWN_BODY) == 0
    folder = folders / "nets" / "own"
    assert read_card(folder)["network"]["gala"] == ["4"]
    with pytest.raises(
        WeightsError, match=r"own_net_of_tests:backbone, which is code of its author's own .* @FOLDER|own"
    ):
        load_network(folder, device="cpu")
    network = load_network(f"own_net_of_tests:backbone@{folder}", device="cpu")
    assert network.layers == ("4",)
    assert not network.known_by_weights
    kept = load_network(f"own_net_of_tests:backbone@{folders / 'runs' / 'own'}@last", device="cpu")
    same_weights(kept.module, network.module)
    with pytest.raises(WeightsError, match="which is code of its author's own"):
        load_network(f"os.path:join@{folder}", device="cpu")
    capsys.readouterr()
    out = [
        "--collection",
        str(folders / "mine"),
        "--human-maps",
        str(folders / "maps"),
        "--out",
        str(folders / "table"),
    ]
    options = ["--networks", f"own_net_of_tests:backbone@{folder}", "--samples", "0", "--people-resamples", "0"]
    assert main(["evaluate", *options, *out, "--device", "cpu"]) == 0
    assert "top-1" in capsys.readouterr().out


def test_a_network_begins_with_the_weights_of_another_but_for_its_last_layer(folders, capsys):
    assert command(folders, "first", *with_maps(folders)) == 0
    first = load_network(folders / "nets" / "first", device="cpu")
    recipe = read_recipe(folders / "first.toml").recipe
    again = initial_network(recipe, 3, first)
    for key, value in first.module.state_dict().items():
        assert key.startswith("head") or torch.equal(value, again.state_dict()[key]), key
    assert again.head.out_features == 3
    capsys.readouterr()
    assert command(folders, "second", *with_maps(folders), "--start", str(folders / "nets" / "first")) == 0
    card = read_card(folders / "nets" / "second")
    assert card["network"]["start"].startswith("first (sha256 ")
    assert [one.get("learnt_by") for one in card["data"]["collections"]] == [None, "first"]
    assert "begins with the weights of first: 100.0% of its own" in capsys.readouterr().out
    with pytest.raises(ValueError, match=r"'stem\.weight' has the shape \(6, 3, 7, 7\), in first \(4, 3, 7, 7\)"):
        initial_network(replace(recipe, arguments={**recipe.arguments, "base_filters": 6}), 3, first)


def test_new_gates_behind_pretrained_weights_leave_what_the_network_computes():
    body = {"blocks": (1, 2), "base_filters": 4, "strides": (1, 2), "attention_groups": (2,)}
    plain = tiny_supervised_recipe(arguments={**body, "attention": "none"}, attention_weight=0.0)
    start = Network(initial_network(plain, 2), preprocessing=plain.preprocessing, categories=("a", "b"), name="start")
    images = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    recipe = tiny_supervised_recipe(arguments={**body, "attention": "gala"})
    with torch.no_grad():
        begun = initial_network(recipe, 2, start).eval()
        torch.testing.assert_close(begun(images), start.logits(images), atol=1e-5, rtol=1e-4)
        at_random = initial_network(replace(recipe, gate=0.0), 2, start).eval()
        assert (at_random(images) - start.logits(images)).abs().max() > 0.01
        learnt = Network(initial_network(replace(recipe, seed=5), 2), preprocessing=plain.preprocessing, name="l",
                         categories=("a", "b"))  # fmt: skip
        again = initial_network(recipe, 2, learnt).eval()
        torch.testing.assert_close(again(images), learnt.logits(images), atol=1e-6, rtol=1e-6)


def test_a_training_that_is_finished_and_opened_again_is_still_the_average(tmp_path):
    recipe = tiny_supervised_recipe(epochs=2, ema=0.9)
    same_weights(trained(tmp_path, recipe), trained(tmp_path, recipe))


def test_an_average_that_is_stopped_within_an_epoch_goes_on_to_its_end(tmp_path):
    recipe = tiny_supervised_recipe(epochs=2, ema=0.9)

    class Stop(SupervisedModule):
        def training_step(self, batch, number):
            if (self.current_epoch, number) == (1, 5):
                signal.raise_signal(signal.SIGINT)
            return super().training_step(batch, number)

    module, pictures = Stop(initial_network(recipe, 2), recipe), TrainingDataModule(*PARTS, recipe)
    with pytest.raises(KeyboardInterrupt):
        fit(module, pictures, tmp_path / "a", accelerator="cpu", devices=1, quiet=True)
    assert (tmp_path / "a" / INTERRUPTED_CHECKPOINT).is_file()
    same_weights(trained(tmp_path / "b", recipe), trained(tmp_path / "a", recipe))


def test_a_training_does_not_go_on_from_another_start_or_with_other_usable_maps(tmp_path):
    def run(start="one", has_map=None):
        module = SupervisedModule(initial_network(RECIPE, 2), RECIPE)
        module.start_identity = start
        pictures = TrainingDataModule(*parts(), RECIPE)
        if has_map is not None:
            pictures.training.has_map[:has_map] = False
        fit(module, pictures, tmp_path, accelerator="cpu", devices=1, quiet=True, max_epochs=1)

    run()
    with pytest.raises(ValueError, match=r"trained otherwise \(start: one, now two\)"):
        run("two")
    with pytest.raises(ValueError, match=r"trained otherwise \(usable maps: 48 \(\w+\), now 45 \(\w+\)\)"):
        run(has_map=3)


def test_a_damaged_table_of_epochs_is_put_aside_and_ends_nothing(tmp_path):
    trained(tmp_path, max_epochs=1)
    for content in (b"garbage\n1\n", b"\xff\xfe", b"epoch,loss\nabc,1\n"):
        (tmp_path / "epochs.csv").write_bytes(content)
        assert read_epochs(tmp_path / "epochs.csv") == []
    trained(tmp_path)
    assert (tmp_path / "epochs.damaged").read_bytes() == b"epoch,loss\nabc,1\n"
    assert [row["epoch"] for row in read_epochs(tmp_path / "epochs.csv")] == ["2"]


def test_a_last_layer_for_as_many_categories_of_other_names_begins_at_random():
    recipe = tiny_supervised_recipe()
    start = Network(initial_network(replace(recipe, seed=3), 2), preprocessing=recipe.preprocessing, name="start",
                    categories=("green", "red"))  # fmt: skip
    heads = [
        initial_network(recipe, 2, start, names).head.weight for names in (("green", "red"), ("red", "green"), None)
    ]
    own = start.module.head.weight
    assert [torch.equal(head, own) for head in heads] == [True, False, True]


def test_a_network_that_comes_there_meanwhile_is_not_written_over(folders):
    recipe = replace(read_recipe_of(folders), attention_weight=0.0, epochs=1)
    where = {"labels": folders / "mine", "out": folders / "out", "runs": folders / "runs", "replace_network": False}

    class Comes(Callback):
        def on_train_end(self, trainer, module):
            (folders / "out" / recipe.name).mkdir(parents=True)
            (folders / "out" / recipe.name / "card.toml").write_text("")

    with pytest.raises(ValueError, match="holds a network already"):
        train(recipe, callbacks=[Comes()], **where)
    assert not (folders / "out" / recipe.name / "weights.safetensors").exists()
    assert load_network(f"{folders / 'runs' / recipe.name}@last", device="cpu").categories == CATEGORIES


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--memory-gb", "inf"], "--memory-gb lies between 0 and 1,000,000"),
        (["--memory-gb", "nan"], "--memory-gb lies between 0 and 1,000,000"),
        (["--checkpoint-minutes", "nan"], "--checkpoint-minutes are 0 or more"),
        (["--warmup-epochs", "1e308"], "warmup_epochs is at most 1,000,000"),
        (["--rate", "1e300"], "rate is at most 1,000,000"),
        (["--seed", str(2**70)], "seed is at most"),
        (["--out", "FILE"], "is a file; a folder was expected there"),
    ],
)
def test_options_without_sense_are_refused_in_words(folders, capsys, options, told):
    (folders / "file").write_text("")
    options = [str(folders / "file" / "below") if word == "FILE" else word for word in options]
    assert command(folders, "mine", *with_maps(folders), *options) == 2
    assert told in capsys.readouterr().err


def test_weights_far_larger_than_the_card_says_are_refused_unread(tmp_path, monkeypatch):
    network = initial_network(RECIPE, 2)
    card = {"network": {"name": "n", "builder": "resnet", "arguments": dict(RECIPE.arguments)},
            "preprocessing": RECIPE.preprocessing.settings(), "categories": {"names": ["a", "b"]}}  # fmt: skip
    write_network(tmp_path, network, toml_values(card))
    with (tmp_path / "weights.safetensors").open("ab") as file:
        file.truncate(8 * 2**20)
    monkeypatch.setattr(Path, "read_bytes", lambda self: pytest.fail(f"{self} was read"))
    with pytest.raises(WeightsError, match="bytes, far more than the"):
        load_network(tmp_path, device="cpu")


def test_the_first_weights_are_soon_forgotten_by_an_average(tmp_path):
    recipe = tiny_supervised_recipe(epochs=2, ema=0.9999)
    first = initial_network(recipe, 2).state_dict()["stem.weight"]
    plain = trained(tmp_path / "plain", replace(recipe, ema=0.0)).state_dict()["stem.weight"]
    average = trained(tmp_path / "average", recipe).state_dict()["stem.weight"]
    assert (average - plain).norm() < 0.7 * (first - plain).norm()


def test_a_training_that_begins_anew_leaves_no_network_of_the_one_before(folders):
    assert command(folders, "mine", *with_maps(folders)) == 0
    run = folders / "runs" / "mine"
    assert command(folders, "mine", *with_maps(folders), "--restart", "--replace", "--epochs", "1") == 0
    assert [path.name for path in sorted((run / "epochs").iterdir())] == ["0001"]
    made = read_card(run / "epochs" / "0001")["made"]
    assert "final_loss" not in made, "an epoch's losses stand in the table"
    assert made["steps"] == 5
    assert "final_loss" in read_card(folders / "nets" / "mine")["made"]


def test_dropout_draws_the_same_in_a_training_that_is_resumed(tmp_path):
    class Dropping(SupervisedModule):
        """With dropout before its last layer."""

        def __init__(self, network, recipe):
            network.head = nn.Sequential(nn.Dropout(0.5), network.head)
            super().__init__(network, recipe)

    def run(folder, **options):
        module = Dropping(initial_network(RECIPE, 2), RECIPE)
        pictures = TrainingDataModule(*PARTS, RECIPE)
        return fit(module, pictures, folder, accelerator="cpu", devices=1, quiet=True, **options)

    torch.manual_seed(1)
    whole = run(tmp_path / "whole")
    torch.manual_seed(2)
    run(tmp_path / "parts", max_epochs=1)
    same_weights(whole, run(tmp_path / "parts"))


def test_a_model_of_transformers_trains_from_its_configuration_and_opens(folders):
    transformers = pytest.importorskip("transformers")
    config = transformers.ResNetConfig(
        embedding_size=8, hidden_sizes=[8, 8], depths=[1, 1], layer_type="basic", num_labels=9
    )
    config.save_pretrained(folders / "theirs")
    body = (
        f'builder = "transformers:{folders / "theirs"}"\narguments = {{}}\n'
        'gala = ["resnet.encoder.stages.1.layers.0.layer.1.normalization"]\ngala_options = {ratio = 2}\n'
        'decaying = "matrices"'
    )
    assert command(folders, "theirs", *with_maps(folders), body=body) == 0
    for file in (folders / "theirs").iterdir():
        file.unlink()  # the card holds all that is needed
    network = load_network(folders / "nets" / "theirs", device="cpu")
    assert network.categories == CATEGORIES
    assert len(network.layers) == 1


@pytest.mark.parametrize(
    ("builder", "arguments", "told"),
    [
        (
            "transformers:x",
            {"config": {"model_type": "resnet"}, "token": "t"},
            "takes the arguments n_categories and config",
        ),
        ("transformers:x", {"config": {"depths": [1]}}, "with a model_type, was expected"),
        ("transformers:x", {"config": {"model_type": "no such"}}, "transformers:x: "),
        ("transformers:x", {}, "a card holds the configuration"),
        ("transformers:x", {"config": {"model_type": "timm_wrapper"}}, "transformers:x: "),
        (
            "transformers:x",
            {"config": {"model_type": "vit", "experts_implementation": "a"}},
            "'experts_implementation'",
        ),
        ("transformers:x", {"config": {"model_type": "vit", "hub": "hf-hub:a/b"}}, "the setting 'hub' is not one"),
        ("transformers:x", {"config": {"model_type": "vit", "x": {"checkpoint_path": "a"}}}, "the setting 'x' is not"),
        ("resnet", "x", "its arguments and gala_options are tables of settings; got 'x'"),
        ("lite0", {"n_categories": 5}, "lite0: .*unexpected keyword argument 'n_categories'"),
    ],
)
def test_a_card_tells_a_library_nothing_but_an_architecture(builder, arguments, told, monkeypatch):
    transformers = pytest.importorskip("transformers")
    fetched = lambda *_, **__: pytest.fail("something was fetched")  # noqa: E731
    monkeypatch.setattr(transformers.AutoConfig, "from_pretrained", fetched)
    with pytest.raises(ValueError, match=told):
        build_module(builder, arguments, allowed_function="", from_card=True)


def test_a_card_does_not_choose_how_transformers_computes(monkeypatch):
    transformers = pytest.importorskip("transformers")
    asked = {}
    real = transformers.AutoModelForImageClassification.from_config
    monkeypatch.setattr(
        transformers.AutoModelForImageClassification, "from_config", lambda c, **k: asked.update(k) or real(c, **k)
    )
    config = {"model_type": "resnet", "embedding_size": 8, "hidden_sizes": [8], "depths": [1], "layer_type": "basic",
              "_attn_implementation": "kernels-community/x", "auto_map": {"AutoConfig": "evil.py"}}  # fmt: skip
    build_module("transformers:x", {"config": config, "n_categories": 3}, allowed_function="", from_card=True)
    assert asked == {"trust_remote_code": False, "attn_implementation": "eager"}


def test_a_module_that_is_put_in_the_place_of_one_of_transformers_runs():
    transformers = pytest.importorskip("transformers")
    from gala_viz.networks.external import LogitsOfTransformers

    config = transformers.ResNetConfig(embedding_size=8, hidden_sizes=[8], depths=[1], layer_type="basic", num_labels=3)
    module = LogitsOfTransformers(transformers.ResNetForImageClassification(config)).eval()
    module.add_module("classifier", nn.Sequential(nn.Flatten(), nn.Linear(8, 5)))
    assert module(torch.zeros(1, 3, 32, 32)).shape == (1, 5)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('format = 1\nbase = "gala-resnet5"', "Did you mean 'gala-resnet50'"),
        ('format = 1\nbase = "gala-resnet50"\nepoch = 3', "Did you mean 'epochs'"),
        ('format = 1\nbase = "gala-resnet50"\nrate = -1', "rate is above 0"),
        ('format = 1\nname = "x"\nfamily = "none"', "no family of recipes called 'none'"),
        ('format = 1\nname = "x"\ncollections = "y"', "unknown settings: collections"),
        ('format = 1\nbase = "resnet50"\nepochs = "3"', "epochs is a whole number; got '3'"),
        ('format = 1\nbase = "resnet50"\ngala = "layer3"', "gala is a list of texts; got 'layer3'"),
        ('format = 1\nbase = "resnet50"\nstep_epochs = [30.5]', "step_epochs is a list of whole numbers"),
        ('format = 1\nbase = "resnet50"\nname = 3', "name is a text; got 3"),
        ('format = 1\nbase = "resnet50"\nmean = [1, 2]', "mean is a list of three numbers"),
        ('format = 1\nbase = "resnet50"\nsmallest_share = 0.5', "smallest_share is 1 there"),
        ('format = 1\nbase = "resnet50"\ncategories = ["a", "b", "b"]', "none occurs twice"),
        ('format = 1\nbase = "small-gala"\ncategories = 3', "categories are a word or a list of names"),
        ('format = 1\nbase = ["a"]', "no recipe called"),
        ('format = 1\nbase = "small-gala"\n[data]\nplain = 3', "[data] plain is a folder or a list"),
        ('format = 1\nbase = "small-gala"\nstep_epochs = [3]', "step_epochs belong to the schedule 'steps'"),
        ('format = 1\nbase = "lite0-gala-human"\nfrozen = "_conv_stem"', "frozen is a list of texts"),
        ('format = 1\nbase = "resnet50"\n[data]\nlabel = "x"', "[data] knows labels, maps, human_maps, plain"),
        ('base = "resnet50"', "is no recipe of format 1"),
        ("format = ", "is no recipe"),
    ],
)
def test_a_recipe_file_that_is_none_says_what_was_expected(tmp_path, text, told):
    (tmp_path / "mine.toml").write_text(text)
    with pytest.raises((ValueError, TypeError)) as error:
        read_recipe(tmp_path / "mine.toml")
    assert told in str(error.value)
    assert "mine.toml" in str(error.value)


def test_a_recipe_file_holds_its_collections_and_options_change_it(folders, monkeypatch, capsys):
    lines = ['format = 1', 'base = "gala-resnet50"', 'name = "filed"', TINY_BODY, "epochs = 9", "batch_size = 8",
             "input_px = 32", "short_px = 40", "[data]", 'labels = "mine"', 'human_maps = "maps"']  # fmt: skip
    (folders / "filed.toml").write_text("\n".join(lines))
    elsewhere = folders / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    options = ["--epochs", "1", "--rate", "0.05", "--categories", *CATEGORIES[:3], "--device", "cpu", "--quiet"]
    assert main(["train", "../filed.toml", *options]) == 0
    told = capsys.readouterr().out
    assert "categories: the 3 that are listed (" in told
    assert "16 have a category that the network does not know: 'drum' (8), 'eel' (8)" in told
    card = read_card(elsewhere / "models" / "filed")
    assert (card["recipe"]["epochs"], card["recipe"]["rate"]) == (1, 0.05)
    assert card["categories"]["names"] == list(CATEGORIES[:3])
    assert math.isclose(card["made"]["steps"], 3)


def test_another_resolution_shows_the_same_part_of_a_photograph():
    changed = changed_recipe(RECIPES["resnet50"], {"input_px": 112})
    assert (changed.short_px, changed.input_px) == (128, 112)
    assert changed_recipe(RECIPES["resnet50"], {"input_px": 320}).short_px == 366
    assert changed_recipe(RECIPES["resnet50"], {"input_px": 112, "short_px": 256}).short_px == 256
    assert changed_recipe(RECIPES["small-gala"], {"input_px": 64}).preprocessing.short_px == 64


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"compile_network": True}, "a compiled network has no second derivative"),
        ({"precision": "16-mixed"}, "16-mixed needs a GPU"),
        ({"devices": 0}, "devices counts processes, from 1 on; got 0"),
    ],
)
def test_what_the_harmonizer_cannot_have_is_refused_before_anything_runs(tmp_path, options, told):
    recipe = tiny_supervised_recipe(harmonizer_weight=1.0)
    module = SupervisedModule(initial_network(recipe, 2), recipe)
    settings = {"accelerator": "cpu", "devices": 1, "quiet": True, **options}
    with pytest.raises(ValueError, match=told):
        fit(module, TrainingDataModule(*PARTS, recipe), tmp_path, **settings)


def test_other_outputs_and_a_rate_that_is_never_reached_are_told_at_the_start(folders, monkeypatch, capsys):
    (folders / "own_net_of_tests.py").write_text(OWN.replace("2 * width, n_categories)", "2 * width, 3)"))
    monkeypatch.chdir(folders)
    monkeypatch.syspath_prepend(str(folders))
    monkeypatch.delitem(sys.modules, "own_net_of_tests", raising=False)
    options = [*with_maps(folders), "--allow-code", "own_net_of_tests:backbone"]
    assert command(folders, "own", *options, body=OWN_BODY) == 2
    assert "should give one logit for each of the 5 categories; its output is (1, 3)" in capsys.readouterr().err
    monkeypatch.delitem(sys.modules, "own_net_of_tests", raising=False)
    told = describe_schedule(replace(RECIPES["small-gala"], epochs=1))
    assert "NOT REACHED: the warm-up takes 2 epochs, the training has 1 epoch" in told


def test_maps_that_are_wanted_and_not_there_are_told_before_anything_is_read(folders, capsys):
    assert command(folders, "mine", "--labels", str(folders / "mine")) == 2
    told = capsys.readouterr()
    assert "compares attention with human maps, but there is none" in told.err
    assert "usable" not in told.out
    options = ["--labels", str(folders / "mine"), "--attention-weight", "0", "--score-every", "1"]
    assert command(folders, "mine", *options) == 2
    assert "no image of the validation split has a human map to score against" in capsys.readouterr().err


def test_recipes_without_images_say_what_they_need(capsys):
    assert main(["train", "gala-resnet50-clickme"]) == 2
    assert "needs --labels, photographs of known categories" in capsys.readouterr().err
    assert main(["train", "gala-resnet50", "--human-maps", "x", "--maps", "y"]) == 2
    assert "--human-maps belongs to the photographs of --labels" in capsys.readouterr().err
    assert main(["train", "rendered-gala", "--labels", "x"]) == 2
    assert "learns from the collection 'rendered'" in capsys.readouterr().err
    assert SupervisedRecipe(name="a", title="b").preprocessing.input_px == (128, 128)


@pytest.mark.slow
def test_a_compiled_network_has_the_losses_and_gradients_of_the_plain_one():
    found = []
    for compiled in (False, True):
        module = SupervisedModule(initial_network(RECIPE, 2), RECIPE).train()
        if compiled:
            module.network.compile()
        pictures = TrainingDataModule(*PARTS, RECIPE)
        batch = pictures.on_after_batch_transfer(next(iter(pictures.train_dataloader())), 0)
        logits, norms = module(batch["input"])
        loss = module.category_loss(batch, logits) + attention_loss(norms, batch["map"], batch["has_map"])
        loss.backward()
        found.append((loss.item(), {key: one.grad for key, one in module.network.named_parameters()}))
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-5)
    for key, gradient in found[0][1].items():
        assert (found[1][1][key] - gradient).norm() < 1e-4 * gradient.norm() + 1e-8, key


def test_networks_of_one_recipe_have_titles_of_their_own(folders):
    (folders / "mine.toml").write_text('format = 1\nbase = "small-gala"\n')
    title = RECIPES["small-gala"].title
    assert read_recipe(str(folders / "mine.toml")).recipe.title == title
    for options, expected in (
        (["--name", "seed-2"], f"{title}, seed-2"),
        (["--name", "small-gala"], title),
        (["--name", "seed-2", "--title", "Second"], "Second"),
        ([], title),
    ):
        arguments = tyro.cli(Arguments, args=[str(folders / "mine.toml"), "--labels", "x", *options], registry=REGISTRY)
        assert arguments.read_recipe_file(arguments.recipe).recipe.title == expected
    (folders / "mine.toml").write_text('format = 1\nbase = "small-gala"\nname = "mine"\n')
    assert read_recipe(folders / "mine.toml").recipe.title == f"{title}, mine"


def test_the_progress_of_epochs_counts_from_one(monkeypatch):
    shown = []
    bar = EpochProgressBar()
    monkeypatch.setattr(TQDMProgressBar, "on_train_epoch_start", lambda *_: None)
    bar.train_progress_bar = SimpleNamespace(set_description=shown.append)
    bar.on_train_epoch_start(SimpleNamespace(current_epoch=11, max_epochs=12), None)
    assert shown == ["epoch 12 of 12"]
