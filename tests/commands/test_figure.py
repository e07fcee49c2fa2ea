"""``gala-viz figure`` on real photographs and a real network, and again from the file that it wrote."""

import pytest

from gala_viz.cli import main
from gala_viz.collections import open_collection
from gala_viz.commands import compare_app, terminal_progress
from gala_viz.commands.figure import _first_images
from gala_viz.plots.figures.specs import TableSpec, read_figure_spec
from tests.panels.fake_source import FakeSource


@pytest.mark.slow
def test_a_figure_of_chosen_images_and_the_same_from_its_file(tmp_path, capsys):
    image = open_collection("photos").images[3]
    asked = ["figure", "--collection", "photos", "--networks", "lite0", "lite0", "--images", image, "--samples", "2"]
    asked += ["--columns", "image", "first", "delta", "--width", "single", "--out", str(tmp_path / "one")]
    assert main(asked) == 0
    assert "figure.json" in capsys.readouterr().out
    assert main(["figure", str(tmp_path / "one" / "figure.json"), "--out", str(tmp_path / "two")]) == 0
    for name in ("figure.png", "figure.svg", "figure.csv", "figure.json", "figure.md"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_what_cannot_be_drawn_is_told_in_a_sentence(tmp_path, capsys):
    assert main(["figure", str(tmp_path / "none.json")]) == 2
    assert "a figure's JSON file was expected" in capsys.readouterr().err


@pytest.fixture
def source(monkeypatch):
    """Commands open this source, whatever they are asked for."""
    source = FakeSource()

    def load(options, say):
        source.opened_as = options.network_names[:2]
        return source

    monkeypatch.setattr(compare_app, "load_source", load)
    return source


@pytest.mark.parametrize(
    ("options", "kind", "endings"),
    [
        (["--map-kind", "mouse", "--images", "photo 00000", "photo 00003"], "people", ["nc", "csv"]),
        (["--shown", "second", "--layers", "blocks.5"], "layers", ["nc", "csv"]),
        (["--x", "gain", "--y", "delta", "--images", "photo 00000"], "scatter", ["csv"]),
    ],
)
def test_every_kind_is_drawn_by_options(source, tmp_path, options, kind, endings):
    where = ["--width", "single", "--dpi", "60", "--name", "it", "--out", str(tmp_path)]
    assert main(["figure", "--kind", kind, *options, *where]) == 0
    names = {f"it.{ending}" for ending in ("png", "svg", "pdf", "md", "json", *endings)}
    assert {path.name for path in tmp_path.iterdir()} == names
    assert read_figure_spec(tmp_path / "it.json").kind == kind


def test_images_are_the_first_of_each_superclass_that_people_marked(source):
    images = _first_images(source, "people")
    assert {source.info(image).superclass for image in images} == {"animal", "thing"}
    assert all(source.info(image).has_human_map for image in images)
    assert _first_images(source, "layers") == source.images[:1]
    assert _first_images(source, "scatter") == ()


def test_scores_that_are_missing_are_computed_and_how_far_is_told(source, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(terminal_progress, "LOG_INTERVAL_S", 0.0)
    table = ["figure", "--kind", "table", "--rows", "accuracy", "--seed", "4", "--dpi", "60", "--out", str(tmp_path)]
    assert main(table) == 0
    assert source.asked["survey"] == 1
    assert "images: 24 of 24" in capsys.readouterr().err
    assert main([*table, "--scored-only"]) == 0
    assert source.asked["survey"] == 1


def test_options_beside_a_file_change_it(source, tmp_path):
    path = tmp_path / "a.json"
    TableSpec(rows=("accuracy", "rho"), dpi=60).save(path)
    changed = ["figure", str(path), "--width", "middle", "--samples", "7", "--out", str(tmp_path), "--name", "b"]
    assert main(changed) == 0
    before, after = read_figure_spec(path), read_figure_spec(tmp_path / "b.json")
    assert (after.width, after.request.smoothgrad.n_samples) == ("middle", 7)
    assert (after.dpi, after.rows) == (before.dpi, before.rows)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--kind", "table", "--x", "gain"], "--x is no option of the kind table"),
        (["--kind", "scatter", "--per-row", "3"], "--per-row is no option of the kind scatter"),
        (["--kind", "scatter", "--x", "gian", "--y", "delta"], "Did you mean 'gain'"),
        (["--networks", "one"], "at least two networks are compared; got one"),
    ],
)
def test_options_that_do_not_suit_are_told(source, tmp_path, capsys, options, sentence):
    assert main(["figure", *options, "--out", str(tmp_path)]) == 2
    assert sentence in capsys.readouterr().err


def test_the_papers_red_and_blue_are_an_option_of_comparisons(source, tmp_path, capsys):
    asked = ["figure", "--images", source.images[0], "--dpi", "60", "--out", str(tmp_path), "--delta-colours", "paper"]
    assert main([*asked, "--columns", "delta"]) == 0
    assert read_figure_spec(tmp_path / "figure.json").delta_colours == "paper"
    assert main([*asked, "--kind", "layers"]) == 2
    assert "--delta-colours is no option of the kind layers" in capsys.readouterr().err


def test_method_and_layer_of_grad_cam_are_options(source, tmp_path, capsys):
    asked = ["figure", "--images", source.images[0], "--columns", "first", "--dpi", "60", "--out", str(tmp_path)]
    assert main([*asked, "--method", "grad_cam", "--cam-layer", "layer3"]) == 0
    request = read_figure_spec(tmp_path / "figure.json").request
    assert (request.method, request.cam_layer) == ("grad_cam", "layer3")
    assert main([*asked, "--cam-layer", "layer3"]) == 2
    assert "--cam-layer is of the method grad_cam; add --method grad_cam" in capsys.readouterr().err
