"""Human maps in the frame of networks: usable ones, on any grid, with noise ceilings and baselines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

import numpy as np
import xarray as xr

from gala_viz.alignment import (
    N_PARTNERS,
    PARTNER_KINDS,
    CeilingSpec,
    ImageCeilings,
    PartnerImages,
    image_ceilings,
    partner_rhos,
    spearman,
    to_resolution,
)
from gala_viz.alignment.resolution import RESIZINGS
from gala_viz.cache import BoundedCache
from gala_viz.collections.collection import Collection
from gala_viz.collections.human_maps.map_checks import (
    ImagesWithHumanMaps,
    any_unread,
    marked_images,
    usable_map,
    usable_participants,
    why_not_in_frame,
)
from gala_viz.engine.results.scores import score_maps
from gala_viz.networks.frames import Frame, cut_to_frame, is_same_cut
from gala_viz.networks.preprocessing import Preprocessing
from gala_viz.registry import UnknownNameError, unknown_name
from gala_viz.schema import labelled_map
from gala_viz.specs import fingerprint, settings

CEILING = CeilingSpec()
_FRAMED, _ON_GRIDS = BoundedCache(16 * 2**20), BoundedCache(64 * 2**20)
"""Maps in frames, and on grids: of all collections of a process."""

Grid = tuple[int, int]
"""Rows and columns of the cells that a map has over the frame."""


def check_map_kind(collection: Collection, kind: str | None) -> None:
    """Raise ``UnknownNameError`` for a kind of human maps that the collection does not have; None is the first."""
    if kind is not None and kind not in collection.map_kinds:
        raise UnknownNameError(
            unknown_name(f"kind of human maps of {collection.name}", kind, list(collection.map_kinds))
        )


def other_kind(collection: ImagesWithHumanMaps, kind: str | None) -> str | None:
    """Return a kind of human maps; None for the collection's first, by whatever name it is asked for."""
    return None if kind == next(iter(collection.map_kinds), None) else kind


def images_with_maps(
    collection: ImagesWithHumanMaps, images: Iterable[str], kind: str | None = None
) -> tuple[str, ...]:
    """Return those of ``images`` that should have a human map of a kind; see ``marked_images``.

    Of other kinds than the first this is known once each map is read: an image without a map was not marked.
    """
    kind = other_kind(collection, kind)
    if kind is None:
        return marked_images(collection, images)
    return tuple(image for image in images if collection.human_map(image, kind) is not None)


def framed_human_map(
    collection: ImagesWithHumanMaps,
    frame: Preprocessing,
    image: str,
    kind: str | None = None,
    participant: str | None = None,
) -> xr.DataArray | None:
    """Return the human map (y, x) of an image in the frame as a page shows it; None where there is none.

    Parameters
    ----------
    collection : ImagesWithHumanMaps
        Whose human map it is, for example a ``Collection``.
    frame : Preprocessing
        The network's.
    image : str
        Id of the image.
    kind : str, optional
        Human-map kind; default: the first.
    participant : str, optional
        Id of one participant; default: the map of all.

    Returns
    -------
    DataArray, (y, x), or None
        In the collection's own unit, usable for a comparison or not.
    """
    human_map = collection.human_map(image, kind, participant)
    return None if human_map is None else frame.map_to_frame(human_map)


def framed_outline(collection: Collection, frame: Preprocessing, image: str) -> xr.DataArray | None:
    """Return where an image's diagnostic parts are, 0 to 1 (y, x) in the frame; None where that is not known."""
    regions = collection.regions(image)
    if regions is None:
        return None
    mask = regions["diagnostic"].astype(np.float32)
    return frame.map_to_frame(labelled_map(mask, name="outline", extent_px=mask.shape))


class HumanMaps:
    """One kind of human maps of a collection, cut like a network's input, or to what several networks all see.

    A map is usable where it is finite, not negative and not constant, also in the frame, and where the maps of single
    participants, if they are known, are so too. What is computed is cached, by the collection's version of the image.

    Parameters
    ----------
    collection : ImagesWithHumanMaps
        Whose human maps these are, for example a ``Collection``.
    frame : Preprocessing or CommonFrame
        The network's, or that of ``gala_viz.networks.frames.common_frame``.
    images : sequence of str, optional
        Ids of the images that partner images are drawn among; default: all of the collection.
    ceiling : CeilingSpec
        Settings of noise ceilings.
    n_partners : int
        Partner images of each kind, at most.
    seed : int
        With an image's id it determines the partner images.
    kind : str, optional
        Human-map kind; default: the first.
    participant : str, optional
        Id of one participant, whose maps alone are meant; there are neither ceilings nor baselines then. Default: the
        maps of all.
    strict : bool
        Raise ``OSError`` where the system could not read a map, which says nothing of it; else it counts as not there
        this time.
    resizing : str
        How maps in the frame are brought to a grid: a name in ``gala_viz.alignment.resolution.RESIZINGS``.
    """

    def __init__(
        self,
        collection: ImagesWithHumanMaps,
        frame: Frame,
        images: Sequence[str] | None = None,
        *,
        ceiling: CeilingSpec = CEILING,
        n_partners: int = N_PARTNERS,
        seed: int = 0,
        kind: str | None = None,
        participant: str | None = None,
        strict: bool = False,
        resizing: str = "area",
    ) -> None:
        RESIZINGS[resizing]
        self.resizing = resizing
        self.collection, self.frame, self.ceiling_spec = collection, frame, ceiling
        self.kind, self.participant = kind, participant
        self._images, self._n_partners, self._seed, self._strict = images, n_partners, seed, strict
        self._name = (collection.name, collection.fingerprint, frame, kind, participant, resizing)

    def framed(self, image: str) -> tuple[xr.DataArray | None, str]:
        """Return the map (y, x) in the frame and "", or None and why there is no usable one ("": nobody marked it)."""
        if not self._is_marked(image):
            return None, ""
        human_map, why = usable_map(self.collection, image, self.kind, self.participant)
        if self._strict and any_unread(self.collection, [image]):
            raise OSError(f"the human map of {image}: {why}")
        if human_map is None:
            return None, why
        framed = self.frame.map_to_frame(human_map)
        why = why_not_in_frame(framed.values)
        if not why and self.participant is None:
            why = usable_participants(self.collection, image, self.kind)[1]
        return (None, why) if why else (framed, "")

    def _is_marked(self, image: str) -> bool:
        return bool(images_with_maps(self.collection, [image], self.kind))

    def why_not_usable(self, image: str) -> str:
        """Return why the map of a marked image is not usable, else ""."""
        return self._known(image)[1]

    def on_grid(self, image: str, grid: Grid) -> np.ndarray | None:
        """Return the map on a grid of the frame, float32 (y, x); None where there is no usable one."""
        return self._known(image, grid)[0]

    def participants(self, image: str) -> xr.DataArray:
        """Return the maps of single participants (participant, y, x) in the frame; none where they are not known."""
        participants, _ = usable_participants(self.collection, image, self.kind)
        if participants is None or self.participant is not None:
            empty = np.zeros((0, *self.frame.input_px), np.float32)
            return labelled_map(empty, name="human_map", leading={"participant": []})
        return self.frame.map_to_frame(participants)

    def ceilings(self, image: str, participants: xr.DataArray, grids: Sequence[Grid]) -> dict[Grid, ImageCeilings]:
        """Return the noise ceiling of one image with these participants on each grid, for ``combine_ceilings``."""
        return {grid: image_ceilings([(image, self.resized(participants, grid))], self.ceiling_spec) for grid in grids}

    def resized(self, maps: xr.DataArray, grid: Grid) -> xr.DataArray:
        """Return maps (..., y, x) in the frame on a grid of it."""
        return to_resolution(maps, grid, self.resizing)

    def ceiling(self, image: str, grid: Grid) -> float:
        """Return the split-half rho of an image's participants on a grid; NaN where it is not known."""
        version = self.collection.map_version(image)
        key = (*self._name, image, version, grid, "ceiling", fingerprint(settings(self.ceiling_spec)))
        rho = _ON_GRIDS.get(key)
        if rho is None:
            usable = self.on_grid(image, grid) is not None
            rho = float("nan")
            if usable:
                rho = self.ceilings(image, self.participants(image), [grid])[grid].rho.get(image, rho)
            if usable or not any_unread(self.collection, [image]):
                _ON_GRIDS.put(key, rho, 100)
        return rho

    def baseline(self, image: str, maps: np.ndarray) -> dict[str, np.ndarray]:
        """Return the mean rho of one image's maps (..., y, x) with the human maps of its partner images, by kind."""
        grid = maps.shape[-2:]
        if self.participant is not None:
            return {}
        return partner_rhos(
            maps,
            image,
            self.collection.category(image),
            self.partners,
            lambda other: self.on_grid(other, grid),
            n_partners=self._n_partners,
        )

    def norm_rhos(self, image: str, norms: Mapping[str, np.ndarray], own: Preprocessing) -> dict[str, float]:
        """Return rho of each attention norm with the human map, each on the norm's own grid.

        Parameters
        ----------
        image : str
            Id of the image.
        norms : mapping of str to ndarray, (y, x)
            Layer -> norm over what the network sees.
        own : Preprocessing
            The network's.

        Returns
        -------
        dict of str to float
            Layer -> rho; NaN where the image has no usable human map.
        """
        rhos = {}
        for layer, norm in norms.items():
            human_map = self.on_grid(image, norm.shape)
            rhos[layer] = float("nan")
            if human_map is not None:
                rhos[layer] = float(spearman(self.cut(image, norm, own, norm.shape), human_map))
        return rhos

    def cut(self, image: str, maps: np.ndarray, own: Preprocessing, grid: Grid) -> np.ndarray:
        """Return a network's maps of one image by area averages on a grid of this frame.

        Parameters
        ----------
        image : str
            Id of the image.
        maps : ndarray, (..., y, x)
            Maps over what the network sees.
        own : Preprocessing
            The network's, of whose frame this one is a part.
        grid : tuple of int
            Rows and columns.

        Returns
        -------
        ndarray, (..., *grid)
            In the unit of ``maps``.
        """
        photo_px = (0, 0) if is_same_cut(own, self.frame) else self.collection.size_px(image)
        return cut_to_frame(maps, own, self.frame, photo_px, grid)

    def scores(
        self, image: str, maps: np.ndarray, own: Preprocessing, grid: Grid, *, floors: bool = True
    ) -> dict[str, np.ndarray]:
        """Return every metric of one image's maps with its human map, and the shuffled-image baseline.

        Parameters
        ----------
        image : str
            Id of the image.
        maps : ndarray, (..., y, x)
            Unsmoothed maps of it, over what their network sees.
        own : Preprocessing
            That network's.
        grid : tuple of int
            Rows and columns of the comparison, over which maps are averaged.
        floors : bool
            Whether the baseline is wanted, which reads the human maps of other images.

        Returns
        -------
        dict of str to ndarray, (...), float64
            Name in ``METRICS`` or ``FLOORS`` -> similarity; NaN where the image has no usable human map.
        """
        coarse, human_map = self.cut(image, maps, own, grid), self.on_grid(image, grid)
        values = score_maps(coarse, human_map)
        if floors:
            known = self.baseline(image, coarse) if human_map is not None else {}
            values |= {f"floor_{kind}": known.get(kind, np.full(maps.shape[:-2], np.nan)) for kind in PARTNER_KINDS}
        return values

    @cached_property
    def partners(self) -> PartnerImages:
        """Partner images, drawn among those of the images that have a map of this kind."""
        of = self.collection.images if self._images is None else self._images
        images = images_with_maps(self.collection, of, self.kind)
        return PartnerImages(images, [self.collection.category(image) for image in images], seed=self._seed)

    def _known(self, image: str, grid: Grid | None = None) -> tuple[np.ndarray | None, str]:
        """Return the map on ``grid`` (None: that of the frame) and why there is none; from the cache if it is there."""
        version = self.collection.map_version(image)
        key = (*self._name, image, version, grid)
        cache = _FRAMED if grid is None else _ON_GRIDS
        known = cache.get(key)
        if known is not None:
            return known
        if grid is None:
            framed, why = self.framed(image)
            values = None if framed is None else framed.values
        else:
            values, why = self._known(image)
            values = None if values is None else RESIZINGS[self.resizing](values, grid)
        if values is not None or not any_unread(self.collection, [image]):
            cache.put(key, (values, why), 200 + (0 if values is None else values.nbytes))
        return values, why
