"""The script of docs/tasks/script.md does what its page says, as it stands there, on a small collection."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from PIL import Image


@pytest.fixture
def folder(tmp_path):
    """Three photographs with maps of four people each, as a collection."""
    from gala_viz.cli import main

    rng = np.random.default_rng(0)
    y, x = np.mgrid[:64, :64]
    for place in ("photos", "maps"):
        (tmp_path / place).mkdir()
    for number in range(3):
        Image.fromarray(rng.integers(0, 255, (64, 64, 3), dtype=np.uint8)).save(tmp_path / "photos" / f"{number}.png")
        centre = rng.uniform(20, 44, (4, 2))
        maps = np.stack([np.exp(-((y - a) ** 2 + (x - b) ** 2) / 200) for a, b in centre]).astype(np.float32)
        np.savez(tmp_path / "maps" / f"{number}.npz", maps=maps, participants=np.array(list("abcd")))
    arguments = ["--photos", str(tmp_path / "photos"), "--into", str(tmp_path / "mine"), "--quiet"]
    assert main(["import", "maps", str(tmp_path / "maps"), *arguments]) == 0
    return tmp_path / "mine"


def test_the_script_runs_as_it_stands_and_is_shorter_than_25_lines(repository, folder, tmp_path, monkeypatch):
    text = (repository / "docs" / "tasks" / "script.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert len([line for line in block.splitlines() if line.strip()]) < 25
    settings, rest = block.split("\n\n", 1)
    assert re.fullmatch(r'folder, n_images, n_samples = "~/osie", 200, 50\nnames = \[.*\]', settings)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "agg")
    names = {"folder": folder, "n_images": 2, "n_samples": 3, "names": ["rendered-gala", "rendered-resnet"]}
    exec(compile(rest, "docs/tasks/script.md", "exec", dont_inherit=True), names)
    table = pd.read_csv("rho.csv")
    assert set(table["network"]) == {"rendered-gala", "rendered-resnet"}
    assert set(table["image"].astype(str)) == set(map(str, names["images"]))
    assert len(names["images"]) == 2
    assert set(table.loc[table["network"] == "rendered-resnet", "map"]) == {"smoothgrad"}
    assert len(set(table.loc[table["network"] == "rendered-gala", "map"])) > 1
    assert table[["rho", "ceiling"]].notna().all().all()
    assert table[["rho", "ceiling"]].abs().to_numpy().max() <= 1
    assert (tmp_path / "rho.png").stat().st_size > 5000
