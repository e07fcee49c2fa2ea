"""Frozen settings of the maps: they check themselves, travel with the result and name it in caches."""

from __future__ import annotations

import hashlib
import json
import math
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

Spec = TypeVar("Spec")
Target = Literal["own", "label"] | int
Targets = Target | tuple[Target, Target]
"""One target for both networks of a pair, or one for each."""
Reduction = Literal["absolute", "maximum", "signed"]
Normalisation = Literal["maximum", "percentile", "sum", "none"]
GRAD_CAM = "grad_cam"
"""The method whose layer can be chosen."""
LAST_LAYER = "last"
"""Name of Grad-CAM's default layer."""
COUNTS = "counts"
"""Key in the metadata of fields that were added later: a function of the spec that returns whether the field counts."""
MAX_NAME_BYTES = 180
"""Of a file's name; systems allow 255, and endings are added."""

MEASUREMENT_VERSION = 2
"""Goes up whenever the same settings give other numbers: 2 has the noise of Philox, floors of ten partner images, and
scores over the part of a photograph that all networks see."""

OutputOption = Annotated[
    str | None,
    "What of the output of networks of other programs the logits are: a key or place in a dict or tuple, for example "
    "logits or 0; log, where they give probabilities; binary, where they give one logit.",
]
"""Which output of a network is read; the text is the help of each command that has the option."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SmoothGradSpec:
    """Settings of SmoothGrad.

    Parameters
    ----------
    n_samples : int
        Noisy copies of an image.
    noise_fraction : float
        Standard deviation of the noise as a share of one image's range (largest minus smallest value) in the network's
        input.
    seed : int
        With the image's id it determines the noise of every sample.

    References
    ----------
    D. Smilkov et al. 2017.

    Examples
    --------
    >>> import gala_viz as gv
    >>> gv.SmoothGradSpec(n_samples=25)
    SmoothGradSpec(n_samples=25, noise_fraction=0.15, seed=0)
    """

    n_samples: int = 50
    noise_fraction: float = 0.15
    seed: int = 0

    def __post_init__(self) -> None:
        if isinstance(self.n_samples, bool) or not isinstance(self.n_samples, int) or self.n_samples < 1:
            raise ValueError(f"n_samples counts noisy copies and is at least 1; got {self.n_samples!r}.")
        if not 0 <= self.noise_fraction < 1:
            raise ValueError(
                f"noise_fraction is a share of the pixel range, from 0 to below 1; got {self.noise_fraction!r}."
            )
        if isinstance(self.seed, bool) or not isinstance(self.seed, int) or self.seed < 0:
            raise ValueError(f"seed is a whole number from 0 on; got {self.seed!r}.")


@dataclass(frozen=True, kw_only=True, slots=True)
class SecondMap:
    """What the second of two maps has of its own; None is as the first.

    Parameters
    ----------
    method : str, optional
        Name of an attribution method.
    target : {"own", "label"} or int, optional
        Whose logit is explained; an index is among the second network's categories.
    cam_layer : str, optional
        Layer of Grad-CAM, where that is the method of the second map.

    Examples
    --------
    >>> import gala_viz as gv
    >>> gv.MapRequest(second=gv.SecondMap(method="grad_cam")).of_network(1).method
    'grad_cam'
    """

    method: str | None = None
    target: Target | None = None
    cam_layer: str | None = None

    def __post_init__(self) -> None:
        if self.method is not None and (not isinstance(self.method, str) or not self.method):
            raise ValueError(f"method is the name of an attribution method, or None; got {self.method!r}.")
        if self.target is not None:
            _check_target(self.target)
        if self.cam_layer is not None:
            _check_cam_layer(self.cam_layer)


@dataclass(frozen=True, kw_only=True, slots=True)
class MapRequest:
    """Everything that determines the maps of one image by a pair of networks.

    Parameters
    ----------
    method : str
        Name of an attribution method.
    smoothgrad : SmoothGradSpec
        Settings of SmoothGrad, where that is the method.
    target : {"own", "label"} or int
        Whose logit is explained: each network's own first choice, the true category for both, or one index for both.
    reduction : {"absolute", "maximum", "signed"}
        How colour channels become one number: sum of absolute values, largest absolute value, signed sum.
    smoothing_px : float
        Standard deviation of a Gaussian in input pixels, after the reduction, from 0 to 64; 0: none.
    normalise : {"maximum", "percentile", "sum", "none"}
        What each map is divided by before the delta.
    human_map : str, optional
        Kind of human map that scores are with; default: the collection's first.
    participant : str, optional
        Id of the participant whose human map the scores of one image are with; default: the map of all. Scores of a
        whole collection are always with the maps of all.
    cam_layer : str
        Layer of Grad-CAM, where that is the method: a module's path in both networks, or "last" (see
        ``gala_viz.attribution.grad_cam.GradCamSpec``).
    second : SecondMap, optional
        What the second network's map has of its own, so that two methods, targets or layers stand side by side, also of
        one network; one that changes nothing is None. Two methods have a delta only where each map is normalised or
        their units are one.

    Examples
    --------
    >>> import gala_viz as gv
    >>> gv.MapRequest(target="label").target
    'label'
    >>> gv.MapRequest(method="grad_cam", cam_layer="layer3.5").cam_layer
    'layer3.5'
    """

    method: str = "smoothgrad"
    smoothgrad: SmoothGradSpec = field(default_factory=SmoothGradSpec)
    target: Target = "own"
    reduction: Reduction = "absolute"
    smoothing_px: float = 0.0
    normalise: Normalisation = "percentile"
    human_map: str | None = None
    participant: str | None = None
    cam_layer: str = field(
        default=LAST_LAYER,
        metadata={COUNTS: lambda request: request.method == GRAD_CAM and request.cam_layer != LAST_LAYER},
    )
    second: SecondMap | None = field(default=None, metadata={COUNTS: lambda request: request.second is not None})

    def __post_init__(self) -> None:
        for name in ("human_map", "participant"):
            if not isinstance(getattr(self, name), str | None):
                raise ValueError(f"{name} is a name, or None; got {getattr(self, name)!r}.")
        _check_cam_layer(self.cam_layer)
        _check_target(self.target)
        if not isinstance(self.second, SecondMap | None):
            raise ValueError(f"second is what the second map has of its own, or None; got {self.second!r}.")
        if self.reduction not in ("absolute", "maximum", "signed"):
            raise ValueError(f"reduction is 'absolute', 'maximum' or 'signed'; got {self.reduction!r}.")
        if self.normalise not in ("maximum", "percentile", "sum", "none"):
            raise ValueError(f"normalise is 'maximum', 'percentile', 'sum' or 'none'; got {self.normalise!r}.")
        if not 0 <= self.smoothing_px <= 64:
            raise ValueError(
                f"smoothing_px is a Gaussian's sigma from 0 to 64 input pixels; got {self.smoothing_px!r}."
            )
        object.__setattr__(self, "second", self._second_of_its_own())

    def _second_of_its_own(self) -> SecondMap | None:
        """Return ``second`` in its one form: without what is as the first anyway; None where nothing is left.

        Beside a first map by another method it names the layer of Grad-CAM: there the first's counts for nothing, and
        is no part of the request's name.
        """
        if self.second is None:
            return None
        method, target = self.second.method or self.method, self.second.target
        layer = (self.second.cam_layer or self.cam_layer) if method == GRAD_CAM else None
        own = SecondMap(
            method=None if method == self.method else method,
            target=None if target == self.target else target,
            cam_layer=None if (method, layer) == (self.method, self.cam_layer) else layer,
        )
        return None if own == SecondMap() else own

    def of_network(self, number: int) -> MapRequest:
        """Return the request of the map of one network, 0 for the first and 1 for the second, without ``second``."""
        if self.second is None:
            return self
        plain = replace(self, second=None)
        own = {name: value for name, value in asdict(self.second).items() if value is not None}
        return replace(plain, **own) if number else plain

    @property
    def targets(self) -> Targets:
        """Whose logits are explained: one target for both networks, or that of each where they differ."""
        return self.target if self.second is None or self.second.target is None else (self.target, self.second.target)

    @classmethod
    def of_targets(cls, targets: Targets) -> MapRequest:
        """Return a request whose ``targets`` are these; raise ``ValueError`` for others than one, or a pair."""
        if not isinstance(targets, tuple):
            return cls(target=targets)
        if len(targets) != 2:
            raise ValueError(f"one target, or one for each of two networks, was expected; got {targets!r}.")
        return cls(target=targets[0], second=SecondMap(target=targets[1]))


def _check_target(target: Any) -> None:
    if target not in ("own", "label") and (isinstance(target, bool) or not isinstance(target, int) or target < 0):
        raise ValueError(f"target is 'own', 'label' or a category index from 0 on; got {target!r}.")


def _check_cam_layer(layer: Any) -> None:
    if not isinstance(layer, str) or not layer:
        raise ValueError(f"cam_layer is a module's path or {LAST_LAYER!r}; got {layer!r}.")


def check_finite(spec: Any) -> None:
    """Raise ``ValueError`` where a number among a spec's settings is NaN or infinite, which no comparison refuses."""
    for one in fields(spec):
        value = getattr(spec, one.name)
        if not _is_finite(value):
            raise ValueError(f"{one.name} is finite; got {value!r}.")


def _is_finite(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, Mapping):
        return all(map(_is_finite, value.values()))
    return all(map(_is_finite, value)) if isinstance(value, list | tuple) else True


def check_file_name(setting: str, name: str) -> None:
    """Raise ``ValueError`` unless ``name`` is a valid name of one file or folder on every system.

    ``setting`` is the option or setting that the message names.
    """
    fits = (
        name == name.strip() and not name.startswith(".") and 0 < len(name.encode(errors="replace")) <= MAX_NAME_BYTES
    )
    if not fits or not name.isprintable() or set(name) & set('/\\:*?"<>|'):
        raise ValueError(
            f"{setting} is the name of one file or folder, of letters, digits and marks such as - _ . + within it, not "
            f"a path; got {name[:80]!r}."
        )


def settings(spec: Any) -> dict[str, Any]:
    """Return the fields of a spec as plain values, for attrs, cards and JSON.

    A field whose metadata have ``COUNTS`` is left out where it does not count: what was named by settings before the
    field was there keeps its name.
    """
    values = asdict(spec)
    for one in fields(spec):
        value = getattr(spec, one.name)
        if COUNTS in one.metadata and not one.metadata[COUNTS](spec):
            del values[one.name]
        elif is_dataclass(value):
            values[one.name] = settings(value)
    return values


def spec_from_settings(
    spec_class: type[Spec], content: Mapping[str, Any], nested_specs: Mapping[str, type] | None = None
) -> Spec:
    """Return a spec from plain values, as ``settings`` returns them.

    Lists become tuples, ``nested_specs`` are specs within it, by field. Raises ``ValueError`` for a name that the spec
    does not have, and for what its own checks refuse.
    """
    if not isinstance(content, Mapping):
        raise ValueError(f"{spec_class.__name__}: settings by name were expected.")
    unknown = set(content) - {one.name for one in fields(spec_class)}
    if unknown:
        raise ValueError(f"unknown settings: {', '.join(sorted(unknown))}.")
    values = {name: _frozen(value) for name, value in content.items()}
    for name, part in (nested_specs or {}).items():
        if name in values:
            values[name] = spec_from_settings(part, values[name])
    try:
        return spec_class(**values)
    except TypeError as error:
        raise ValueError(f"{spec_class.__name__}: {error}") from None


def _frozen(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _frozen(one) for name, one in value.items()}
    return tuple(_frozen(one) for one in value) if isinstance(value, list) else value


def map_request_from_settings(content: Mapping[str, Any]) -> MapRequest:
    """Return a request from plain values, SmoothGrad's settings and what the second map has of its own among them."""
    nested: dict[str, type] = {"smoothgrad": SmoothGradSpec}
    if isinstance(content, Mapping) and content.get("second") is not None:
        nested["second"] = SecondMap
    return spec_from_settings(MapRequest, content, nested)


def read_settings(path: Path, description: str, format_version: int, missing_message: str) -> dict[str, Any]:
    """Read the settings in a TOML or JSON file that names its format.

    Parameters
    ----------
    path : Path
        The file; the suffix .toml is TOML, any other JSON.
    description : str
        What the file is, for errors.
    format_version : int
        Expected value of the file's entry "format".
    missing_message : str
        What was expected, for the error where there is no file.

    Returns
    -------
    dict of str to object
        The entries of the file without "format".

    Raises
    ------
    FileNotFoundError
        There is no file.
    ValueError
        The file is no ``description`` of this format.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not there; {missing_message}")
    try:
        text = path.read_text(encoding="utf-8-sig")
        content = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is no {description}: {error}.") from None
    if not isinstance(content, dict) or content.pop("format", None) != format_version:
        raise ValueError(f"{path} is no {description} of format {format_version}, which this program reads.")
    return content


def fingerprint(*parts: Any) -> str:
    """Return a short, stable name (16 hex digits) of JSON-like ``parts``; specs must go through ``settings`` first."""
    text = json.dumps(parts, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def content_key(content: bytes) -> int:
    """Return a name of 64 bits of ``content``, a photograph's file or an image id.

    Cards hold these names of all training images.
    """
    return int.from_bytes(hashlib.sha256(content).digest()[:8], "big")


def toml_values(value: Any) -> Any:
    """Return ``value`` as TOML can hold it: tuples become lists, keys whose value is None are left out."""
    if isinstance(value, Mapping):
        return {key: toml_values(item) for key, item in value.items() if item is not None}
    return [toml_values(item) for item in value] if isinstance(value, list | tuple) else value
