"""What the modules of gala_viz define and import, from their source; nothing is imported for it."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
Function = ast.FunctionDef | ast.AsyncFunctionDef


def path_of(module: str) -> Path:
    """Return the file of a module or package. Raises ``FileNotFoundError`` for another name."""
    place = ROOT.joinpath(*module.split("."))
    path = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
    if not path.is_file():
        raise FileNotFoundError(f"no module called {module}: {path} was expected; mend its name in docs/reference/.")
    return path


@cache
def tree_of(module: str) -> ast.Module:
    """Return the module's syntax."""
    return ast.parse(path_of(module).read_text(encoding="utf-8"))


@cache
def top_level_homes() -> dict[str, str]:
    """Name -> module of everything that ``import gala_viz`` offers, from its stub."""
    stub = ast.parse(path_of("gala_viz").with_suffix(".pyi").read_text(encoding="utf-8"))
    found = [one for one in stub.body if isinstance(one, ast.ImportFrom)]
    return {alias.name: f"gala_viz.{one.module}" for one in found for alias in one.names}


def modules_in(package: str) -> list[str]:
    """Return the public modules right inside ``package``; sub-packages have pages of their own."""
    inside = sorted(path_of(package).parent.glob("[!_]*.py"))
    return [f"{package}.{path.stem}" for path in inside]


@cache
def names_in(module: str) -> dict[str, str]:
    """Name -> full name of everything that ``module`` imports from gala_viz or defines."""
    found = {}
    for statement in ast.walk(tree_of(module)):
        if isinstance(statement, ast.ImportFrom) and (statement.module or "").startswith("gala_viz"):
            found |= {one.asname or one.name: f"{statement.module}.{one.name}" for one in statement.names}
    for statement in tree_of(module).body:
        if isinstance(statement, Function | ast.ClassDef):
            found[statement.name] = f"{module}.{statement.name}"
        else:
            found |= {name: f"{module}.{name}" for name, _ in assigned(statement)}
    return found


def offered(name: str) -> str | None:
    """Return the full name of what a signature on the page of ``import gala_viz`` calls ``name``."""
    return next((full for home in top_level_homes().values() if (full := names_in(home).get(name))), None)


def home_of(name: str) -> str:
    """Return the full name where a thing is defined, given a full name by which it may be imported."""
    module, _, last = name.rpartition(".")
    try:
        known = names_in(module).get(last, name) if module else name
    except FileNotFoundError:
        return name
    return known if known == name else home_of(known)


def assigned(statement: ast.stmt) -> list[tuple[str, ast.expr | None]]:
    """(name, value) of what a statement assigns to plain names; the value is None where it is not told by itself."""
    if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
        return [(statement.target.id, statement.value)]
    if not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
        return []
    target, value = statement.targets[0], statement.value
    if isinstance(target, ast.Name):
        return [(target.id, value)]
    names = [one.id for one in getattr(target, "elts", []) if isinstance(one, ast.Name)]
    values = value.elts if isinstance(value, ast.Tuple) and len(value.elts) == len(names) else [None] * len(names)
    return list(zip(names, values, strict=True))
