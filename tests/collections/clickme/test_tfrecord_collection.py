"""ClickMe TFRecords: what an independent writer wrote comes back, and damage is told, never shown."""

import gzip

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import ndimage

from gala_viz.collections import open_collection
from gala_viz.collections.clickme import tfrecord_collection
from gala_viz.collections.clickme.clickme_record import photo_bitmap, read_heatmap, read_labels
from gala_viz.collections.clickme.record_collection import SMOOTHED_KIND, STORED_KIND
from gala_viz.collections.clickme.smoothing import harmonization
from gala_viz.collections.clickme.tf_example import example_features, int64_feature
from gala_viz.collections.clickme.tfrecord_collection import TFRecordCollection
from gala_viz.collections.clickme.tfrecord_file import TFRecordError, read_record, scan_records
from gala_viz.collections.clickme.tfrecord_index import load_record_index
from gala_viz.collections.photo_files import UnreadableImageError
from gala_viz.splits import splits_of
from gala_viz.training.sources import sources_of_split
from tests.collections.clickme.tfrecord_writer import (
    encoded_record,
    jpeg_record,
    raw_arrays,
    raw_record,
    smooth_picture,
    write,
)


@pytest.fixture
def shards(tmp_path):
    folder = tmp_path / "clickme"
    write(folder / "train" / "a.tfrecords", [raw_record(number) for number in range(3)])
    write(folder / "val" / "b.tfrecord", [jpeg_record(number) for number in range(2)])
    return folder


def test_raw_records_come_back_exactly(shards):
    collection = TFRecordCollection(shards)
    assert collection.images == ("a/000000", "a/000001", "a/000002", "b/000000", "b/000001")
    for number, image in enumerate(collection.images[:3]):
        photo, heatmap = raw_arrays(number)
        np.testing.assert_array_equal(collection.photo(image), photo.astype(np.uint8))
        stored = collection.human_map(image, STORED_KIND)
        np.testing.assert_array_equal(stored.values, heatmap[..., 0])
        assert collection.label(image) == collection.target(image) == 100 + number
        assert collection.click_count(image) == stored.attrs["n_clicks"] == heatmap.sum()
        assert collection.split(image) == "train"
    assert collection.category("a/000000") == "black swan"


def test_encoded_records_come_back_as_near_as_jpeg_keeps_them(shards):
    collection = TFRecordCollection(shards)
    for number, image in enumerate(collection.images[3:]):
        picture = smooth_picture(number)
        assert np.abs(collection.photo(image).astype(int) - picture).mean() < 6
        stored = collection.human_map(image, STORED_KIND)
        assert np.abs(stored.values - picture[..., 0]).max() < 6
        assert collection.click_count(image) is None
        assert collection.split(image) == "validation"
    assert collection.size_px("b/000000") == (32, 32)
    assert collection.thumbnail("b/000000")[:4] == b"RIFF"


def jpegs(paths, **more):
    return [jpeg_record(n, file_path=(path.encode(), "byte"), **more) for n, path in enumerate(paths)]


@pytest.mark.parametrize(
    "paths",
    [
        ("train/cat/0.png", "val/cat/1.png", "test/cat/2.png"),
        ("data/train2017/0.png", "data/val2017/1.png", "data/test2017/2.png"),
        ("train-stag-0000", "validation-stag-0000", "test-stag-0000"),
    ],
)
def test_records_that_do_not_tell_their_split_have_the_one_that_their_paths_tell(tmp_path, paths):
    write(tmp_path / "clicks.tfrecords", jpegs(paths))
    collection = open_collection(tmp_path / "clicks.tfrecords")
    assert collection.images == paths
    assert [splits_of(collection).split_of(image) for image in paths] == ["train", "validation", "test"]


def test_what_a_record_tells_comes_before_its_file_and_its_path(tmp_path):
    for name, value in {"a": b"test", "b": b"none", "c": b"of no meaning", "d": b"Val"}.items():
        write(tmp_path / "train" / f"{name}.tfrecords", jpegs([f"val/cat/{name}.png"], split=(value, "byte")))
    write(tmp_path / "train" / "e.tfrecords", jpegs(["val/cat/e.png"], split=(3, "int")))
    collection = open_collection(tmp_path)
    told = {image[-5]: collection.split(image) for image in collection.images}
    assert told == {"a": "test", "b": None, "c": "train", "d": "validation", "e": "train"}


def test_records_that_are_all_in_no_split_are_not_split_by_the_hash(tmp_path):
    write(tmp_path / "clicks.tfrecords", jpegs([f"{n}.png" for n in range(9)], split=(b"none", "byte")))
    splits = splits_of(open_collection(tmp_path / "clicks.tfrecords"))
    assert (splits.rule, len(splits.unassigned), splits.by_split) == ("own", 9, {})


def test_records_whose_paths_may_name_splits_do_not_train(tmp_path):
    paths = [*(f"images/test/cat/{n}.png" for n in range(9)), "images/more/cat/9.png"]
    write(tmp_path / "clicks.tfrecords", jpegs(paths))
    with pytest.raises(ValueError, match=r"in doubt: the file_path of records names .* 'images/test/cat/'; export"):
        sources_of_split([("maps", open_collection(tmp_path / "clicks.tfrecords"))], "train")


def test_the_default_map_is_smoothed_and_says_so(shards):
    collection = TFRecordCollection(shards)
    smoothed = collection.human_map("a/000001")
    assert smoothed.shape == (224, 224)
    assert smoothed.attrs["extent_px"] == [16.0, 16.0]
    assert smoothed.attrs["smoothing"] == "harmonization"
    np.testing.assert_allclose(smoothed.values, harmonization(raw_arrays(1)[1][..., 0]), rtol=1e-6)
    assert list(collection.map_kinds) == [SMOOTHED_KIND, STORED_KIND]
    assert TFRecordCollection(shards, smoothing="none").human_map("a/000001").shape == (16, 16)
    with pytest.raises(KeyError, match=r"'gausian'\. Did you mean 'gaussian'"):
        TFRecordCollection(shards, smoothing="gausian")


def test_file_paths_are_ids_where_they_tell_the_images_apart(tmp_path):
    records = [raw_record(number, file_path=(f"n0144/{number}.JPEG".encode(), "byte")) for number in range(2)]
    assert TFRecordCollection(write(tmp_path / "a.tfrecords", records)).images == ("n0144/0.JPEG", "n0144/1.JPEG")
    twice = [raw_record(number, file_path=(b"same.JPEG", "byte")) for number in range(2)]
    assert TFRecordCollection(write(tmp_path / "b.tfrecords", twice)).images == ("b/000000", "b/000001")


def test_shards_of_one_name_in_several_folders_stay_apart(tmp_path):
    for split in ("train", "test"):
        write(tmp_path / split / "part.tfrecords", [raw_record(0)])
    collection = TFRecordCollection(tmp_path)
    assert collection.images == ("test-part/000000", "train-part/000000")
    assert [collection.split(image) for image in collection.images] == ["test", "train"]


def test_labels_beyond_imagenet_have_no_category(tmp_path):
    collection = TFRecordCollection(write(tmp_path / "a.tfrecords", [raw_record(0, label=(1000, "int"))]))
    assert (collection.target("a/000000"), collection.category("a/000000"), collection.label("a/000000")) == (
        None, None, 1000,
    )  # fmt: skip


def test_the_index_is_made_once_and_again_when_the_file_changes(tmp_path, monkeypatch):
    path = write(tmp_path / "a.tfrecords", [raw_record(0), raw_record(1)])
    seen = []
    first = load_record_index(path, lambda done, total: seen.append((done, total)))
    assert seen[-1] == (path.stat().st_size, path.stat().st_size)
    monkeypatch.setattr(
        "gala_viz.collections.clickme.tfrecord_index.scan_records", lambda *_: pytest.fail("read again")
    )
    again = load_record_index(path)
    np.testing.assert_array_equal(again.rows, first.rows)
    assert (again.file_paths, again.refused) == (first.file_paths, first.refused)
    monkeypatch.undo()
    write(path, [raw_record(2)])
    assert len(load_record_index(path)) == 1


def test_a_damaged_index_counts_as_none(tmp_path, cache_folder):
    path = write(tmp_path / "a.tfrecords", [raw_record(0)])
    load_record_index(path)
    (kept,) = (cache_folder / "records").iterdir()
    kept.write_bytes(kept.read_bytes()[:50])
    assert len(load_record_index(path)) == 1


def test_a_collection_opens_by_file_or_folder(shards, tmp_path):
    assert len(open_collection(shards)) == 5
    assert len(open_collection(shards / "val" / "b.tfrecord")) == 2


def test_a_file_cut_short_keeps_what_is_whole(tmp_path):
    path = write(tmp_path / "a.tfrecords", [raw_record(number) for number in range(3)])
    path.write_bytes(path.read_bytes()[:-100])
    collection = TFRecordCollection(path)
    assert collection.images == ("a/000000", "a/000001")
    ((name, reason),) = collection.skipped
    assert name == "a.tfrecords, the rest"
    assert "after record 1 nothing can be read: the file ends inside a record" in reason
    assert "100 bytes are missing" in reason


def test_a_record_with_a_flipped_bit_is_left_out_and_told(tmp_path):
    path = write(tmp_path / "a.tfrecords", [raw_record(number) for number in range(3)])
    place = scan_records(path).records[1]
    content = bytearray(path.read_bytes())
    content[place.start + place.length // 2] ^= 1
    path.write_bytes(content)
    collection = TFRecordCollection(path)
    assert collection.images == ("a/000000", "a/000002")
    assert collection.skipped == (("a.tfrecords, record 1", "its data do not fit their checksum."),)
    np.testing.assert_array_equal(collection.human_map("a/000002", STORED_KIND).values, raw_arrays(2)[1][..., 0])


def test_a_file_that_rots_after_it_was_opened_gives_no_wrong_map(tmp_path):
    path = write(tmp_path / "a.tfrecords", [raw_record(0), raw_record(1)])
    collection = TFRecordCollection(path)
    content = bytearray(path.read_bytes())
    content[200] ^= 8
    path.write_bytes(content)
    with pytest.raises(UnreadableImageError, match="has changed since it was indexed"):
        collection.photo("a/000000")
    assert collection.human_map("a/000000") is None
    assert not collection.has_human_map("a/000000")
    assert {name for name, _ in collection.skipped} == {"a/000000", "a/000000, heatmap"}
    assert collection.photo("a/000001").shape == (16, 16, 3)


def damaged(name):
    """A record whose arrays cannot be what they should be, and what is said of it."""
    image, heatmap = raw_arrays(0)
    with_nan = heatmap.copy()
    with_nan[3, 4] = np.nan
    return {
        "heatmap of another shape": (
            raw_record(0, heatmap=(heatmap.tobytes()[:-4], "byte")),
            "square array of float32",
        ),
        "heatmap with NaN": (raw_record(0, heatmap=(with_nan.tobytes(), "byte")), "1 values that are NaN or infinite"),
        "negative heatmap": (raw_record(0, heatmap=((-heatmap - 1).tobytes(), "byte")), "values are at least 0"),
        "image beyond 255": (raw_record(0, image=((image * 2).tobytes(), "byte")), "holds values from 0 to 255"),
        "damaged picture": (jpeg_record(0, image=(jpeg_record(0)["image"][0][:40], "byte")), "damaged JPEG"),
        "no image": (raw_record(0, image=None), "no feature 'image'"),
        "no label": (raw_record(0, label=None), "no feature 'label'"),
        "label as text": (raw_record(0, label=(b"7", "byte")), "one whole number; it holds 0"),
        "negative label": (raw_record(0, label=(-1, "int")), "counts from 0; it is -1"),
    }[name]


@pytest.mark.parametrize("name", ["heatmap of another shape", "heatmap with NaN", "negative heatmap"])
def test_a_heatmap_that_cannot_be_is_refused_and_the_photograph_stays(name, tmp_path):
    record, told = damaged(name)
    collection = TFRecordCollection(write(tmp_path / "a.tfrecords", [record]))
    assert collection.human_map("a/000000") is None
    assert told in dict(collection.skipped)["a/000000, heatmap"]
    assert collection.photo("a/000000").shape == (16, 16, 3)


@pytest.mark.parametrize("name", ["image beyond 255", "damaged picture"])
def test_a_photograph_that_cannot_be_is_refused(name, tmp_path):
    record, told = damaged(name)
    collection = TFRecordCollection(write(tmp_path / "a.tfrecords", [record]))
    with pytest.raises(UnreadableImageError, match=told):
        collection.photo("a/000000")
    assert told in dict(collection.skipped)["a/000000"]


@pytest.mark.parametrize("name", ["no image", "no label", "label as text", "negative label"])
def test_a_record_without_what_it_needs_is_refused(name, tmp_path):
    record, told = damaged(name)
    path = write(tmp_path / "a.tfrecords", [record, raw_record(1)])
    ((_, reason),) = TFRecordCollection(path).skipped
    assert told in reason
    with pytest.raises(ValueError, match="no usable TFRecord") as raised:
        TFRecordCollection(write(tmp_path / "b.tfrecords", [record]))
    assert told in str(raised.value)


def test_files_that_are_no_records_are_told(tmp_path):
    good = write(tmp_path / "good.tfrecords", [raw_record(0)])
    (tmp_path / "packed.tfrecords").write_bytes(gzip.compress(good.read_bytes())[:-20])
    (tmp_path / "packed_text.tfrecords.gz").write_bytes(gzip.compress(b"image_path,clicks" * 20))
    (tmp_path / "text.tfrecords").write_text("image_path,clicks\n" * 20)
    (tmp_path / "empty.tfrecords").touch()
    collection = TFRecordCollection(tmp_path)
    assert collection.images == ("good/000000",)
    told = dict(collection.skipped)
    assert told["empty.tfrecords"] == "the file is empty. Copy it again, or remove it."
    assert "is a damaged gzip file" in told["packed.tfrecords"]
    assert "what it holds is no TFRecord file" in told["packed_text.tfrecords.gz"]
    assert "is no TFRecord file" in told["text.tfrecords"]


SHARDS = {
    "numbered": ("clickme_train-00000-of-00002", "clickme_train-00001-of-00002"),
    "numbered behind the suffix": ("train.tfrecord-00000-of-00002", "train.tfrecord-00001-of-00002"),
    "numbered and compressed": ("train-00000-of-00002.gz", "train-00001-of-00002.gz"),
    "compressed": ("train_a.tfrecords.gz", "train_b.tfrecord.gz"),
    "compressed under a plain name": ("train_a.tfrecords", "train_b.tfrecord"),
}


@pytest.mark.parametrize(("kind", "names"), SHARDS.items(), ids=SHARDS.keys())
def test_shards_are_found_by_their_usual_names_and_compressed_ones_are_unpacked_once(kind, names, tmp_path):
    folder = tmp_path / "clickme"
    for number, name in enumerate(names):
        plain = write(folder / "plain.tfrecords", [raw_record(2 * number), raw_record(2 * number + 1)])
        content = plain.read_bytes()
        plain.unlink()
        (folder / name).write_bytes(gzip.compress(content) if "compressed" in kind else content)
    collection = open_collection(folder)
    assert len(collection) == len(set(collection.images)) == 4
    for number, image in enumerate(collection.images):
        photo, heatmap = raw_arrays(number)
        np.testing.assert_array_equal(collection.photo(image), photo.astype(np.uint8))
        np.testing.assert_array_equal(collection.human_map(image, STORED_KIND).values, heatmap[..., 0])
        assert collection.split(image) == "train"
    assert not collection.skipped
    alone = open_collection(folder / names[0])
    assert len(alone) == 2
    assert open_collection(folder).fingerprint == collection.fingerprint


def test_photographs_stored_as_fractions_are_shown_as_such_and_told(tmp_path):
    image, _ = raw_arrays(0)
    record = raw_record(0, image=((image / 255).astype("<f4").tobytes(), "byte"))
    collection = open_collection(write(tmp_path / "a.tfrecords", [record, raw_record(1)]))
    np.testing.assert_array_equal(collection.photo(collection.images[0]), image.astype(np.uint8))
    assert "stored from 0 to 1 (1 of 2 looked at)" in collection.map_kinds[SMOOTHED_KIND]


def test_records_of_224_px_are_read_like_any_other(tmp_path):
    collection = open_collection(write(tmp_path / "clickme_test_1000.tfrecords", [raw_record(0, side=224)]))
    (image,) = collection.images
    assert collection.photo(image).shape == (224, 224, 3)
    assert collection.human_map(image).shape == (224, 224)
    assert collection.split(image) == "test"


CONTENT = encoded_record(jpeg_record(1, side=16))


@given(st.binary(max_size=200))
def test_any_bytes_are_an_example_or_an_error(content):
    for read in (example_features, read_labels, photo_bitmap, read_heatmap):
        try:
            read(content)
        except TFRecordError:
            continue


@given(st.integers(0, len(CONTENT) * 8 - 1))
def test_a_record_with_any_bit_flipped_is_read_or_refused(bit):
    content = bytearray(CONTENT)
    content[bit // 8] ^= 1 << bit % 8
    for read in (read_labels, photo_bitmap, read_heatmap):
        try:
            read(bytes(content))
        except TFRecordError:
            continue


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_flip_and_no_cut_of_a_file_changes_a_record_in_silence(data, tmp_path):
    path = tmp_path / "a.tfrecords"
    whole = write(path, [{"label": (number, "int"), "image": (bytes(9), "byte")} for number in range(3)]).read_bytes()
    content = bytearray(whole)
    where = data.draw(st.integers(0, len(whole) - 1))
    if data.draw(st.booleans()):
        content = content[:where]
    else:
        content[where] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(content)
    try:
        found = scan_records(path)
    except TFRecordError:
        return
    labels = [
        int64_feature(example_features(read_record(path, place)), "label")
        for place in found.records
        if not isinstance(place, TFRecordError)
    ]
    assert set(labels) < {0, 1, 2}


@given(st.integers(-(2**63), 2**63 - 1))
def test_whole_numbers_come_back(number):
    assert int64_feature(example_features(encoded_record({"label": (number, "int")})), "label") == number


@pytest.mark.shared
@pytest.mark.parametrize("kind", ["raw", "jpeg"])
def test_records_are_read_as_tensorflow_reads_them(kind, shared_data):
    folder = shared_data / "clickme_tfrecord_sample"
    golden = np.load(folder / "shared_sample_golden.npz")
    collection = open_collection(folder / f"shared_sample_{kind}.tfrecords")
    assert [collection.label(image) for image in collection.images] == golden["labels"].tolist()
    if kind == "raw":
        assert [collection.click_count(image) for image in collection.images] == golden["click_counts"].tolist()
    for number, image in enumerate(collection.images):
        np.testing.assert_allclose(
            collection.photo(image).mean(axis=(0, 1)), golden[f"{kind}_image_mean"][number], atol=1e-3
        )
        stored = collection.human_map(image, STORED_KIND).values
        assert stored.sum() == golden[f"{kind}_heatmap_sum"][number]
        np.testing.assert_array_equal(stored, golden[f"{kind}_heatmap_256"][number])
        blurred = golden[f"{kind}_heatmap_224_blurred"][number].astype(float)
        assert np.abs(collection.human_map(image).values - blurred).max() < 0.001 * np.ptp(blurred)


def test_the_harmonization_smoothing_is_its_kernel_written_out():
    chance = np.random.default_rng(0)
    small = chance.random((64, 64))
    kernel = np.array([[np.exp(-(x**2 + y**2) / 200) for x in range(-5, 5)] for y in range(4, -6, -1)])
    padded = np.pad(small, ((4, 5), (4, 5)))
    expected = np.array(
        [[(padded[y : y + 10, x : x + 10] * kernel).sum() for x in range(64)] for y in range(64)]
    ) / kernel.sum()  # fmt: skip
    blurred = harmonization(np.repeat(np.repeat(small, 4, axis=0), 4, axis=1))
    centres = (np.arange(224) + 0.5) * 64 / 224 - 0.5
    inside = ndimage.map_coordinates(expected, np.meshgrid(centres, centres, indexing="ij"), order=1, mode="nearest")
    np.testing.assert_allclose(blurred, inside, rtol=1e-6)


def test_a_record_is_read_once_for_its_photograph_and_maps(shards, monkeypatch):
    collection, reads = TFRecordCollection(shards), []
    monkeypatch.setattr(tfrecord_collection, "read_record", lambda *place: reads.append(place) or read_record(*place))
    for image in collection.images:
        photo = collection.photo(image)
        stored, smoothed = (collection.human_map(image, kind) for kind in (STORED_KIND, SMOOTHED_KIND))
        assert photo.any()
        np.testing.assert_allclose(smoothed.values, harmonization(stored.values), rtol=1e-6)
    assert len(reads) == len(set(reads)) == len(collection)
