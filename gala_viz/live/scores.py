"""What is known of all images: right or wrong, alike to people or not, how far apart two networks are."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from gala_viz.alignment import COMPARISON_CELLS, bootstrap_interval
from gala_viz.attribution.map_state import MapState
from gala_viz.attribution.network_identity import weights_sha256
from gala_viz.cache import ArrayCache
from gala_viz.collections.collection import Collection
from gala_viz.engine.results.delta import delta
from gala_viz.engine.results.forward_result import ForwardResult
from gala_viz.engine.results.human_maps import CEILING, HumanMaps, other_kind
from gala_viz.engine.results.reduction import reduce_channels
from gala_viz.engine.results.scores import (
    COMPARISON_GRID,
    FLOORS,
    METRICS,
    NO_ORDER,
    drawn_name,
    has_order,
    labelled_scores,
)
from gala_viz.live.network_results import NetworkResults, spec_of
from gala_viz.live.score_table import ScoreTable
from gala_viz.live.shipped_scores import about, read_scores
from gala_viz.networks.frames import Frame, common_frame, common_part_text, is_same_cut, resample_to_frame
from gala_viz.specs import MapRequest, SmoothGradSpec, fingerprint, settings
from gala_viz.store.source import MapUpdate

MAX_TABLES = 64
"""Tables that stay in memory; others are read from the cache folder again."""
_CEILING_ATTRS = ("ceiling_mean", "ceiling_low", "ceiling_high")


class Scores:
    """Tables of scores over the images of a collection, which all pairs of its networks share.

    There is one for each network of its forward passes (``correct``, ``rho_attention``, ``ceiling``), one for each
    network and request of its unsmoothed maps (metrics and floors), and one for each ordered pair and request of the
    delta. Two networks that cut photographs differently are compared over the part that both see, as are human maps,
    ceilings and floors: their pair has tables of its own.
    """

    def __init__(self, collection: Collection, cache: ArrayCache) -> None:
        self._collection, self._cache, self._places = collection, cache, frozenset(collection.images)
        self._human_maps: dict[tuple[Frame, str | None, str | None], HumanMaps] = {}
        self._tables: OrderedDict[str, ScoreTable] = OrderedDict()
        self._lock = threading.Lock()
        self._ceiling: tuple[int, dict[str, float]] = (0, dict.fromkeys(_CEILING_ATTRS, float("nan")))

    def human_maps(self, frame: Frame, kind: str | None = None, participant: str | None = None) -> HumanMaps:
        """Return the human maps of a kind in a frame, of all participants or of one."""
        kind = self._other_kind(kind)
        key = (frame, kind, participant)
        human_maps = self._human_maps.get(key)  # several threads come here
        if human_maps is None:
            human_maps = HumanMaps(self._collection, frame, kind=kind, participant=participant)
            known = self._human_maps
            if participant is not None:  # one at a time: their number has no bound
                known = {key: one for key, one in known.items() if key[2] is None}
            self._human_maps = {**known, key: human_maps}
        return human_maps

    def _other_kind(self, kind: str | None) -> str | None:
        """Return a kind of human maps, None for the collection's first."""
        return other_kind(self._collection, kind)

    def forward_table(self, results: NetworkResults, frame: Frame | None = None, kind: str | None = None) -> ScoreTable:
        """Return the table of a network's forward passes, compared over ``frame`` (default: all that it sees)."""
        columns = {"correct": (), "rho_attention": (len(results.network.layers),), "ceiling": ()}
        part = [*_part(results, frame), *self._named_kind(kind)]
        filled = None if part else lambda: self._shipped_columns(results, columns)
        return self._table(columns, "forward", self._name(results), settings(CEILING), *part, filled=filled)

    def shipped(self, results: NetworkResults, request: MapRequest | None = None) -> xr.Dataset | None:
        """Return the scores that came with a network, of the maps of ``request`` (default: those of its own)."""
        asked = request or MapRequest(smoothgrad=SmoothGradSpec(noise_fraction=results.network.noise_fraction))
        expected = about(weights_sha256(results.network), results.precision, self._collection, asked)
        return read_scores(results.opened_as, expected)

    def shipped_rho(self, pair: Sequence[NetworkResults], request: MapRequest) -> np.ndarray:
        """Return rho (network, image) as far as it came with both networks, NaN elsewhere."""
        frame, rho = frame_of(pair), np.full((len(pair), len(self._collection.images)), np.nan)
        if not all(is_same_cut(results.frame, frame) for results in pair):
            return rho
        parts = [
            self._shipped_columns(results, {"rho": ()}, request.of_network(number))
            for number, results in enumerate(pair)
        ]
        for row, part in enumerate(parts):
            if part is None:
                return np.full_like(rho, np.nan)
            images, values = part
            of_image = dict(zip(images, values["rho"], strict=True))
            rho[row] = [of_image.get(image, np.nan) for image in self._collection.images]
        return rho

    def _shipped_columns(
        self, results: NetworkResults, columns: Mapping[str, tuple[int, ...]], request: MapRequest | None = None
    ) -> tuple[list[str], dict[str, np.ndarray]] | None:
        """Return images and columns of the scores that came with a network; None where there are none that fit."""
        scores = self.shipped(results, request)
        if scores is None:
            return None
        count = scores.sizes["image"]
        if "rho_attention" in columns and not results.network.layers:
            scores["rho_attention"] = (("layer", "image"), np.empty((0, count), np.float32))
        elif "rho_attention" in columns and list(map(str, scores["layer"].values)) != list(results.network.layers):
            return None
        values = {name: np.asarray(scores[name]) for name in columns if name in scores}
        if set(values) != set(columns) or any(values[name].shape != (*columns[name], count) for name in columns):
            return None
        return [str(image) for image in scores["image"].values], values

    def _named_kind(self, kind: str | None) -> list[Any]:
        """Return what names a kind of human maps in a table's name; nothing for the collection's first."""
        other = self._other_kind(kind)
        return [] if other is None else [{"human_map": other, "partners": "of this kind"}]

    def map_table(self, results: NetworkResults, request: MapRequest, frame: Frame | None = None) -> ScoreTable:
        """Return the table of a network's unsmoothed maps, compared over ``frame`` (default: all that it sees)."""
        columns = dict.fromkeys((*METRICS, *FLOORS), ())
        part = [*_part(results, frame), *self._named_kind(request.human_map)]
        filled = None if part else lambda: self._shipped_columns(results, columns, request)
        return self._table(columns, "maps", self._name(results), _request_name(request), *part, filled=filled)

    def _map_tables(self, pair: Sequence[NetworkResults], request: MapRequest) -> list[ScoreTable]:
        """Return the table of each network of a pair, of the maps that it has by ``request``."""
        frame = frame_of(pair)
        return [self.map_table(results, request.of_network(row), frame) for row, results in enumerate(pair)]

    def delta_table(self, pair: Sequence[NetworkResults], request: MapRequest) -> ScoreTable:
        """Return the table of the delta of an ordered pair."""
        names = [self._name(results) for results in pair]
        frame, of_maps = frame_of(pair), settings(request)
        for name in ("human_map", "participant"):
            del of_maps[name]
        of_maps["smoothing_px"] = 0.0  # as of maps that are not smoothed
        part = _part(pair[0], frame)

        def filled() -> tuple[list[str], dict[str, np.ndarray]] | None:
            scores, name = self.shipped(pair[1], request), f"delta_size {pair[0].network.name}"
            if scores is None or name not in scores or request.normalise != "percentile":
                return None
            return [str(image) for image in scores["image"].values], {"delta_size": np.asarray(scores[name])}

        return self._table({"delta_size": ()}, "delta", names, of_maps, *part, filled=None if part else filled)

    def enter_forward(
        self,
        image: str,
        results: NetworkResults,
        result: ForwardResult,
        correct: bool | None,
        frame: Frame,
        kind: str | None = None,
    ) -> None:
        """Note whether the prediction is right, rho of each layer on a grid of its size, and the ceiling.

        Parameters
        ----------
        image : str
            Id of the image.
        results : NetworkResults
            Of the network.
        result : ForwardResult
            Its forward pass of the image.
        correct : bool or None
            Whether the prediction is the true category; None where that is unknown.
        frame : Preprocessing or CommonFrame
            The part of a photograph over which maps are compared.
        kind : str, optional
            Kind of human map; default: the collection's first.
        """
        human, version = self.human_maps(frame, kind), self._version(image)
        values = {
            "correct": np.nan if correct is None else float(correct),
            "rho_attention": list(human.norm_rhos(image, result.norms, results.frame).values()),
            "ceiling": human.ceiling(image, COMPARISON_GRID),
        }
        self.forward_table(results, frame, kind).enter(image, values, version)

    def of_maps(
        self,
        image: str,
        pair: Sequence[NetworkResults],
        states: Sequence[MapState],
        drawn: Sequence[np.ndarray],
        forward: Sequence[ForwardResult],
        request: MapRequest,
        correct: Sequence[bool | None],
    ) -> xr.Dataset:
        """Return the scores of one image's maps as ``MapUpdate`` has them; of finished maps also ceiling and floors.

        They are over the part of the photograph that both networks see, of the unsmoothed maps, and where the request
        smooths also of the maps as they are drawn. A signed sum of colours has none: it does not order places by
        importance. Of finished maps the attr ``delta_size`` is there too.

        Parameters
        ----------
        image : str
            Id of the image.
        pair : sequence of two NetworkResults
            First and second network's.
        states : sequence of two MapState
            Their maps.
        drawn : sequence of two ndarray, (y, x)
            Their maps as they are drawn, smoothed and in the frame of the first network.
        forward : sequence of two ForwardResult
            Their attention norms.
        request : MapRequest
            Its reduction, smoothing, kind of human map and participant count.
        correct : sequence of bool or None
            Whether the predictions are the true category; None where that is unknown.

        Returns
        -------
        Dataset, (network,)
            Variables as in ``MapSource.scores``.
        """
        done = all(state.done for state in states)
        human = self.human_maps(frame_of(pair), request.human_map, request.participant)
        scores = scores_with(human, image, pair, states, drawn, forward, request, correct, in_collection=True)
        of_delta = {"delta_size": self._delta_size(image, pair, states, drawn, request)} if done else {}
        return scores.assign_attrs(of_delta)

    def _delta_size(
        self,
        image: str,
        pair: Sequence[NetworkResults],
        states: Sequence[MapState],
        drawn: Sequence[np.ndarray],
        request: MapRequest,
    ) -> float:
        """Return the mean absolute delta of the unsmoothed maps, in the frame of the first; NaN where it has none."""
        maps = list(drawn)
        if request.smoothing_px:
            own = pair[0].frame
            photo_px = self._collection.size_px(image)
            maps = [
                resample_to_frame(
                    reduce_channels(state.mean, request.reduction), one.frame, own, photo_px, own.input_px
                )
                for one, state in zip(pair, states, strict=True)
            ]
        size = np.abs(delta(maps[0], maps[1], request.normalise))
        return float(np.nanmean(size)) if np.isfinite(size).any() else float("nan")

    def enter_maps(
        self, image: str, pair: Sequence[NetworkResults], request: MapRequest, update: MapUpdate, version: int
    ) -> None:
        """Note the scores of finished maps, and the size of their delta.

        Parameters
        ----------
        image : str
            Id of the image.
        pair : sequence of two NetworkResults
            First and second network's.
        request : MapRequest
            Settings of the maps.
        update : MapUpdate
            Done.
        version : int
            Of the human map with which they were scored.
        """
        for row, results in enumerate(pair if request.participant is None else ()):
            values = {name: update.scores[name].values[row] for name in (*METRICS, *FLOORS)}
            self.map_table(results, request.of_network(row), frame_of(pair)).enter(image, values, version)
        if "delta_size" in update.scores.attrs:  # not of uploaded photographs
            self.delta_table(pair, request).enter(image, {"delta_size": update.scores.attrs["delta_size"]})

    def are_known(self, image: str, pair: Sequence[NetworkResults], request: MapRequest) -> bool:
        """Return whether the scores of both networks' maps and of their delta are there."""
        of_maps, version = self._map_tables(pair, request), self._version(image)
        return all(table.known(image, version) for table in of_maps) and self.delta_table(pair, request).known(image)

    def is_forward_known(self, image: str, results: NetworkResults, frame: Frame, kind: str | None = None) -> bool:
        """Return whether the scores of a network's forward pass are there, with the human map of now.

        Parameters
        ----------
        image : str
            Id of the image.
        results : NetworkResults
            Of the network.
        frame : Preprocessing or CommonFrame
            The part of a photograph over which maps are compared.
        kind : str, optional
            Kind of human map; default: the collection's first.

        Returns
        -------
        bool
            Whether nothing has to be computed.
        """
        return self.forward_table(results, frame, kind).known(image, self._version(image))

    def dataset(self, pair: Sequence[NetworkResults], request: MapRequest) -> xr.Dataset:
        """Return all columns of an ordered pair with labels; see ``MapSource.scores``."""
        layers = tuple(dict.fromkeys(layer for results in pair for layer in results.network.layers))
        frame = frame_of(pair)
        forward = [self.forward_table(results, frame, request.human_map).columns() for results in pair]
        maps = [table.columns() for table in self._map_tables(pair, request)]
        rho = np.full((len(pair), len(layers), len(self._collection.images)), np.nan, np.float32)
        for row, (results, columns) in enumerate(zip(pair, forward, strict=True)):
            for number, layer in enumerate(results.network.layers):
                rho[row, layers.index(layer)] = columns["rho_attention"][number]
        ceiling = forward[0]["ceiling"]
        return xr.Dataset(
            {
                "correct": (("network", "image"), np.stack([columns["correct"] for columns in forward])),
                "rho_attention": (("network", "layer", "image"), rho),
                "ceiling": ("image", ceiling),
                **{
                    name: (("network", "image"), np.stack([columns[name] for columns in maps]))
                    for name in (*METRICS, *FLOORS)
                },
                "delta_size": ("image", self.delta_table(pair, request).columns()["delta_size"]),
            },
            coords={
                "network": [results.network.name for results in pair],
                "layer": list(layers),
                "image": list(self._collection.images),
            },
            attrs={
                **self._ceiling_attrs(ceiling),
                "resolution_px": COMPARISON_CELLS,
                "note": common_part_text(
                    [results.network.title for results in pair], [results.frame for results in pair]
                ),
            },
        )

    def save(self) -> None:
        """Write every changed table to the cache folder."""
        with self._lock:
            tables = list(self._tables.values())
        for table in tables:
            table.save()

    def _version(self, image: str) -> int:
        return self._collection.map_version(image) if image in self._places else 0

    def _name(self, results: NetworkResults) -> str:
        """Return a name of all that a network's scores depend on, beside the request."""
        collection, network = self._collection, results.network
        labels = [list(network.categories), list(network.layers)]
        return fingerprint(collection.name, collection.fingerprint, results.key, labels)

    def _table(
        self,
        columns: Mapping[str, tuple[int, ...]],
        *key: Any,
        filled: Callable[[], tuple[list[str], dict[str, np.ndarray]] | None] | None = None,
    ) -> ScoreTable:
        """Return a table by its key; a new one has what ``filled`` returns where it is given."""
        name = fingerprint(*key)
        with self._lock:
            if name not in self._tables:
                table = ScoreTable(name, self._collection.images, columns, self._cache)
                shipped = None if filled is None else filled()
                if shipped is not None:
                    table.fill(*shipped)
                self._tables[name] = table
            self._tables.move_to_end(name)
            dropped = self._tables.popitem(last=False)[1] if len(self._tables) > MAX_TABLES else None
            table = self._tables[name]
        if dropped is not None:
            dropped.save()
        return table

    def _ceiling_attrs(self, ceiling: np.ndarray) -> dict[str, float]:
        known = ceiling[np.isfinite(ceiling)].astype(float)
        if not len(known):
            return dict.fromkeys(_CEILING_ATTRS, float("nan"))
        if self._ceiling[0] != hash(known.tobytes()):
            interval = bootstrap_interval(known, n_resamples=2000, seed=CEILING.seed)
            values = (interval.mean, interval.low, interval.high)
            self._ceiling = (hash(known.tobytes()), dict(zip(_CEILING_ATTRS, values, strict=True)))
        return self._ceiling[1]


def frame_of(pair: Sequence[NetworkResults]) -> Frame:
    """Return the part of a photograph over which networks are compared: what all of them see."""
    return common_frame([results.frame for results in pair])


def scores_with(
    human: HumanMaps,
    image: str,
    pair: Sequence[NetworkResults],
    states: Sequence[MapState],
    drawn: Sequence[np.ndarray],
    forward: Sequence[ForwardResult],
    request: MapRequest,
    correct: Sequence[bool | None],
    *,
    in_collection: bool = False,
) -> xr.Dataset:
    """Return the scores of one image's maps with its human map.

    Parameters
    ----------
    human : HumanMaps
        Knows the human map.
    image, pair, states, drawn, forward, request, correct
        As in ``Scores.of_maps``.
    in_collection : bool
        Whether finished maps also have a noise ceiling, and a baseline of the collection's other images.

    Returns
    -------
    Dataset, (network,)
        NaN for what is not known.
    """
    complete = in_collection and all(state.done for state in states)
    columns: dict[str, list[float]] = {}
    for results, state, one in zip(pair, states, drawn, strict=True):
        unsmoothed = reduce_channels(state.mean, request.reduction)
        values = human.scores(image, unsmoothed, results.frame, COMPARISON_GRID, floors=complete)
        if request.smoothing_px:
            of_drawn = human.scores(image, one, pair[0].frame, COMPARISON_GRID, floors=False)
            values |= {drawn_name(name): value for name, value in of_drawn.items()}
        for name, value in values.items():
            columns.setdefault(name, []).append(float(value) if has_order(request.reduction) else float("nan"))
    if not in_collection:
        columns |= {name: [float("nan")] * len(pair) for name in FLOORS}
    ceiling = human.ceiling(image, COMPARISON_GRID) if complete else float("nan")
    norms = [human.norm_rhos(image, result.norms, results.frame) for results, result in zip(pair, forward, strict=True)]
    return _labelled(columns, pair, ceiling, correct, norms)


def unknown_scores(pair: Sequence[NetworkResults], correct: Sequence[bool | None]) -> xr.Dataset:
    """Return the scores of an image that has no human map and never will."""
    unknown = [float("nan")] * len(pair)
    return _labelled(dict.fromkeys((*METRICS, *FLOORS), unknown), pair, float("nan"), correct)


def _labelled(
    columns: Mapping[str, Sequence[float]],
    pair: Sequence[NetworkResults],
    ceiling: float,
    correct: Sequence[bool | None],
    norm_rhos: Sequence[Mapping[str, float]] = (),
) -> xr.Dataset:
    return labelled_scores(
        columns,
        [results.network.name for results in pair],
        ceilings=[ceiling] * len(pair),
        ceiling=ceiling,
        correct=correct,
        norm_rhos=norm_rhos,
        resolution_px=COMPARISON_CELLS,
    )


def _part(results: NetworkResults, frame: Frame | None) -> list[Any]:
    """Return what names a frame in a table's name; nothing for all that the network sees."""
    return [] if frame is None or is_same_cut(results.frame, frame) else [frame.settings()]


def _request_name(request: MapRequest) -> list[Any]:
    """Return the part of a request that unsmoothed maps depend on."""
    name = [request.method, settings(spec_of(request)), request.target, request.reduction]
    return name if has_order(request.reduction) else [*name, NO_ORDER]  # tables of before had numbers there
