"""What people marked, in a network's frame and on the grids of its maps: human maps, ceilings, floors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import xarray as xr

from gala_viz.alignment import (
    PARTNER_KINDS,
    CeilingSpec,
    ImageCeilings,
    NoiseCeiling,
    PartnerImages,
    combine_ceilings,
)
from gala_viz.alignment.baseline import pair_rhos, partner_positions
from gala_viz.alignment.ceiling import sum_changes
from gala_viz.cache import ArrayCache
from gala_viz.collections.collection import Collection
from gala_viz.collections.human_maps.map_checks import any_unread
from gala_viz.engine.results.human_maps import Grid, HumanMaps, images_with_maps, other_kind
from gala_viz.evaluation.network_results import Step
from gala_viz.evaluation.regions import region_masks, region_shares
from gala_viz.networks.frames import Frame
from gala_viz.schema import count_participants, labelled_map
from gala_viz.specs import fingerprint, settings

VERSION = 5
"""Rises when maps are left out in another way."""


@dataclass(frozen=True, kw_only=True, eq=False)
class People:
    """Human maps of one kind of those ``images`` that have a usable one, in the frame of ``frame``.

    By grid: ``maps`` (image, y, x), ``ceilings`` (None where no image has two participants), ``floors`` (partner,
    image, other): rho of an image's map with the map of each partner image, of which ``positions`` (partner, image,
    other) are the places in ``images``, -1 where there are fewer. ``shares`` (image, region) is how much of a map lies
    on each region, None where the collection knows none.
    """

    images: tuple[str, ...]
    categories: tuple[str | None, ...]
    maps: dict[Grid, xr.DataArray]
    ceilings: dict[Grid, NoiseCeiling | None]
    positions: np.ndarray = field(default_factory=lambda: np.empty((len(PARTNER_KINDS), 0, 0), np.int64))
    """Without images where there are no baselines."""
    floors: dict[Grid, xr.DataArray] = field(default_factory=dict)
    shares: xr.DataArray | None = None
    left_out: dict[str, str] = field(default_factory=dict)
    """Image -> why its map is not used."""
    means_of: dict[str, int | None] = field(default_factory=dict)
    """Image whose participants are not known apart -> how many they are, None where that is not told."""

    def baseline(self, maps: xr.DataArray) -> xr.DataArray:
        """Return rho of maps (image, y, x) of all ``images`` with those of partner images, (partner, image, other)."""
        grid = (maps.sizes["y"], maps.sizes["x"])
        rhos = pair_rhos(maps.values, self.maps[grid].values, self.positions)
        coords = {"partner": list(PARTNER_KINDS), "image": list(self.images)}
        return xr.DataArray(rhos, dims=("partner", "image", "other"), coords=coords, name="floor")


def people_of(
    collection: Collection,
    images: Sequence[str],
    frame: Frame,
    grids: Sequence[Grid],
    ceiling: CeilingSpec,
    *,
    n_partners: int = 0,
    seed: int = 0,
    block_images: int = 20,
    cache: ArrayCache | None = None,
    step: Step = lambda done: None,
    kind: str | None = None,
    resizing: str = "area",
) -> People | None:
    """Return human maps, ceilings and shuffled-image baselines of images.

    Maps that are not finite, negative, all zero or constant are left out, and so are those that say nothing in the
    frame.

    Parameters
    ----------
    collection : Collection
        Where human maps are read.
    images : sequence of str
        Ids; those without a human map are passed over.
    frame : Preprocessing or CommonFrame
        The part of a photograph over which maps are compared.
    grids : sequence of (int, int)
        Rows and columns at which they are compared.
    ceiling : CeilingSpec
        Settings of the noise ceiling.
    n_partners : int
        Partner images of each kind; 0: no baselines.
    seed : int
        Of the partners' order.
    block_images : int
        Images in a block of the cache.
    cache : ArrayCache, optional
        Blocks that it holds are not computed again.
    step : callable
        Called with the number of images that are finished.
    kind : str, optional
        Kind of human maps; default: the collection's first.
    resizing : str
        How maps come to the grids: a name in ``gala_viz.alignment.resolution.RESIZINGS``.

    Returns
    -------
    People or None
        None where no image has a human map, or there are no grids.
    """
    kind = other_kind(collection, kind)
    images = images_with_maps(collection, images, kind)
    if not images or not grids:
        return None
    cache, grids = cache or ArrayCache(), list(dict.fromkeys(grids))
    maps: dict[Grid, list[np.ndarray]] = {grid: [] for grid in grids}
    parts: dict[Grid, list[ImageCeilings]] = {grid: [] for grid in grids}
    on_regions: list[xr.DataArray] = []
    usable: list[str] = []
    left_out: dict[str, str] = {}
    means_of: dict[str, int | None] = {}
    whose = (VERSION, collection.name, collection.fingerprint)
    named = [] if kind is None else [{"human_map": kind}]
    named += [] if resizing == "area" else [{"resizing": resizing}]
    human = HumanMaps(collection, frame, images, ceiling=ceiling, kind=kind, resizing=resizing)
    for start in range(0, len(images), block_images):
        block = images[start : start + block_images]
        about = (*whose, frame.settings(), grids, settings(ceiling), list(block), *named)
        key = f"people {fingerprint(*about)}"
        arrays = cache.read(key)
        step(-len(block) if arrays is not None else 0)
        if arrays is None:
            arrays = _block(human, block, grids, step)
            if not any_unread(collection, block):
                cache.write(key, arrays)
        marked = [str(image) for image in arrays["marked"]]
        usable += marked
        left_out |= {str(image): str(why) for image, why in arrays["unusable"]}
        means_of |= {
            image: (int(n) or None) for image, n in zip(marked, arrays["mean_of"].tolist(), strict=True) if n >= 0
        }
        on_regions.append(_labelled_shares(marked, arrays))
        for grid in grids:
            maps[grid].append(arrays[f"{_name(grid)}:map"])
            parts[grid].append(_ceilings_from(arrays, grid))
    if not usable:
        return People(images=(), categories=(), maps={}, ceilings={}, left_out=left_out)
    labelled = {
        grid: labelled_map(
            np.concatenate(values), name="human_map", extent_px=frame.input_px, leading={"image": usable}
        )
        for grid, values in maps.items()
    }
    ceilings = {
        grid: combine_ceilings(found, ceiling) if any(part.rho for part in found) else None
        for grid, found in parts.items()
    }
    everywhere = xr.concat(on_regions, "image", join="outer", fill_value=0.0)
    categories = tuple(collection.category(image) for image in usable)
    partners = PartnerImages(images, [collection.category(image) for image in images], seed=seed)
    people = People(
        images=tuple(usable),
        categories=categories,
        maps=labelled,
        ceilings=ceilings,
        positions=partner_positions(partners, usable, categories, usable, n_partners=n_partners),
        shares=everywhere if everywhere.sizes["region"] else None,
        left_out=left_out,
        means_of=means_of,
    )
    floors = {grid: people.baseline(one) for grid, one in labelled.items() if n_partners}
    return replace(people, floors=floors)


def _labelled_shares(images: Sequence[str], arrays: dict[str, np.ndarray]) -> xr.DataArray:
    coords = {"image": list(images), "region": arrays["regions"].tolist()}
    return xr.DataArray(arrays["shares"], dims=("image", "region"), coords=coords)


def _block(human: HumanMaps, images: Sequence[str], grids: Sequence[Grid], step: Step) -> dict[str, np.ndarray]:
    """Human maps and ceilings of a block of images, each photograph's marks read once for all grids."""
    arrays: dict[str, list[np.ndarray]] = {f"{_name(grid)}:map": [] for grid in grids}
    singles: dict[Grid, list[ImageCeilings]] = {grid: [] for grid in grids}
    empty = ((), np.zeros((len(images), 0, *human.frame.input_px)))
    regions, members = region_masks(human.collection, images, human.frame) or empty
    on_regions: list[np.ndarray] = []
    marked: list[str] = []
    unusable: list[tuple[str, str]] = []
    mean_of: list[int] = []  # -1 where participants are known apart, 0 where their number is not told
    for row, image in enumerate(images):
        framed, why = human.framed(image)
        if framed is None:
            unusable.append((image, why))
            step(1)
            continue
        marked.append(image)
        on_regions.append(region_shares(framed.values[None], members[row : row + 1])[0])
        participants = human.participants(image)
        ceilings = human.ceilings(image, participants, grids)
        mean_of.append(-1 if participants.sizes["participant"] else count_participants(framed, ()) or 0)
        for grid in grids:
            arrays[f"{_name(grid)}:map"].append(human.resized(framed, grid).values)
            singles[grid].append(ceilings[grid])
        step(1)
    found = {
        f"{_name(grid)}:map": np.array(arrays[f"{_name(grid)}:map"], np.float32).reshape(len(marked), *grid)
        for grid in grids
    }
    found |= {
        "regions": np.array(regions, dtype=str),
        "shares": np.array(on_regions).reshape(len(marked), len(regions)),
    }
    found |= {"marked": np.array(marked, dtype=str), "mean_of": np.array(mean_of, np.int64)}
    found["unusable"] = np.array(unusable, dtype=str).reshape(-1, 2)
    for grid, ceilings in singles.items():
        found |= {f"{_name(grid)}:{key}": value for key, value in _arrays_of(ceilings).items()}
    return found


def _arrays_of(singles: Sequence[ImageCeilings]) -> dict[str, np.ndarray]:
    """Return the ceilings of single images as one set of arrays."""
    left_out = [entry for single in singles for entry in single.left_out]
    changes = sum_changes(single.changes for single in singles)
    return {
        "ceiling_images": np.array([image for single in singles for image in single.rho], dtype=str),
        "ceiling_rho": np.array([rho for single in singles for rho in single.rho.values()]),
        "ceiling_n": np.array([n for single in singles for n in single.n_participants.values()], dtype=np.int64),
        "left_out": np.array(left_out, dtype=str).reshape(-1, 2),
        "participants": np.array(list(changes), dtype=str),
        "changes": np.array(list(changes.values())).reshape(-1, 3),
        "n_blank": np.array(sum(single.n_blank for single in singles)),
    }


def _ceilings_from(arrays: dict[str, np.ndarray], grid: Grid) -> ImageCeilings:
    part = {key: arrays[f"{_name(grid)}:{key}"] for key in _KEYS}
    names = [str(image) for image in part["ceiling_images"]]
    return ImageCeilings(
        rho=dict(zip(names, part["ceiling_rho"].tolist(), strict=True)),
        n_participants=dict(zip(names, part["ceiling_n"].tolist(), strict=True)),
        left_out=tuple((str(image), str(reason)) for image, reason in part["left_out"]),
        changes=dict(zip(part["participants"].tolist(), part["changes"], strict=True)),
        n_blank=int(part["n_blank"]),
    )


_KEYS = ("ceiling_images", "ceiling_rho", "ceiling_n", "left_out", "participants", "changes", "n_blank")


def _name(grid: Grid) -> str:
    return f"{grid[0]}x{grid[1]}"
