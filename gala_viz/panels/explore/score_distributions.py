"""Distributions of the chosen images' scores, beside the noise ceiling and the shuffled-image baseline."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np
import panel as pn
import xarray as xr
from numpy.typing import NDArray

from gala_viz.counts import counted
from gala_viz.panels.html_pane import html_pane
from gala_viz.panels.score_view import ceiling_from_scores, score_figure, update_score_figure
from gala_viz.specs import MapRequest
from gala_viz.store.source import NetworkInfo


class ScoreDistributions:
    """Histograms of both networks' rho with human maps over chosen images; band: noise ceiling, lines: means.

    The shuffled-image baseline, rho with the human maps of other images, is given in words where the source knows it.
    ``people_label`` says whose maps these are. Without categories (``has_categories``) the baseline is of any other
    image.
    """

    def __init__(
        self, networks: Sequence[NetworkInfo], people_label: str = "people", *, has_categories: bool = True
    ) -> None:
        self._networks, self._people, self._categories = networks, people_label, has_categories
        self.figure = score_figure(networks)
        self.note_pane = html_pane(margin=(2, 0, 0, 0))
        self.pane = pn.Column(
            pn.pane.Bokeh(self.figure, sizing_mode="stretch_width", margin=0),
            self.note_pane,
            sizing_mode="stretch_width",
            margin=0,
        )

    def show(self, scores: xr.Dataset, request: MapRequest, image_mask: NDArray[np.bool_]) -> None:
        """Draw the distributions over the images of ``image_mask`` (image,); ``request`` made the scored maps."""
        values = np.asarray(scores["rho"], dtype=float)[:, image_mask]
        known = np.isfinite(values)
        means = [float(row[ok].mean()) if ok.any() else float("nan") for row, ok in zip(values, known, strict=True)]
        ceiling = ceiling_from_scores(scores)
        update_score_figure(self.figure, values, means, ceiling, f"Spearman's rho with {self._people}; lines: means")
        lines = [f"n = {counted(int(known.all(axis=0).sum()), 'image')} with human maps"]
        lines += [
            f"{one.title}: {mean:.3f}" for one, mean in zip(self._networks, means, strict=True) if np.isfinite(mean)
        ]
        if ceiling:
            lines.append(f"ceiling {ceiling.mean:.3f} [{ceiling.low:.3f}, {ceiling.high:.3f}]")
        lines += _floors(scores, image_mask, self._categories)
        lines.append(f"maps: {request.method}, n = {request.smoothgrad.n_samples}, seed {request.smoothgrad.seed}")
        lines.append(f"compared at {scores.attrs.get('resolution_px')} × {scores.attrs.get('resolution_px')} cells")
        lines += [scores.attrs["note"]] if scores.attrs.get("note") else []
        self.note_pane.object = f'<p class="muted">{escape("; ".join(lines))}.</p>'


def _floors(scores: xr.Dataset, chosen: NDArray[np.bool_], categories: bool) -> list[str]:
    sentences = []
    for kind, words in (("same", "same category"), ("different", "another category" if categories else "other images")):
        if f"floor_{kind}" in scores:
            values = np.asarray(scores[f"floor_{kind}"], dtype=float)[:, chosen]
            if np.isfinite(values).any():
                sentences.append(f"floor, maps of {words}: {np.nanmean(values):.3f}")
    return sentences
