import numpy as np
import pytest
import torch

from gala_viz.evaluation.image_metrics import is_correct
from gala_viz.imagenet import category_names
from gala_viz.splits import splits_of
from gala_viz.training.dataset import (
    CollectionDataset,
    EpochSampler,
    SampleKey,
    TrainingSource,
    describe_sources,
    sources_of_split,
)

from .tiny import PREPROCESSING, Blobs

CATEGORY_NAMES = category_names()
BLOBS = Blobs()
ROLES = [("maps", BLOBS), ("labels", BLOBS), ("plain", BLOBS)]
PER_EPOCH = {"maps": 6, "labels": 5, "plain": 4}


def samples(jitter_px=8, seed=0, roles=("maps",)):
    sources = [TrainingSource(BLOBS, BLOBS.images[:8], role) for role in roles]
    return CollectionDataset(sources, PREPROCESSING, jitter_px=jitter_px, seed=seed)


def test_without_jitter_a_sample_is_what_the_network_is_shown():
    found = samples(jitter_px=0)[SampleKey(3, 0, "blob001")]
    np.testing.assert_array_equal(found["input"].numpy(), PREPROCESSING.to_input(BLOBS.photo("blob001")))


def test_image_and_map_are_moved_and_mirrored_together():
    data = samples()
    offsets = []
    for epoch in range(8):
        found = data[SampleKey(epoch, 0, "blob003")]
        brightest = np.unravel_index(found["input"].sum(dim=0).numpy().argmax(), (32, 32))
        marked = np.unravel_index(found["map"].numpy().argmax(), (32, 32))
        assert np.abs(np.subtract(brightest, marked)).max() <= 4
        offsets.append(tuple(int(v) for v in marked))
    assert len(set(offsets)) > 3


def test_a_picture_of_an_epoch_does_not_depend_on_what_was_read_before():
    first, second = samples(), samples()
    second[SampleKey(0, 0, "blob002")]
    a, b = first[SampleKey(5, 0, "blob001")], second[SampleKey(5, 0, "blob001")]
    assert torch.equal(a["input"], b["input"])
    assert torch.equal(a["map"], b["map"])


def test_only_the_role_labels_tells_a_label():
    data = samples(roles=("maps", "labels", "plain"))
    labels = [data[SampleKey(0, number, "blob000")]["label"].item() for number in range(3)]
    maps = [data[SampleKey(0, number, "blob000")]["has_map"].item() for number in range(3)]
    assert labels == [-1, BLOBS.target("blob000"), -1]
    assert maps == [True, False, False]


class AtTheEdge(Blobs):
    """Half of the maps mark the photograph's left edge, which no centre crop of 32 px has."""

    def human_map(self, image):
        found = super().human_map(image)
        at_the_edge = np.zeros_like(found.values)
        at_the_edge[:, :2] = 1
        return found.copy(data=at_the_edge) if int(image[4:]) % 2 else found


def test_a_map_of_which_nothing_lies_in_the_frame_is_none_and_counted():
    found = AtTheEdge()
    (source,) = sources_of_split([("maps", found)], "train", frame=PREPROCESSING)
    (without,) = sources_of_split([("maps", found)], "train")
    odd = {image for image in without.images if int(image[4:]) % 2}
    assert set(source.images) == set(without.images) - odd
    assert source.unusable == dict.fromkeys(
        (image for image in without.images if image in odd), "nothing of it lies in the network's frame."
    )
    still = CollectionDataset([without], PREPROCESSING, jitter_px=0, seed=0)
    assert [still[SampleKey(0, 0, image)]["has_map"].item() for image in without.images] == [
        image not in odd for image in without.images
    ]
    moved = CollectionDataset([without], PREPROCESSING, jitter_px=16, seed=0)
    crops = [moved[SampleKey(epoch, 0, min(odd))] for epoch in range(20)]
    assert {crop["has_map"].item() for crop in crops} == {True, False}
    assert all(crop["has_map"].item() == bool(crop["map"].any()) for crop in crops)


def test_an_epoch_draws_each_role_without_repeats_and_epochs_differ():
    sampler = EpochSampler([TrainingSource(BLOBS, BLOBS.images[:20], role) for role, _ in ROLES], PER_EPOCH, seed=0)
    epochs = []
    for epoch in range(3):
        sampler.set_epoch(epoch)
        keys = sampler.epoch_keys()
        counts = [sum(key.source == number for key in keys) for number in range(3)]
        assert counts == [6, 5, 4]
        assert len(set(keys)) == 15
        epochs.append([(key.source, key.image) for key in keys])
    assert epochs[0] != epochs[1] != epochs[2]


def test_two_recipes_with_one_seed_see_the_same_order():
    def make():
        return EpochSampler(
            [TrainingSource(BLOBS, BLOBS.images, role) for role, _ in ROLES], PER_EPOCH, seed=3
        ).epoch_keys()

    assert make() == make()


def test_ranks_share_an_epoch_without_overlap_and_evenly():
    sources = [TrainingSource(BLOBS, BLOBS.images, role) for role, _ in ROLES]
    parts = [list(EpochSampler(sources, PER_EPOCH, seed=0, rank=rank, world_size=2)) for rank in range(2)]
    assert [len(part) for part in parts] == [7, 7]
    assert not set(parts[0]) & set(parts[1])


def test_sources_of_a_split_are_refused_when_empty():
    class Nothing(Blobs):
        def has_human_map(self, image):
            return False

    with pytest.raises(ValueError, match="no image of the train split can serve for 'maps'"):
        sources_of_split([("maps", Nothing())], "train")


class Named(Blobs):
    """Blobs whose folders have names and no WordNet ids."""

    def __init__(self, *names):
        super().__init__()
        self.names = names

    def category(self, image):
        return self.names[super().target(image)]

    def target(self, image):
        return None


def test_categories_count_by_name_as_in_an_evaluation():
    mine = Named("flamingo", "airplanes", "car_side", "panda")
    (source,) = sources_of_split([("labels", mine)], "train")
    assert {mine.category(image) for image in source.images} == {"flamingo"}
    dataset = CollectionDataset([source], PREPROCESSING, jitter_px=0, seed=0)
    known = is_correct(Classifier(), mine, Looked(source.images))
    assert (known == 1).all()
    assert dataset[SampleKey(0, 0, source.images[0])]["label"] == CATEGORY_NAMES.index("flamingo")
    told = describe_sources([source])[0]
    n_left = len(source.splits.images_of("train")) - len(source.images)
    assert f"{n_left} have a category that the network does not know: " in told
    assert "'panda' (" in told


class Classifier:
    categories = CATEGORY_NAMES


class Looked:
    """First choices that are all flamingos."""

    def __init__(self, images):
        self.images = images
        self.first_choice = np.full(len(images), CATEGORY_NAMES.index("flamingo"))


def test_labels_of_which_a_network_knows_none_are_refused_with_what_came_and_what_is_expected():
    mine = Named("airplanes", "car_side", "cougar_body", "pandas")
    n = len(sources_of_split([("plain", mine)], "train")[0].images)
    with pytest.raises(ValueError, match=f"None of its {n} images has a category that the network knows") as refused:
        sources_of_split([("labels", mine)], "train")
    came = {f"{name!r}" for name in mine.names}
    assert sum(name in str(refused.value) for name in came) == 2
    assert (
        "expected are names such as 'tench' and 'goldfish', or ImageNet's WordNet ids, for example 'n01440764'"
        in str(refused.value)
    )
    with pytest.raises(ValueError, match="expected are names such as 'red' and 'green'"):
        sources_of_split([("labels", mine)], "train", categories=("red", "green"))
    own = sources_of_split([("labels", mine)], "train", categories=("airplanes", "pandas"))[0]
    assert {own.label(image) for image in own.images} == {0, 1}
    flat = Named(None, None, None, None)
    with pytest.raises(ValueError, match="has a category: photographs lie in folders that are named by"):
        sources_of_split([("labels", flat)], "train")


def test_a_split_without_human_maps_is_refused_with_where_they_are():
    class InTest(Blobs):
        def has_human_map(self, image):
            return splits_of(BLOBS).split_of(image) == "test"

    n = len(splits_of(BLOBS).images_of("test"))
    with pytest.raises(ValueError, match=rf"None of its \d+ images has a human map \({n} of the test split have\)"):
        sources_of_split([("maps", InTest())], "train")
