"""The global-and-local attention (GALA) block, in both published forms.

Source: Linsley, Shiebler, Eberhardt, Serre 2019, "Learning what and where to attend" (ICLR), section 3, and the
authors' 2018 code for TPUs. Tensor letters: B batch, C channel, H and W the grid.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn

from gala_viz.networks.activation_hooks import store_activation

GalaForm = Literal["iclr2019", "tpu2018"]
Squashing = Literal["tanh", "sigmoid"]

_SQUASH_OF_FORM: dict[str, Squashing] = {"iclr2019": "tanh", "tpu2018": "sigmoid"}
_SQUASH: dict[str, type[nn.Module]] = {"tanh": nn.Tanh, "sigmoid": nn.Sigmoid}


class GalaBlock(nn.Module):
    """Gate an activity U (B, C, H, W) by an attention map A of the same shape: the output is A ⊙ U.

    The global pathway ("what") gives G (B, C), the local pathway ("where") S (B, 1, H, W). They are integrated as
    ``a_c (G_c + S_hw) + m_c (G_c S_hw)`` and squashed.

    Parameters
    ----------
    channels : int
        C, at least ``ratio``.
    form : {"iclr2019", "tpu2018"}
        "iclr2019" is the paper's: one ReLU in each pathway, tanh, A in (-1, 1). "tpu2018" is the authors' released
        code: every dense layer ends in a ReLU, a 5 x 5 convolution stands between the local pathway's two 1 x 1
        convolutions, and a sigmoid squashes, A in (0, 1).
    ratio : int
        The pathways' bottleneck r: their hidden layers have C // r units.
    squash : {"tanh", "sigmoid"}, optional
        Replaces the form's own.
    name : str, optional
        The layer's label; default: the module's path.

    Raises
    ------
    ValueError
        The form or the squash is unknown, ``ratio`` is below 1, or there are fewer channels than ``ratio``.

    References
    ----------
    Linsley et al. 2019, section 3.
    """

    def __init__(
        self,
        channels: int,
        *,
        form: GalaForm = "iclr2019",
        ratio: int = 4,
        squash: Squashing | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__()
        if form not in _SQUASH_OF_FORM:
            raise ValueError(f"a GALA block's form is one of {list(_SQUASH_OF_FORM)}; got {form!r}.")
        squash = squash or _SQUASH_OF_FORM[form]
        if squash not in _SQUASH:
            raise ValueError(f"a GALA block's squash is one of {list(_SQUASH)}; got {squash!r}.")
        if ratio < 1 or channels < ratio:
            raise ValueError(f"a GALA block needs at least {ratio} channels for ratio {ratio}; got {channels}.")
        hidden = channels // ratio
        self.channels, self.form, self.name = channels, form, name
        self.global_shrink = nn.Linear(channels, hidden)
        self.global_expand = nn.Linear(hidden, channels)
        self.local_shrink = nn.Conv2d(channels, hidden, 1)
        self.local_middle = nn.Conv2d(hidden, hidden, 5, padding=2) if form == "tpu2018" else None
        self.local_collapse = nn.Conv2d(hidden, 1, 1)
        self.additive = nn.Parameter(torch.ones(channels))
        self.multiplicative = nn.Parameter(torch.ones(channels))
        self.squash = _SQUASH[squash]()

    def global_pathway(self, activity: Tensor) -> Tensor:
        """Return G: what is in the image, from the spatial mean of U.

        Parameters
        ----------
        activity : Tensor, (B, C, H, W)
            U.

        Returns
        -------
        Tensor, (B, C)
            One value for each channel.
        """
        expanded = self.global_expand(torch.relu(self.global_shrink(activity.mean(dim=(2, 3)))))
        return torch.relu(expanded) if self.form == "tpu2018" else expanded

    def local_pathway(self, activity: Tensor) -> Tensor:
        """Return S: where it is, from each position of U.

        In the 2018 form the 5 x 5 neighbours of a position count too.

        Parameters
        ----------
        activity : Tensor, (B, C, H, W)
            U.

        Returns
        -------
        Tensor, (B, 1, H, W)
            One value for each position.
        """
        hidden = torch.relu(self.local_shrink(activity))
        if self.local_middle is not None:
            hidden = torch.relu(self.local_middle(hidden))
        return self.local_collapse(hidden)

    def attention(self, activity: Tensor) -> Tensor:
        """Return the attention map A, after squashing.

        Parameters
        ----------
        activity : Tensor, (B, C, H, W)
            U.

        Returns
        -------
        Tensor, (B, C, H, W)
            A, unitless, in (-1, 1) after tanh and in (0, 1) after a sigmoid.

        Notes
        -----
        a (G + S) + m (G S) is computed as a G + (a + m G) S: two vectors of channels and one pass over the positions,
        with the channels innermost, as they lie in memory in ``channels_last`` networks.
        """
        what = self.global_pathway(activity)[:, None, None, :]
        where = self.local_pathway(activity).permute(0, 2, 3, 1)
        total = torch.addcmul(self.additive * what, self.additive + self.multiplicative * what, where)
        return self.squash(total).permute(0, 3, 1, 2)

    def forward(self, activity: Tensor) -> Tensor:
        """Return A ⊙ U, and note A for ``gala_viz.networks.activation_hooks.record_activations``.

        Parameters
        ----------
        activity : Tensor, (B, C, H, W)
            U.

        Returns
        -------
        Tensor, (B, C, H, W)
            The gated activity, in the dtype of U.
        """
        attention = self.attention(activity)
        store_activation(self, attention)
        return attention.to(activity.dtype) * activity

    @torch.no_grad()
    def open_gate(self, gate: float) -> None:
        """Set the block to a constant A = ``gate`` at every position and channel, in place.

        This is for adding GALA to a trained network. The pathways' last weights begin at zero (their gradients do not),
        and a bias places the sum before squashing, so that the caller can undo the constant gate exactly in the layer
        before.

        Parameters
        ----------
        gate : float
            A, inside the squash's range and not 0, for example 0.76 for tanh.

        Raises
        ------
        ValueError
            ``gate`` is outside of that range or 0, or too small for the 2018 form, whose global pathway is never
            negative.
        """
        low = -1.0 if isinstance(self.squash, nn.Tanh) else 0.0
        if not low < gate < 1.0 or gate == 0.0:
            raise ValueError(f"a gate lies inside ({low:g}, 1) and is not 0; got {gate}.")
        inverse = math.atanh(gate) if isinstance(self.squash, nn.Tanh) else math.log(gate / (1 - gate))
        if self.form == "tpu2018" and inverse < 0:
            raise ValueError(
                f"the 2018 form's global pathway is never negative; gate {gate} needs a sum of {inverse:.2f}."
            )
        nn.init.zeros_(self.global_expand.weight)
        nn.init.constant_(self.global_expand.bias, inverse)
        nn.init.zeros_(self.local_collapse.weight)
        nn.init.zeros_(self.local_collapse.get_parameter("bias"))
        nn.init.ones_(self.additive)
        nn.init.zeros_(self.multiplicative)


def attention_norm(attention: Tensor) -> Tensor:
    """Return the strength of GALA attention at each position: the L2 norm of A over channels.

    Parameters
    ----------
    attention : Tensor, (B, C, H, W)
        A, unitless, in (-1, 1) or (0, 1).

    Returns
    -------
    Tensor, (B, H, W)
        The norm, in [0, sqrt(C)]; it is not normalised over space.

    References
    ----------
    Linsley et al. 2019, figure 2 (the "column-wise L2 norm").
    """
    return torch.linalg.vector_norm(attention, dim=1)


def gala_layers(network: nn.Module) -> dict[str, GalaBlock]:
    """Return the GALA blocks of ``network`` by label, in the order of its modules.

    A label is the block's name or, where it has none, its path.
    """
    return {
        module.name or path.removesuffix(".attention"): module
        for path, module in network.named_modules()
        if isinstance(module, GalaBlock)
    }
