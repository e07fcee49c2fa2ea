"""The page "Train on your own photographs" is run as it stands: its Python, its commands, and the comparison."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import textwrap
import time
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import tyro

from gala_viz.cli import COMMANDS
from gala_viz.collections.clickme.writers import ClickMeRecord, write_tfrecords
from gala_viz.commands.helptext import REGISTRY
from gala_viz.networks.network_folders import read_card
from tests.browser.conftest import free_port, wait_for_server

BLOCK = re.compile(r"^```(python|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(repository: Path) -> list[tuple[str, str]]:
    """The page's blocks that are meant to be run, in their order: (kind, content)."""
    page = (repository / "docs" / "tasks" / "train_own.md").read_text(encoding="utf-8")
    found = [(kind, content.strip()) for kind, content in BLOCK.findall(page)]
    assert [kind for kind, _ in found] == ["python", "text", "text", "text", "text", "python"]
    return found


def records(folder: Path) -> None:
    """ClickMe TFRecords of noise with a marked corner, of five categories."""
    folder.mkdir()
    for split, count in (("train", 30), ("val", 10)):
        rng = np.random.default_rng(len(split))
        rows = []
        for number in range(count):
            heat = np.zeros((64, 64), np.float32)
            heat[:20, number % 5 * 12 : number % 5 * 12 + 12] = 1
            picture = rng.integers(0, 255, (64, 64, 3), dtype=np.uint8)
            rows.append(ClickMeRecord(picture, heat, number % 5, 9, f"{split}/{number}.JPEG"))
        write_tfrecords(folder / f"clickme_{split}.tfrecords", rows)


def run_page(repository: Path, folder: Path) -> float:
    """Run all blocks in ``folder``, and return the seconds that those before "ClickMe records" take."""
    environment = {**os.environ, "PYTHONPATH": str(repository), "BROWSER": "true"}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    records(folder / "clickme")
    start, seconds = time.monotonic(), 0.0
    for kind, content in blocks(repository):
        if kind == "python":
            run([sys.executable, "-W", "ignore", "-c", content], folder, environment)
            continue
        for line in content.splitlines():
            words = shlex.split(line)
            assert words[0] == "gala-viz"
            command = [sys.executable, "-W", "ignore", "-m", "gala_viz", *words[1:]]
            if words[1] == "compare":
                port = free_port()
                command += ["--no-show", "--port", str(port), "--notes", "none"]
                server = subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.DEVNULL)
                try:
                    wait_for_server(f"http://localhost:{port}/compare", server)
                finally:
                    server.terminate()
                    server.wait(30)
                seconds = time.monotonic() - start
            else:
                run(command, folder, environment)
    return seconds


def run(command: list[str], folder: Path, environment: dict[str, str]) -> None:
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=280, check=False
    )
    assert done.returncode == 0, textwrap.shorten(done.stderr, 3000)


def check_results(folder: Path) -> None:
    categories = ["camel", "crane", "dump truck", "elephant", "fire engine"]
    for name in ("vanilla", "clickme"):
        card = read_card(folder / "networks" / name)
        assert card["categories"]["names"] == categories
        assert card["selection"]["n_labelled"] == 40
        assert (folder / "runs" / name / "epochs.png").is_file()
    (entry,) = read_card(folder / "networks" / "clickme")["data"]["collections"]
    assert entry["maps_train"] == "60 of 60 maps usable"
    results = json.loads((folder / "table" / "results.json").read_text())
    assert len(results["images"]) == 40
    assert (folder / "table" / "report.html").is_file()
    assert read_card(folder / "networks" / "from-records")["data"]["collections"][0]["n_train"] == 30
    assert read_card(folder / "models" / "by-hand")["recipe"]["name"] == "by-hand"


def test_the_pages_commands_are_understood(repository):
    commands = [line for kind, content in blocks(repository) if kind == "text" for line in content.splitlines()]
    assert len(commands) == 5
    for line in commands:
        words = shlex.split(line)
        assert words[0] == "gala-viz"
        tyro.cli(import_module(COMMANDS[words[1]][0]).Arguments, args=words[2:], registry=REGISTRY)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_page_runs_as_it_stands(repository, tmp_path):
    seconds = run_page(repository, tmp_path)
    print(f"page run in {seconds:.0f} s")
    check_results(tmp_path)
    rows = (tmp_path / "runs" / "clickme" / "epochs.csv").read_text().splitlines()
    rho = [float(row.split(",")[rows[0].split(",").index("rho")]) for row in rows[1:]]
    assert len(rho) == 30
    assert rho[-1] > rho[0] + 0.1
