"""A store opens after its photographs moved, knows them by their pixels, and is scored anew with other human maps."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
import zarr
from PIL import Image

import gala_viz as gv
from gala_viz.batch.block import block_values
from gala_viz.batch.described import store_spec
from gala_viz.batch.rescore import rescore
from gala_viz.cli import main
from gala_viz.collections import open_collection
from gala_viz.networks.zoo import load_network
from gala_viz.specs import MEASUREMENT_VERSION, SmoothGradSpec
from gala_viz.store.creation import create_store
from gala_viz.store.moved import changed_pixels, is_moved
from gala_viz.store.stored_maps import MOVED, OTHER_MAPS, StoredMaps
from gala_viz.store.zarr_store import Store, StoreError
from tests.batch import lab


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    root = tmp_path_factory.mktemp("lab")
    photos, maps = lab.photographs(root, count=8, broken=(2,))
    networks = lab.networks(root)
    arguments = [
        "attribute", "--store", str(root / "maps.zarr"), "--collection", str(photos), "--human-maps", str(maps),
        "--networks", *map(str, networks), "--samples", "3", "--block", "4", "--device", "cpu", "--workers", "0",
    ]  # fmt: skip
    assert main(arguments) == 0
    return root


@pytest.fixture
def moved(made, tmp_path):
    """The same photographs elsewhere, with other times of modification."""
    shutil.copytree(made / "photos", tmp_path / "elsewhere", copy_function=shutil.copy)
    return tmp_path / "elsewhere"


def test_moved_photographs_are_known_by_their_pixels(made, moved):
    store, collection = Store(made / "maps.zarr"), open_collection(moved)
    assert collection.fingerprint != store.spec.collection["fingerprint"]
    assert is_moved(store, collection)
    assert not is_moved(store, open_collection(made / "photos", human_maps=made / "maps"))
    source = StoredMaps(store, collection)
    assert source.view(store.images[0]).shape == (32, 32, 3)
    assert source.cached(store.images[0], source.request).done
    assert changed_pixels(store, collection) == []


def test_a_photograph_with_other_pixels_is_named(made, moved, monkeypatch, capsys):
    path = moved / "tram" / "05.png"
    values = np.array(Image.open(path))
    values[0, 0] ^= 1
    Image.fromarray(values).save(path)
    store, collection = Store(made / "maps.zarr"), open_collection(moved)
    with pytest.raises(StoreError, match=r"tram/05\.png: its pixels in .* are not those whose maps maps\.zarr holds"):
        StoredMaps(store, collection)
    monkeypatch.setattr("gala_viz.store.moved.N_COMPARED", 1)
    source = StoredMaps(store, collection)
    with pytest.raises(ValueError, match="its pixels"):
        source.view("tram/05.png")
    assert source.view("hare/00.png") is not None
    status = main(["attribute", "--store", str(made / "maps.zarr"), "--status", "--collection", str(moved)])
    assert status == 2
    out = capsys.readouterr()
    assert "elsewhere: 1 photograph differs from those of the store" in out.out
    assert "tram/05.png" in out.err


def test_a_collection_that_lacks_an_image_is_refused(made, moved):
    (moved / "hare" / "04.png").unlink()
    with pytest.raises(StoreError, match=r"1 image of it are not there, the first: hare/04\.png"):
        is_moved(Store(made / "maps.zarr"), open_collection(moved))


def test_scores_are_computed_anew_from_the_maps_and_equal_those_of_before(made, tmp_path, capsys):
    path = tmp_path / "maps.zarr"
    shutil.copytree(made / "maps.zarr", path)
    before = {
        name: Store(path).column(f"scores/{name}") for name in ("rho", "dice", "floor_same", "ceiling", "rho_attention")
    }
    store = Store(path, writing=True)
    store.replace_scores({"scores/rho": np.zeros_like(before["rho"])}, "1", store.scored_with)
    assert main(["attribute", "--store", str(path), "--status"]) == 0
    assert "--rescore computes them anew" in capsys.readouterr().out
    source = StoredMaps(Store(path), open_collection(made / "photos", human_maps=made / "maps"))
    told = f"scores are by the rules of measurement 1, now {MEASUREMENT_VERSION}; gala-viz attribute --rescore"
    assert told in source.cached("hare/00.png", source.request).note
    assert told in source.scores(source.request).attrs["note"]
    assert main(["attribute", "--store", str(path), "--rescore"]) == 0
    again = Store(path)
    assert again.scores_version == str(MEASUREMENT_VERSION)
    for name, values in before.items():
        np.testing.assert_allclose(again.column(f"scores/{name}"), values, atol=1e-6, err_msg=name)


def test_scores_follow_other_human_maps(made, tmp_path):
    path, maps = tmp_path / "maps.zarr", tmp_path / "maps"
    shutil.copytree(made / "maps.zarr", path)
    maps.mkdir()
    values = np.random.default_rng(9).random((4, 40, 40)).astype(np.float32)
    np.savez(maps / "00.npz", maps=values, participants=list("wxyz"))
    before = Store(path).column("scores/rho")
    assert main(["attribute", "--store", str(path), "--rescore", "--human-maps", str(maps)]) == 0
    after = Store(path).column("scores/rho")
    assert np.isfinite(after[0, :, 0]).all()
    assert (after[0, :, 0] != before[0, :, 0]).all()
    assert np.isnan(after[0, :, 1:]).all()
    again = Store(path)
    assert again.scored_with == open_collection(made / "photos", human_maps=maps).fingerprint
    root = gv.open_store(path)
    assert np.isfinite(root["human"]["map"].values[0]).all()
    assert np.isnan(root["human"]["map"].values[1:]).all()
    assert again.labels().has_human_map.tolist() == [True] + [False] * 7


def test_scores_with_other_human_maps_than_those_beside_them_say_so(made, tmp_path, capsys):
    path, maps = tmp_path / "maps.zarr", tmp_path / "maps"
    shutil.copytree(made / "maps.zarr", path)
    shutil.copytree(made / "maps", maps)
    values = np.random.default_rng(9).random((4, 40, 40)).astype(np.float32)
    np.savez(maps / "00.npz", maps=values, participants=list("wxyz"))
    others = open_collection(made / "photos", human_maps=maps)
    source = StoredMaps(Store(path), others)
    assert MOVED in source.cached("hare/00.png", source.request).note
    assert MOVED in source.scores(source.request).attrs["note"]
    Store(path, writing=True).replace_human_maps(0, np.zeros((1, 56, 56), np.float32))  # and killed
    main(["attribute", "--store", str(path), "--status"])
    assert "scores are half replaced: --rescore did not end" in capsys.readouterr().out
    assert main(["attribute", "--store", str(path), "--rescore", "--human-maps", str(maps)]) == 0
    source = StoredMaps(Store(path), others)
    assert source.cached("hare/00.png", source.request).note == "from the store"
    before = StoredMaps(Store(path), open_collection(made / "photos", human_maps=made / "maps"))
    assert OTHER_MAPS in before.scores(before.request).attrs["note"]
    same = StoredMaps(Store(made / "maps.zarr"), open_collection(made / "photos", human_maps=made / "maps"))
    assert same.scores(same.request).attrs["note"] == ""


@pytest.mark.slow
def test_a_store_of_networks_that_cut_photographs_differently_says_over_what_its_scores_are(made, tmp_path):
    collection = open_collection(made / "photos", human_maps=made / "maps")
    networks = [load_network(made / name, "cpu") for name in ("plain", "gala")]
    networks[1].preprocessing = replace(networks[1].preprocessing, short_px=40)
    spec = store_spec(
        collection, collection.images, networks, {"smoothgrad": SmoothGradSpec(n_samples=3)}, opened_as="here"
    )
    store = create_store(tmp_path / "two.zarr", spec, collection.images)
    values, faults = block_values(spec, collection, networks, collection.images)
    assert spec.n_blocks == 1
    store.write_block(0, values, faults.unreadable, faults.not_finite, faults.unusable_maps)
    source = StoredMaps(Store(store.path), collection)
    told = "maps are compared over the part of a photograph that all see: 64 % of what Plain sees, 100 % of what Gala"
    assert told in source.scores(source.request).attrs["note"]
    assert told in source.cached("hare/00.png", source.request).note
    human = gv.open_store(store.path)["human"]["map"]
    assert human.attrs["frame"] == "the part of a photograph that all networks see"
    assert create_store(store.path, spec, collection.images).is_scored_alike
    root = zarr.open_group(store.path, mode="r+")
    del root.attrs["scored_over_what_all_see"]  # as stores of before
    before = StoredMaps(Store(store.path), collection)
    assert "each over what one of them sees" in before.scores(before.request).attrs["note"]
    scores = before.cached("hare/00.png", before.request).scores
    assert np.isnan(scores["fraction"].values[1])
    with pytest.raises(StoreError, match="its networks cut photographs differently"):
        create_store(store.path, spec, collection.images)
    rescore(Store(store.path, writing=True), collection)
    assert Store(store.path).is_scored_alike
    np.testing.assert_allclose(Store(store.path).column("scores/rho"), values["scores/rho"], atol=1e-5)
