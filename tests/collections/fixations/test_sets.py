"""Public sets of fixations in their own layouts, made small with SciPy, h5py and pysaliency."""

import json
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
from scipy.io import savemat

from gala_viz.collections import mat_file, open_collection
from gala_viz.collections.fixations import json_stream
from gala_viz.collections.fixations.detect_fixations import dispersion_fixations
from gala_viz.collections.fixations.fixation_maps import FixationMapSpec
from gala_viz.collections.fixations.open_fixations import is_fixation_source, read_fixations
from gala_viz.collections.human_maps.map_checks import MapFileError
from gala_viz.collections.mat_file import read_mat
from tests.collections.fixations.photographs import spread_points, write_photographs

COCO = ("COCO_train2014_000000000009", "COCO_train2014_000000000025")
WRITTEN_BY_PYSALIENCY = Path(__file__).parent / "pysaliency"


def peak(human_map):
    """(row, column) of the largest value, as shares of the map's sides."""
    values = np.asarray(human_map)
    row, column = np.unravel_index(np.argmax(values), values.shape)
    return (row + 0.5) / values.shape[0], (column + 0.5) / values.shape[1]


# --- SALICON


def salicon_json(path, info=None):
    images = [{"id": 9 + k, "file_name": f"{name}.jpg", "width": 80, "height": 60} for k, name in enumerate(COCO)]
    annotations = []
    for image in (9, 10):
        for worker in (101, 102):
            x, y = (np.floor(values).astype(int) + 1 for values in spread_points(20, image + worker))
            fixations = np.column_stack([y, x]).tolist()
            annotations.append({"id": len(annotations), "image_id": image, "worker_id": worker, "fixations": fixations})
    path.write_text(json.dumps({"info": info or {}, "images": images, "annotations": annotations}))
    return annotations


def test_salicon_json_is_rows_and_columns_from_1(tmp_path):
    annotations = salicon_json(tmp_path / "fixations_train2014.json")
    table, _ = read_fixations(tmp_path / "fixations_train2014.json")
    assert table.images == tuple((f"{name}.jpg",) for name in COCO)
    assert table.participants == ("101", "102")
    row, column = annotations[0]["fixations"][0]
    assert (table.x_px[0], table.y_px[0], table.is_one_based) == (column, row, True)
    assert table.frames_px == ((60, 80), (60, 80))
    assert len(table) == 80


@pytest.mark.parametrize(
    ("folder", "info", "told"),
    [
        ("salicon", None, "release unknown: 2015 and 2017 differ"),
        ("work-2017/salicon", None, "release unknown: 2015 and 2017 differ"),
        ("salicon/2015r1", None, "2015 release"),
        ("salicon", {"version": "2017"}, "2017 release"),
        ("salicon-2015", {"version": "2017"}, "release unknown: 2015 and 2017 differ"),
    ],
)
def test_a_collection_says_which_release_of_salicon_it_is_where_that_is_told(tmp_path, folder, info, told):
    root = tmp_path / folder
    write_photographs(root / "images" / "train", [f"{name}.jpg" for name in COCO])
    salicon_json(root / "fixations_train2014.json", info)
    collection = open_collection(root)
    assert told in collection.map_kinds["fixations"]
    assert collection.title == "SALICON: 2 photographs"
    assert collection.participants(collection.images[0]) == ("101", "102")


def gaze(points_of):
    workers = np.zeros(len(points_of), dtype=[("location", object), ("timestamp", object), ("fixations", object)])
    for number, points in enumerate(points_of):
        workers[number] = (np.repeat(points, 3, axis=0), np.arange(3 * len(points))[:, None], points)
    return workers


def test_salicon_mat_files_are_one_an_image_and_name_nobody(tmp_path):
    write_photographs(tmp_path / "images" / "train", [f"{name}.jpg" for name in COCO])
    fixations = tmp_path / "fixations" / "train"
    fixations.mkdir(parents=True)
    points = [np.floor(np.column_stack(spread_points(8, seed))) + 1 for seed in range(3)]
    for name, of_image in zip(COCO, (points, points[:1]), strict=True):
        content = {"image": name, "resolution": np.array([[60, 80]]), "gaze": gaze(of_image)}
        savemat(fixations / f"{name}.mat", content, do_compression=True)
    savemat(fixations / "other.mat", {"gaze": 3})
    (fixations / "cut.mat").write_bytes((fixations / f"{COCO[0]}.mat").read_bytes()[:300])
    collection = open_collection(tmp_path)
    first, second = collection.images
    assert collection.participants(first) == tuple(f"{COCO[0]} #{number}" for number in (1, 2, 3))
    assert collection.participants(second) == (f"{COCO[1]} #1",)
    assert collection.human_map(first).attrs["n_fixations"] == 24
    skipped = dict(collection.skipped)
    assert "resolution and gaze" in skipped["fixations, train/other"]
    assert "cannot be read" in skipped["fixations, train/cut"]
    assert collection.split(first) in ("train", None)


# --- CAT2000


def test_cat2000_is_a_map_of_all_observers_without_a_ceiling(tmp_path):
    stimuli = write_photographs(tmp_path / "trainSet" / "Stimuli", ["Action/001.jpg", "Art/001.jpg"])
    locations = tmp_path / "trainSet" / "FIXATIONLOCS"
    for category in ("Action", "Art"):
        (locations / category).mkdir(parents=True)
        marked = np.zeros((60, 80), np.uint8)
        x, y = spread_points(40, len(category))
        marked[y.astype(int), x.astype(int)] = 1
        marked[10:14, 60:64] = 1
        savemat(locations / category / "001.mat", {"fixLocs": marked})
    collection = open_collection(tmp_path)
    assert collection.title == "CAT2000: 2 photographs"
    image = "Action/001.jpg"
    human_map = collection.human_map(image)
    assert human_map.attrs["n_participants"] == "unknown"
    assert collection.participants(image) == ()
    assert collection.participant_maps(image) is None
    assert np.allclose(peak(human_map), (12 / 60, 62 / 80), atol=0.05)
    assert "number unknown" in collection.map_kinds["fixations"]
    assert stimuli.is_dir()


def test_cat2000_refuses_what_it_does_not_have(tmp_path):
    savemat(tmp_path / "a.mat", {"fixLocs": np.eye(60, 80)})
    write_photographs(tmp_path / "p", ["a.png"])
    for spec, message in (
        (FixationMapSpec(drop_first=True), "no first fixation can be dropped"),
        (FixationMapSpec(weight="duration"), "no durations are recorded"),
    ):
        with pytest.raises(MapFileError, match=message):
            open_collection(tmp_path / "p", human_maps=tmp_path / "a.mat", fixations=spec)
    savemat(tmp_path / "b.mat", {"fixLocs": np.eye(60, 80) * 3})
    with pytest.raises(MapFileError, match="not binary"):
        read_fixations(tmp_path / "b.mat")


def test_a_frame_of_other_proportions_than_the_photograph_is_refused(tmp_path):
    marked = np.zeros((60, 120), np.uint8)
    marked[::7, ::7] = 1
    savemat(tmp_path / "a.mat", {"fixLocs": marked})
    write_photographs(tmp_path / "p", ["a.png"])
    with pytest.raises(MapFileError, match="sizes of other proportions"):
        open_collection(tmp_path / "p", human_maps=tmp_path / "a.mat")


# --- MIT1003


def samples(places, n_each, noise=1.0, blink=True):
    """x, y and state at 240 Hz: so many samples at each place, a saccade of 6 between, perhaps a blink."""
    rng = np.random.default_rng(0)
    parts = []
    for number, (x, y) in enumerate(places):
        if number:
            parts.append(np.linspace(places[number - 1], (x, y), 8)[1:-1])
        parts.append(np.array([x, y]) + rng.uniform(-noise, noise, (n_each, 2)))
        if blink and number == 0:
            parts.append(np.full((12, 2), -999.0))
    gaze = np.concatenate(parts)
    return np.column_stack([gaze, np.zeros(len(gaze))])


def test_dispersion_finds_the_fixations_that_were_made():
    places = [(100, 100), (300, 200), (250, 420), (600, 60)]
    x, y, duration = dispersion_fixations(*samples(places, 60)[:, :2].T, rate_hz=240, max_dispersion_px=35)
    np.testing.assert_allclose(np.column_stack([x, y]), places, atol=1.0)
    np.testing.assert_allclose(duration, 250, atol=15)


@pytest.mark.parametrize("n_each", [10, 23])
def test_dispersion_finds_none_in_what_is_too_short(n_each):
    places = [(100, 100), (300, 200), (250, 420)]
    x, _, _ = dispersion_fixations(*samples(places, n_each, blink=False)[:, :2].T, rate_hz=240, max_dispersion_px=5)
    assert len(x) == 0


def test_dispersion_ends_a_fixation_at_a_blink():
    gaze = np.concatenate([np.full((40, 2), 50.0), [[-999, -999]], np.full((40, 2), 50.0), [[np.nan, 3]]])
    x, _, duration = dispersion_fixations(*gaze.T, rate_hz=240, max_dispersion_px=35)
    assert x.tolist() == [50, 50]
    np.testing.assert_allclose(duration, 40 / 0.24)


def test_mit1003_opens_with_its_subjects(tmp_path):
    name = "i05june05_static_street_boston_p1010764"
    write_photographs(tmp_path / "ALLSTIMULI", [f"{name}.jpeg"], (600, 800))
    places = [(400, 300), (700, 100), (90, 520), (120, 90)]
    for subject in ("hp", "zb"):
        (tmp_path / "DATA" / subject).mkdir(parents=True)
        content = {"imgName": f"{name}.jpeg", "DATA": {"eyeData": samples(places, 60)}}
        savemat(tmp_path / "DATA" / subject / f"{name}.mat", {name: content}, long_field_names=True)
    collection = open_collection(tmp_path)
    assert collection.participants(f"{name}.jpeg") == ("hp", "zb")
    assert list(collection.map_kinds) == ["fixations", "durations"]
    assert "detected here" in collection.map_kinds["fixations"]
    assert collection.human_map(f"{name}.jpeg").attrs["n_fixations"] == 8
    dropped = open_collection(tmp_path, fixations=FixationMapSpec(drop_first=True))
    assert dropped.human_map(f"{name}.jpeg").attrs["n_fixations"] == 6
    assert "(2)" in dropped.map_kinds["fixations"]


# --- COCO-Search18, COCO-FreeView


def scanpath(name, subject, x, y, **more):
    return {"name": name, "subject": subject, "X": x, "Y": y, "T": [200] * len(x), "length": len(x), **more}


def test_coco_freeview_is_mapped_back_from_the_padded_display(tmp_path):
    # 480 x 640 on 1050 x 1680: enlarged 2.1875 times to 1050 x 1400, 140 px to its left
    write_photographs(tmp_path / "images", ["000000001.jpg"], (480, 640))
    at = [(100.0, 90.0), (600.0, 400.0), (20.0, 470.0)]
    entry = scanpath(
        "000000001.jpg", 4, [140 + 2.1875 * x for x, _ in at], [2.1875 * y for _, y in at], task="freeview"
    )
    (tmp_path / "COCOFreeView_fixations_trainval.json").write_text(json.dumps([entry]))
    collection = open_collection(tmp_path)
    assert "COCO-FreeView" in collection.map_kinds["fixations"]
    own = tmp_path / "own.csv"
    own.write_text("image,participant,x,y\n" + "".join(f"000000001,4,{x},{y}\n" for x, y in at))
    right = open_collection(tmp_path / "images", human_maps=own).human_map("000000001.jpg")
    np.testing.assert_allclose(collection.human_map("000000001.jpg"), right, atol=1e-6)


def test_coco_search_images_as_large_as_the_display_stay_as_they_are(tmp_path):
    write_photographs(tmp_path / "images", ["bottle/1.jpg", "cup/1.jpg"], (1050, 1680))
    entries = [
        scanpath("1.jpg", 1, [800.0, 100.0], [500.0, 90.0], task="bottle", condition="present", split="train"),
        scanpath("1.jpg", 2, [1600.0, 100.0], [1000.0, 90.0], task="cup", condition="absent", split="train"),
    ]
    (tmp_path / "coco_search18_fixations_TP_train_split1.json").write_text(json.dumps(entries))
    collection = open_collection(tmp_path)
    assert collection.participants("bottle/1.jpg") == ("1",)
    assert collection.participants("cup/1.jpg") == ("2",)
    assert "Search for 2 targets, not free viewing." in collection.map_kinds["fixations"]


# --- pysaliency


@pytest.mark.parametrize("name", ["fixations.hdf5", "fixations_flat.hdf5"])
def test_what_pysaliency_wrote_is_read(tmp_path, name):
    table, _ = read_fixations(WRITTEN_BY_PYSALIENCY / name)
    assert table.images == (("stimuli/sub/a.png",), ("stimuli/b.png",))
    assert table.participants == ("3", "7")
    assert table.x_px.tolist() == [1.5, 20, 70, 5, 6, 30.25, 40]
    assert table.y_px.tolist() == [2.5, 30, 50, 7, 8, 10, 59.5]
    assert (table.image.tolist(), table.participant.tolist()) == ([0] * 5 + [1] * 2, [0, 0, 0, 1, 1, 0, 0])
    assert table.frames_px == ((60, 80), (60, 80))
    if name == "fixations.hdf5":
        assert table.duration_ms.tolist() == pytest.approx([100, 200, 300, 200, 250, 150, 300])
    assert not table.is_one_based


def test_a_folder_of_pysaliency_opens_with_its_stimuli(tmp_path):
    write_photographs(tmp_path, ["stimuli/sub/a.png", "stimuli/b.png"])
    for name in ("fixations.hdf5", "stimuli.hdf5"):
        shutil.copy(WRITTEN_BY_PYSALIENCY / name, tmp_path / name)
    collection = open_collection(tmp_path)
    assert collection.title == "pysaliency: 2 photographs"
    assert collection.participants("sub/a.png") == ("3", "7")
    assert collection.participants("b.png") == ("3",)
    assert list(collection.map_kinds) == ["fixations", "durations"]


def test_later_forms_of_pysaliency_give_the_same(tmp_path):
    reference, _ = read_fixations(WRITTEN_BY_PYSALIENCY / "fixations.hdf5")
    x, y = reference.x_px, reference.y_px
    shutil.copy(WRITTEN_BY_PYSALIENCY / "stimuli.hdf5", tmp_path / "stimuli.hdf5")

    def write(kind, fill):
        with h5py.File(tmp_path / "fixations.hdf5", "w") as file:
            file.attrs["type"] = np.bytes_(kind)
            fill(file)
        return read_fixations(tmp_path / "fixations.hdf5")[0]

    def scanpaths(group):
        group["xs"], group["ys"], group["n"], group["lengths"] = x, y, [0, 0, 1], [3, 2, 2]
        group["scanpath_attributes/subject"] = [3, 7, 3]
        group["fixation_attributes/durations"] = reference.duration_ms / 1000

    def trains(group):
        group["train_xs"], group["train_ys"], group["train_ns"] = x, y, [0, 0, 1]
        group["train_subjects"], group["train_lengths"] = [3, 7, 3], [3, 2, 2]

    for kind, fill in (
        ("ScanpathFixations", lambda file: scanpaths(file.create_group("scanpaths"))),
        ("Scanpaths", scanpaths),
        ("FixationTrains", trains),
    ):
        table = write(kind, fill)
        assert table.x_px.tolist() == x.tolist(), kind
        assert table.participants == reference.participants
        assert table.scanpath.tolist() == reference.scanpath.tolist()


@pytest.mark.parametrize(
    ("fill", "message"),
    [
        (lambda file: file.update({}), "no dataset 'xs' of its own"),
        (lambda file: _fill(file, n=[0, 0, 9]), "on image 9; there are 2"),
        (lambda file: _fill(file, lengths=[3, 2, 3]), "do not add up"),
        (lambda file: _fill(file, lengths=[3, 5, -1]), "negative length"),
        (lambda file: _link(file), "no dataset 'xs' of its own"),
    ],
)
def test_damaged_files_of_pysaliency_are_refused(tmp_path, fill, message):
    shutil.copy(WRITTEN_BY_PYSALIENCY / "stimuli.hdf5", tmp_path / "stimuli.hdf5")
    with h5py.File(tmp_path / "fixations.hdf5", "w") as file:
        file.attrs["type"] = np.bytes_("Scanpaths")
        fill(file)
    with pytest.raises(MapFileError, match=message):
        read_fixations(tmp_path / "fixations.hdf5")


def _fill(file, n=(0, 0, 1), lengths=(3, 2, 2)):
    file["xs"], file["ys"], file["n"], file["lengths"] = np.arange(7.0), np.arange(7.0), list(n), list(lengths)


def _link(file):
    file["xs"] = h5py.ExternalLink("/etc/hosts", "xs")


def test_fixations_without_their_stimuli_say_what_is_missing(tmp_path):
    shutil.copy(WRITTEN_BY_PYSALIENCY / "fixations.hdf5", tmp_path / "fixations.hdf5")
    assert is_fixation_source(tmp_path / "fixations.hdf5")
    with pytest.raises(MapFileError, match=r"expected beside it as stimuli\.hdf5"):
        read_fixations(tmp_path / "fixations.hdf5")


# --- what is no set, or a dangerous one


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.json", b"", "is empty"),
        ("a.json", b"{", "no JSON file"),
        ("a.json", b"[1, 2", "no JSON file"),
        ("a.json", b"[[[[" * 60_000, "nested too deeply"),
        ("a.json", b"[] []", "something follows its end"),
        ("a.json", b"\xff\xfe[", "UTF-8"),
        ("a.json", b"[]", "its JSON is empty"),
        ("a.json", b'{"images": [], "annotations": [{"image_id": 1}]}', "an annotation has an image_id"),
        ("a.json", b'[{"name": "a", "subject": 1, "X": [1], "Y": [1, 2]}]', "X and Y of one length"),
        ("a.json", b"[3]", "X and Y of one length"),
        ("a.mat", b"no mat", "cannot be read|no MATLAB file"),
        ("a.mat", b"\x89HDF\r\n\x1a\n" + bytes(600), "cannot be read|7.3|no MATLAB file"),
    ],
)
def test_files_that_are_no_fixations_are_refused_in_a_sentence(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(MapFileError, match=message):
        read_fixations(tmp_path / name)


def test_a_matlab_file_that_unpacks_to_too_much_is_refused_before_it_is_read(tmp_path, monkeypatch):
    savemat(tmp_path / "a.mat", {"fixLocs": np.zeros((3000, 3000))}, do_compression=True)
    assert (tmp_path / "a.mat").stat().st_size < 1_000_000
    assert read_mat(tmp_path / "a.mat")["fixLocs"].shape == (3000, 3000)
    monkeypatch.setattr(mat_file, "MAX_MAT_BYTES", 10_000_000)
    with pytest.raises(MapFileError, match="unpacks to more than 10 MB"):
        read_mat(tmp_path / "a.mat")


def test_json_entries_come_one_by_one_as_json_has_them(tmp_path, monkeypatch):
    value = {"a": [1, {"b": [2]}], "c": "ü", "d": [], "e": {"f": 1}}
    (tmp_path / "a.json").write_text(json.dumps(value, indent=1), encoding="utf-8")
    found = list(json_stream.json_entries(tmp_path / "a.json"))
    assert found == [("a", 1), ("a", {"b": [2]}), ("c", "ü"), ("e", {"f": 1})]
    monkeypatch.setattr(json_stream, "MAX_BYTES", 5)
    with pytest.raises(MapFileError, match="larger than"):
        list(json_stream.json_entries(tmp_path / "a.json"))
