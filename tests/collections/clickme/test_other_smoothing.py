"""Human maps smoothed otherwise: from what they were before any smoothing, by another name, told as such."""

import numpy as np
import pytest
import torch
from scipy import ndimage, signal

from gala_viz.alignment.resolution import RESIZINGS, resize_aligned, to_resolution
from gala_viz.collections import open_collection
from gala_viz.collections.clickme.click_maps import ClickMapSpec
from gala_viz.collections.clickme.round_filters import RoundFilters
from gala_viz.collections.clickme.smoothing import SCALED, SMOOTHINGS, disc_twice, gala_tpu, smooth_part
from gala_viz.collections.clickme.tfrecord_collection import TFRecordCollection
from gala_viz.collections.osie import OSIECollection
from gala_viz.collections.rendered.rendered_collection import RenderedCollection
from gala_viz.collections.rendered.simulated_participants import simulate_clicks
from gala_viz.registry import UnknownNameError
from gala_viz.schema import labelled_map
from tests.collections.clickme.test_click_tables import photos, write_csv  # noqa: F401 - a fixture
from tests.collections.clickme.tfrecord_writer import raw_record, write
from tests.collections.test_osie import write_compact


def test_the_window_of_the_gala_code_is_a_point_blurred_by_scipy_within_49_px():
    point = np.zeros((49, 49))
    point[24, 24] = 1
    kernel = ndimage.gaussian_filter(point, 28)
    assert kernel.sum() == pytest.approx(1)
    maps = np.random.default_rng(0).random((2, 256, 300)).astype(np.float32)
    found = gala_tpu(maps)
    for one, smoothed in zip(maps, found, strict=True):
        np.testing.assert_allclose(smoothed, signal.convolve2d(one, kernel, mode="same"), atol=1e-5)
    assert found.dtype == np.float32


def test_a_part_of_a_photograph_is_smoothed_at_the_photographs_scale():
    maps = np.random.default_rng(1).random((3, 224, 224))
    radius = 10  # 21 px at a short side of 256, of which 224 are shown
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    disc = (y**2 + x**2 <= radius**2).astype(float)
    disc /= disc.sum()
    expected = signal.fftconvolve(signal.fftconvolve(maps[0], disc, mode="same"), disc, mode="same")
    np.testing.assert_allclose(smooth_part(maps, "discs", 256)[0], expected, atol=1e-9)
    whole = np.zeros((256, 256))
    whole[90:120, 100:110] = 1
    np.testing.assert_allclose(
        smooth_part(whole[16:240, 16:240], "discs", 256)[40:120, 40:120], disc_twice(whole)[56:136, 56:136], atol=1e-12
    )
    assert set(SCALED) < set(SMOOTHINGS)
    np.testing.assert_array_equal(smooth_part(maps, "none", 256), maps)


def test_resizing_with_aligned_corners_is_torchs():
    maps = np.random.default_rng(2).random((2, 37, 50)).astype(np.float32)
    for size in ((14, 14), (1, 7), (60, 80), (37, 50)):
        expected = torch.nn.functional.interpolate(
            torch.from_numpy(maps)[:, None], size, mode="bilinear", align_corners=True
        )[:, 0].numpy()
        np.testing.assert_allclose(resize_aligned(maps, size), expected, atol=1e-5)
    labelled = labelled_map(maps[0], name="map")
    np.testing.assert_allclose(to_resolution(labelled, (14, 14), "aligned"), resize_aligned(maps[0], (14, 14)))
    assert set(RESIZINGS) == {"area", "aligned"}


@pytest.mark.slow
def test_rendered_maps_smoothed_by_discs_are_those_of_the_simulated_clicks(tmp_path):
    collection = RenderedCollection(counts={"test": 1}, folder=tmp_path)
    image, other = collection.images[0], collection.with_smoothing("discs")
    points = simulate_clicks(
        collection.part_map(image).ids, collection.category(image), image, collection.participant_spec
    )
    side = collection.spec.side_px
    radius = round((21 * side / 256 - 1) / 2)
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    disc = (y**2 + x**2 <= radius**2).astype(float)
    disc /= disc.sum()
    maps = []
    for person in np.unique(points.participant):
        own = points.participant == person
        counts, _, _ = np.histogram2d(points.y_px[own], points.x_px[own], side, [[0, side], [0, side]])
        maps.append(signal.convolve2d(signal.convolve2d(counts, disc, mode="same"), disc, mode="same"))
    np.testing.assert_allclose(other.participant_maps(image), maps, atol=1e-6)
    np.testing.assert_allclose(other.human_map(image), np.mean(maps, axis=0), atol=1e-6)
    told = other.human_map(image).attrs
    assert (told["smoothing"], "sigma_px" in told) == ("discs", False)
    assert other.fingerprint != collection.fingerprint
    assert "discs" in next(iter(other.map_kinds.values()))
    before = collection.human_map(image)
    assert before.attrs["smoothing"] == "gaussian"
    assert not np.allclose(before, other.human_map(image))
    assert not other.origin, "nothing opens it again"


@pytest.mark.parametrize("smoothing", ["gaussian", "harmonization", "gala_tpu", "none"])
def test_clicks_smoothed_otherwise_are_those_opened_with_that_smoothing(photos, tmp_path, smoothing):  # noqa: F811
    table, filters = write_csv(tmp_path / "clicks.csv"), RoundFilters(min_clicks=1)
    opened = open_collection(photos, human_maps=table, clicks=ClickMapSpec(filters=filters))
    other = opened.with_smoothing(smoothing)
    expected = open_collection(photos, human_maps=table, clicks=ClickMapSpec(smoothing=smoothing, filters=filters))
    for image in expected.images:
        if expected.has_human_map(image):
            np.testing.assert_array_equal(other.participant_maps(image), expected.participant_maps(image))
            assert other.human_map(image).attrs["smoothing"] == smoothing
            assert opened.human_map(image).attrs["smoothing"] == "discs", "the first stays as it is"
    assert other.fingerprint != opened.fingerprint


def test_records_smoothed_otherwise_are_those_opened_with_that_smoothing(tmp_path):
    write(tmp_path / "a.tfrecords", [raw_record(number) for number in range(3)])
    other = TFRecordCollection(tmp_path).with_smoothing("discs")
    expected = TFRecordCollection(tmp_path, smoothing="discs")
    for image in expected.images:
        np.testing.assert_array_equal(other.human_map(image), expected.human_map(image))
        assert other.human_map(image).attrs["smoothing"] == "discs"
    assert other.fingerprint == expected.fingerprint


def test_osies_points_are_smoothed_otherwise_from_their_counts(tmp_path):
    collection = OSIECollection(write_compact(tmp_path / "osie"))
    image = next(one for one in collection.images if collection.has_human_map(one))
    counts = collection.with_smoothing("none").participant_maps(image)
    assert set(np.unique(counts)) <= set(range(100)), "whole numbers of fixations"
    np.testing.assert_allclose(
        collection.with_smoothing("discs").participant_maps(image), disc_twice(counts.values), atol=1e-7
    )
    assert collection.with_smoothing("discs").fingerprint != collection.fingerprint


def test_maps_of_files_are_known_only_as_they_are(photos, tmp_path):  # noqa: F811
    for image in ("train/n01440764/a", "train/n01440764/b"):
        (tmp_path / "maps" / image).parent.mkdir(parents=True, exist_ok=True)
        np.save(tmp_path / "maps" / f"{image}.npy", np.random.default_rng(0).random((60, 80)))
    collection = open_collection(photos, human_maps=tmp_path / "maps")
    assert collection.with_smoothing("discs") is None
    assert open_collection("photos").with_smoothing("discs") is None
    with pytest.raises(UnknownNameError, match="Did you mean 'discs'"):
        collection.with_smoothing("disc")
