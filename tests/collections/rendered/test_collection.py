"""The collection as pages and trainings see it."""

import numpy as np
import pytest

from gala_viz.alignment import CeilingSpec, noise_ceiling, to_resolution
from gala_viz.collections import open_collection
from gala_viz.collections.rendered.categories import CATEGORIES
from gala_viz.collections.rendered.rendered_collection import KIND, RenderedCollection
from gala_viz.collections.rendered.rendering_spec import RenderingSpec
from gala_viz.registry import UnknownNameError


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    counts = {"test": 4, "validation": 1, "train": 1}
    return RenderedCollection(RenderingSpec(side_px=64), counts=counts, folder=tmp_path_factory.mktemp("rendered"))


def test_it_opens_by_name_without_making_anything(monkeypatch, tmp_path):
    monkeypatch.setenv("GALA_VIZ_CACHE", str(tmp_path))
    collection = open_collection("rendered")
    assert collection.categories == CATEGORIES
    splits = [collection.split(image) for image in collection.images]
    assert (splits.count("test"), splits.count("validation"), splits.count("train")) == (600, 600, 6000)
    assert collection.images[0].startswith("test-")
    assert list(tmp_path.iterdir()) == []


def test_images_tell_what_they_are(small):
    image = "test-fire-engine-0002"
    assert (small.category(image), small.superclass(image), small.split(image)) == ("fire engine", "vehicle", "test")
    assert small.target(image) is None
    with pytest.raises(UnknownNameError, match="test-fire-engine-0002"):
        small.category("test-fire-engine-2")


@pytest.mark.slow
def test_what_the_first_image_waits_for_can_be_done_and_told_before(tmp_path):
    one = RenderedCollection(RenderingSpec(side_px=64), counts={"test": 1}, folder=tmp_path)
    said = []
    one.warm_up(said.append)
    assert ["renderer is compiled" in text for text in said] == [True]
    made = {path.name.split(".")[0] for path in one.folder.iterdir()}
    assert made == {one.images[0]}


def test_images_are_made_when_asked_for_and_then_kept(small):
    image = small.images[0]
    photo = small.photo(image)
    assert photo.shape == (64, 64, 3)
    assert small.size_px(image) == (64, 64)
    made = small.path(image).stat().st_mtime_ns
    assert small.path(image).stat().st_mtime_ns == made
    assert small.thumbnail(image, 32)[:4] == b"RIFF"


def test_preparing_makes_a_whole_split_and_tells_how_far_it_is(small):
    told = []
    small.prepare(("validation",), lambda done, count: told.append((done, count)), processes=1)
    assert told[-1] == (12, 12)
    assert all(
        (small.folder / f"{image}.png").is_file() for image in small.images if small.split(image) == "validation"
    )
    small.prepare(("validation",), lambda done, count: told.append((done, count)))
    assert told[-1] == (12, 12)


@pytest.mark.slow
def test_made_in_several_processes_images_are_the_same(small, tmp_path):
    other = RenderedCollection(small.spec, counts={"validation": 3}, folder=tmp_path)
    other.prepare(("validation",), processes=2)
    for image in small.images:
        if small.split(image) == "validation":
            np.testing.assert_array_equal(other.photo(image), small.photo(image))
            np.testing.assert_array_equal(other.part_map(image).ids, small.part_map(image).ids)


def test_regions_cover_each_image_once(small):
    for image in small.images[:12]:
        regions = small.regions(image)
        assert list(regions) == ["diagnostic", "body", "clutter", "background"]
        np.testing.assert_array_equal(sum(mask.astype(int) for mask in regions.values()), 1)
        assert regions["diagnostic"].any()


def test_simulated_maps_say_so_and_are_the_mean_of_the_participants(small):
    assert list(small.map_kinds) == [KIND]
    assert "SIMULATED" in small.map_kinds[KIND]
    image = small.images[3]
    people = small.participants(image)
    assert len(people) == 6
    assert all(name.startswith("sim") for name in people)
    each = small.participant_maps(image)
    whole = small.human_map(image)
    assert whole.attrs["simulated"] == 1
    np.testing.assert_allclose(each.mean("participant"), whole, rtol=1e-5)
    np.testing.assert_array_equal(small.human_map(image, participant=people[2]), each[2])
    assert whole.attrs["extent_px"] == (64, 64) or list(whole.attrs["extent_px"]) == [64, 64]


def test_participants_mark_the_diagnostic_parts_most_and_agree_about_as_well_as_people(small):
    images = [image for image in small.images if small.split(image) == "test"]
    shares, areas = [], []
    for image in images:
        values, where = small.human_map(image).values, small.regions(image)["diagnostic"]
        shares.append(values[where].sum() / values.sum())
        areas.append(where.mean())
    assert np.mean(shares) > 4 * np.mean(areas)
    maps = ((image, to_resolution(small.participant_maps(image), 16)) for image in images)
    assert 0.48 < noise_ceiling(maps, spec=CeilingSpec(n_splits=20)).rho < 0.68


def test_a_cache_folder_that_cannot_be_written_is_told(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    collection = RenderedCollection(RenderingSpec(side_px=32), counts={"test": 1}, folder=blocked)
    with pytest.raises(OSError, match="GALA_VIZ_CACHE"):
        collection.photo(collection.images[0])
