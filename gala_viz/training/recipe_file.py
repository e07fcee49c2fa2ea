"""Recipes from TOML files: settings, a recipe that they change, and where the images are.

    format = 1
    base = "gala-resnet50-clickme"
    name = "mine"
    epochs = 30

    [data]
    labels = "photographs"
    human_maps = "maps"

Without ``base``, every setting without a default has to be there; ``family`` is then "supervised" or "distillation".
Paths are relative to the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from gala_viz.networks.network_folders import is_function, own_code_of
from gala_viz.registry import unknown_name
from gala_viz.specs import read_settings, spec_from_settings
from gala_viz.training.recipes import RECIPES, DistillationRecipe, Recipe, SupervisedRecipe

FORMAT = 1
FAMILIES: dict[str, type[Recipe]] = {"supervised": SupervisedRecipe, "distillation": DistillationRecipe}
_DATA = ("labels", "maps", "human_maps", "plain")


@dataclass(frozen=True, kw_only=True)
class RecipeFile:
    """A recipe, and the collections that its file names: those of labels and maps, maps for the labels, plain ones."""

    recipe: Recipe
    labels: str | None = None
    maps: str | None = None
    human_maps: str | None = None
    plain: tuple[str, ...] = ()


def own_functions(recipe: Recipe) -> list[str]:
    """Return the functions of somebody's own that a recipe runs: its builder, and what it starts with."""
    start = str(getattr(recipe, "start", ""))
    found = [recipe.builder if is_function(recipe.builder) else "", start if is_function(start) else own_code_of(start)]
    return [name for name in found if name]


def is_recipe_file(name: str) -> bool:
    """Return whether ``name`` means a file and not a named recipe."""
    return name.endswith(".toml")


def read_recipe(path: str | Path) -> RecipeFile:
    """Return the recipe in a TOML file.

    Raises ``FileNotFoundError`` where it is missing, ``ValueError`` where it is no such file or a setting is unknown or
    has no sense.
    """
    path = Path(path)
    content = read_settings(path, "recipe", FORMAT, "a recipe is a TOML file, see docs/tasks/train.md.")
    base, family, data = content.pop("base", None), content.pop("family", None), content.pop("data", {})
    try:
        if base is None:
            if family not in (None, *FAMILIES):
                raise ValueError(unknown_name("family of recipes", str(family), list(FAMILIES)))
            content.setdefault("title", content.get("name", ""))
            recipe = spec_from_settings(FAMILIES[family or "supervised"], content)
        else:
            if not isinstance(base, str) or base not in RECIPES:
                raise ValueError(unknown_name("recipe", str(base), RECIPES))
            recipe = changed_recipe(RECIPES[base], content)
        return RecipeFile(recipe=recipe, **_collections(data, path.parent))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def changed_recipe(recipe: Recipe, settings: Mapping[str, Any]) -> Recipe:
    """Return ``recipe`` with other ``settings``; of ``arguments`` and ``gala_options`` those that are named change.

    Another ``input_px`` scales ``short_px``, unless that is among the settings: the network sees the same part. Another
    ``name`` stands after the title, unless a ``title`` is given: pages tell networks of one recipe apart. Raises
    ``ValueError`` for a setting that it does not have, with the nearest.
    """
    known = {one.name for one in fields(recipe)}
    values = {}
    for name, value in settings.items():
        if name not in known:
            raise ValueError(unknown_name("setting of this recipe", name, sorted(known)))
        values[name] = tuple(value) if isinstance(value, list) else value
    short_px = getattr(recipe, "short_px", 0)
    if short_px and "short_px" not in values and isinstance(values.get("input_px"), int):
        # The same part of a photograph at another resolution.
        values["short_px"] = round(short_px * values["input_px"] / recipe.input_px)  # type: ignore[attr-defined]
    for name in ("arguments", "gala_options"):
        if name in values:
            if not isinstance(values[name], dict):
                raise ValueError(f"{name} is a table of settings.")
            plain = {key: tuple(one) if isinstance(one, list) else one for key, one in values[name].items()}
            same_builder = values.get("builder", recipe.builder) == recipe.builder
            values[name] = {**getattr(recipe, name), **plain} if same_builder else plain
    if isinstance(name := values.get("name"), str) and name != recipe.name:
        values.setdefault("title", f"{recipe.title}, {name}")
    changed = replace(recipe, **values)
    if "step_epochs" in values and changed.schedule != "steps":
        raise ValueError("step_epochs belong to the schedule 'steps' (--schedule steps); this one is a cosine.")
    return changed


def _collections(data: Any, folder: Path) -> dict[str, Any]:
    """Return the entries of [data], with paths that exist beside the file as such."""
    if not isinstance(data, Mapping) or (unknown := sorted(set(data) - set(_DATA))):
        raise ValueError(f"[data] knows {', '.join(_DATA)}; got {unknown if isinstance(data, Mapping) else data!r}.")

    def located(name: Any) -> str:
        if not isinstance(name, str):
            raise ValueError(f"[data] has names and folders as texts; got {name!r}.")
        return str(folder / name) if (folder / name).exists() else name

    found: dict[str, Any] = {name: located(value) for name, value in data.items() if name != "plain"}
    plain = data.get("plain", [])
    if not isinstance(plain, str | list):
        raise ValueError(f"[data] plain is a folder or a list of some; got {plain!r}.")
    return {**found, "plain": tuple(located(name) for name in ([plain] if isinstance(plain, str) else plain))}
