"""StoredMaps: a MapSource that reads a store, and calls another source only for what is not in it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Protocol
from weakref import WeakValueDictionary

import numpy as np
import xarray as xr

from gala_viz.collections.collection import Collection
from gala_viz.engine.results.human_maps import HumanMaps, framed_human_map, framed_outline
from gala_viz.engine.results.painted_results import PaintedResults
from gala_viz.engine.results.painted_scores import score_painted_map
from gala_viz.engine.results.perturbation import REVEAL_PERCENTS
from gala_viz.engine.results.scores import has_order
from gala_viz.imagenet import label_index
from gala_viz.networks.frames import common_frame, resample_to_frame
from gala_viz.networks.layer_labels import layer_units
from gala_viz.networks.output_fingerprint import NetworkIdentity
from gala_viz.schema import labelled_map
from gala_viz.specs import GRAD_CAM, MEASUREMENT_VERSION, MapRequest, Targets
from gala_viz.splits import LEARNT, combine_statuses
from gala_viz.store.identity import doubts
from gala_viz.store.layout import segment
from gala_viz.store.moved import check_pixels, is_moved
from gala_viz.store.reading import (
    first_request,
    held,
    requested,
    scores_of,
    stored_cam_layer,
    stored_prediction,
    stored_update,
)
from gala_viz.store.source import (
    Cancelled,
    ForwardResults,
    ImageInfo,
    Labels,
    MapSource,
    MapUpdate,
    NetworkChoice,
    NetworkInfo,
    PerturbedResults,
    PhotoCut,
    Progress,
    RevealUpdate,
    network_choice,
)
from gala_viz.store.spec import StoredNetwork
from gala_viz.store.zarr_store import Store, StoreError

OTHER_MAPS = "scores are with the human maps of when they were made; gala-viz attribute --rescore makes them anew"
MOVED = "the collection is another one than the scores were made with; its human maps may be others"
OTHER_RULES = "scores are by the rules of measurement {}, now {}; gala-viz attribute --rescore makes them anew"


class LiveSource(MapSource, Protocol):
    """A source that computes; ``gala_viz.live.LiveMaps`` is one."""

    identities: tuple[NetworkIdentity, ...]

    def pair(self, first: str, second: str) -> LiveSource:
        """Return the source of another pair.

        Parameters
        ----------
        first : str
            Name of the first network.
        second : str
            Name of the second one.

        Returns
        -------
        LiveSource
            It computes with these two.
        """
        ...


class StoredMaps:
    """The maps of an ordered pair of networks in a store; see ``gala_viz.store.source.MapSource``.

    What is not stored (other settings, uploads, blocks that are missing) comes from a source that computes, unless its
    networks are not those of the store (``gala_viz.store.identity``): then ``ValueError`` says the reason.

    Parameters
    ----------
    store : Store
        Its maps.
    collection : Collection
        Its images.
    networks : sequence of two str, optional
        Names of the two networks; default: the first two of the store.
    live : callable, optional
        Makes a source of all networks of the store, the two named first, when that is first needed; default: nothing is
        computed.

    Raises
    ------
    StoreError
        The collection is not the store's: the images have other ids or pixels (see ``gala_viz.store.moved``); or the
        store does not hold two such networks.
    """

    def __init__(
        self,
        store: Store,
        collection: Collection,
        networks: Sequence[str] | None = None,
        live: Callable[[Sequence[str]], LiveSource] | None = None,
    ) -> None:
        self._store, self._collection = store, collection
        self._live = _OnDemand(live, held(store))
        self._is_moved = is_moved(store, collection)
        self._scores_note = "; ".join(
            text
            for text in (
                _human_maps_note(store, collection),
                "" if _is_of_now(store) else OTHER_RULES.format(store.scores_version, MEASUREMENT_VERSION),
            )
            if text
        )
        self._show(tuple(networks or [network.name for network in store.spec.networks[:2]]))

    @property
    def cannot_perturb(self) -> str:
        """Why no network can answer to a changed photograph; "" where there is a source that computes."""
        if self._live.can_compute:
            return ""
        return (
            f"{self._store.path.name} holds maps and no networks, so that none can answer to a changed photograph. "
            "Open the page with the networks themselves."
        )

    @property
    def origin(self) -> Mapping[str, str]:
        """By what store and collection are opened again."""
        return {"store": str(self._store.path), **self._collection.origin}

    def pair(self, first: str, second: str) -> StoredMaps:
        """Return a source of another pair of the store's networks."""
        source = object.__new__(StoredMaps)
        vars(source).update(vars(self))
        source._show((first, second))
        return source

    def choices(self, request: MapRequest) -> tuple[NetworkChoice, ...]:
        """Return all networks of the store, with their scores."""
        correct, rho = self._store.column("scores/correct"), None
        if requested(self._store, request.of_network(0)) and has_order(request.reduction):
            rho = self._store.column("scores/rho")[list(self._store.spec.methods).index(request.method)]
        return tuple(
            network_choice(
                network.name, network.title, correct[row], None if rho is None else rho[row], network.opened_as
            )
            for row, network in enumerate(self._store.spec.networks)
        )

    def _show(self, names: tuple[str, ...]) -> None:
        """Make this the source of one pair."""
        store, collection = self._store, self._collection
        known = {network.name: network for network in store.spec.networks}
        if len(names) != 2 or not set(names) <= set(known):
            raise StoreError(
                f"{store.path} holds {', '.join(known)}; a page compares two of them, {names} were asked for."
            )
        self._names, self._networks = names, tuple(known[name] for name in names)
        self._frames = tuple(network.frame for network in self._networks)
        self.name, self.title, self.outlined = collection.name, collection.title, collection.outlined
        self.images, self.map_kinds = store.images, dict(collection.map_kinds)
        self.networks = tuple(_info(network) for network in self._networks)
        self.starting_image = None
        self.methods = {name: about["title"] for name, about in store.spec.methods.items()}
        self.request = first_request(store)
        self.request_version_1 = replace(self.request, smoothing_px=0.0, normalise="percentile")
        self._learnt = [store.learnt(name) for name in names]
        self._computing: MapSource | None = None

    @property
    def uploads(self) -> Container[str]:
        """Ids of uploaded photographs that are kept, by the source that computes."""
        return () if self._computing is None else self._computing.uploads

    @property
    def titles(self) -> Mapping[str, str]:
        """Name -> title of all networks of the store."""
        return {network.name: network.title for network in self._store.spec.networks}

    @property
    def skipped(self) -> tuple[tuple[str, str], ...]:
        """Unreadable images, and those of which a network's numbers are not finite, with the reason."""
        return (*self._store.notes().items(), *self._store.not_finite().items())

    def info(self, image: str) -> ImageInfo:
        """Return what the collection knows of an image, without reading pixels."""
        if image not in self._store:
            return self._elsewhere().info(image)
        about = {name: getattr(self._collection, name)(image) for name in ("category", "superclass", "split")}
        marked = self._collection.has_human_map(image)
        row = self._store.position(image)
        by = tuple(one.title for one, status in zip(self._networks, self._learnt, strict=True) if status[row] == LEARNT)
        return ImageInfo(
            image=image,
            target=self._label(image, 0),
            has_human_map=marked,
            learnt=int(combine_statuses([status[row : row + 1] for status in self._learnt])[0]),
            learnt_by=by,
            **about,
        )

    def labels(self) -> Labels:
        """Return what was known of all images when the store was made."""
        return replace(self._store.labels(), learnt=combine_statuses(self._learnt))

    def thumbnail(self, image: str) -> bytes:
        """Return a thumbnail, WebP, at most 128 px at its longer side."""
        return self._collection.thumbnail(image, 128) if image in self._store else self._elsewhere().thumbnail(image)

    def view(self, image: str) -> np.ndarray:
        """Return the photograph in the first network's frame, uint8 (y, x, 3)."""
        if image not in self._store:
            return self._elsewhere().view(image)
        if self._is_moved:
            check_pixels(self._store, self._collection, image)
        return self._frames[0].resize_and_crop(self._collection.photo(image))

    def human_map(self, image: str, kind: str | None = None, participant: str | None = None) -> xr.DataArray | None:
        """Return the human map (y, x) in the frame; None where there is none."""
        if image not in self._store:
            return self._elsewhere().human_map(image) if image in self.uploads else None
        return framed_human_map(self._collection, self._frames[0], image, kind, participant)

    def photo_cut(self, image: str) -> PhotoCut:
        """Return the frame in the photograph's pixels."""
        if image not in self._store:
            return self._elsewhere().photo_cut(image)
        size_px = self._collection.size_px(image)
        return PhotoCut(self._frames[0].frame(*size_px), size_px)

    def painted_results(self, image: str, points_px: np.ndarray, request: MapRequest) -> PaintedResults:
        """Return a painted map and its scores with the stored maps, or with those that were computed meanwhile."""
        stored, live = self._is_stored(image, request), self._live.at_hand(self._names)
        if live is not None and not stored:
            return live.painted_results(image, points_px, request)
        if image not in self._store:
            return self._elsewhere().painted_results(image, points_px, request)
        human, side = self._human_maps(request), self._store.spec.comparison_cells
        maps = [
            self._store.read(f"{segment(network.name)}/{request.method}/map", image)
            if stored and has_order(request.reduction)
            else None
            for network in self._networks
        ]
        return score_painted_map(
            points_px,
            self._collection.size_px(image),
            self._frames[0],
            human.frame,
            list(zip(maps, self._frames, strict=True)),
            human.on_grid(image, (side, side)),
            (side, side),
        )

    def participants(self, image: str, kind: str | None = None) -> tuple[str, ...]:
        """Return the ids of the participants whose human maps of the image are known one by one."""
        return self._collection.participants(image, kind) if image in self._store else ()

    def outline(self, image: str) -> xr.DataArray | None:
        """Return the mask (y, x) of the diagnostic parts in the frame; None where it is not known."""
        return framed_outline(self._collection, self._frames[0], image) if image in self._store else None

    def forward(self, image: str) -> ForwardResults:
        """Return predictions and attention norms of both networks."""
        if not self._store.is_there(image):
            self._refuse_not_finite(image)
            return self._elsewhere().forward(image)
        photo_px, predictions, norms = self._collection.size_px(image), [], []
        for number, (network, own) in enumerate(zip(self._networks, self._frames, strict=True)):
            predictions.append(stored_prediction(self._store, network, image, self._label(image, number)))
            of_one = {}
            for layer in network.layers:
                values = self._store.read(f"{segment(network.name)}/attention_norm/{segment(layer)}/norm", image)
                of_one[layer] = labelled_map(
                    resample_to_frame(values, own, self._frames[0], photo_px, values.shape),
                    name="attention_norm",
                    extent_px=self._frames[0].input_px,
                    attrs={"units": layer_units(layer), "layer": layer, "network": network.name},
                )
            norms.append(of_one)
        return ForwardResults(predictions=tuple(predictions), attention_norms=tuple(norms))

    def perturb(
        self, image: str, mask: np.ndarray, fill: str, target: Targets, cancelled: Cancelled
    ) -> PerturbedResults | None:
        """Return the answers of the live source's networks; ``ValueError`` where only the store is there.

        Parameters
        ----------
        image, mask, fill, target, cancelled
            As in ``MapSource.perturb``.

        Returns
        -------
        PerturbedResults or None
            Of the networks that the store was made with.
        """
        return self._networks_at_work(image).perturb(image, mask, fill, target, cancelled)

    def reveal_curve(
        self,
        image: str,
        importance: np.ndarray | xr.DataArray,
        fill: str,
        target: Targets,
        cancelled: Cancelled,
        *,
        percents: Sequence[float] = REVEAL_PERCENTS,
        erase: bool = False,
    ) -> Iterator[RevealUpdate]:
        """Yield the curve of the live source's networks; ``ValueError`` where only the store is there.

        Parameters
        ----------
        image, importance, fill, target, cancelled, percents, erase
            As in ``MapSource.reveal_curve``.

        Yields
        ------
        RevealUpdate
            Of the networks that the store was made with.
        """
        networks = self._networks_at_work(image)
        yield from networks.reveal_curve(image, importance, fill, target, cancelled, percents=percents, erase=erase)

    def cached(self, image: str, request: MapRequest) -> MapUpdate | None:
        """Return the stored maps, or those that were computed meanwhile."""
        if self._is_stored(image, request):
            correct = [one.correct for one in self.forward(image).predictions]
            update = stored_update(
                self._store,
                self._networks,
                self._frames,
                image,
                self._collection.size_px(image),
                request,
                correct,
                self._human_maps(request),
            )
            return replace(update, note=f"{update.note}; {self._scores_note}") if self._scores_note else update
        live = self._live.at_hand(self._names)
        return None if live is None else live.cached(image, request)

    def maps(
        self, image: str, request: MapRequest, cancelled: Cancelled, *, background: bool = False
    ) -> Iterator[MapUpdate]:
        """Yield the stored maps at once; compute anything else, where that is possible.

        Parameters
        ----------
        image, request, cancelled, background
            As in ``MapSource.maps``.

        Yields
        ------
        MapUpdate
            The last one is done unless cancelled.
        """
        stored = self._is_stored(image, request)
        if stored:
            yield self.cached(image, request)
            return
        self._refuse_not_finite(image)
        if request.second is not None and not self._live.can_compute:
            raise ValueError(
                f"{held(self._store)} Two maps that are made otherwise do not stand in it side by side: choose one "
                "method, target and layer for both, or open a page with the networks, which computes them."
            )
        yield from self._elsewhere().maps(image, request, cancelled, background=background)

    def cam_layers(self) -> tuple[str, ...]:
        """Return the layer whose Grad-CAM is stored; none without Grad-CAM."""
        return (stored_cam_layer(self._store),) if GRAD_CAM in self._store.spec.methods else ()

    def scores(self, request: MapRequest) -> xr.Dataset:
        """Return stored scores of all images; of other maps all scores that were computed meanwhile, else NaN.

        Stored and computed scores are never beside each other, since ceilings may be of other rules and human maps.
        """
        stored = scores_of(self._store, self._networks, request, self._first_kind)
        live = self._live.at_hand(self._names)
        stored.attrs["note"] = "; ".join(text for text in (stored.attrs["note"], self._scores_note) if text)
        if requested(self._store, request) or live is None:
            return stored
        computed = live.scores(request).reindex(image=list(self._store.images))
        return computed.assign(correct=stored["correct"])

    def survey(self, request: MapRequest | None, images: tuple[str, ...], cancelled: Cancelled) -> Iterator[Progress]:
        """Yield that all is done for stored maps; score images with other settings by the live source."""
        if request is None or requested(self._store, request):
            yield Progress(done=len(images), total=len(images), seconds=0.0, eta_s=0.0)
            return
        yield from self._elsewhere().survey(request, images, cancelled)

    def add_upload(self, filename: str, content: bytes, beside: Sequence[str] = ()) -> str:
        """Add a photograph, or a human map of one, to the live source, and return its image id."""
        return self._elsewhere().add_upload(filename, content, beside)

    @property
    def _first_kind(self) -> str | None:
        """The kind of human maps that the store's scores are with."""
        return next(iter(self._collection.map_kinds), None)

    def _human_maps(self, request: MapRequest) -> HumanMaps:
        """Return the human maps that a request names, over what all networks of the store see."""
        kind = None if request.human_map == self._first_kind else request.human_map
        frame = common_frame([network.frame for network in self._store.spec.networks])
        return HumanMaps(self._collection, frame, self._store.images, kind=kind, participant=request.participant)

    def _label(self, image: str, number: int) -> int | None:
        categories = self._networks[number].categories
        return label_index(categories, self._collection.category(image), self._collection.target(image))

    def _refuse_not_finite(self, image: str) -> None:
        """Raise ``ValueError`` with the reason for an image of which the store holds no finite numbers."""
        if image in self._store and (why := self._store.why_not_finite(image)):
            raise ValueError(why)

    def _networks_at_work(self, image: str) -> MapSource:
        """Return the source that computes, for what no store can hold; ``ValueError`` with the reason where none is."""
        self._refuse_not_finite(image)
        if self.cannot_perturb:
            raise ValueError(self.cannot_perturb)
        return self._elsewhere()

    def _is_stored(self, image: str, request: MapRequest) -> bool:
        return requested(self._store, request) and self._store.is_there(image)

    def _elsewhere(self) -> MapSource:
        """Return the source that computes what is not stored, made when first needed."""
        self._computing = self._live.source(self._names, self._networks)
        return self._computing


def _human_maps_note(store: Store, collection: Collection) -> str:
    """Return a sentence where the scores may be of other human maps than those of the collection."""
    if store.scored_with == collection.fingerprint:
        return ""
    return MOVED if store.scored_with == store.spec.collection["fingerprint"] else OTHER_MAPS


def _is_of_now(store: Store) -> bool:
    return store.scores_version == str(MEASUREMENT_VERSION)


class _OnDemand:
    """A source that computes, made when it is first needed, for all pairs of a store's networks.

    Whoever shows a pair holds its source, and with it its networks, until it shows another.
    """

    def __init__(self, make: Callable[[Sequence[str]], LiveSource] | None, held_text: str) -> None:
        self._make, self._held = make, held_text
        self._made: LiveSource | None = None
        self._pairs: WeakValueDictionary[tuple[str, ...], LiveSource] = WeakValueDictionary()
        self._doubts: dict[tuple[str, ...], str] = {}
        self._lock = threading.Lock()

    @property
    def can_compute(self) -> bool:
        """Whether there is a way to make a source that computes."""
        return self._make is not None

    def at_hand(self, names: tuple[str, ...]) -> LiveSource | None:
        """Return the source of a pair where it was made already and may stand beside the store."""
        return self._pairs.get(names)

    def source(self, names: tuple[str, ...], networks: Sequence[StoredNetwork]) -> LiveSource:
        """Return the source of a pair; ``ValueError`` where nothing can be computed beside the stored maps."""
        with self._lock:
            if self._make is None:
                raise ValueError(f"{self._held} What you ask for is not in it.")
            pair = self._pairs.get(names)
            if pair is None and names not in self._doubts:
                try:
                    self._made = self._made or self._make(names)
                    pair = self._made.pair(*names)
                except (ValueError, OSError, ImportError) as error:
                    raise ValueError(f"{self._held} The networks cannot be loaded for more: {error}") from error
                found = doubts(networks, pair.identities)
                if found:
                    self._doubts[names] = " ".join(found)
                else:
                    self._pairs[names] = pair
            if names in self._doubts:
                raise ValueError(
                    f"{self._held} Nothing is computed beside these maps: {self._doubts[names]} A page without "
                    "this store computes all its maps by the networks as they are now."
                )
            assert pair is not None, "there is a pair where there are no doubts"
            return pair


def _info(network: StoredNetwork) -> NetworkInfo:
    return NetworkInfo(
        name=network.name,
        title=network.title,
        layers=tuple(network.layers),
        categories=network.categories,
        input_px=network.input_px,
        device=f"stored, computed on {network.device}",
        summary=network.summary,
    )
