"""The documentation site: it builds without a warning, and tells every public name and every command there is."""

from __future__ import annotations

import html
import inspect
import os
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import binom

import gala_viz
from gala_viz import cli
from gala_viz.alignment import N_PARTNERS
from gala_viz.alignment.ceiling import CeilingSpec
from gala_viz.alignment.resolution import COMPARISON_CELLS
from gala_viz.collections.clickme.catch_score import clopper_pearson
from gala_viz.collections.clickme.round_filters import RoundFilters
from gala_viz.collections.clickme.smoothing import DISC_PX, GAUSSIAN_SIGMA_PX, LARGEST_DISC_PX
from gala_viz.collections.osie import SIGMA_PX
from gala_viz.engine.results.delta import PERCENTILE
from gala_viz.engine.results.score_selection import MAX_RESAMPLES
from gala_viz.evaluation.published import PUBLISHED, SPLIT_HALF_RHO
from gala_viz.evaluation.spec import EvaluationSpec
from gala_viz.experiment.experiment_spec import ExclusionSpec, TimingSpec
from gala_viz.experiment.revelation import RevelationSpec
from gala_viz.game.game_spec import GameSpec
from gala_viz.networks.gala import GalaBlock
from gala_viz.networks.resnet import BATCH_NORM_MOMENTUM
from gala_viz.specs import SmoothGradSpec
from gala_viz.splits import TRAIN_FRACTION, VALIDATION_FRACTION
from gala_viz.training.recipes import RECIPES
from gala_viz.training.training_card import NOISE_FRACTION

pytest.importorskip("sphinx")
pytest.importorskip("myst_nb")


@pytest.fixture(scope="module")
def site(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site as HTML, its notebooks as they are; every reference that leads nowhere is an error."""
    out = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "--builder", "html", "--fail-on-warning", "--keep-going", "--quiet"]
    result = subprocess.run(
        [*command, "docs", str(out)],
        cwd=repository,
        env=os.environ | {"PYTHONPATH": str(repository), "GALA_VIZ_DOCS_EXECUTE": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return out


def ids(page: Path) -> set[str]:
    """Everything on a page that a link can lead to."""
    return set(re.findall(r'\bid="([^"]+)"', page.read_text(encoding="utf-8")))


def words(page: Path) -> str:
    """What a reader sees of a page, with single spaces."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", "", page.read_text(encoding="utf-8"))).split())


@pytest.mark.slow
def test_every_top_level_name_is_in_the_reference(site):
    wanted = {f"gala_viz.{name}" for name in gala_viz.__all__ if name != "__version__"}
    assert wanted <= ids(site / "reference" / "toplevel.html")


@pytest.mark.slow
def test_every_public_module_is_in_the_reference_once(site, repository):
    modules = {
        ".".join(path.relative_to(repository).with_suffix("").parts)
        for path in (repository / "gala_viz").rglob("*.py")
        if not path.stem.startswith("_") and path.stem.isidentifier()  # revisions of tables are numbered files
    }
    anchors = [anchor for page in (site / "reference").glob("*.html") for anchor in ids(page)]
    told = [anchor.removeprefix("module-") for anchor in anchors if anchor.startswith("module-gala_viz.")]
    assert not modules - set(told), "give the module's package a page in docs/reference/"
    assert len(told) == len(set(told))


@pytest.mark.slow
def test_every_command_is_in_the_command_reference_as_its_parser_tells_it(site):
    text = words(site / "reference" / "command-line.html")
    assert [name for name in cli.COMMANDS if f"usage: gala-viz {name} [-h]" not in text] == []
    assert "usage: gala-viz experiment prepare [-h]" in text


@pytest.mark.slow
def test_a_shape_in_a_docstring_and_a_default_in_a_signature_are_shown(site):
    text = words(site / "reference" / "networks.html")
    assert "Tensor, (B, C, H, W)" in text
    assert "ratio : int = 4" in text or "ratio: int = 4" in text


@pytest.mark.slow
def test_nothing_on_a_page_is_fetched_from_elsewhere(site):
    fetched = re.compile(r'<(?:script|link|img|iframe)\b[^>]*?(?:src|href)="(?:https?:)?//[^"]+"')
    found = {
        page.name: fetched.findall(page.read_text(encoding="utf-8"))
        for page in site.rglob("*.html")
        if "paper" not in page.parts
    }
    assert {name: hits for name, hits in found.items() if hits} == {}


@pytest.mark.slow
def test_every_notebook_has_a_page(site, repository):
    notebooks = {path.stem for path in (repository / "notebooks").glob("[0-9][0-9]_*.ipynb")}
    assert notebooks == {path.stem for path in (site / "notebooks").glob("[0-9][0-9]_*.html")}


def test_figures_of_notebooks_ask_for_scripts_of_this_site(repository, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(repository / "docs" / "machinery"))
    offline = import_module("offline")
    page = tmp_path / "notebooks" / "a.html"
    page.parent.mkdir()
    page.write_text(
        'load("https://cdn.bokeh.org/bokeh/release/bokeh-widgets-3.9.2.min.js", "https://elsewhere.org/a.js")'
    )
    offline.with_own_scripts(SimpleNamespace(outdir=tmp_path, builder=SimpleNamespace(format="html")), None)
    own, other = re.findall(r'"([^"]+)"', page.read_text())
    assert (page.parent / own).resolve().is_relative_to(tmp_path)
    assert (page.parent / own).stat().st_size > 100_000
    assert other == "https://elsewhere.org/a.js"


def test_constants_in_the_definitions_are_those_of_the_code(repository):
    level, game, timing = RevelationSpec(), GameSpec(), TimingSpec()
    rules, ceiling, evaluation = ExclusionSpec(), CeilingSpec(), EvaluationSpec()
    rounds, smoothgrad, human = RoundFilters(), SmoothGradSpec(), RECIPES["lite0-gala-human"]
    facts = {
        "attention": [f"$r = {inspect.signature(GalaBlock).parameters['ratio'].default}$", f"{BATCH_NORM_MOMENTUM}"],
        "cotraining": [
            f"`rendered-gala-clickme` | {RECIPES['rendered-gala-clickme'].attention_weight:g} |",
            f"`lite0-gala-human` | {human.attention_weight:g} |",
            f"$T = {human.temperature:g}$",
            f"$s = {human.label_share:g}$",
            f"train {TRAIN_FRACTION:.0%}, validation {VALIDATION_FRACTION:.0%}".replace("%", " %"),
        ],
        "attribution": [
            f"`n_samples` ({smoothgrad.n_samples}; evaluations use {evaluation.smoothgrad.n_samples})",
            f"`noise_fraction` ({smoothgrad.noise_fraction};",
            f"the {PERCENTILE:.0f}th percentile",
            f"up to {RECIPES['rendered-gala-clickme'].noise} for the shipped rendered networks",
            f"recommend {NOISE_FRACTION}.",
        ],
        "similarity": [
            f"{COMPARISON_CELLS} x {COMPARISON_CELLS} cells",
            f"{ceiling.n_splits} splits an image",
            f"{N_PARTNERS} partners of each kind",
            f"$\\rho = {SPLIT_HALF_RHO}$",
            f"at most {MAX_RESAMPLES:,} on pages",
            *(f"{one.top1_error_clickme:.2f} | {one.human_variability_explained:.2f}" for one in PUBLISHED),
        ],
        "clickme": [
            f"diameter {DISC_PX} px (odd, at most {LARGEST_DISC_PX} cells)",
            f"= {GAUSSIAN_SIGMA_PX:.2f}$ px",
            f"rounds with fewer clicks | {rounds.min_clicks} |",
            f"right catch trials | {rounds.min_catch_score} |",
            f"a Gaussian of {SIGMA_PX:g} px",
        ],
        "game": [
            f"a square of {game.bubble_px} px",
            f"every {game.interval_ms:g} ms, at most {game.step_px:g} px",
            f"{game.limit_ms / 1000:g} s after the first point",
            f"{game.catch_share:.0%} of the rounds".replace("%", " %"),
        ],
        "experiment": [
            ", ".join(f"{one:g}" for one in level.levels) + ", and the full image",
            f"{100 * level.important_fraction:g} % with the largest values",
            f"T = {level.temperature:g}",
            f"stimulus for {timing.stimulus_ms:g} ms",
            f"{timing.deadline_ms:g} ms after onset",
            f"sooner than {rules.min_rt_ms:g} ms",
            f"in less than {100 * rules.min_full_accuracy:g} %",
        ],
    }
    pages = {name: (repository / "docs" / "definitions" / f"{name}.md").read_text(encoding="utf-8") for name in facts}
    texts = {name: " ".join(page.split()) for name, page in pages.items()}
    assert [(name, fact) for name, stated in facts.items() for fact in stated if fact not in texts[name]] == []


def test_the_table_of_who_is_left_out_for_catch_trials_is_that_of_the_code(repository):
    page = (repository / "docs" / "definitions" / "clickme.md").read_text(encoding="utf-8")
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in page.splitlines() if line.startswith("|")]
    table = {row[0]: row[1:] for row in rows}
    trials = [int(cell) for cell in table["trials"]]
    assert trials == [1, 2, 3, 5, 10, 20, 40, 100]
    for place, n in enumerate(trials):
        passed = np.arange(n + 1)
        excluded = int((clopper_pearson(passed, np.full(n + 1, n))[1] < 0.95).sum())  # those with the fewest passed
        most = table["dropped with at most so many passed"][place]
        assert most == (str(excluded - 1) if excluded else "none")
        for who, rate in (("guessers (0.5)", 0.5), ("the careless (0.8)", 0.8), ("the attentive (0.97)", 0.97)):
            stated = float(table[f"dropped of {who}, %"][place])
            assert stated == pytest.approx(100 * binom.cdf(excluded - 1, n, rate), abs=0.51 if rate < 0.9 else 0.051)
        by_score = float(table["by `score`, dropped of the attentive (0.97), %"][place])
        assert by_score == pytest.approx(100 * binom.cdf(np.flatnonzero(passed / n < 0.95)[-1], n, 0.97), abs=0.51)
