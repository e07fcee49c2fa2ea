"""What is computed on a GPU is what is computed on a CPU; skipped where there is no GPU."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
if not torch.cuda.is_available():
    pytest.skip("no CUDA GPU is here", allow_module_level=True)

import gala_viz as gv  # noqa: E402
from gala_viz.attribution.network_identity import compute_output_fingerprint  # noqa: E402
from gala_viz.attribution.packing import SMALLER_BATCHES, map_states  # noqa: E402
from gala_viz.attribution.smoothgrad import SmoothGrad  # noqa: E402
from gala_viz.cli import main  # noqa: E402
from gala_viz.engine.forward import predictions_and_norms  # noqa: E402
from gala_viz.live import LiveMaps  # noqa: E402
from gala_viz.networks.output_fingerprint import TOLERANCES  # noqa: E402
from gala_viz.specs import MapRequest, SmoothGradSpec  # noqa: E402
from gala_viz.store.zarr_store import Store  # noqa: E402
from gala_viz.training.batches import TrainingDataModule, validation_batches  # noqa: E402
from gala_viz.training.dataset import load_dataset  # noqa: E402
from gala_viz.training.fit import fit  # noqa: E402
from gala_viz.training.supervised import SupervisedModule, initial_network  # noqa: E402
from gala_viz.training.validation_metrics import validation_metrics  # noqa: E402
from tests.batch import lab  # noqa: E402
from tests.training.tiny import Lamps, tiny_supervised_recipe  # noqa: E402

NAMES = ("lite0-gala-vanilla", "rendered-gala-clickme")
SPEC = SmoothGradSpec(n_samples=12, noise_fraction=0.05, seed=1)


@pytest.fixture(scope="module", params=NAMES)
def both(request):
    """One shipped network on the CPU and on the GPU, and photographs for it."""
    collection = gv.open_collection("photos")
    on_cpu, on_gpu = (gv.load_network(request.param, device=device) for device in ("cpu", "cuda"))
    assert on_gpu.device.type == "cuda"
    return on_cpu, on_gpu, collection


def off(one, other):
    """The largest difference as a share of the largest value."""
    return float(np.abs(np.asarray(one) - np.asarray(other)).max() / np.abs(np.asarray(other)).max())


def test_choices_and_attention_norms_are_those_of_a_cpu(both):
    on_cpu, on_gpu, collection = both
    (choices, norms), (wanted, wanted_norms) = (
        predictions_and_norms(network, collection, collection.images) for network in (on_gpu, on_cpu)
    )
    assert (choices.values == wanted.values).all()
    assert {layer: off(norms[layer], wanted_norms[layer]) < 1e-4 for layer in norms} == dict.fromkeys(norms, True)


def test_smoothgrad_sees_the_same_noise_and_gives_the_map_of_a_cpu(both):
    on_cpu, on_gpu, collection = both
    images = collection.images[:3]
    maps, wanted = (gv.smoothgrad(network, collection, SPEC, images, 0) for network in (on_gpu, on_cpu))
    assert off(maps, wanted) < 1e-3
    assert min(gv.spearman(maps.values, wanted.values)) > 0.9999


def test_a_network_on_a_gpu_is_known_for_the_one_on_a_cpu(both):
    on_cpu, on_gpu, _ = both
    one, other = compute_output_fingerprint(on_cpu), compute_output_fingerprint(on_gpu)
    assert one.describe_differences(other) == []
    assert off(other.logits, one.logits) < TOLERANCES["logits"] / 5, "the tolerance leaves room"


def test_bfloat16_stays_near(both):
    on_cpu, _, collection = both
    halved = gv.load_network(on_cpu.name, device="cuda", precision="bfloat16")
    images = collection.images[:3]
    maps, wanted = (gv.smoothgrad(network, collection, SPEC, images, 0) for network in (halved, on_cpu))
    assert min(gv.spearman(maps.values, wanted.values)) > 0.8


def test_the_page_gets_from_a_gpu_what_it_gets_from_a_cpu():
    collection = gv.open_collection("photos")
    request = MapRequest(smoothgrad=SPEC)
    found = []
    for device in ("cuda", "cpu"):
        source = LiveMaps(collection, [gv.load_network(name, device=device) for name in NAMES[:1] * 2])
        *_, update = source.maps(collection.images[0], request, lambda: False)
        found.append(update)
    assert off(found[0].maps, found[1].maps) < 1e-3
    assert found[0].n == SPEC.n_samples


def test_where_the_gpu_has_too_little_memory_batches_are_halved():
    network, collection = gv.load_network(NAMES[0], device="cuda"), gv.open_collection("photos")
    image = collection.images[0]
    values = network.preprocessing.to_input(collection.photo(image))
    method = SmoothGrad(network, replace(SPEC, n_samples=66))
    *_, wanted = map_states(method, values, image=image, target=0, batch_size=64)
    torch.cuda.empty_cache()
    room = torch.cuda.memory_allocated() + 600 * 2**20
    torch.cuda.set_per_process_memory_fraction(room / torch.cuda.get_device_properties(0).total_memory)
    try:
        states = list(map_states(method, values, image=image, target=0, batch_size=64))
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert any(state.note == SMALLER_BATCHES for state in states)
    assert off(states[-1].mean, wanted.mean) < 5e-3


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_a_network_learns_on_a_gpu_and_goes_on_where_it_stopped(tmp_path, precision):
    recipe = tiny_supervised_recipe(epochs=12, attention_weight=2.0)
    parts = [load_dataset(Lamps(), split, recipe.preprocessing) for split in ("train", "validation")]

    def trained(folder, **options):
        module = SupervisedModule(initial_network(recipe, 2), recipe)
        pictures = TrainingDataModule(*parts, recipe)
        settings = {"accelerator": "gpu", "devices": 1, "precision": precision, "quiet": True}
        return fit(module, pictures, folder, **settings, **options)

    whole = trained(tmp_path / "whole")
    trained(tmp_path / "twice", max_epochs=5)
    resumed = trained(tmp_path / "twice")
    numbers, again = (validation_metrics(network, validation_batches(parts[1], recipe)) for network in (whole, resumed))
    assert numbers["accuracy"] >= 0.9
    assert again["accuracy"] == pytest.approx(numbers["accuracy"], abs=0.05)
    rho, rho_again = (one["rho_attention"]["mean_of_layers"] for one in (numbers, again))
    assert rho_again == pytest.approx(rho, abs=0.05)


def test_a_store_is_filled_by_a_gpu(tmp_path):
    photos, maps = lab.photographs(tmp_path, count=6)
    folders = list(map(str, lab.networks(tmp_path)))
    trees = []
    for device in ("cuda", "cpu"):
        store = tmp_path / f"{device}.zarr"
        asked = ["attribute", "--store", str(store), "--collection", str(photos), "--human-maps", str(maps)]
        asked += ["--networks", *folders, "--samples", "3", "--block", "2", "--device", device]
        assert main(asked) == 0
        trees.append(Store(store).tree())
    for path in ("gala/smoothgrad", "gala/attention_norm/group2.block1"):
        for name, values in trees[0][path].to_dataset().data_vars.items():
            np.testing.assert_allclose(values, trees[1][path][name], rtol=1e-3, atol=1e-6)
