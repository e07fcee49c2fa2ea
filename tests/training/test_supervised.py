import math
import signal
import textwrap
from dataclasses import replace

import numpy as np
import pytest
import torch
from lightning.pytorch.callbacks import Callback

from gala_viz.networks.activation_hooks import record_activations
from gala_viz.networks.gala import gala_layers
from gala_viz.networks.network_folders import read_card
from gala_viz.networks.zoo import load_network
from gala_viz.training.batches import TrainingDataModule, validation_batches
from gala_viz.training.checkpoints import INTERRUPTED_CHECKPOINT, LAST_CHECKPOINT
from gala_viz.training.dataset import load_dataset
from gala_viz.training.fit import fit
from gala_viz.training.optimisation import learning_rate_factor
from gala_viz.training.recipes import RECIPES
from gala_viz.training.supervised import SupervisedModule, initial_network
from gala_viz.training.training_card import supervised_sections, write_trained_network
from gala_viz.training.validation_metrics import attention_rho, validation_metrics

from .tiny import Lamps, tiny_supervised_recipe
from .two_processes import run_in_two_processes

LAMPS = Lamps()
RECIPE = tiny_supervised_recipe()
PARTS = tuple(load_dataset(LAMPS, split, RECIPE.preprocessing) for split in ("train", "validation"))
RENDERED = [name for name in RECIPES if name.startswith("rendered-")]


def trained(folder, recipe, parts=PARTS, **options):
    module = SupervisedModule(initial_network(recipe, 2), recipe)
    pictures = TrainingDataModule(*parts, recipe)
    return fit(module, pictures, folder, accelerator="cpu", devices=1, quiet=True, **options)


def same_weights(one, other):
    for key, value in one.state_dict().items():
        assert torch.equal(value, other.state_dict()[key]), key


def numbers_of(network):
    return validation_metrics(network, validation_batches(PARTS[1], RECIPE))


class PressCtrlC(Callback):
    """Sends SIGINT to this process while batch ``batch`` of epoch ``epoch`` is computed."""

    def __init__(self, epoch, batch):
        self.when = epoch, batch

    def on_train_batch_start(self, trainer, module, batch, batch_idx):
        if (trainer.current_epoch, batch_idx) == self.when:
            signal.raise_signal(signal.SIGINT)


def test_a_tiny_network_learns_two_categories_and_where_the_lamp_is(tmp_path):
    recipe = tiny_supervised_recipe(epochs=12, attention_weight=2.0)
    before = numbers_of(initial_network(recipe, 2))
    after = numbers_of(trained(tmp_path, recipe))
    assert after["accuracy"] >= 0.9
    assert after["rho_attention"]["mean_of_layers"] > before["rho_attention"]["mean_of_layers"] + 0.2


def test_with_lambda_zero_maps_make_no_difference(tmp_path):
    recipe = tiny_supervised_recipe(attention_weight=0.0, epochs=1)
    without = tuple(
        load_dataset(Lamps(with_maps=False), split, recipe.preprocessing) for split in ("train", "validation")
    )
    same_weights(trained(tmp_path / "a", recipe), trained(tmp_path / "b", recipe, parts=without))


def test_images_without_maps_learn_from_labels_alone_at_any_lambda(tmp_path):
    recipe = tiny_supervised_recipe(epochs=1)
    without = tuple(
        load_dataset(Lamps(with_maps=False), split, recipe.preprocessing) for split in ("train", "validation")
    )
    with_lambda = trained(tmp_path / "a", recipe, parts=without)
    none = trained(tmp_path / "b", replace(recipe, attention_weight=0.0), parts=without)
    for key, value in none.state_dict().items():
        torch.testing.assert_close(value, with_lambda.state_dict()[key], atol=1e-6, rtol=1e-6)


def test_a_resumed_training_gives_the_numbers_of_an_uninterrupted_one(tmp_path):
    whole = trained(tmp_path / "whole", RECIPE)
    trained(tmp_path / "parts", RECIPE, max_epochs=1)
    same_weights(whole, trained(tmp_path / "parts", RECIPE))


class PowerCut(Callback):
    """Fails in the second epoch."""

    def on_train_batch_start(self, trainer, module, batch, batch_idx):
        if trainer.current_epoch == 1:
            raise RuntimeError("power cut")


def test_after_a_failure_a_training_goes_on_from_its_last_finished_epoch(tmp_path):
    whole = trained(tmp_path / "whole", RECIPE)
    with pytest.raises(RuntimeError, match="power cut"):
        trained(tmp_path / "parts", RECIPE, callbacks=[PowerCut()])
    assert {path.name for path in (tmp_path / "parts").glob("*.ckpt*")} == {LAST_CHECKPOINT}
    same_weights(whole, trained(tmp_path / "parts", RECIPE))


@pytest.mark.parametrize(("epoch", "batch"), [(0, 2), (1, 0), (1, 7), (0, 11), (RECIPE.epochs - 1, 11)])
def test_ctrl_c_keeps_the_present_step_and_going_on_from_it_is_exact(tmp_path, epoch, batch):
    whole = trained(tmp_path / "whole", RECIPE)
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path / "parts", RECIPE, callbacks=[PressCtrlC(epoch, batch)])
    last_step = batch == 11
    assert (tmp_path / "parts" / INTERRUPTED_CHECKPOINT).is_file() == (not last_step)
    assert (tmp_path / "parts" / LAST_CHECKPOINT).is_file() == (epoch > 0 or last_step)
    same_weights(whole, trained(tmp_path / "parts", RECIPE))
    assert not (tmp_path / "parts" / INTERRUPTED_CHECKPOINT).exists()


def test_a_schedulers_sigterm_is_heard_like_ctrl_c(tmp_path):
    class Terminate(Callback):
        def on_train_batch_start(self, trainer, module, batch, batch_idx):
            if batch_idx == 3:
                signal.raise_signal(signal.SIGTERM)

    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path, RECIPE, callbacks=[Terminate()])
    assert (tmp_path / INTERRUPTED_CHECKPOINT).is_file()


def test_a_restart_forgets_earlier_checkpoints(tmp_path):
    trained(tmp_path / "a", RECIPE, max_epochs=1)
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path / "a", RECIPE, callbacks=[PressCtrlC(0, 1)], resume=False)
    assert {path.name for path in (tmp_path / "a").glob("*.ckpt")} == {INTERRUPTED_CHECKPOINT}


def test_ctrl_c_is_as_it_was_after_a_training(tmp_path):
    before = signal.getsignal(signal.SIGINT)
    trained(tmp_path / "a", RECIPE, max_epochs=1)
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path / "b", RECIPE, callbacks=[PressCtrlC(0, 1)])
    assert signal.getsignal(signal.SIGINT) is before


def test_in_bfloat16_attention_norms_and_losses_stay_float32(tmp_path):
    network = trained(tmp_path, tiny_supervised_recipe(epochs=4), precision="bf16-mixed")
    assert all(value.dtype != torch.bfloat16 for value in network.state_dict().values())
    assert numbers_of(network)["accuracy"] > 0.6
    module = SupervisedModule(network, RECIPE)
    with torch.autocast("cpu", torch.bfloat16):
        logits, norms = module(torch.randn(2, 3, 32, 32))
    assert {logits.dtype, *(norm.dtype for norm in norms.values())} == {torch.float32}


def test_a_training_is_logged_for_tensorboard_and_as_a_table(tmp_path):
    trained(tmp_path, RECIPE, max_epochs=1)
    assert list((tmp_path / "tensorboard").glob("events.out.tfevents.*"))
    header = (tmp_path / "log" / "version_0" / "metrics.csv").read_text().splitlines()[0]
    assert {"accuracy", "rho", "distance", "loss"} <= set(header.split(","))


def test_networks_that_differ_in_attention_alone_start_with_the_same_body():
    recipes = {name: RECIPES[name] for name in RENDERED}
    networks = {name: initial_network(recipe, 12) for name, recipe in recipes.items()}
    body = networks["rendered-resnet"].state_dict()
    for network in networks.values():
        state = network.state_dict()
        assert all(torch.equal(state[key], value) for key, value in body.items())
    same_weights(networks["rendered-gala"], networks["rendered-gala-clickme"])


def test_the_rendered_recipes_differ_in_attention_and_maps_alone():
    plain = [replace(RECIPES[name], name="one", title="", attention_weight=0.0, arguments={}) for name in RENDERED]
    bodies = [{key: value for key, value in RECIPES[name].arguments.items() if key != "attention"} for name in RENDERED]
    assert len(RENDERED) == 4
    assert all(recipe == plain[0] for recipe in plain)
    assert all(body == bodies[0] for body in bodies)


def test_the_rendered_networks_attend_on_16_by_16_positions_and_are_small():
    network = initial_network(RECIPES["rendered-gala-clickme"], 12).eval()
    assert sum(parameter.numel() for parameter in network.parameters()) <= 3e6
    with record_activations() as record, torch.no_grad():
        network(torch.randn(1, 3, 128, 128))
    assert [tuple(record[block].shape[2:]) for block in gala_layers(network).values()] == [(16, 16)] * 6


@pytest.mark.parametrize("gate", [None, 0.5])
def test_gradients_flow_through_young_gala_blocks(gate):
    """Every parameter of the body has a gradient within a factor of 50 of that of the same body without GALA."""
    recipes = {name: replace(RECIPES[name], gate=gate) for name in ("rendered-resnet", "rendered-gala")}
    chance = torch.Generator().manual_seed(1)
    images, labels = torch.randn(8, 3, 64, 64, generator=chance), torch.arange(8)
    strength = {}
    for name, recipe in recipes.items():
        network = initial_network(recipe, 12).train()
        optimiser = torch.optim.SGD(network.parameters(), lr=0.01)
        for _ in range(3):
            optimiser.zero_grad()
            torch.nn.functional.cross_entropy(network(images), labels).backward()
            optimiser.step()
        strength[name] = {key: p.grad.norm().item() for key, p in network.named_parameters()}
    assert all(value > 0 for value in strength["rendered-gala"].values())
    ratios = [math.log(strength["rendered-gala"][key] / value) for key, value in strength["rendered-resnet"].items()]
    assert max(map(abs, ratios)) < math.log(50)


def test_lambda_without_gala_is_refused():
    recipe = replace(RECIPES["rendered-se"], attention_weight=1.0)
    with pytest.raises(ValueError, match=r"rendered-se: attention_weight .lambda. is 1.0, but the network has no GALA"):
        SupervisedModule(initial_network(recipe, 12), recipe)


def test_recipes_say_what_their_shares_may_be():
    with pytest.raises(ValueError, match="smallest_share is a share of the photograph's side"):
        tiny_supervised_recipe(smallest_share=0.0)
    with pytest.raises(ValueError, match=r"contrast is a share from 0 to below 1; got 1\.5"):
        tiny_supervised_recipe(contrast=1.5)


def test_biases_and_gains_do_not_decay():
    module = SupervisedModule(initial_network(RECIPE, 2), RECIPE)
    decaying, spared = module.parameter_groups()
    assert all(parameter.ndim >= 2 for parameter in decaying["params"])
    assert spared["weight_decay"] == 0
    assert len(decaying["params"]) + len(spared["params"]) == len(list(module.network.parameters()))


def test_the_rate_rises_and_falls_to_zero():
    shares = [learning_rate_factor(step, 100, 10) for step in range(101)]
    assert shares[0] > 0
    assert shares[10] == 1.0
    assert shares[100] == pytest.approx(0)
    assert np.argmax(shares) == 10
    assert learning_rate_factor(0, 10, 0) == 1.0


def test_rho_is_one_where_attention_is_the_map_and_zero_where_it_is_flat():
    maps = torch.rand(3, 8, 8, generator=torch.Generator().manual_seed(0))
    grid = torch.nn.functional.adaptive_avg_pool2d(maps[:, None], 4)[:, 0]
    rho = attention_rho({"same": grid, "flat": torch.ones(3, 4, 4)}, maps, torch.tensor([True, False, True]))
    np.testing.assert_allclose(rho, [[1, 1], [0, 0]])


def test_an_outcome_from_scratch_tells_categories_data_and_selection_and_loads(tmp_path):
    network = trained(tmp_path / "run", RECIPE, max_epochs=1)
    sections = supervised_sections(RECIPE, LAMPS.categories, *PARTS, numbers_of(network))
    folder = write_trained_network(tmp_path, network, RECIPE, RECIPE.preprocessing, sections)
    card = read_card(folder)
    assert card["categories"]["names"] == ["red", "green"]
    assert card["data"]["collections"][0]["n_train"] == 48
    assert card["data"]["collections"][0]["maps"] == "simulated ClickMe maps"
    assert card["data"]["collections"][0]["maps_are"] == "Where the lamp is."
    assert card["network"]["licence"] == "not given"
    assert card["network"]["start"] == "random weights, seed 0"
    assert card["selection"]["n_labelled"] == card["selection"]["n_with_maps"] == 16
    assert set(card["selection"]["rho_attention"]) == {"group2.block1", "group2.block2", "mean_of_layers"}
    loaded = load_network(folder, device="cpu")
    assert loaded.categories == ("red", "green")
    photos = loaded.to_batch([LAMPS.photo("validation-000")])
    with torch.no_grad():
        torch.testing.assert_close(loaded.logits(photos), network(photos), atol=5e-3, rtol=5e-3)


def test_an_outcome_without_gala_mentions_no_maps(tmp_path):
    recipe = tiny_supervised_recipe(attention_weight=0.0, arguments={"blocks": (1,), "base_filters": 4})
    network = initial_network(recipe, 2)
    parts = [load_dataset(LAMPS, split, RECIPE.preprocessing, with_maps=False) for split in ("train", "validation")]
    sections = supervised_sections(recipe, LAMPS.categories, *parts, numbers_of(network))
    assert "maps" not in sections["selection"]
    assert "maps" not in sections["data"]["collections"][0]


@pytest.mark.slow
def test_two_processes_stay_alike_and_learn(tmp_path):
    program = textwrap.dedent(
        """
        import sys
        from pathlib import Path
        import torch
        from tests.training.test_supervised import PARTS
        from tests.training.tiny import tiny_supervised_recipe
        from gala_viz.training.batches import TrainingDataModule
        from gala_viz.training.fit import fit
        from gala_viz.training.supervised import SupervisedModule, initial_network
        out = Path(sys.argv[1])
        recipe = tiny_supervised_recipe(epochs=6)
        pictures = TrainingDataModule(*PARTS, recipe)
        module = SupervisedModule(initial_network(recipe, 2), recipe)
        network = fit(module, pictures, out / "run", accelerator="cpu", devices=2, quiet=True)
        torch.save(dict(network.named_parameters()), out / f"{pictures.trainer.global_rank}.pt")
        """
    )
    run_in_two_processes(program, tmp_path)
    one, other = (torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in range(2))
    for key, value in one.items():
        assert torch.equal(value, other[key]), key
    metrics = (tmp_path / "run" / "log" / "version_0" / "metrics.csv").read_text().splitlines()
    accuracy = metrics[0].split(",").index("accuracy")
    reached = [float(row.split(",")[accuracy]) for row in metrics[1:] if row.split(",")[accuracy]]
    assert reached[-1] > 0.7
