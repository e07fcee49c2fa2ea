"""``rendered``: objects whose diagnostic parts are known by construction, rendered here on demand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from PIL import Image

from gala_viz.cache import BoundedCache, cache_folder
from gala_viz.collections.clickme.smoothing import SMOOTHINGS
from gala_viz.collections.collection import Collection
from gala_viz.collections.human_maps.human_map_memory import HUMAN_MAPS
from gala_viz.collections.human_maps.points import PointMaps, PointMapSpec, point_maps
from gala_viz.collections.rendered.categories import CATEGORIES, diagnostic_parts, part_ids, superclass_of
from gala_viz.collections.rendered.part_map import PartMap
from gala_viz.collections.rendered.render_files import PARTS, PHOTO, render_all_to_files, render_to_files
from gala_viz.collections.rendered.rendering_spec import RENDERING_VERSION, RenderingSpec
from gala_viz.collections.rendered.simulated_participants import SimulatedParticipantSpec, simulate_clicks
from gala_viz.registry import position_of
from gala_viz.schema import labelled_map
from gala_viz.specs import fingerprint
from gala_viz.splits import Split

IMAGES_PER_CATEGORY: dict[Split, int] = {"test": 50, "validation": 50, "train": 500}
"""Images of each of the twelve categories in each split. 600 test images let a paired test tell three points of
accuracy from chance (p < 0.01) where two networks disagree about right and wrong on 8 % of the images.
"""
KIND = "simulated ClickMe"
SIGMA_PX_AT_256 = 7.1
"""Gaussian nearest to the smoothing of ClickMe maps that their authors use now, at 256 px."""
_PARTS = BoundedCache(24 * 2**20)

ProgressCallback = Callable[[int, int], None]


class RenderedCollection(Collection):
    """Twelve categories of rendered objects; an image's id is "SPLIT-CATEGORY-NUMBER", for example "test-stag-0007".

    ``categories`` are in the order of networks' labels. In the training split body colour and environment predict the
    category (``spec.shortcut``), in the others they do not. Images are rendered when they are first needed, or ahead by
    ``prepare``, and stored in the user's cache folder. ``part_map`` and ``regions`` tell what each pixel shows. Human
    maps are those of *simulated* participants.

    Parameters
    ----------
    spec : RenderingSpec, optional
        Settings of the images.
    participants : SimulatedParticipantSpec, optional
        Settings of the simulated participants.
    counts : dict of str to int, optional
        Split -> images of each category; None: ``IMAGES_PER_CATEGORY``.
    folder : Path, optional
        Folder for the files, each set of settings in a folder of its own; None: in the user's cache folder.
    """

    categories: tuple[str, ...] = CATEGORIES
    outlined = "diagnostic parts"
    _smoothing: str | None = None
    """A smoothing of ClickMe maps in place of the Gaussian; None: the Gaussian."""

    def __init__(
        self,
        spec: RenderingSpec | None = None,
        *,
        participants: SimulatedParticipantSpec | None = None,
        counts: dict[Split, int] | None = None,
        folder: Path | None = None,
    ) -> None:
        self.spec, self.participant_spec = spec or RenderingSpec(), participants or SimulatedParticipantSpec()
        self._made: dict[str, tuple[Split, str, int]] = {
            f"{split}-{category.replace(' ', '-')}-{number:04d}": (split, category, number)
            for split, count in (counts or IMAGES_PER_CATEGORY).items()
            for number in range(count)
            for category in CATEGORIES
        }
        self._maps = PointMapSpec(sigma_px=SIGMA_PX_AT_256 * self.spec.side_px / 256)
        name = fingerprint("rendered", RENDERING_VERSION, asdict(self.spec))[:16]
        self.folder = (folder or cache_folder() / "rendered") / name
        n = self.participant_spec.n_per_image
        super().__init__(
            name="rendered",
            title="Rendered objects",
            images=list(self._made),
            licence="MIT, made by gala_viz",
            map_kinds={KIND: f"SIMULATED ClickMe maps: {n} simulated participants an image paint what tells it apart."},
        )

    @cached_property
    def fingerprint(self) -> str:
        """Hash of the settings of images and participants, which determine each image by its id."""
        specs = asdict(self.spec), asdict(self.participant_spec), asdict(self._maps)
        named = () if self._smoothing is None else (self._smoothing,)
        return fingerprint("rendered", RENDERING_VERSION, *specs, *named)

    def with_smoothing(self, smoothing: str) -> RenderedCollection:
        """Return this collection with the clicks' maps smoothed by a ClickMe smoothing in place of the Gaussian."""
        SMOOTHINGS[smoothing]
        other = self._copy_smoothed(smoothing)
        other._smoothing, other._maps = smoothing, replace(self._maps, smoothing="none")
        return other

    def path(self, image: str) -> Path:
        """Return the path of the image's file, rendered now if it is not there."""
        return self._file(image, PHOTO)

    def category(self, image: str) -> str:
        """Return one of ``categories``."""
        return self._about(image)[1]

    def superclass(self, image: str) -> str:
        """Return "animal" or "vehicle"."""
        return superclass_of(self._about(image)[1])

    def split(self, image: str) -> Split:
        """Return "train", "validation" or "test"."""
        return self._about(image)[0]

    def size_px(self, image: str) -> tuple[int, int]:
        """Return (height, width) in pixels."""
        self.check(image)
        return self.spec.side_px, self.spec.side_px

    def content_size(self, image: str) -> int | None:
        """Return the size of the image's file in bytes; None where it is not rendered yet."""
        return super().content_size(image) if self._there(image) else None

    def content_key(self, image: str) -> int | None:
        """Return the hash of the image's file as in ``Collection``; None where it is not rendered yet."""
        return super().content_key(image) if self._there(image) else None

    def part_map(self, image: str) -> PartMap:
        """Return which part of the object each pixel shows."""
        path = self._file(image, PARTS)
        known = _PARTS.get(str(path))
        if known is None:
            with Image.open(path) as file:
                known = np.array(file.convert("L"))
            known.flags.writeable = False
            _PARTS.put(str(path), known, known.nbytes)
        category = self.category(image)
        return PartMap(ids=known, names=part_ids(category), diagnostic=diagnostic_parts(category))

    def regions(self, image: str) -> dict[str, NDArray[np.bool_]]:
        """Return masks (y, x) that together cover the image once; see ``PartMap.regions``."""
        return self.part_map(image).regions()

    def warm_up(self, report: Callable[[str], None]) -> None:
        """Render the first image, for which the renderer is compiled where that was not done before."""
        report("Rendering the first object; the first time on a machine its renderer is compiled…")
        self.path(self.images[0])

    def prepare(
        self,
        splits: Sequence[Split] = ("test",),
        progress: ProgressCallback | None = None,
        processes: int | None = None,
    ) -> None:
        """Render all images of ``splits`` that are not there yet, ``processes`` at a time (None: as many as cores).

        ``progress`` is called with (images done, images in all).
        """
        requested = [(image, about) for image, about in self._made.items() if about[0] in splits]
        missing = [one for one in requested if not self._there(one[0])]
        done = len(requested) - len(missing)
        if progress is not None:
            progress(done, len(requested))
        for _ in render_all_to_files([(self.spec, self.folder, image, about) for image, about in missing], processes):
            done += 1
            if progress is not None:
                progress(done, len(requested))

    def has_human_map(self, image: str) -> bool:
        """Return True: every image has simulated maps."""
        self.check(image)
        return True

    def participants(self, image: str, kind: str | None = None) -> tuple[str, ...]:
        """Return the ids of the simulated participants who painted the image."""
        return self._painted(image, kind).participants

    def participant_maps(self, image: str, kind: str | None = None) -> xr.DataArray:
        """Return one smoothed map of each simulated participant, (participant, y, x)."""
        painted_maps = self._painted(image, kind)
        return self._labelled(painted_maps.maps, painted_maps, leading={"participant": painted_maps.participants})

    def human_map(self, image: str, kind: str | None = None, participant: str | None = None) -> xr.DataArray:
        """Return the mean over simulated participants, or one's map."""
        painted_maps = self._painted(image, kind)
        if participant is not None:
            position = position_of(f"participant of image {image!r}", participant, painted_maps.participants)
            return self._labelled(painted_maps.maps[position], painted_maps)
        return self._labelled(painted_maps.maps.mean(axis=0), painted_maps)

    def _about(self, image: str) -> tuple[Split, str, int]:
        self.check(image)
        return self._made[image]

    def _there(self, image: str) -> bool:
        return all((self.folder / f"{image}{ending}").is_file() for ending in (PHOTO, PARTS))

    def _file(self, image: str, ending: str) -> Path:
        about = self._about(image)
        path = self.folder / f"{image}{ending}"
        if not path.is_file():
            render_to_files((self.spec, self.folder, image, about))
        return path

    def _painted(self, image: str, kind: str | None) -> PointMaps:
        """Return the simulated participants' maps of an image, from the shared cache."""
        self.check(image)
        self.map_kind(kind)
        key = ("rendered", self.fingerprint, image)
        painted_maps = HUMAN_MAPS.get(key)
        if painted_maps is None:
            points = simulate_clicks(
                self.part_map(image).ids, self.category(image), image, self.participant_spec, self.spec.seed
            )
            painted_maps = point_maps(points, self.size_px(image), self._maps)
            painted_maps.maps.flags.writeable = False
            HUMAN_MAPS.put(key, painted_maps, painted_maps.maps.nbytes)
        return painted_maps

    def _labelled(self, values: NDArray, painted_maps: PointMaps, leading: dict | None = None) -> xr.DataArray:
        """Label maps of one image with their frame, kind and settings."""
        attrs = {
            "kind": KIND,
            "simulated": 1,
            "n_participants": len(painted_maps.participants),
            "n_outside": painted_maps.n_outside,
        }
        attrs |= asdict(self._maps) | {
            f"simulated_{key}": value for key, value in asdict(self.participant_spec).items()
        }
        if self._smoothing is not None:
            values = SMOOTHINGS[self._smoothing](values)
            del attrs["sigma_px"]
            attrs["smoothing"] = self._smoothing
        side = self.spec.side_px
        return labelled_map(values, name="human_map", extent_px=(side, side), leading=leading, attrs=attrs)
