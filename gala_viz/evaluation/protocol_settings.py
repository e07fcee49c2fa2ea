"""What the settings of published protocols do to networks and human maps, and what a reader is told of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gala_viz.collections.collection import Collection
from gala_viz.evaluation.spec import EvaluationSpec
from gala_viz.networks.network import Network
from gala_viz.networks.preprocessing import CUTS

REFUSED = "NOT AS ASKED"
"""How a note begins on a setting that had no effect."""
REDUCTION_TEXTS = {
    "absolute": "sum of absolute values over colours",
    "maximum": "largest absolute value over colours",
    "signed": "signed sum over colours",
}


def with_cut(network: Network, photograph: str) -> Network:
    """Return the network with photographs cut as ``photograph`` in ``gala_viz.networks.preprocessing.CUTS`` says."""
    cut = CUTS[photograph](network.preprocessing)
    return network if cut == network.preprocessing else network.with_preprocessing(cut)


def smoothed_otherwise(collection: Collection, smoothing: str | None) -> Collection:
    """Return the collection with its human maps smoothed so where it can, else as it is; None: its own smoothing."""
    otherwise = getattr(collection, "with_smoothing", lambda name: None)
    return collection if smoothing is None else otherwise(smoothing) or collection


def gradient_text(spec: EvaluationSpec) -> str:
    """Return what is explained and how it became a map, where that is not SmoothGrad as it is by default; else ""."""
    parts = []
    if spec.smoothgrad is not None and spec.smoothgrad.noise_fraction == 0:
        parts.append("what is called SmoothGrad here has no noise: it is the plain gradient")
    if spec.reduction != "absolute":
        parts.append(f"its colour channels become one number by the {REDUCTION_TEXTS[spec.reduction]}")
    if spec.map_smoothing != "none":
        parts.append(f"its maps are smoothed ({spec.map_smoothing}) before they are compared")
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}." if spec.smoothgrad is not None and parts else ""


def settings_notes(spec: EvaluationSpec, about: Mapping[str, Any], networks: Mapping[str, Network]) -> list[str]:
    """Return sentences on settings that differ from those of ``evaluate`` by default, and on one that had no effect.

    Parameters
    ----------
    spec : EvaluationSpec
        The settings.
    about : mapping
        What ``collection_metadata`` says of the collection that was compared with.
    networks : mapping of str to Network
        As they were measured.

    Returns
    -------
    list of str
        None for the defaults.
    """
    notes = [text] if (text := gradient_text(spec)) else []
    if spec.photograph != "card":
        cuts = dict.fromkeys(
            f"short side to {one.preprocessing.short_px} px ({one.preprocessing.interpolation}), middle "
            f"{one.preprocessing.crop_px} px"
            for one in networks.values()
        )
        notes.append(f"Photographs are cut for this evaluation, not as the networks' cards say: {'; '.join(cuts)}.")
    if spec.resizing == "aligned":
        notes.append("Human maps come to the cells bilinearly with aligned corners, not by area averages.")
    maps = about["human_maps"]
    if spec.human_smoothing is not None and maps is not None:
        found = maps["settings"].get("smoothing")
        if found != spec.human_smoothing:
            notes.append(
                f"{REFUSED}: the smoothing {spec.human_smoothing!r} of human maps is not applied, since these maps are "
                f"known only as they are (smoothing: {found or 'not known'})."
            )
    return notes
