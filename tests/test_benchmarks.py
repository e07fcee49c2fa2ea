"""Every benchmark runs, with arguments so small that nothing is measured, and uses public names alone."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

TINY = {
    "batch.py": "--images 2 --samples 2 --repeats 1",
    "explore.py": "--images 2000",
    "game.py": "--players 1 --seconds 1 --repeats 1",
    "learning.py": "--recipes rendered-gala --epochs 1 --seeds 0 --images 2 --per-category 6 --out OUT/learning.csv",
    "open_collection.py": "--images 50 --repeats 1",
    "page.py": "--networks lite0-gala-vanilla lite0-gala-human --repeats 1 --chromium CHROMIUM",
    "recovery.py": "--simulations 1 --participants 2",
    "rendering.py": "--images 1 --per-category 1",
    "smoothgrad.py": "--samples 2 --repeats 1 --threads 1",
    "training.py": "--recipes rendered-gala --widths 4 --steps 1 --threads 1",
}
SLOW = {"batch.py", "game.py", "learning.py", "page.py", "rendering.py", "smoothgrad.py", "training.py"}


def scripts(repository: Path) -> list[str]:
    return sorted(path.name for path in (repository / "benchmarks").glob("*.py"))


def test_every_benchmark_has_a_tiny_run(repository):
    assert scripts(repository) == sorted(TINY)


@pytest.mark.parametrize(
    "script", [pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else []) for name in sorted(TINY)]
)
def test_a_benchmark_runs(script, repository, tmp_path, request):
    words = TINY[script].replace("OUT", str(tmp_path)).split()
    if "CHROMIUM" in words:
        words[words.index("CHROMIUM")] = request.getfixturevalue("chromium_path")
    done = subprocess.run(
        [sys.executable, str(repository / "benchmarks" / script), *words],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(repository)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.strip()


@pytest.mark.parametrize("script", sorted(TINY))
def test_a_benchmark_uses_no_private_name(script, repository):
    tree = ast.parse((repository / "benchmarks" / script).read_text(encoding="utf-8"))
    private = [
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr.startswith("_") and not node.attr.startswith("__")
    ]
    assert private == []
