"""One network's likeness to people on one collection, in one line, and every few epochs of a training."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import lightning as L
from lightning.pytorch.callbacks import Callback
from torch import nn

from gala_viz.alignment import MIN_IMAGES_FOR_INTERVAL, CeilingSpec, ConfidenceInterval, bootstrap_interval
from gala_viz.cache import ArrayCache, BoundedCache
from gala_viz.collections import open_collection
from gala_viz.collections.collection import Collection
from gala_viz.collections.human_maps.map_checks import marked_images
from gala_viz.counts import counted
from gala_viz.evaluation.evaluate import evaluate
from gala_viz.evaluation.evaluation import Evaluation
from gala_viz.evaluation.image_metrics import MEAN_OF_LAYERS
from gala_viz.evaluation.metrics import MetricKey
from gala_viz.evaluation.spec import EvaluationSpec
from gala_viz.networks.gala import gala_layers
from gala_viz.networks.network import Network
from gala_viz.networks.preprocessing import Preprocessing
from gala_viz.networks.zoo import load_network
from gala_viz.specs import SmoothGradSpec
from gala_viz.splits import Split, splits_of

_log = logging.getLogger(__name__)
CACHE_BYTES = 256 * 2**20
"""What people's maps and ceilings take in memory between the scores of a training."""


@dataclass(frozen=True, kw_only=True)
class AlignmentScore:
    """How much a network's maps are like people's: Spearman's rho, mean over images, with 95 % intervals over images.

    Below ``MIN_IMAGES_FOR_INTERVAL`` images the bounds are NaN.

    ``maps`` says which maps of the network: "attention", mean over its GALA layers, each at its own grid, or
    "smoothgrad". ``by_layer`` has each layer's. ``ceiling`` is people's own, of the same images on the same grids, and
    ``fraction_of_ceiling`` (in per cent) rho's share of it; both are None where participants are not known one by one.
    """

    network: str
    collection: str
    split: str
    maps: str
    rho: ConfidenceInterval
    ceiling: ConfidenceInterval | None
    fraction_of_ceiling: ConfidenceInterval | None
    by_layer: dict[str, ConfidenceInterval]
    simulated: bool
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        few = "" if math.isfinite(self.rho.low) else f", no interval below {MIN_IMAGES_FOR_INTERVAL} images"
        about = f"{self.split}{', SIMULATED maps' if self.simulated else ''}{few}"
        images = counted(self.rho.n, "image")
        text = f"{self.network}, {self.maps}: rho {_text(self.rho)}, n = {images} of {self.collection} ({about})"
        if self.ceiling is None:
            return f"{text}; no ceiling: participants are not known one by one"
        text += f"; ceiling {_text(self.ceiling)}"
        if self.fraction_of_ceiling is not None:
            text += f"; {_text(self.fraction_of_ceiling, '.0f')} % of it"
        return text


def score_alignment(
    network: Network | nn.Module | str | Path,
    collection: Collection | str | Path,
    *,
    split: Split | str = "validation",
    n_images: int | None = None,
    maps: str | None = None,
    n_samples: int = 25,
    preprocessing: Preprocessing | None = None,
    seed: int = 0,
    cache: ArrayCache | None = None,
) -> AlignmentScore:
    """Return how much a network's maps are like people's.

    Parameters
    ----------
    network : Network, nn.Module, str or Path
        The network, its name or folder, or a module; a module stays as it is.
    collection : Collection, str or Path
        Photographs with human maps, or their name or folder.
    split : {"validation", "train", "test", "all"}
        Which images. Choose on validation; report the test split once.
    n_images : int, optional
        At most so many images, by ``seed``; default: all.
    maps : {"attention", "smoothgrad"}, optional
        Which maps of the network; default: attention where it has GALA layers, else SmoothGrad.
    n_samples : int
        SmoothGrad's n.
    preprocessing : Preprocessing, optional
        Of a module, see ``Network``.
    seed : int
        Of images, splits, noise and resamples.
    cache : ArrayCache, optional
        Keeps people's maps and ceilings between calls.

    Returns
    -------
    AlignmentScore
        Rho with its interval, the ceiling, and rho by layer.

    Raises
    ------
    ValueError
        The network has no such maps, or no image has a usable human map.

    References
    ----------
    Linsley et al. 2019, section 4; Fel et al. 2022.

    Examples
    --------
    >>> import gala_viz as gv
    >>> score = gv.score_alignment("rendered-gala-clickme", "rendered", n_images=3)  # doctest: +SKIP
    >>> score.rho.mean, score.ceiling.mean  # doctest: +SKIP
    (0.82, 0.97)
    """
    if not isinstance(collection, Collection):
        collection = open_collection(collection)
    if isinstance(network, str | Path):
        network = load_network(network)
    if not isinstance(network, Network):
        network = Network(network, preprocessing=preprocessing)
    has_attention = bool(gala_layers(network.module))
    maps = maps or ("attention" if has_attention else "smoothgrad")
    if maps not in ("attention", "smoothgrad") or (maps == "attention" and not has_attention):
        raise ValueError(f"maps is 'smoothgrad' or, for a network with GALA layers, 'attention'; got {maps!r}.")
    smoothgrad = SmoothGradSpec(n_samples=n_samples, noise_fraction=network.noise_fraction, seed=seed)
    spec = EvaluationSpec(
        split=split,  # type: ignore[arg-type]
        n_images=n_images,
        smoothgrad=smoothgrad if maps == "smoothgrad" else None,
        ceiling=CeilingSpec(seed=seed),
        seed=seed,
    )
    return _score(network, collection, evaluate({network.name: network}, collection, spec, cache=cache), maps)


def _score(network: Network, collection: Collection, found: Evaluation, maps: str) -> AlignmentScore:
    values = found.image_metrics[network.name]
    estimates = {one.key: one.interval for one in found.estimates if one.who == network.name}
    layers = [str(layer) for layer in values["layer"].values] if maps == "attention" and "layer" in values.dims else []
    whole = MEAN_OF_LAYERS if layers else ""
    rho = estimates.get(MetricKey(f"rho_{maps}", whole))
    if rho is None:
        raise ValueError(f"{collection.name}: no image of the {found.spec.split} split has a usable human map.")
    ceiling = values.get(f"ceiling_{maps}")
    if ceiling is not None:
        one = ceiling.sel(layer=whole) if layers else ceiling
        ceiling = bootstrap_interval(one, n_resamples=found.spec.n_resamples, seed=found.spec.seed)
    by_layer = {layer: estimates.get(MetricKey(f"rho_{maps}", layer)) for layer in layers if layer != whole}
    return AlignmentScore(
        network=network.name,
        collection=collection.name,
        split=found.spec.split,
        maps=maps,
        rho=rho,
        ceiling=ceiling,
        fraction_of_ceiling=estimates.get(MetricKey(f"fraction_of_ceiling_{maps}", whole)),
        by_layer={layer: interval for layer, interval in by_layer.items() if interval is not None},
        simulated=found.simulated,
        notes=found.notes,
    )


class AlignmentMonitor:
    """Scores a network that is being trained on the same images each time: for a training loop of one's own.

    Parameters
    ----------
    collection : Collection
        Photographs with human maps.
    preprocessing : Preprocessing
        How the network's input is made.
    every : int
        Score every so many epochs, at least 1.
    **settings
        Further settings of ``score_alignment``: split, n_images, maps, n_samples, seed.

    Raises
    ------
    ValueError
        No image of the split has a human map.

    Examples
    --------
    >>> import gala_viz as gv
    >>> collection = gv.open_collection("rendered")
    >>> monitor = gv.AlignmentMonitor(collection, gv.Preprocessing(short_px=128, crop_px=128), every=5)
    >>> module = gv.load_network("rendered-gala", device="cpu").module
    >>> [monitor.score(module, epoch) is not None for epoch in range(3)]  # after epochs 5, 10, ...
    [False, False, False]
    """

    def __init__(
        self, collection: Collection, preprocessing: Preprocessing, *, every: int = 5, **settings: object
    ) -> None:
        if every < 1:
            raise ValueError(f"every counts epochs from 1 on; got {every}.")
        self.collection, self.preprocessing, self.every, self.settings = collection, preprocessing, every, settings
        self.scores: dict[int, AlignmentScore] = {}
        """Epoch, from 0 on -> score."""
        split = str(settings.get("split", "validation"))
        if not marked_images(collection, splits_of(collection).images_of(split)):
            raise ValueError(f"{collection.name}: no image of the {split} split has a human map to score against.")
        self._cache = ArrayCache(memory=BoundedCache(CACHE_BYTES))

    def score(self, module: nn.Module, epoch: int, *, last: bool = False) -> AlignmentScore | None:
        """Score ``module`` after an ``epoch``, counted from 0; it stays as it is.

        Parameters
        ----------
        module : nn.Module
            From images to logits.
        epoch : int
            The epoch that ended.
        last : bool
            Whether it is the last one, which is always scored.

        Returns
        -------
        AlignmentScore or None
            None in epochs between.
        """
        if (epoch + 1) % self.every and not last:
            return None
        parameters = next(module.parameters())
        network = Network(
            module,
            name=f"epoch {epoch + 1}",
            preprocessing=self.preprocessing,
            device=parameters.device,
        )
        self.scores[epoch] = score_alignment(network, self.collection, cache=self._cache, **self.settings)  # type: ignore[arg-type]
        return self.scores[epoch]


class AlignmentCallback(Callback):
    """Scores the network of a Lightning training on a fixed set of images, every so many epochs.

    ``alignment`` (rho) and ``ceiling`` are logged, and stand in the table of epochs of gala_viz's own trainings. In a
    distributed training the first process computes.

    Parameters
    ----------
    monitor : AlignmentMonitor
        What is scored, and when.
    tell : callable, optional
        Called with each score in words.

    Examples
    --------
    >>> import gala_viz as gv
    >>> collection = gv.open_collection("rendered")
    >>> monitor = gv.AlignmentMonitor(collection, gv.Preprocessing(short_px=128, crop_px=128), every=5)
    >>> callback = gv.AlignmentCallback(monitor, print)  # for a Trainer: callbacks=[callback]
    >>> callback.monitor.every
    5
    """

    def __init__(self, monitor: AlignmentMonitor, tell: Callable[[str], None] = lambda line: None) -> None:
        self.monitor, self._tell = monitor, tell

    def on_validation_epoch_end(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """Score the network as it is validated."""
        if trainer.sanity_checking or not trainer.is_global_zero:
            return
        network = getattr(module, "network", module)
        epoch = trainer.current_epoch
        try:
            score = self.monitor.score(network, epoch, last=epoch + 1 == trainer.max_epochs)
        except ValueError as error:  # a training never ends by what only watches it
            _log.warning("epoch %d is not scored: %s", epoch + 1, error)
            return
        if score is None:
            return
        values = {"alignment": score.rho.mean}
        if score.ceiling is not None:
            values["ceiling"] = score.ceiling.mean
        module.log_dict(values, rank_zero_only=True)
        if hasattr(module, "epoch_values"):
            module.epoch_values |= values  # type: ignore[operator]
        self._tell(str(score))


def _text(interval: ConfidenceInterval, digits: str = ".3f") -> str:
    mean = f"{interval.mean:{digits}}"
    return f"{mean} [{interval.low:{digits}}, {interval.high:{digits}}]" if math.isfinite(interval.low) else mean
