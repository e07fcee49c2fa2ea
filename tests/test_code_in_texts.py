"""Code in notebooks and documentation names what exists, and calls it with arguments that it takes."""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
TEXTS = sorted(
    path
    for pattern in ("README.md", "CONTRIBUTING.md", "docs/**/*.md", "notebooks/*.ipynb")
    for path in ROOT.glob(pattern)
    if "notebooks" not in path.relative_to(ROOT).parts[1:]
)


def code_of(path: Path) -> str:
    """The code of all cells, or of all Python blocks, without lines for the shell."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        cells = json.loads(text)["cells"]
        parts = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    else:
        parts = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return "\n".join(re.sub(r"^[%!].*$", "", part, flags=re.MULTILINE) for part in parts).replace("…", "...")


def imported(tree: ast.AST) -> Iterator[tuple[str, Any]]:
    """Names of the package that code imports, with what they mean; raises where they mean nothing."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "gala_viz":
            module = importlib.import_module(str(node.module))
            for alias in node.names:
                if not hasattr(module, alias.name):
                    importlib.import_module(f"{node.module}.{alias.name}")
                yield alias.asname or alias.name, getattr(module, alias.name)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] == "gala_viz":
                    yield (
                        alias.asname or "gala_viz",
                        importlib.import_module(alias.name if alias.asname else "gala_viz"),
                    )


def meaning(node: ast.AST, names: dict[str, Any]) -> Any:
    """What an expression such as ``gv.smoothgrad`` stands for; None for anything else."""
    if isinstance(node, ast.Name):
        return names.get(node.id)
    if isinstance(node, ast.Attribute):
        owner = meaning(node.value, names)
        return getattr(owner, node.attr) if inspect.ismodule(owner) or inspect.isclass(owner) else None
    return None


def misfit(call: ast.Call, names: dict[str, Any]) -> str:
    """Why a call of something of the package does not fit its signature; "" where it does, or is of something else."""
    called = meaning(call.func, names)
    if not callable(called) or any(isinstance(one, ast.Starred) for one in call.args):
        return ""
    if any(one.arg is None for one in call.keywords):
        return ""
    try:
        inspect.signature(called).bind(*call.args, **{str(one.arg): one.value for one in call.keywords})
    except TypeError as error:
        return f"line {call.lineno}: {ast.unparse(call.func)}: {error}"
    except ValueError:  # no signature is known
        return ""
    return ""


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_code_in_texts_names_what_exists_and_calls_it_rightly(path):
    tree = ast.parse(code_of(path))
    with warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)
        names = dict(imported(tree))
        assert [why for node in ast.walk(tree) if isinstance(node, ast.Call) and (why := misfit(node, names))] == []


def test_a_name_that_is_gone_and_an_argument_that_is_missing_are_found():
    gone = ast.parse("from gala_viz.store.creation import create_store, gather")
    with pytest.raises(ModuleNotFoundError, match="gather"):
        dict(imported(gone))
    tree = ast.parse("from gala_viz.batch.job import Job\nJob(store='a', collection='b', human_maps=None, networks=())")
    names = dict(imported(tree))
    (why,) = [misfit(node, names) for node in ast.walk(tree) if isinstance(node, ast.Call)]
    assert "fingerprint" in why
