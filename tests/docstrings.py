"""The sections of docstrings, held against signatures: ``python -m tests.docstrings``.

A docstring that lists parameters lists every one by its name, those of a function in its order. What a user calls and
what a plugin is made of (``gala_viz.NAME``, entries of registries, methods of protocols) lists them in any case, and so
does every public function that takes four or more. A section's title stands above its line.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import sys
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any, Protocol

from numpydoc.docscrape import NumpyDocString

import gala_viz
from gala_viz.registry import Registry

MANY = 4
"""From so many parameters on, sentences do not replace a list."""

RUN = ("__main__", "migrations.env")
"""Modules that act when they are imported."""


def modules() -> Iterator[Any]:
    """Yield every module of the package."""
    for module in pkgutil.walk_packages(gala_viz.__path__, "gala_viz."):
        if not module.name.endswith(RUN):
            yield importlib.import_module(module.name)


def members(module: Any) -> Iterator[tuple[str, Any]]:
    """Yield the public functions and classes that ``module`` defines, and their public methods, with their names."""
    for name, value in vars(module).items():
        if name.startswith("_") or getattr(value, "__module__", None) != module.__name__:
            continue
        if inspect.isfunction(value) or inspect.isclass(value):
            yield f"{module.__name__}.{name}", value
        if inspect.isclass(value):
            for method, function in vars(value).items():
                plain = function.__func__ if isinstance(function, (classmethod, staticmethod)) else function
                if inspect.isfunction(plain) and not method.startswith("_"):
                    yield f"{module.__name__}.{name}.{method}", plain


def parameters(value: Any) -> list[str]:
    """Return what a function or a class takes, as NumPy's convention writes it: ``name``, ``*args``, ``**options``."""
    stars = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}
    taken = inspect.signature(value).parameters.values()
    return [stars.get(one.kind, "") + one.name for one in taken if one.name not in ("self", "cls")]


def documented(value: Any) -> list[str]:
    """Return the parameters that a docstring lists; ``**common`` of a class are those of its base."""
    sections = NumpyDocString(inspect.getdoc(value) or "")
    listed = [name for one in (*sections["Parameters"], *sections["Other Parameters"]) for name in one.name.split(", ")]
    inherited = parameters(value.__bases__[0]) if "**common" in listed and inspect.isclass(value) else []
    return [*(name for name in listed if name != "**common"), *inherited] if inherited else listed


def surface() -> set[Any]:
    """Return the functions and classes of ``gala_viz.NAME``, of registries and of protocols."""
    called = {getattr(gala_viz, name) for name in gala_viz.__all__ if name != "__version__"}
    for module in modules():
        for value in vars(module).values():
            if isinstance(value, Registry):
                for entry in value.values():
                    record = is_dataclass(entry) and not inspect.isclass(entry)
                    parts = [getattr(entry, one.name) for one in fields(entry)] if record else [entry]
                    called |= {part for part in parts if inspect.isfunction(part)}
            elif inspect.isclass(value) and Protocol in value.__bases__ and value.__module__ == module.__name__:
                called |= {
                    method for name, method in vars(value).items() if inspect.isfunction(method) and name[0] != "_"
                }
    return called


def problems() -> Iterator[str]:
    """Yield a line for each docstring whose list of parameters is wrong or missing."""
    called = surface()
    for module in modules():
        for name, value in members(module):
            if re.search(r"\S ----", inspect.getdoc(value) or ""):
                yield f"{name}: its docstring has a section's line within a sentence"
            listed = documented(value)
            if listed:
                taken = parameters(value)
                in_order = taken if inspect.isfunction(value) else sorted(taken)
                if in_order != (listed if inspect.isfunction(value) else sorted(listed)):
                    yield f"{name}: its docstring lists {', '.join(listed)}; it takes {', '.join(taken)}"
            else:
                taken = parameters(value) if inspect.isfunction(value) or value in called else []
                if len(taken) >= MANY or (value in called and taken):
                    yield f"{name}: its docstring does not list what it takes: {', '.join(taken)}"


def main() -> int:
    """Print every problem; return the exit status."""
    lines = sorted(set(problems()))
    print("\n".join(lines) or "Docstrings and signatures agree.")
    return bool(lines)


if __name__ == "__main__":
    sys.exit(main())
