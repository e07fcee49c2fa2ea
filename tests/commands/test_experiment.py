"""``gala-viz experiment`` from folder to figure, as a user types it."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from gala_viz.cli import main
from gala_viz.commands.experiment.folder import read_folder_spec
from gala_viz.experiment.simulated_observers import simulate_network_responses
from gala_viz.records.database import Database
from tests.experiment.folder_of_animals import make


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    root = tmp_path_factory.mktemp("experiment")
    photos, maps = make(root, each=49)
    folder = root / "e"
    asked = ["--folder", str(folder), "--collection", str(photos), "--split", "all"]
    asked += ["--maps", f"clickme=files:{maps}", "saliency=opencv:fine-grained"]
    assert main(["experiment", "prepare", *asked, "--images", "96", "--practice", "2", "--fill", "grey"]) == 0
    return folder


def test_preparing_writes_spec_stimuli_and_a_preview_and_never_twice(prepared, capsys):
    assert {one.name for one in prepared.iterdir()} >= {"experiment.toml", "stimuli.csv", "preview.png", "preview.md"}
    assert len(pd.read_csv(prepared / "stimuli.csv")) == 98 * 24
    assert Image.open(prepared / "preview.png").width > 1000
    before = (prepared / "experiment.toml").read_bytes()
    assert main(["experiment", "prepare", "--folder", str(prepared)]) == 2
    assert "already holds an experiment" in capsys.readouterr().err
    assert (prepared / "experiment.toml").read_bytes() == before


def test_simulated_participants_are_analysed_to_a_figure_that_says_so(prepared, capsys):
    assert main(["experiment", "analyse", "--folder", str(prepared)]) == 2
    assert "holds no responses" in capsys.readouterr().err
    assert main(["experiment", "simulate", "--folder", str(prepared), "--participants", "24"]) == 0
    assert main(["experiment", "analyse", "--folder", str(prepared)]) == 0
    told = capsys.readouterr().out
    assert "simulated participants, n = 24" in told
    assert "simulated participants, n = 24" in (prepared / "figure-1b.svg").read_text()
    thresholds = pd.read_csv(prepared / "thresholds.csv").set_index("map_type")
    assert 10 < thresholds.loc["clickme", "level"] < 45
    assert np.isnan(thresholds.loc["saliency", "level"]) or thresholds.loc["saliency", "level"] > 45
    assert {"performance.csv", "tests.csv", "exclusions.csv", "figure-1b.pdf", "figure-1b.md"} <= {
        one.name for one in prepared.iterdir()
    }


@pytest.mark.slow
def test_the_report_says_what_intervals_and_tests_are_over_and_when_no_test_can_tell(prepared, tmp_path, capsys):
    (tmp_path / "experiment.toml").write_text((prepared / "experiment.toml").read_text())
    assert main(["experiment", "simulate", "--folder", str(tmp_path), "--participants", "5"]) == 0
    spec = read_folder_spec(tmp_path)
    network = simulate_network_responses(spec, {"clickme": 20.0, "saliency": 40.0}, threshold_sd=0.3, seed=0)
    network.to_csv(tmp_path / "responses" / "networks.csv", index=False)
    assert main(["experiment", "analyse", "--folder", str(tmp_path)]) == 0
    told, caption = capsys.readouterr().out, (tmp_path / "figure-1b.md").read_text()
    for text in (told, caption):
        assert "simulated: with fewer than 6 participants no test can reach 0.05" in text
        assert "of n = 5 the smallest p that can be had is 0.0625" in text
        assert "Of simulated participants that count each of the 24 sets has 0 to 1; whom a rule leaves out" in text
    assert "bootstrap interval over participants and images within superclass for networks" in caption
    assert "over participants all 2^n sign flips where n = 5" in caption
    assert "over images 10,000 random sign flips where n = 96" in caption
    assert "in per cent of the number of important ones" in caption
    assert " n over\n" in told
    (line,) = [one for one in told.splitlines() if one.startswith("made-up network") and "clickme" in one]
    assert line.endswith("not known                    96 images")


@pytest.mark.slow
def test_ranked_pixels_are_a_choice_and_images_that_are_no_multiple_are_told(prepared, tmp_path, capsys):
    spec = read_folder_spec(prepared)
    asked = ["--folder", str(tmp_path / "e"), "--collection", spec.opened_as, "--split", "all", "--images", "12"]
    asked += ["--practice", "2", "--maps", *(f"{name}={source}" for name, source in spec.maps.items())]
    assert main(["experiment", "prepare", *asked, "--order", "ranked"]) == 0
    assert "of 6 images of animal a set has 0 or 1 in a condition" in capsys.readouterr().err
    stimuli = pd.read_csv(tmp_path / "e" / "stimuli.csv")
    np.testing.assert_allclose(stimuli["percent_important_shown"], stimuli["percent_important"])
    assert "revealed by rank, just the important ones at 100 %" in (tmp_path / "e" / "preview.md").read_text()
    assert read_folder_spec(tmp_path / "e").revelation.order == "ranked"
    shown = pd.read_csv(prepared / "stimuli.csv").query("level == '100' and map_type == 'saliency'")
    assert (shown["percent_important_shown"] < 100).all()


@pytest.mark.parametrize("maps", [["clickme"], ["=human"], ["a=human", "a=opencv:fine-grained"]])
def test_maps_without_a_name_or_with_one_twice_are_told(tmp_path, maps, capsys):
    assert main(["experiment", "prepare", "--folder", str(tmp_path), "--collection", "photos", "--maps", *maps]) == 2
    assert "NAME=SOURCE, each name once" in capsys.readouterr().err


def test_as_many_middles_as_map_types_are_asked_for(prepared, capsys):
    assert main(["experiment", "simulate", "--folder", str(prepared), "--middles", "20"]) == 2
    assert "one level for each of clickme, saliency" in capsys.readouterr().err


def test_a_folder_without_an_experiment_is_told(tmp_path, capsys):
    assert main(["experiment", "observe", "--folder", str(tmp_path)]) == 2
    assert "gala-viz experiment prepare makes" in capsys.readouterr().err


@pytest.mark.parametrize("step", ["status", "export"])
def test_records_that_are_not_there_or_empty_are_told(prepared, tmp_path, step, capsys):
    asked = ["experiment", step, "--folder", str(prepared), "--records", str(tmp_path / "r.sqlite")]
    assert main(asked) == 2
    assert "is not there" in capsys.readouterr().err
    Database(tmp_path / "r.sqlite").close()
    assert main(asked) == {"status": 0, "export": 2}[step]
    told = capsys.readouterr()
    assert "0 finished" in told.out or "holds no response" in told.err
