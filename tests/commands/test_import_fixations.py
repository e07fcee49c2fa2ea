"""``gala-viz import fixations``: every option reaches the collection; the report says what was left out."""

import numpy as np
import pytest

from gala_viz.cli import main
from gala_viz.collections import open_collection
from gala_viz.collections.fixations.fixation_maps import FixationMapSpec
from gala_viz.collections.manifest import ManifestError, read_manifest
from tests.collections.fixations.photographs import rows_of, table_text, write_photographs

HEADER = ("stim", "subj", "X", "Y", "D")


@pytest.fixture
def photographs(tmp_path):
    return write_photographs(tmp_path / "photographs", ("a.png", "b.png", "c.png"))


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "eyes.txt"
    rows = [(image, who, 100 + 2 * x, 50 + 2 * y, ms) for image, who, x, y, ms in rows_of(n=8)]
    path.write_text(table_text([*rows, ("z.png", "p1", 110, 60, 5), ("a.png", "p1", ".", ".", 5)], HEADER, "\t"))
    return path


OPTIONS = ["--columns", "image=stim", "duration=D", "--frame", "120", "160", "--offset", "100", "50"]


def imported(*arguments):
    return main(["import", "fixations", *map(str, arguments), "--quiet"])


def test_a_table_becomes_a_collection_with_the_maps_of_its_options(photographs, table, tmp_path, capsys):
    into = tmp_path / "own"
    more = ["--drop-first", "--weight", "duration", "--sigma", "1.5", "--px-per-degree", "6"]
    assert imported(table, "--photos", photographs, "--into", into, *OPTIONS, *more) == 0
    told = capsys.readouterr().out
    assert "own: 3 images, 2 with human maps" in told
    assert "participants an image: 2: 2" in told
    assert "The first of each participant on each image was dropped (5)." in told
    assert "are not in the collection, for example 'z.png'; their fixations are left out." in told
    assert "there is no x." in told
    assert "are 0 of 28 fixations on 2 images" in told
    spec = FixationMapSpec(
        columns={"image": "stim", "duration": "D"},
        frame_px=(120, 160),
        offset_px=(100.0, 50.0),
        drop_first=True,
        weight="duration",
        sigma_degrees=1.5,
        px_per_degree=6.0,
    )
    assert read_manifest(into).fixations == spec
    collection = open_collection(into)
    assert collection.map_kind(None) == "durations"
    same = open_collection(photographs, human_maps=table, fixations=spec)
    np.testing.assert_array_equal(collection.human_map("a.png"), same.human_map("a.png"))
    assert collection.human_map("a.png").attrs["sigma_px"] == 9


def test_without_its_frame_the_table_is_refused_with_numbers_and_nothing_is_left(photographs, table, tmp_path, capsys):
    assert imported(table, "--photos", photographs, "--into", tmp_path / "own", *OPTIONS[:3]) == 2
    told = capsys.readouterr().err
    assert "100% of the fixations lie outside of their photographs (32 of 32 on 2 images)" in told
    assert "--offset X Y" in told
    assert not (tmp_path / "own" / "collection.toml").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "no column for the image is known by its name; it has 'stim', 'subj', 'X', 'Y', 'D'"),
        (["--columns", "stim"], "--columns takes ROLE=COLUMN"),
        (["--columns", "picture=stim"], "columns have the roles image, participant"),
    ],
)
def test_columns_that_are_not_known_are_asked_for(photographs, table, tmp_path, capsys, options, message):
    assert imported(table, "--photos", photographs, "--into", tmp_path / "own", *options) == 2
    assert message in capsys.readouterr().err


def test_options_of_fixations_are_refused_where_they_would_do_nothing(photographs, tmp_path, capsys):
    assert main(["import", "photographs", str(photographs), "--into", str(tmp_path / "own"), "--drop-first"]) == 2
    assert "--drop-first belong to fixations; these are photographs." in capsys.readouterr().err


def test_fixations_lie_on_photographs(table, tmp_path, capsys):
    assert imported(table, "--into", tmp_path / "own", *OPTIONS) == 2
    assert "tell their folder with --photos" in capsys.readouterr().err


def test_a_manifest_with_settings_that_do_not_fit_is_refused(photographs, table, tmp_path):
    folder = tmp_path / "own"
    folder.mkdir()
    head = f'[collection]\nsource = "{photographs}"\n[maps]\nhuman_maps = "{table}"\n[fixations]\n'
    for line in ("weight = 'heavy'", "no_such = 1", "frame_px = [1]", "columns = 3"):
        (folder / "collection.toml").write_text(head + line + "\n")
        with pytest.raises(ManifestError):
            read_manifest(folder)
