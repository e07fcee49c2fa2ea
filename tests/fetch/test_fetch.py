"""``gala-viz fetch``: what comes opens with the line that is printed, and stays what it was."""

from __future__ import annotations

import hashlib
import io
import json
import shlex
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from gala_viz.cli import main
from gala_viz.collections import open_collection
from gala_viz.collections.folder_layouts import detect_layout, osie_layout
from gala_viz.fetch import fetch_source as fetching
from gala_viz.fetch.fetch_source import fetch_source
from gala_viz.fetch.sources import NOT_VISITED, SOURCES, select_files
from gala_viz.registry import UnknownNameError
from gala_viz.splits import splits_of
from tests.collections.clickme.tfrecord_writer import jpeg_record, write
from tests.fetch.server import Site, serving

OSIE = "predicting-human-gaze-beyond-pixels-master"


@pytest.fixture(autouse=True)
def record(tmp_path, monkeypatch):
    path = tmp_path / "record" / "fetched.json"
    monkeypatch.setattr(fetching, "_record_path", lambda: path)
    return path


def picture() -> bytes:
    out = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (60, 80, 3), dtype=np.uint8)).save(out, "JPEG")
    return out.getvalue()


def zipped(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as opened:
        for name, content in members.items():
            opened.writestr(name, content)
    return out.getvalue()


def without_pins(monkeypatch, name, **inside):
    source = SOURCES[name]
    parts = {
        part: tuple(replace(one, checksum=None, inside=inside) for one in files) for part, files in source.parts.items()
    }
    monkeypatch.setitem(SOURCES._entries, name, replace(source, parts=parts))


def test_every_address_is_one_and_every_source_names_licence_citation_and_a_command():
    for name, source in SOURCES.items():
        files = select_files(name, shards="all" if source.shards else "")
        assert len({file.name for file in files}) == len(files)
        assert all(file.url.startswith(("https://", "http://")) for file in files)
        assert source.licence
        assert source.citation
        assert all("FOLDER" in line for line in source.opens)
    assert len(select_files("clickme-harmonization", shards="all")) == 318 + 17


def test_shards_are_chosen_by_number_and_parts_by_name():
    files = select_files("clickme-harmonization", ("train",), "0-1,317")
    assert [file.name for file in files] == [
        "train/train-0.tfrecords",
        "train/train-1.tfrecords",
        "train/train-317.tfrecords",
    ]
    assert files[0].url.endswith("/dataset/click-me/train/train-0.tfrecords")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("clickme-harmonization",), "say which: --shards 0-3"),
        (("clickme-harmonization", ("val",), "0-17"), "val has the shards 0 to 16"),
        (("clickme-harmonization", ("val",), "3-1"), "val has the shards"),
        (("clickme-harmonization", ("val",), "x"), "shards are numbers"),
        (("osie", (), "0"), "is not in shards"),
        (("clickme", ("validation",)), "its parts are train, val, test"),
        (("clickm",), "Did you mean 'clickme'?"),
    ],
)
def test_a_wrong_choice_is_answered_with_the_right_ones(arguments, sentence):
    with pytest.raises((ValueError, UnknownNameError)) as raised:
        select_files(*arguments)
    assert sentence in str(raised.value)


def test_the_list_and_the_help_say_that_no_address_was_visited(capsys):
    assert main(["fetch"]) == 0
    out = capsys.readouterr().out
    assert NOT_VISITED in out
    assert all(name in out for name in SOURCES)
    with pytest.raises(SystemExit):
        main(["fetch", "--help"])
    told = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert "No address was visited when this was written" in told


def test_the_command_fetches_unpacks_and_prints_the_line_that_opens_it(tmp_path, capsys, monkeypatch):
    points = np.zeros((1, 1), dtype=object)
    mat = io.BytesIO()
    savemat(mat, {"fixations": points})
    content = zipped({f"{OSIE}/data/stimuli/1001.jpg": picture(), f"{OSIE}/data/eye/fixations.mat": mat.getvalue()})
    pin = {f"{OSIE}/data/eye/fixations.mat": f"md5:{hashlib.md5(mat.getvalue()).hexdigest()}"}
    without_pins(monkeypatch, "osie", **pin)
    folder = tmp_path / "o"
    with serving(Site({"/osie.zip": content})) as site:
        assert main(["fetch", "osie", "--into", str(folder), "--mirror", site.address, "--quiet"]) == 0
    out = capsys.readouterr().out
    assert "licence: MIT" in out
    assert "Xu" in out
    command = shlex.split(out.splitlines()[-1])
    assert command[:3] == ["gala-viz", "compare", "--collection"]
    where = folder / OSIE
    assert command[3] == str(where)
    assert detect_layout(where) == "osie"
    assert osie_layout(where).stimuli.is_dir()
    assert "MIT" in (folder / "SOURCE.txt").read_text()
    digest = hashlib.sha256(content).hexdigest()
    assert (folder / "SHA256SUMS").read_text() == f"{digest}  osie.zip\n"


def test_fixations_of_osie_that_are_not_the_published_ones_are_refused(tmp_path, capsys):
    content = zipped({f"{OSIE}/data/stimuli/1001.jpg": picture(), f"{OSIE}/data/eye/fixations.mat": b"another"})
    with serving(Site({"/osie.zip": content})) as site:
        assert main(["fetch", "osie", "--into", str(tmp_path / "o"), "--mirror", site.address, "--quiet"]) == 2
    assert "another file than the published one" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "files", "inside"),
    [
        (
            "mit1003",
            {"/ALLSTIMULI.zip": {"ALLSTIMULI/a.jpeg": None}, "/DATA.zip": {"DATA/ab/a.mat": b"x"}},
            "ALLSTIMULI",
        ),
        ("cat2000", {"/trainSet.zip": {"trainSet/Stimuli/Action/001.jpg": None}}, "trainSet/Stimuli"),
    ],
)
def test_photographs_of_a_set_open_where_they_were_unpacked(tmp_path, monkeypatch, name, files, inside):
    without_pins(monkeypatch, name)
    served = {
        path: zipped({one: content or picture() for one, content in members.items()}) for path, members in files.items()
    }
    with serving(Site(served)) as site:
        fetch_source(name, select_files(name), tmp_path / name, mirror=site.address)
    assert len(open_collection(tmp_path / name / inside)) == 1


def test_shards_open_as_a_collection_with_the_splits_of_their_folders(tmp_path):
    served = {}
    for name, count in (("train-0", 3), ("val-0", 2)):
        path = tmp_path / f"{name}.tfrecords"
        write(path, [jpeg_record(number) for number in range(count)])
        served[f"/{path.name}"] = path.read_bytes()
    files = select_files("clickme-harmonization", shards="0")
    with serving(Site(served)) as site:
        fetch_source("clickme-harmonization", files, tmp_path / "c", mirror=site.address)
    collection = open_collection(tmp_path / "c")
    assert len(collection) == 5
    assert [len(splits_of(collection).by_split.get(split, ())) for split in ("train", "validation")] == [3, 2]


def test_a_second_call_compares_and_fetches_nothing(tmp_path):
    files = select_files("clickme-tfrecords", ("val",))
    with serving(Site({"/clickme_val.tfrecords": b"records"})) as site:
        said = []
        fetch_source("clickme-tfrecords", files, tmp_path / "c", mirror=site.address, say=said.append)
        fetch_source("clickme-tfrecords", files, tmp_path / "c", mirror=site.address, say=said.append)
        assert len(site.requests) == 1
    assert said[0].endswith("its checksum is recorded")
    assert said[1].endswith("its checksum is as recorded")


@pytest.mark.parametrize("content", [b'{"http://a', b"[]", b"\xff"])
def test_a_record_of_checksums_that_cannot_be_read_is_not_begun_anew(tmp_path, record, content):
    record.parent.mkdir()
    record.write_bytes(content)
    files = select_files("clickme-tfrecords", ("val",))
    with serving(Site({"/clickme_val.tfrecords": b"records"})) as site:
        with pytest.raises(OSError, match="the checksums of what was fetched before cannot be read"):
            fetch_source("clickme-tfrecords", files, tmp_path / "c", mirror=site.address)
        assert not site.requests
    assert record.read_bytes() == content


def test_a_file_that_was_changed_here_is_refused_and_left(tmp_path):
    files = select_files("clickme-tfrecords", ("val",))
    with serving(Site({"/clickme_val.tfrecords": b"records"})) as site:
        (path,) = fetch_source("clickme-tfrecords", files, tmp_path / "c", mirror=site.address)
        path.write_bytes(b"changed")
        with pytest.raises(OSError, match="not the file that was published or fetched before"):
            fetch_source("clickme-tfrecords", files, tmp_path / "c", mirror=site.address)
    assert path.read_bytes() == b"changed"


def test_a_file_that_the_publisher_changed_is_refused_also_in_another_folder(tmp_path, record):
    files = select_files("clickme-tfrecords", ("val",))
    with serving(Site({"/clickme_val.tfrecords": b"records"})) as site:
        fetch_source("clickme-tfrecords", files, tmp_path / "c", mirror=site.address)
        assert json.loads(record.read_text()) == {files[0].url: hashlib.sha256(b"records").hexdigest()}
        site.files["/clickme_val.tfrecords"] = b"other records"
        with pytest.raises(OSError, match="another checksum"):
            fetch_source("clickme-tfrecords", files, tmp_path / "d", mirror=site.address)
    assert not (tmp_path / "d" / "clickme_val.tfrecords").exists()


def test_a_pinned_checksum_is_compared_at_the_first_fetch(tmp_path, capsys):
    with serving(Site({"/trainSet.zip": zipped({"trainSet/a": b"x"})})) as site:
        assert main(["fetch", "cat2000", "--into", str(tmp_path / "c"), "--mirror", site.address, "--quiet"]) == 2
    assert "56ad5c77e6c8f72ed9ef2901628d6e48" in capsys.readouterr().err
    assert not (tmp_path / "c" / "trainSet").exists()
