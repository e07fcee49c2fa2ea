"""The paper from one command, with tiny networks and drawn pictures in place of the rendered ones."""

import csv
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from gala_viz.cli import main
from gala_viz.collections.open import COLLECTIONS
from gala_viz.commands.paper.paper_networks import find_paper_networks, find_seeds
from gala_viz.commands.paper.sweep_points import find_sweep_points, read_sweep_table
from gala_viz.networks.card import write_network
from gala_viz.networks.zoo import BUILDERS
from gala_viz.plots.figures.trade_off_figure import SweepPoint
from tests.evaluation.fakes import CATEGORIES, PREPROCESSING, Bare, Shapes
from tests.training.tiny import tiny, tiny_gala

NAMES = ("paper-resnet", "paper-se", "paper-gala", "paper-gala-clickme")
if "tiny_plain" not in BUILDERS:
    BUILDERS.add("tiny_plain", tiny)


def make(folder: Path, name: str, seed: int, **sections) -> None:
    torch.manual_seed(100 * NAMES.index(name) + seed)
    plain = "gala" not in name
    card = {
        "network": {"name": name, "builder": "tiny_plain" if plain else "tiny_gala"},
        "preprocessing": PREPROCESSING.settings(),
        "categories": {"names": list(CATEGORIES)},
        "recipe": {"seed": seed, "attention_weight": 2.0 if name.endswith("clickme") else 0.0},
        **sections,
    }
    write_network(folder, tiny() if plain else tiny_gala(), card)


@contextmanager
def furnished(folder: Path) -> Iterator[Path]:
    """``folder`` with models of seed 1, runs of seed 2, and the sweep's table."""
    for name in NAMES:
        make(folder / "models" / name, name, 1)
        make(folder / "runs" / f"{name}-seed2", name, 2)
    table = folder / "runs" / f"sweep-{NAMES[-1]}" / "trade_off.csv"
    table.parent.mkdir()
    table.write_text("attention_weight,seed,accuracy,rho_attention\n0.0,1,0.9,0.1\n2.0,1,0.8,0.5\n4.0,1,,\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GALA_VIZ_MODELS", str(folder / "models"))
        patch.setitem(COLLECTIONS._entries, "shapes", Shapes)
        patch.setitem(COLLECTIONS._entries, "bare", Bare)
        patch.setattr(
            "gala_viz.plots.figures.print_style.DOTS_PER_INCH", 40
        )  # what is in figures is looked at elsewhere
        yield folder


@pytest.fixture
def place(tmp_path):
    with furnished(tmp_path) as folder:
        yield folder


@pytest.fixture(scope="module")
def of_one_seed(tmp_path_factory):
    """The paper of seed 1, drawn; shared by the tests that look at it."""
    with furnished(tmp_path_factory.mktemp("paper")) as folder:
        assert paper(folder, "--seeds", "1") == 0
        yield folder


def paper(place, *options, collection="shapes", networks=NAMES):
    asked = ["paper", "--quick", "--collection", collection, "--networks", *networks, "--device", "cpu"]
    return main([*asked, "--runs", str(place / "runs"), "--out", str(place / "out"), *options])


def test_the_paper_is_a_table_of_every_seed_and_their_mean_and_four_figures_with_captions(place):
    assert paper(place) == 0
    out = place / "out"
    figures = {"figure-1a", "figure-2", "trade-off", "regions"}
    assert {path.name for path in out.glob("*.*")} >= {
        f"{name}.{end}" for name in figures for end in ("png", "svg", "pdf", "md")
    }
    told = json.loads((out / "results.json").read_text())
    assert told["means_over_seeds"][NAMES[2]] == [f"{NAMES[2]}, seed 1", f"{NAMES[2]}, seed 2"]
    mean = next(one for one in told["numbers"] if (one["who"], one["quantity"]) == (NAMES[2], "rho_smoothgrad"))
    seeds = [
        one["value"]
        for one in told["numbers"]
        if one["who"].startswith(f"{NAMES[2]}, seed") and one["quantity"] == "rho_smoothgrad"
    ]
    assert mean["value"] == pytest.approx(sum(seeds) / 2)
    assert mean["sd_over_seeds"] > 0
    with (out / "tests.csv").open() as file:
        assert {(row["a"], row["b"]) for row in csv.DictReader(file)} >= {(NAMES[0], NAMES[1]), (NAMES[2], NAMES[3])}


def test_seeds_of_different_recipes_are_no_seeds_of_one(place):
    make(place / "runs" / f"{NAMES[3]}-seed4", NAMES[3], 4, recipe={"seed": 4, "attention_weight": 6.0})
    with pytest.raises(ValueError, match=r"different recipes \(attention_weight: 2\.0 and 6\.0\)"):
        find_seeds(NAMES[3], place / "runs")


@pytest.mark.slow
def test_captions_say_simulated_n_and_seed(of_one_seed):
    place = of_one_seed
    for name in ("figure-1a", "figure-2", "trade-off"):
        caption = (place / "out" / f"{name}.md").read_text()
        assert "simulated" in caption
        assert "n = " in caption
        assert "seed" in caption
    assert "12 images" in (place / "out" / "regions.md").read_text()
    assert "They are validation-" in (place / "out" / "figure-2.md").read_text()
    assert "n = 2 trainings" in (place / "out" / "trade-off.md").read_text()
    assert "simulated" in (place / "out" / "README.md").read_text()
    assert "quick trial run" in (place / "out" / "README.md").read_text()


def test_captions_hold_nothing_that_markdown_would_take_for_a_tag(of_one_seed):
    captions = {path.name: path.read_text() for path in (of_one_seed / "out").glob("*.md")}
    assert "sha256 of 'figure 2:0:IMAGE'" in captions["figure-2.md"]
    assert [name for name, text in captions.items() if re.search(r"<\w", text)] == []


@pytest.mark.slow
def test_a_second_run_computes_no_block_again_and_draws_the_same_figures(of_one_seed, capsys):
    place = of_one_seed
    first = {path.name: path.read_bytes() for path in (place / "out").glob("*.*")}
    capsys.readouterr()
    assert paper(place, "--seeds", "1") == 0
    assert capsys.readouterr().err.count("(12 kept from before)") == 5
    assert {path.name: path.read_bytes() for path in (place / "out").glob("*.*")} == first


@pytest.mark.slow
def test_what_is_missing_is_left_out_and_told_with_the_command_that_makes_it(place, capsys):
    assert paper(place, "--seeds", "1", "3") == 0
    said = capsys.readouterr().err
    assert f"{NAMES[0]}, seed 3" in said
    assert f"gala-viz train {NAMES[3]} --seed 3 --name {NAMES[3]}-seed3" in said
    assert "gala-viz train" in (place / "out" / "README.md").read_text()


def test_without_any_network_the_commands_are_told(place, capsys):
    assert paper(place, "--seeds", "9") == 2
    assert "none of the networks is here" in capsys.readouterr().err


@pytest.mark.slow
def test_train_trains_what_is_missing_and_no_more(place, monkeypatch):
    ran = []

    def trained(arguments):
        ran.append(arguments.recipe)
        make(arguments.out / arguments.name, arguments.recipe, arguments.seed)

    monkeypatch.setattr("gala_viz.commands.train.Arguments.run", trained)
    make(place / "runs" / f"{NAMES[0]}-seed3", NAMES[0], 3)
    assert paper(place, "--seeds", "1", "3", "--train") == 0
    assert ran == list(NAMES[1:])
    assert "Left out" not in (place / "out" / "README.md").read_text()


def test_a_collection_without_maps_or_regions_gives_what_it_can(place):
    assert paper(place, "--seeds", "1", collection="bare") == 0
    names = {path.stem for path in (place / "out").glob("*.png")}
    assert names == {"figure-2", "trade-off"}
    readme = (place / "out" / "README.md").read_text()
    assert "figure-1a is left out" in readme
    assert "regions is left out" in readme


@pytest.mark.slow
def test_a_layer_that_is_not_there_gets_an_answer(place, capsys):
    assert paper(place, "--seeds", "1", "--layer", "layer2") == 2
    assert "Did you mean 'layer1'?" in capsys.readouterr().err


def test_networks_are_found_by_the_seed_that_their_card_tells(place):
    found = find_seeds(NAMES[2], place / "runs")
    assert {seed: folder.name for seed, folder in found.items()} == {1: NAMES[2], 2: f"{NAMES[2]}-seed2"}
    wanted = find_paper_networks(NAMES[2:], (), place / "runs")
    assert [(one.name, one.seed) for one in wanted] == [(name, seed) for seed in (1, 2) for name in NAMES[2:]]


def test_the_sweep_is_read_from_a_table_or_from_the_card(tmp_path):
    table = tmp_path / "sweep.csv"
    table.write_text("weight,seed,accuracy,rho\n0,1,0.9,0.1\n2,1,0.8,\n")
    assert read_sweep_table(table) == [SweepPoint(attention_weight=0.0, seed=1, accuracy=0.9, rho=0.1)]
    rows = [{"attention_weight": 0.25, "accuracy": 0.8, "rho_attention": [0.2, 0.4]}]
    tried, source = find_sweep_points("net", {"selection": {"trade_off": rows}}, tmp_path)
    assert tried == [SweepPoint(attention_weight=0.25, seed=0, accuracy=0.8, rho=pytest.approx(0.3))]
    assert source == "the network's card"
    assert find_sweep_points("net", {}, tmp_path)[0] == []
    with pytest.raises(FileNotFoundError, match="no such table"):
        find_sweep_points("net", {}, tmp_path, tmp_path / "nowhere.csv")
