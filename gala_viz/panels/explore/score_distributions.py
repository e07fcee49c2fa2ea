"""Distributions of the chosen images' scores, beside the noise ceiling and the shuffled-image baseline."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import panel as pn
import xarray as xr
from numpy.typing import NDArray

from gala_viz.counts import counted
from gala_viz.engine.results.score_selection import n_page_resamples, select_scores
from gala_viz.panels.html_pane import html_pane
from gala_viz.panels.markup import muted_text
from gala_viz.panels.score_view import (
    baseline_texts,
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

    def show(
        self,
        scores: xr.Dataset,
        request: MapRequest,
        image_mask: NDArray[np.bool_],
        has_human_map: NDArray[np.bool_] | None = None,
    ) -> None:
        """Draw the distributions over chosen images.

        All numbers are over those of these images that both networks have a score of.

        Parameters
        ----------
        scores : Dataset
            As ``MapSource.scores`` returns them.
        request : MapRequest
            Settings of the scored maps.
        image_mask : ndarray, (image,), bool
            Images that are chosen.
        has_human_map : ndarray, (image,), bool, optional
            Images that have a human map: how many of them are not scored is told.
        """
        selection = select_scores(scores, "rho", image_mask)
        self.figure_pane.visible = selection.n > 1
        if selection.n > 1:
            label = f"rho with {self._people}; lines: means"
            update_score_figure(self.figure, selection.values, selection.means, ceiling_band(selection), label)
        lines = [_number_text(selection.n, None if has_human_map is None else int((image_mask & has_human_map).sum()))]
        lines += [
            f"{one.title}: {mean:.3f}"
            for one, mean in zip(self._networks, selection.means, strict=True)
            if np.isfinite(mean)
        ]
        lines += [text for text in (fractions_text(selection), ceiling_text(selection, digits=3)) if text]
        lines += baseline_texts(selection, has_categories=self._categories, digits=3)
        if selection.ceiling_interval or selection.fractions:
            n_resamples = n_page_resamples(selection.n_ceiling)
            lines.append(f"intervals: 95 % bootstraps over images, {n_resamples:,} resamples")
        lines.append(_maps_text(request))
        lines.append(f"compared at {scores.attrs.get('resolution_px')} × {scores.attrs.get('resolution_px')} cells")
        lines += [scores.attrs["note"]] if scores.attrs.get("note") else []
        self.note_pane.object = muted_text(f"{'; '.join(lines)}.")


def _number_text(n: int, n_marked: int | None) -> str:
    """Return over how many images numbers are, and of how many with human maps, where that is known and another."""
    if n_marked is None or n_marked <= n:
        return f"n = {counted(n, 'image')} with human maps"
    return f"n = {counted(n, 'image')} scored by both networks, of {n_marked:,} with human maps"


def _maps_text(request: MapRequest) -> str:
    """Return how the scored maps were made: they are never smoothed."""
    grad = request.smoothgrad
    sampled = f", n = {grad.n_samples}, noise {grad.noise_fraction:g} of the range, seed {grad.seed}"
    return f"maps: {request.method}{sampled if request.method == 'smoothgrad' else ''}, not smoothed"
