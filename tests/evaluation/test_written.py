"""The files of an evaluation: complete, readable by other programs, and clear about what is the paper's own."""

import csv
import json

import pytest

from gala_viz.cli import main
from gala_viz.collections.open import COLLECTIONS
from gala_viz.evaluation.evaluate import evaluate
from gala_viz.evaluation.export import write_evaluation
from gala_viz.evaluation.markdown import markdown
from gala_viz.networks.card import write_network
from tests.evaluation.fakes import CATEGORIES, PREPROCESSING, Bare, Shapes, network
from tests.evaluation.test_evaluate import SPEC
from tests.training.tiny import tiny_gala


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("written")
    nets = {"resnet": network("resnet", 1, gala=False), "gala": network("gala", 2)}
    found = evaluate(nets, Shapes(), SPEC)
    write_evaluation(found, folder)
    return folder, found


def rows(path):
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_json_tells_every_setting_seed_checksum_and_version(written):
    folder, found = written
    told = json.loads((folder / "results.json").read_text())
    assert told["settings"]["smoothgrad"] == {"n_samples": 2, "noise_fraction": 0.15, "seed": 0}
    assert told["settings"]["ceiling"]["n_splits"] == 4
    assert told["n_images"] == len(told["images"]) == 12
    assert all(len(one["weights_sha256"]) == 64 for one in told["networks"].values())
    assert {"gala_viz_version", "torch_version", "numpy_version", "python"} <= set(told["versions"])
    assert "in families" in told["families_of_tests"]
    main = sum(one.family == "main" for one in found.comparisons)
    assert f"the tests {main} of error and of rho" in told["families_of_tests"]


def test_csv_and_json_hold_the_same_numbers(written):
    folder, _ = written
    told = json.loads((folder / "results.json").read_text())
    table, tests = rows(folder / "table.csv"), rows(folder / "tests.csv")
    assert [float(row["value"] or "nan") for row in table] == pytest.approx(
        [float("nan") if one["value"] is None else one["value"] for one in told["numbers"]], nan_ok=True
    )
    assert [row["p_adjusted"] for row in tests] == [str(one["p_adjusted"]) for one in told["tests"]]
    ceiling = next(row for row in table if row["quantity"] == "ceiling")
    assert float(ceiling["low_participants"]) <= float(ceiling["value"]) <= float(ceiling["high_participants"])


def test_single_values_are_written_for_every_network_and_image(written):
    folder, found = written
    images = rows(folder / "images.csv")
    assert [row["image"] for row in images] == [*found.images, *found.images]
    expected = found.image_metrics["gala"]["rho_attention"].sel(layer="layer1").values
    assert [float(row["rho_attention / layer1"]) for row in images[12:]] == pytest.approx(list(expected))
    assert {row["rho_attention / layer1"] for row in images[:12]} == {""}


def test_the_papers_own_numbers_stand_apart_and_say_so(written):
    folder, found = written
    page = markdown(found)
    before, after = page.split("## Published")
    assert "88.56" in after
    assert "88.56" not in before
    assert "Other networks, other images" in after
    published = rows(folder / "published.csv")
    assert [row["human_variability_explained"] for row in published] == ["88.56", "64.21", "64.36", "43.61"]
    assert all("Other networks" in row["note"] for row in published)


def test_a_table_says_that_maps_are_simulated_and_what_is_missing(written):
    _, found = written
    page = markdown(found)
    assert "Simulated clicks" in page
    assert "without attention columns: resnet." in page


def test_a_collection_without_anything_still_gives_all_files(tmp_path):
    write_evaluation(evaluate({"gala": network("gala", 2)}, Bare(), SPEC), tmp_path)
    assert (tmp_path / "table.csv").read_text() == "\n" or not rows(tmp_path / "table.csv")
    assert "No two networks share a quantity" in (tmp_path / "table.md").read_text()


@pytest.fixture
def models(tmp_path, monkeypatch):
    card = {"preprocessing": PREPROCESSING.settings(), "categories": {"names": list(CATEGORIES)}}
    for name in ("gala-one", "gala-two"):
        folder = tmp_path / "models" / name
        write_network(folder, tiny_gala(), {**card, "network": {"name": name, "builder": "tiny_gala"}})
    monkeypatch.setenv("GALA_VIZ_MODELS", str(tmp_path / "models"))
    monkeypatch.setitem(COLLECTIONS._entries, "shapes", Shapes)
    return tmp_path


def test_the_command_writes_the_folder_prints_the_table_and_goes_on_where_it_stopped(models, capsys):
    out = models / "out"
    asked = ["evaluate", "--collection", "shapes", "--networks", "gala-one", "gala-two", "--samples", "2"]
    asked += ["--people-resamples", "0", "--device", "cpu", "--out", str(out)]
    assert main(asked) == 0
    first = capsys.readouterr()
    assert "| rho of SmoothGrad with the human map |" in first.out
    assert "gala-one: 12 of 12 images" in first.err
    assert main(asked) == 0
    again = capsys.readouterr()
    assert "(12 kept from before)" in again.err
    assert again.out == first.out
    names = {
        "table.md",
        "table.csv",
        "tests.csv",
        "images.csv",
        "published.csv",
        "results.json",
        "report.html",
        "test-looks.csv",
        "blocks",
    }
    assert {path.name for path in out.iterdir()} == names


def test_the_command_answers_a_wrong_name(models, capsys):
    asked = ["evaluate", "--collection", "shapes", "--out", str(models / "out"), "--networks"]
    assert main([*asked, "gala-onne"]) == 2
    assert "Did you mean 'gala-one'?" in capsys.readouterr().err
    assert main([*asked, "gala-one", "gala-one"]) == 2
    assert "twice" in capsys.readouterr().err
