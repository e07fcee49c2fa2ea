"""Every method against Captum's direct call or a rule written by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from captum.attr import IntegratedGradients, Occlusion
from torch import nn

from gala_viz.attribution.gradients import IntegratedGradientsSpec
from gala_viz.attribution.methods import METHODS
from gala_viz.attribution.occlusion import OcclusionSpec
from gala_viz.attribution.packing import MapJob, map_states, run_jobs
from gala_viz.registry import UnknownNameError
from gala_viz.specs import SmoothGradSpec
from tests.attribution.tiny import Bare, Tiny, one_input, tiny_network

SMALL = {
    "integrated_gradients": IntegratedGradientsSpec(n_steps=12),
    "occlusion": OcclusionSpec(window_px=5, stride_px=3),
    "smoothgrad": SmoothGradSpec(n_samples=6),
}


def states(name, network, spec=None, values=None, **options):
    method = METHODS[name](network, spec or SMALL.get(name))
    values = one_input() if values is None else values
    return list(map_states(method, values, **{"image": "cat", "target": 2, **options}))


@pytest.mark.parametrize("name", METHODS)
def test_every_method_gives_a_finite_map_in_the_frame_and_gives_the_network_back(name):
    module = Tiny().train()
    flags = [(part.training, getattr(part, "inplace", None), len(part._forward_hooks)) for part in module.modules()]
    result = states(name, Bare(module))
    assert result[-1].done
    assert result[-1].mean.shape in {(3, 16, 16), (1, 16, 16)}
    assert np.isfinite(result[-1].mean).all()
    assert np.abs(result[-1].mean).max() > 0
    assert (result[-1].group_sums is not None) == METHODS[name].stochastic
    assert [
        (part.training, getattr(part, "inplace", None), len(part._forward_hooks)) for part in module.modules()
    ] == flags
    assert all(parameter.requires_grad and parameter.grad is None for parameter in module.parameters())


@pytest.mark.parametrize("name", METHODS)
def test_every_method_computes_nothing_once_cancelled(name):
    assert states(name, tiny_network(), cancelled=lambda: True) == []


@pytest.mark.parametrize("name", METHODS)
def test_maps_do_not_depend_on_the_size_of_batches(name):
    network = tiny_network()
    one, seven = (states(name, network, batch_size=size)[-1].mean for size in (1, 7))
    np.testing.assert_allclose(one, seven, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", METHODS)
def test_images_that_share_batches_have_the_maps_that_they_have_alone_each_for_its_own_target(name):
    network = tiny_network()
    method = METHODS[name](network, SMALL.get(name))
    asked = [("a", one_input(1), 2), ("b", one_input(2), 0), ("c", one_input(3), 4)]
    jobs = [MapJob(method, values, image=image, target=target) for image, values, target in asked]
    together = [job.state() for job in run_jobs(jobs, batch_size=4) if job.done]
    for (image, values, target), state in zip(asked, together, strict=True):
        (*_, alone) = map_states(method, values, image=image, target=target, batch_size=4)
        np.testing.assert_array_equal(state.mean, alone.mean)
        assert (state.n, state.target) == (state.n_samples, target)


def test_saliency_is_smoothgrad_without_noise():
    network = tiny_network()
    still = states("smoothgrad", network, SmoothGradSpec(n_samples=1, noise_fraction=0))[-1].mean
    np.testing.assert_allclose(states("saliency", network)[-1].mean, still, rtol=1e-4, atol=1e-8)


def test_input_x_gradient_is_the_product():
    network = tiny_network()
    product = one_input() * states("saliency", network)[-1].mean
    np.testing.assert_allclose(states("input_x_gradient", network)[-1].mean, product, rtol=1e-6)


@pytest.mark.parametrize("batch_size", [1, 4, 20])
def test_integrated_gradients_in_batches_equal_captums_single_call(batch_size):
    network = tiny_network()
    spec = IntegratedGradientsSpec(n_steps=20, baseline=-0.3)
    batch = torch.from_numpy(one_input())[None]
    theirs = IntegratedGradients(network.logits).attribute(
        batch, baselines=-0.3, target=2, n_steps=20, method="riemann_middle"
    )
    ours = states("integrated_gradients", network, spec, batch_size=batch_size)
    np.testing.assert_allclose(ours[-1].mean, theirs[0].detach().numpy(), rtol=1e-3, atol=1e-6)
    assert [state.n for state in ours][-1] == 20


def test_integrated_gradients_sum_to_the_change_of_the_logit():
    network = tiny_network()
    batch = torch.from_numpy(np.stack([one_input(), np.zeros((3, 16, 16), np.float32)]))
    with torch.no_grad():
        logits = network.logits(batch)[:, 2]
    total = states("integrated_gradients", network, IntegratedGradientsSpec(n_steps=60))[-1].mean.sum(dtype=np.float64)
    assert total == pytest.approx(float(logits[0] - logits[1]), rel=0.02, abs=2e-3)


@pytest.mark.parametrize(("window", "stride"), [(4, 4), (5, 3), (16, 1), (7, 2), (40, 14)])
def test_occlusion_by_windows_equals_captums_single_call(window, stride):
    network = tiny_network()
    width = min(window, 16)
    theirs = Occlusion(network.logits).attribute(
        torch.from_numpy(one_input())[None],
        sliding_window_shapes=(3, width, width),
        strides=(3, stride, stride),
        baselines=0.5,
        target=2,
    )
    ours = states("occlusion", network, OcclusionSpec(window_px=window, stride_px=stride, baseline=0.5))
    np.testing.assert_allclose(ours[-1].mean[0], theirs[0, 0].detach().numpy(), rtol=1e-4, atol=1e-6)
    assert ours[-1].n == ours[-1].n_samples


class Rectified(nn.Module):
    """ReLU6 as a module, ReLU as a function, and a shortcut around a ReLU."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(3)
        self.first, self.second = nn.Conv2d(3, 6, 3, bias=False), nn.Conv2d(6, 4, 3, bias=False)
        self.act = nn.ReLU6(inplace=True)
        nn.init.normal_(self.first.weight, 0, 2)

    def forward(self, batch):
        hidden = self.second(self.act(self.first(batch)))
        return (hidden + 2 * torch.relu(hidden)).sum((2, 3))


def test_guided_backprop_is_the_rule_written_by_hand_for_relu6_functions_and_shortcuts():
    module, values = Rectified(), one_input() * 2
    batch = torch.from_numpy(values)[None]
    before_six = module.first(batch)
    six = before_six.clamp(0, 6)
    hidden = module.second(six)
    assert (before_six > 6).any(), "the ceiling matters in this example"
    assert (hidden < 0).any()
    above = torch.zeros_like(hidden)
    above[:, 2] = 1
    at_hidden = above + (2 * above).clamp(min=0) * (hidden > 0)
    at_six = torch.nn.functional.conv_transpose2d(at_hidden, module.second.weight)
    at_first = at_six.clamp(min=0) * ((before_six > 0) & (before_six < 6))
    by_hand = torch.nn.functional.conv_transpose2d(at_first, module.first.weight)
    ours = states("guided_backprop", Bare(module), values=values)[-1].mean
    np.testing.assert_allclose(ours, by_hand[0].detach().numpy(), rtol=1e-4, atol=1e-5)
    plain = states("saliency", Bare(module), values=values)[-1].mean
    assert np.abs(plain - ours).max() > 0.1, "guiding makes a difference in this example"


def test_guided_backprop_with_negative_gradients_from_above_blocks_them():
    class Negative(nn.Module):
        def forward(self, batch):
            rectified = torch.nn.functional.relu(batch)
            return torch.stack([rectified.sum((1, 2, 3)), -rectified.sum((1, 2, 3))], dim=1)

    values = one_input()
    passing = states("guided_backprop", Bare(Negative()), values=values, target=0)[-1].mean
    blocked = states("guided_backprop", Bare(Negative()), values=values, target=1)[-1].mean
    np.testing.assert_array_equal(passing, values > 0)
    assert not blocked.any()


def test_guided_backprop_of_a_network_without_relu_says_so():
    class Linear(nn.Module):
        def forward(self, batch):
            return batch.mean((2, 3))

    with pytest.raises(ValueError, match="this network has none"):
        states("guided_backprop", Bare(Linear()))


def test_settings_check_themselves_and_belong_to_their_method():
    with pytest.raises(ValueError, match="stride_px lies between 1 and window_px"):
        OcclusionSpec(window_px=4, stride_px=5)
    with pytest.raises(ValueError, match="n_steps counts steps"):
        IntegratedGradientsSpec(n_steps=0)
    with pytest.raises(TypeError, match="Occlusion takes OcclusionSpec; got SmoothGradSpec"):
        METHODS["occlusion"].validate_spec(SmoothGradSpec())
    with pytest.raises(UnknownNameError, match="Did you mean 'smoothgrad'"):
        METHODS["smooth_grad"]
