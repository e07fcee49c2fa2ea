"""OSIE: photographs with the eye fixations of 15 observers and the mouse samples of crowd workers."""

from __future__ import annotations

from dataclasses import asdict
from functools import cached_property
from pathlib import Path

import numpy as np
import xarray as xr

from gala_viz.collections.clickme.smoothing import SMOOTHINGS
from gala_viz.collections.collection import Collection
from gala_viz.collections.file_index import file_states, index_files
from gala_viz.collections.folder_layouts import osie_layout
from gala_viz.collections.human_maps.human_map_memory import HUMAN_MAPS
from gala_viz.collections.human_maps.points import PointMaps, PointMapSpec, Points, point_counts, smooth_maps
from gala_viz.collections.osie_files import (
    ORIGINAL_PX,
    MouseTable,
    OSIEFileError,
    read_fixations,
    read_mouse_mat,
)
from gala_viz.collections.photo_files import FOLDER_LIMITS, ReadingLimits
from gala_viz.registry import position_of
from gala_viz.schema import labelled_map
from gala_viz.specs import fingerprint, settings
from gala_viz.splits import hash_split

SIGMA_PX = 24.0
"""The authors' public setting for their fixation maps at 800 x 600: about one degree of visual angle there."""


class OSIECollection(Collection):
    """OSIE in its public or its compact layout; an image's id is its file name without ".jpg", for example "1001".

    Human-map kinds: ``fixations`` (the default) counts each observer's fixations, ``durations`` sums their durations,
    ``mouse`` counts each crowd worker's mouse samples as shares, since browsers sample at different rates. Each
    participant has one map, smoothed with a Gaussian of ``sigma_px`` (in pixels of the 800 x 600 original) on cells of
    4 x 4 original pixels; the image's map is their mean. Points outside of the photograph are dropped;
    ``attrs["n_outside"]`` of a map counts them. Raises ``ValueError`` for a folder without OSIE's files.
    """

    split_rule = "hash"
    _smoothing: str | None = None
    """A smoothing of ClickMe maps in place of the Gaussian; None: the Gaussian."""

    def __init__(
        self, folder: str | Path, *, sigma_px: float = SIGMA_PX, limits: ReadingLimits = FOLDER_LIMITS
    ) -> None:
        root = Path(folder).expanduser().resolve()
        layout = osie_layout(root)
        if layout is None:
            raise ValueError(
                f"{root} is no OSIE folder: expected stimuli/ with eye/fixations.mat or fixations.csv.gz beside it, or "
                "mouse_amt, in the folder or in its data/."
            )
        self.root, self._layout = root, layout
        stimuli = index_files(layout.stimuli.resolve(), suffixes=frozenset({".jpg", ".jpeg"}))
        self._files = {Path(file[0]).stem: file for file in stimuli.files if "/" not in file[0]}
        if not self._files:
            raise ValueError(f"{layout.stimuli} holds no JPEG photographs.")
        self._specs = {
            "fixations": PointMapSpec(sigma_px=sigma_px),
            "durations": PointMapSpec(sigma_px=sigma_px, weight="duration"),
            "mouse": PointMapSpec(sigma_px=sigma_px, per_participant="share"),
        }
        skipped = [(f"stimuli/{path}", reason) for path, reason in stimuli.refused]
        self._fixations: dict[str, Points] = {}
        self._mouse: MouseTable | None = None
        self._mouse_files: dict[str, Path] = {}
        mouse_images: set[str] = set()
        if layout.fixations is not None:
            try:
                self._fixations = read_fixations(layout.fixations)
            except OSIEFileError as error:
                skipped.append((layout.fixations.name, str(error)))
        if layout.mouse is not None and layout.mouse.is_file():
            try:
                self._mouse = MouseTable(layout.mouse)
                mouse_images = {image for image in self._files if image in self._mouse}
            except OSIEFileError as error:
                skipped.append((layout.mouse.name, str(error)))
        elif layout.mouse is not None:
            self._mouse_files = {path.stem: path for path in layout.mouse.glob("*.mat")}
            mouse_images = set(self._mouse_files) & set(self._files)
        self._images_of = {
            "fixations": set(self._fixations) & set(self._files),
            "durations": set(self._fixations) & set(self._files),
            "mouse": mouse_images,
        }
        smoothed = f"one map each, smoothed with a Gaussian of {sigma_px:g} px at 800 x 600, averaged."
        n_observers = max((len(np.unique(points.participant)) for points in self._fixations.values()), default=0)
        sentences = {
            "fixations": f"Eye fixations of {n_observers} observers: counted, {smoothed}",
            "durations": f"Eye fixations of {n_observers} observers: weighted by duration, {smoothed}",
            "mouse": f"Mouse-contingent samples of crowd workers: shares, {smoothed}",
        }
        super().__init__(
            name="osie",
            title=f"OSIE: {len(self._files)} photographs",
            images=sorted(self._files),
            licence="MIT (NUS-VIP, predicting-human-gaze-beyond-pixels)",
            map_kinds={kind: sentence for kind, sentence in sentences.items() if self._images_of[kind]},
            skipped=skipped,
            limits=limits,
        )

    @cached_property
    def fingerprint(self) -> str:
        """Hash of the stimuli, the files of points and the settings of the maps."""
        points = [
            (str(path), file_states(path))
            if path.is_dir()
            else (str(path), path.stat().st_size, path.stat().st_mtime_ns)
            for path in (self._layout.fixations, self._layout.mouse)
            if path is not None
        ]
        specs = {kind: asdict(spec) for kind, spec in self._specs.items()}
        named = () if self._smoothing is None else (self._smoothing,)
        about = (sorted(self._files.values()), points, specs, settings(self.limits), *named)
        return fingerprint("osie", str(self.root), *about)

    def with_smoothing(self, smoothing: str) -> OSIECollection:
        """Return this collection with the points' maps smoothed by a ClickMe smoothing in place of the Gaussian."""
        SMOOTHINGS[smoothing]
        other = self._copy_smoothed(smoothing)
        other._smoothing = smoothing
        return other

    def path(self, image: str) -> Path:
        """Return the path of the image's file in stimuli/."""
        self.check(image)
        return self._layout.stimuli / self._files[image][0]

    def split(self, image: str) -> str:
        """Return the split by the hash of the image's id, as in the training of the shipped networks.

        See ``gala_viz.splits``.
        """
        self.check(image)
        return hash_split(image)

    def has_human_map(self, image: str) -> bool:
        """Return whether the image has points of the default kind."""
        self.check(image)
        kind = self.map_kind(None)
        return kind is not None and image in self._images_of[kind]

    def why_no_map(self, image: str) -> str:
        """Return why ``human_map`` returned None for an image that has points."""
        return super().why_no_map(image) or "no point lies inside of it." * self.has_human_map(image)

    def participants(self, image: str, kind: str | None = None) -> tuple[str, ...]:
        """Return the ids of the observers (or crowd workers) with at least one point inside the photograph."""
        kind_and_counts = self._counts(image, kind)
        return kind_and_counts[1].participants if kind_and_counts else ()

    def participant_maps(self, image: str, kind: str | None = None) -> xr.DataArray | None:
        """Return one smoothed map of each participant, (participant, y, x)."""
        kind_and_counts = self._counts(image, kind)
        if kind_and_counts is None:
            return None
        kind, counts = kind_and_counts
        return self._labelled(image, kind, counts, counts.maps, leading={"participant": counts.participants})

    def human_map(self, image: str, kind: str | None = None, participant: str | None = None) -> xr.DataArray | None:
        """Return the mean over participants, or one participant's map."""
        kind_and_counts, who = self._counts(image, kind), f"participant of image {image!r}"
        if kind_and_counts is None:
            if participant is not None:
                position_of(who, participant, ())
            return None
        kind, counts = kind_and_counts
        if participant is not None:
            return self._labelled(image, kind, counts, counts.maps[position_of(who, participant, counts.participants)])
        return self._labelled(image, kind, counts, counts.maps.mean(axis=0))

    def _labelled(self, image: str, kind: str, counts: PointMaps, values: np.ndarray, leading=None) -> xr.DataArray:
        attrs = {"kind": kind, "n_participants": len(counts.participants), "n_outside": counts.n_outside}
        attrs |= asdict(self._specs[kind]) | {"frame_px": list(ORIGINAL_PX)}
        if self._smoothing is None:
            values = smooth_maps(values, ORIGINAL_PX, self._specs[kind])
        else:
            values = SMOOTHINGS[self._smoothing](values)
            del attrs["sigma_px"]
            attrs["smoothing"] = self._smoothing
        return labelled_map(values, name="human_map", extent_px=self.size_px(image), leading=leading, attrs=attrs)

    def _counts(self, image: str, kind: str | None) -> tuple[str, PointMaps] | None:
        """Return the kind, and the participants' maps before smoothing, from the shared cache."""
        self.check(image)
        kind = self.map_kind(kind)
        if kind is None or image not in self._images_of[kind]:
            return None
        key = ("osie", self.fingerprint, image, kind)
        counts = HUMAN_MAPS.get(key)
        if counts is None:
            points = self._fixations[image] if kind != "mouse" else self._mouse_points(image)
            if points is None:
                return None
            counts = point_counts(points, ORIGINAL_PX, self._specs[kind])
            counts.maps.flags.writeable = False
            HUMAN_MAPS.put(key, counts, counts.maps.nbytes)
        return (kind, counts) if counts.participants else None

    def _mouse_points(self, image: str) -> Points | None:
        """Read the mouse samples on an image; None for a file that cannot be used, which is listed in ``skipped``."""
        if self._mouse is not None:
            return self._mouse.points(image)
        points, name = None, self._mouse_name(image)
        try:
            points = read_mouse_mat(self._mouse_files[image])
        except OSError as error:
            self.skip_for_now(name, f"cannot be read ({error.strerror or error}).")
            return None
        except OSIEFileError as error:
            self.skip(name, str(error))
        self.skip_for_now(name, None)
        return points

    def _mouse_name(self, image: str) -> str:
        path = self._mouse_files.get(image)
        return "" if path is None else f"{path.parent.name}/{path.name}"

    def _map_name(self, image: str) -> str:
        return self._mouse_name(image) if self.map_kind(None) == "mouse" else ""
