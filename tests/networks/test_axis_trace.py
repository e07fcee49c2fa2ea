"""Rows and columns are followed through every usual way to write a network, and never guessed from sizes."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from gala_viz.networks.axis_trace import AxisTrace, LayerLayout

FIRST, LAST = LayerLayout("channels_first"), LayerLayout("channels_last")


def traced(function, shape=(2, 8, 8, 12)) -> tuple[LayerLayout | None, Tensor]:
    """Return what a trace says of what a function gives, and that."""
    image = torch.randn(*shape).requires_grad_()
    with AxisTrace(image) as trace:
        output = function(image)
        return trace.layout(output), output


def tokens(image: Tensor) -> Tensor:
    return image.flatten(2).transpose(1, 2)


def with_class_token(image: Tensor, before: int = 1, after: int = 0) -> Tensor:
    others = [torch.zeros(len(image), number, image.shape[1]) for number in (before, after)]
    return torch.cat([others[0], tokens(image), others[1]], dim=1)


def windows(image: Tensor, side: int) -> Tensor:
    """Channels last, in windows (B * windows, side * side, C), as of Swin."""
    batch, channels, height, width = image.shape
    grid = image.permute(0, 2, 3, 1).view(batch, height // side, side, width // side, side, channels)
    return grid.permute(0, 1, 3, 2, 4, 5).contiguous().view(-1, side * side, channels)


def whole(parts: Tensor, side: int, height: int, width: int) -> Tensor:
    grid = parts.view(-1, height // side, width // side, side, side, parts.shape[-1])
    return grid.permute(0, 1, 3, 2, 4, 5).reshape(-1, height, width, parts.shape[-1])


WEIGHT = torch.randn(6, 8)
LAYOUTS = {
    "as it is": (lambda x: x + 1, FIRST),
    "square on purpose": (lambda x: F.conv2d(x, torch.randn(8, 8, 1, 5)), FIRST),
    "permuted": (lambda x: x.permute(0, 2, 3, 1), LAST),
    "permuted by names": (lambda x: torch.permute(x, dims=(0, 2, 3, 1)), LAST),
    "there and back": (lambda x: x.permute(0, 2, 3, 1).permute(0, 3, 1, 2), FIRST),
    "a layer norm in between": (lambda x: F.layer_norm(x.permute(0, 2, 3, 1), (8,)).permute(0, 3, 1, 2), FIRST),
    "a linear layer": (lambda x: F.linear(x.permute(0, 2, 3, 1), WEIGHT), LAST),
    "tokens": (tokens, LayerLayout("tokens", (8, 12))),
    "a class token": (with_class_token, LayerLayout("tokens", (8, 12), 1)),
    "registers and one behind": (lambda x: with_class_token(x, 5, 1), LayerLayout("tokens", (8, 12), 5, 1)),
    "tokens joined twice": (
        lambda x: torch.cat([torch.zeros(2, 1, 8), with_class_token(x)], 1),
        LayerLayout("tokens", (8, 12), 2),
    ),
    "without its class token": (lambda x: with_class_token(x)[:, 1:], LayerLayout("tokens", (8, 12))),
    "a grid again": (lambda x: with_class_token(x)[:, 1:].transpose(1, 2).unflatten(2, (8, 12)), FIRST),
    "attention": (
        lambda x: F.scaled_dot_product_attention(*[with_class_token(x)] * 3),
        LayerLayout("tokens", (8, 12), 1),
    ),
    "attention by products": (
        lambda x: (with_class_token(x) @ with_class_token(x).transpose(-2, -1)).softmax(-1) @ with_class_token(x),
        LayerLayout("tokens", (8, 12), 1),
    ),
    "windows and back": (lambda x: whole(windows(x, 4) * 2, 4, 8, 12), LAST),
    "rolled and back": (lambda x: x.roll((-2, -2), (2, 3)).mul(2).roll((2, 2), (2, 3)), FIRST),
    "padded and cut": (lambda x: F.pad(x, (0, 2, 0, 1))[..., :8, :12], FIRST),
    "every second": (lambda x: x.permute(0, 2, 3, 1)[:, 0::2, 1::2, :], LAST),
    "a gate for each channel": (lambda x: x * x.mean((2, 3), keepdim=True).sigmoid(), FIRST),
    "written into": (lambda x: x.clone().add_(1).relu_(), FIRST),
    "patches merged": (
        lambda x: F.linear(
            x.permute(0, 2, 3, 1).reshape(2, 4, 2, 6, 2, 8).permute(0, 1, 3, 4, 2, 5).flatten(3), torch.randn(5, 32)
        ),
        LAST,
    ),
    "pooled": (lambda x: F.max_pool2d(x, 2), FIRST),
    "named sums": (lambda x: torch.einsum("bchw,dc->bhwd", x, WEIGHT), LAST),
    "turned": (lambda x: x.transpose(2, 3), None),
    "rolled": (lambda x: x.roll(1, 2), None),
    "cut in half": (lambda x: x[:, :, :4], None),
    "turned tokens": (lambda x: tokens(x.transpose(2, 3)), None),
    "windows": (lambda x: windows(x, 4), None),
    "flipped": (lambda x: x.flip(3), None),
    "sorted": (lambda x: x.sort(1).values, None),
    "one position": (lambda x: F.adaptive_avg_pool2d(x, 1), None),
    "logits": (lambda x: x.mean((2, 3)), None),
    "some tokens": (lambda x: with_class_token(x)[:, 1:50], None),
    "class token alone": (lambda x: with_class_token(x)[:, :1], None),
    "heads": (lambda x: with_class_token(x).view(2, 97, 2, 4).transpose(1, 2), None),
    "mixed rows": (lambda x: F.linear(x, torch.randn(12, 12)), None),
    "two images in one": (lambda x: torch.cat([tokens(x), tokens(x)], 1), None),
}


@pytest.mark.parametrize("form", LAYOUTS)
def test_where_rows_and_columns_are_is_known_or_nothing_is_said(form):
    function, expected = LAYOUTS[form]
    layout, output = traced(function)
    assert layout == expected
    if layout is not None:
        grid = layout.to_grid(output)
        assert grid.ndim == 4
        torch.testing.assert_close(layout.from_grid(grid, output), output, rtol=0, atol=0)
        assert layout.size(output) == grid.shape[1:]


def test_a_grid_holds_the_value_of_each_position():
    image = torch.randn(2, 8, 8, 12)
    for function in (
        with_class_token,
        tokens,
        lambda x: x.permute(0, 2, 3, 1),
        lambda x: whole(windows(x, 4), 4, 8, 12),
    ):
        layout, _ = traced(function)
        torch.testing.assert_close(layout.to_grid(function(image)), image, rtol=0, atol=0)


def test_a_convolution_knows_its_axes_whatever_came_before():
    def through(image):
        unknown = image.sort(1).values
        return F.conv2d(unknown, torch.randn(4, 8, 3, 3))

    assert traced(through)[0] == FIRST
    assert traced(lambda x: F.batch_norm(x.sort(1).values, torch.zeros(8), torch.ones(8)))[0] == FIRST


def test_an_output_of_another_size_is_refused():
    with pytest.raises(ValueError, match=r"1 \+ 2 x 3 \+ 0 tokens; got \(1, 8, 4\)"):
        LayerLayout("tokens", (2, 3), 1).to_grid(torch.zeros(1, 8, 4))
    with pytest.raises(ValueError, match=r"four dims; got \(1, 8\)"):
        FIRST.to_grid(torch.zeros(1, 8))
