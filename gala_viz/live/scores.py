"""What is known of all images: right or wrong, alike to people or not, how far apart the two networks are."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from gala_viz.alignment import COMPARISON_CELLS, bootstrap_interval, spearman
from gala_viz.attribution.map_state import MapState
from gala_viz.collections.collection import Collection
from gala_viz.engine.results.forward_result import ForwardResult
from gala_viz.engine.results.human_maps import CEILING, HumanMaps
from gala_viz.engine.results.reduction import reduce_channels
from gala_viz.engine.results.scores import COMPARISON_GRID, FLOORS, METRICS, labelled_scores
from gala_viz.live.kept import Results
from gala_viz.live.score_table import ScoreTable
from gala_viz.networks.network import Network
from gala_viz.specs import MapRequest, fingerprint, settings
from gala_viz.store.source import MapUpdate, Passage

TABLES = 16
"""Requests whose scores stay in memory; others are read from the cache folder again."""


class Scores:
    """Tables of scores: one of passages (predictions, attention, ceiling), and one per request of maps.

    ``name`` tells all that they depend on: collection, networks with their behaviour, categories and layers. ``human``
    has each network's human maps.
    """

    def __init__(
        self,
        collection: Collection,
        networks: Sequence[Network],
        name: str,
        human: Sequence[HumanMaps],
        results: Results,
    ) -> None:
        self._images, self._networks = collection.images, tuple(networks)
        self._human, self._results = tuple(human), results
        self._name = name
        self._layers = tuple(dict.fromkeys(layer for network in networks for layer in network.layers))
        count = len(self._networks)
        self.passages = ScoreTable(
            fingerprint("passages", self._name, settings(CEILING)),
            self._images,
            {"correct": (count,), "rho_attention": (count, len(self._layers)), "ceiling": ()},
            results,
        )
        self._maps: OrderedDict[str, ScoreTable] = OrderedDict()
        self._lock = threading.Lock()
        self._ceiling: tuple[int, dict[str, float]] = (0, dict.fromkeys(_CEILING_ATTRS, float("nan")))

    def maps(self, request: MapRequest) -> ScoreTable:
        """The table of one request."""
        key = fingerprint("maps", self._name, settings(request))
        with self._lock:
            if key not in self._maps:
                count = len(self._networks)
                columns = dict.fromkeys((*METRICS, *FLOORS), (count,)) | {"delta_size": ()}
                self._maps[key] = ScoreTable(key, self._images, columns, self._results)
            self._maps.move_to_end(key)
            dropped = self._maps.popitem(last=False)[1] if len(self._maps) > TABLES else None
            table = self._maps[key]
        if dropped is not None:
            dropped.save()
        return table

    def enter_passage(self, image: str, passage: Passage, results: Sequence[ForwardResult]) -> None:
        """Note predictions, the attention norms' rho with people, each at its layer's own grid, and the ceiling."""
        rho = np.full((len(self._networks), len(self._layers)), np.nan)
        for row, (human, result) in enumerate(zip(self._human, results, strict=True)):
            for layer, norm in result.norms.items():
                marked = human.on_grid(image, norm.shape)
                if marked is not None:
                    rho[row, self._layers.index(layer)] = spearman(norm, marked)
        correct = [np.nan if one.correct is None else float(one.correct) for one in passage.predictions]
        values = {"correct": correct, "rho_attention": rho, "ceiling": self._human[0].ceiling(image, COMPARISON_GRID)}
        self.passages.enter(image, values)

    def unknown(self, correct: Sequence[bool | None]) -> xr.Dataset:
        """The scores of an image that has no human map and never will."""
        names = (*METRICS, *FLOORS)
        unknown = [float("nan")] * len(self._networks)
        return self._labelled(dict.fromkeys(names, unknown), unknown, correct)

    def of_maps(
        self, image: str, states: Sequence[MapState], request: MapRequest, correct: Sequence[bool | None]
    ) -> xr.Dataset:
        """The scores of one image's maps as ``MapUpdate`` has them; of finished maps also ceiling and floors.

        They are of the unsmoothed maps, each in its own network's frame.
        """
        done = all(state.done for state in states)
        columns: dict[str, list[float]] = {}
        for human, state in zip(self._human, states, strict=True):
            unsmoothed = reduce_channels(state.mean, request.reduction)
            for name, value in human.scores(image, unsmoothed, COMPARISON_GRID, floors=done).items():
                columns.setdefault(name, []).append(float(value))
        ceilings = [human.ceiling(image, COMPARISON_GRID) if done else float("nan") for human in self._human]
        return self._labelled(columns, ceilings, correct)

    def enter_maps(self, image: str, request: MapRequest, update: MapUpdate) -> None:
        """Note the scores of finished maps."""
        scores = {name: update.scores[name].values for name in (*METRICS, *FLOORS)}
        size = np.nanmean(np.abs(update.delta.values)) if np.isfinite(update.delta.values).any() else np.nan
        self.maps(request).enter(image, {**scores, "delta_size": size})

    def dataset(self, request: MapRequest) -> xr.Dataset:
        """All columns with labels; see ``MapSource.scores``."""
        columns = {**self.passages.columns(), **self.maps(request).columns()}
        dims = {
            "correct": ("network", "image"),
            "rho_attention": ("network", "layer", "image"),
            "ceiling": ("image",),
            "delta_size": ("image",),
        }
        return xr.Dataset(
            {name: (dims.get(name, ("network", "image")), values) for name, values in columns.items()},
            coords={
                "network": [network.name for network in self._networks],
                "layer": list(self._layers),
                "image": list(self._images),
            },
            attrs={**self._ceiling_attrs(columns["ceiling"]), "resolution_px": COMPARISON_CELLS},
        )

    def save(self) -> None:
        """Write every changed table to the cache folder."""
        with self._lock:
            tables = [self.passages, *self._maps.values()]
        for table in tables:
            table.save()

    def _labelled(
        self, columns: Mapping[str, Sequence[float]], ceilings: Sequence[float], correct: Sequence[bool | None]
    ) -> xr.Dataset:
        return labelled_scores(
            columns,
            [network.name for network in self._networks],
            ceilings=ceilings,
            ceiling=ceilings[0],
            correct=correct,
            resolution_px=COMPARISON_CELLS,
        )

    def _ceiling_attrs(self, ceiling: np.ndarray) -> dict[str, float]:
        known = ceiling[np.isfinite(ceiling)].astype(float)
        if len(known) and self._ceiling[0] != len(known):
            interval = bootstrap_interval(known, n_resamples=2000, seed=CEILING.seed)
            values = (interval.mean, interval.low, interval.high)
            self._ceiling = (len(known), dict(zip(_CEILING_ATTRS, values, strict=True)))
        return self._ceiling[1]


_CEILING_ATTRS = ("ceiling_mean", "ceiling_low", "ceiling_high")
