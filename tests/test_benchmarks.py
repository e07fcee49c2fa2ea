"""Every benchmark runs, with arguments so small that nothing is measured, and uses public names alone."""

from __future__ import annotations

import ast
import os
import runpy
import shlex
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

TINY = {
    "batch.py": "--images 2 --samples 2 --repeats 1 --ways 'store, this process' 'store, 2 workers'",
    "ceilings.py": "--participants 3 --splits 2 --cells 8 --repeats 1",
    "click_frames.py": "--tables 2 --images 1 5",
    "click_tables.py": "--rounds 200 --images 3 --maps 2",
    "coverage.py": "--rows mean-rho wilson --repeats 0.01 --processes 1 --write coverage.md",
    "device_traffic.py": "--network rendered-gala --images 2 --samples 2",
    "erase_reveal.py": "--networks rendered-gala rendered-resnet --repeats 1 --threads 1",
    "explore.py": "--images 200",
    "files_crossed.py": "--network rendered-gala --samples 2",
    "fixation_frames.py": "--repeats 1",
    "game.py": "--players 1 --seconds 1 --repeats 1",
    "learning.py": "--recipes rendered-gala --epochs 1 --seeds 0 --images 2 --per-category 6 --held-out 2 --out l.csv",
    "open_collection.py": "--images 50 --repeats 1",
    "page.py": "--networks rendered-gala rendered-resnet --repeats 1 --chromium CHROMIUM",
    "records.py": "--records 3 --side 16",
    "recovery.py": "--simulations 1 --participants 2",
    "rendering.py": "--images 1 --per-category 1",
    "shipped_scores.py": "--collections photos --images 2 --samples 2 --out made",
    "smoothgrad.py": "--networks rendered-gala rendered-resnet --samples 2 --repeats 1 --threads 1 --memory-samples 2",
    "streaming.py": "--images 4 --workers 0",
    "training.py": "--recipes rendered-gala --widths 4 --steps 1 --threads 1",
}
APART = ("batch.py", "device_traffic.py", "learning.py", "page.py")
"""Those that run in a process of their own: they start processes or a browser, or replace functions of PyTorch."""

OF_PYTORCH = {"device_traffic.py": {"_make_wrapper_subclass", "_to_copy", "_schema"}}
"""Names of PyTorch that begin so, without which tensors cannot be followed."""


def scripts(repository: Path) -> list[str]:
    return sorted(path.name for path in (repository / "benchmarks").glob("*.py"))


def test_every_benchmark_has_a_tiny_run(repository):
    assert scripts(repository) == sorted(TINY)


LONG = (
    *("batch.py", "click_tables.py", "device_traffic.py", "game.py", "learning.py", "open_collection.py", "page.py"),
    *("records.py", "rendering.py", "shipped_scores.py", "smoothgrad.py"),
)
"""Those that take ten seconds or more."""


def of(names):
    return [pytest.param(name, marks=pytest.mark.slow) if name in LONG else name for name in names]


@pytest.mark.parametrize("script", of(sorted(set(TINY) - set(APART))))
def test_a_benchmark_runs(script, repository, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(repository))
    monkeypatch.setattr(sys, "argv", [script, *TINY[script].split()])
    threads = torch.get_num_threads()
    try:
        with ThreadPoolExecutor(1) as thread:  # a thread of its own: in this one Playwright's loop may be running
            thread.submit(runpy.run_path, str(repository / "benchmarks" / script), run_name="__main__").result()
    finally:
        torch.set_num_threads(threads)
    assert capsys.readouterr().out.strip()


@pytest.mark.parametrize("script", of(APART))
def test_a_benchmark_runs_in_a_process_of_its_own(script, repository, tmp_path, chromium_path):
    words = [chromium_path if word == "CHROMIUM" else word for word in shlex.split(TINY[script])]
    command = [sys.executable, str(repository / "benchmarks" / script), *words]
    environment = os.environ | {"PYTHONPATH": str(repository)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.strip()


PARTS = [f"simulations/{path.name}" for path in (Path(__file__).parents[1] / "benchmarks/simulations").glob("*.py")]


@pytest.mark.parametrize("script", sorted([*TINY, *PARTS]))
def test_a_benchmark_uses_no_private_name(script, repository):
    tree = ast.parse((repository / "benchmarks" / script).read_text(encoding="utf-8"))
    private = [
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr.startswith("_") and not node.attr.startswith("__")
    ]
    assert set(private) <= OF_PYTORCH.get(script, set())
