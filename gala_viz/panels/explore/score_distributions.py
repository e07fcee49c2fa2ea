"""Distributions of the chosen images' scores, beside the noise ceiling and the shuffled-image baseline."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np
import panel as pn
import xarray as xr
from numpy.typing import NDArray

from gala_viz.counts import counted
from gala_viz.engine.results.score_selection import ScoreSelection, select_scores
from gala_viz.panels.html_pane import html_pane
from gala_viz.panels.score_view import (
    ceiling_band,
    ceiling_text,
    fractions_text,
    score_figure,
    update_score_figure,
)
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
        self.figure_pane = pn.pane.Bokeh(self.figure, sizing_mode="stretch_width", margin=0)
        self.pane = pn.Column(
            self.figure_pane,
            self.note_pane,
            sizing_mode="stretch_width",
            margin=0,
        )

    def show(self, scores: xr.Dataset, request: MapRequest, image_mask: NDArray[np.bool_]) -> None:
        """Draw the distributions over the images of ``image_mask`` (image,); ``request`` made the scored maps.

        All numbers are over those of these images that both networks have a score of.
        """
        selection = select_scores(scores, "rho", image_mask)
        self.figure_pane.visible = selection.n > 1
        if selection.n > 1:
            label = f"Spearman's rho with {self._people}; lines: means"
            update_score_figure(self.figure, selection.values, selection.means, ceiling_band(selection), label)
        lines = [f"n = {counted(selection.n, 'image')} with human maps"]
        lines += [
            f"{one.title}: {mean:.3f}"
            for one, mean in zip(self._networks, selection.means, strict=True)
            if np.isfinite(mean)
        ]
        lines += [text for text in (fractions_text(selection), ceiling_text(selection, digits=3)) if text]
        lines += _floors(selection, self._categories)
        lines.append(f"maps: {request.method}, n = {request.smoothgrad.n_samples}, seed {request.smoothgrad.seed}")
        lines.append(f"compared at {scores.attrs.get('resolution_px')} × {scores.attrs.get('resolution_px')} cells")
        lines += [scores.attrs["note"]] if scores.attrs.get("note") else []
        self.note_pane.object = f'<p class="muted">{escape("; ".join(lines))}.</p>'


def _floors(selection: ScoreSelection, categories: bool) -> list[str]:
    words = {"same": "same category", "different": "another category" if categories else "other images"}
    return [
        f"floor, maps of {words[kind]}: {' and '.join(f'{mean:.3f}' for mean in means)}"
        + (f" (n = {n:,})" if n != selection.n else "")
        for kind, (means, n) in selection.floors.items()
    ]
