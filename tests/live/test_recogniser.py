"""A network that looks at players' canvases."""

import numpy as np
import pytest
import torch
from torch import nn

from gala_viz.attribution.finite import NonFiniteError
from gala_viz.live.recogniser import Recogniser
from gala_viz.networks.network import Network
from gala_viz.networks.preprocessing import Preprocessing


class Overflows(nn.Module):
    """Logits of two categories, NaN for a picture that is white."""

    def forward(self, batch):
        bright = batch.mean(dim=(1, 2, 3))
        return torch.stack([bright, torch.where(bright > 0.9, torch.nan, 0.0)], dim=1)


def canvas(value):
    return np.full((8, 8, 3), value, np.uint8)


def test_a_canvas_that_the_network_has_no_numbers_for_is_refused_and_others_are_answered():
    frame = Preprocessing(short_px=8, crop_px=8, mean=(0.0,) * 3, std=(255.0,) * 3)
    recogniser = Recogniser(Network(Overflows(), name="odd", preprocessing=frame, categories=("a", "b"), device="cpu"))
    white, grey = recogniser.recognise(canvas(255)), recogniser.recognise(canvas(100))
    with pytest.raises(NonFiniteError, match="1 of 2 logits of odd are NaN"):
        white.result()
    assert grey.result().sum() == pytest.approx(1)
    recogniser.close()
