"""A store is extended by the network that it was begun with; edited, or not known, it is shown and left as it is."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import zarr

from gala_viz.attribution.network_identity import compute_output_fingerprint
from gala_viz.batch import job as jobs
from gala_viz.batch.described import stored_network
from gala_viz.batch.run import run_here
from gala_viz.cli import main
from gala_viz.commands.attribute import Arguments
from gala_viz.commands.compare_app import load_source
from gala_viz.networks.zoo import BUILDERS, load_network
from gala_viz.panels.compare.compare_options import CompareOptions
from gala_viz.store.identity import doubt, identity_in
from gala_viz.store.zarr_store import ATTRS, Store
from tests.batch import lab
from tests.networks import own_network


@pytest.fixture
def corner(tmp_path, monkeypatch):
    """A folder with pictures, maps, a network of its own, and one that is known by its weights."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    lab.photographs(tmp_path, count=4)
    lab.networks(tmp_path)
    (tmp_path / "photos").rename(tmp_path / "pictures")
    edit(tmp_path)
    yield tmp_path
    sys.modules.pop("edited_net", None)


def edit(folder, forward=own_network.PLAIN):
    """Write the network's file; nothing that a process had opened is there any more."""
    own_network.write(folder, forward)
    jobs.close()


def begun(networks=(own_network.NAME, "./plain"), layers=()):
    """A store with the first of two blocks, and its job."""
    arguments = Arguments(
        store=Path("maps.zarr"), collection="pictures", human_maps="maps", networks=networks, samples=2, block=2,
        device="cpu", layers=layers,
    )  # fmt: skip
    store, job = arguments._prepared()
    assert run_here(job, [0]).failed == {}
    return store, job


def go_on(networks=(own_network.NAME, "./plain")):
    command = ["attribute", "--store", "maps.zarr", "--collection", "pictures", "--human-maps", "maps"]
    settings = ["--samples", "2", "--block", "2", "--device", "cpu", "--workers", "0"]
    return main([*command, "--networks", *networks, *settings])


def without_behaviours(path="maps.zarr"):
    """The store as it was written before behaviours were kept."""
    root = zarr.open_group(path, mode="r+")
    settings = json.loads(root.attrs[ATTRS])
    for network in settings["networks"]:
        del network["behaviour"], network["known_by_weights"]
    root.attrs[ATTRS] = json.dumps(settings)


def test_the_unchanged_network_goes_on_and_a_finished_store_runs_only_the_fixed_inputs(corner, capsys):
    begun()
    edit(corner)
    assert go_on() == 0
    assert Store("maps.zarr").missing_blocks() == []
    edit(corner)
    assert go_on() == 0
    assert "2 of 2 blocks are there" in capsys.readouterr().err
    passes = own_network.passes()
    assert passes == [2, 1, 2, 1, 1], "its check when loaded, the grids of its layers, and the fixed inputs"


@pytest.mark.parametrize("what", own_network.EDITS)
def test_an_edited_network_does_not_extend_the_store(corner, capsys, what):
    begun()
    edit(corner, own_network.EDITS[what])
    assert go_on() == 2
    told = capsys.readouterr().err
    assert "maps.zarr is not extended. The stored maps are of another behaviour of edited_net:make" in told
    assert "the weights are the same, and for fixed inputs it now gives" in told
    assert "choose another store, or remove this one" in told
    assert Store("maps.zarr").missing_blocks() == [1]


def test_a_worker_with_another_file_is_refused(corner):
    store, job = begun()
    edit(corner, own_network.EDITS["a scaled branch"])
    (why,) = run_here(job, [1]).failed.values()
    assert "edited_net:make is not, or no longer, the network that" in why
    assert "another behaviour" in why
    own_network.write(corner, categories=("tram", "hare"))
    jobs.close()
    (why,) = run_here(job, [1]).failed.values()
    assert "categories[0]: 'hare' in the store, 'tram' asked for" in why
    edit(corner)
    assert run_here(job, [1]).failed == {}
    assert store.missing_blocks() == []


def page():
    return load_source(CompareOptions(store="maps.zarr", device="cpu"), lambda step: None)


def test_a_page_shows_stored_maps_and_computes_nothing_beside_them_with_an_edited_network(corner):
    begun()
    edit(corner)
    source = page()
    image, missing = source.images[1], source.images[3]
    expected = source.cached(image, source.request).maps.values
    assert len(source.forward(missing).predictions) == 2, "the same network computes what is missing"
    edit(corner, own_network.EDITS["another activation"])
    source = page()
    np.testing.assert_array_equal(source.cached(image, source.request).maps, expected)
    for _ in range(2):
        with pytest.raises(ValueError, match=r"Nothing is computed beside these maps: The stored maps are of another"):
            source.forward(missing)
    assert source.cached(missing, source.request) is None


OTHER_SETTINGS = {
    "categories": ("['hare', 'tram']", "['tram', 'hare']", "categories[0]: 'hare' in the store, 'tram' asked for"),
    "preprocessing": ('"short_px": 32', '"short_px": 40', "preprocessing.short_px: 32 in the store, 40 asked for"),
}


@pytest.mark.parametrize("what", OTHER_SETTINGS)
def test_what_the_fixed_inputs_do_not_see_is_compared_too(corner, capsys, what):
    begun()
    edit(corner)
    before, after, told = OTHER_SETTINGS[what]
    file = corner / "edited_net.py"
    text = file.read_text().replace("('hare', 'tram')", "['hare', 'tram']")
    assert before in text
    file.write_text(text.replace(before, after))
    sys.modules.pop("edited_net", None)
    source = page()
    with pytest.raises(ValueError, match="Nothing is computed beside these maps") as refused:
        source.forward(source.images[3])
    assert told in str(refused.value)
    assert go_on() == 2
    assert told in capsys.readouterr().err


def test_another_precision_computes_nothing_beside_stored_maps(corner):
    begun(("./plain", "./gala"))
    source = load_source(CompareOptions(store="maps.zarr", device="cpu", precision="bfloat16"), lambda step: None)
    with pytest.raises(ValueError, match=r"precision is another one than in the store \(computed on CPU, float32\)"):
        source.forward(source.images[3])


def test_a_page_of_a_store_looks_at_the_layers_that_are_stored(corner):
    begun(("./plain", "./gala"), layers=("group1",))
    source = page()
    stored, computed = (source.forward(image).attention_norms for image in (source.images[1], source.images[3]))
    assert [list(one) for one in stored] == [list(one) for one in computed]
    assert "group1 (activity)" in computed[0]


def test_a_layers_norm_tells_its_unit_be_it_stored_before_now_or_computed(corner):
    begun(("./plain", "./gala"), layers=("group1",))
    zarr.open_group("maps.zarr")["plain/attention_norm/group1 (activity)/norm"].attrs["units"] = "1"  # as in 0.1
    source = page()
    expected = {"group2.block1": "1", "group1 (activity)": "activity"}
    for image in (source.images[1], source.images[3]):
        norms = source.forward(image).attention_norms[1]
        assert {layer: norm.attrs["units"] for layer, norm in norms.items()} == expected
        assert source.forward(image).attention_norms[0]["group1 (activity)"].attrs["units"] == "activity"


def test_a_page_computes_nothing_beside_stored_maps_with_other_weights(corner):
    begun()
    lab.networks(corner / "other", ("gala", "plain"))
    for name in ("card.toml", "weights.safetensors"):
        (corner / "other" / "plain" / name).replace(corner / "plain" / name)
    source = page()
    with pytest.raises(ValueError, match=r"The weights of plain have changed: \w{12}… in the store, \w{12}… now"):
        source.forward(source.images[3])


def test_a_store_of_an_earlier_version_is_shown_and_not_extended_for_an_own_network(corner, capsys):
    begun()
    without_behaviours()
    edit(corner)
    assert go_on() == 2
    told = capsys.readouterr().err
    assert "maps.zarr is not extended. The store does not tell what edited_net:make did with fixed inputs" in told
    assert "The store can be looked at as before; for new maps choose another store" in told
    assert Store("maps.zarr").missing_blocks() == [1]
    source = page()
    assert np.isfinite(source.cached(source.images[0], source.request).maps).all()
    with pytest.raises(ValueError, match="Nothing is computed beside these maps: The store does not tell"):
        source.forward(source.images[3])
    assert main(["attribute", "--store", "maps.zarr", "--status"]) == 0
    told = capsys.readouterr().out
    assert "without what edited_net:make did with fixed inputs: it is shown and not extended" in told


def test_a_network_of_a_card_that_somebody_elses_builder_makes_is_told_as_not_extended(corner, capsys, monkeypatch):
    begun(("./plain",))
    without_behaviours()
    assert main(["attribute", "--store", "maps.zarr", "--status"]) == 0
    assert "not extended" not in capsys.readouterr().out.replace("\n", " ")

    def somebodys(**arguments):
        return own(**arguments)

    own = BUILDERS["resnet"]
    monkeypatch.setitem(BUILDERS._entries, "resnet", somebodys)
    assert main(["attribute", "--store", "maps.zarr", "--status"]) == 0
    assert "without what plain did with fixed inputs: it is shown and not extended" in capsys.readouterr().out
    jobs.close()
    assert go_on(("./plain",)) == 2
    assert "is not extended" in capsys.readouterr().err


def test_a_store_of_an_earlier_version_goes_on_for_networks_that_are_known_by_weights(corner):
    begun(("./plain",))
    without_behaviours()
    jobs.close()
    assert go_on(("./plain",)) == 0
    assert Store("maps.zarr").missing_blocks() == []


def test_a_network_by_chance_cannot_have_a_store(corner, capsys):
    edit(corner, f"torch.nn.functional.dropout({own_network.PLAIN}, 0.5, training=True)")
    assert go_on() == 2
    assert "edited_net:make cannot have a store: its logits for one input change from pass to pass" in (
        capsys.readouterr().err
    )
    assert not Path("maps.zarr").exists()


def test_a_behaviour_is_compared_within_rounding_and_not_by_its_digits(corner):
    stored = stored_network(load_network(own_network.NAME, "cpu"))
    rounded = json.loads(json.dumps(stored.behaviour))
    rounded["logits"] = [[value * (1 + 1e-4) for value in row] for row in rounded["logits"]]
    assert doubt(stored, identity_in(replace(stored, behaviour=rounded))) is None
    assert "was not computed for comparison" in doubt(stored, identity_in(replace(stored, behaviour=None)))
    rounded["logits"] = [[value * 1.05 for value in row] for row in rounded["logits"]]
    assert "it now gives logits that are 0.048 of their size away (rounding: up to 0.001)." in doubt(
        stored, identity_in(replace(stored, behaviour=rounded))
    )
    assert compute_output_fingerprint(load_network(own_network.NAME, "cpu")).settings() == stored.behaviour


def test_a_function_with_other_weights_at_each_call_is_refused_before_anything_is_made(corner):
    (corner / "random_net.py").write_text(
        "from torch import nn\n\n\ndef network():\n"
        "    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 2))\n"
    )
    with pytest.raises(ValueError, match=r"random_net:network has other weights at each call.*manual_seed"):
        begun(("random_net:network", "./plain"))
    assert not (corner / "maps.zarr").exists()
