"""Module paths and names that were renamed before 0.1.0: they work until 0.2, with a ``DeprecationWarning``.

``deprecated_paths.csv`` holds them: old module, old name, new module, new name. A row without names is a module.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Sequence
from functools import cache
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any


@cache
def renamed() -> tuple[dict[str, str], dict[tuple[str, str], tuple[str, str]]]:
    """Return old module -> new module, and (old module, old name) -> (new module, new name)."""
    import csv
    from importlib.resources import files

    modules, names = {}, {}
    with files("gala_viz").joinpath("deprecated_paths.csv").open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            if row["old_name"]:
                names[row["old_module"], row["old_name"]] = row["new_module"], row["new_name"]
            else:
                modules[row["old_module"]] = row["new_module"]
    return modules, names


def deprecated_getattr(module: str) -> Callable[[str], Any]:
    """Return a ``__getattr__`` for ``module``, which resolves the old names of what the module had."""

    def __getattr__(name: str) -> Any:
        modules, names = renamed()
        place = names.get((module, name)) or (modules.get(module, ""), name)
        if name.startswith("__") or not place[0] or place == (module, name):
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        value = getattr(import_module(place[0]), place[1])
        _warn(f"{module}.{name}", ".".join(place))
        return value

    return __getattr__


class DeprecatedPathFinder(MetaPathFinder, Loader):
    """Imports modules by their old paths; Python calls it only where no module has the name."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec of an old path, None for all others."""
        if not fullname.startswith("gala_viz.") or fullname not in renamed()[0]:
            return None
        is_package = any(old.startswith(f"{fullname}.") for old in renamed()[0])
        return ModuleSpec(fullname, self, is_package=is_package)

    def create_module(self, spec: ModuleSpec) -> None:
        """Let Python make an empty module."""

    def exec_module(self, module: ModuleType) -> None:
        """Give the module a ``__getattr__`` that leads to the new place."""
        _warn(module.__name__, renamed()[0][module.__name__])
        vars(module)["__getattr__"] = deprecated_getattr(module.__name__)


def install() -> None:
    """Let old paths be imported in this process; once is enough."""
    if not any(isinstance(one, DeprecatedPathFinder) for one in sys.meta_path):
        sys.meta_path.append(DeprecatedPathFinder())


def _warn(old: str, new: str) -> None:
    warnings.warn(f"{old} is now {new}; the old name goes away in 0.2.", DeprecationWarning, stacklevel=3)
