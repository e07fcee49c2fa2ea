"""A network ready for photographs: module, preprocessing, categories and card in one object."""

from __future__ import annotations

import copy
import logging
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from gala_viz.error_text import error_message
from gala_viz.imagenet import category_names
from gala_viz.networks.activation_hooks import add_activation_hook, record_activations
from gala_viz.networks.axis_trace import LayerLayout
from gala_viz.networks.check_network import check_network, hooked_layouts, runs_text
from gala_viz.networks.devices import arithmetic, choose_device, choose_precision, describe_device, disable_tf32
from gala_viz.networks.frozen_eval import frozen_eval, outside_inference_mode
from gala_viz.networks.gala import gala_layers
from gala_viz.networks.imported_maps import ImportedMaps
from gala_viz.networks.layer_labels import ACTIVITY_SUFFIX, LayerName
from gala_viz.networks.network_output import OutputChoice
from gala_viz.networks.preprocessing import Preprocessing
from gala_viz.networks.training_data import TrainingData

_log = logging.getLogger(__name__)
DEFAULT_NOISE_FRACTION = 0.15
OTHER_PRECISIONS = (torch.float16, torch.bfloat16, torch.float64)
"""Types of weights that become float32, in which inputs and logits are."""
ASSUMED_PREPROCESSING = (
    "no preprocessing was given, so that of most networks for ImageNet, torchvision's among them, is assumed "
    "(gv.Preprocessing.imagenet()). Lite0 and others take pixels from -1 to 1, gv.Preprocessing(); give the one that "
    "yours was trained with."
)


class Network:
    """A classifier of photographs on one device, in eval mode, its parameters without gradient.

    ``layers`` are the labels of what can be shown, in order: the GALA blocks and, called "PATH (activity)", the modules
    of ``hooked_layers``. Several threads may use one network: nothing here changes after the constructor.

    It is run once when it is made, forward and backward, on two images of noise: what fails is refused here. It
    computes with channels innermost in memory, which is faster, or where it cannot, contiguously.

    Parameters
    ----------
    module : nn.Module
        Maps (B, 3, H, W) to logits (B, category). It is copied and stays as it is, unless ``in_place``. Weights in
        half or double precision become float32.
    name : str, optional
        What results, caches and errors call it; default: the name of the module's class.
    preprocessing : Preprocessing, optional
        How its input is made of a photograph; default: the module's own attribute ``preprocessing``, or ImageNet's
        with a warning: a network that was trained with another one recognises less and gives other maps.
    categories : tuple of str, optional
        Names of the logits, in order; default: the module's own attribute ``categories``, or those of
        ``default_categories`` for as many as a forward pass gives.
    title : str, optional
        What pages call it; default: ``name``.
    card : mapping, optional
        The sections of its card.
    sha256 : str
        Checksum of the file of its weights; "" without a file.
    known_by_weights : bool
        Whether the module's code is gala_viz's own, so that the weights tell what it computes.
    hooked_layers : sequence of str
        Paths of modules whose output has channels, and rows and columns of the image, in any order, or is tokens of
        them. "PATH#2" is the second call of a module that runs more than once. Where no forward pass tells which axes
        are rows and columns, "PATH:channels_first" or "PATH:channels_last" does.
    training_data : TrainingData, optional
        What it learnt from; default: what the card says.
    device : str or torch.device, optional
        See ``choose_device``; default: CUDA where it is available, else the CPU.
    precision : str or torch.dtype, optional
        "float32" (the default), "tf32" of NVIDIA GPUs, "bfloat16", or "auto": measurements then take the fastest that
        changes maps by less than their error with 50 samples. Inputs, weights and logits are float32 in all of them.
    in_place : bool
        Whether the module itself is moved to the device, made float32, frozen and put in eval mode; it is then not to
        be used for anything else.
    output : str, optional
        What of the module's output are the logits: a key, field or place, for example "logits" or "0", of a dict or
        tuple; "log" where it gives probabilities; "binary" where it gives one logit, of the second of two categories;
        or both, "out:binary". Default: the module gives logits.

    Raises
    ------
    ValueError
        The device, the precision or a path of ``hooked_layers`` is unknown; the module cannot be copied, or fails on an
        image; it gives no logits for its categories, or the image gets no gradient; or it is not known where a layer's
        rows and columns are. The message says what to do.

    Examples
    --------
    >>> import torch
    >>> import gala_viz as gv
    >>> module = torch.nn.Sequential(torch.nn.Conv2d(3, 2, 3), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())
    >>> seen = gv.Preprocessing(short_px=64, crop_px=64)
    >>> network = gv.Network(module, preprocessing=seen, categories=("left", "right"), device="cpu")
    >>> network.name, module.training, network.module.training
    ('Sequential', True, False)
    """

    maps: ImportedMaps | None = None
    """Maps that were computed elsewhere, in place of a module; see ``gala_viz.networks.maps_network``."""

    def __init__(
        self,
        module: nn.Module,
        *,
        name: str | None = None,
        preprocessing: Preprocessing | None = None,
        categories: tuple[str, ...] | None = None,
        title: str | None = None,
        card: Mapping[str, Any] | None = None,
        sha256: str = "",
        known_by_weights: bool = False,
        hooked_layers: Sequence[str] = (),
        training_data: TrainingData | None = None,
        device: str | torch.device | None = None,
        precision: str | torch.dtype | None = None,
        in_place: bool = False,
        output: str | None = None,
    ) -> None:
        self.name = name or type(module).__name__
        self.title = title or self.name
        self.opened_as = ""
        """The name or folder by which ``load_network`` loaded it; "" for one that a program made."""
        self.preprocessing = preprocessing or own_preprocessing(module) or _assumed_preprocessing(self.name)
        if (warning := self.preprocessing.unit_warning) and not getattr(module, "scales_inputs", False):
            _log.warning("%s: %s", self.name, warning)
        self.card = dict(card or {})
        self.sha256 = sha256
        self.known_by_weights = known_by_weights
        self.training_data = TrainingData.from_card(self.card) if training_data is None else training_data
        self.device = choose_device(device)
        self.precision = choose_precision(precision, self.device)
        self.precision_note = ""
        if self.device.type == "cuda":
            disable_tf32()
        self.output = output or ""
        self._output_choice = OutputChoice.parse(output)
        with outside_inference_mode():
            module = with_float32_weights(module if in_place else _copied(module, self.name))
        self.module = module.to(self.device).eval().requires_grad_(False)
        self.hooked_layers = tuple(hooked_layers)
        own_categories = getattr(module, "categories", None) if categories is None else categories
        self.categories = () if own_categories is None else tuple(own_categories)
        self.memory_format = torch.channels_last
        self.layers: tuple[str, ...] = ()
        hooked = hook_layers(self.module, self.hooked_layers)
        n_logits, self.memory_format = check_network(self, declared=own_categories is not None)
        if own_categories is None:
            self.categories = default_categories(n_logits)
        self._layers: dict[str, _Layer] = {
            label: _Layer(block) for label, block in gala_layers(self.module).items()
        } | {
            f"{name}{ACTIVITY_SUFFIX}": _Layer(self.module.get_submodule(one.path), one.call, layout)
            for (name, one), layout in zip(hooked.items(), hooked_layouts(self, hooked), strict=True)
        }
        self.layers = tuple(self._layers)

    @property
    def device_description(self) -> str:
        """Device and precision in words."""
        return describe_device(self.device, self.precision)

    @property
    def device_attrs(self) -> dict[str, str]:
        """What results say of the device: "device" and, where a precision was chosen for a reason, "precision"."""
        return {"device": self.device_description} | ({"precision": self.precision_note} if self.precision_note else {})

    @property
    def noise_fraction(self) -> float:
        """SmoothGrad's noise that suits the network, as its card says; else 0.15, the middle of what is usual.

        Noise that a network never met in training takes it away from what it recognises.
        """
        fraction = self.card.get("attribution", {}).get("noise_fraction", DEFAULT_NOISE_FRACTION)
        return float(fraction) if isinstance(fraction, int | float) and 0 <= fraction < 1 else DEFAULT_NOISE_FRACTION

    def with_precision(self, precision: str, note: str = "") -> Network:
        """Return this network, with the same module, in another precision; ``note`` says why it was chosen."""
        other = copy.copy(self)
        other.precision, other.precision_note = choose_precision(precision, self.device), note
        return other

    def with_preprocessing(self, preprocessing: Preprocessing) -> Network:
        """Return this network, with the same module, whose input is made otherwise of a photograph."""
        other = copy.copy(self)
        other.preprocessing = preprocessing
        return other

    @contextmanager
    def computing(self) -> Iterator[nn.Module]:
        """Hold the module for one pass: frozen in eval mode, in the network's precision, restored at the end.

        Forward passes and the gradients of what they give run within it, one batch at a time; other threads wait.
        """
        with frozen_eval(self.module), arithmetic(self.precision, self.device):
            yield self.module

    def with_module(self, module: nn.Module) -> Network:
        """Return this network with another module, which computes the same and has modules of the same paths.

        It is used itself: on the network's device, frozen, in eval mode, with the same activation hooks.
        """
        paths = {part: path for path, part in self.module.named_modules()}
        other = copy.copy(self)
        other.module = module
        other._layers = {
            label: _Layer(module.get_submodule(paths[layer.module]), layer.call, layer.layout)
            for label, layer in self._layers.items()
        }
        return other

    def logits(self, batch: Tensor) -> Tensor:
        """Return the logits of a batch, differentiable with respect to it.

        Parameters
        ----------
        batch : Tensor, (B, 3, y, x)
            Inputs, normalised by ``preprocessing``, on any device.

        Returns
        -------
        Tensor, (B, category), float32
            On the network's device.

        Raises
        ------
        ValueError
            The batch has another shape, or the module gives something else than logits.
        """
        batch = batch.to(self.device, torch.float32)
        if batch.ndim != 4 or batch.shape[1] != 3:
            raise ValueError(f"{self.name} takes a batch (B, 3, y, x); got shape {tuple(batch.shape)}.")
        batch = batch.contiguous(memory_format=self.memory_format)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bfloat16"):
            output = self.module(batch)
        try:
            return self._output_choice.logits(output).float()
        except ValueError as error:
            raise ValueError(f"{self.name}: {error}") from None

    def attention(self, batch: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Return logits and every layer's map from one forward pass.

        Parameters
        ----------
        batch : Tensor, (B, 3, y, x)
            As in ``logits``.

        Returns
        -------
        logits : Tensor, (B, category), float32
            As in ``logits``.
        maps : dict of str to Tensor, (B, C, h, w), float32
            Label -> A of a GALA block, or the output of a module with an activation hook, as it was before a later
            function wrote into it.

        Raises
        ------
        ValueError
            The batch has another shape, or a layer does not give in this forward pass what it gave when it was loaded.
        """
        with record_activations() as record:
            logits = self.logits(batch)
        return logits, {label: self._activation(label, record.calls) for label in self.layers}

    def _activation(self, label: str, calls: Mapping[nn.Module, list[Tensor]]) -> Tensor:
        """Return what a layer gave in a forward pass, as a map."""
        layer = self._layers[label]
        given = calls.get(layer.module, [])
        number = layer.call or 1
        if len(given) < number or (layer.call is None and len(given) > 1):
            name = label.removesuffix(ACTIVITY_SUFFIX)
            raise ValueError(f"{self.name}: {name} {runs_text(len(given), name)}")
        activation = given[number - 1]
        try:
            return (activation if layer.layout is None else layer.layout.to_grid(activation)).float()
        except ValueError as error:
            raise ValueError(f"{self.name}: {label} is no longer what it was when it was loaded: {error}.") from None

    def to_batch(self, photos: list[np.ndarray]) -> Tensor:
        """Return photographs as one input batch.

        Parameters
        ----------
        photos : list of ndarray, (y, x, 3), uint8
            RGB, each of any size.

        Returns
        -------
        Tensor, (B, 3, y, x), float32
            Inputs, normalised by ``preprocessing``, on the CPU.
        """
        return torch.from_numpy(np.stack([self.preprocessing.to_input(photo) for photo in photos]))

    def __repr__(self) -> str:
        return f"Network({self.name!r}, {len(self.layers)} layers, {self.device_description})"


@dataclass(frozen=True, slots=True, eq=False)
class _Layer:
    """What can be shown: a module, which of its calls, and where its positions are; None: its only call; a map."""

    module: nn.Module
    call: int | None = None
    layout: LayerLayout | None = None


def own_preprocessing(module: nn.Module) -> Preprocessing | None:
    """Return a module's attribute ``preprocessing``, an object or its settings; None where it has none.

    Settings that are missing are those of ``Preprocessing.imagenet``, which is said.
    """
    own = getattr(module, "preprocessing", None)
    if not isinstance(own, Mapping):
        return own
    preprocessing, note = Preprocessing.completed(own)
    if note:
        _log.warning("%s: %s", type(module).__name__, note)
    return preprocessing


def default_categories(n_logits: int) -> tuple[str, ...]:
    """Return names for logits that have none: ImageNet's for a thousand, else "category 0" and so on."""
    return category_names() if n_logits == 1000 else tuple(f"category {number}" for number in range(n_logits))


def _assumed_preprocessing(name: str) -> Preprocessing:
    """Return ImageNet's preprocessing, and warn: nothing in the module tells how its input is made."""
    warnings.warn(f"{name}: {ASSUMED_PREPROCESSING}", UserWarning, stacklevel=3)
    return Preprocessing.imagenet()


def _copied(module: nn.Module, name: str) -> nn.Module:
    """Return a copy of a module; ``ValueError`` where Python cannot copy it.

    Tensors that modules compute from their weights (``weight_norm``) are copied without the graph that made them.
    """
    computed = [
        value
        for part in module.modules()
        for value in vars(part).values()
        if isinstance(value, Tensor) and value.grad_fn
    ]
    try:
        return copy.deepcopy(module, {id(value): value.detach().clone() for value in computed})
    except Exception as error:  # of whatever kind: the module is external code
        message = error_message(error, 200)
        raise ValueError(
            f"{name}: the module cannot be copied ({type(error).__name__}: {message}). With in_place=True it is used "
            "itself, frozen and in eval mode."
        ) from error


@outside_inference_mode()
@torch.no_grad()
def with_float32_weights(module: nn.Module) -> nn.Module:
    """Return a module after its parameters and buffers in half or double precision were made float32, in place.

    Tensors that were made in ``torch.inference_mode`` are replaced too: no gradient could pass them.
    """
    plain: dict[Tensor, Tensor] = {}  # two modules may share one
    for part in module.modules():
        for tensors in (part._parameters, part._buffers):
            for name, value in list(tensors.items()):
                if value is None or not (value.dtype in OTHER_PRECISIONS or value.is_inference()):
                    continue
                if value not in plain:
                    copied = value.to(torch.float32 if value.dtype in OTHER_PRECISIONS else value.dtype, copy=True)
                    parameter = isinstance(value, nn.Parameter)
                    plain[value] = nn.Parameter(copied, value.requires_grad) if parameter else copied
                setattr(part, name, plain[value])  # which tells modules that list their weights, as nn.LSTM
    return module


def shared_noise_fraction(networks: Sequence[Network]) -> float:
    """Return SmoothGrad's noise for ``networks`` that are compared: the least that one of their cards recommends."""
    known = (network.noise_fraction for network in networks if network.maps is None)
    return min(known, default=DEFAULT_NOISE_FRACTION)


def hook_layers(module: nn.Module, names: Sequence[str]) -> dict[str, LayerName]:
    """Give the modules of ``names`` an activation hook, and return what the names say.

    Raises ``ValueError`` for an unknown path; the message names the nearest.
    """
    known = {path: part for path, part in module.named_modules(remove_duplicate=False) if path}
    parsed = {name: LayerName.parse(name, known) for name in names}
    for one in parsed.values():
        add_activation_hook(known[one.path])
    return parsed


def watched_paths(layers: Iterable[str]) -> tuple[str, ...]:
    """Return the paths of the modules with activation hooks among the labels of ``layers``."""
    return tuple(label.removesuffix(ACTIVITY_SUFFIX) for label in layers if label.endswith(ACTIVITY_SUFFIX))
