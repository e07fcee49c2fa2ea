"""Recipes of the documentation give the numbers of ``gala-viz evaluate``, of a store and of a page."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import gala_viz as gv
from gala_viz.cli import main
from gala_viz.collections import open_collection
from gala_viz.collections.rendered.rendered_collection import RenderedCollection
from gala_viz.collections.rendered.rendering_spec import RenderingSpec
from gala_viz.commands.evaluate import Arguments
from gala_viz.engine.measurement import measure
from gala_viz.engine.results.delta import delta
from gala_viz.evaluation.evaluate import evaluate
from gala_viz.evaluation.evaluation import Evaluation
from gala_viz.evaluation.image_metrics import MEAN_OF_LAYERS
from gala_viz.evaluation.metrics import MetricKey
from gala_viz.evaluation.network_results import network_results
from gala_viz.evaluation.spec import EvaluationSpec
from gala_viz.live import LiveMaps
from gala_viz.live.compute_scheduler import ComputeScheduler
from gala_viz.networks.frames import common_frame
from gala_viz.networks.resnet import resnet
from gala_viz.specs import MapRequest
from tests.batch import lab
from tests.collections.test_osie import write_compact
from tests.tiers import slow
from tests.training.tiny import PREPROCESSING, tiny_gala

BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PAIR = ("lite0-gala-vanilla", "lite0-gala-human")


def recipe(repository: Path, page: str, containing: str) -> str:
    """The one block of Python of a page that contains a text."""
    (block,) = [one for one in BLOCK.findall((repository / page).read_text(encoding="utf-8")) if containing in one]
    return block


def run(code: str, names: dict[str, Any] | None = None) -> dict[str, Any]:
    names = {} if names is None else names
    exec(compile(code, "recipe", "exec"), names)
    return names


def small(name: str, seed: int, short_px: int) -> gv.Network:
    torch.manual_seed(seed)
    seen = replace(PREPROCESSING, short_px=short_px)
    return gv.Network(tiny_gala(), name=name, preprocessing=seen, device="cpu")


@pytest.fixture(params=["two frames", *slow("one frame")])
def at_home(request, tmp_path, monkeypatch):
    """OSIE's layout in the home folder, its pictures for the photographs that ship, and small networks for the pair."""
    monkeypatch.setenv("HOME", str(tmp_path))
    osie = write_compact(tmp_path / "osie")
    short_px = (40, 40 if request.param == "one frame" else 34)
    networks = [small(name, seed, px) for seed, (name, px) in enumerate(zip(PAIR, short_px, strict=True))]
    chosen = {network.name: network for network in networks}
    photos = gv.Images(sorted((osie / "stimuli").glob("*.jpg")))
    monkeypatch.setattr(gv, "open_collection", lambda name: photos if name == "photos" else open_collection(name))
    monkeypatch.setattr(gv, "load_network", lambda name: chosen[name])
    return networks


def begun(repository: Path) -> dict[str, Any]:
    """The names of the first recipe of the page on maps, without its maps: its other recipes go on from them."""
    return run(recipe(repository, "docs/tasks/maps.md", 'normalise="percentile"').split("a = gv.smoothgrad")[0])


def evaluated(networks: list[gv.Network], collection: Any, spec: Any) -> Evaluation:
    asked = EvaluationSpec(split="all", smoothgrad=spec, n_resamples=100)
    return evaluate({network.name: network for network in networks}, collection, asked)


def test_the_recipe_beside_people_gives_the_numbers_of_evaluate(repository, at_home):
    names = run(recipe(repository, "docs/tasks/maps.md", "people.scores"), begun(repository))
    found = evaluated(at_home, names["osie"], names["spec"])
    (asked,) = re.findall(
        r"--samples (\d+) --noise ([\d.]+)", (repository / "docs/tasks/maps.md").read_text(encoding="utf-8")
    )
    assert (int(asked[0]), float(asked[1])) == (names["spec"].n_samples, names["spec"].noise_fraction)
    values = found.image_metrics[PAIR[1]].sel(image=names["image"])
    assert float(names["scores"]["rho"]) == pytest.approx(float(values["rho_smoothgrad"]), abs=1e-6)
    assert names["ceiling"] == pytest.approx(float(values["ceiling_smoothgrad"]), abs=1e-9)
    floors = values["floor_smoothgrad"]
    for partner in floors["partner"].values.tolist():
        expected = float(floors.sel(partner=partner).mean("other"))
        assert float(names["scores"][f"floor_{partner}"]) == pytest.approx(expected, abs=1e-6, nan_ok=True)
    known = [names["ceiling"], float(names["scores"]["rho"]), float(names["scores"]["floor_different"])]
    assert np.isfinite(known).all()


def test_a_ceiling_of_uncut_maps_is_another_number_so_the_comparison_can_fail(repository, at_home):
    names = run(recipe(repository, "docs/tasks/maps.md", "people.scores"), begun(repository))
    whole = names["osie"].participant_maps(names["image"])
    uncut = gv.noise_ceiling({names["image"]: gv.alignment.to_resolution(whole, 56)}).rho
    assert abs(uncut - names["ceiling"]) > 1e-3


def test_the_recipe_of_a_delta_is_of_the_maps_that_evaluate_compares(repository, at_home):
    names = run(recipe(repository, "docs/tasks/maps.md", "people.scores"), begun(repository))
    names = run(recipe(repository, "docs/tasks/maps.md", "people.cut("), names)
    frame = common_frame([network.preprocessing for network in at_home])
    spec = EvaluationSpec(smoothgrad=names["spec"])
    maps = [
        network_results(network, names["osie"], [names["image"]], spec, frame=frame).smoothgrad[0]
        for network in at_home
    ]
    np.testing.assert_allclose(names["difference"], delta(*maps), atol=1e-6)
    assert names["human_map"].shape == (56, 56)


@pytest.mark.parametrize("at_home", ["two frames"], indirect=True)
def test_the_recipe_of_two_networks_refuses_those_that_cut_differently(repository, at_home):
    with pytest.raises(ValueError, match="two maps of one frame were expected"):
        run(recipe(repository, "docs/tasks/maps.md", 'normalise="percentile"'))


@pytest.mark.parametrize("at_home", ["one frame"], indirect=True)
@pytest.mark.parametrize("page", ["docs/tasks/maps.md", "README.md"])
def test_the_recipe_of_two_networks_gives_the_delta_of_one_measurement(repository, at_home, page):
    names = run(recipe(repository, page, 'normalise="percentile"'))
    maps = [
        measure(network, names["photos"], names["photos"].images, {"smoothgrad": names["spec"]}).maps["smoothgrad"]
        for network in at_home
    ]
    np.testing.assert_allclose(names["a"], maps[0]["map"], rtol=1e-5, atol=1e-9)
    np.testing.assert_allclose(names["delta"], delta(maps[0]["map"].values, maps[1]["map"].values), atol=1e-6)


@pytest.mark.parametrize("at_home", ["one frame"], indirect=True)
def test_the_recipe_of_a_delta_with_its_error_gives_those_of_a_page(repository, at_home):
    names = run(recipe(repository, "docs/tasks/maps.md", "return_groups=True"), begun(repository))
    page = LiveMaps(names["photos"], at_home, scheduler=ComputeScheduler(0))
    request = MapRequest(smoothgrad=names["spec"], target="own")
    for image in names["some"][:2]:
        update = list(page.maps(image, request, lambda: False))[-1]
        np.testing.assert_allclose(names["delta"]["delta"].sel(image=image), update.delta, atol=1e-6)
        error = names["delta"]["standard_error"].sel(image=image).values
        np.testing.assert_allclose(update.delta_error, error, rtol=0.02, atol=1e-3 * error.max())
    assert names["error"].sizes["image"] == names["sure"].sizes["image"] == len(names["some"])


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    counts = {"train": 2, "validation": 2, "test": 1}
    return RenderedCollection(RenderingSpec(side_px=64), counts=counts, folder=tmp_path_factory.mktemp("rendered"))


def same_as_the_command(score: Any, network: gv.Network, collection: Any, **options: Any) -> None:
    """What ``gala-viz evaluate`` with these options gives of a network, interval for interval."""
    asked = Arguments(collection="c", networks=(), out=Path("o"), split="validation", people_resamples=0, **options)
    found = evaluate({network.name: network}, collection, replace(asked.evaluation_spec([network]), smoothgrad=None))
    numbers = {one.key: one.interval for one in found.estimates if one.who == network.name}
    for own, metric in ((score.rho, "rho_attention"), (score.fraction_of_ceiling, "fraction_of_ceiling_attention")):
        of_command = numbers[MetricKey(metric, MEAN_OF_LAYERS)]
        assert own.n == of_command.n
        assert (own.mean, own.low, own.high) == pytest.approx(
            (of_command.mean, of_command.low, of_command.high), abs=1e-6
        )
    ceiling = found.image_metrics[network.name]["ceiling_attention"].sel(layer=MEAN_OF_LAYERS)
    assert score.ceiling.mean == pytest.approx(float(ceiling.mean()), abs=1e-9)


def recorded(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The scores that recipes print."""
    scores: list[Any] = []
    real = gv.score_alignment
    monkeypatch.setattr(gv, "score_alignment", lambda *of, **more: scores.append(real(*of, **more)) or scores[-1])
    return scores


def test_the_recipe_of_a_score_gives_the_numbers_of_evaluate(repository, rendered, monkeypatch, capsys):
    torch.manual_seed(3)
    module = resnet(12, attention="gala", blocks=(1, 2), base_filters=4, attention_groups=(2,))
    network = gv.Network(module, name="rendered-gala-clickme", preprocessing=gv.Preprocessing(short_px=32, crop_px=32))
    monkeypatch.setattr("gala_viz.evaluation.score_alignment.open_collection", {"rendered": rendered}.get)
    monkeypatch.setattr("gala_viz.evaluation.score_alignment.load_network", {network.name: network}.get)
    monkeypatch.setattr(gv, "open_collection", {"rendered": rendered}.get)
    scores = recorded(monkeypatch)
    names = run(recipe(repository, "docs/tasks/train.md", "gv.score_alignment"))
    assert capsys.readouterr().out.startswith("rendered-gala-clickme, attention: rho ")
    same_as_the_command(scores[0], network, rendered, images=12)
    seen = names["monitor"].preprocessing
    again = names["monitor"].score(network.module, 4)
    same_as_the_command(again, gv.Network(module, name="epoch 5", preprocessing=seen), rendered, images=12)


def test_the_recipe_of_a_training_by_hand_gives_the_numbers_of_evaluate(repository, rendered, tmp_path, monkeypatch):
    (folder,) = lab.networks(tmp_path, names=("gala",))
    monkeypatch.setattr("gala_viz.training.run.train", lambda asked, labels: folder)
    monkeypatch.setattr(gv, "open_collection", lambda photographs, human_maps: rendered)
    scores = recorded(monkeypatch)
    run(recipe(repository, "docs/tasks/train_own.md", "gv.score_alignment"))
    same_as_the_command(scores[0], gv.load_network(folder), rendered)


@pytest.mark.slow
def test_the_scores_of_a_store_are_the_numbers_of_evaluate(repository, tmp_path, monkeypatch):
    photos, maps = lab.photographs(tmp_path, count=4)
    folders = lab.networks(tmp_path, names=("plain", PAIR[1]))
    monkeypatch.chdir(tmp_path)
    asked = ["attribute", "--collection", photos, "--human-maps", maps, "--networks", *folders, "--store", "maps.zarr"]
    assert main([str(one) for one in [*asked, "--samples", 3, "--workers", 0, "--device", "cpu"]]) == 0
    names = run(recipe(repository, "docs/tasks/stores.md", "gv.open_store"))
    collection = open_collection(photos, human_maps=maps)
    networks = [gv.load_network(folder, "cpu") for folder in folders]
    found = evaluated(networks, collection, gv.SmoothGradSpec(n_samples=3))
    scores = names["tree"]["scores"]
    for network in networks:
        values = found.image_metrics[network.name].reindex(image=scores["image"].values)
        one = scores.sel(network=network.name)
        np.testing.assert_allclose(np.squeeze(one["rho"]), values["rho_smoothgrad"], atol=1e-6)
        np.testing.assert_allclose(np.squeeze(one["ceiling"]), values["ceiling_smoothgrad"], atol=1e-6)
