"""No training sees what a collection of it calls validation or test."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from gala_viz.collections import open_collection
from gala_viz.collections.clickme.writers import ClickMeRecord, write_tfrecords
from gala_viz.commands.import_collection import collection_report, report_text
from gala_viz.evaluation.evaluate import evaluate
from gala_viz.evaluation.spec import EvaluationSpec
from gala_viz.networks.network_folders import WeightsError
from gala_viz.networks.training_data import TrainingData, hash_training_images
from gala_viz.networks.zoo import load_network
from gala_viz.splits import HELD_OUT, LEARNT, UNKNOWN, hash_splits, splits_of
from gala_viz.training.batches import TrainingDataModule
from gala_viz.training.dataset import TrainingImages, load_dataset
from gala_viz.training.distillation import DistillationModule, initial_student
from gala_viz.training.fit import fit
from gala_viz.training.sources import TrainingSource, describe_sources, sources_of_split
from gala_viz.training.supervised import SupervisedModule, initial_network
from gala_viz.training.training_card import distillation_sections, supervised_sections, write_trained_network
from tests.collections.pictures import encoded

from .tiny import PREPROCESSING, Blobs, Lamps, distillation_pictures, tiny_recipe, tiny_start, tiny_supervised_recipe

WNIDS = ("n01440764", "n01443537")
COUNTS = {"train": 12, "val": 4, "test": 4}
START = tiny_start()


def photo(number):
    return np.random.default_rng(number).integers(0, 255, (48, 48, 3), dtype=np.uint8)


def split_folder(root, first=0):
    """Photographs of two categories in train/, val/ and test/, each of other pixels."""
    number = first
    for split, count in COUNTS.items():
        for wnid in WNIDS:
            (root / split / wnid).mkdir(parents=True)
            for _ in range(count):
                (root / split / wnid / f"{number:04d}.png").write_bytes(encoded(photo(number)))
                number += 1
    return open_collection(root)


def with_split(collection, split):
    return {image for image in collection.images if collection.split(image) == split}


def images_of(parts):
    return [TrainingImages(sources, PREPROCESSING) for sources in parts]


def train_on(folder, sources, validation, **options):
    recipe = tiny_recipe(epochs=1, attention_weight=0.0)
    module = DistillationModule(initial_student(recipe, START), recipe, START)
    pictures = distillation_pictures(recipe, sources, validation)
    fit(module, pictures, folder, accelerator="cpu", devices=1, quiet=True, **options)
    return recipe, module, pictures


@pytest.mark.parametrize("role", ["labels", "plain"])
def test_a_training_takes_a_folders_own_splits(tmp_path, role):
    collection = split_folder(tmp_path / "own")
    for split in ("train", "validation", "test"):
        (found,) = sources_of_split([(role, collection)], split)
        assert set(found.images) == with_split(collection, split)


def test_a_training_takes_the_splits_of_clickme_records(tmp_path):
    numbers = {"train": range(8), "val": range(8, 12), "test": [12, 13, 14, 3]}  # the last trains under another name
    for split, own in numbers.items():
        maps = [np.random.default_rng(number).random((48, 48)) for number in own]
        records = [
            ClickMeRecord(photo(number), one, 0, 9, f"{split}/{number}.JPEG")
            for number, one in zip(own, maps, strict=True)
        ]
        write_tfrecords(tmp_path / f"clickme_{split}.tfrecords", records)
    collection = open_collection(tmp_path)
    (train,) = sources_of_split([("maps", collection)], "train")
    assert set(train.images) == with_split(collection, "train") - {"train/3.JPEG"}
    assert [(one.image, one.held_out_image) for one in train.left_out] == [("train/3.JPEG", "test/3.JPEG")]


def test_images_in_no_split_are_left_out_of_a_training_and_counted(tmp_path):
    split_folder(tmp_path / "own")
    beside = tmp_path / "own" / "more" / WNIDS[0]
    beside.mkdir(parents=True)
    (beside / "x.png").write_bytes(encoded(photo(999)))
    (train,) = sources_of_split([("plain", open_collection(tmp_path / "own"))], "train")
    assert not [image for image in train.images if image.startswith("more/")]
    assert train.splits.unassigned == (f"more/{WNIDS[0]}/x.png",)


def test_a_collection_without_splits_is_held_by_the_hash_of_its_ids():
    class Flat(Lamps):
        def split(self, image):
            return None

    lamps = Flat()
    held = [load_dataset(lamps, split, tiny_supervised_recipe().preprocessing).images for split in ("train", "test")]
    assert held == [splits_of(lamps).images_of(split) for split in ("train", "test")]


def test_the_same_photograph_under_another_name_does_not_train(tmp_path):
    split_folder(tmp_path / "own")
    twin = tmp_path / "own" / "train" / WNIDS[0] / "twin.png"
    twin.write_bytes(encoded(photo(26)))  # the first of val/
    collection = open_collection(tmp_path / "own")
    (train,) = sources_of_split([("labels", collection)], "train")
    assert f"train/{WNIDS[0]}/twin.png" not in train.images
    assert len(train.images) == 24
    (conflict,) = train.left_out
    assert str(conflict).endswith("in the validation split of own")


def test_a_test_photograph_under_another_name_does_not_choose(tmp_path):
    """By it a network would be chosen on what is reported."""
    split_folder(tmp_path / "own")
    twin, triple = f"val/{WNIDS[0]}/twin.png", f"train/{WNIDS[0]}/triple.png"
    for name in (twin, triple):
        (tmp_path / "own" / name).write_bytes(encoded(photo(36)))  # one of test/
    collection = open_collection(tmp_path / "own")
    parts = [sources_of_split([("labels", collection)], split) for split in ("train", "validation", "test")]
    assert [len(sources[0].images) for sources in parts] == [24, 8, 8]
    (conflict,) = parts[1][0].left_out
    assert (conflict.image, conflict.split) == (twin, "test")
    assert conflict.held_out_image in parts[2][0].images
    (told,) = describe_sources(parts[1])
    assert "8 images choose" in told
    assert f"1 of the validation split are left out, the first: '{twin}' is the same photograph as" in told
    (entry,) = distillation_sections(START, *images_of(parts[:2]))["data"]["collections"]
    assert (entry["n_left_out_as_held_out"], entry["n_validation_left_out_as_test"]) == (1, 1)
    report = collection_report(collection, quiet=True)
    assert report["n_test_under_another_name"] == 1
    assert f"will not choose: '{twin}' is the same photograph" in report_text(collection, report)

    wrong = [replace(parts[1][0], images=(*parts[1][0].images, twin))]
    with pytest.raises(ValueError, match=r"own: 1 of 9 images that would choose are test images .*twin.png' is the"):
        train_on(tmp_path / "run", parts[0], wrong)


def test_a_test_image_of_another_collection_does_not_choose_and_an_evaluation_leaves_it_out(tmp_path):
    first = split_folder(tmp_path / "first")
    for split in ("val", "test"):
        (tmp_path / "second" / split).mkdir(parents=True)
    for number, (val, test) in enumerate(zip((24, 25, 33, 40), (40, 41, 42, 43), strict=True)):
        (tmp_path / "second" / "val" / f"{number}.png").write_bytes(encoded(photo(val)))
        (tmp_path / "second" / "test" / f"{number}.png").write_bytes(encoded(photo(test)))
    second = open_collection(tmp_path / "second")
    sources = sources_of_split([("labels", first), ("plain", second)], "validation")
    assert len(sources[0].left_out) == 0
    assert [one.image for one in sources[1].left_out] == ["val/2.png", "val/3.png"]
    heard = []
    result = evaluate({"start": START}, second, EvaluationSpec(split="validation", smoothgrad=None), tell=heard.append)
    assert set(result.images) == {"val/0.png", "val/1.png", "val/2.png"}
    assert any("1 of the validation split are left out" in line for line in heard)


def test_a_training_of_too_many_photographs_says_that_their_bytes_are_not_compared(tmp_path, monkeypatch):
    collection = split_folder(tmp_path / "own")
    assert "compared" not in describe_sources(sources_of_split([("plain", collection)], "train"))[0]
    monkeypatch.setattr("gala_viz.training.held_out.MOST_IN_A_TRAINING", 39)
    parts = [sources_of_split([("plain", collection)], split) for split in ("train", "validation")]
    assert "photographs are not compared by their bytes" in describe_sources(parts[0])[0]
    assert distillation_sections(START, *images_of(parts))["data"]["collections"][0]["compared_by_bytes"] is False
    assert not load_dataset(Lamps(), "train", tiny_supervised_recipe().preprocessing).sources[0].compared


def test_the_same_photograph_in_two_collections_does_not_train_where_one_holds_it_out(tmp_path):
    own = split_folder(tmp_path / "own")
    (tmp_path / "plain").mkdir()
    names = [f"{number}.png" for number in range(12)]
    hashed = hash_splits("plain", names).images_of("train")
    twins = {hashed[0], hashed[-1]}
    for number, name in enumerate(names):
        number = 900 + number if name not in twins else 36 + (name == hashed[-1])  # test photographs of own
        (tmp_path / "plain" / name).write_bytes(encoded(photo(number)))
    assert len(hashed) > len(twins) == 2
    _, found = sources_of_split([("labels", own), ("plain", open_collection(tmp_path / "plain"))], "train")
    assert set(found.images) == set(hashed) - twins
    assert {one.image for one in found.left_out} == twins


def test_one_name_for_two_photographs_in_two_collections_holds_neither_out(tmp_path):
    first, second = split_folder(tmp_path / "first"), split_folder(tmp_path / "second", first=500)
    found = sources_of_split([("labels", first), ("plain", second)], "train")
    assert [len(one.left_out) for one in found] == [0, 0]


def test_an_image_of_the_same_id_that_was_encoded_anew_is_held_out_and_not_vouched_for(tmp_path):
    """Records of before, without splits, of a collection that has some."""
    own = split_folder(tmp_path / "own")
    records = [
        ClickMeRecord(own.photo(image), np.random.default_rng(n).random((48, 48)), n % 2, 9, image)
        for n, image in enumerate(own.images)
    ]
    write_tfrecords(tmp_path / "clicks.tfrecords", records)
    again = open_collection(tmp_path / "clicks.tfrecords")
    again._splits, again.has_own_splits = [None] * len(again), False  # as a reader of before took them
    assert splits_of(again).rule == "hash"
    maps, labels = sources_of_split([("maps", again), ("labels", own)], "train")
    held_out = with_split(own, "test") | with_split(own, "validation")
    assert not held_out & {*maps.images, *labels.images}
    assert {one.image for one in maps.left_out} == held_out & set(splits_of(again).images_of("train"))
    assert str(maps.left_out[0]).endswith(f"split of {own.name}")

    arrays, _ = hash_training_images([(again, splits_of(again).images_of("train")), (own, labels.images)])
    entries = [{"name": one.name, "n_train": 1} for one in (again, own)]
    told = TrainingData.from_card({"data": {"collections": entries, "complete": True}}, arrays)
    status = dict(zip(own.images, told.training_status(own), strict=True))
    trained = set(splits_of(again).images_of("train"))
    assert {status[image] for image in held_out & trained} == {UNKNOWN}
    assert {status[image] for image in held_out - trained} == {HELD_OUT}
    assert {status[image] for image in labels.images} == {LEARNT}


@pytest.mark.parametrize("split", ["validation", "test"])
def test_a_training_that_would_see_what_its_collection_holds_out_does_not_begin(tmp_path, split):
    collection = split_folder(tmp_path / "own")
    good = sources_of_split([("plain", collection)], "train")
    wrong = sorted(with_split(collection, split))[:3]
    bad = (replace(good[0], images=(*good[0].images, *wrong)),)
    with pytest.raises(ValueError, match=rf"own: 3 of 27 images that would train are .*'{wrong[0]}' is in the {split}"):
        train_on(tmp_path / "run", bad, good)
    assert not list((tmp_path / "run").glob("*.ckpt"))


def test_an_image_that_another_collection_of_the_training_holds_out_does_not_train(tmp_path):
    """Two objects on one folder, of which one does not know the splits."""
    collection = split_folder(tmp_path / "own")

    class Unaware:
        name, fingerprint, images = "unaware", "u", collection.images
        photo, target = collection.photo, collection.target

        def split(self, image):
            return "train"

    good = sources_of_split([("plain", collection)], "train")
    everything = TrainingSource(Unaware(), collection.images, "plain")
    with pytest.raises(ValueError, match=r"unaware: 16 of 40 images that would train"):
        train_on(tmp_path / "run", (everything,), good)
    found, _ = sources_of_split([("plain", Unaware()), ("plain", collection)], "train")
    assert set(found.images) == with_split(collection, "train")


def test_arrays_that_were_mixed_by_hand_do_not_train_either(tmp_path):
    lamps, recipe = Lamps(), tiny_supervised_recipe()
    training, validation, test = (
        load_dataset(lamps, split, recipe.preprocessing) for split in ("train", "validation", "test")
    )
    (source,), (held_out,) = training.sources, test.sources
    wrong = replace(source, images=(*source.images[:-4], *held_out.images))
    mixed = TrainingImages([wrong], recipe.preprocessing).load()
    network = initial_network(recipe, 2)
    with pytest.raises(ValueError, match=r"lamps: 4 of 48 images that would train .*'test-000' is in the test split"):
        fit(
            SupervisedModule(network, recipe),
            TrainingDataModule(mixed, validation, recipe),
            tmp_path,
            accelerator="cpu",
            devices=1,
            quiet=True,
        )


def test_a_data_module_that_does_not_say_which_images_train_is_refused(tmp_path):
    lamps, recipe = Lamps(), tiny_supervised_recipe()

    class Silent(TrainingDataModule):
        sources = None

    pictures = Silent(*(load_dataset(lamps, split, recipe.preprocessing) for split in ("train", "validation")), recipe)
    with pytest.raises(ValueError, match="says which images train and which choose"):
        fit(
            SupervisedModule(initial_network(recipe, 2), recipe),
            pictures,
            tmp_path,
            accelerator="cpu",
            devices=1,
            quiet=True,
        )


def test_a_training_does_not_go_on_with_other_images_than_it_began_with(tmp_path):
    blobs, more = Blobs(), Blobs(60)
    roles = ("maps", "labels", "plain")

    def parts(collection):
        return [sources_of_split([(role, collection) for role in roles], split) for split in ("train", "validation")]

    train_on(tmp_path, *parts(blobs))
    with pytest.raises(ValueError, match=r"learnt from other images, .*; begin anew with resume=False"):
        train_on(tmp_path, *parts(more))
    replaced = Blobs()
    replaced.fingerprint = "other files under the same names"
    with pytest.raises(ValueError, match=r"or from files that have changed since; begin anew with resume=False"):
        train_on(tmp_path, *parts(replaced))


def test_a_network_tells_which_images_it_learnt_from_by_id_and_by_bytes(tmp_path):
    collection = split_folder(tmp_path / "own")
    parts = [sources_of_split([("plain", collection)], split) for split in ("train", "validation")]
    recipe, module, pictures = train_on(tmp_path / "run", *parts)
    sections = distillation_sections(START, *images_of(parts))
    sections["categories"] = {"names": [f"category {number}" for number in range(4)]}
    folder = write_trained_network(
        tmp_path / "nets", module.network, recipe, START.preprocessing, sections, pictures.trainer, START
    )
    told = load_network(folder, device="cpu").training_data
    (entry,) = told.collections
    assert (entry.name, entry.role, entry.rule, entry.seed, entry.n_train) == ("own", "plain", "own", None, 24)
    assert not told.complete  # what the start learnt from is not known
    status = dict(zip(collection.images, told.training_status(collection), strict=True))
    assert {image for image, code in status.items() if code == LEARNT} == with_split(collection, "train")
    assert {status[image] for image in with_split(collection, "test")} == {UNKNOWN}

    unrelated = tmp_path / "b" / "own"
    for number, image in enumerate(collection.images):
        (unrelated / image).parent.mkdir(parents=True, exist_ok=True)
        (unrelated / image).write_bytes(encoded(photo(2000 + number)))
    assert set(told.training_status(open_collection(unrelated)).tolist()) == {UNKNOWN}

    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "renamed.png").write_bytes(collection.path(parts[0][0].images[5]).read_bytes())
    (elsewhere / "other.png").write_bytes(encoded(photo(777)))
    assert dict(zip(("other.png", "renamed.png"), told.training_status(open_collection(elsewhere)), strict=True)) == {
        "renamed.png": LEARNT,
        "other.png": UNKNOWN,
    }


def test_a_network_from_random_weights_holds_out_all_that_it_did_not_learn_from(tmp_path):
    class OnDisk(Lamps):
        """Lamps whose photographs have bytes."""

        def content_size(self, image):
            return self.photo(image).size

        def content_key(self, image):
            return int(image.split("-")[1]) * 3 + ("train", "validation", "test").index(self.split(image))

    lamps, recipe = OnDisk(), tiny_supervised_recipe(epochs=1, attention_weight=0.0)
    training, validation = (load_dataset(lamps, split, recipe.preprocessing) for split in ("train", "validation"))
    network, pictures = initial_network(recipe, 2), TrainingDataModule(training, validation, recipe)
    fit(SupervisedModule(network, recipe), pictures, tmp_path / "run", accelerator="cpu", devices=1, quiet=True)
    sections = supervised_sections(recipe, lamps.categories, training, validation, {"n_labelled": 16, "accuracy": 0.5})
    folder = write_trained_network(tmp_path, network, recipe, recipe.preprocessing, sections, pictures.trainer)
    status = load_network(folder, device="cpu").training_data.training_status(lamps)
    expected = [LEARNT if lamps.split(image) == "train" else HELD_OUT for image in lamps.images]
    assert status.tolist() == expected

    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    torch.nn.init.constant_(next(network.parameters()), float("nan"))
    lamps.name = "other lamps"
    with pytest.raises(WeightsError, match="NaN or infinite"):
        write_trained_network(tmp_path, network, recipe, recipe.preprocessing, sections, pictures.trainer)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before, "the network of before is whole"
