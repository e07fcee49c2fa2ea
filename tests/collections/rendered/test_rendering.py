"""Images from seeds: the same again, what is diagnostic by construction, shortcuts only where they belong."""

import numpy as np
import pytest

from gala_viz.collections.rendered.categories import (
    BODY_PARTS,
    CATEGORIES,
    CLUTTER,
    OCCLUDER,
    diagnostic_parts,
    object_shape,
    part_ids,
    superclass_of,
)
from gala_viz.collections.rendered.render_image import nuisance_factors, render_image
from gala_viz.collections.rendered.rendering_rng import named_rng
from gala_viz.collections.rendered.rendering_spec import RenderingSpec
from gala_viz.collections.rendered.textures import one_over_f_noise

SMALL = RenderingSpec(side_px=48)
PINNED = {"mean": [121.54, 138.84, 110.274], "parts": [14035, 794, 74, 522, 52, 150, 290, 46]}


def test_twelve_categories_half_of_them_animals():
    assert len(CATEGORIES) == 12
    assert sum(superclass_of(category) == "animal" for category in CATEGORIES) == 6
    for category in CATEGORIES:
        assert diagnostic_parts(category)
        assert set(part_ids(category)) == {*BODY_PARTS[superclass_of(category)], *diagnostic_parts(category)}


@pytest.mark.slow
def test_the_same_settings_give_the_same_image_and_others_another():
    first = render_image(SMALL, "test", "stag", 3)
    again = render_image(SMALL, "test", "stag", 3)
    np.testing.assert_array_equal(first.photo, again.photo)
    np.testing.assert_array_equal(first.parts, again.parts)
    for other in (
        render_image(SMALL, "test", "stag", 4),
        render_image(SMALL, "train", "stag", 3),
        render_image(RenderingSpec(side_px=48, seed=1), "test", "stag", 3),
    ):
        assert np.abs(other.photo.astype(int) - first.photo).mean() > 5


def test_an_image_is_what_it_was_when_it_was_made_first():
    """Means of one image's colours and its parts; other processors may differ in the last bits of sines."""
    drawn = render_image(RenderingSpec(), "test", "elephant", 0)
    np.testing.assert_allclose(drawn.photo.mean(axis=(0, 1)), PINNED["mean"], atol=0.05)
    counts = np.bincount(drawn.parts.ravel(), minlength=8)[:8]
    np.testing.assert_allclose(counts, PINNED["parts"], atol=12)


@pytest.mark.parametrize("category", CATEGORIES)
def test_every_part_has_its_own_pixels_and_the_diagnostic_ones_are_seen(category):
    ids = part_ids(category)
    seen = np.zeros(256, int)
    for number in range(4):
        parts = render_image(RenderingSpec(side_px=96), "validation", category, number).parts
        seen += np.bincount(parts.ravel(), minlength=256)
        assert np.isin(parts, [ids[name] for name in diagnostic_parts(category)]).mean() >= 0.012
    assert set(np.flatnonzero(seen)) <= {0, CLUTTER, OCCLUDER, *ids.values()}
    for name, number in ids.items():
        assert seen[number] > 0, f"no {name} was seen"


def test_bodies_are_the_same_whatever_the_category():
    """Nothing but the diagnostic parts tells one animal, or one vehicle, from another: by construction."""
    for family in ("animal", "vehicle"):
        kinds = [category for category in CATEGORIES if superclass_of(category) == family]
        for seed in range(3):
            bodies = [object_shape(category, named_rng("body", seed))[0] for category in kinds]
            for body in bodies[1:]:
                assert len(body) == len(bodies[0])
                for one, other in zip(body, bodies[0], strict=True):
                    np.testing.assert_array_equal(one.centre, other.centre)
                    np.testing.assert_array_equal(one.dims, other.dims)


@pytest.mark.parametrize("category", ["stag", "tanker"])
def test_hidden_parts_are_gone_and_the_rest_of_the_image_stays(category):
    whole = render_image(RenderingSpec(side_px=96), "test", category, 1)
    ids = part_ids(category)
    diagnostic = [ids[name] for name in diagnostic_parts(category)]
    without = render_image(RenderingSpec(side_px=96), "test", category, 1, hidden="diagnostic")
    assert not np.isin(without.parts, diagnostic).any()
    only = render_image(RenderingSpec(side_px=96), "test", category, 1, hidden="body")
    assert set(np.unique(only.parts)) <= {0, CLUTTER, OCCLUDER, *diagnostic}
    untouched = (whole.parts == 0) & (without.parts == 0)
    changed = np.abs(whole.photo.astype(int) - without.photo)[untouched].max(axis=-1) > 8
    assert changed.mean() < 0.12, "shadows apart, the place stays as it was"


def test_colour_and_place_predict_the_category_in_training_only():
    spec = RenderingSpec(shortcut=0.8)
    for category in ("lion", "mixer"):
        trained = [nuisance_factors(spec, "train", category, named_rng("n", category, k)) for k in range(600)]
        held_out = [nuisance_factors(spec, "test", category, named_rng("n", category, k)) for k in range(600)]
        for which in (0, 1):
            share = max(np.bincount([pair[which] for pair in trained], minlength=12)) / 600
            assert share == pytest.approx(0.8 + 0.2 / 12, abs=0.06)
            assert max(np.bincount([pair[which] for pair in held_out], minlength=12)) / 600 < 0.15
    colours = {
        category: np.bincount(
            [nuisance_factors(RenderingSpec(shortcut=1.0), "train", category, named_rng("x", k))[0] for k in range(4)]
        ).argmax()
        for category in CATEGORIES
    }
    assert len(set(colours.values())) == 12


def test_textures_have_the_spectrum_of_natural_images():
    picture = one_over_f_noise(np.random.default_rng(0), (256, 256), 1.0)
    power = np.abs(np.fft.fft2(picture)) ** 2
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(256), np.fft.fftfreq(256), indexing="ij"))
    band = (frequency > 0.01) & (frequency < 0.4)
    slope = np.polyfit(np.log(frequency[band]), np.log(power[band]), 1)[0]
    assert slope == pytest.approx(-2, abs=0.1)


@pytest.mark.parametrize("settings", [{"shortcut": 1.2}, {"side_px": 4}])
def test_settings_out_of_range_are_told(settings):
    with pytest.raises(ValueError, match=f"got {next(iter(settings.values()))}"):
        RenderingSpec(**settings)
