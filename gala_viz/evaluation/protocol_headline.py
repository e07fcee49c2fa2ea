"""The numbers that a protocol reports of a network: rho, ceiling, and the headline number in the protocol's form."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from gala_viz.alignment import ConfidenceInterval, bootstrap_interval
from gala_viz.evaluation.estimates import clusters_of
from gala_viz.evaluation.evaluation import Evaluation
from gala_viz.evaluation.image_metrics import MEAN_OF_LAYERS
from gala_viz.evaluation.metrics import MetricKey
from gala_viz.evaluation.protocols import Protocol
from gala_viz.evaluation.spec import EvaluationSpec


@dataclass(frozen=True, kw_only=True, eq=False)
class HeadlineNumbers:
    """Of one network: ``rho`` and ``ceiling`` as means over images, ``value`` in the form that ``protocol`` reports.

    All with intervals over images; None where there is none, which ``note`` explains of the value. ``rho_of_images``
    (image) are those that ``rho`` is the mean of.
    """

    rho_of_images: xr.DataArray | None
    rho: ConfidenceInterval | None
    ceiling: ConfidenceInterval | None
    value: ConfidenceInterval | None
    note: str


def headline_numbers(evaluation: Evaluation, name: str, protocol: Protocol) -> HeadlineNumbers:
    """Return what ``protocol`` reports of the network or group ``name`` of an evaluation by its settings."""
    kind: str = protocol.kind
    values, layer = evaluation.image_metrics[name], MEAN_OF_LAYERS if kind == "attention" else ""
    rho, ceiling = (_of_layer(values, f"{what}_{kind}", layer) for what in ("rho", "ceiling"))
    key = MetricKey(f"{protocol.headline}_{kind}", layer)
    found = next((one for one in evaluation.estimates if one.who == name and one.key == key), None)
    note = "" if found is None else found.note
    if rho is None and protocol.method == "attention" and not evaluation.image_metrics[name].sizes.get("layer"):
        note = "no attention layers to compare (--layers names modules as such)."
    elif rho is None:
        note = "nothing to compare its maps with."
    return HeadlineNumbers(
        rho_of_images=rho,
        rho=mean_over_images(rho, evaluation.spec),
        ceiling=mean_over_images(ceiling, evaluation.spec),
        value=None if found is None else found.interval,
        note=note,
    )


def mean_over_images(values: xr.DataArray | None, spec: EvaluationSpec) -> ConfidenceInterval | None:
    """Return the mean with its interval over images, or categories, as ``spec`` has it; None without any value.

    ``values`` (image) have the coordinate ``category``.
    """
    if values is None or not np.isfinite(values).any():
        return None
    return bootstrap_interval(values, clusters=clusters_of(values, spec), n_resamples=spec.n_resamples, seed=spec.seed)


def _of_layer(values: xr.Dataset, name: str, layer: str) -> xr.DataArray | None:
    if name not in values:
        return None
    one = values[name].sel(layer=layer) if layer else values[name]
    return one.drop_vars(one.coords.keys() - {"image", "category"})
