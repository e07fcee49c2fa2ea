"""Bad inputs give a usable result or a sentence, never another exception, a hang or silence."""

from __future__ import annotations

import pytest

from gala_viz.cli import main
from tests.bad_inputs import answer, bad_inputs


def test_there_are_at_least_400_bad_inputs_of_different_names():
    names = [bad.name for bad in bad_inputs()]
    assert len(set(names)) == len(names) >= 400


@pytest.mark.filterwarnings("ignore")
def test_every_bad_input_is_answered_with_a_sentence(tmp_path):
    wrong = {}
    for number, bad in enumerate(bad_inputs()):
        place = tmp_path / str(number)
        place.mkdir()
        why, _ = answer(bad, place)
        if why:
            wrong[bad.name] = why
    assert wrong == {}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("start", "arguments"),
    [
        ("clicks CSV, a head alone", ("import", "clicks", "clicks.csv", "--photos", "photos", "--into", "out")),
        ("clicks NPZ, a pickle", ("import", "clicks", "clicks.npz", "--photos", "photos", "--into", "out")),
        ("map maps.h5, noise", ("import", "maps", "maps.h5", "--photos", "photos", "--into", "out")),
        ("TFRecord a.tfrecords, noise", ("import", "records", "a.tfrecords", "--into", "out")),
        ("manifest, clicks 3", ("evaluate", "--collection", ".", "--networks", "rendered-gala", "--out", "out")),
        ("card, no TOML", ("evaluate", "--collection", "photos", "--networks", "./card", "--out", "out")),
        ("weights a.pth, a pickle", ("convert", "torchvision", "a.pth", "out")),
    ],
)
def test_commands_say_the_sentence_too(start, arguments, tmp_path, monkeypatch, capsys):
    (bad,) = [one for one in bad_inputs() if one.name == start]
    bad.make(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert main([*arguments]) == 2
    told = capsys.readouterr().err
    assert told.startswith("gala-viz: ")
    assert "Traceback" not in told
