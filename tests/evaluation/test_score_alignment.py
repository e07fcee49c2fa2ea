"""Likeness to people in one line: the numbers of a whole evaluation, and the same ones while a network is trained."""

from __future__ import annotations

import copy

import lightning as L
import numpy as np
import pytest
import torch
from torch import nn

import gala_viz as gv
from gala_viz.alignment import CeilingSpec
from gala_viz.collections.rendered.rendered_collection import RenderedCollection
from gala_viz.collections.rendered.rendering_spec import RenderingSpec
from gala_viz.evaluation.evaluate import evaluate
from gala_viz.evaluation.image_metrics import MEAN_OF_LAYERS
from gala_viz.evaluation.spec import EvaluationSpec
from gala_viz.networks.resnet import resnet
from gala_viz.training.batches import TrainingDataModule
from gala_viz.training.dataset import load_dataset
from gala_viz.training.epoch_log import read_epochs
from gala_viz.training.fit import fit
from gala_viz.training.supervised import SupervisedModule, initial_network
from tests.training.tiny import tiny_supervised_recipe

FRAME = gv.Preprocessing(short_px=32, crop_px=32)


@pytest.fixture(scope="module")
def collection(tmp_path_factory):
    counts = {"train": 2, "validation": 1, "test": 1}
    return RenderedCollection(RenderingSpec(side_px=64), counts=counts, folder=tmp_path_factory.mktemp("rendered"))


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(3)
    return resnet(12, attention="gala", blocks=(1, 2), base_filters=4, attention_groups=(2,)).eval()


def test_a_score_is_what_a_whole_evaluation_gives(collection, network):
    score = gv.score_alignment(network, collection, preprocessing=FRAME, split="validation")
    spec = EvaluationSpec(split="validation", smoothgrad=None, ceiling=CeilingSpec())
    whole = evaluate({"n": gv.Network(network, preprocessing=FRAME, device="cpu")}, collection, spec)
    values = whole.image_metrics["n"]
    assert score.rho.n == 12
    rho = values["rho_attention"]
    np.testing.assert_allclose(score.rho.mean, rho.sel(layer=MEAN_OF_LAYERS).mean(), rtol=1e-12)
    np.testing.assert_allclose(
        score.ceiling.mean, values["ceiling_attention"].sel(layer=MEAN_OF_LAYERS).mean(), rtol=1e-12
    )
    assert {layer: one.mean for layer, one in score.by_layer.items()} == pytest.approx(
        {layer: float(rho.sel(layer=layer).mean()) for layer in ("group2.block1", "group2.block2")}
    )
    assert score.rho.low < score.rho.mean < score.rho.high
    assert score.simulated
    assert str(score).startswith("ResNet, attention: rho ")
    assert "n = 12 images of rendered (validation, SIMULATED maps); ceiling 0." in str(score)


def test_a_score_of_few_images_has_no_interval_and_says_so(collection, network):
    score = gv.score_alignment(network, collection, preprocessing=FRAME, n_images=4)
    assert np.isfinite([score.rho.mean, score.ceiling.mean, score.fraction_of_ceiling.mean]).all()
    assert np.isnan([score.rho.low, score.rho.high, score.ceiling.low, score.fraction_of_ceiling.high]).all()
    assert "[" not in str(score)
    assert "n = 4 images of rendered (validation, SIMULATED maps, no interval below 6 images)" in str(score)


def test_a_network_without_attention_is_scored_by_smoothgrad(collection):
    plain = resnet(12, blocks=(1, 1), base_filters=4)
    score = gv.score_alignment(plain, collection, preprocessing=FRAME, n_samples=3, n_images=6)
    assert (score.maps, score.rho.n, score.by_layer) == ("smoothgrad", 6, {})
    assert plain.training
    with pytest.raises(ValueError, match="for a network with GALA layers, 'attention'; got 'attention'"):
        gv.score_alignment(plain, collection, preprocessing=FRAME, maps="attention")


def test_photographs_without_maps_are_refused(network):
    with pytest.raises(ValueError, match="photos: no image of the all split has a usable human map"):
        gv.score_alignment(network, "photos", preprocessing=FRAME, split="all", n_images=2)


def test_a_loop_of_ones_own_is_scored_every_few_epochs_and_left_alone(collection, network):
    monitor = gv.AlignmentMonitor(collection, FRAME, every=2, n_images=6)
    module = copy.deepcopy(network).train()
    before = copy.deepcopy(module.state_dict())
    scores = [monitor.score(module, epoch, last=epoch == 4) for epoch in range(5)]
    assert [score is not None for score in scores] == [False, True, False, True, True]
    assert scores[1].rho == scores[3].rho
    assert sorted(monitor.scores) == [1, 3, 4]
    assert module.training
    assert all(one.requires_grad for one in module.parameters())
    assert all(torch.equal(value, module.state_dict()[key]) for key, value in before.items())
    with pytest.raises(ValueError, match="every counts epochs from 1 on; got 0"):
        gv.AlignmentMonitor(collection, FRAME, every=0)


@pytest.mark.slow
def test_a_training_of_ours_tells_its_alignment_in_the_table_of_epochs(collection, tmp_path):
    recipe = tiny_supervised_recipe(epochs=3, batch_size=8)
    parts = [load_dataset(collection, split, recipe.preprocessing) for split in ("train", "validation")]
    module = SupervisedModule(initial_network(recipe, 12), recipe)
    monitor = gv.AlignmentMonitor(collection, recipe.preprocessing, every=2)
    told = []
    callback = gv.AlignmentCallback(monitor, told.append)
    pictures = TrainingDataModule(*parts, recipe)
    network = fit(module, pictures, tmp_path, accelerator="cpu", devices=1, quiet=True, callbacks=[callback])
    rows = read_epochs(tmp_path / "epochs.csv")
    assert [bool(row["alignment"]) for row in rows] == [False, True, True]
    assert float(rows[2]["alignment"]) == pytest.approx(monitor.scores[2].rho.mean, rel=1e-5)
    assert float(rows[2]["ceiling"]) == pytest.approx(monitor.scores[2].ceiling.mean, rel=1e-5)
    again = gv.score_alignment(network, collection, preprocessing=recipe.preprocessing)
    assert again.rho.mean == pytest.approx(monitor.scores[2].rho.mean, abs=1e-6)
    assert len(told) == 2


class Foreign(L.LightningModule):
    """Somebody's Lightning module, which is itself the network."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 12))

    def forward(self, images):
        return self.body(images)

    def training_step(self, batch, _):
        return self(batch).square().mean()

    def validation_step(self, batch, _):
        return None

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.01)


def test_a_lightning_training_of_others_logs_its_alignment(collection, tmp_path):
    images = torch.utils.data.DataLoader(torch.randn(4, 3, 32, 32), batch_size=2)
    monitor = gv.AlignmentMonitor(collection, FRAME, every=1, n_images=4, n_samples=2)
    trainer = L.Trainer(
        max_epochs=2, callbacks=[gv.AlignmentCallback(monitor)], logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False, default_root_dir=tmp_path, accelerator="cpu",
    )  # fmt: skip
    module = Foreign()
    trainer.fit(module, images, images)
    assert sorted(monitor.scores) == [0, 1]
    assert float(trainer.callback_metrics["alignment"]) == pytest.approx(monitor.scores[1].rho.mean, abs=1e-6)
