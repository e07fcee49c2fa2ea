import numpy as np
import pytest
import torch

from gala_viz.collections.photo_files import UnreadableImageError
from gala_viz.evaluation.image_metrics import is_correct
from gala_viz.imagenet import category_names
from gala_viz.splits import splits_of
from gala_viz.training.augmentation import augment
from gala_viz.training.batches import BatchDataset, BatchIndices, BatchSampler, epoch_draws, prepare_batch
from gala_viz.training.dataset import TrainingImages
from gala_viz.training.sources import TrainingSource, describe_sources, sources_of_split

from .tiny import PREPROCESSING, Blobs, tiny_recipe

RECIPE = tiny_recipe()
CATEGORY_NAMES = category_names()
BLOBS = Blobs()
ROLES = [("maps", BLOBS), ("labels", BLOBS), ("plain", BLOBS)]
PER_EPOCH = {"maps": 6, "labels": 5, "plain": 4}


def sample(images, position, epoch=0, *, recipe=RECIPE, seed=0):
    """One picture of an epoch, as the network gets it; without a seed that of a validation."""
    turn = BatchIndices(epoch, np.array([position]))
    batch = prepare_batch(BatchDataset(images, seed=seed)[turn], recipe, PREPROCESSING)
    return {name: value[0] for name, value in batch.items() if name != "unreadable"}


def images_in(role="maps", frame=None, collection=BLOBS, n=8):
    frame = frame or RECIPE.stored_frame(PREPROCESSING)
    return TrainingImages([TrainingSource(collection, collection.images[:n], role)], frame)


def test_without_augmentation_a_picture_is_what_the_network_is_shown():
    found = sample(images_in(frame=PREPROCESSING), 1, seed=None)
    np.testing.assert_allclose(found["input"].numpy(), PREPROCESSING.to_input(BLOBS.photo("blob001")), atol=1e-6)


def test_image_and_map_are_moved_and_mirrored_together():
    images = images_in()
    offsets = []
    for epoch in range(8):
        found = sample(images, 3, epoch)
        brightest = np.unravel_index(found["input"].sum(dim=0).numpy().argmax(), (32, 32))
        marked = np.unravel_index(found["map"].numpy().argmax(), (32, 32))
        assert np.abs(np.subtract(brightest, marked)).max() <= 4
        offsets.append(tuple(int(v) for v in marked))
    assert len(set(offsets)) > 3


def test_a_window_is_a_part_of_the_stored_picture_pixel_by_pixel():
    images = images_in()
    (stored,), size = images.read_many(np.array([2]))[1], PREPROCESSING.crop_px
    found = sample(images, 2)["input"].permute(1, 2, 0).numpy() * PREPROCESSING.std[0] + PREPROCESSING.mean[0]
    windows = [
        picture[top : top + size, left : left + size]
        for picture in (stored, stored[:, ::-1])
        for top in range(len(stored) - size + 1)
        for left in range(len(stored) - size + 1)
    ]
    assert min(np.abs(window - found).max() for window in windows) < 1e-3


def test_every_place_of_a_window_is_equally_likely():
    n = 4000
    chances = torch.rand(n, 6, generator=torch.Generator().manual_seed(0))
    grid = torch.arange(36).reshape(1, 6, 6).expand(n, 6, 6)
    settings = {"crop": "window", "smallest_share": 1.0, "contrast": 0.0, "brightness": 0.0}
    _, maps = augment(torch.zeros(n, 6, 6, 3, dtype=torch.uint8), grid, chances, size=4, **settings)
    corners = torch.minimum(maps[:, 0, 0], maps[:, 0, -1]).int().tolist()
    mirrored = (maps[:, 0, 0] > maps[:, 0, -1]).float().mean()
    assert set(corners) == {row * 6 + column for row in range(3) for column in range(3)}
    assert min(corners.count(corner) for corner in set(corners)) > n / 9 * 0.85
    assert abs(float(mirrored) - 0.5) < 0.03


def test_a_picture_of_an_epoch_does_not_depend_on_what_was_read_before():
    first, second = images_in(), images_in()
    sample(second, 2)
    a, b = sample(first, 1, 5), sample(second, 1, 5)
    assert torch.equal(a["input"], b["input"])
    assert torch.equal(a["map"], b["map"])


def test_what_is_known_of_an_image_is_used_in_any_role_but_plain():
    labels = [images_in(role).labels[0] for role in ("maps", "labels", "plain")]
    maps = [bool(images_in(role).has_map[0]) for role in ("maps", "labels", "plain")]
    assert labels == [BLOBS.target("blob000"), BLOBS.target("blob000"), -1]
    assert maps == [True, True, False]


class Damaged(Blobs):
    """The photograph of the third image cannot be read."""

    def photo(self, image):
        if image == self.images[2]:
            raise UnreadableImageError("cut off")
        return super().photo(image)


@pytest.mark.parametrize("in_memory", [True, False])
def test_a_photograph_that_cannot_be_read_is_left_out_of_its_batch_and_named(in_memory):
    images = images_in("labels", collection=Damaged())
    images = images.load() if in_memory else images.check_maps()
    batch = BatchDataset(images, seed=0)[BatchIndices(0, np.arange(4))]
    assert batch["images"] == ["blob000", "blob001", "blob003"]
    assert batch["unreadable"] == ["blob002"]
    assert len(batch["pixels"]) == len(batch["label"]) == len(batch["chances"]) == 3
    assert images.unreadable == (("blob002",) if in_memory else ())
    alone = BatchDataset(images, seed=0)[BatchIndices(0, np.array([2]))]
    assert (alone["images"], alone["unreadable"]) == (["blob003"], ["blob002"]), "the next one in its place"
    validation = BatchDataset(images)[BatchIndices(0, np.array([2]))]
    assert (validation["images"], validation["label"].tolist()) == ([""], [-1])
    assert not validation["has_map"].any()


def test_where_no_photograph_can_be_read_a_training_ends_in_words():
    class Gone(Blobs):
        def photo(self, image):
            raise UnreadableImageError("gone")

    with pytest.raises(ValueError, match="none of the 8 photographs can be read: blob000, blob001"):
        BatchDataset(images_in(collection=Gone()), seed=0)[BatchIndices(0, np.array([2]))]


def test_a_chance_that_is_one_as_float32_still_lies_in_the_picture():
    """Uniform numbers are below 1; rounded to float32 one in 30 million is not."""
    grid = torch.arange(36).reshape(1, 6, 6)
    settings = {"crop": "window", "smallest_share": 1.0, "contrast": 0.0, "brightness": 0.0}
    _, maps = augment(torch.zeros(1, 6, 6, 3, dtype=torch.uint8), grid, torch.ones(1, 6), size=4, **settings)
    assert maps[0, 0].tolist() == [14, 15, 16, 17]


def test_images_in_memory_are_those_that_are_read_when_needed():
    held, streamed = images_in().load(), images_in().check_maps()
    assert held.in_memory
    assert not streamed.in_memory
    assert held.n_bytes == 8 * 40 * 40 * 5
    for one, other in zip(held.read_many(np.array([5, 1, 7])), streamed.read_many(np.array([5, 1, 7])), strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(held.has_map, streamed.has_map)


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
    still = TrainingImages([without], PREPROCESSING).load()
    assert still.has_map.tolist() == [image not in odd for image in without.images]
    assert {without.images[place] for place in still.unusable} == odd
    moved = TrainingImages([without], RECIPE.stored_frame(PREPROCESSING)).load()
    place = without.images.index(min(odd))
    crops = [sample(moved, place, epoch) for epoch in range(20)]
    assert {crop["has_map"].item() for crop in crops} == {True, False}
    assert all(crop["has_map"].item() == bool(crop["map"].any()) for crop in crops)


def sampler(**options):
    images = TrainingImages([TrainingSource(BLOBS, BLOBS.images[:20], role) for role, _ in ROLES], PREPROCESSING)
    draws = epoch_draws(images, tiny_recipe(per_epoch=PER_EPOCH))
    return images, BatchSampler(len(images), 5, draws=draws, **options)


def test_an_epoch_draws_each_role_without_repeats_and_epochs_differ():
    images, turns = sampler(seed=0)
    epochs = []
    for epoch in range(3):
        turns.set_epoch(epoch)
        positions = np.concatenate([turn.indices for turn in turns])
        assert np.bincount(images.source_of[positions]).tolist() == [6, 5, 4]
        assert len(set(positions.tolist())) == 15
        epochs.append(positions.tolist())
    assert epochs[0] != epochs[1] != epochs[2]


def test_two_recipes_with_one_seed_see_the_same_order():
    one, other = (sampler(seed=3)[1].epoch_order().tolist() for _ in range(2))
    assert one == other


def test_ranks_share_an_epoch_without_overlap_and_evenly():
    parts = [
        np.concatenate([turn.indices for turn in sampler(seed=0, rank=rank, world_size=5)[1]]) for rank in range(5)
    ]
    assert [len(part) for part in parts] == [3] * 5
    assert len(set(np.concatenate(parts).tolist())) == 15


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
    images = TrainingImages([source], PREPROCESSING)
    known = is_correct(Classifier(), mine, Looked(source.images))
    assert (known == 1).all()
    assert set(images.labels) == {CATEGORY_NAMES.index("flamingo")}
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
        self.choices = np.full((len(images), 1), CATEGORY_NAMES.index("flamingo"))


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
