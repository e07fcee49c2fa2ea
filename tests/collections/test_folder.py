"""Folders of photographs: layouts, bad files, links, maps, the remembered index, and many threads."""

import io
import json
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from gala_viz import cache
from gala_viz.cli import main
from gala_viz.collections import UnreadableImageError, file_index, open_collection
from gala_viz.collections.folder_collection import FolderCollection
from gala_viz.collections.path_labels import PathLabels, SplitLayout, find_split_layout, labels_from_path
from gala_viz.collections.photo_files import ReadingLimits
from gala_viz.imagenet import CATEGORIES, category_names, index_of_wnid
from gala_viz.registry import UnknownNameError
from gala_viz.splits import splits_of
from gala_viz.training.held_out import check_training_images
from gala_viz.training.sources import TrainingSource, sources_of_split
from tests.collections.pictures import encoded, gradient


def write(folder, path, content=None):
    target = folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(encoded(gradient(12, 16)) if content is None else content)
    return target


def settle(folder):
    """Date all folders back, as if nothing had changed for a while."""
    past = 1_700_000_000
    for path in [folder, *folder.rglob("*")]:
        if path.is_dir():
            os.utime(path, (past, past))


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    for path in ("b.png", "a.jpg", "cats/one.png", "cats/two.png", "dogs/one.png"):
        write(folder, path)
    return folder


def test_images_are_sorted_paths_and_categories_their_folders(photos):
    collection = open_collection(photos)
    assert collection.images == ("a.jpg", "b.png", "cats/one.png", "cats/two.png", "dogs/one.png")
    assert [collection.category(image) for image in collection.images] == [None, None, "cats", "cats", "dogs"]
    assert collection.name == "photos"
    np.testing.assert_array_equal(collection.photo("cats/one.png"), gradient(12, 16))
    assert collection.size_px("cats/one.png") == (12, 16)
    assert (collection.map_kinds, collection.skipped, len(collection)) == ({}, (), 5)


def test_bytes_are_read_once_to_be_named_and_again_where_the_file_was_replaced(photos, monkeypatch):
    collection, asked = open_collection(photos), []
    real = collection._content
    monkeypatch.setattr(collection, "_content", lambda image: asked.append(image) or real(image))
    first = [collection.content_key("b.png") for _ in range(3)]
    assert first == [first[0]] * 3
    assert asked == ["b.png"]
    write(photos, "b.png", encoded(gradient(20, 30)))
    assert collection.content_key("b.png") != first[0]
    assert collection.content_size("b.png") == (photos / "b.png").stat().st_size
    (photos / "b.png").unlink()
    assert collection.content_key("b.png") is None


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a.jpg", PathLabels()),
        ("n01440764/a.JPEG", PathLabels("tench", 0)),
        ("n99999999/a.JPEG", PathLabels("n99999999")),
        ("train/n01443537/a.JPEG", PathLabels("goldfish", 1, None, "train")),
        ("VAL/cat/a.jpg", PathLabels("cat", None, None, "validation")),
        ("test/a.jpg", PathLabels("test")),
        ("animal/bass/a.jpg", PathLabels("bass", None, "animal")),
        ("test/animal/bass/a.jpg", PathLabels("bass", None, "animal", "test")),
    ],
)
def test_a_path_tells_split_superclass_category_and_index(path, expected):
    assert labels_from_path(path) == expected


@given(st.lists(st.text(st.characters(exclude_characters="/"), min_size=1, max_size=8), min_size=1, max_size=5))
def test_any_path_has_a_place(parts):
    found = labels_from_path("/".join(parts))
    assert (found.category is None) == (len(parts) == 1)
    assert found.target is None or CATEGORIES[found.target][1] == found.category


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("images/train/cat/1.png", PathLabels("cat", None, None, "train")),
        ("images/val/cat/1.png", PathLabels("cat", None, None, "validation")),
        ("images/test/dog/1.png", PathLabels("dog", None, None, "test")),
        ("images/more/dog/1.png", PathLabels("dog", None, "more", None)),
    ],
)
def test_splits_inside_of_one_folder_are_splits(path, expected):
    paths = [f"images/{split}/{one}/1.png" for split in ("train", "val", "test") for one in ("cat", "dog")]
    layout = find_split_layout([*paths, "images/more/dog/1.png"])
    assert labels_from_path(path, layout=layout) == expected
    assert not layout.doubt


@pytest.mark.parametrize(
    ("folder", "expected"),
    [
        ("images/train", PathLabels(split="train")),
        ("train2014", PathLabels(split="train")),
        ("test", PathLabels(split="test")),
        ("ILSVRC/Data/val/cat", PathLabels("cat", split="validation")),
        ("val/cat", PathLabels("cat", split="validation")),
    ],
)
def test_the_only_split_that_is_there_is_that_split(folder, expected):
    paths = [f"{folder}/{n}.png" for n in range(3)]
    layout = find_split_layout(paths)
    assert {labels_from_path(path, layout=layout) for path in paths} == {expected}
    assert not layout.doubt
    beside = find_split_layout([*paths, "else/1.png"])
    assert labels_from_path("else/1.png", layout=beside) == PathLabels("else")


def test_names_of_files_that_begin_with_a_split_are_splits_where_all_do(tmp_path):
    for name in ("train-stag-0001.png", "validation-stag-0001.png", "test-stag-0001.png"):
        write(tmp_path / "own", f"stag/{name}")
    collection = open_collection(tmp_path / "own")
    assert [collection.split(image) for image in collection.images] == ["test", "train", "validation"]
    assert {collection.category(image) for image in collection.images} == {"stag"}
    for paths, doubtful in (
        (["train_1.png", "train_2.png"], ()),
        (["train_1.png", "test_2.png", "other.png"], ("test_2.png",)),
        (["contest_1.png", "testament.png"], ()),
    ):
        assert find_split_layout(paths) == SplitLayout(doubtful=doubtful)


def test_splits_inside_of_each_category_leave_the_category():
    paths = [f"{category}/{split}/good/1.png" for split in ("training", "testing") for category in ("bottle", "cable")]
    layout = find_split_layout(paths)
    assert labels_from_path("bottle/testing/good/1.png", layout=layout) == PathLabels("good", None, "bottle", "test")
    flat = find_split_layout(["cats/train/1.png", "cats/test/1.png", "dogs/train/1.png"])
    assert labels_from_path("dogs/train/1.png", layout=flat) == PathLabels("dogs", None, None, "train")


@pytest.mark.parametrize(
    ("names", "splits"),
    [
        (("train2017", "val2017", "test2017"), ("train", "validation", "test")),
        (("train", "dev"), ("train", "validation")),
        (("training_set", "Test-Set"), ("train", "test")),
        (("train_images", "valid images", "testing"), ("train", "validation", "test")),
        (("Train", "development"), ("train", "validation")),
        (("data/2017/train", "data/2017/test1"), ("train", "test")),
    ],
)
@pytest.mark.parametrize("inside", ["", "/cat"])
def test_other_names_of_splits_are_splits_too(tmp_path, names, splits, inside):
    for name in names:
        write(tmp_path / "own", f"{name}{inside}/1.png")
    collection = open_collection(tmp_path / "own")
    assert [collection.split(f"{name}{inside}/1.png") for name in names] == list(splits)
    assert {collection.category(image) for image in collection.images} == {"cat" if inside else None}
    assert splits_of(collection).rule == "own"
    assert not splits_of(collection).doubt


@pytest.mark.parametrize(
    ("paths", "doubtful"),
    [
        (("test/{n}.png", "cat/{n}.png"), "test/"),
        (("images/test2017/cat/{n}.png", "images/more/cat/{n}.png"), "images/test2017/cat/"),
        (("train/{n}.png", "held_out/{n}.png"), "held_out/"),
        (("train/cat/{n}.png", "train/test/{n}.png", "val/cat/{n}.png"), "train/test/"),
        (("cat/eval/{n}.png", "cat/train/{n}.png"), "cat/eval/"),
    ],
)
def test_what_may_be_a_split_and_is_not_read_as_one_is_told_and_does_not_train(tmp_path, capsys, paths, doubtful):
    for path in paths:
        for n in range(8):
            write(tmp_path / "own", path.format(n=n), encoded(np.full((12, 16, 3), len(path) * 8 + n, np.uint8)))
    collection = open_collection(tmp_path / "own")
    told = f"1 folders or files are called like a split and not read as one: {doubtful};"
    assert f"; NOT SURE: {told}" in splits_of(collection).description
    with pytest.raises(ValueError, match=f"own: which images may train is in doubt: {told}"):
        sources_of_split([("plain", collection)], "train")
    source = TrainingSource(collection, collection.images, "plain")
    with pytest.raises(ValueError, match="which images may train is in doubt"):
        check_training_images([source])
    assert main(["import", "photographs", str(tmp_path / "own"), "--into", str(tmp_path / "new"), "--quiet"]) == 0
    assert f"NOT SURE: {told}" in capsys.readouterr().out


@pytest.mark.parametrize(
    "paths",
    [
        ("train/1.png", "bus/1.png"),
        ("train/cat/1.png", "more/test/1.png"),
        ("train/cat/1.png", "train/train/1.png", "test/train/1.png"),
        ("animal/cat/1.png", "contest/1.png"),
        ("train/cat/1.png", "eval/cat/1.png"),
    ],
)
def test_what_trains_no_test_image_is_no_doubt(paths):
    assert find_split_layout(paths).doubt == ""


def test_imagenets_indices_are_the_sorted_order_of_its_ids():
    ids = [wnid for wnid, _ in CATEGORIES]
    assert ids == sorted(ids)
    assert len(set(ids)) == len(category_names()) == 1000
    assert [index_of_wnid(wnid) for wnid in ids[::111]] == list(range(0, 1000, 111))
    with pytest.raises(UnknownNameError, match="n01440764"):
        index_of_wnid("n0144076")


def test_one_bad_file_never_stops_the_rest(photos):
    write(photos, "bad/empty.jpg", b"")
    write(photos, "bad/text.jpg", b"no photograph")
    write(photos, "bad/cut.png", encoded(gradient(200, 200))[:300])
    write(photos, "bad/moving.gif", b"GIF89a")
    write(photos, "notes.txt", b"passed over")
    write(photos, ".hidden.jpg", b"")
    collection = open_collection(photos)
    assert dict(collection.skipped).keys() == {"bad/empty.jpg", "bad/moving.gif"}
    assert "empty" in dict(collection.skipped)["bad/empty.jpg"]
    for image in ("bad/cut.png", "bad/text.jpg"):
        with pytest.raises(UnreadableImageError, match=image):
            collection.photo(image)
    good = [image for image in collection.images if not image.startswith("bad")]
    assert len([collection.photo(image) for image in good]) == 5
    reasons = dict(collection.skipped)
    assert "none of PNG" in reasons["bad/text.jpg"]
    assert "damaged" in reasons["bad/cut.png"]
    with pytest.raises(UnreadableImageError):
        collection.thumbnail("bad/cut.png")
    assert len(collection.skipped) == 4


def test_the_limits_of_a_folder_can_be_chosen(photos):
    collection = FolderCollection(photos, limits=ReadingLimits(max_pixels=100))
    with pytest.raises(UnreadableImageError, match="16 x 12"):
        collection.photo("a.jpg")
    assert collection.fingerprint != FolderCollection(photos).fingerprint


def test_links_are_followed_only_inside_the_folder(photos, tmp_path):
    secret = write(tmp_path, "elsewhere/secret.png")
    (photos / "out.png").symlink_to(secret)
    (photos / "in.png").symlink_to(photos / "b.png")
    (photos / "broken.png").symlink_to(photos / "gone.png")
    (photos / "loop.png").symlink_to(photos / "loop.png")
    (photos / "folder").symlink_to(tmp_path / "elsewhere")
    collection = open_collection(photos)
    assert "in.png" in collection
    assert "out.png" not in collection
    assert {"out.png", "broken.png", "loop.png", "folder"} <= dict(collection.skipped).keys()
    assert "leaves" in dict(collection.skipped)["out.png"]


def test_a_link_that_is_turned_outwards_later_is_not_followed(photos, tmp_path):
    secret = write(tmp_path, "elsewhere/secret.png")
    (photos / "in.png").symlink_to(photos / "b.png")
    collection = open_collection(photos)
    (photos / "in.png").unlink()
    (photos / "in.png").symlink_to(secret)
    with pytest.raises(UnreadableImageError, match="leaves"):
        collection.photo("in.png")
    (photos / "cats").rename(tmp_path / "moved")
    (photos / "cats").symlink_to(tmp_path / "moved")
    with pytest.raises(UnreadableImageError, match="leaves"):
        collection.photo("cats/one.png")


def test_an_image_that_is_not_there_is_answered_with_a_near_one(photos):
    collection = open_collection(photos)
    with pytest.raises(UnknownNameError, match=r"Did you mean 'cats/one\.png'"):
        collection.photo("cats/on.png")
    with pytest.raises(UnknownNameError):
        collection.human_map("nothing")


def test_a_file_deleted_after_opening_is_listed(photos):
    collection = open_collection(photos)
    (photos / "b.png").unlink()
    with pytest.raises(UnreadableImageError, match="cannot be opened"):
        collection.photo("b.png")
    assert dict(collection.skipped).keys() == {"b.png"}


def test_a_photograph_replaced_in_place_is_shown_anew(photos):
    collection = open_collection(photos)
    before, small = collection.photo("b.png"), collection.thumbnail("b.png")
    write(photos, "b.png", encoded(255 - gradient(30, 30)))
    assert collection.photo("b.png").shape == (30, 30, 3)
    assert before.shape == (12, 16, 3)
    assert collection.thumbnail("b.png") != small


def test_the_index_lies_in_the_users_cache_and_nothing_beside_the_images(photos, cache_folder):
    before = {path: path.stat().st_mtime_ns for path in photos.rglob("*")}
    open_collection(photos).thumbnail("a.jpg")
    assert {path: path.stat().st_mtime_ns for path in photos.rglob("*")} == before
    assert len(list((cache_folder / "indexes").glob("*.json"))) == 1


def test_an_unchanged_folder_is_not_listed_again(photos, monkeypatch):
    settle(photos)
    first = open_collection(photos)
    listed = []
    monkeypatch.setattr(file_index, "_list", lambda *args: listed.append(args))
    second = open_collection(photos)
    assert listed == []
    assert (second.images, second.fingerprint) == (first.images, first.fingerprint)


@pytest.mark.parametrize("change", ["added", "removed", "renamed", "rewritten", "new folder"])
def test_a_changed_folder_is_noticed(photos, change):
    settle(photos)
    before = open_collection(photos)
    if change == "added":
        write(photos, "cats/three.png")
    elif change == "removed":
        (photos / "cats/one.png").unlink()
    elif change == "renamed":
        (photos / "cats/one.png").rename(photos / "cats/ones.png")
    elif change == "rewritten":
        write(photos, "cats/one.png", encoded(gradient(50, 50)))
    else:
        write(photos, "birds/one.png")
    after = open_collection(photos)
    assert after.fingerprint != before.fingerprint
    assert (after.images != before.images) == (change != "rewritten")
    assert open_collection(photos).images == FolderCollection(photos, refresh=True).images == after.images


def test_a_folder_changed_moments_ago_is_not_trusted(photos):
    open_collection(photos)
    status = photos.stat()
    write(photos, "late.png")
    os.utime(photos, ns=(status.st_atime_ns, status.st_mtime_ns))  # a coarse clock that shows no change
    assert "late.png" in open_collection(photos)


def test_an_empty_file_that_is_filled_in_place_appears(photos):
    write(photos, "late.png", b"")
    settle(photos)
    assert "late.png" not in open_collection(photos)
    write(photos, "late.png")
    settle(photos)
    assert "late.png" in open_collection(photos)


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"version": 1}',
        b"\xff\xfe",
        lambda s: {**s, "version": 0},
        lambda s: {**s, "root": "/elsewhere"},
        lambda s: {**s, "folders": {"": [s["folders"][""][0], [], [["../secret.png", 1, 1]], []]}},
        lambda s: {**s, "folders": {"": [s["folders"][""][0], [".."], [], []]}},
        lambda s: {**s, "folders": {"": [s["folders"][""][0], [], [[3]], []]}},
        lambda s: {**s, "folders": {"": [s["folders"][""][0], [], [["a.jpg", "big", 1]], []]}},
        lambda s: {**s, "folders": {"": [s["folders"][""][0], [], [], [["a", None]]]}},
    ],
)
def test_a_damaged_index_is_built_anew(photos, cache_folder, damage):
    settle(photos)
    expected = open_collection(photos).images
    (path,) = (cache_folder / "indexes").glob("*.json")
    stored = path.read_bytes()
    path.write_bytes(damage if isinstance(damage, bytes) else json.dumps(damage(json.loads(stored))).encode())
    assert open_collection(photos).images == expected
    assert path.read_bytes() == stored


def test_a_cache_folder_that_cannot_be_written_stops_nothing(photos, tmp_path, monkeypatch):
    write(tmp_path, "a file", b"not a folder")
    monkeypatch.setenv("GALA_VIZ_CACHE", str(tmp_path / "a file"))
    collection = open_collection(photos)
    assert len(collection.thumbnail("a.jpg")) > 0


def test_a_name_that_is_no_text_is_listed(photos):
    try:
        write(photos, os.fsdecode(b"\xff.png"))
    except OSError:
        pytest.skip("this file system takes only valid names")
    assert r"\xff.png" in dict(open_collection(photos).skipped)


def test_thumbnails_of_large_collections_are_kept_between_sessions(photos, cache_folder, monkeypatch):
    monkeypatch.setattr("gala_viz.collections.collection.LARGE_COLLECTION", 3)
    first = open_collection(photos).thumbnail("a.jpg")
    monkeypatch.setattr("gala_viz.collections.photo_cache.THUMBNAILS", cache.BoundedCache(10**6))
    monkeypatch.setattr("gala_viz.collections.photo_cache.read_thumbnail", None)
    assert open_collection(photos).thumbnail("a.jpg") == first
    with Image.open(io.BytesIO(first)) as small:
        assert small.format == "WEBP"


def test_many_threads_see_the_same_photographs_and_thumbnails(tmp_path):
    for k in range(12):
        write(tmp_path / "many", f"{k:02d}.png", encoded(np.full((20, 30, 3), 20 * k, np.uint8)))
    write(tmp_path / "many", "bad.png", b"bad")
    collection = open_collection(tmp_path / "many")

    def look(k):
        if k % 13 == 12:
            with pytest.raises(UnreadableImageError):
                collection.photo("bad.png")
            return True
        image = f"{k % 13:02d}.png"
        return bool((collection.photo(image) == 20 * (k % 13)).all()) and len(collection.thumbnail(image)) > 0

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(look, range(400)))
    assert [path for path, _ in collection.skipped] == ["bad.png"]


def test_photographs_cannot_be_changed_for_the_other_sessions(photos):
    photo = open_collection(photos).photo("a.jpg")
    with pytest.raises(ValueError, match="read-only"):
        photo[0, 0, 0] = 1


def test_a_bounded_cache_keeps_the_most_recently_used():
    store = cache.BoundedCache(100)
    for key in "abcd":
        store.put(key, key.upper(), 25)
    assert store.get("a") == "A"
    store.put("e", "E", 25)
    assert [store.get(key) for key in "abcde"] == ["A", None, "C", "D", "E"]
    store.put("huge", "H", 26)
    assert store.get("huge") is None
    store.put("a", "A2", 10)
    assert (store.get("a"), store.n_bytes, len(store)) == ("A2", 85, 4)


def test_a_file_cache_drops_the_longest_unused_when_it_is_full(tmp_path):
    store = cache.FileCache(tmp_path, max_bytes=1000, suffix=".bin")
    for k in range(11):
        store.put(f"key {k}", b"x" * 100)
        os.utime(store._path(f"key {k}"), (1000 + k, 1000 + k))
    assert store.get("key 0") == b"x" * 100  # used now
    store.prune()
    kept = [k for k in range(11) if store.get(f"key {k}")]
    assert kept == [0, 7, 8, 9, 10]
    assert not list(tmp_path.rglob("*.part"))


def test_a_folder_of_too_many_files_and_the_root_of_the_system_are_refused_with_advice(tmp_path, monkeypatch, caplog):
    for number in range(6):
        (tmp_path / f"{number}.txt").touch()
    monkeypatch.setattr(file_index, "TELL_AFTER_S", 0.0)
    monkeypatch.setattr(file_index, "_TELL_EVERY", 3)
    monkeypatch.setattr(file_index, "MAX_ENTRIES", 6)
    with pytest.raises(ValueError, match="holds no photographs"):
        open_collection(tmp_path)
    assert f"{tmp_path.resolve()}: looked through 3 files and folders so far" in caplog.messages
    (tmp_path / "6.txt").touch()
    with pytest.raises(
        ValueError, match=r"more than 6 files and folders\. A collection is a folder of photographs; name"
    ):
        open_collection(tmp_path)
    with pytest.raises(ValueError, match=r"/ is the root of the file system, and is not looked through\."):
        open_collection("/")
