"""The commands that made the shipped networks, on a few made-up images in OSIE's public layout."""

import sys

import numpy as np
import pytest
from scipy.io import savemat

from gala_viz.cli import main
from gala_viz.imagenet import CATEGORIES
from gala_viz.networks.network_folders import read_card
from gala_viz.networks.zoo import load_network
from gala_viz.splits import hash_splits
from gala_viz.training.recipes import RECIPES
from tests.collections.pictures import encoded, gradient
from tests.collections.test_osie import cells

IDS = tuple(str(1001 + number) for number in range(12))
SPLITS = hash_splits("osie", IDS)


def picture(number, *size):
    """A gradient that no other number has: a corner of its own grey."""
    photo = gradient(*size)
    photo[-60:, -60:] = 4 * number
    return photo


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("collections")
    chance = np.random.default_rng(0)
    stimuli = root / "osie" / "data" / "stimuli"
    stimuli.mkdir(parents=True)
    entries = []
    for image in IDS:
        (stimuli / f"{image}.jpg").write_bytes(encoded(picture(int(image) - 1001, 240, 320), "JPEG"))
        subjects = [
            {
                "fix_x": chance.uniform(100, 700, 6),
                "fix_y": chance.uniform(100, 500, 6),
                "fix_duration": chance.uniform(90, 400, 6),
            }
            for _ in range(4)
        ]
        entries.append({"img": f"{image}.jpg", "subjects": cells(subjects)})
    (root / "osie" / "data" / "eye").mkdir()
    savemat(root / "osie" / "data" / "eye" / "fixations.mat", {"fixations": cells(entries)})
    for number, (wnid, _) in enumerate(CATEGORIES[:20], start=12):
        (root / "labels" / wnid).mkdir(parents=True)
        (root / "labels" / wnid / f"{wnid}_one.JPEG").write_bytes(encoded(picture(number, 240, 240), "JPEG"))
    (root / "plain").mkdir()
    for number in range(12):
        (root / "plain" / f"photo{number}.png").write_bytes(encoded(picture(32 + number, 230, 260), "PNG"))
    return root


@pytest.fixture(scope="module")
def trained(folders, tmp_path_factory):
    out = tmp_path_factory.mktemp("trained")
    arguments = [
        "--maps",
        str(folders / "osie"),
        "--labels",
        str(folders / "labels"),
        "--plain",
        str(folders / "plain"),
    ]
    where = ["--out", str(out / "models"), "--runs", str(out / "runs"), "--device", "cpu", "--quiet"]
    assert main(["train", "lite0-gala-human", *arguments, *where, "--epochs", "1", "--batch-size", "8"]) == 0
    return out / "models" / "lite0-gala-human", arguments


@pytest.mark.slow
def test_the_train_command_runs_on_osies_public_layout_and_leaves_a_network_and_its_card(trained):
    folder, _ = trained
    card = read_card(folder)
    assert card["recipe"]["epochs"] == 1
    told = {one["role"]: one for one in card["data"]["collections"]}
    assert [told[role]["name"] for role in ("maps", "labels", "plain")] == ["osie", "labels", "plain"]
    assert all((one["rule"], one["seed"]) == ("hash", 0) for one in told.values())
    assert told["maps"]["n_train"] == len(SPLITS.images_of("train"))
    assert "observers" in told["maps"]["maps"]
    network = load_network(folder, device="cpu")
    assert network.layers == tuple(f"block{index}" for index in range(5, 11))
    assert network.categories[0] == CATEGORIES[0][1]


@pytest.mark.slow
def test_the_measure_command_prints_a_table_and_writes_the_card(trained, capsys):
    folder, arguments = trained
    asked = ["measure", str(folder), *arguments, "--split", "validation", "--samples", "2", "--device", "cpu"]
    assert main([*asked, "--write"]) == 0
    assert "| rho, attention norm, block10 |" in capsys.readouterr().out
    metrics = read_card(folder)["metrics"]
    assert metrics["split"] == "validation"
    assert metrics["rho_smoothgrad"]["n"] == len(SPLITS.images_of("validation"))
    load_network(folder, device="cpu")


def test_an_unknown_recipe_gets_an_answer(folders, capsys):
    arguments = ["--maps", str(folders / "osie"), "--labels", str(folders / "labels")]
    assert main(["train", "lite0-gala-humam", *arguments]) == 2
    assert "Did you mean 'lite0-gala-human'?" in capsys.readouterr().err


def test_nothing_to_measure_gets_an_answer(folders, capsys):
    assert main(["measure", "--maps", str(folders / "osie"), "--labels", str(folders / "labels")]) == 2
    assert "takes at least one name or folder of a network" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "missing"),
    [((), "add --maps and --labels."), (("--labels", "mine"), "add --maps."), (("--maps", "mine"), "add --labels.")],
)
def test_a_recipe_says_from_the_options_alone_which_collections_it_needs(given, missing, capsys, monkeypatch):
    for slow in ("gala_viz.training.distillation", "gala_viz.networks.zoo", "gala_viz.collections"):
        monkeypatch.setitem(sys.modules, slow, None)  # importing it would fail
    assert main(["train", "lite0-gala-vanilla", *given]) == 2
    told = capsys.readouterr()
    assert missing in told.err
    assert "needs --maps, a collection with human maps" in told.err
    assert not told.out


def test_the_help_lists_every_recipe(capsys):
    with pytest.raises(SystemExit):
        main(["train", "--help"])
    told = capsys.readouterr().out
    assert [name for name in RECIPES if name not in told] == []


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (["train", "rendered-gala", "--attention-weight", "nan"], "attention_weight is finite; got nan"),
        (["train", "rendered-gala", "--attention-weight", "inf"], "attention_weight is finite; got inf"),
        (["train", "rendered-gala", "--name", "../../evil"], "name is the name of one file or folder"),
        (["train", "lite0-gala-human", "--name", "/evil"], "name is the name of one file or folder"),
        (["sweep", "rendered-gala", "--weights", "0", "nan"], "attention_weight is finite; got nan"),
        (["paper", "--out", "out", "--networks", "/evil"], "--networks is the name of one file or folder"),
        (["figure", "--name", "../evil"], "--name is the name of one file or folder"),
    ],
)
def test_settings_that_are_no_numbers_and_names_that_are_paths_are_refused_before_anything_is_written(
    command, told, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    assert main(command) == 2
    assert told in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
