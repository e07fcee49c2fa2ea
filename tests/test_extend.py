"""The examples of docs/extend.md do what they say, as they stand there."""

from __future__ import annotations

import re
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import xarray as xr
from PIL import Image
from scipy.stats import pearsonr
from torch import nn

import gala_viz as gv
from gala_viz.attribution.methods import METHODS
from gala_viz.attribution.packing import map_states
from gala_viz.collections.open import COLLECTIONS
from gala_viz.networks.frozen_eval import frozen_eval


@pytest.fixture(scope="module")
def examples(repository):
    text = (repository / "docs" / "extend.md").read_text(encoding="utf-8")
    return re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


@pytest.fixture
def run(examples):
    """Run example ``number``; what it registered is taken away afterwards."""
    before = [(registry, set(registry)) for registry in (METHODS, COLLECTIONS)]

    def run(number: int) -> SimpleNamespace:
        names = {"__name__": f"example_{number}"}
        exec(compile(examples[number], f"docs/extend.md, example {number}", "exec", dont_inherit=True), names)
        return SimpleNamespace(**names)

    yield run
    for registry, names in before:
        for name in set(registry) - names:
            del registry._entries[name]


class Tiny:
    """Two logits of a small image."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.module = nn.Sequential(
            nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)
        )
        self.device = torch.device("cpu")

    def computing(self):
        return frozen_eval(self.module)

    def logits(self, batch: torch.Tensor) -> torch.Tensor:
        return self.module(batch)


def test_there_are_three_examples(examples):
    assert len(examples) == 3


def test_the_method_tells_how_much_the_logit_falls_when_a_square_is_filled(run):
    example, network = run(0), Tiny()
    image = np.random.default_rng(0).normal(size=(3, 20, 30)).astype(np.float32)
    method = METHODS["feature_ablation"](network, example.FeatureAblationSpec(square_px=8))
    (state,) = map_states(method, image, image="a", target=1)
    assert state.mean.shape == (1, 20, 30)
    filled = image.copy()
    filled[:, 8:16, 16:24] = 0
    with torch.no_grad():
        fall = network.logits(torch.from_numpy(image[None])) - network.logits(torch.from_numpy(filled[None]))
    assert state.mean[0, 8:16, 16:24] == pytest.approx(fall[0, 1].item(), abs=1e-6)


def test_the_metric_is_scipys_with_nan_left_out_and_constant_maps_unknown(run):
    pearson, rng = run(1).pearson, np.random.default_rng(0)
    a, b = (xr.DataArray(rng.normal(size=(3, 7, 9)), dims=("image", "y", "x")) for _ in range(2))
    assert pearson(a, b).values == pytest.approx([pearsonr(*pair).statistic for pair in zip(
        a.values.reshape(3, -1), b.values.reshape(3, -1), strict=True)])  # fmt: skip
    holes = a.where(a > -1)
    known = holes.values[0] > -1
    assert pearson(holes, b).values[0] == pytest.approx(pearsonr(a.values[0][known], b.values[0][known]).statistic)
    assert np.isnan(pearson(xr.zeros_like(a), b)).all()


def test_the_reader_opens_a_list_by_its_name(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "zoo").mkdir()
    Image.new("RGB", (8, 6), "red").save(tmp_path / "zoo" / "a.png")
    (tmp_path / "zoo" / "list.csv").write_text("file,label,split\na.png,otter,test\n")
    example = run(2)
    zoo = gv.open_collection("zoo")
    assert (zoo.images, zoo.category("a.png"), zoo.split("a.png")) == (("a.png",), "otter", "test")
    assert zoo.photo("a.png").shape == (6, 8, 3)
    (tmp_path / "zoo" / "list.csv").write_text("file,label,split\n../a.png,otter,test\n")
    with pytest.raises(ValueError, match="lies outside of"):
        example.ListedCollection(tmp_path / "zoo" / "list.csv")
