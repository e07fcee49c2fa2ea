"""One rho, whoever tells it: epochs, the card, the table of validation images, a score and ``evaluate``."""

from __future__ import annotations

import csv

import numpy as np
import pytest
import torch
from PIL import Image

import gala_viz as gv
from gala_viz.alignment import CeilingSpec
from gala_viz.alignment.resolution import area_average
from gala_viz.evaluation.evaluate import evaluate
from gala_viz.evaluation.image_metrics import MEAN_OF_LAYERS
from gala_viz.evaluation.spec import EvaluationSpec
from gala_viz.networks.network_folders import read_card
from gala_viz.training.epoch_log import read_epochs
from gala_viz.training.run import Hardware, train
from gala_viz.training.validation_metrics import attention_rho
from tests.tiers import slow
from tests.training.tiny import tiny_supervised_recipe


@pytest.fixture(scope="module")
def collection(tmp_path_factory):
    """Photographs with a smooth map each, whose tails are ties in float16 and none in float32."""
    folder = tmp_path_factory.mktemp("mine")
    rng = np.random.default_rng(4)
    y, x = np.mgrid[0:40, 0:40] + 0.5
    for split, count in (("train", 8), ("val", 7)):
        for number in range(count):
            for root in ("photographs", "maps"):
                (folder / root / split / f"c{number % 2}").mkdir(parents=True, exist_ok=True)
            name = f"{split}/c{number % 2}/{number}"
            row, column = rng.uniform(5, 35, 2)
            blob = np.exp(-((y - row) ** 2 + (x - column) ** 2) / (2 * 3.0**2)).astype(np.float32)
            photo = rng.integers(0, 90, (40, 40, 3)) + np.uint8(150 * blob)[..., None]
            Image.fromarray(photo.astype(np.uint8)).save(folder / "photographs" / f"{name}.png")
            np.save(folder / "maps" / f"{name}.npy", blob)
    return gv.open_collection(folder / "photographs", human_maps=folder / "maps")


@pytest.mark.parametrize("memory_bytes", [2**30, *slow(0)])
def test_every_number_called_rho_of_one_network_on_the_validation_images_is_the_same(
    collection, tmp_path, memory_bytes
):
    recipe = tiny_supervised_recipe(name="mine", collection="", epochs=2, input_px=32)
    hardware = Hardware(device="cpu", memory_bytes=memory_bytes, n_workers=0)
    folder = train(recipe, labels=collection, out=tmp_path / "out", runs=tmp_path / "runs", hardware=hardware)
    score = gv.score_alignment(folder, collection, split="validation")
    spec = EvaluationSpec(split="validation", smoothgrad=None, ceiling=CeilingSpec())
    network = gv.load_network(folder, device="cpu")
    rho = evaluate({"mine": network}, collection, spec).image_metrics["mine"]["rho_attention"]
    each = rho.sel(layer=MEAN_OF_LAYERS)
    assert score.rho.mean == pytest.approx(float(each.mean()), abs=1e-12)
    with (folder / "validation_images.csv").open(encoding="utf-8") as file:
        told = {row["image"]: float(row["rho"]) for row in csv.DictReader(file)}
    assert told == pytest.approx({str(image): float(each.sel(image=image)) for image in told}, abs=2e-5)
    assert read_card(folder)["selection"]["rho_attention"]["mean_of_layers"] == pytest.approx(score.rho.mean, abs=6e-5)
    assert float(read_epochs(tmp_path / "runs" / "mine" / "epochs.csv")[-1]["rho"]) == pytest.approx(
        score.rho.mean, abs=1e-5
    )


def test_rho_at_a_grid_that_does_not_divide_the_frame_is_of_exact_area_averages():
    rng = np.random.default_rng(1)
    human_map = rng.random((1, 32, 32)).astype(np.float32)
    norm = area_average(human_map, (9, 9))
    rho = attention_rho({"one": torch.from_numpy(norm)}, torch.from_numpy(human_map), torch.tensor([True]))
    assert rho.item() == pytest.approx(1.0, abs=1e-9)
