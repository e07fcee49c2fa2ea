"""``gala-viz figure`` on real photographs and a real network, and again from the file that it wrote."""

from gala_viz.cli import main
from gala_viz.collections import open_collection


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
