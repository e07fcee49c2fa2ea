"""No module of gala_viz imports itself through others, also not later or for types alone."""

from __future__ import annotations

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest


def modules(repository: Path) -> dict[str, Path]:
    paths = (repository / "gala_viz").rglob("*.py")
    return {
        ".".join(path.relative_to(repository).with_suffix("").parts).removesuffix(".__init__"): path for path in paths
    }


def imports(path: Path, known: dict[str, Path]) -> set[str]:
    """Every module that is imported anywhere in the file; a name's module, where a name is imported."""
    names = []
    for statement in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(statement, ast.Import):
            names += [alias.name for alias in statement.names]
        elif isinstance(statement, ast.ImportFrom) and statement.module:
            names += [f"{statement.module}.{alias.name}" for alias in statement.names]
    return {name if name in known else name.rpartition(".")[0] for name in names} & known.keys()


def test_imports_have_no_cycle(repository):
    known = modules(repository)
    graph = {name: imports(path, known) - {name} for name, path in known.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"modules import each other in a circle: {' <- '.join(error.args[1])}")


def test_a_cycle_is_found(tmp_path):
    (tmp_path / "gala_viz").mkdir()
    for name, other in (("a", "b"), ("b", "a")):
        (tmp_path / "gala_viz" / f"{name}.py").write_text(f"def later():\n    from gala_viz import {other}\n")
    known = modules(tmp_path)
    with pytest.raises(CycleError):
        TopologicalSorter({name: imports(path, known) - {name} for name, path in known.items()}).prepare()
