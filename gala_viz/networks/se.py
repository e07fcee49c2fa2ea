"""Squeeze-and-excitation: attention to channels alone, the paper's second baseline."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class SEBlock(nn.Module):
    """Scale every channel of U by sigmoid(W_expand · ReLU(W_shrink · GAP(U))), GAP the mean over space.

    Both layers have biases. Input and output are (B, C, H, W).

    Parameters
    ----------
    channels : int
        C.
    ratio : int
        The hidden layer has C // ``ratio`` units, at least one; 16 as published.

    Raises
    ------
    ValueError
        The ratio or the number of channels is below 1.

    References
    ----------
    Hu, Shen, Sun 2017, "Squeeze-and-excitation networks".
    """

    def __init__(self, channels: int, *, ratio: int = 16) -> None:
        super().__init__()
        if channels < 1 or ratio < 1:
            raise ValueError(f"an SE block needs channels and a ratio from 1 on; got {channels=}, {ratio=}.")
        hidden = max(channels // ratio, 1)
        self.channels = channels
        self.shrink = nn.Linear(channels, hidden)
        self.expand = nn.Linear(hidden, channels)

    def excitation(self, activity: Tensor) -> Tensor:
        """Return the factor of each channel.

        Parameters
        ----------
        activity : Tensor, (B, C, H, W)
            U.

        Returns
        -------
        Tensor, (B, C)
            Factors in (0, 1).
        """
        squeezed = activity.mean(dim=(2, 3))
        return torch.sigmoid(self.expand(torch.relu(self.shrink(squeezed))))

    def forward(self, activity: Tensor) -> Tensor:
        """Return U with every channel scaled.

        Parameters
        ----------
        activity : Tensor, (B, C, H, W)
            U.

        Returns
        -------
        Tensor, (B, C, H, W)
            U times its channels' factors.
        """
        return activity * self.excitation(activity)[:, :, None, None]
