"""A lab's own data become a collection: clicks, records, maps, OSIE, photographs."""

import csv
import json

import h5py
import numpy as np
import pytest
from PIL import Image

from gala_viz.cli import main
from gala_viz.collections import open_collection
from gala_viz.collections.manifest import ManifestError, read_manifest
from tests.collections.clickme.tfrecord_writer import jpeg_record, raw_record, write
from tests.collections.pictures import encoded, gradient


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    for name in ("n01440764/a.png", "n01440764/b.png", "n01443537/c.png"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(encoded(gradient(60, 80)))
    return folder


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "clicks.csv"
    rows = [
        ("x/n01440764/a.png", "[(10, 20), (11, 21)]", "p1"),
        ("x/n01440764/a.png", "[(12, 22), (13, 23)]", "p2"),
        ("x/n01440764/a.png", "[(12, 22)]", "p3"),
        ("x/n01443537/c.png", "[(40, 30), (41, 31), (42, 32)]", "p1"),
    ]
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("image_path", "clicks", "user_id"), *rows])
    return path


def imported(*arguments):
    return main(["import", *map(str, arguments), "--quiet"])


def test_a_collection_is_made_anew_on_request_and_stays_where_that_fails(photos, table, tmp_path, capsys):
    into = tmp_path / "own"
    arguments = ["clicks", table, "--photos", photos, "--into", into]
    assert imported(*arguments, "--title", "first") == 0
    picture = into / "clicks-preview.png"
    with Image.open(picture) as drawn:
        assert min(drawn.size) > 300
    assert "on 2 photographs" in (into / "clicks-preview.md").read_text()
    assert imported(*arguments, "--title", "second") == 2
    assert "--replace makes it anew" in capsys.readouterr().err
    assert imported(*arguments, "--title", "second", "--replace") == 0
    assert read_manifest(into).title == "second"
    before = {path.name: path.read_bytes() for path in into.iterdir()}
    table.write_text("image_path,clicks,user_id\nx/n01440764/a.png,none,p1\n")
    assert imported(*arguments, "--title", "third", "--replace") == 2
    assert {path.name: path.read_bytes() for path in into.iterdir()} == before


def test_clicks_in_another_format_are_refused_before_anything_is_copied(photos, tmp_path, capsys):
    (tmp_path / "clicks.tsv").write_text("image\tclicks\n")
    assert imported("clicks", tmp_path / "clicks.tsv", "--photos", photos, "--into", tmp_path / "own") == 2
    assert "clicks are read from .csv, .npz; clicks.tsv is no such table." in capsys.readouterr().err
    assert not list((tmp_path / "own").glob("*"))


def test_clicks_on_photographs_become_a_collection_that_any_command_opens(photos, table, tmp_path, capsys):
    into = tmp_path / "own"
    assert (
        imported("clicks", table, "--photos", photos, "--into", into, "--title", "Our clicks", "--smoothing", "none")
        == 0
    )
    told = capsys.readouterr().out
    assert "Our clicks: 3 images, 2 with human maps, 2 categories" in told
    assert "3 of 4 rounds kept; dropped: fewer than 2 clicks: 1" in told
    assert "participants an image: 1: 1, 2: 1" in told
    table.unlink()
    collection = open_collection(into)
    assert (collection.name, collection.title) == ("own", "Our clicks")
    image = "n01440764/a.png"
    assert collection.participants(image) == ("p1", "p2")
    assert collection.human_map(image).attrs["smoothing"] == "none"
    assert collection.category(image) == "tench"
    report = read_manifest(into).report
    assert report["n_images"] == 3
    assert report["fingerprint"] == collection.fingerprint
    assert json.loads(collection.human_map(image).attrs["dropped_rounds"])["fewer than 2 clicks"] == 1


def test_every_setting_of_the_maps_is_kept(photos, table, tmp_path):
    into = tmp_path / "own"
    options = ["--frame", "120", "160", "--swap-xy", "--min-clicks", "1", "--max-clicks", "2", "--all-rounds"]
    options += ["--min-catch-score", "0", "--keep-mobile", "--smoothing", "gaussian", "--licence", "CC0"]
    assert imported("clicks", table, "--photos", photos, "--into", into, *options) == 0
    clicks = read_manifest(into).clicks
    assert (clicks.frame_px, clicks.swap_xy, clicks.smoothing) == ((120, 160), True, "gaussian")
    filters = clicks.filters
    assert (filters.min_clicks, filters.max_clicks, filters.first_round) == (1, 2, False)
    assert (filters.min_catch_score, filters.drop_mobile) == (None, False)
    assert open_collection(into).licence == "CC0"


def test_records_become_a_collection(tmp_path, capsys):
    source = tmp_path / "records"
    write(source / "train.tfrecords", [raw_record(0), raw_record(1)])
    write(source / "val.tfrecords", [jpeg_record(0), jpeg_record(1, heatmap=(b"none", "byte"))])
    assert imported("records", source, "--into", tmp_path / "own", "--smoothing", "none") == 0
    told = capsys.readouterr().out
    assert "own: 4 images, 3 with human maps" in told
    assert "left out: val/000001, heatmap: its heatmap is neither a JPEG picture nor" in told
    collection = open_collection(tmp_path / "own")
    assert collection.split("val/000000") == "validation"
    assert collection.human_map("train/000000").shape == (16, 16)
    assert read_manifest(tmp_path / "own").report["images_of_split"] == {"train": 2, "validation": 2}


def test_the_same_photograph_in_two_splits_is_told(tmp_path, capsys):
    for place, number in (("train", 1), ("train", 2), ("test", 2), ("test", 3)):
        folder = tmp_path / "photos" / place / "n01440764"
        folder.mkdir(parents=True, exist_ok=True)
        photo = gradient()
        photo[0, 0] = number
        (folder / f"{place}-{number}.png").write_bytes(encoded(photo))
    assert imported("photographs", tmp_path / "photos", "--into", tmp_path / "own") == 0
    told = capsys.readouterr().out
    assert "  splits: train 2, validation 0, test 2 (the collection's own splits)" in told
    assert (
        "  will not train: 'train/n01440764/train-2.png' is the same photograph as 'test/n01440764/test-2.png' in the "
        "test split of own" in told
    )
    report = read_manifest(tmp_path / "own").report
    assert (report["split_rule"], report["n_held_out_under_another_name"]) == ("own", 1)
    assert report["compared_by_bytes"] is True


@pytest.mark.parametrize("too_many", [True, False])
def test_a_report_counts_no_twins_where_photographs_were_not_compared(photos, tmp_path, capsys, monkeypatch, too_many):
    if too_many:
        monkeypatch.setattr("gala_viz.training.held_out.MOST_IN_A_TRAINING", 1)
    assert imported("photographs", photos, "--into", tmp_path / "own", *(() if too_many else ("--no-check",))) == 0
    assert ("are not compared by their bytes" in capsys.readouterr().out) == too_many
    report = read_manifest(tmp_path / "own").report
    assert report["compared_by_bytes"] is False
    assert "n_held_out_under_another_name" not in report


def test_maps_and_photographs_become_collections(photos, tmp_path):
    maps = tmp_path / "maps"
    maps.mkdir()
    np.save(maps / "c.npy", np.ones((30, 40)))
    assert imported("maps", maps, "--photos", photos, "--into", tmp_path / "own") == 0
    assert open_collection(tmp_path / "own").has_human_map("n01443537/c.png")
    assert imported("photographs", photos, "--into", tmp_path / "plain", "--no-check") == 0
    assert open_collection(tmp_path / "plain").map_kinds == {}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["clicks", "{table}", "--into", "{into}"], "clicks lie on photographs; tell their folder with --photos"),
        (["photographs", "{photos}", "--photos", "{photos}", "--into", "{into}"], "come with their photographs"),
        (["clicks", "nowhere.csv", "--photos", "{photos}", "--into", "{into}"], "nowhere.csv is not there"),
        (
            ["clicks", "{table}", "--photos", "{photos}", "--into", "{into}", "--smoothing", "disc"],
            "no ClickMe smoothing called 'disc'. Did you mean 'discs'?",
        ),
        (["photographs", "{empty}", "--into", "{into}"], "holds no photographs"),
    ],
)
def test_what_cannot_be_imported_is_told_and_leaves_no_collection(arguments, told, photos, table, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    places = {"photos": photos, "table": table, "into": tmp_path / "own", "empty": tmp_path / "empty"}
    assert imported(*(argument.format(**places) for argument in arguments)) == 2
    assert told in capsys.readouterr().err
    assert not (tmp_path / "own" / "collection.toml").exists()


def test_a_collection_is_never_written_over(photos, tmp_path, capsys):
    for status in (0, 2):
        assert imported("photographs", photos, "--into", tmp_path / "own") == status
    assert "is a collection already" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("[collection", "not a TOML file"),
        ("[maps]\nsmoothing = 'none'", r"\[collection\] needs source, .* as a text"),
        ("maps = 3\n[collection]\nsource = 'p'", r"maps is a table, \[maps\]; got 3"),
        (
            "[collection]\nsource = 'p'\n[clicks]\nsmoothing = 'discs'",
            "a table of clicks .* expected as human_maps; got none",
        ),
        ("[collection]\ntitle = 'x'\nsource = 'gone'", "its source .*gone is not there"),
        ("[collection]\ntitle = 'x'\nsource = '.'", "a collection of its own"),
        ("[collection]\nsource = 'p'\n[clicks]\nsmooth = 'discs'", "smooth"),
        ("[collection]\nsource = 'p'\n[maps]\nsmoothing = 'disks'", "Did you mean 'discs'"),
    ],
)
def test_a_manifest_that_cannot_be_is_told_with_its_file(content, told, tmp_path):
    (tmp_path / "collection.toml").write_text(content)
    with pytest.raises(ManifestError, match=told) as raised:
        open_collection(tmp_path)
    assert str(tmp_path) in str(raised.value)


@pytest.mark.shared
def test_osie_becomes_a_collection(shared_data, tmp_path, capsys):
    assert imported("osie", shared_data / "osie", "--into", tmp_path / "own", "--no-check") == 0
    assert "500 images, 500 with human maps" in capsys.readouterr().out
    assert len(open_collection(tmp_path / "own").participants("1001")) == 15


def test_the_encoding_of_a_table_is_told_once_and_kept(photos, tmp_path, capsys):
    table = tmp_path / "clicks.csv"
    rows = "".join(f'n01440764/a.png,"[({x}, 20), (11, 21)]",{name}\n' for x, name in ((10, "Müller"), (30, "Möller")))
    table.write_bytes(f"image_path,clicks,user_id\n{rows}".encode("latin-1"))
    asked = ("clicks", table, "--photos", photos, "--into", tmp_path / "own")
    assert imported(*asked) == 2
    said = capsys.readouterr().err
    assert "line 2 is not UTF-8" in said
    assert "tell it with --encoding of gala-viz import" in said
    assert imported(*asked, "--encoding", "latin-1") == 0
    assert read_manifest(tmp_path / "own").clicks.encoding == "latin-1"
    assert open_collection(tmp_path / "own").participants("n01440764/a.png") == ("Möller", "Müller")
    for kind, source in (("maps", tmp_path), ("clicks", tmp_path / "clicks.npz")):
        (tmp_path / "clicks.npz").touch()
        wrong = (kind, source, "--photos", photos, "--into", tmp_path / "other", "--encoding", "latin-1")
        assert imported(*wrong) == 2
        assert "--encoding belongs to a table of clicks in CSV" in capsys.readouterr().err


def test_an_import_counts_mean_maps_by_their_number_and_what_marks_nothing(photos, tmp_path, capsys):
    chance = np.random.default_rng(0)
    with h5py.File(tmp_path / "maps.h5", "w") as file:
        for name in ("a.png", "b.png", "c.png"):
            file[f"clickmaps/{name}/clickmap"] = chance.random((1, 60, 80)) * (name != "c.png")
        file["click_counts/a.png"] = 37
    assert imported("maps", tmp_path / "maps.h5", "--photos", photos, "--into", tmp_path / "own") == 0
    told = capsys.readouterr().out
    assert "own: 3 images, 2 with human maps" in told
    assert "mean maps, without a noise ceiling; participants an image: 37: 1, number unknown: 1" in told
    assert "left out: maps.h5, c.png: all of its values are 0: nobody marked anything." in told
    assert "participants an image: 1:" not in told
    (tmp_path / "maps").mkdir()
    people = chance.random((4, 60, 80)) * np.array([1, 0, 1, 0])[:, None, None]
    np.savez(tmp_path / "maps" / "a.npz", maps=people, participants=["p1", "p2", "p3", "p4"])
    assert imported("maps", tmp_path / "maps", "--photos", photos, "--into", tmp_path / "mapped") == 0
    told = capsys.readouterr().out
    assert "participants an image: 2: 1" in told
    assert "left out: 2 maps of participants who marked nothing" in told
