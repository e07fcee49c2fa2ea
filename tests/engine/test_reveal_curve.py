"""The curve of a logit over what is revealed, beside plain PyTorch."""

import numpy as np
import pytest
import torch

from gala_viz.collections.fills import fill_photo, image_seed
from gala_viz.engine.results.perturbation import explained_values, label_reveal_curve, reveal_mask, reveal_order
from gala_viz.engine.reveal_curve import beyond_frame_text, perturbed_view, reveal_curve
from gala_viz.networks.fuse_batchnorm import fuse_batchnorm
from gala_viz.networks.preprocessing import Preprocessing
from gala_viz.schema import labelled_map
from tests.attribution.tiny import SIZE, tiny_network
from tests.attribution.tiny_collection import TinyCollection

PERCENTS = (0, 3, 20, 100)
PHOTO_PX = (20, 24)


def importance(images=("one", "two")):
    values = np.random.default_rng(7).random((len(images), SIZE, SIZE)).astype(np.float32)
    return labelled_map(values, name="map", leading={"image": list(images)}, attrs={"method": "saliency"})


@pytest.mark.parametrize("erase", [False, True])
@pytest.mark.parametrize("fill", ["grey", "blurred", "phase"])
def test_the_curve_is_that_of_plain_torch_over_perturbed_photographs(fill, erase):
    network, collection, maps = tiny_network(0), TinyCollection(), importance()
    curve = reveal_curve(network, collection, maps, fill=fill, percents=PERCENTS, erase=erase)
    module = fuse_batchnorm(network).module
    for image in ("one", "two"):
        view = network.preprocessing.resize_and_crop(collection.photo(image))
        filled, order = fill_photo(view, fill, image_seed(image)), reveal_order(maps.sel(image=image))
        rows = [view]
        for percent in PERCENTS:
            shown = reveal_mask(order, (SIZE, SIZE), percent, erase=erase)
            rows.append(np.where(shown[..., None], view, filled))
        batch = torch.stack([torch.from_numpy(network.preprocessing.normalise(row)) for row in rows])
        with torch.no_grad():
            logits = module(batch)
        target = int(logits[0].argmax())
        one = curve.sel(image=image)
        assert int(one.explained) == target
        np.testing.assert_allclose(one.logit, logits[1:, target], rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(one.probability, logits.softmax(1)[1:, target], rtol=1e-5)
        np.testing.assert_allclose(one.logit_drop, logits[0, target] - logits[1:, target], rtol=1e-5, atol=2e-6)
    expected = [round(SIZE**2 * percent / 100) / SIZE**2 * 100 for percent in PERCENTS]
    np.testing.assert_allclose(curve.shown_percent, [100 - one for one in expected] if erase else expected)
    assert curve.attrs["fill"] == fill
    assert curve.attrs["importance"] == "saliency"


def test_all_revealed_is_the_untouched_photograph_to_the_last_bit():
    curve = reveal_curve(tiny_network(0), TinyCollection(), importance(), percents=[100])
    assert (curve.logit_drop == 0).all()
    assert (curve.probability[:, 0] == curve.probability_whole).all()


def test_the_curve_of_an_image_does_not_depend_on_what_else_is_computed():
    network, collection, maps = tiny_network(0), TinyCollection(), importance()
    together = reveal_curve(network, collection, maps, percents=PERCENTS)
    alone = reveal_curve(network, collection, maps.sel(image="two"), percents=PERCENTS[1:2])
    np.testing.assert_array_equal(alone.logit[0, 0], together.logit.sel(image="two")[1])


def test_the_target_may_be_the_true_category_or_an_index():
    network, collection, maps = tiny_network(0), TinyCollection(), importance()
    assert reveal_curve(network, collection, maps, percents=[5], target="label").explained.values.tolist() == [0, 1]
    assert reveal_curve(network, collection, maps, percents=[5], target=np.int64(3)).explained.values.tolist() == [3, 3]
    with pytest.raises(ValueError, match="true category of 'four' is not known"):
        reveal_curve(network, collection, importance(["four"]), percents=[5], target="label")


def test_progress_counts_images():
    told = []
    reveal_curve(
        tiny_network(0),
        TinyCollection(),
        importance(),
        percents=[5],
        progress=lambda done, total: told.append((done, total)),
    )
    assert told == [(1, 2), (2, 2)]


@pytest.mark.parametrize(
    ("maps", "words"),
    [
        (np.ones((SIZE, SIZE)), "got ndarray"),
        (labelled_map(np.ones((SIZE, SIZE)), name="map"), "assign_coords"),
        (importance().isel(x=slice(8)), "16 x 16 pixels.*got 16 x 8"),
        (importance(["nobody"]), "nobody"),
        (importance() * 0, "the same everywhere"),
    ],
)
def test_maps_that_cannot_be_used_are_told(maps, words):
    with pytest.raises((ValueError, KeyError), match=words):
        reveal_curve(tiny_network(0), TinyCollection(), maps)


def test_a_network_that_cuts_alike_sees_the_same_mask_and_another_one_the_same_places():
    collection = TinyCollection()
    frame, wide = Preprocessing(short_px=20, crop_px=12), Preprocessing(short_px=20, crop_px=20)
    photo = collection.photo("one")
    filled = np.full((12, 12, 3), 9, np.uint8)
    nothing = np.zeros((12, 12), np.float32)
    np.testing.assert_array_equal(
        perturbed_view(frame.resize_and_crop(photo), frame, nothing, filled, frame, PHOTO_PX), filled
    )
    view = wide.resize_and_crop(photo)
    seen = perturbed_view(view, wide, nothing, filled, frame, PHOTO_PX)
    assert (seen[4:16, 4:16] == 9).all()
    rim = np.ones((20, 20), bool)
    rim[4:16, 4:16] = False
    np.testing.assert_array_equal(seen[rim], view[rim], "nothing is hidden beyond what is shown")
    assert beyond_frame_text("B", frame, wide, PHOTO_PX) == beyond_frame_text("B", frame, frame, PHOTO_PX) == ""
    said = "64 % of what B sees lies beyond what is shown; nothing is hidden there"
    assert beyond_frame_text("B", wide, frame, PHOTO_PX) == said


@pytest.mark.parametrize("own", [(20, 20), (31, 17), (16, 16), (40, 40), (23, 12)])
def test_where_all_is_kept_every_network_sees_its_own_photograph_to_the_last_bit(own):
    photo, frame = TinyCollection().photo("one"), Preprocessing(short_px=20, crop_px=12)
    other = Preprocessing(short_px=own[0], crop_px=own[1], interpolation="bilinear")
    view, filled = other.resize_and_crop(photo), np.random.default_rng(0).integers(0, 256, (12, 12, 3), dtype=np.uint8)
    seen = perturbed_view(view, other, np.ones((12, 12), np.float32), filled, frame, PHOTO_PX)
    np.testing.assert_array_equal(seen, view)


def test_points_that_are_not_computed_yet_are_nan():
    whole = np.stack([explained_values(np.array([0.0, 2.0, 1.0]), 1)])
    values = np.full((1, 2, 2), np.nan)
    values[0, 0] = explained_values(np.array([0.0, 0.5, 0.0]), 1)
    curve = label_reveal_curve(
        values, whole, targets=[1], percents=[5, 10], erase=True, shown=[95, 90], leading={"network": ["a"]}, attrs={}
    )
    assert curve.logit_drop.values.tolist()[0][0] == 1.5
    assert np.isnan(curve.logit_drop[0, 1])
    assert curve.attrs["order"] == "most important erased"
