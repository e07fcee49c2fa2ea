"""Published ways to compare networks with ClickMe maps, each step by name, frozen and versioned, with its source.

A protocol fills in settings of ``evaluate``, which measures as ever: the same settings given one by one reach the same
numbers. What a source does not tell is said in ``unknown``, and what is done here instead; published constants stand
beside and are part of no number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from types import MappingProxyType
from typing import Any, Literal

from gala_viz.evaluation.protocol_settings import REDUCTION_TEXTS
from gala_viz.evaluation.published import SOURCE, SPLIT_HALF_RHO
from gala_viz.evaluation.spec import EvaluationSpec
from gala_viz.networks.frames import common_frame
from gala_viz.networks.network import Network
from gala_viz.networks.preprocessing import CUTS
from gala_viz.registry import Registry
from gala_viz.specs import Reduction, SmoothGradSpec

Method = Literal["attention", "gradient", "smoothgrad"]
Headline = Literal["fraction_of_ceiling", "explained_variance", "corrected_rho"]
NOT_APPLICABLE = "does not apply"
"""What a step is in words that only maps of the input have, where attention norms are compared."""
INPUT = "input"
"""As cells: as many as the network's input has pixels."""
NO_TEXTS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, kw_only=True, slots=True)
class PublishedConstant:
    """A number that a source gives; it is shown, and nothing is computed from it."""

    value: float
    what: str
    source: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Protocol:
    """How one published work compares networks with people, step by step.

    Parameters
    ----------
    name : str
        For example "harmonization-2022".
    version : int
        Goes up when a step of this protocol changes here; results carry it.
    title : str
        The work, in words.
    photograph : str
        How photographs are cut, a name in ``gala_viz.networks.preprocessing.CUTS``.
    human_smoothing : str or None
        A name in ``gala_viz.collections.clickme.smoothing.SMOOTHINGS``; None: as the collection has it.
    resizing : str
        How human maps come to the cells, a name in ``gala_viz.alignment.resolution.RESIZINGS``.
    method : {"attention", "gradient", "smoothgrad"}
        What is compared: attention norms, the mean over layers, each at its own grid; the gradient of a logit; or
        SmoothGrad.
    n_samples : int
        Of SmoothGrad.
    noise_fraction : float
        Of SmoothGrad.
    target : {"own", "label"}
        Whose logit is explained; nothing for attention, as are the three that follow.
    reduction : {"absolute", "maximum", "signed"}
        How colour channels become one number.
    map_smoothing : str
        A smoothing of the network's map, a name in ``gala_viz.collections.clickme.smoothing.SCALED``.
    cells : int or "input"
        Cells a side at which maps are compared.
    similarity : {"spearman"}
        Of all cells of an image; the mean over images.
    ceiling : {"split-half"}
        Kind of the noise ceiling; it is of halves, without Spearman-Brown, which "corrected_rho" alone has.
    n_splits : int
        Random halvings of an image's participants.
    min_participants : int
        Images with fewer have no ceiling, and no share of it.
    headline : {"fraction_of_ceiling", "explained_variance", "corrected_rho"}
        The form of the number that is reported: mean rho over mean ceiling, its square, or mean rho over the root of
        the reliability.
    sources : mapping of str to str
        Step, a key of ``STEPS`` -> where it is from.
    unknown : mapping of str to str
        Step -> what the sources do not tell, or where this differs from them.
    published : tuple of PublishedConstant
        Constants of the sources.

    Examples
    --------
    >>> from gala_viz.evaluation.protocols import PROTOCOLS
    >>> PROTOCOLS["harmonization-2022"].reduction
    'maximum'
    """

    name: str
    version: int
    title: str
    photograph: str = "card"
    human_smoothing: str | None = None
    resizing: str = "area"
    method: Method = "smoothgrad"
    n_samples: int = 25
    noise_fraction: float = 0.15
    target: Literal["own", "label"] = "own"
    reduction: Reduction = "absolute"
    map_smoothing: str = "none"
    cells: int | Literal["input"] = 56
    similarity: Literal["spearman"] = "spearman"
    ceiling: Literal["split-half"] = "split-half"
    n_splits: int = 100
    min_participants: int = 2
    headline: Headline = "fraction_of_ceiling"
    sources: Mapping[str, str] = field(default_factory=lambda: NO_TEXTS, hash=False)
    unknown: Mapping[str, str] = field(default_factory=lambda: NO_TEXTS, hash=False)
    published: tuple[PublishedConstant, ...] = ()

    def __post_init__(self) -> None:
        for texts in (self.sources, self.unknown):
            if wrong := set(texts) - set(STEPS):
                raise ValueError(f"steps are {', '.join(STEPS)}; got {sorted(wrong)}.")
        self.spec(())  # whose checks are those of every name here

    @property
    def label(self) -> str:
        """Name and version, as results carry them."""
        return f"{self.name}, version {self.version}"

    def spec(self, networks: Sequence[Network], base: EvaluationSpec | None = None) -> EvaluationSpec:
        """Return the settings that this protocol stands for.

        Parameters
        ----------
        networks : sequence of Network
            Whose input is meant where cells are those of the input; of networks of several sizes the smallest.
        base : EvaluationSpec, optional
            What a protocol says nothing of: images, seeds, resamples, the kind of human maps, further resolutions.

        Returns
        -------
        EvaluationSpec
            With ``protocol`` set to ``label``.
        """
        base = base or EvaluationSpec()
        seed = base.seed if base.smoothgrad is None else base.smoothgrad.seed
        smoothgrad = {
            "attention": None,
            "gradient": SmoothGradSpec(n_samples=1, noise_fraction=0.0, seed=seed),
            "smoothgrad": SmoothGradSpec(n_samples=self.n_samples, noise_fraction=self.noise_fraction, seed=seed),
        }[self.method]
        of_pixels = {} if smoothgrad is None else {
            "target": self.target,
            "reduction": self.reduction,
            "map_smoothing": self.map_smoothing,
            "cells": self._cells(networks),
        }  # fmt: skip
        return replace(
            base,
            smoothgrad=smoothgrad,
            **of_pixels,
            ceiling=replace(base.ceiling, n_splits=self.n_splits, min_participants=self.min_participants),
            photograph=self.photograph,
            human_smoothing=self.human_smoothing,
            resizing=self.resizing,
            protocol=self.label,
        )

    def _cells(self, networks: Sequence[Network]) -> int:
        if self.cells != INPUT:
            return self.cells
        return (
            common_frame([CUTS[self.photograph](one.preprocessing) for one in networks]).input_px[0] if networks else 1
        )

    @property
    def kind(self) -> Literal["attention", "smoothgrad"]:
        """The ending of its metrics in tables."""
        return "attention" if self.method == "attention" else "smoothgrad"

    def value(self, step: str) -> str:
        """Return what a step of ``STEPS`` is in this protocol, in words."""
        return STEPS[step].text(self)


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a protocol: its ``title``, the ``names`` of the fields that it has, and what makes words of them."""

    title: str
    names: tuple[str, ...]
    text: Any


def _photograph(one: Protocol) -> str:
    return {
        "card": "as the network's card says",
        "centre": "middle 224 of 256",
        "centre-bicubic": "middle 224 of 256, bicubic",
        "whole-bilinear": "whole, to the input's size, bilinear",
    }.get(one.photograph, one.photograph)


def _smoothing(name: str | None) -> str:
    return {
        None: "the collection's own",
        "none": "none",
        "discs": "disc of 21 px, twice",
        "gaussian": "Gaussian, sigma 4.58 px",
        "harmonization": "to 64 x 64, kernel of 10 x 10, to 224 x 224",
        "gala_tpu": "window of 49 px, sigma 28 px",
    }.get(name, str(name))


def _method(one: Protocol) -> str:
    if one.method == "smoothgrad":
        return f"SmoothGrad, n = {one.n_samples}, noise {one.noise_fraction:g}"
    return {"attention": "attention norm, mean over layers", "gradient": "gradient of a logit"}[one.method]


def _of_pixels(text: Any) -> Any:
    return lambda one: NOT_APPLICABLE if one.method == "attention" else text(one)


def _cells_text(one: Protocol) -> str:
    return "the input's pixels" if one.cells == INPUT else f"{one.cells} x {one.cells}"


HEADLINES: Mapping[str, str] = MappingProxyType(
    {
        "fraction_of_ceiling": "mean rho over mean ceiling",
        "explained_variance": "the fraction of the ceiling, squared",
        "corrected_rho": "mean rho over the root of the reliability (Spearman-Brown)",
    }
)
STEPS: Registry[Step] = Registry(
    "step of a protocol",
    {
        "photograph": Step("photograph", ("photograph",), _photograph),
        "human smoothing": Step(
            "smoothing of human maps", ("human_smoothing",), lambda one: _smoothing(one.human_smoothing)
        ),
        "resizing": Step(
            "resizing of human maps",
            ("resizing",),
            lambda one: {"area": "area averages", "aligned": "bilinear, aligned corners"}.get(
                one.resizing, one.resizing
            ),
        ),
        "method": Step("the network's map", ("method", "n_samples", "noise_fraction"), _method),
        "target": Step(
            "target",
            ("target",),
            _of_pixels(lambda one: "own first choice" if one.target == "own" else "the image's label"),
        ),
        "reduction": Step("colours", ("reduction",), _of_pixels(lambda one: REDUCTION_TEXTS[one.reduction])),
        "map smoothing": Step(
            "smoothing of the network's map",
            ("map_smoothing",),
            _of_pixels(lambda one: _smoothing(one.map_smoothing)),
        ),
        "cells": Step(
            "cells", ("cells",), lambda one: "each layer's grid" if one.method == "attention" else _cells_text(one)
        ),
        "similarity": Step("similarity", ("similarity",), lambda one: "Spearman's rho over all cells of an image"),
        "ceiling": Step(
            "ceiling",
            ("ceiling", "n_splits", "min_participants"),
            lambda one: f"split-half, {one.n_splits} splits, from {one.min_participants} participants on",
        ),
        "headline": Step("headline", ("headline",), lambda one: HEADLINES[one.headline]),
    },
)
"""Steps in the order in which ``gala_viz.evaluation.protocol_steps`` changes them."""

_TPU = "serre-lab/gala_tpu"
_TOOLBOX = "serre-lab/Harmonization"
_CO3D = "serre-lab/co3d-harmonization-pytorch"
_CLICKS = "serre-lab/human_clickme_data_processing"
_NOT_PUBLIC = "the similarity evaluation of the paper is not in its public code, which evaluates accuracy alone"

GALA_2019 = Protocol(
    name="gala-2019",
    version=1,
    title="Linsley, Shiebler, Eberhardt, Serre 2019, with the authors' TPU code",
    photograph="centre",
    human_smoothing="gala_tpu",
    resizing="aligned",
    method="attention",
    sources=MappingProxyType(
        {
            "photograph": f"{_TPU}, resnet_preprocessing.py: images of 256 x 256, the middle 224 at evaluation",
            "human smoothing": f"{_TPU}, resnet_main.py: window 49, sigma 28, of the maps that training compares",
            "resizing": f"{_TPU}, resnet_main.py: bilinear with aligned corners, in training",
            "method": "2019: the column-wise L2 norm of the attention, which the loss compares; the code takes "
            "the mean of squares over channels, whose ranks are the same",
            "cells": f"{_TPU}, resnet_main.py: each block's own grid, in training",
            "similarity": "2019: rank correlation of an image's two maps",
            "ceiling": "2019: halves of the participants, mean rho 0.58",
            "headline": "2019: fraction of human variability explained, in per cent",
        }
    ),
    unknown=MappingProxyType(
        {
            "photograph": "how photographs came to 256 x 256; here the short side is resized by the card's filter",
            "human smoothing": f"{_NOT_PUBLIC}; here the smoothing of the training",
            "resizing": "whether the evaluation resized as the training did; here it does",
            "method": "of which block or blocks the published number is, and which map stood for networks without it; "
            "here the mean over blocks, and networks without attention have no number",
            "cells": "at how many cells the evaluation compared; here at the blocks' own",
            "ceiling": "the number of splits, and the smoothing of the halves; here 100, and that of the maps",
            "headline": "whether it is the ratio or its square; here the ratio, and both stand in the table",
        }
    ),
    published=(
        PublishedConstant(value=SPLIT_HALF_RHO, what="split-half rho of the paper's participants", source=SOURCE),
    ),
)

HARMONIZATION_2022 = Protocol(
    name="harmonization-2022",
    version=1,
    title="Fel, Felipe, Linsley, Serre 2022, by the public Harmonization toolbox",
    photograph="whole-bilinear",
    human_smoothing="harmonization",
    method="gradient",
    target="label",
    reduction="maximum",
    cells=INPUT,
    sources=MappingProxyType(
        {
            "photograph": f"{_TOOLBOX}, harmonization/common/clickme_dataset.py: 256 x 256 to 224 x 224, bilinear",
            "human smoothing": f"{_TOOLBOX}, harmonization/common/clickme_dataset.py and blur.py",
            "resizing": f"{_TOOLBOX}: maps leave the smoothing with the input's 224 x 224 pixels",
            "method": f"{_TOOLBOX}, harmonization/evaluation/clickme.py: Xplique's Saliency",
            "target": f"{_TOOLBOX}, harmonization/evaluation/clickme.py: the label's output",
            "reduction": "deel-ai/xplique, attributions/saliency.py: largest absolute value over channels",
            "map smoothing": f"{_TOOLBOX}, harmonization/evaluation/clickme.py: none",
            "cells": f"{_TOOLBOX}, harmonization/evaluation/clickme.py: all 224 x 224 pixels",
            "similarity": f"{_TOOLBOX}, harmonization/evaluation/metrics.py: SciPy's spearmanr",
            "ceiling": f"{_TOOLBOX}, README: the average inter-rater alignment of humans",
            "headline": f"{_TOOLBOX}, harmonization/evaluation/clickme.py: mean rho over the constant",
        }
    ),
    unknown=MappingProxyType(
        {
            "photograph": "TensorFlow resizes without antialiasing, here with it; of a photograph that is not square "
            "the middle square is taken. Pixel values are as the network's card says: the toolbox leaves that to users "
            "and changes nothing by default (its issue #8 tells of 0.35 and 0.14 for two ResNet-50)",
            "method": "an output after a softmax is explained as such there; here always the logit",
            "reduction": "an older script of the lab (serre-lab/Harmonization-old) takes the absolute mean over "
            "channels, at 224, 56 and 14 px; from which of the two the published numbers are is not told",
            "human smoothing": "how the stored maps were made of clicks; the toolbox's maps hold no participants",
            "ceiling": "how the constant came about: participants, splits, smoothing, images; here split-half of the "
            "participants at hand, by the same maps",
        }
    ),
    published=(
        PublishedConstant(
            value=0.65753,
            what="human ceiling that the toolbox divides by",
            source=f"{_TOOLBOX}, harmonization/evaluation/clickme.py",
        ),
    ),
)

CLICKME_2025 = Protocol(
    name="clickme-2025",
    version=1,
    title="ClickMe 2 as the lab's public code of 2025 processes and compares it",
    photograph="centre-bicubic",
    human_smoothing="discs",
    method="gradient",
    target="label",
    reduction="maximum",
    map_smoothing="discs",
    cells=INPUT,
    n_splits=50,
    min_participants=5,
    sources=MappingProxyType(
        {
            "photograph": f"{_CO3D}, co3d_harmonization/dataset.py: short side 256 bicubic, middle 224",
            "human smoothing": f"{_CLICKS}, src/utils.py: circle of 21 px twice, scaled by the short side, at most 51",
            "resizing": f"{_CO3D}: maps are cut like the photograph; none is needed at the input's pixels",
            "method": f"{_CO3D}, co3d_harmonization/losses.py: gradient of an output by the input",
            "target": f"{_CO3D}, co3d_harmonization/losses.py: the label's logit",
            "reduction": f"{_CO3D}, co3d_harmonization/losses.py: largest absolute value over channels",
            "map smoothing": f"{_CO3D}, co3d_harmonization/losses.py and config.py: circle of 21 px twice",
            "cells": f"{_CO3D}, co3d_harmonization/training.py: all 224 x 224 pixels",
            "similarity": f"{_CO3D}, co3d_harmonization/utils.py: SciPy's spearmanr",
            "ceiling": f"{_CLICKS}, ceiling_floor_estimate.py; configs of August 2025: 50 splits, 5 participants",
            "headline": f"{_CO3D}, train.py: rho over a human ceiling",
        }
    ),
    unknown=MappingProxyType(
        {
            "method": "no public code was found that compares networks with ImageNet maps of ClickMe 2; this is the "
            "lab's code for CO3D, undated in what was read",
            "target": f"an older script there ({_CO3D}, train.py) explains the first choice, and smooths by a Gaussian",
            "ceiling": "the lab takes the mean over cumulative parts of the clicks, by time; here all clicks at once. "
            "Configs of January 2026 have 100 splits",
            "headline": "whether the lab's ImageNet numbers are divided by a ceiling; here they are, as for CO3D",
        }
    ),
    published=(PublishedConstant(value=0.4422303, what="human ceiling for CO3D images", source=f"{_CO3D}, train.py"),),
)

PROTOCOLS: Registry[Protocol] = Registry(
    "protocol", {one.name: one for one in (GALA_2019, HARMONIZATION_2022, CLICKME_2025)}
)
"""Name -> protocol."""


def protocol_of(spec: EvaluationSpec) -> Protocol | None:
    """Return the protocol that settings are labelled with; None for none, or for one that is not in ``PROTOCOLS``."""
    return next((one for one in PROTOCOLS.values() if one.label == spec.protocol), None)


def check_protocol(spec: EvaluationSpec, networks: Sequence[Network]) -> None:
    """Raise ``ValueError`` where settings are labelled with a protocol and are not those that it stands for."""
    protocol = protocol_of(spec)
    if protocol is None:
        return
    asked = protocol.spec(networks, spec)
    wrong = [one.name for one in fields(spec) if getattr(spec, one.name) != getattr(asked, one.name)]
    if wrong:
        raise ValueError(
            f"the settings are called {spec.protocol}, whose {wrong[0]} is {getattr(asked, wrong[0])!r}; got "
            f"{getattr(spec, wrong[0])!r}. Take them from the protocol's spec(), or set protocol=None."
        )
