"""Importance from every source, saliency models, and the pictures that are made of them."""

import io
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from gala_viz.collections import open_collection
from gala_viz.experiment.importance import importance_source
from gala_viz.experiment.preparation import PreparationSpec, prepare_experiment
from gala_viz.experiment.revelation import FULL
from gala_viz.experiment.saliency import SALIENCY_MODELS, saliency_model
from gala_viz.experiment.stimuli import Stimuli, open_stimuli
from gala_viz.experiment.stimulus_manifest import stimulus_manifest
from gala_viz.registry import UnknownNameError


@pytest.mark.parametrize("name", SALIENCY_MODELS)
def test_a_saliency_model_finds_what_stands_out(name):
    photo = np.full((96, 96, 3), 120, np.uint8)
    photo += np.random.default_rng(0).integers(0, 12, photo.shape, dtype=np.uint8)
    photo[40:56, 60:76] = (250, 30, 30)
    values = saliency_model(name)(photo)
    assert values.shape == (96, 96)
    assert values.min() >= 0
    around = ndimage.uniform_filter(values, 24)
    row, column = np.unravel_index(around.argmax(), around.shape)
    assert abs(row - 48) < 20
    assert abs(column - 68) < 20


def test_an_unknown_model_or_source_is_told(collection):
    with pytest.raises(UnknownNameError, match="Did you mean 'fine-grained'"):
        importance_source("opencv:fine-graned", collection, 64)
    with pytest.raises(ValueError, match="human, human:KIND, opencv:MODEL or files:PATH"):
        importance_source("guess", collection, 64)
    with pytest.raises(FileNotFoundError, match="is not there"):
        importance_source("files:/nowhere", collection, 64)


def test_human_maps_and_the_same_maps_as_files_are_the_same_importance(collection, folders):
    image = collection.images[3]
    human = importance_source("human", collection, 48)(image)
    files = importance_source(f"files:{folders[1]}", collection, 48)(image)
    np.testing.assert_allclose(human, files, atol=1e-6)
    assert human.shape == (48, 48)


def test_without_human_maps_the_source_is_refused_and_unmarked_images_are_unknown(folders, tmp_path):
    bare = open_collection(folders[0])
    with pytest.raises(ValueError, match="no human maps are known"):
        importance_source("human", bare, 64)
    (tmp_path / "animal" / "hare").mkdir(parents=True)
    np.save(tmp_path / "animal" / "hare" / "00.npy", np.arange(64, dtype=np.float32).reshape(8, 8))
    source = importance_source(f"files:{tmp_path}", bare, 64)
    assert source("animal/hare/00.png").shape == (64, 64)
    assert source("animal/hare/05.png") is None


def test_the_centre_square_of_a_wide_photograph_has_the_centre_of_its_map(tmp_path):
    (tmp_path / "p").mkdir()
    Image.fromarray(np.zeros((40, 80, 3), np.uint8)).save(tmp_path / "p" / "a.png")
    values = np.zeros((40, 80), np.float32)
    values[:, 20:60] = 1
    (tmp_path / "m").mkdir()
    np.save(tmp_path / "m" / "a.npy", values)
    found = importance_source("human", open_collection(tmp_path / "p", human_maps=tmp_path / "m"), 40)("a.png")
    np.testing.assert_allclose(found, 1)


def test_a_stimulus_is_the_photograph_where_it_is_shown_and_its_scrambled_copy_elsewhere(stimuli, spec):
    image = spec.images["animal"][0]
    full = stimuli.render(image, "clickme", FULL)
    for level in (10.0, 100.0):
        picture, shown = stimuli.render(image, "clickme", level), stimuli.revealed_mask(image, "clickme", level)
        np.testing.assert_array_equal(picture[shown], full[shown])
        assert (picture[~shown] != full[~shown]).any(axis=1).mean() > 0.9


def test_levels_are_nested_and_of_the_size_that_they_tell(stimuli, spec):
    image = spec.images["vehicle"][1]
    masks = [stimuli.revealed_mask(image, "saliency", level) for level in spec.levels]
    assert all((small <= large).all() for small, large in pairwise(masks))
    shares = [stimuli.revealed_percent(image, "saliency", level) for level in spec.levels]
    for mask, share, level in zip(masks, shares, spec.levels, strict=True):
        assert share.all_pixels == pytest.approx(100 * mask.mean())
        if level != FULL:
            assert share.important == pytest.approx(level, abs=0.1)
    assert shares[-2].all_pixels == pytest.approx(15, abs=0.05)
    assert (shares[-1].important, shares[-1].all_pixels, shares[-1].important_shown) == (100, 100, 100)


def test_the_true_share_of_important_pixels_is_told_and_ranked_pixels_have_just_the_level(stimuli, spec, collection):
    image = spec.images["vehicle"][1]
    values = importance_source(spec.maps["clickme"], collection, spec.side_px)(image)
    n_important = round(0.15 * values.size)
    least = np.sort(values, axis=None)[-n_important]
    ranked = Stimuli(replace(spec, revelation=replace(spec.revelation, order="ranked")), collection)
    for level in spec.revelation.levels:
        shown = stimuli.revealed_mask(image, "clickme", level)
        told = stimuli.revealed_percent(image, "clickme", level)
        certain, equals = values > least, values == least
        expected = (shown & certain).sum() + min((shown & equals).sum(), n_important - certain.sum())
        assert told.important_shown == pytest.approx(100 * expected / n_important)
        assert told.important_shown <= told.important
        by_rank = ranked.revealed_percent(image, "clickme", level)
        assert by_rank.important_shown == by_rank.important == told.important
    assert told.important_shown < 100


def test_the_same_spec_gives_the_same_bytes_and_another_seed_others(stimuli, spec, collection):
    image = spec.images["animal"][2]
    again = Stimuli(spec, collection)
    assert again.render_png(image, "clickme", 25.1) == stimuli.render_png(image, "clickme", 25.1)
    other = Stimuli(replace(spec, revelation=replace(spec.revelation, seed=9)), collection)
    assert other.render_png(image, "clickme", 25.1) != stimuli.render_png(image, "clickme", 25.1)
    decoded = np.asarray(Image.open(io.BytesIO(stimuli.render_png(image, "clickme", 25.1))))
    np.testing.assert_array_equal(decoded, stimuli.render(image, "clickme", 25.1))


def test_a_changed_collection_is_refused(spec, collection):
    with pytest.raises(ValueError, match="has changed since the experiment was prepared"):
        Stimuli(replace(spec, collection="other"), collection)


def test_an_experiment_that_takes_only_files_opens_by_its_spec_alone(folders):
    maps = {"clickme": f"files:{folders[1]}", "saliency": "opencv:spectral-residual"}
    spec = prepare_experiment(
        open_collection(folders[0]), str(folders[0]), PreparationSpec(n_images=4, split="all", maps=maps, side_px=64)
    )
    assert open_stimuli(spec).render(spec.images["animal"][0], "saliency", 4.0).shape == (64, 64, 3)


def test_the_manifest_tells_every_stimulus_and_the_hash_of_its_pixels(stimuli, spec):
    table = stimulus_manifest(stimuli)
    assert len(table) == 36 * 24
    full = table[table["level"] == "full"]
    assert full.groupby("stimulus")["sha256"].nunique().eq(1).all()
    assert table["sha256"].nunique() == 36 * 12  # both map types are of the same maps here
    assert list(table)[-1] == "percent_important_shown"
    assert (full["percent_important_shown"] == 100).all()
    assert (table["percent_important_shown"] <= table["percent_important"]).all()
