"""A store is made by an agreement, written block by block, and read only where a block is whole."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from gala_viz.specs import fingerprint
from gala_viz.splits import LEARNT, UNKNOWN
from gala_viz.store.creation import create_store, finish
from gala_viz.store.layout import THERE, UNREADABLE, arrays_of, bytes_needed, segment
from gala_viz.store.lock import owned
from gala_viz.store.source import Labels
from gala_viz.store.spec import StoredNetwork, StoreSpec, differences
from gala_viz.store.zarr_store import Store, StoreError

IMAGES = tuple(f"tench/{number:02d}.png" for number in range(10))


def network(name, **changes):
    about = {
        "name": name, "title": name.title(), "fingerprint": f"of {name}", "weights_sha256": "0" * 64,
        "preprocessing": {"short_px": 16, "crop_px": 16}, "input_px": (16, 16), "layers": {"block1": (4, 4)},
        "categories": ("tench", "goldfish"), "device": "CPU, float32", "known_by_weights": True,
    }  # fmt: skip
    return StoredNetwork(**{**about, **changes})


def spec(n_samples=5, **changes):
    about = {
        "collection": {"name": "c", "title": "C", "fingerprint": "f", "opened_as": "here"},
        "images": fingerprint(list(IMAGES)),
        "n_images": len(IMAGES),
        "networks": (network("vanilla"), network("click me/2")),
        "methods": {
            "smoothgrad": {"n_samples": n_samples, "units": "u", "by_chance": True},
            "cam": {"by_chance": False},
        },
        "block_images": 4,
        "versions": {"torch_version": "2"},
    }
    return StoreSpec(**{**about, **changes})


def block_of(store, number, seed=0):
    chance = np.random.default_rng(seed + number)
    count = len(store.images[store.spec.block(number)])
    return {
        one.path: (chance.random(one.shape(count)) * 100).astype(one.dtype)
        for one in arrays_of(store.spec)
        if one.path not in ("status", "note")
    }


def test_what_is_written_is_read_image_by_image_and_as_a_tree(tmp_path):
    store = create_store(tmp_path / "maps.zarr", spec(), IMAGES)
    written = [block_of(store, number) for number in range(3)]
    for number, values in enumerate(written):
        store.write_block(number, values, {})
    found = Store(tmp_path / "maps.zarr")
    assert found.images == IMAGES
    assert found.missing_blocks() == []
    assert found.spec == spec()
    for row, image in enumerate(IMAGES):
        values = written[row // 4]
        np.testing.assert_array_equal(
            found.read("vanilla/smoothgrad/map", image), values["vanilla/smoothgrad/map"][row % 4]
        )
        np.testing.assert_array_equal(found.read("scores/rho", image), values["scores/rho"][..., row % 4])
    tree = found.tree()
    dataset = tree["vanilla/smoothgrad"].to_dataset()
    assert dataset["map"].dims == ("image", "y", "x")
    np.testing.assert_allclose(dataset["y"], np.arange(16) + 0.5)
    np.testing.assert_allclose(tree["vanilla/attention_norm/block1"]["y"], [2, 6, 10, 14])
    assert dataset["map"].attrs["n_samples"] == 5
    assert tree["scores"]["rho"].sel(network="click me/2", attribution="cam", image=IMAGES[9]).values == pytest.approx(
        written[2]["scores/rho"][1, 1, 1]
    )


def test_attention_is_stored_without_unit_and_the_activity_of_a_module_with_its_own(tmp_path):
    hooked = network("hooked", layers={"block1": (4, 4), "stem (activity)": (8, 8)})
    tree = create_store(tmp_path / "maps.zarr", spec(networks=(hooked,)), IMAGES).tree()["hooked/attention_norm"]
    assert tree["block1"]["norm"].attrs["units"] == "1"
    assert tree["stem (activity)"]["norm"].attrs["units"] == "activity"


def test_every_map_and_score_of_a_store_has_a_unit_and_a_name_and_its_pixels(tmp_path):
    methods = {"smoothgrad": {"n_samples": 5, "units": "u", "by_chance": True}}
    tree, named = create_store(tmp_path / "maps.zarr", spec(methods=methods), IMAGES).tree(), []
    for group in tree.subtree:
        for name, one in group.data_vars.items():
            if {"y", "x"} <= set(one.dims) or group.path == "/scores" or name == "sigma":
                assert one.attrs["units"], f"{group.path}/{name}"
                assert one.attrs["long_name"], f"{group.path}/{name}"
                named.append(name)
            for dim in {"y", "x"} & set(one.dims):
                assert group[dim].attrs["units"] == "px"
                assert group[dim].attrs["long_name"]
    assert {"map", "standard_error", "half_map", "norm", "rho", "ceiling", "delta_size", "sigma"} <= set(named)


def test_a_block_counts_once_its_status_is_written(tmp_path, monkeypatch):
    store = create_store(tmp_path / "maps.zarr", spec(), IMAGES)
    values = block_of(store, 1)
    order = []
    real = type(store._root).__getitem__

    def watched(self, path):
        order.append(path)
        if path == "status":
            raise KeyboardInterrupt
        return real(self, path)

    monkeypatch.setattr(type(store._root), "__getitem__", watched)
    with pytest.raises(KeyboardInterrupt):
        store.write_block(1, values, {})
    monkeypatch.undo()
    assert order[-1] == "status"
    assert set(order) == {one.path for one in arrays_of(store.spec)}
    found = Store(tmp_path / "maps.zarr")
    assert found.missing_blocks() == [0, 1, 2]
    assert not found.is_there(IMAGES[5])
    store.write_block(1, values, {})
    assert found.missing_blocks() == [0, 2]
    assert found.is_there(IMAGES[5])
    assert not found.is_there("unknown")


def test_unreadable_images_keep_their_reason(tmp_path):
    store = create_store(tmp_path / "maps.zarr", spec(), IMAGES)
    store.write_block(0, block_of(store, 0), {IMAGES[2]: "the file is torn — “so”."})
    assert store.status()[:5].tolist() == [THERE, THERE, UNREADABLE, THERE, 0]
    assert Store(tmp_path / "maps.zarr").notes() == {IMAGES[2]: "the file is torn — “so”."}
    assert not store.is_there(IMAGES[2])


def test_wrong_arrays_and_shapes_are_refused_before_anything_is_written(tmp_path):
    store = create_store(tmp_path / "maps.zarr", spec(), IMAGES)
    values = block_of(store, 0)
    with pytest.raises(StoreError, match="the arrays differ from the store's, the first is 'human/map'"):
        store.write_block(0, {path: one for path, one in values.items() if path != "human/map"}, {})
    with pytest.raises(StoreError, match=r"shape \(2, 16, 16\) was expected; got \(4, 16, 16\)"):
        store.write_block(2, {**block_of(store, 2), "vanilla/cam/map": values["vanilla/cam/map"]}, {})
    assert store.missing_blocks() == [0, 1, 2]


def test_the_same_agreement_goes_on_and_another_is_refused_with_every_difference(tmp_path):
    path = tmp_path / "maps.zarr"
    create_store(path, spec(), IMAGES).write_block(0, block_of(Store(path), 0), {})
    elsewhere = {"name": "c", "title": "C", "fingerprint": "f", "opened_as": "there"}
    again = create_store(path, spec(collection=elsewhere), IMAGES)
    assert again.missing_blocks() == [1, 2]
    moved = tuple(network(name, device="GPU") for name in ("vanilla", "click me/2"))
    assert create_store(path, spec(networks=moved), IMAGES).missing_blocks() == [1, 2]
    with pytest.raises(StoreError, match=r"methods\.smoothgrad\.n_samples: 5 in the store, 9 asked for") as told:
        create_store(path, spec(9, versions={"torch_version": "3", "measurement_version": "9"}), IMAGES)
    assert "versions.measurement_version: '1' in the store, '9' asked for" in str(told.value)
    assert "torch_version" not in str(told.value), "a circumstance"
    other = (network("vanilla", fingerprint="another"), network("click me/2"))
    with pytest.raises(StoreError, match="vanilla is not as it was when the store was made: architecture or precision"):
        create_store(path, spec(networks=other), IMAGES)
    with pytest.raises(StoreError, match="networks: 2 in the store, 1 asked for"):
        create_store(path, spec(networks=(network("vanilla"),)), IMAGES)


def test_a_store_that_was_begun_and_not_finished_is_made_anew(tmp_path):
    begun = tmp_path / ".maps.zarr.begun"
    begun.mkdir()
    (begun / "zarr.json").write_text("half")
    assert create_store(tmp_path / "maps.zarr", spec(), IMAGES).missing_blocks() == [0, 1, 2]
    assert not begun.exists()


def test_other_folders_are_no_stores_and_are_left_alone(tmp_path):
    with pytest.raises(StoreError, match="gala-viz attribute makes one"):
        Store(tmp_path / "nowhere")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.png").touch()
    with pytest.raises(StoreError, match="is no store of maps"):
        create_store(tmp_path / "photos", spec(), IMAGES)
    assert (tmp_path / "photos" / "a.png").exists()
    store = create_store(tmp_path / "maps.zarr", spec(), IMAGES)
    old = {**json.loads(json.dumps(store.settings)), "colour": "red"}
    (tmp_path / "maps.zarr" / "zarr.json").write_text(
        json.dumps({"zarr_format": 3, "node_type": "group", "attributes": {"gala_viz": json.dumps(old)}})
    )
    with pytest.raises(StoreError, match="of another version"):
        Store(tmp_path / "maps.zarr")


def test_one_process_at_a_time_owns_a_store_and_its_lock_goes_with_it(tmp_path):
    path = tmp_path / "maps.zarr"
    program = f"""
import sys, time
from gala_viz.store.lock import owned
with owned({str(path)!r}):
    print("mine", flush=True)
    time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "mine\n"
        with pytest.raises(StoreError, match="another run is writing"), owned(path):
            pass
        os.kill(other.pid, 9)
        other.wait()
    with owned(path):
        pass


def test_names_become_parts_of_paths_that_stay_inside():
    assert segment("group3.block1") == "group3.block1"
    for name in ("a/b", "../up", "..", ".", "/etc", "nul\0", "ünder"):
        assert "/" not in segment(name)
        assert segment(name) not in (".", "..")
        assert "\0" not in segment(name)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"networks": ()}, "at least one"),
        ({"networks": (network("a"), network("a"))}, "different names"),
        ({"networks": (network("scores"),)}, "cannot be called 'scores'"),
        ({"networks": (network("é" * 60),)}, "240 letters at most; 'é+'… has 360"),
        ({"block_images": 0}, "block_images is at least 1"),
    ],
)
def test_agreements_that_cannot_be_kept_are_refused(changes, told):
    with pytest.raises(ValueError, match=told):
        spec(**changes)


def test_the_size_is_told_before_it_is_written():
    one = bytes_needed(spec(methods={"cam": {}}, cells=8))
    assert bytes_needed(spec(methods={"cam": {}}, cells=16)) - one == 2 * 4 * (16**2 - 8**2) * len(IMAGES)


def test_differences_are_found_at_any_depth():
    assert differences({"a": {"b": [1, 2]}}, {"a": {"b": [1, 3]}}) == ["a.b[1]: 2 in the store, 3 asked for"]
    assert differences({"a": 1}, {}) == ["a: 1 in the store, None asked for"]
    assert differences((1, 2), [1, 2]) == []


def test_what_pages_look_at_is_gathered_once_nothing_is_missing(tmp_path):
    labels = Labels(
        category=("tench",) * 9 + ("",), superclass=("fish",) * 10, split=("test",) * 10,
        has_human_map=np.arange(10) % 2 == 0,
    )  # fmt: skip
    store = create_store(tmp_path / "maps.zarr", spec(), IMAGES, labels)
    for number in (0, 1):
        store.write_block(number, block_of(store, number), {IMAGES[1]: "torn"})
    finish(store)
    assert not store.gathered
    before = Store(tmp_path / "maps.zarr")
    store.write_block(2, block_of(store, 2), {})
    plain = {name: before.column(f"scores/{name}") for name in ("rho", "ceiling")}
    finish(store)
    finish(store)
    found = Store(tmp_path / "maps.zarr")
    assert found.gathered
    for name, values in plain.items():
        np.testing.assert_array_equal(found.column(f"scores/{name}"), values)
    assert found.notes() == {IMAGES[1]: "torn"}
    assert found.labels().category == labels.category
    np.testing.assert_array_equal(found.labels().has_human_map, labels.has_human_map)


def test_a_store_keeps_what_each_network_learnt_from_and_one_of_before_says_that_it_is_unknown(tmp_path):
    learnt = {"a": np.arange(10, dtype=np.int8) % 3, "b": np.full(10, LEARNT, np.int8)}
    learnt = {network.name: learnt[key] for network, key in zip(spec().networks, "ab", strict=False)}
    store = create_store(tmp_path / "maps.zarr", spec(), IMAGES, learnt=learnt)
    for name, status in learnt.items():
        np.testing.assert_array_equal(store.learnt(name), status)
    before = create_store(tmp_path / "before.zarr", spec(), IMAGES)
    assert set(before.learnt(next(iter(learnt))).tolist()) == {UNKNOWN}
