"""GALA and SE blocks against plain loops, and what must hold for any weights."""

from __future__ import annotations

import math
import threading

import numpy as np
import pytest
import torch

from gala_viz.networks.activation_hooks import record_activations
from gala_viz.networks.gala import GalaBlock, attention_norm, gala_layers
from gala_viz.networks.se import SEBlock

SHAPE = (2, 8, 5, 6)


@pytest.fixture(params=["iclr2019", "tpu2018"])
def block(request) -> GalaBlock:
    return randomised(GalaBlock(SHAPE[1], form=request.param, ratio=4))


def randomised(module: torch.nn.Module, scale: float = 0.5) -> torch.nn.Module:
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(scale * torch.randn(parameter.shape, generator=generator))
    return module


def activity(scale: float = 1.0) -> torch.Tensor:
    return scale * torch.randn(SHAPE, generator=torch.Generator().manual_seed(2))


def weights(module: torch.nn.Module) -> dict[str, np.ndarray]:
    return {name: parameter.detach().double().numpy() for name, parameter in module.named_parameters()}


def relu(value: float) -> float:
    return max(value, 0.0)


def dense(weight: np.ndarray, bias: np.ndarray, inputs: list[float]) -> list[float]:
    return [bias[o] + sum(weight[o, i] * inputs[i] for i in range(weight.shape[1])) for o in range(weight.shape[0])]


def convolution_at(weight: np.ndarray, bias: np.ndarray, image: np.ndarray, y: int, x: int) -> list[float]:
    """All output channels of a convolution with zeros around the image, at one position."""
    n_out, n_in, height, width = weight.shape
    result = []
    for o in range(n_out):
        total = bias[o]
        for i in range(n_in):
            for dy in range(height):
                for dx in range(width):
                    row, column = y + dy - height // 2, x + dx - width // 2
                    if 0 <= row < image.shape[1] and 0 <= column < image.shape[2]:
                        total += weight[o, i, dy, dx] * image[i, row, column]
        result.append(total)
    return result


def convolved(weight: np.ndarray, bias: np.ndarray, image: np.ndarray, *, rectify: bool) -> np.ndarray:
    result = np.zeros((len(weight), *image.shape[1:]))
    for y in range(image.shape[1]):
        for x in range(image.shape[2]):
            values = convolution_at(weight, bias, image, y, x)
            result[:, y, x] = [relu(value) for value in values] if rectify else values
    return result


def gala_by_loops(block: GalaBlock, image: np.ndarray) -> np.ndarray:
    """A (C, H, W) of one image, from the published equations, position by position."""
    w = weights(block)
    n_channels, height, width = image.shape
    means = [sum(image[c].ravel()) / (height * width) for c in range(n_channels)]
    hidden = [relu(value) for value in dense(w["global_shrink.weight"], w["global_shrink.bias"], means)]
    what = dense(w["global_expand.weight"], w["global_expand.bias"], hidden)
    where = convolved(w["local_shrink.weight"], w["local_shrink.bias"], image, rectify=True)
    if block.form == "tpu2018":
        what = [relu(value) for value in what]
        where = convolved(w["local_middle.weight"], w["local_middle.bias"], where, rectify=True)
    where = convolved(w["local_collapse.weight"], w["local_collapse.bias"], where, rectify=False)
    attention = np.zeros_like(image)
    for c in range(n_channels):
        for y in range(height):
            for x in range(width):
                s = where[0, y, x]
                value = w["additive"][c] * (what[c] + s) + w["multiplicative"][c] * what[c] * s
                attention[c, y, x] = math.tanh(value) if block.form == "iclr2019" else 1 / (1 + math.exp(-value))
    return attention


@torch.no_grad()
def test_gala_is_its_equations_written_as_loops(block):
    u = activity()
    attention = block.attention(u).numpy()
    for index, image in enumerate(u.double().numpy()):
        np.testing.assert_allclose(attention[index], gala_by_loops(block, image), atol=1e-5)


@torch.no_grad()
def test_gala_multiplies_the_activity_by_its_attention(block):
    u = activity()
    torch.testing.assert_close(block(u), block.attention(u) * u, rtol=0, atol=0)


@torch.no_grad()
def test_se_is_its_equation_written_as_loops():
    block = randomised(SEBlock(SHAPE[1], ratio=4))
    w = weights(block)
    u = activity()
    scaled = block(u).numpy()
    for index, image in enumerate(u.double().numpy()):
        means = [channel.sum() / channel.size for channel in image]
        hidden = [relu(value) for value in dense(w["shrink.weight"], w["shrink.bias"], means)]
        logits = dense(w["expand.weight"], w["expand.bias"], hidden)
        expected = [channel / (1 + math.exp(-z)) for channel, z in zip(image, logits, strict=True)]
        np.testing.assert_allclose(scaled[index], expected, atol=1e-5)


@torch.no_grad()
def test_se_does_not_care_where_in_the_image_things_are():
    block = randomised(SEBlock(SHAPE[1], ratio=4))
    torch.testing.assert_close(block(activity().flip(3)), block(activity()).flip(3))


@torch.no_grad()
def test_gala_with_closed_gates_is_silent():
    block = randomised(GalaBlock(SHAPE[1], ratio=4))
    block.additive.zero_()
    block.multiplicative.zero_()
    assert not block(activity()).any()


@torch.no_grad()
def test_gala_of_the_2018_form_with_zero_gains_halves_the_activity():
    block = randomised(GalaBlock(SHAPE[1], form="tpu2018", ratio=4))
    block.additive.zero_()
    block.multiplicative.zero_()
    torch.testing.assert_close(block(activity()), activity() / 2)


@torch.no_grad()
@pytest.mark.parametrize("scale", [0.1, 1.0, 100.0])
def test_attention_stays_in_the_range_of_its_squash(block, scale):
    attention = block.attention(activity(scale))
    low = -1 if block.form == "iclr2019" else 0
    assert low <= attention.min() < attention.max() <= 1
    assert (attention.min() < 0) == (block.form == "iclr2019")


@torch.no_grad()
def test_the_global_pathway_of_the_2018_form_is_never_negative():
    for form, negative in (("iclr2019", True), ("tpu2018", False)):
        block = randomised(GalaBlock(SHAPE[1], form=form, ratio=4), scale=1.0)
        assert bool((block.global_pathway(activity()) < 0).any()) == negative, form


@torch.no_grad()
def test_the_attention_norm_lies_between_zero_and_the_root_of_the_channels(block):
    norm = attention_norm(block.attention(activity(100.0)))
    assert norm.shape == (SHAPE[0], *SHAPE[2:])
    assert norm.min() >= 0
    assert norm.max() <= math.sqrt(SHAPE[1]) * (1 + 1e-6)
    torch.testing.assert_close(attention_norm(torch.ones(SHAPE)), torch.full_like(norm, math.sqrt(SHAPE[1])))
    torch.testing.assert_close(attention_norm(torch.tensor([3.0, -4.0]).view(1, 2, 1, 1)), torch.tensor([[[5.0]]]))


@torch.no_grad()
def test_attention_of_an_image_does_not_depend_on_its_batch(block):
    u = activity()
    alone = torch.cat([block.attention(image[None]) for image in u])
    torch.testing.assert_close(block.attention(u), alone, rtol=1e-5, atol=1e-6)


def test_gradients_reach_every_parameter(block):
    block(activity()).square().sum().backward()
    assert all(parameter.grad is not None and parameter.grad.abs().sum() > 0 for parameter in block.parameters())


@torch.no_grad()
@pytest.mark.parametrize(("form", "gate"), [("iclr2019", 0.76), ("iclr2019", -0.5), ("tpu2018", 0.9)])
def test_an_opened_block_has_one_attention_everywhere(form, gate):
    block = randomised(GalaBlock(SHAPE[1], form=form, ratio=4))
    block.start_open(gate)
    torch.testing.assert_close(block.attention(activity()), torch.full(SHAPE, gate))


def test_an_opened_block_learns_with_all_its_parameters_from_the_second_step_on():
    block = GalaBlock(SHAPE[1], ratio=4)
    block.open_gate(0.76)
    optimiser = torch.optim.SGD(block.parameters(), lr=0.01)
    for _ in range(2):
        optimiser.zero_grad()
        block(activity()).square().sum().backward()
        optimiser.step()
    assert all(parameter.grad.abs().sum() > 0 for parameter in block.parameters())


@pytest.mark.parametrize(("form", "gate"), [("iclr2019", 1.0), ("iclr2019", 0.0), ("tpu2018", -0.1), ("tpu2018", 0.3)])
def test_a_gate_out_of_range_is_refused(form, gate):
    with pytest.raises(ValueError, match=str(gate)):
        GalaBlock(SHAPE[1], form=form, ratio=4).open_gate(gate)


@torch.no_grad()
def test_attention_is_recorded_only_inside_and_only_in_this_thread(block):
    u = activity()
    with record_activations() as record:
        other = threading.Thread(target=lambda: block(u + 1))
        other.start()
        other.join()
        assert not record
        block(u)
    torch.testing.assert_close(record[block], block.attention(u), rtol=0, atol=0)
    block(u + 1)
    torch.testing.assert_close(record[block], block.attention(u), rtol=0, atol=0)


def test_layers_are_named_after_their_label_or_their_place():
    network = torch.nn.Sequential()
    network.add_module("first", torch.nn.ModuleDict({"attention": GalaBlock(4)}))
    network.add_module("second", GalaBlock(4, name="block6"))
    assert list(gala_layers(network)) == ["first", "block6"]


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"form": "iclr"}, r"form is one of .*iclr2019.*got 'iclr'"),
        ({"squash": "relu"}, r"squash is one of .*tanh.*got 'relu'"),
        ({"ratio": 16}, "at least 16 channels for ratio 16; got 8"),
    ],
)
def test_a_block_that_cannot_be_built_says_what_was_expected(settings, sentence):
    with pytest.raises(ValueError, match=sentence):
        GalaBlock(8, **settings)


def test_an_se_block_without_channels_says_what_was_expected():
    with pytest.raises(ValueError, match="from 1 on; got channels=0"):
        SEBlock(0)
