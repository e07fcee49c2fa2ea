"""The collection manifest: collection.toml says what a collection of one's own is made of and how its maps are made."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import tomli_w

from gala_viz.cache import write_atomically
from gala_viz.collections.clickme.click_maps import ClickMapSpec, check_clicks
from gala_viz.collections.clickme.round_filters import RoundFilters
from gala_viz.collections.clickme.smoothing import SMOOTHINGS
from gala_viz.collections.fixations.fixation_maps import FixationMapSpec
from gala_viz.collections.folder_layouts import MANIFEST
from gala_viz.collections.folder_spec import DEFAULT, FolderSpec
from gala_viz.specs import settings, spec_from_settings, toml_values


class ManifestError(ValueError):
    """A collection.toml that cannot be what it claims; the message names the file and what is wrong with it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Manifest:
    """What ``open_collection`` needs for a collection of one's own.

    ``source`` is a folder of photographs, of OSIE or of TFRecords (or one such file). ``human_maps`` belongs to
    photographs, ``clicks`` to a table of clicks, ``fixations`` to fixations, ``folder`` to a folder of photographs,
    ``smoothing`` to the maps in TFRecords. Paths are absolute, or relative to the manifest in the file. ``report``
    holds what the import counted.
    """

    title: str
    source: Path
    human_maps: Path | None = None
    clicks: ClickMapSpec | None = None
    fixations: FixationMapSpec | None = None
    folder: FolderSpec = DEFAULT
    smoothing: str | None = None
    licence: str | None = None
    report: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_clicks(self.clicks, self.human_maps)
        if self.smoothing is not None:
            SMOOTHINGS[str(self.smoothing)]

    def write(self, folder: str | Path) -> Path:
        """Write collection.toml into ``folder`` and return its path.

        Paths inside ``folder`` are written relative to it. Raises ``PermissionError`` where the folder cannot be
        written.
        """
        folder = Path(folder)
        content = {
            "collection": {"title": self.title, "licence": self.licence, "source": _path_text(self.source, folder)},
            "maps": {"human_maps": _path_text(self.human_maps, folder), "smoothing": self.smoothing},
            "clicks": settings(self.clicks) if self.clicks else None,
            "fixations": settings(self.fixations) if self.fixations else None,
            "folder": self._folder(folder) if self.folder != DEFAULT else None,
            "report": dict(self.report),
        }
        path = folder / MANIFEST
        if not write_atomically(path, tomli_w.dumps(toml_values(content)).encode()):
            raise PermissionError(f"{folder}: the folder cannot be written.")
        return path

    def _folder(self, folder: Path) -> dict[str, Any]:
        return {**settings(self.folder), "labels": _path_text(self.folder.labels, folder)}


def read_manifest(folder: str | Path) -> Manifest:
    """Read the manifest of a collection's ``folder``; raise ``ManifestError`` where there is none or it is not valid.

    Of the filters in [clicks], ``max_clicks`` and ``min_catch_score`` are None where the file leaves them out: TOML has
    no None.
    """
    folder = Path(folder)
    path = folder / MANIFEST
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ManifestError(f"{path}: not a TOML file ({error}).") from None
    about, maps = content.get("collection"), content.get("maps", {})
    if not isinstance(about, dict) or not isinstance(about.get("source"), str):
        raise ManifestError(f"{path}: [collection] needs source, the folder or file of the images, as a text.")
    clicks = content.get("clicks")
    if clicks is not None and not (isinstance(clicks, dict) and isinstance(clicks.get("filters", {}), dict)):
        raise ManifestError(f"{path}: clicks is a table, [clicks], perhaps with [clicks.filters]; got {clicks!r}.")
    if not isinstance(maps, dict):
        raise ManifestError(f"{path}: maps is a table, [maps]; got {maps!r}.")
    try:
        return Manifest(
            title=str(about.get("title", folder.name)),
            licence=about.get("licence"),
            source=folder / about["source"],
            human_maps=folder / maps["human_maps"] if "human_maps" in maps else None,
            smoothing=maps.get("smoothing"),
            clicks=None if clicks is None else _clicks(clicks),
            fixations=spec_from_settings(FixationMapSpec, content["fixations"]) if "fixations" in content else None,
            folder=_folder_spec(content["folder"], folder) if "folder" in content else DEFAULT,
            report=content.get("report", {}),
        )
    except (TypeError, KeyError, ValueError) as error:
        raise ManifestError(f"{path}: {error}") from error


def _folder_spec(content: Any, folder: Path) -> FolderSpec:
    spec = spec_from_settings(FolderSpec, content)
    if spec.labels is None:
        return spec
    if not isinstance(spec.labels, str):
        raise ValueError(f"labels is the path of a file, as a text; got {spec.labels!r}.")
    return replace(spec, labels=folder / spec.labels)


def _clicks(content: dict[str, Any]) -> ClickMapSpec:
    filters = {"max_clicks": None, "min_catch_score": None, **content.pop("filters", {})}
    frame = content.pop("frame_px", None)
    return ClickMapSpec(filters=RoundFilters(**filters), frame_px=frame and tuple(frame), **content)


def _path_text(path: Path | None, folder: Path) -> str | None:
    if path is None:
        return None
    absolute = path.resolve()
    return os.path.relpath(absolute, folder.resolve()) if absolute.is_relative_to(folder.resolve()) else str(absolute)
