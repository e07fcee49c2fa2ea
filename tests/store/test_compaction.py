"""A finished store lies in few files, opens in plain zarr and in xarray, and says the same as before."""

import json
import os
import signal
import subprocess
import sys
import warnings
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
import zarr

import gala_viz as gv
from gala_viz.batch.described import store_spec
from gala_viz.batch.job import Job
from gala_viz.batch.run import run_here
from gala_viz.collections import open_collection
from gala_viz.networks.zoo import load_network
from gala_viz.specs import SmoothGradSpec
from gala_viz.store import compaction
from gala_viz.store.compaction import compact, finish_renaming, images_in_shard
from gala_viz.store.creation import create_store, finish
from gala_viz.store.layout import arrays_of, bytes_per_image
from gala_viz.store.zarr_store import Store, StoreError
from tests.batch import lab


@pytest.fixture
def computed(tmp_path):
    """A store whose blocks are all there, as the last worker leaves it."""
    photos, maps = lab.photographs(tmp_path, count=7, broken=(3,))
    networks = [load_network(folder, "cpu") for folder in lab.networks(tmp_path)]
    collection = open_collection(photos, human_maps=maps)
    spec = store_spec(
        collection, collection.images, networks, {"smoothgrad": SmoothGradSpec(n_samples=3)}, block_images=2,
        opened_as=str(photos), human_maps=str(maps), threads=1,
    )  # fmt: skip
    create_store(tmp_path / "maps.zarr", spec, collection.images)
    job = Job(
        store=str(tmp_path / "maps.zarr"), fingerprint=spec.fingerprint, collection=str(photos),
        human_maps=str(maps), device="cpu", networks=tuple(str(tmp_path / name) for name in ("plain", "gala")),
    )  # fmt: skip
    assert run_here(job, range(4)).failed == {}
    return tmp_path / "maps.zarr"


def content(path):
    """All arrays by path."""
    root = zarr.open_group(path, mode="r", use_consolidated=False)
    return {name: array[:] for name, array in root.arrays()} | {
        f"{group}/{name}": array[:] for group, one in groups(root) for name, array in one.arrays()
    }


def groups(root, at=""):
    for name, one in root.groups():
        yield at + name, one
        yield from groups(one, f"{at}{name}/")


def assert_equal(before, after):
    assert before.keys() <= after.keys()
    for name, values in before.items():
        np.testing.assert_array_equal(after[name], values, err_msg=name)


def n_files(path):
    return sum(1 for one in path.rglob("*") if one.is_file())


@pytest.mark.slow
def test_compaction_changes_no_value_and_leaves_fewer_files(computed):
    before, files = content(computed), n_files(computed)
    store = Store(computed, writing=True)
    finish(store)
    assert_equal(before, content(computed))
    assert n_files(computed) < files
    root = zarr.open_group(computed, mode="r")
    assert root["gala/smoothgrad/map"].shards == (8, 32, 32)
    assert root["gala/smoothgrad/map"].chunks == (2, 32, 32)
    assert Store(computed).missing_blocks() == []
    assert compact(Store(computed, writing=True)) == 0, "a second time nothing is left to do"


def test_nothing_is_compacted_while_blocks_are_missing(computed):
    store = Store(computed, writing=True)
    zarr.open_group(computed, mode="r+")["status"][2:4] = 0
    assert compact(store) == 0


@pytest.mark.parametrize("ended_after", [0, 1])
def test_a_process_that_ended_while_arrays_were_renamed_loses_nothing(computed, monkeypatch, ended_after):
    before, renamed = content(computed), []
    real = type(computed).rename

    class Ended(Exception):
        pass

    def rename(path, to):
        if len(renamed) > 2 * 3 + ended_after:
            raise Ended
        renamed.append(to)
        return real(path, to)

    monkeypatch.setattr(type(computed), "rename", rename)
    with pytest.raises(Ended):
        compact(Store(computed, writing=True))
    monkeypatch.undo()
    finish_renaming(Store(computed, writing=True))
    assert_equal(before, content(computed))
    finish(Store(computed, writing=True))
    assert_equal(before, content(computed))
    assert not [path for path in computed.rglob("*") if path.name.endswith((".new", ".old"))]


@pytest.mark.slow
def test_a_process_killed_while_it_writes_shards_loses_nothing(computed):
    before = content(computed)
    program = (
        "import os, signal, sys; from gala_viz.store import compaction; from gala_viz.store.zarr_store import Store\n"
        "real, count = compaction._write_shards, []\n"
        "def write(root, one, spec, n):\n"
        "    count.append(1)\n"
        "    if len(count) == 4:\n"
        "        root.create_array(one.path + '.new', shape=(1,), dtype='f4')\n"
        "        os.kill(os.getpid(), 9)\n"
        "    real(root, one, spec, n)\n"
        f"compaction._write_shards = write; compaction.compact(Store({str(computed)!r}, writing=True))"
    )
    done = subprocess.run([sys.executable, "-c", program], check=False)
    assert done.returncode == -signal.SIGKILL
    finish(Store(computed, writing=True))
    assert_equal(before, content(computed))


def test_a_finished_store_opens_in_zarr_and_xarray_without_a_warning(computed):
    finish(Store(computed, writing=True))
    program = (
        "import warnings; warnings.simplefilter('error')\n"
        "import xarray as xr, zarr\n"
        f"root = zarr.open_group({str(computed)!r}, mode='r')\n"
        "print(root['gala/smoothgrad/half_map'].shape)\n"
        f"tree = xr.open_datatree({str(computed)!r}, engine='zarr')\n"
        "print(dict(tree['scores'].sizes), tree['gala/smoothgrad']['half_map'].dims)\n"
        "print(bool(tree['scores']['ceiling'].notnull().any()), list(tree['image'].values[:1]))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    shape, sizes, values = done.stdout.splitlines()
    assert shape == "(7, 2, 32, 32)"
    assert "('image', 'half', 'y', 'x')" in sizes
    assert values == "True ['hare/00.png']"


def test_open_store_gives_labelled_arrays_also_before_all_blocks_are_there(computed):
    zarr.open_group(computed, mode="r+")["status"][2:4] = 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tree = gv.open_store(computed)
        assert isinstance(tree, xr.DataTree)
        assert tree["gala/smoothgrad"]["map"].sel(image="hare/00.png").dims == ("y", "x")
        assert tree["status"].values.tolist() == [1, 1, 0, 0, 1, 2, 1]
    with pytest.raises(StoreError, match="is no store of maps"):
        gv.open_store(computed.parent)


def test_half_a_million_images_of_four_networks_take_fewer_than_twenty_thousand_files(computed):
    spec = Store(computed).spec
    network = spec.networks[1]
    layers = {f"block{number}": (14, 14) for number in range(6)}
    networks = tuple(replace(network, name=f"n{number}", input_px=(224, 224), layers=layers) for number in range(4))
    large = replace(spec, networks=networks, n_images=500_000, block_images=32)
    arrays = [one for one in arrays_of(large) if one.chunk is None]
    total = sum(bytes_per_image(one) for one in arrays) * large.n_images
    shard_bytes = max(compaction.SHARD_BYTES, total // compaction.MAX_FILES)
    files = sum(-(-large.n_images // images_in_shard(large, one, shard_bytes)) for one in arrays)
    gathered = len(arrays) * -(-large.n_images // 100_000)
    assert files + gathered + 3 * len(arrays) < 20_000


def test_circumstances_are_recorded_once_each(computed):
    store = Store(computed, writing=True)
    one, other = {"device": "CPU", "threads": "1"}, {"device": "CPU", "threads": "2"}
    for about in (one, other, one):
        store.add_circumstances(about)
    assert Store(computed).circumstances == [one, other]


def test_a_store_of_other_package_versions_is_extended_and_one_of_another_measurement_is_not(computed):
    store = Store(computed)
    spec = replace(store.spec, versions={**store.spec.versions, "torch_version": "9.9"}, threads=3)
    assert create_store(computed, spec, store.images).spec.threads == 1
    older = replace(store.spec, versions={**store.spec.versions, "measurement_version": "1"})
    with pytest.raises(StoreError, match=r"versions\.measurement_version: '2' in the store, '1' asked for"):
        create_store(computed, older, store.images)


def test_a_store_of_format_1_says_what_it_does_not_keep(computed):
    """As a store of before lies on disk: without halves, pixels, threads, and of another measurement."""
    from gala_viz.specs import MapRequest
    from gala_viz.store.reading import first_request
    from gala_viz.store.stored_maps import StoredMaps

    root = zarr.open_group(computed, mode="r+")
    settings = json.loads(root.attrs["gala_viz"])
    settings["format"] = 1
    settings["versions"].pop("measurement_version")
    settings.pop("threads")
    root.attrs["gala_viz"] = json.dumps(settings)
    for name in ("pixels", "plain/smoothgrad/half_map", "gala/smoothgrad/half_map"):
        del root[name]
    store = Store(computed)
    photos = computed.parent / "photos"
    source = StoredMaps(store, open_collection(photos, human_maps=computed.parent / "maps"))
    image = store.images[0]
    update = source.cached(image, replace(first_request(store), smoothing_px=0.0))
    assert np.isnan(update.delta_reliability)
    assert "are not kept" in update.note
    assert update.delta_error is not None
    request: MapRequest = first_request(store)
    assert request.smoothing_px == 2.0
    smoothed = source.cached(image, request)
    assert smoothed.standard_error is None
    assert "are not kept" in smoothed.note
    assert source.scores(request).attrs["measurement_version"] == "1"
    os.utime(photos / "hare" / "00.png")
    with pytest.raises(StoreError, match="does not hold what its pixels could be compared with"):
        StoredMaps(store, open_collection(photos))


def test_only_the_stores_own_arrays_are_put_in_place(computed, tmp_path):
    """What else ends like that, in the store or in a folder that is none, stays."""
    mine = computed / "plain" / "notes.old"
    mine.mkdir()
    before = content(computed)
    finish_renaming(Store(computed, writing=True))
    assert mine.is_dir()
    mine.rmdir()
    assert_equal(before, content(computed))
    project = tmp_path / "project"
    (project / "results.old").mkdir(parents=True)
    (project / "results.new").mkdir()
    with pytest.raises(StoreError):
        create_store(project, Store(computed).spec, Store(computed).images)
    assert sorted(path.name for path in project.iterdir()) == ["results.new", "results.old"]


@pytest.mark.parametrize("name", ["gathered", "pixels", "category", "marked"])
def test_a_network_is_not_called_as_what_lies_beside_it(computed, name):
    spec = Store(computed).spec
    with pytest.raises(ValueError, match=f"cannot be called '{name}' in a store"):
        replace(spec, networks=(replace(spec.networks[0], name=name),))
