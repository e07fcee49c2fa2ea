"""Runs that are stopped, hindered and begun twice come to the same store, to the last bit."""

import errno
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch

from gala_viz.batch import job as jobs
from gala_viz.batch.job import Job
from gala_viz.batch.run import RunStopped, client_for, run_here, run_on
from gala_viz.cli import main
from gala_viz.collections import open_collection
from gala_viz.splits import hash_splits
from gala_viz.store.zarr_store import Store
from tests.batch import lab


@pytest.fixture(scope="module")
def corner(tmp_path_factory):
    root = tmp_path_factory.mktemp("lab")
    photos, maps = lab.photographs(root, count=14, broken=(6,))
    return root, photos, maps, lab.networks(root)


def options(corner, store, *more):
    _, photos, maps, networks = corner
    return [
        "attribute", "--store", str(store), "--collection", str(photos), "--human-maps", str(maps),
        "--networks", *map(str, networks), "--samples", "3", "--block", "2", "--device", "cpu", *more,
    ]  # fmt: skip


@pytest.fixture(scope="module")
def whole(corner, tmp_path_factory):
    """The store of a run that nothing hindered."""
    path = tmp_path_factory.mktemp("whole") / "maps.zarr"
    assert main(options(corner, path, "--workers", "0")) == 0
    return path


def assert_same(one, other):
    first, second = Store(one).tree(), Store(other).tree()
    for node in first.subtree:
        for name, values in node.to_dataset(inherit=False).variables.items():
            np.testing.assert_array_equal(values.values, second[node.path].to_dataset(inherit=False)[name].values)


def begun(corner, store, *more, env=None):
    command = [sys.executable, "-m", "gala_viz", *options(corner, store, *more)]
    return subprocess.Popen(
        command, stderr=subprocess.DEVNULL, env={**os.environ, **(env or {})}, start_new_session=True
    )


def wait_for(condition, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.02)


def n_missing(store):
    try:
        return len(Store(store).missing_blocks())
    except ValueError:
        return 99


@pytest.mark.slow
def test_a_run_killed_at_any_moment_goes_on_to_the_same_bits(corner, whole, tmp_path, monkeypatch):
    monkeypatch.setattr("gala_viz.store.creation.compact", lambda store: 0)  # which writes all files anew in the end
    store = tmp_path / "maps.zarr"
    for left in (6, 3):
        run = begun(corner, store, "--workers", "0")
        wait_for(lambda left=left, run=run: n_missing(store) <= left or run.poll() is not None)
        os.killpg(run.pid, signal.SIGKILL)
        run.wait()
    before = Store(store).status().copy()
    assert 0 < (before == 0).sum() < 14, "it was killed in the middle"
    kept = {path: path.stat().st_mtime_ns for path in (store / "gala" / "smoothgrad" / "map" / "c").rglob("0")}
    assert main(options(corner, store, "--workers", "0")) == 0
    finished = [number for number in range(7) if before[2 * number] != 0]
    for number in finished:
        path = store / "gala" / "smoothgrad" / "map" / "c" / str(number) / "0" / "0"
        assert path.stat().st_mtime_ns == kept[path], "a finished block is not computed again"
    assert_same(store, whole)


@pytest.mark.slow
def test_worker_processes_give_the_same_bits_as_this_one(corner, whole, tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    store = tmp_path / "maps.zarr"
    run = begun(corner, store, "--workers", "2", env={"OMP_NUM_THREADS": "1"})
    wait_for(lambda: n_missing(store) < 7 or run.poll() is not None)
    assert main(options(corner, store)) == 2, "another run is writing"
    assert run.wait(timeout=240) == 0
    assert_close(store, whole)


def assert_close(store, whole):
    """Equal up to the order of sums, which the number of threads changes."""
    one, other = Store(whole).tree(), Store(store).tree()
    for path in ("gala/smoothgrad", "scores", "gala/attention_norm/group2.block1"):
        for name, values in one[path].to_dataset().data_vars.items():
            np.testing.assert_allclose(values, other[path][name], rtol=1e-4, atol=1e-6)


@pytest.mark.slow
def test_one_two_and_three_workers_of_one_thread_give_the_same_bits(corner, tmp_path):
    stores = []
    for workers in ("1", "2", "3", "0"):
        store = tmp_path / f"{workers}.zarr"
        assert main(options(corner, store, "--workers", workers, "--threads", "1")) == 0
        assert Store(store).spec.threads == 1
        stores.append(store)
    for store in stores[1:]:
        assert_same(stores[0], store)


@pytest.mark.slow
def test_a_store_keeps_the_number_of_threads_that_it_was_begun_with(corner, tmp_path, capsys):
    store = tmp_path / "maps.zarr"
    assert main(options(corner, store, "--workers", "0", "--threads", "1")) == 0
    assert main(options(corner, store, "--workers", "0", "--threads", "2")) == 0
    assert "begun with 1 threads a process, and goes on with them" in capsys.readouterr().err
    assert torch.get_num_threads() == 1
    assert Store(store).circumstances[0]["threads"] == "1"
    assert main(options(corner, tmp_path / "other.zarr", "--threads", "0")) == 2
    assert "threads is 1 or more; got 0" in capsys.readouterr().err


@pytest.fixture(autouse=True)
def _threads():
    """A run in this process changes how many threads PyTorch has."""
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


def cluster_of(tmp_path, n_workers=1, memory="2 GB"):
    """A scheduler and workers of their own: their processes, and the scheduler's address."""
    file, environment = tmp_path / "scheduler.json", {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    told = ["--scheduler-file", str(file), "--no-dashboard"]
    scheduler = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--port", "0", *told]
    worker = [sys.executable, "-m", "distributed.cli.dask_worker", "--nthreads", "1", "--memory-limit", memory, *told]
    worker += ["--local-directory", str(tmp_path), "--no-nanny"]
    common = {"env": environment, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "start_new_session": True}
    processes = [subprocess.Popen(command, **common) for command in (scheduler, *[worker] * n_workers)]
    wait_for(file.exists)
    return processes, json.loads(file.read_text())["address"]


@pytest.mark.slow
@pytest.mark.parametrize(("lost", "told"), [(0, "no longer answers"), (1, "no worker is left")])
def test_a_lost_scheduler_or_last_worker_ends_the_run_within_half_a_minute(corner, whole, tmp_path, lost, told):
    processes, address = cluster_of(tmp_path)
    store, log = tmp_path / "maps.zarr", tmp_path / "log.txt"
    try:
        command = [sys.executable, "-m", "gala_viz", *options(corner, store, "--scheduler", address, "--block", "1")]
        with log.open("w") as stderr:
            run = subprocess.Popen(command, stderr=stderr, start_new_session=True)
        wait_for(lambda: n_missing(store) < 14 or run.poll() is not None)
        os.killpg(processes[lost].pid, signal.SIGKILL)
        begun = time.monotonic()
        assert run.wait(timeout=60) == 2, log.read_text()
        assert time.monotonic() - begun < 30
    finally:
        for process in processes:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    assert told in log.read_text()
    assert "finished blocks are kept" in log.read_text()
    assert main(options(corner, store, "--workers", "0", "--block", "1")) == 0


@pytest.mark.slow
def test_a_last_worker_that_is_lost_before_its_result_came_ends_the_run_too(corner, tmp_path, monkeypatch):
    import distributed

    processes, address = cluster_of(tmp_path)
    job, real = prepared(corner, tmp_path / "maps.zarr"), distributed.wait
    with client_for(address, 1) as client:

        def wait(*arguments, **named):
            found = real(*arguments, **named)
            if processes[1].poll() is None:
                os.killpg(processes[1].pid, signal.SIGKILL)
                processes[1].wait()
                wait_for(lambda: not client.scheduler_info(n_workers=-1)["workers"])
            return found

        monkeypatch.setattr(distributed, "wait", wait)
        begun = time.monotonic()
        with pytest.raises(RunStopped, match="no worker is left"):
            run_on(client, job, range(7))
        assert time.monotonic() - begun < 45
    os.killpg(processes[0].pid, signal.SIGKILL)
    processes[0].wait()


@pytest.mark.slow
def test_workers_with_too_little_memory_are_told_of_within_half_a_minute(corner, tmp_path):
    command = [sys.executable, "-m", "gala_viz", *options(corner, tmp_path / "maps.zarr", "--workers", "1")]
    begun, log = time.monotonic(), tmp_path / "log.txt"
    with log.open("w") as stderr:
        run = subprocess.Popen([*command, "--worker-memory", "200 MB"], stderr=stderr, start_new_session=True)
    wait_for(lambda: "memory" in log.read_text().partition("dashboard")[2] or run.poll() is not None, 90)
    assert time.monotonic() - begun < 45, "with the start of Dask"
    assert run.wait(timeout=120) == 2
    assert "memory ran out" in log.read_text()


@pytest.mark.slow
def test_a_dask_cluster_started_by_others_computes_the_same(corner, whole, tmp_path, capsys):
    """Scheduler and workers of their own, as on a cluster; only their address is known here."""
    processes, address = cluster_of(tmp_path, n_workers=2)
    try:
        store = tmp_path / "maps.zarr"
        assert main(options(corner, store, "--scheduler", address)) == 0
    finally:
        for process in processes:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    assert_close(store, whole)
    err = capsys.readouterr().err
    assert "at most 2 GB each" in err
    assert re.search(r"most memory of a worker: \d", err)


@pytest.mark.slow
def test_a_lost_worker_costs_its_block_only_a_second_try(corner, whole, tmp_path):
    store = tmp_path / "maps.zarr"
    job = prepared(corner, store)
    killed = []

    def done(block):
        if not killed:
            pids = client.run(os.getpid)
            killed.append(next(iter(pids.values())))
            os.kill(killed[0], signal.SIGKILL)

    with client_for(None, 2) as client:
        outcome = run_on(client, job, Store(store).missing_blocks(), done)
    assert killed
    assert outcome.failed == {}
    assert Store(store).missing_blocks() == []


def prepared(corner, store, split="all", n_samples=3):
    """An empty store and its job."""
    from gala_viz.commands.attribute import Arguments

    _, photos, maps, networks = corner
    arguments = Arguments(
        store=store, collection=str(photos), human_maps=str(maps), networks=tuple(map(str, networks)),
        samples=n_samples, block=2, device="cpu", split=split,
    )  # fmt: skip
    _, job = arguments._prepared()
    return job


@pytest.mark.slow
def test_a_full_disk_stops_the_run_and_tells_how_to_go_on(corner, tmp_path, monkeypatch):
    store = tmp_path / "maps.zarr"
    job = prepared(corner, store)
    real = Store.write_block

    def full(self, number, values, *faults):
        if number == 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(self, number, values, *faults)

    monkeypatch.setattr(Store, "write_block", full)
    with pytest.raises(RunStopped, match="No space left on device: finished blocks are kept; make room"):
        run_here(job, Store(store).missing_blocks())
    monkeypatch.undo()
    assert Store(store).missing_blocks() == [3, 4, 5, 6]


@pytest.mark.slow
def test_a_block_that_fails_is_told_and_the_others_go_on(corner, tmp_path, monkeypatch):
    store = tmp_path / "maps.zarr"
    job = prepared(corner, store)
    real = jobs.run_block

    def fails(asked, number):
        if number == 2:
            raise MemoryError
        if number == 4:
            raise RuntimeError("a loose\ncontact")
        return real(asked, number)

    monkeypatch.setattr("gala_viz.batch.run.run_block", fails)
    outcome = run_here(job, Store(store).missing_blocks())
    assert outcome.failed == {
        2: "memory ran out, it seems; fewer workers, more of --worker-memory, or a smaller --block help",
        4: "RuntimeError: a loose contact",
    }
    assert len(outcome.written) == 5
    assert Store(store).missing_blocks() == [2, 4]


def test_a_worker_that_sees_other_files_is_refused(corner, tmp_path):
    store = tmp_path / "maps.zarr"
    job = prepared(corner, store)
    root, *_ = corner
    other = lab.networks(tmp_path / "other", ("gala", "plain"))
    swapped = Job(**{**{name: getattr(job, name) for name in Job.__slots__}, "networks": tuple(map(str, other))})
    outcome = run_here(swapped, [0])
    assert "is not, or no longer, the network" in outcome.failed[0]
    elsewhere = Job(
        **{**{name: getattr(job, name) for name in Job.__slots__}, "collection": str(root / "photos" / "hare")}
    )
    elsewhere = Job(**{**{name: getattr(elsewhere, name) for name in Job.__slots__}, "human_maps": None})
    assert "is not, or no longer, the collection" in run_here(elsewhere, [0]).failed[0]


def test_status_tells_what_is_there_missing_and_unreadable(corner, whole, tmp_path, capsys):
    assert main(["attribute", "--store", str(whole), "--status"]) == 0
    told = capsys.readouterr().out
    assert "13 of 14 images are there, 0 missing in 0 of 7 blocks, 1 unreadable" in told
    assert "unreadable: hare/06.png: " in told
    assert "smoothgrad (n_samples 3, noise_fraction 0.15, seed 0)" in told
    store = tmp_path / "maps.zarr"
    job = prepared(corner, store)
    run_here(job, [0, 3])
    assert main(["attribute", "--store", str(store), "--status"]) == 0
    assert "missing blocks: 1-2, 4-6" in capsys.readouterr().out


@pytest.mark.slow
def test_human_maps_that_cannot_be_used_are_counted_in_the_status(corner, tmp_path, capsys):
    root, photos, maps, networks = corner
    shutil.copytree(maps, tmp_path / "maps")
    np.savez(tmp_path / "maps" / "01.npz", maps=np.zeros((40, 40), np.float32))
    with_zeros = root, photos, tmp_path / "maps", networks
    assert main(options(with_zeros, tmp_path / "maps.zarr", "--workers", "0")) == 0
    told = "human maps: 11 of 12 maps usable (left out 1: all of its values are 0: nobody marked anything)"
    assert told in capsys.readouterr().out
    store = Store(tmp_path / "maps.zarr")
    assert list(store.unusable_maps()) == ["tram/01.png"]
    assert np.isnan(store.read("human/map", "tram/01.png")).all()
    assert np.isnan(store.read("scores/rho", "tram/01.png")).all()


def test_a_block_of_which_a_human_map_cannot_be_read_is_tried_again(corner, tmp_path, monkeypatch):
    root, photos, maps, networks = corner
    shutil.copytree(maps, tmp_path / "maps")  # of which nothing is kept in memory yet
    job = prepared((root, photos, tmp_path / "maps", networks), tmp_path / "maps.zarr")

    def fails(*_):
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr("gala_viz.collections.human_maps.map_files._npz", fails)
        outcome = run_here(job, [0])
        assert outcome.failed[0].startswith("OSError: the human map of ")
        assert "Input/output error" in outcome.failed[0]
    assert not run_here(job, [0]).failed


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["--samples", "9"], "methods.smoothgrad.n_samples: 3 in the store, 9 asked for"),
        (["--methods", "smooth_grad"], "Did you mean 'smoothgrad'?"),
        (["--workers", "-1"], "workers is 0 or more"),
    ],
)
def test_what_cannot_be_run_is_told_in_one_sentence(corner, whole, tmp_path, capsys, more, told):
    store = whole if "--samples" in more else tmp_path / "maps.zarr"
    assert main(options(corner, store, *more)) == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize("split", ["train", "test"])
def test_images_of_a_collection_without_splits_are_those_that_the_hash_names(corner, tmp_path, split):
    store = tmp_path / "maps.zarr"
    prepared(corner, store, split)
    assert Store(store).images == hash_splits("photos", open_collection(corner[1]).images).images_of(split)


def test_a_split_that_a_collection_does_not_have_is_told_with_those_that_it_has(corner, tmp_path, capsys):
    photos, _ = lab.photographs(tmp_path / "lab", count=4)
    (photos / "hare").rename(photos / "train")
    (photos / "tram").rename(photos / "val")
    root, *_, networks = corner
    told = options((root, photos, tmp_path / "lab" / "maps", networks), tmp_path / "maps.zarr", "--split", "test")
    assert main(told) == 2
    assert (
        "no image is in the test split. There are: train (2 images), validation (2 images)" in capsys.readouterr().err
    )


def test_a_store_without_a_collection_is_not_begun(tmp_path, capsys):
    assert main(["attribute", "--store", str(tmp_path / "maps.zarr")]) == 2
    assert "--collection and --networks say what is to be computed" in capsys.readouterr().err
    assert main(["attribute", "--store", str(tmp_path / "maps.zarr"), "--status"]) == 2


def test_a_worker_that_stays_up_opens_a_store_that_was_made_anew(corner, tmp_path):
    """And a block of the store of before is not written into the one that lies there now."""
    path = tmp_path / "maps.zarr"
    old = prepared(corner, path)
    assert run_here(old, [0]).failed == {}
    shutil.rmtree(path)
    new = prepared(corner, path, n_samples=5)
    assert new.fingerprint != old.fingerprint
    late = run_here(old, [1])
    assert "made anew meanwhile, for something else" in late.failed[1]
    assert Store(path).missing_blocks() == list(range(Store(path).spec.n_blocks))
    assert run_here(new, [0]).failed == {}
    fresh = prepared(corner, tmp_path / "fresh.zarr", n_samples=5)
    assert run_here(fresh, [0]).failed == {}
    image = Store(path).images[0]
    one, other = (Store(place).read("plain/smoothgrad/map", image) for place in (path, tmp_path / "fresh.zarr"))
    np.testing.assert_array_equal(one, other)
