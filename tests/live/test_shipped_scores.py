"""Scores that come with a network: used for its weights, collection and settings alone, there from the first visit."""

import os
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from gala_viz.collections import open_collection
from gala_viz.live import LiveMaps
from gala_viz.live.shipped_scores import (
    OF_FORWARD,
    OF_MAPS,
    about,
    image_at_median_gain,
    read_scores,
    scores_path,
    starting_smoothing,
    write_scores,
)
from gala_viz.networks.zoo import load_network
from gala_viz.specs import MapRequest, SmoothGradSpec
from gala_viz.splits import LEARNT
from tests.batch import lab
from tests.tiers import slow

PAIR = ("rendered-gala", "rendered-gala-clickme")


@pytest.fixture
def corner(tmp_path):
    photos, maps = lab.photographs(tmp_path, count=4)
    folders = lab.networks(tmp_path)
    return open_collection(photos, human_maps=maps), folders, tmp_path / "cache"


def opened(corner):
    collection, folders, cache = corner
    return LiveMaps(collection, [load_network(folder, "cpu") for folder in folders], cache)


def shipped(corner, request, **changes):
    """Score all images and write the files of both networks, with some of ``about`` changed."""
    source, (collection, folders, cache) = opened(corner), corner
    list(source.survey(replace(request, smoothing_px=0.0), source.images, lambda: False))
    scores = source.scores(request)
    reliability = xr.DataArray(
        [[0.5, 0.6, 0.9], [0.7, 0.8, 0.9]],
        dims=("smoothing", "image"),
        coords={"smoothing": [0.0, 1.0], "image": list(source.images[:3])},
    )
    for row, folder in enumerate(folders):
        own = scores[[*OF_FORWARD, *OF_MAPS]].isel(network=row, drop=True)
        layers = list(source.networks[row].layers)
        own = own.sel(layer=layers) if layers else own.drop_dims("layer")
        first = source.networks[0].name
        attrs = about(source.identities[row].weights_sha256, source.precisions[row], collection, request)
        write_scores(
            folder,
            own,
            {first: reliability} if row else {},
            {first: scores["delta_size"].values} if row else {},
            attrs | changes,
        )
    for file in sorted(cache.rglob("*"), reverse=True):
        file.unlink() if file.is_file() else file.rmdir()
    return scores


def test_a_first_visitor_sees_all_scores_the_image_at_the_median_gain_and_the_smoothing_that_is_enough(corner):
    request = opened(corner).request
    assert request.smoothing_px == 2.0, "a pair of which nothing is known"
    computed = shipped(corner, request)
    source = opened(corner)
    assert source.request == replace(request, smoothing_px=1.0)
    there = source.scores(source.request)
    for name in (*OF_FORWARD, *OF_MAPS):
        np.testing.assert_array_equal(there[name], computed[name])
    np.testing.assert_array_equal(
        source.scores(replace(request, smoothing_px=0.0))["delta_size"], computed["delta_size"]
    )
    gain = np.diff(computed["rho"].values, axis=0)[0]
    gain = gain[np.isfinite(gain)]
    at = list(source.images).index(source.starting_image)
    assert np.sum(gain < np.diff(computed["rho"].values[:, at])[0]) == (len(gain) - 1) // 2


@pytest.mark.parametrize(
    "changes",
    [
        *slow(
            {"weights_sha256": "0" * 64},
            {"collection_fingerprint": "f"},
            {"measurement_version": "1"},
            {"precision": "tf32"},
        ),
    ],
)
def test_scores_of_other_weights_images_or_rules_are_not_used(corner, changes):
    request = opened(corner).request
    shipped(corner, request, **changes)
    source = opened(corner)
    assert np.isnan(source.scores(request)["rho"]).all()
    assert source.starting_image is None
    assert source.request.smoothing_px == 2.0


@pytest.mark.slow
def test_scores_of_other_settings_and_damaged_files_are_not_used(corner):
    request = opened(corner).request
    shipped(corner, request)
    other = replace(request, smoothgrad=SmoothGradSpec(n_samples=7))
    source = opened(corner)
    assert np.isnan(source.scores(other)["rho"]).all()
    for folder in corner[1]:
        path = scores_path(folder, corner[0].name)
        path.write_bytes(path.read_bytes()[:100])
    assert np.isnan(opened(corner).scores(request)["rho"]).all()


@pytest.mark.slow
def test_opening_a_pair_reads_each_file_of_scores_once_and_again_after_it_changed(corner, monkeypatch):
    request = opened(corner).request
    shipped(corner, request)
    paths = [scores_path(folder, corner[0].name) for folder in corner[1]]
    read, load = [], xr.load_dataset
    monkeypatch.setattr(xr, "load_dataset", lambda path, **options: read.append(path) or load(path, **options))
    there = opened(corner).scores(request)["rho"]
    assert sorted(read) == sorted(paths)
    np.testing.assert_array_equal(opened(corner).scores(request)["rho"], there)
    assert len(read) == 2, "another session reads nothing"
    content = load(paths[1], engine="scipy")
    content["rho"] = content["rho"] / 2
    content.to_netcdf(paths[1], engine="scipy", format="NETCDF3_64BIT")
    os.utime(paths[1], (1, 1))
    np.testing.assert_allclose(opened(corner).scores(request)["rho"][1], there[1] / 2, rtol=1e-6)
    assert read[2:] == [paths[1]]


@pytest.mark.slow
def test_what_a_caller_adds_to_scores_is_not_there_for_the_next(corner):
    request = opened(corner).request
    shipped(corner, request)
    source, (collection, folders, _) = opened(corner), corner
    expected = about(source.identities[1].weights_sha256, source.precisions[1], collection, request)
    first = read_scores(str(folders[1]), expected)
    first["more"] = 1
    with pytest.raises(ValueError, match="read-only"):
        first["rho"].values[:] = 0
    assert "more" not in read_scores(str(folders[1]), expected)


def test_the_image_at_the_median_gain_is_the_lower_one_of_the_two_in_the_middle():
    rho = np.array([[0.0, 0.0, 0.0, 0.0, np.nan], [0.4, 0.1, 0.3, 0.2, 0.5]])
    assert image_at_median_gain(rho, list("abcde")) == "d"
    assert image_at_median_gain(rho * np.nan, list("abcde")) is None
    assert starting_smoothing(None, "first") == 2.0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("collection", "pair"), [("rendered", PAIR), ("photos", ("lite0-gala-vanilla", "lite0-gala-human"))]
)
def test_scores_of_the_shipped_networks_fit_them(collection, pair, cache_folder):
    source = LiveMaps(open_collection(collection), [load_network(name, "cpu") for name in pair], cache_folder)
    held_out = np.asarray(source.labels().learnt) != LEARNT
    scores = source.scores(source.request)
    assert np.isfinite(scores["correct"].values[:, held_out]).all() or collection == "photos"
    if collection == "rendered":
        assert np.isfinite(scores["rho"].values[:, held_out]).all()
        assert source.starting_image is not None
        assert source.request.smoothing_px == 0.0
    else:
        assert source.starting_image is None
        assert source.request.smoothing_px == 1.5


@pytest.mark.slow
def test_scores_of_the_shipped_networks_are_computed_again(cache_folder):
    source = LiveMaps(open_collection("rendered"), [load_network(name, "cpu") for name in PAIR], cache_folder)
    request: MapRequest = source.request
    known = source.scores(request)
    for image in np.asarray(source.images)[np.isfinite(known["rho"].values).all(axis=0)][::150].tolist():
        *_, update = source.maps(image, request, lambda: False)
        for name in ("rho", "dice", "iou", "floor_same", "floor_different"):
            np.testing.assert_allclose(update.scores[name], known[name].sel(image=image), atol=0.005)
