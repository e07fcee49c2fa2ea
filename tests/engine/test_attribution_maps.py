"""Public functions over a collection: labels, settings, targets, and independence of the company."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
import torch

import gala_viz
from gala_viz.attribution.grad_cam import cam_layer_path
from gala_viz.attribution.methods import METHODS
from gala_viz.attribution.packing import MapJob, run_jobs
from gala_viz.batch.smoothgrad import smoothgrad
from gala_viz.engine.attribution_maps import _by_chance, _downloaded, attribution_maps, image_maps
from gala_viz.engine.forward import attention_norms, load_images, predictions_and_norms
from gala_viz.engine.results.reduction import reduce_channels, smooth
from gala_viz.imagenet import category_names, label_index
from gala_viz.networks.network import Network
from gala_viz.schema import check_map
from gala_viz.specs import SmoothGradSpec
from tests.attribution.tiny import tiny_network
from tests.attribution.tiny_collection import TinyCollection

SPEC = SmoothGradSpec(n_samples=6, noise_fraction=0.2, seed=9)


def test_a_map_is_the_same_alone_and_in_company():
    network, collection = tiny_network(), TinyCollection()
    together = smoothgrad(network, collection, SPEC)
    alone = smoothgrad(network, collection, SPEC, images=["three"])
    assert list(together.image.values) == list(collection.images)
    np.testing.assert_array_equal(together.sel(image="three"), alone.sel(image="three"))
    reordered = smoothgrad(network, collection, SPEC, images=["three", "one"])
    np.testing.assert_array_equal(reordered, together.sel(image=["three", "one"]))


def test_a_map_of_grad_cam_says_at_which_layer_it_was_computed():
    network, collection = tiny_network(3), TinyCollection()
    maps = attribution_maps(network, collection, "grad_cam", images=["one"])
    inputs = next(iter(load_images(network, collection, ["one"]))).tensor[None]
    assert maps.attrs["layer_path"] == cam_layer_path(network, inputs)
    assert "layer_path" not in attribution_maps(network, collection, "saliency", images=["one"]).attrs


def test_a_map_says_how_it_was_made():
    network, collection = tiny_network(3), TinyCollection()
    maps = check_map(smoothgrad(network, collection, SPEC, images=["one"]))
    assert maps.dims == ("image", "y", "x")
    assert {
        key: maps.attrs[key] for key in ("method", "n_samples", "noise_fraction", "seed", "target", "reduction")
    } == {
        "method": "smoothgrad",
        "n_samples": 6,
        "noise_fraction": 0.2,
        "seed": 9,
        "target": "own",
        "reduction": "absolute",
    }
    assert maps.attrs["weights_sha256"] == network.sha256
    assert maps.attrs["gala_viz_version"] == gala_viz.__version__
    assert json.loads(maps.attrs["preprocessing"])["crop_px"] == 16
    values = network.preprocessing.to_input(collection.photo("one"))
    assert float(maps.sigma[0]) == pytest.approx(0.2 * (values.max() - values.min()))
    assert int(maps.n[0]) == 6
    with torch.no_grad():
        assert int(maps.explained[0]) == int(network.logits(torch.from_numpy(values)[None]).argmax())


def test_reduction_and_smoothing_follow_the_mean():
    network, collection = tiny_network(), TinyCollection()
    signed = smoothgrad(network, collection, SPEC, images=["one"], reduction="signed", smoothing_px=2.0)
    plain = smoothgrad(network, collection, SPEC, images=["one"], reduction="signed")
    np.testing.assert_allclose(signed.values, smooth(plain.values, 2.0), rtol=1e-6)


def test_errors_come_beside_the_maps_and_shrink_with_more_samples():
    network, collection = tiny_network(), TinyCollection()
    few = smoothgrad(network, collection, SPEC, images=["one"], return_error=True)
    many = smoothgrad(network, collection, SmoothGradSpec(n_samples=60), images=["one"], return_error=True)
    assert set(few) == {"map", "standard_error"}
    assert float(many.standard_error.mean()) < 0.6 * float(few.standard_error.mean())
    without = attribution_maps(network, collection, "saliency", images=["one"], return_error=True)
    assert np.isnan(without.standard_error).all()


def test_targets_are_own_label_or_index():
    network, collection = tiny_network(), TinyCollection()
    labelled = smoothgrad(network, collection, SPEC, images=["one", "two"], target="label")
    assert list(labelled.explained.values) == [0, 1]
    by_index = smoothgrad(network, collection, SPEC, images=["two"], target=1)
    np.testing.assert_array_equal(labelled.sel(image="two"), by_index.sel(image="two"))


def test_a_target_that_is_not_known_is_told():
    network, collection = tiny_network(), TinyCollection()
    with pytest.raises(ValueError, match=r"true category of 'four' is not known.*choose target 'own'"):
        smoothgrad(network, collection, SPEC, images=["four"], target="label")
    with pytest.raises(ValueError, match="between 0 and 4"):
        smoothgrad(network, collection, SPEC, images=["one"], target=5)
    with pytest.raises(ValueError, match="'own', 'label' or a category index"):
        smoothgrad(network, collection, SPEC, images=["one"], target="cat")
    with pytest.raises(ValueError, match="at least one image"):
        smoothgrad(network, collection, SPEC, images=[])


def test_true_categories_are_found_by_index_for_imagenet_and_by_name_else():
    assert label_index(category_names(), "crane", 134) == 134
    assert label_index(("cat", "dog"), "dog", 134) == 1
    assert label_index(("cat", "dog"), "bird", 1) is None
    assert label_index(("cat", "cat"), "cat", None) is None


def test_attention_norms_are_those_of_the_pass_that_predicts():
    network, collection = tiny_network(), TinyCollection()
    norms = attention_norms(network, collection)
    assert set(norms) == {"block0"}
    inputs = network.to_batch([collection.photo(image) for image in collection.images])
    with torch.no_grad():
        logits, attention = network.attention(inputs)
    expected = attention["block0"].square().sum(1).sqrt()
    np.testing.assert_allclose(norms["block0"].values, expected.numpy(), rtol=1e-5)
    np.testing.assert_array_equal(norms["block0"].predicted, logits.argmax(1).numpy())
    np.testing.assert_allclose(norms["block0"].probability, logits.softmax(1).max(1).values.numpy(), rtol=1e-4)
    assert float(norms["block0"].max()) <= np.sqrt(8)


def test_attention_norms_lie_in_the_frame_of_the_input_and_do_not_depend_on_the_company():
    network, collection = tiny_network(), TinyCollection()
    norms = attention_norms(network, collection)["block0"]
    assert norms.attrs["extent_px"] == [16.0, 16.0]
    alone = attention_norms(network, collection, ["two"])["block0"]
    np.testing.assert_allclose(alone.sel(image="two"), norms.sel(image="two"), rtol=1e-5)


def test_one_pass_gives_choices_and_norms_and_a_network_without_gala_gives_choices(monkeypatch):
    network, collection = tiny_network(), TinyCollection()
    passes = []
    monkeypatch.setattr(
        network, "logits", lambda batch, logits=network.logits: passes.append(len(batch)) or logits(batch)
    )
    choices, norms = predictions_and_norms(network, collection)
    assert passes == [1, 1, 1, 1]
    np.testing.assert_array_equal(choices, norms["block0"].predicted)
    plain, nothing = predictions_and_norms(tiny_network(gala=False), collection, ["one", "two"])
    assert (plain.dims, nothing) == (("image",), {})


def test_a_target_for_each_image_gives_the_map_of_that_target():
    network, collection = tiny_network(), TinyCollection()
    by_image = smoothgrad(network, collection, SPEC, images=["two", "one"], target={"one": 3, "two": 1})
    assert list(by_image.explained.values) == [1, 3]
    for image, index in (("one", 3), ("two", 1)):
        alone = smoothgrad(network, collection, SPEC, images=[image], target=index)
        np.testing.assert_array_equal(by_image.sel(image=image), alone.sel(image=image))


def test_attention_is_unitless_and_the_activity_of_a_module_is_not():
    tiny = tiny_network()
    network = Network(
        tiny.module, name="hooked", preprocessing=tiny.preprocessing, categories=tiny.categories, device="cpu",
        hooked_layers=["conv1"],
    )  # fmt: skip
    norms = attention_norms(network, TinyCollection(), ["one"])
    units = {layer: norm.attrs["units"] for layer, norm in norms.items()}
    assert units == {"block0": "1", "conv1 (activity)": "activity"}


def test_a_network_without_gala_has_no_attention_norms():
    with pytest.raises(ValueError, match="no GALA layers"):
        attention_norms(tiny_network(gala=False), TinyCollection())


def test_importing_the_package_loads_no_torch_and_lists_its_names():
    code = (
        "import sys, gala_viz; assert 'torch' not in sys.modules and 'xarray' not in sys.modules;"
        "assert set(gala_viz.__all__) <= set(dir(gala_viz));"
        "gala_viz.SmoothGradSpec(); gala_viz.gradient_delta; gala_viz.spearman; gala_viz.open_collection;"
        "assert 'torch' not in sys.modules; print(gala_viz.__version__)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == gala_viz.__version__


def test_every_public_name_is_there_and_a_wrong_one_is_answered():
    for name in gala_viz.__all__:
        assert getattr(gala_viz, name) is not None
    with pytest.raises(AttributeError, match=r"no attribute 'smooth_grad'; it offers"):
        gala_viz.smooth_grad  # noqa: B018


@pytest.mark.parametrize("method", ["smoothgrad", "saliency"])
def test_what_is_computed_on_a_device_and_leaves_it_in_one_copy_is_the_same(method):
    network, collection = tiny_network(), TinyCollection()
    wanted = ["standard_error", "half_map", "without_group"]
    entry = METHODS[method](network, SPEC if method == "smoothgrad" else None)
    (loaded,) = load_images(network, collection, ["one"])
    job = MapJob(entry, loaded.values, image="one", target=1, values=loaded.tensor)
    *_, _ = run_jobs([job])
    (expected,) = image_maps(entry, [(loaded, 1)], wanted=wanted)
    state = job.state(on_device=True)
    tensors = {"map": reduce_channels(state.mean)}
    tensors |= {name: _by_chance(name, reduce_channels, state, tensors["map"]) for name in wanted}
    found = _downloaded(tensors)
    assert list(found) == list(expected.arrays)
    for name, array in expected.arrays.items():
        assert found[name].shape == array.shape
        np.testing.assert_allclose(found[name], array, rtol=1e-5, atol=1e-7, err_msg=name)


def test_photographs_are_read_ahead_of_a_device_and_not_beside_a_cpu(monkeypatch):
    network, collection, ahead = tiny_network(), TinyCollection(), []
    monkeypatch.setattr("gala_viz.engine.forward.read_ahead", lambda read, images: ahead.append(1) or map(read, images))
    on_cpu = [one.values for one in load_images(network, collection, collection.images)]
    assert not ahead
    monkeypatch.setattr(network, "device", torch.device("meta"))
    elsewhere = list(load_images(network, collection, collection.images))
    assert ahead
    assert [one.tensor.device.type for one in elsewhere] == ["meta"] * 4
    for one, expected in zip(elsewhere, on_cpu, strict=True):
        np.testing.assert_array_equal(one.values, expected)
