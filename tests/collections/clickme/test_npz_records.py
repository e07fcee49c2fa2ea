"""ClickMe as published for PyTorch: an NPZ file for each photograph, in folders or in a zip archive."""

import io
import json
import zipfile

import numpy as np
import pytest

from gala_viz.collections import open_collection
from gala_viz.collections.clickme import npz_collection
from gala_viz.collections.clickme.record_collection import SMOOTHED_KIND, STORED_KIND
from gala_viz.collections.clickme.smoothing import harmonization
from gala_viz.collections.photo_files import UnreadableImageError
from tests.collections.clickme.tfrecord_writer import raw_arrays


def content(number, **changes):
    """The bytes of one record's file; a change of None leaves an array out."""
    image, heatmap = raw_arrays(number)
    arrays = {"image": image.astype(np.uint8), "heatmap": heatmap[..., 0], "label": np.int64(100 + number)}
    stream = io.BytesIO()
    np.savez(stream, **{key: value for key, value in {**arrays, **changes}.items() if value is not None})
    return stream.getvalue()


def write(folder, records):
    for name, record in records.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(record)
    return folder


def zipped(path, records):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, record in records.items():
            archive.writestr(name, record)
    return path


RECORDS = {
    "clickme_train/a.npz": content(0),
    "clickme_train/b.npz": content(1),
    "clickme_val/c.npz": content(2),
    "clickme_test/d.npz": content(3),
}


@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_photographs_maps_labels_and_splits_come_back_exactly(kind, tmp_path):
    source = write(tmp_path / "clickme", RECORDS) if kind == "folder" else zipped(tmp_path / "clickme.zip", RECORDS)
    collection = open_collection(source)
    assert collection.images == tuple(sorted(RECORDS))
    assert [collection.split(image) for image in collection.images] == ["test", "train", "train", "validation"]
    for image in collection.images:
        number = "abcd".index(image[-5])
        photo, heatmap = raw_arrays(number)
        np.testing.assert_array_equal(collection.photo(image), photo.astype(np.uint8))
        np.testing.assert_array_equal(collection.human_map(image, STORED_KIND).values, heatmap[..., 0])
        smoothed = harmonization(heatmap[..., 0])
        np.testing.assert_allclose(collection.human_map(image, SMOOTHED_KIND).values, smoothed, rtol=1e-6)
        assert collection.target(image) == 100 + number
        assert collection.participants(image) == ()
        assert collection.human_map(image).attrs["n_participants"] == "unknown"
    assert collection.category("clickme_train/a.npz") == "black swan"
    assert open_collection(source).fingerprint == collection.fingerprint


def test_arrays_by_columns_are_the_same_photograph_and_map(tmp_path):
    photo, heatmap = raw_arrays(0)
    by_columns = content(0, image=np.asfortranarray(photo.astype(np.uint8)), heatmap=np.asfortranarray(heatmap[..., 0]))
    collection = open_collection(write(tmp_path / "clickme", {"clickme_val/a.npz": by_columns}))
    np.testing.assert_array_equal(collection.photo("clickme_val/a.npz"), photo.astype(np.uint8))
    np.testing.assert_array_equal(collection.human_map("clickme_val/a.npz", STORED_KIND).values, heatmap[..., 0])


def test_a_folder_of_one_split_is_that_split_by_its_own_name(tmp_path):
    collection = open_collection(write(tmp_path / "clickme_val", {"a.npz": content(0), "b.npz": content(1)}))
    assert {collection.split(image) for image in collection.images} == {"validation"}


@pytest.mark.parametrize("where", ["metadata.json", "clickme_train/metadata.json"])
def test_labels_of_metadata_are_used_where_the_files_agree_and_refused_where_not(where, tmp_path, monkeypatch):
    records = {name: one for name, one in RECORDS.items() if "train" in name}
    folder = write(tmp_path / "clickme", records)
    (folder / where).write_text(json.dumps({"a.npz": 100, "b.npz": 101}))
    read = []
    monkeypatch.setattr(npz_collection, "_read_labels", lambda *args: read.append(args))
    assert [open_collection(folder).target(name) for name in sorted(records)] == [100, 101]
    assert not read, "files were not read one by one"
    (folder / where).write_text(json.dumps({"a.npz": 100, "b.npz": 7}))
    with pytest.raises(ValueError, match=r"says that the label of clickme_train/b\.npz is 7, the file itself says 101"):
        open_collection(folder)


@pytest.mark.parametrize("is_archive", [False, True])
def test_each_folder_has_the_labels_of_its_own_metadata(tmp_path, is_archive):
    own = {"clickme_train": 3, "clickme_val": 500}
    files = {f"{folder}/a.npz": content(0, label=np.int64(label)) for folder, label in own.items()}
    files |= {f"{folder}/metadata.json": json.dumps({"a.npz": label}).encode() for folder, label in own.items()}
    folder = write(tmp_path / "clickme", files)
    if is_archive:
        with zipfile.ZipFile(tmp_path / "both.zip", "w") as archive:
            for name in files:
                archive.write(folder / name, name)
    collection = open_collection(tmp_path / "both.zip" if is_archive else folder)
    assert {image: collection.target(image) for image in collection.images} == {
        "clickme_train/a.npz": 3,
        "clickme_val/a.npz": 500,
    }


def test_labels_are_read_once_and_kept_until_a_file_changes(tmp_path, monkeypatch):
    folder = write(tmp_path / "clickme", RECORDS)
    open_collection(folder)
    read = npz_collection._read_labels
    called = []
    monkeypatch.setattr(npz_collection, "_read_labels", lambda *args: called.append(1) or read(*args))
    open_collection(folder)
    assert not called
    write(folder, {"clickme_train/a.npz": content(0, label=np.int64(5))})
    assert open_collection(folder).target("clickme_train/a.npz") == 5
    assert called


BAD = {
    "no label": (content(0, label=None), "clickme_train/a.npz"),
    "half a label": (content(0, label=np.float32(2.5)), "one whole number"),
    "a negative label": (content(0, label=np.int64(-1)), "counts from 0"),
    "objects": (content(0, label=np.array([None], object)), "never unpickled"),
    "cut short": (content(0)[:200], "cannot be read"),
    "no archive": (b"not an archive", "cannot be read"),
}


@pytest.mark.parametrize(("record", "told"), BAD.values(), ids=BAD.keys())
def test_a_record_without_a_label_is_left_out_with_its_reason(record, told, tmp_path):
    folder = write(tmp_path / "clickme", {**RECORDS, "clickme_val/z.npz": record})
    collection = open_collection(folder)
    assert "clickme_val/z.npz" not in collection
    ((name, reason),) = collection.skipped
    assert name == "clickme_val/z.npz"
    assert told in reason or told == "clickme_train/a.npz"


def test_bad_pictures_and_maps_are_told_when_they_are_read(tmp_path):
    records = {
        "a.npz": content(0, image=np.zeros((16, 16), np.uint8)),
        "b.npz": content(1, image=np.full((16, 16, 3), 300, np.float32)),
        "c.npz": content(2, heatmap=np.zeros((16, 16), np.float32)),
        "d.npz": content(3, heatmap=np.full((16, 16), np.nan, np.float32)),
        "e.npz": content(4),
    }
    collection = open_collection(write(tmp_path / "clickme", records))
    for image, told in (("a.npz", r"\(y, x, 3\)"), ("b.npz", "0 to 255")):
        with pytest.raises(UnreadableImageError, match=told):
            collection.photo(image)
    assert collection.human_map("c.npz") is collection.human_map("d.npz") is None
    told = dict(collection.skipped)
    assert "nobody marked anything" in told["c.npz, heatmap"]
    assert "NaN" in told["d.npz, heatmap"]
    assert collection.human_map("e.npz") is not None


def test_fractions_of_white_are_read_as_such(tmp_path):
    image, _ = raw_arrays(0)
    records = {"a.npz": content(0, image=(image / 255).astype(np.float32)), "b.npz": content(1)}
    collection = open_collection(write(tmp_path / "clickme", records))
    np.testing.assert_array_equal(collection.photo("a.npz"), image.astype(np.uint8))


def test_npz_maps_beside_photographs_and_other_npz_files_are_no_records(tmp_path):
    write(tmp_path / "maps", {"a.npz": content(0, image=None, label=None)})
    with pytest.raises(ValueError, match="holds no photographs"):
        open_collection(tmp_path / "maps")
    write(tmp_path / "records", RECORDS)
    write(tmp_path / "photos", {})
    with pytest.raises(ValueError, match="has its own kinds of maps"):
        open_collection(tmp_path / "records", human_maps=tmp_path / "maps")


def test_an_archive_that_leads_out_repeats_or_lies_is_read_within_bounds(tmp_path):
    path = tmp_path / "clickme.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../../evil.npz", content(0))
        archive.writestr("__MACOSX/._a.npz", b"junk")
        archive.writestr("a.npz", content(1))
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("a.npz", content(2))
        archive.writestr("big.npz", b"\0" * 2**27, zipfile.ZIP_DEFLATED)
    collection = open_collection(path)
    assert set(collection.images) == {"../../evil.npz", "a.npz"}, "names are names; nothing is unpacked to a disk"
    told = dict(collection.skipped)
    assert "at most" in told["big.npz"]
    assert "another file of this name" in told["a.npz"]
    assert not list(tmp_path.glob("**/evil*"))
    (tmp_path / "no.zip").write_bytes(b"PK nothing")
    with pytest.raises(ValueError, match="no zip archive"):
        open_collection(tmp_path / "no.zip")
