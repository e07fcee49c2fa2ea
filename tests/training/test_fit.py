import textwrap
import warnings

import numpy as np
import pandas as pd
import pytest
import torch

from gala_viz.networks.gala import attention_norm
from gala_viz.networks.network import Network
from gala_viz.networks.network_folders import read_card
from gala_viz.training.distillation import DistillationModule, initial_student
from gala_viz.training.fit import _shares_batch_norm, fit
from gala_viz.training.sources import sources_of_split
from gala_viz.training.training_card import distillation_sections, write_trained_network

from .tiny import Blobs, distillation_pictures, tiny_recipe, tiny_start
from .two_processes import run_in_two_processes

START = tiny_start()
BLOBS = Blobs()
PARTS = tuple(
    sources_of_split([("maps", BLOBS), ("labels", BLOBS), ("plain", BLOBS)], split) for split in ("train", "validation")
)


def trained(folder, recipe, **options):
    network = initial_student(recipe, START)
    pictures = distillation_pictures(recipe, *PARTS)
    module = DistillationModule(network, recipe, START)
    return fit(module, pictures, folder, accelerator="cpu", devices=1, quiet=True, **options)


def test_a_starting_network_computes_what_it_starts_from():
    photos = START.to_batch([BLOBS.photo(image) for image in BLOBS.images[:4]])
    begun = initial_student(tiny_recipe(), START).eval()
    with torch.no_grad():
        torch.testing.assert_close(begun(photos), START.logits(photos), atol=1e-5, rtol=1e-5)


def test_a_start_that_does_not_fit_is_refused():
    from torch import nn

    other = Network(nn.Sequential(nn.Conv2d(3, 4, 1), nn.Flatten()), name="other", preprocessing=START.preprocessing)
    with pytest.raises(ValueError, match=r"tiny_gala has no place for '0\.weight' of other"):
        initial_student(tiny_recipe(), other)


def test_a_resumed_training_gives_the_numbers_of_an_uninterrupted_one(tmp_path):
    recipe = tiny_recipe()
    whole = trained(tmp_path / "whole", recipe)
    trained(tmp_path / "parts", recipe, max_epochs=1)
    resumed = trained(tmp_path / "parts", recipe)
    for key, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[key]), key


@pytest.mark.parametrize(
    ("devices", "num_nodes", "shared"), [(1, 1, False), (2, 1, True), ("auto", 1, True), (1, 4, True)]
)
def test_batch_norms_count_the_images_of_all_gpus_of_all_machines(monkeypatch, devices, num_nodes, shared):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert _shares_batch_norm("gpu", devices, num_nodes) is shared
    assert not _shares_batch_norm("cpu", devices, num_nodes)


def test_a_checkpoint_of_another_recipe_is_refused(tmp_path):
    trained(tmp_path, tiny_recipe(), max_epochs=1)
    with pytest.raises(ValueError, match=r"another recipe \(attention_weight: 1.0, now 2.0\)"):
        trained(tmp_path, tiny_recipe(attention_weight=2.0))


def test_what_is_frozen_and_every_batch_norm_statistic_stays(tmp_path):
    recipe = tiny_recipe(epochs=1)
    before = initial_student(recipe, START).state_dict()
    after = trained(tmp_path, recipe).state_dict()
    changed = {key for key in before if not torch.equal(before[key], after[key])}
    assert not {key for key in changed if key.startswith("stem") or "running" in key}
    assert "conv.weight" in changed
    assert any("attention" in key for key in changed)


def test_co_training_brings_attention_closer_to_held_out_maps_than_training_without(tmp_path):
    distances = {}
    for weight in (0.0, 2.0):
        recipe = tiny_recipe(attention_weight=weight, epochs=6, per_epoch={}, gala_rate=3e-2)
        trained(tmp_path / str(weight), recipe)
        table = pd.read_csv(tmp_path / str(weight) / "log" / "version_0" / "metrics.csv")
        distances[weight] = table["distance"].dropna().iloc[-1]
    assert distances[2.0] < distances[0.0] - 0.02


def test_the_module_stays_in_eval_mode_whatever_asks():
    module = DistillationModule(initial_student(tiny_recipe(), START), tiny_recipe(), START)
    module.train()
    assert not any(part.training for part in module.modules())


def test_norms_of_the_module_are_those_of_the_blocks():
    network = initial_student(tiny_recipe(), START)
    module = DistillationModule(network, tiny_recipe(), START)
    photos = START.to_batch([BLOBS.photo(image) for image in BLOBS.images[:2]])
    with torch.no_grad():
        _, norms = module(photos)
        expected = attention_norm(torch.full((2, 12, 8, 8), tiny_recipe().gate))
    torch.testing.assert_close(norms["layer1"], expected)


def test_a_student_that_starts_as_its_teacher_agrees_with_it_on_every_crop():
    recipe = tiny_recipe(label_share=0.0)
    module = DistillationModule(initial_student(recipe, START), recipe, START)
    pictures = distillation_pictures(recipe, *PARTS)
    batch = pictures.on_after_batch_transfer(next(iter(pictures.train_dataloader())), 0)
    logits, _ = module(batch["input"])
    torch.testing.assert_close(logits, module.teacher_logits(batch), atol=1e-4, rtol=1e-4)
    assert module.category_loss(batch, logits).item() == pytest.approx(0, abs=1e-5)


def test_the_teacher_is_no_part_of_the_checkpoint_and_does_not_learn():
    module = DistillationModule(initial_student(tiny_recipe(), START), tiny_recipe(), START)
    assert all(key.startswith("network.") for key in module.state_dict())
    assert not any(parameter.requires_grad for parameter in module._teacher[0].parameters())


def test_an_outcome_tells_recipe_data_and_split_and_loads(tmp_path):
    from gala_viz.networks.zoo import load_network

    recipe = tiny_recipe()
    network = initial_student(recipe, START)
    pictures = distillation_pictures(recipe, *PARTS)
    sections = distillation_sections(START, pictures.training, pictures.validation)
    folder = write_trained_network(tmp_path, network, recipe, START.preprocessing, sections)
    card = read_card(folder)
    assert card["recipe"]["attention_weight"] == 1.0
    entries = card["data"]["collections"]
    assert [(one["name"], one["role"], one["rule"], one["seed"]) for one in entries] == [
        ("blobs", role, "hash", 0) for role in ("maps", "labels", "plain")
    ]
    assert [one["n_train"] for one in entries] == [len(source.images) for source in PARTS[0]]
    loaded = load_network(folder, device="cpu")
    photos = START.to_batch([BLOBS.photo("blob000")])
    with torch.no_grad():
        expected = network.eval()(photos)
        torch.testing.assert_close(loaded.logits(photos), expected, atol=2e-3, rtol=2e-3)


@pytest.mark.slow
def test_two_processes_train_what_one_would_within_rounding(tmp_path):
    """Two ranks with half the batch each take the steps of one rank with the whole batch."""
    program = textwrap.dedent(
        """
        import sys
        from pathlib import Path
        from tests.training.test_fit import PARTS, START
        from tests.training.tiny import distillation_pictures, tiny_recipe
        from safetensors.torch import save_file
        import torch.distributed as dist
        out = Path(sys.argv[1])
        recipe = tiny_recipe(epochs=2, batch_size=8, per_epoch={"maps": 16, "labels": 16, "plain": 16},
                             attention_weight=0.5)
        from gala_viz.training.distillation import DistillationModule, initial_student
        from gala_viz.training.fit import fit
        module = DistillationModule(initial_student(recipe, START), recipe, START)
        pictures = distillation_pictures(recipe, *PARTS)
        network = fit(module, pictures, out / "run", accelerator="cpu", devices=2, quiet=True)
        if pictures.trainer.is_global_zero:
            save_file({key: value.contiguous() for key, value in network.state_dict().items()}, out / "two.safetensors")
        """
    )
    run_in_two_processes(program, tmp_path)
    from safetensors.torch import load_file

    two = load_file(tmp_path / "two.safetensors")
    recipe = tiny_recipe(
        epochs=2, batch_size=8, per_epoch={"maps": 16, "labels": 16, "plain": 16}, attention_weight=0.5
    )
    one = trained(tmp_path / "one", recipe).state_dict()
    for key, value in one.items():
        np.testing.assert_allclose(two[key].numpy(), value.numpy(), atol=2e-4, err_msg=key)
    logs = [
        np.genfromtxt(tmp_path / run / "log" / "version_0" / "metrics.csv", delimiter=",", names=True)
        for run in ("run", "one")
    ]
    for name in ("accuracy", "distance", "rho", "agreement"):
        means = [log[name][~np.isnan(log[name])] for log in logs]
        np.testing.assert_allclose(*means, atol=2e-4, err_msg=name)
        assert len(means[0]) == 2


def test_a_network_that_is_meant_to_stay_in_eval_mode_is_not_warned_of(tmp_path):
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        trained(tmp_path, tiny_recipe(), max_epochs=1)
    assert [str(one.message) for one in told if "in eval mode" in str(one.message)] == []
