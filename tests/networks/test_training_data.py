"""What cards, those of before among them, tell of what was learnt from."""

import numpy as np
import pytest

from gala_viz.collections import open_collection
from gala_viz.networks.network_folders import WeightsError, known_networks, network_folder, read_card
from gala_viz.networks.training_data import (
    MAX_HASHED_IMAGES,
    TRAINING_IMAGES_FILE,
    TrainingData,
    hash_ids,
    hash_training_images,
    read_training_data,
    training_data_arrays,
    training_images_file,
)
from gala_viz.specs import fingerprint
from gala_viz.splits import HELD_OUT, LEARNT, UNKNOWN, hash_split, hash_splits

IMAGES = tuple(f"image{number:02d}" for number in range(40))
TRAIN = hash_splits("own", IMAGES).images_of("train")


class Files:
    """Photographs whose bytes are their contents' numbers."""

    fingerprint = "files-1"

    def __init__(self, contents, name="own"):
        self.name, self.images, self._contents = name, tuple(contents), dict(contents)
        self.asked = []

    def has_human_map(self, image):
        return True

    def content_size(self, image):
        content = self._contents[image]
        return None if content is None else 100 + content

    def content_key(self, image):
        self.asked.append(image)
        return self._contents[image]


OWN = Files({image: number for number, image in enumerate(IMAGES)})


def card_of_before(ids=TRAIN, sentence="by sha256 of 'split:0:<image id>': train 60%, validation 15%, test 25%"):
    return {
        "data": {"split": sentence, "own": {"role": "maps", "n_train": len(ids), "ids_train": fingerprint(list(ids))}}
    }


def card(complete=True):
    entry = {"name": "own", "role": "maps", "rule": "hash", "seed": 0, "n_train": len(TRAIN)}
    return {"data": {"complete": complete, "collections": [{**entry, "collection_fingerprint": "files-0"}]}}


def complete_data(complete=True):
    arrays, whole = hash_training_images([(OWN, TRAIN)])
    assert whole
    return TrainingData.from_card(card(complete), arrays)


@pytest.mark.parametrize("name", [name for name in known_networks() if name != "lite0"])
def test_every_shipped_card_tells_collection_and_rule(name):
    found = TrainingData.from_card(read_card(network_folder(name)))
    assert found.collections
    assert not found.complete
    for one in found.collections:
        assert (one.rule, one.seed) == (("own", None) if one.name == "rendered" else ("hash", 0))
        assert one.n_train > 0


def test_a_shipped_network_learnt_from_the_training_split_of_the_rendered_images_and_no_other():
    rendered = open_collection("rendered")
    status = TrainingData.from_card(read_card(network_folder("rendered-gala"))).training_status(rendered)
    expected = [LEARNT if rendered.split(image) == "train" else UNKNOWN for image in rendered.images]
    assert status.tolist() == expected


def test_a_card_of_before_tells_the_training_images_and_never_that_one_is_held_out():
    status = TrainingData.from_card(card_of_before()).training_status(OWN)
    assert status.tolist() == [LEARNT if hash_split(image) == "train" else UNKNOWN for image in IMAGES]


def test_a_collection_that_changed_since_a_card_of_before_counts_by_the_rule():
    changed = Files(dict.fromkeys((*IMAGES, "new-a", "new-b", "new-c"), 0))
    status = TrainingData.from_card(card_of_before()).training_status(changed)
    assert status.tolist() == [LEARNT if hash_split(image) == "train" else UNKNOWN for image in changed.images]


@pytest.mark.parametrize(
    "told", [{}, {"data": {"training": "ImageNet"}}, {"data": "ImageNet"}, card_of_before(sentence="?")]
)
def test_a_card_that_does_not_tell_leaves_all_unknown(told):
    assert set(TrainingData.from_card(told).training_status(OWN).tolist()) == {UNKNOWN}


def test_a_complete_card_holds_out_what_is_neither_by_id_nor_by_bytes_among_the_training_images():
    status = complete_data().training_status(OWN)
    assert status.tolist() == [LEARNT if image in TRAIN else HELD_OUT for image in IMAGES]


def test_the_same_bytes_under_another_name_are_learnt_from_and_equal_names_unless_their_bytes_differ():
    number = IMAGES.index(TRAIN[0])
    other = next(image for image in IMAGES if image not in TRAIN)
    found = Files({"renamed": number, other: 900, TRAIN[1]: 901, TRAIN[2]: None, "unreadable": None})
    assert complete_data().training_status(found).tolist() == [LEARNT, HELD_OUT, UNKNOWN, LEARNT, UNKNOWN]
    assert complete_data().training_status(found, max_compared=3).tolist() == [
        UNKNOWN,
        UNKNOWN,
        LEARNT,
        LEARNT,
        UNKNOWN,
    ]


def test_other_photographs_in_a_folder_of_the_same_name_are_not_learnt_from_where_all_bytes_are_known():
    """Of a network that starts from one of which nothing is known."""
    arrays, _ = hash_training_images([(OWN, TRAIN)])
    told = card(complete=False)
    found = Files({image: 900 + number for number, image in enumerate(IMAGES)})
    by_name = [LEARNT if image in TRAIN else UNKNOWN for image in IMAGES]
    assert TrainingData.from_card(told, arrays).training_status(found).tolist() == by_name, "a card that does not tell"
    told["data"]["all_bytes"] = True
    data = TrainingData.from_card(told, arrays)
    assert set(data.training_status(found).tolist()) == {UNKNOWN}
    assert TrainingData.merge([data, TrainingData()]).all_bytes
    found.fingerprint = "files-0"
    assert data.training_status(found).tolist() == by_name, "the collection that the card names"


def test_photographs_of_a_collection_that_no_card_names_are_unknown_unless_their_bytes_are_known():
    number = IMAGES.index(TRAIN[0])
    found = Files({TRAIN[1]: 900, "renamed": number}, name="elsewhere")
    assert complete_data().training_status(found).tolist() == [UNKNOWN, LEARNT]


def test_only_files_of_a_size_that_was_learnt_from_are_read():
    found = Files({"renamed": IMAGES.index(TRAIN[0]), "other": 900}, name="elsewhere")
    complete_data().training_status(found)
    assert found.asked == ["renamed"]


def test_of_too_many_photographs_none_is_called_held_out():
    data = complete_data()
    few = data.training_status(OWN, max_compared=3)
    assert few.tolist() == [LEARNT if image in TRAIN else UNKNOWN for image in IMAGES]


def test_hashes_of_more_images_than_are_kept_are_not_begun(monkeypatch):
    monkeypatch.setattr("gala_viz.networks.training_data.MAX_HASHED_IMAGES", 3)
    assert hash_training_images([(OWN, TRAIN)]) == ({}, False)
    assert MAX_HASHED_IMAGES > 3


def test_a_network_that_starts_from_another_learnt_from_what_that_one_did():
    first = complete_data()
    other = Files({"x": 500, "y": 501}, name="other")
    arrays, whole = hash_training_images([(other, ("x",))])
    second = TrainingData.from_card({"data": {"complete": whole, "collections": []}}, arrays)
    both = TrainingData.merge([second, first])
    assert both.complete
    assert set(both.training_status(OWN)[[IMAGES.index(image) for image in TRAIN]].tolist()) == {LEARNT}
    assert both.training_status(other).tolist() == [LEARNT, UNKNOWN]
    assert not TrainingData.merge([second, TrainingData()]).complete


def test_the_file_of_hashes_comes_back_and_names_nothing(tmp_path):
    data = complete_data()
    told = card()
    content, told["data"]["training_images"] = training_images_file(training_data_arrays(data))
    (tmp_path / TRAINING_IMAGES_FILE).write_bytes(content)
    back = read_training_data(tmp_path, told)
    assert back.complete
    np.testing.assert_array_equal(back.ids["own"], np.sort(hash_ids(TRAIN)))
    np.testing.assert_array_equal(back.contents, data.contents)
    assert b"image0" not in (tmp_path / TRAINING_IMAGES_FILE).read_bytes()


def test_a_damaged_file_of_hashes_is_an_error_and_a_missing_one_leaves_the_rest_unknown(tmp_path):
    told = card()
    content, told["data"]["training_images"] = training_images_file(training_data_arrays(complete_data()))
    path = tmp_path / TRAINING_IMAGES_FILE
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(WeightsError, match=r"training_images\.safetensors: its sha256 is not the card's"):
        read_training_data(tmp_path, told)
    path.unlink()
    assert HELD_OUT not in read_training_data(tmp_path, told).training_status(OWN).tolist()


def test_a_card_whose_values_are_of_other_types_is_read_as_telling_nothing():
    odd = {
        "data": {"collections": [{"name": 3, "seed": "0", "n_train": "many"}, "own", {"name": "own", "rule": "mine"}]}
    }
    found = TrainingData.from_card(odd)
    assert [(one.name, one.rule, one.seed, one.n_train) for one in found.collections] == [
        ("", "unknown", None, 0),
        ("own", "unknown", None, 0),
    ]
    assert set(found.training_status(OWN).tolist()) == {UNKNOWN}


def test_a_complete_card_that_names_other_collections_says_so():
    why = complete_data().why_unknown("elsewhere")
    assert why == (
        "their cards are complete and name other collections (own) than elsewhere; no other image here has the bytes "
        "of a training image; one that was saved anew would not be found"
    )
    assert "other bytes" in complete_data().why_unknown("own")
    assert not complete_data(complete=False).why_unknown("elsewhere"), "what else it learnt from is not known"
