"""Global-and-local attention networks, human importance maps, and what each relies on.

``__init__.pyi`` lists the names. They are loaded when they are first used, so that ``import gala_viz`` is quick and
needs no torch.
"""

from __future__ import annotations

from typing import Any

import lazy_loader

from gala_viz import deprecated_paths

deprecated_paths.install()
_load, _, _names = lazy_loader.attach_stub(__name__, __file__)
__all__ = [*_names, "__version__"]  # pyright: ignore[reportUnsupportedDunderAll]  # the stub lists them


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("gala_viz")
    if name not in __all__:
        raise AttributeError(f"module 'gala_viz' has no attribute {name!r}; it offers {', '.join(sorted(__all__))}.")
    return _load(name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
