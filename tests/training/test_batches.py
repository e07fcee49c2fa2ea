import numpy as np
import pytest

from gala_viz.networks.preprocessing import Preprocessing
from gala_viz.training.batches import BatchDataset, BatchSampler, prepare_batch, validation_batches
from gala_viz.training.checkpoints import ResumableDataLoader
from gala_viz.training.dataset import load_dataset

from .tiny import Lamps, maps_of, pixels_of, tiny_supervised_recipe

RECIPE = tiny_supervised_recipe(batch_size=8)
LAMPS = Lamps()
HELD = load_dataset(LAMPS, "train", RECIPE.preprocessing)


def images_of(turns):
    return [list(turn.indices) for turn in turns]


def joined(batches):
    return [image for batch in batches for image in batch]


def test_a_split_is_held_in_the_networks_frame():
    validation = load_dataset(LAMPS, "validation", RECIPE.preprocessing)
    assert validation.images == tuple(image for image in LAMPS.images if image.startswith("validation"))
    image = validation.images[3]
    np.testing.assert_array_equal(pixels_of(validation)[3], RECIPE.preprocessing.resize_and_crop(LAMPS.photo(image)))
    expected = RECIPE.preprocessing.map_to_frame(LAMPS.human_map(image)).values / 7
    np.testing.assert_allclose(maps_of(validation)[3], expected, atol=2e-2)
    assert validation.has_map.all()
    assert [LAMPS.categories[label] for label in validation.labels] == [LAMPS.category(i) for i in validation.images]


def test_without_maps_none_is_read():
    held = load_dataset(Lamps(with_maps=False), "train", RECIPE.preprocessing)
    assert not held.has_map.any()
    assert not load_dataset(LAMPS, "train", RECIPE.preprocessing, with_maps=False).has_map.any()


def test_maps_are_made_once_and_kept(monkeypatch):
    lamps = Lamps()
    first = load_dataset(lamps, "validation", RECIPE.preprocessing)
    monkeypatch.setattr(lamps, "human_map", lambda image: pytest.fail("the map was asked for again"))
    again = load_dataset(lamps, "validation", RECIPE.preprocessing)
    np.testing.assert_array_equal(maps_of(first), maps_of(again))
    monkeypatch.undo()
    lamps.fingerprint = "lamps-2"
    lamps.with_maps = False
    assert not load_dataset(lamps, "validation", RECIPE.preprocessing).has_map.any()


def test_an_empty_split_and_an_unknown_category_are_refused():
    with pytest.raises(ValueError, match="lamps: no image is in the validation split"):
        load_dataset(Lamps(validation=0), "validation", RECIPE.preprocessing)
    odd = Lamps()
    odd.categories = ("red", "blue")
    odd.category = lambda image: "green"
    with pytest.raises(ValueError, match="there are 'green'; expected are names such as 'red' and 'blue'"):
        load_dataset(odd, "train", Preprocessing(short_px=32, crop_px=32))


def test_an_epoch_shows_every_image_once_in_an_order_of_its_own():
    turns = BatchSampler(48, 8, seed=0)
    epochs = []
    for epoch in (0, 1):
        turns.set_epoch(epoch)
        batches = images_of(turns)
        assert [len(batch) for batch in batches] == [8] * 6
        assert sorted(joined(batches)) == list(range(48))
        epochs.append(batches)
    assert epochs[0] != epochs[1]
    assert images_of(BatchSampler(48, 8, seed=0)) == epochs[0]


def test_processes_share_each_batch_of_the_same_epoch():
    whole = images_of(BatchSampler(50, 8, seed=3))
    parts = [images_of(BatchSampler(50, 8, seed=3, rank=rank, world_size=2)) for rank in range(2)]
    for batch, first, second in zip(whole, *parts, strict=True):
        assert sorted(first + second) == sorted(batch)
        assert len(first) == len(second) == 4


def test_validation_shows_all_images_in_their_order():
    assert joined(images_of(BatchSampler(19, 8))) == list(range(19))
    assert len(BatchSampler(19, 8)) == 3
    parts = [images_of(BatchSampler(19, 8, rank=rank, world_size=2)) for rank in range(2)]
    assert [len(part) for part in parts] == [3, 3]
    assert not set(joined(parts[0])) & set(joined(parts[1]))


def test_more_processes_than_images_in_a_batch_are_refused():
    with pytest.raises(ValueError, match="a batch of 2 images cannot be shared by 3 processes in 1 parts"):
        BatchSampler(10, 2, world_size=3)
    with pytest.raises(ValueError, match="a step takes 32 images, and there are 10 to train with"):
        BatchSampler(10, 32, seed=0)


def test_a_picture_of_an_epoch_does_not_depend_on_its_batch():
    batches = BatchDataset(HELD, seed=0)
    turns = list(BatchSampler(48, 8, seed=0))
    whole = prepare_batch(batches[turns[1]], RECIPE)
    alone = type(turns[1])(turns[1].epoch, turns[1].indices[2:3])
    np.testing.assert_allclose(prepare_batch(batches[alone], RECIPE)["input"][0], whole["input"][2], atol=1e-4)


def test_what_networks_validate_on_is_what_their_preprocessing_gives():
    first = next(iter(validation_batches(HELD, RECIPE)))
    expected = np.stack([RECIPE.preprocessing.to_input(LAMPS.photo(image)) for image in HELD.images[:8]])
    np.testing.assert_allclose(first["input"].numpy(), expected, atol=1e-6)


def test_a_loader_goes_on_after_the_batches_it_gave_before():
    def loader():
        return ResumableDataLoader(BatchDataset(HELD, seed=0), sampler=BatchSampler(48, 8, seed=0), batch_size=None)

    whole = [batch["label"].tolist() for batch in loader()]
    first, second = loader(), loader()
    given = iter(first)
    begun = [next(given)["label"].tolist() for _ in range(2)]
    second.load_state_dict(first.state_dict())
    assert begun + [batch["label"].tolist() for batch in second] == whole
    assert [batch["label"].tolist() for batch in second] == whole


def test_noise_is_added_to_training_pictures_and_to_no_other():
    loud = tiny_supervised_recipe(batch_size=8, noise=0.5)
    (turn,) = list(BatchSampler(8, 8, seed=0))
    batch = BatchDataset(HELD, seed=0)[turn]
    plain, noise = prepare_batch(dict(batch), RECIPE), prepare_batch(dict(batch), loud)
    added = (noise["input"] - plain["input"]) * RECIPE.preprocessing.std[0]
    strengths = added.flatten(1).std(dim=1)
    expected = 0.5 * 255 * batch["chances"][:, -1]
    np.testing.assert_allclose(strengths, expected, rtol=0.1)
    np.testing.assert_array_equal(noise["map"], plain["map"])
    for one, other in zip(validation_batches(HELD, loud), validation_batches(HELD, RECIPE), strict=True):
        np.testing.assert_array_equal(one["input"], other["input"])
