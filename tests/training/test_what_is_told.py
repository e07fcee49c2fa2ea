"""What a training tells of the images and maps that have no part in it."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

import gala_viz as gv
from gala_viz.collections.clickme.writers import ClickMeRecord, write_tfrecords
from gala_viz.collections.human_maps.map_checks import describe_usable_maps
from gala_viz.training.run import read_images, set_up_training
from gala_viz.training.training_card import data_section
from tests.training.tiny import tiny_supervised_recipe

RECIPE, LABELS_ALONE = (tiny_supervised_recipe(collection="", attention_weight=weight) for weight in (1.0, 0.0))
CATEGORIES = ("house", "mushroom")


@pytest.fixture
def photographs(tmp_path):
    """Photographs of two categories, with a map for each."""
    rng = np.random.default_rng(3)
    for split in ("train", "val"):
        for category in CATEGORIES:
            for number in range(4):
                name = f"{split}/{category}/{number}.png"
                write(tmp_path / "photographs" / name, rng.integers(0, 255, (30, 40, 3), dtype=np.uint8))
                write(tmp_path / "maps" / name, rng.integers(0, 255, (15, 20), dtype=np.uint8))
    return tmp_path / "photographs"


def write(path, values):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path)


def told(recipe=RECIPE, **collections):
    lines = []
    setup = set_up_training(recipe, tell=lines.append, **collections)
    training, validation = read_images(recipe, setup, tell=lines.append)
    return "\n".join(lines), setup, data_section(training, validation)


def test_records_whose_labels_another_option_would_take_are_counted_as_records(tmp_path):
    for split in ("train", "val"):
        heats = [np.eye(16, dtype=np.float32) * (number % 2) for number in range(8)]
        rows = [
            ClickMeRecord(np.full((16, 16, 3), 9 * n + len(split), np.uint8), heat, n % 2, 5, f"{split}/{n}.JPEG")
            for n, heat in enumerate(heats)
        ]
        write_tfrecords(tmp_path / f"clickme_{split}.tfrecords", rows)
    (tmp_path / "categories.txt").write_text("\n".join(CATEGORIES))
    lines, setup, _ = told(maps=gv.open_collection(tmp_path))
    assert len(setup.training[0].images) == 4
    assert f"4 records without a usable map are not trained on: --labels {tmp_path} would take their labels" in lines
    assert "8 heatmaps not used" in lines
    assert "files" not in lines
    lines, setup, _ = told(labels=gv.open_collection(tmp_path))
    assert len(setup.training[0].images) == 8
    assert "not trained on" not in lines


def test_validation_images_of_categories_that_do_not_train_are_counted(photographs):
    write(photographs / "val" / "cactus" / "1.png", np.zeros((30, 40, 3), np.uint8))
    lines, _, card = told(LABELS_ALONE, labels=gv.open_collection(photographs))
    assert "8 images choose" in lines
    assert "1 have a category that the network does not know: 'cactus' (1)" in lines
    assert card["collections"][0]["n_validation_of_unknown_categories"] == 1


def test_folders_of_categories_without_a_photograph_are_told(photographs):
    for split in ("train", "val"):
        (photographs / split / "cactus" / "more").mkdir(parents=True)
    collection = gv.open_collection(photographs)
    assert collection.empty_folders == ("train/cactus/", "val/cactus/")
    assert "no photograph lies in 2 folders: train/cactus/, val/cactus/" in told(LABELS_ALONE, labels=collection)[0]
    write(photographs / "train" / "cactus" / "more" / "1.png", np.zeros((30, 40, 3), np.uint8))
    assert gv.open_collection(photographs).empty_folders == ("val/cactus/",)


def test_maps_in_other_proportions_are_one_reason_with_an_example(photographs):
    sizes = iter(range(30, 60))
    for path in sorted((photographs.parent / "maps").glob("*/*/*.png"))[2:]:
        write(path, np.eye(next(sizes), dtype=np.uint8) * 255)
    collection = gv.open_collection(photographs, human_maps=photographs.parent / "maps")
    lines, _, card = told(labels=collection)
    usable = "2 of 8 maps usable (left out 6, for example: a map covers the whole photograph; 30 x 30 cells do not fit"
    assert f"train: photographs: {usable} 30 x 40 px" in lines
    assert "train: FEWER THAN HALF of the human maps of photographs can be used" in lines
    assert "; …" not in lines
    assert card["collections"][0]["maps_train"].startswith(usable)


def test_reasons_that_differ_by_more_than_their_numbers_stay_apart():
    reasons = {"a": "size 3 is odd.", "b": "size 5 is odd.", "c": "size 5 is odd.", "d": "nobody marked anything."}
    assert describe_usable_maps(4, reasons) == (
        "4 of 8 maps usable (left out 3, for example: size 5 is odd; 1: nobody marked anything)"
    )


def test_half_of_the_maps_are_not_few(photographs):
    for path in sorted((photographs.parent / "maps").glob("train/*/*.png"))[4:]:
        write(path, np.zeros((15, 20), np.uint8))
    lines = told(labels=gv.open_collection(photographs, human_maps=photographs.parent / "maps"))[0]
    assert "4 of 8 maps usable" in lines
    assert "FEWER" not in lines


def test_a_folder_of_maps_in_the_place_of_photographs_is_told_where_it_belongs(photographs, tmp_path):
    maps = tmp_path / "maps"
    with pytest.raises(
        ValueError, match=r"None of its 8 images has a human map.* --labels PHOTOGRAPHS --human-maps MAPS"
    ):
        told(maps=gv.open_collection(maps))
    (tmp_path / "arrays").mkdir()
    np.save(tmp_path / "arrays" / "a.npy", np.eye(4))
    with pytest.raises(ValueError, match=r"holds no photographs.* may be human maps.*: --human-maps takes them"):
        gv.open_collection(tmp_path / "arrays")


def test_records_in_the_place_of_maps_are_told_where_they_belong(photographs, tmp_path):
    (tmp_path / "tf").mkdir()
    write_tfrecords(
        tmp_path / "tf" / "a.tfrecords", [ClickMeRecord(np.zeros((8, 8, 3), np.uint8), np.eye(8), 0, 3, "a.JPEG")]
    )
    for place in (tmp_path / "tf", tmp_path / "tf" / "a.tfrecords"):
        with pytest.raises(ValueError, match=r"in a training --maps or --labels\) takes them"):
            gv.open_collection(photographs, human_maps=place)


def test_one_category_alone_is_told_and_refused_where_no_map_trains(photographs):
    for split in ("train", "val"):
        for photograph in (photographs / split / "mushroom").iterdir():
            photograph.unlink()
    collection = gv.open_collection(photographs, human_maps=photographs.parent / "maps")
    assert "ONE CATEGORY ALONE" in told(labels=collection)[0]
    with pytest.raises(ValueError, match="there is one category, 'house', and no human map takes part"):
        told(LABELS_ALONE, labels=collection)


def test_names_of_records_categories_are_listed(tmp_path):
    for split, grey in (("train", 9), ("val", 90)):
        rows = [
            ClickMeRecord(np.full((8, 8, 3), grey + n, np.uint8), np.eye(8), n, 3, f"{split}/{n}.JPEG") for n in (0, 1)
        ]
        write_tfrecords(str(tmp_path / f"clickme_{split}.tfrecords"), rows)
    (tmp_path / "categories.txt").write_text("\n".join(CATEGORIES))
    lines = told(maps=gv.open_collection(tmp_path))[0]
    assert f"categories: the 2 of {tmp_path.name} (house, mushroom)" in lines
