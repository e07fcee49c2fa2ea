"""Images for which a network gives NaN or infinity are never "there": told with image and network, in every reader."""

import numpy as np
import pytest
import torch
import zarr

from gala_viz.attribution.finite import NonFiniteError
from gala_viz.batch.block import block_values
from gala_viz.batch.described import store_spec
from gala_viz.batch.smoothgrad import smoothgrad
from gala_viz.cli import main
from gala_viz.collections import open_collection
from gala_viz.commands.store_status import status_text
from gala_viz.engine.attribution_maps import attribution_maps
from gala_viz.live import LiveMaps
from gala_viz.networks.card import write_network
from gala_viz.networks.network_folders import read_card
from gala_viz.networks.zoo import load_network
from gala_viz.specs import MapRequest, SmoothGradSpec
from gala_viz.store.creation import create_store, finish
from gala_viz.store.layout import NOT_FINITE, THERE, UNREADABLE
from gala_viz.store.stored_maps import StoredMaps
from gala_viz.store.zarr_store import CHECKED, Store
from tests.batch import lab
from tests.tiers import slow

SPEC = SmoothGradSpec(n_samples=2, seed=1)
BROKEN = "hare/00.png"


def never():
    return False


def breaking(network, photo, where="logits"):
    """The network, which gives NaN for this one photograph and what is near it: in logits, or in its gradient."""
    marked = torch.from_numpy(network.preprocessing.to_input(photo))
    inner = network.module

    own = inner.forward

    def forward(x):
        logits = own(x)
        near = (x.detach().cpu() - marked).abs().mean(dim=(1, 2, 3)) < 0.5
        if not near.any():
            return logits
        bad = near.to(logits.dtype)[:, None]
        if where == "logits":
            return torch.where(bad > 0, float("nan"), logits)
        without_gradient = torch.zeros(len(x), device=x.device)
        without_gradient[near] = torch.sqrt((0 * x[near]).sum(dim=(1, 2, 3)))
        return logits + without_gradient[:, None]

    inner.forward = forward
    return network


@pytest.fixture
def corner(tmp_path):
    photos, maps = lab.photographs(tmp_path, count=6, broken=(2,))
    folders = lab.networks(tmp_path)
    networks = [load_network(folder, "cpu") for folder in folders]
    return open_collection(photos, human_maps=maps), networks, folders


def made(path, corner, methods=None):
    collection, networks, _ = corner
    methods = methods or {"smoothgrad": SPEC}
    spec = store_spec(collection, collection.images, networks, methods, opened_as="here", block_images=6)
    store = create_store(path, spec, collection.images)
    values, faults = block_values(spec, collection, networks, collection.images)
    return store, values, faults


@pytest.mark.parametrize("where", ["maps", *slow("logits")])
def test_an_image_with_nan_is_not_there_and_its_neighbours_are(corner, tmp_path, where):
    collection, networks, _ = corner
    _, untouched, _ = made(tmp_path / "whole.zarr", corner)
    breaking(networks[1], collection.photo(BROKEN), where)
    store, values, faults = made(tmp_path / "maps.zarr", corner)
    assert set(faults.unreadable) == {"hare/02.png"}
    assert set(faults.not_finite) == {BROKEN}
    assert BROKEN in faults.not_finite[BROKEN]
    assert "of gala are NaN or infinite" in faults.not_finite[BROKEN]
    rest = [row for row, image in enumerate(collection.images) if image != BROKEN]
    np.testing.assert_array_equal(values["gala/top_index"][rest], untouched["gala/top_index"][rest])
    np.testing.assert_allclose(values["gala/smoothgrad/map"][rest], untouched["gala/smoothgrad/map"][rest], rtol=1e-5)
    row = collection.images.index(BROKEN)
    np.testing.assert_array_equal(values["plain/top_index"][row], untouched["plain/top_index"][row])
    assert np.isnan(values["gala/smoothgrad/map"][row]).all()
    if where == "logits":
        assert (values["gala/top_index"][row] == -1).all(), "no first choice is made up"
        assert np.isnan(values["scores/correct"][1, row])
    store.write_block(0, values, faults.unreadable, faults.not_finite)
    finish(store)
    found = Store(store.path)
    assert found.status().tolist().count(THERE) == 4
    assert found.status()[row] == NOT_FINITE
    assert found.status()[collection.images.index("hare/02.png")] == UNREADABLE
    assert found.missing_blocks() == []
    assert not found.is_there(BROKEN)
    assert found.not_finite() == faults.not_finite
    told = status_text(found)
    assert "4 of 6 images are there, 0 missing in 0 of 1 blocks, 1 unreadable, 1 not finite" in told
    assert f"not finite: {faults.not_finite[BROKEN]}" in told


def test_a_page_of_a_store_says_why_an_image_is_not_there(corner, tmp_path):
    collection, networks, _ = corner
    breaking(networks[1], collection.photo(BROKEN))
    store, values, faults = made(tmp_path / "maps.zarr", corner)
    store.write_block(0, values, faults.unreadable, faults.not_finite)
    source = StoredMaps(Store(store.path), collection)
    assert set(dict(source.skipped)) == {"hare/02.png", BROKEN}
    for ask in (lambda: source.forward(BROKEN), lambda: list(source.maps(BROKEN, source.request, never))):
        with pytest.raises(ValueError, match=f"{BROKEN}: .* of gala are NaN or infinite"):
            ask()
    assert source.forward(collection.images[2]).predictions[0].indices


def test_a_store_of_before_with_nan_is_looked_through(corner, tmp_path):
    collection, *_ = corner
    store, values, _ = made(tmp_path / "maps.zarr", corner)
    row, other = collection.images.index(BROKEN), collection.images[2]
    values["gala/top_index"][row] = 0
    values["gala/top_probability"][row] = np.nan
    values["gala/smoothgrad/map"][2, 5, 7] = np.nan
    values["scores/delta_size"][..., 2] = np.nan
    store.write_block(0, values, {"hare/02.png": "torn"})
    del zarr.open_group(store.path, mode="r+").attrs[CHECKED]
    found = Store(store.path)
    assert not found.is_there(BROKEN)
    assert not found.is_there(other)
    assert found.not_finite() == {
        BROKEN: f"{BROKEN}: the logits of gala are NaN or infinite.",
        other: f"{other}: the stored smoothgrad map of gala is NaN or infinite.",
    }
    assert "3 of 6 images are there" in status_text(found)
    source = StoredMaps(found, collection)
    with pytest.raises(ValueError, match="the logits of gala are NaN"):
        source.forward(BROKEN)
    assert source.cached(other, source.request) is None
    with pytest.raises(ValueError, match=f"{other}: the stored smoothgrad map of gala is NaN or infinite"):
        list(source.maps(other, source.request, never))


@pytest.mark.parametrize("where", ["maps", *slow("logits")])
def test_live_maps_refuse_what_is_not_finite_and_keep_nothing_of_it(corner, tmp_path, where):
    collection, networks, _ = corner
    breaking(networks[1], collection.photo(BROKEN), where)
    live = LiveMaps(collection, networks, tmp_path / "cache")
    request = MapRequest(smoothgrad=SPEC)
    for _ in ("first", "again"):
        with pytest.raises(NonFiniteError, match=rf"{BROKEN}: .* of Gala are NaN or infinite"):
            list(live.maps(BROKEN, request, never))
    assert live.cached(BROKEN, request) is None
    progress = list(live.survey(request, collection.images, never))
    assert progress[-1].done == len(collection.images), "one image stops no survey"
    assert BROKEN in dict(live.skipped)
    scores = live.scores(request)
    assert np.isnan(scores["rho"].sel(image=BROKEN)).all()
    if where == "logits":
        assert np.isnan(scores["correct"].sel(image=BROKEN)).all()


def test_maps_in_notebooks_are_refused_too(corner):
    collection, networks, _ = corner
    network = breaking(networks[1], collection.photo(BROKEN), "maps")
    with pytest.raises(NonFiniteError, match=rf"{BROKEN}: \d+ of \d+ values of the SmoothGrad map of gala"):
        smoothgrad(network, collection, SPEC, [BROKEN])
    kept = attribution_maps(network, collection, "saliency", None, [BROKEN], only_finite=False)
    assert np.isnan(kept).any()


def test_the_command_counts_what_is_not_finite_apart_and_says_so_by_its_exit_status(corner, tmp_path, capsys):
    _, networks, folders = corner
    asked = ["attribute", "--collection", str(tmp_path / "photos"), "--networks", *map(str, folders), "--workers", "0"]
    asked += ["--samples", "2", "--device", "cpu", "--store", str(tmp_path / "maps.zarr")]
    module = networks[1].module
    head = next(part for part in reversed(list(module.modules())) if isinstance(part, torch.nn.Linear))
    with torch.no_grad():
        head.weight.fill_(3e38)
    write_network(folders[1], module, read_card(folders[1]))
    assert main(asked) == 2
    told = capsys.readouterr()
    assert "1 unreadable, 5 not finite" in told.err
    assert "0 of 6 images are there, 0 missing in 0 of 1 blocks, 1 unreadable, 5 not finite" in told.out
    assert "not finite: hare/00.png: 2 of 2 logits of gala are NaN or infinite." in told.out


def test_a_network_that_has_no_finite_number_for_any_picture_is_refused_at_once(corner, monkeypatch):
    collection, networks, _ = corner
    monkeypatch.setattr(networks[1].module, "forward", lambda x: torch.full((len(x), 2), float("nan")))
    monkeypatch.setattr(networks[1], "attention", lambda x: (networks[1].logits(x), {}))
    with pytest.raises(NonFiniteError, match="a grey picture: 2 of 2 logits of gala are NaN or infinite"):
        store_spec(collection, collection.images, networks, {"smoothgrad": SPEC}, opened_as="here")
