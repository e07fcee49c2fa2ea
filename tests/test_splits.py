"""The one meaning of train, validation and test."""

import numpy as np
import pytest

from gala_viz.collections import open_collection
from gala_viz.splits import HELD_OUT, LEARNT, SPLITS, UNKNOWN, combine_statuses, hash_split, hash_splits, splits_of
from tests.collections.pictures import encoded, gradient


class Named:
    """A collection that says the split of each image, or nothing."""

    name = "own"

    def __init__(self, splits):
        self._splits = splits
        self.images = tuple(splits)

    def split(self, image):
        return self._splits[image]


def folder(root, *paths):
    for number, path in enumerate(paths):
        photo = gradient()
        photo[0, 0] = number
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(encoded(photo))
    return open_collection(root)


def test_splits_by_the_hash_share_no_image_and_lose_none():
    names = [f"image{number}" for number in range(3000)]
    parts = [set(hash_splits("all", names).images_of(split)) for split in SPLITS]
    assert sum(map(len, parts)) == len(set.union(*parts)) == 3000
    assert [len(part) / 3000 for part in parts] == pytest.approx([0.60, 0.15, 0.25], abs=0.03)


def test_an_image_keeps_its_hashed_split_when_others_join():
    few, more = hash_splits("few", ["a", "b"]), hash_splits("more", ["a", "b", "c"])
    assert (
        [few.split_of(image) for image in "ab"]
        == [more.split_of(image) for image in "ab"]
        == [hash_split("a"), hash_split("b")]
    )


def test_a_collections_own_splits_decide_where_it_has_any():
    splits = splits_of(Named({"a": "test", "b": "train", "c": None, "d": "test"}))
    assert (splits.rule, splits.seed) == ("own", None)
    assert (splits.images_of("test"), splits.images_of("train")) == (("a", "d"), ("b",))
    assert splits.unassigned == ("c",)
    assert "1 image is in none of them and left out" in splits.description
    assert splits.images_of("all") == ("a", "b", "c", "d")


@pytest.mark.parametrize("splits", [{"a": None, "b": None}, {"a": "", "b": ""}])
def test_without_splits_of_its_own_the_hash_decides(splits):
    found = splits_of(Named(splits))
    assert (found.rule, found.seed, found.by_image) == ("hash", 0, {"a": hash_split("a"), "b": hash_split("b")})


def test_a_missing_split_is_an_error_that_names_those_there_are():
    splits = splits_of(Named({"a": "test", "b": "train", "c": "test", "d": None}))
    told = r"own: no image is in the validation split. There are: train \(1 image\), test \(2 images\); .*1 image is"
    with pytest.raises(ValueError, match=told):
        splits.images_of("validation")


def test_an_unknown_split_is_refused():
    with pytest.raises(ValueError, match="'train', 'validation' or 'test', or 'all'; got 'held-out'"):
        hash_splits("own", ["a"]).images_of("held-out")


def test_a_split_that_a_collection_calls_otherwise_is_refused_and_not_left_out():
    with pytest.raises(ValueError, match="own, b: a split is called 'train', 'validation' or 'test'; got 'val'"):
        splits_of(Named({"a": "train", "b": "val"}))


def test_a_collection_that_answers_by_the_hash_says_so():
    class Hashed(Named):
        split_rule = "hash"

    images = {image: hash_split(image) for image in "abcdef"}
    found = splits_of(Hashed(images))
    assert (found.rule, found.seed, found.by_image) == ("hash", 0, images)


def test_folders_called_train_and_test_are_splits_also_where_photographs_lie_in_them_directly(tmp_path):
    found = splits_of(folder(tmp_path, "train/a.png", "train/b.png", "test/c.png"))
    assert (found.rule, found.images_of("train"), found.images_of("test")) == (
        "own",
        ("train/a.png", "train/b.png"),
        ("test/c.png",),
    )


def test_a_folder_called_train_beside_other_categories_is_a_category(tmp_path):
    collection = folder(tmp_path, "train/a.png", "bus/b.png")
    assert [collection.category(image) for image in ("train/a.png", "bus/b.png")] == ["train", "bus"]
    assert splits_of(collection).rule == "hash"


@pytest.mark.parametrize("paths", [("train/cat/a.png", "test/cat/b.png"), ("train/a.png", "Testing/b.png")])
@pytest.mark.parametrize("beside", ["more/c.png", "more/cat/c.png", "c.png"])
def test_photographs_beside_the_splits_are_in_none_of_them(tmp_path, paths, beside):
    collection = folder(tmp_path, *paths, beside)
    found = splits_of(collection)
    assert (found.rule, found.images_of("train"), found.images_of("test")) == ("own", (paths[0],), (paths[1],))
    assert found.unassigned == (beside,)
    assert "1 image is in none of them and left out" in found.description


def test_an_image_is_held_out_only_where_no_network_may_have_learnt_from_it():
    each = [
        np.array([LEARNT, HELD_OUT, HELD_OUT, UNKNOWN], np.int8),
        np.array([HELD_OUT, HELD_OUT, UNKNOWN, UNKNOWN], np.int8),
    ]
    assert combine_statuses(each).tolist() == [LEARNT, HELD_OUT, UNKNOWN, UNKNOWN]


@pytest.mark.parametrize("around", ["", "data/2017/"])
def test_folders_beside_the_splits_are_named_with_what_folders_of_splits_are_called(tmp_path, around):
    names = ("train/cat/1.png", "test/dog/2.png", "held_out/cat/3.png", "held_out/dog/4.png", "eval/cat/5.png")
    found = splits_of(folder(tmp_path, *(f"{around}{name}" for name in names)))
    assert found.unassigned_folders == {f"{around}eval/": 1, f"{around}held_out/": 2}
    told = f"({around}eval/ 1, {around}held_out/ 2; folders of splits are called train/, val/ and test/)"
    assert f"3 images are in none of them and left out {told}" in found.description
    with pytest.raises(ValueError, match="no image is in the validation split") as raised:
        found.images_of("validation")
    assert f"3 images are in no split {told}" in str(raised.value)


def test_train_beside_eval_is_refused_with_the_folders_name(tmp_path):
    with pytest.raises(
        ValueError, match=r"1 image is in no split \(eval/ 1; folders of splits are called train/, val/"
    ):
        splits_of(folder(tmp_path, "train/cat/1.png", "eval/cat/5.png")).images_of("validation")
    assert splits_of(Named({"a": None, "b": "train"})).unassigned_folders == {}
