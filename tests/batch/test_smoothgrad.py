"""SmoothGrad as Python calls it: with a store, in processes, after an end in the middle, and what is refused."""

import errno
import re
import sys
import threading

import numpy as np
import pytest
import torch
import xarray as xr
from PIL import Image

import gala_viz as gv
from gala_viz.attribution.finite import NonFiniteError
from gala_viz.attribution.packing import SMALLER_BATCHES
from gala_viz.attribution.smoothgrad import SmoothGrad
from gala_viz.batch import smoothgrad as front
from gala_viz.batch.run import RunStopped
from gala_viz.collections.photo_files import UnreadableImageError
from gala_viz.engine import precision as precisions
from gala_viz.networks.network import Network
from gala_viz.store.zarr_store import Store, StoreError
from tests.attribution.tiny import tiny_network
from tests.batch import lab

SPEC = gv.SmoothGradSpec(n_samples=6, noise_fraction=0.2, seed=9)


@pytest.fixture
def photos():
    """Twelve pictures in memory, of the categories a and b."""
    rng = np.random.default_rng(0)
    return gv.Images(
        rng.integers(0, 256, (12, 20, 24, 3), dtype=np.uint8), categories=["ab"[number % 2] for number in range(12)]
    )


def assert_same(direct, stored):
    """Equal to the last bit, with all attrs."""
    xr.testing.assert_identical(direct, stored)


def both(network, photos, store, **options):
    """The maps without a store and with one, smoothed or not."""
    return (gv.smoothgrad(network, photos, SPEC, **options, **more) for more in ({}, {"store": store}))


def test_maps_errors_and_halves_from_a_store_are_those_without_to_the_last_bit(photos, tmp_path):
    network = tiny_network()
    wanted = {"return_error": True, "return_halves": True}
    direct, stored = both(network, photos, tmp_path / "maps.zarr", **wanted)
    assert_same(direct, stored)
    again = gv.smoothgrad(network, photos, SPEC, store=tmp_path / "maps.zarr")
    assert_same(direct["map"], again)
    kept = gv.open_store(tmp_path / "maps.zarr")[f"{network.name}/smoothgrad"]["map"]
    np.testing.assert_array_equal(kept.values, direct["map"].values)


@pytest.mark.slow
def test_smoothed_maps_from_a_store_have_an_error_by_halves(photos, tmp_path):
    direct, stored = both(tiny_network(), photos, tmp_path / "maps.zarr", smoothing_px=1.5, return_error=True)
    xr.testing.assert_allclose(direct["map"], stored["map"], rtol=1e-5)
    ratio = stored["standard_error"].values.mean() / direct["standard_error"].values.mean()
    assert 0.6 < ratio < 1.6, "the two estimates are of one error, each of few degrees of freedom"


def test_a_call_that_was_ended_goes_on_from_its_finished_blocks_to_the_same_bits(photos, tmp_path, monkeypatch):
    monkeypatch.setattr(front, "BLOCK_IMAGES", 3)
    network, direct = tiny_network(), gv.smoothgrad(tiny_network(), photos, SPEC)
    finished = []

    def end_after_the_second(done, total):
        finished.append((done, total))
        if len(finished) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        gv.smoothgrad(network, photos, SPEC, store=tmp_path / "maps.zarr", progress=end_after_the_second)
    assert Store(tmp_path / "maps.zarr").missing_blocks() == [2, 3]
    told = []
    resumed = gv.smoothgrad(network, photos, SPEC, store=tmp_path / "maps.zarr", progress=lambda *at: told.append(at))
    assert finished == [(3, 12), (6, 12)]
    assert told == [(9, 12), (12, 12)]
    assert_same(direct, resumed)


def test_a_store_keeps_to_its_threads_and_leaves_the_caller_theirs(photos, tmp_path, monkeypatch):
    monkeypatch.setattr(front, "BLOCK_IMAGES", 6)
    before, seen = torch.get_num_threads(), []

    def end_after_the_first(done, total):
        raise KeyboardInterrupt

    try:
        torch.set_num_threads(1)
        with pytest.raises(KeyboardInterrupt):
            gv.smoothgrad(tiny_network(), photos, SPEC, store=tmp_path / "maps.zarr", progress=end_after_the_first)
        torch.set_num_threads(3)
        gv.smoothgrad(
            tiny_network(),
            photos,
            SPEC,
            store=tmp_path / "maps.zarr",
            progress=lambda *_: seen.append(torch.get_num_threads()),
        )
        assert seen == [1]
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


@pytest.mark.slow
@pytest.mark.integration
def test_processes_give_the_same_bits_and_leave_nothing_behind(photos, tmp_path, monkeypatch):
    monkeypatch.setattr(front, "BLOCK_IMAGES", 3)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)  # as workers have one
        monkeypatch.setattr(front, "threads_to_share", lambda: 2)
        direct, spread = (gv.smoothgrad(tiny_network(), photos, SPEC, workers=workers) for workers in (0, 2))
    finally:
        torch.set_num_threads(threads)
    assert_same(direct, spread)
    assert not list(tmp_path.glob("**/maps.zarr"))


def test_a_store_of_something_else_is_refused_and_stays(photos, tmp_path):
    gv.smoothgrad(tiny_network(), photos, SPEC, store=tmp_path / "maps.zarr")
    with pytest.raises(StoreError, match=r"methods\.smoothgrad\.n_samples: 6 in the store, 7 asked for"):
        gv.smoothgrad(tiny_network(), photos, gv.SmoothGradSpec(n_samples=7), store=tmp_path / "maps.zarr")
    with pytest.raises(StoreError, match="was made for something else"):
        gv.smoothgrad(tiny_network(1), photos, SPEC, store=tmp_path / "maps.zarr")
    assert not Store(tmp_path / "maps.zarr").missing_blocks()


@pytest.mark.slow
def test_an_index_or_the_true_category_is_explained_as_without_a_store(photos, tmp_path):
    for number, target in enumerate(("label", 2)):
        direct, stored = both(tiny_network(), photos, tmp_path / f"{number}.zarr", target=target)
        assert_same(direct, stored)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"return_groups": True}, "not stored; leave return_groups, workers or store out"),
        ({"target": {"0000": 1}}, "one target for all images"),
        ({"images": "0000"}, "got the text '0000': put it in a list"),
        ({"images": ["0000", "none"]}, "none"),
        ({"workers": True}, "workers is 0"),
        ({"workers": "2"}, "workers is 0"),
        ({"images": []}, "at least one image"),
        ({"target": 99}, "99"),
        ({"target": "cat"}, "'own', 'label' or a category index"),
        ({"workers": -1}, "workers is 0"),
        ({"spec": 5}, "SmoothGrad takes SmoothGradSpec"),
    ],
)
def test_what_a_store_cannot_have_is_refused_before_anything_is_written(photos, tmp_path, options, message):
    with pytest.raises((ValueError, TypeError, KeyError), match=message):
        gv.smoothgrad(tiny_network(), photos, **{"spec": SPEC, **options}, store=tmp_path / "maps.zarr")
    assert not list(tmp_path.iterdir())


def test_images_without_a_map_raise_the_error_that_they_raise_without_a_store(tmp_path):
    folder, _ = lab.photographs(tmp_path, broken=(4,))
    collection, network = gv.open_collection(folder), tiny_network()
    for more in ({}, {"store": tmp_path / "maps.zarr"}):
        with pytest.raises(UnreadableImageError, match=r"hare/04\.png"):
            gv.smoothgrad(network, collection, SPEC, **more)
    for more in ({}, {"store": tmp_path / "label.zarr"}):
        with pytest.raises(ValueError, match="true category"):
            gv.smoothgrad(network, collection, SPEC, collection.images[:2], "label", **more)


def test_maps_that_are_not_finite_are_refused_or_kept_as_without_a_store(tmp_path):
    network = tiny_network()
    pixels = np.random.default_rng(0).integers(0, 128, (12, 20, 24, 3), dtype=np.uint8)
    pixels[2] += 128
    photos, bright = gv.Images(pixels), network.preprocessing.to_input(pixels[2]).mean()

    class Breaking(torch.nn.Module):
        """Logits that are NaN for the third picture, the bright one."""

        def __init__(self, inner):
            super().__init__()
            self.inner = inner

        def forward(self, batch):
            logits = self.inner(batch)
            broken = (batch.mean((1, 2, 3)) - float(bright)).abs() < 0.2
            return logits * torch.where(broken, float("nan"), 1.0)[:, None]

    network.module = Breaking(network.module)
    network.known_by_weights = False
    for number, target in enumerate((1, "own")):
        for more in ({}, {"store": tmp_path / f"{number}.zarr"}):
            with pytest.raises(NonFiniteError, match=r"0002: .* NaN or infinite"):
                gv.smoothgrad(network, photos, SPEC, target=target, **more)
    kept = [
        gv.smoothgrad(network, photos, SPEC, target=1, only_finite=False, **more)
        for more in ({}, {"store": tmp_path / "0.zarr"})
    ]
    for maps in kept:
        assert np.isnan(maps.sel(image="0002")).all()
        assert np.isfinite(maps.sel(image="0003")).all()
    assert kept[1]["explained"].values.tolist() == [1] * 12
    with pytest.raises(NonFiniteError, match="0002"):
        gv.smoothgrad(network, photos, SPEC, only_finite=False, store=tmp_path / "1.zarr")


def test_an_error_in_this_process_is_raised_as_it_is_at_once(photos, tmp_path, monkeypatch):
    monkeypatch.setattr(front, "BLOCK_IMAGES", 3)
    calls = []

    def run_block(job, number, given):
        calls.append(number)
        raise MemoryError("one sample of one image does not fit into memory; use device='cpu'.")

    monkeypatch.setattr(front, "run_block", run_block)
    with pytest.raises(MemoryError, match="use device='cpu'"):
        gv.smoothgrad(tiny_network(), photos, SPEC, store=tmp_path / "maps.zarr")
    assert calls == [0]


def test_maps_from_a_store_say_what_computed_them(photos, tmp_path, monkeypatch):
    gv.smoothgrad(tiny_network(), photos, SPEC, store=tmp_path / "maps.zarr")
    monkeypatch.setattr(Network, "device_description", "Toaster, float32")
    maps = gv.smoothgrad(tiny_network(), photos, SPEC, store=tmp_path / "maps.zarr")
    assert maps.attrs["device"] == "CPU, float32"


def test_a_store_that_auto_began_goes_on_in_its_precision(photos, tmp_path, monkeypatch):
    monkeypatch.setattr(front, "BLOCK_IMAGES", 6)
    choices = iter(["bfloat16", "float32"])
    monkeypatch.setattr(
        precisions, "measure_precisions", lambda network: precisions.PrecisionChoice(next(choices), "measured")
    )
    network = tiny_network().with_precision("auto")

    def end(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        gv.smoothgrad(network, photos, SPEC, store=tmp_path / "maps.zarr", progress=end)
    monkeypatch.setenv("GALA_VIZ_CACHE", str(tmp_path / "another machine"))
    maps = gv.smoothgrad(tiny_network().with_precision("auto"), photos, SPEC, store=tmp_path / "maps.zarr")
    assert maps.attrs["device"] == "CPU, bfloat16"
    assert len(Store(tmp_path / "maps.zarr").circumstances) == 1


def test_a_dataset_which_may_give_other_images_has_no_store(tmp_path):
    class Pictures(torch.utils.data.Dataset):
        def __len__(self):
            return 3

        def __getitem__(self, at):
            return np.full((20, 24, 3), at, np.uint8)

    with pytest.raises(ValueError, match="may give other images the next time"):
        gv.smoothgrad(tiny_network(), gv.Images(Pictures()), SPEC, store=tmp_path / "maps.zarr")
    assert not (tmp_path / "maps.zarr").exists()


def test_blocks_that_were_computed_in_smaller_batches_are_marked(photos, tmp_path, monkeypatch):
    monkeypatch.setattr(front, "BLOCK_IMAGES", 6)
    attribute, full = SmoothGrad.attribute, []

    def cramped(self, samples, targets):
        if len(samples) > 3 and len(full) < 1:
            full.append(len(samples))
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return attribute(self, samples, targets)

    monkeypatch.setattr(SmoothGrad, "attribute", cramped)
    maps = gv.smoothgrad(tiny_network(), photos, SPEC, store=tmp_path / "maps.zarr")
    assert full == [5]
    first, second = Store(tmp_path / "maps.zarr").circumstances
    assert first["batch_size"] == "5"
    assert second == {**first, "batch_size": f"below 5 ({SMALLER_BATCHES})"}
    assert "smaller" in maps.attrs["batch_size"]


def test_an_image_that_is_named_twice_is_computed_once_and_there_twice(photos, tmp_path):
    images = xr.DataArray(["0003", "0001", "0003"], dims="image")
    direct, stored = both(tiny_network(), photos, tmp_path / "maps.zarr", images=images, target=np.int64(1))
    assert_same(direct, stored)
    assert stored["image"].values.tolist() == ["0003", "0001", "0003"]
    assert Store(tmp_path / "maps.zarr").images == ("0003", "0001")


def test_a_photograph_that_could_not_be_read_ends_the_call_and_is_tried_again(tmp_path, monkeypatch):
    monkeypatch.setattr(front, "BLOCK_IMAGES", 3)
    folder, _ = lab.photographs(tmp_path)
    files = sorted(folder.rglob("*.png"))
    collection, told = gv.Images(files), []
    assert collection.fingerprint
    away = files[4].rename(files[4].with_suffix(".away"))
    options = {"store": tmp_path / "maps.zarr", "target": 1, "progress": lambda *at: told.append(at)}
    with pytest.raises(UnreadableImageError, match=re.escape(collection.images[4])):
        gv.smoothgrad(tiny_network(), collection, SPEC, **options)
    assert told == [(3, len(files))], "the blocks behind it were not computed for nothing"
    away.rename(files[4])
    assert_same(
        gv.smoothgrad(tiny_network(), collection, SPEC, target=1),
        gv.smoothgrad(tiny_network(), collection, SPEC, **options),
    )


def test_a_photograph_that_was_changed_meanwhile_is_refused(tmp_path):
    folder, _ = lab.photographs(tmp_path)
    collection = gv.Images(sorted(folder.rglob("*.png")))
    gv.smoothgrad(tiny_network(), collection, SPEC, target=1, store=tmp_path / "maps.zarr")
    Image.fromarray(np.zeros((20, 24, 3), np.uint8)).save(collection.path(collection.images[2]))
    with pytest.raises(StoreError, match="its pixels in images are not those"):
        gv.smoothgrad(tiny_network(), collection, SPEC, target=1, store=tmp_path / "maps.zarr")


def test_a_finished_store_is_read_where_nothing_can_be_written(photos, tmp_path, monkeypatch):
    maps = gv.smoothgrad(tiny_network(), photos, SPEC, store=tmp_path / "maps.zarr")

    def refuse(path):
        raise AssertionError(f"{path} was to be written")

    monkeypatch.setattr(front, "owned", refuse)
    assert_same(maps, gv.smoothgrad(tiny_network(), photos, SPEC, store=tmp_path / "maps.zarr"))


def test_what_cannot_be_sent_to_other_processes_is_told_in_a_sentence(photos):
    network = tiny_network()
    network.module.lock = threading.Lock()
    with pytest.raises(TypeError, match=r"tiny0 and images cannot be sent to other processes .*; leave workers out"):
        gv.smoothgrad(network, photos, SPEC, workers=1)


def test_a_script_that_each_worker_would_run_again_is_told_so(photos, tmp_path, monkeypatch):
    script = tmp_path / "script.py"
    script.write_text("import gala_viz as gv\n")
    monkeypatch.setattr(sys.modules["__main__"], "__file__", str(script), raising=False)
    with pytest.raises(RuntimeError, match=r"each worker would run script\.py again"):
        gv.smoothgrad(tiny_network(), photos, SPEC, workers=1)


def test_a_full_disk_is_told_with_how_to_go_on(photos, tmp_path, monkeypatch):
    def run_block(job, number, given):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(front, "run_block", run_block)
    with pytest.raises(RunStopped, match="finished blocks are kept; make room, and make the call again"):
        gv.smoothgrad(tiny_network(), photos, SPEC, store=tmp_path / "maps.zarr")


def test_names_in_place_of_what_is_opened_are_told_how_to_open_it():
    network = tiny_network(0)
    with pytest.raises(TypeError, match=r"gv\.open_collection\('photos'\) opens it"):
        gv.smoothgrad(network, "photos")
    with pytest.raises(TypeError, match=r"gv\.load_network\('lite0'\) opens it"):
        gv.smoothgrad("lite0", gv.open_collection("photos"))
    with pytest.raises(TypeError, match=r"gv\.open_collection"):
        gv.attention_norms(network, "photos")


def test_results_of_a_network_of_ones_own_name_its_weights():
    images = gv.Images(np.zeros((1, 40, 40, 3), np.uint8))
    found = [gv.smoothgrad(tiny_network(seed), images, gv.SmoothGradSpec(n_samples=1)) for seed in (0, 0, 1)]
    first, again, other = (one.attrs["weights_sha256"] for one in found)
    assert len(first) == 64
    assert first == again != other
