"""Maps are found by their names, in whatever Unicode form a system writes these."""

from __future__ import annotations

import unicodedata

import numpy as np
import pytest
from PIL import Image

import gala_viz as gv
from gala_viz.collections.human_maps.image_names import ImageNames, match_names, match_table

COMPOSED = "größe 1"
DECOMPOSED = unicodedata.normalize("NFD", COMPOSED)


@pytest.mark.parametrize(("image", "name"), [(COMPOSED, DECOMPOSED), (DECOMPOSED, COMPOSED), (COMPOSED, COMPOSED)])
def test_an_umlaut_in_two_characters_is_the_same_name(tmp_path, image, name):
    (tmp_path / "photographs").mkdir()
    (tmp_path / "maps").mkdir()
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(tmp_path / "photographs" / f"{image}.jpg")
    Image.fromarray(np.eye(8, dtype=np.uint8) * 255).save(tmp_path / "maps" / f"{name}.png")
    collection = gv.open_collection(tmp_path / "photographs", human_maps=tmp_path / "maps")
    assert collection.has_human_map(collection.images[0])
    assert not collection.skipped


def test_two_maps_whose_names_become_one_are_both_left_out():
    known = ImageNames([f"{COMPOSED}.jpg", "other.jpg"])
    things = [(f"{DECOMPOSED}.png", DECOMPOSED), (f"{COMPOSED}.png", COMPOSED), ("other.png", "other")]
    found, left_out = match_names(things, known)
    assert found == {"other.jpg": "other.png"}
    assert {name for name, _ in left_out} == {f"{DECOMPOSED}.png", f"{COMPOSED}.png"}
    assert all("in another Unicode form" in why for _, why in left_out)


def test_of_two_photographs_whose_names_become_one_each_has_the_map_of_its_exact_name():
    images = [f"{DECOMPOSED}.jpg", f"{COMPOSED}.jpg"]
    things = [(f"{DECOMPOSED}.png", DECOMPOSED), (f"{COMPOSED}.png", COMPOSED)]
    assert match_names(things, ImageNames(images))[0] == dict(
        zip(images, [f"{DECOMPOSED}.png", f"{COMPOSED}.png"], strict=True)
    )


def test_the_same_name_with_two_suffixes_is_as_before():
    found, left_out = match_names([("a.npy", "a"), ("a.png", "a")], ImageNames(["a.jpg"]))
    assert found == {"a.jpg": "a.npy"}
    assert left_out == [("a.png", "comes second for a.jpg, after a.npy.")]


@pytest.mark.parametrize(
    ("names", "images", "expected"),
    [
        (["/data/x/cat/1.png", r"C:\\data\\cat\\2.png"], ["imgs/cat/1.png", "cat/2.png"], {0: 0, 1: 1}),
        (["cat/1.png", "dog/1.png"], ["1.png"], {}),  # which of the two is meant?
        (["cat/1.png", "x/2.png"], ["cat/1.png", "2.png"], {0: 0, 1: 1}),
        (["cat/1.png", "x/2.png"], ["cat/1.png", "dog/2.png"], {0: 0}),  # folders tell images here
        (["x/1.png", "x/2.png"], ["dog/1.png", "dog/2.png"], {0: 0, 1: 1}),
    ],
)
def test_an_image_of_a_table_is_told_by_the_end_of_its_path_or_where_none_is_by_its_file_name(names, images, expected):
    match = match_table([(name,) for name in names], images, "rounds")
    assert match.image_by_number == {number: images[which] for number, which in expected.items()}
    missing = len(names) - len(expected)
    assert [reason.partition(" are")[0] for _, reason in match.left_out] == [f"{missing} of {len(names)}"] * bool(
        missing
    )
