"""Module paths and names of 0.1 still work, and say what they are called now."""

from __future__ import annotations

import subprocess
import sys
import warnings
from importlib import import_module

import pytest

from gala_viz.deprecated_paths import renamed

MODULES, NAMES = renamed()


def test_old_paths_lead_to_modules_that_are_there(repository):
    for new in {*MODULES.values(), *(module for module, _ in NAMES.values())}:
        place = repository.joinpath(*new.split("."))
        assert place.with_suffix(".py").is_file() or (place / "__init__.py").is_file(), new


def test_no_old_path_hides_a_module(repository):
    for old in MODULES:
        place = repository.joinpath(*old.split("."))
        assert not place.with_suffix(".py").exists(), old
        assert not (place / "__init__.py").exists(), old


@pytest.mark.parametrize(
    ("old", "name", "new", "new_name"),
    [
        ("gala_viz.plots.figures.page", "save_figure", "gala_viz.plots.figures.print_style", "save_figure"),
        ("gala_viz.behavior.game_spec", "GameSpec", "gala_viz.game.game_spec", "GameSpec"),
        ("gala_viz.behavior.game_spec", "points_won", "gala_viz.game.scoring", "score_points"),
        ("gala_viz.behavior.judge", "Outcome", "gala_viz.records.round_updates", "Outcome"),
        ("gala_viz.experiment.spec", "ExperimentSpec", "gala_viz.experiment.experiment_spec", "ExperimentSpec"),
        ("gala_viz.training.losses", "category_loss", "gala_viz.training.losses", "distillation_loss"),
        ("gala_viz.alignment.bootstrap", "wilson_bounds", "gala_viz.alignment.bootstrap", "wilson_interval"),
    ],
)
def test_an_old_name_is_the_new_one_with_a_warning(old, name, new, new_name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        module = import_module(old)
    with pytest.warns(DeprecationWarning, match=f"{old}.{name} is now {new}.{new_name};"):
        value = getattr(module, name)
    assert value is getattr(import_module(new), new_name)


def test_every_old_name_leads_somewhere():
    for (old, name), (module, new) in NAMES.items():
        assert hasattr(import_module(module), new), f"{old}.{name} -> {module}.{new}"


def test_a_name_that_never_was_is_refused_as_any_other():
    sys.modules.pop("gala_viz.behavior.canvas", None)
    with pytest.warns(DeprecationWarning, match="gala_viz.behavior.canvas is now gala_viz.records.canvas;"):
        module = import_module("gala_viz.behavior.canvas")
    with pytest.raises(AttributeError):
        _ = module.no_such_name
    with pytest.raises(ModuleNotFoundError):
        import_module("gala_viz.behavior.no_such_module")
    with pytest.raises(AttributeError, match="has no attribute 'no_such_name'"):
        _ = import_module("gala_viz.training.losses").no_such_name


def test_old_paths_are_not_read_until_one_is_asked_for():
    code = (
        "import gala_viz, gala_viz.specs, gala_viz.splits; from gala_viz.deprecated_paths import renamed; "
        "assert renamed.cache_info().currsize == 0; import gala_viz.behavior; assert renamed.cache_info().currsize == 1"
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True)
