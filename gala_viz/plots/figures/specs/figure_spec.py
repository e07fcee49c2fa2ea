"""What the file of every figure holds: where images and maps come from, which images, width, how maps are made."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import gala_viz
from gala_viz.registry import UnknownNameError, unknown_name
from gala_viz.specs import MapRequest, settings
from gala_viz.store.source import MapSource

FIGURE_FORMAT = 1
WIDTHS_MM = {"single": 89.0, "middle": 120.0, "double": 183.0}
"""Widths of a journal's columns, in mm, as most journals require them."""
DPI_RANGE = (50, 1200)
MAX_IMAGES = 60
"""Images whose maps are drawn side by side, at most."""
MAX_NETWORKS = 8
"""Networks that stand side by side, at most."""
KINDS_WITH_SECOND_MAPS = ("comparison",)
"""Kinds of figures whose two maps may be by two methods, of two targets or at two layers."""
MAX_SELECTED_IMAGES = 10_000
"""Images that are chosen among all of a collection, at most."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FigureSpec:
    """What all kinds of figures share; a figure itself is one of ``KINDS``, for example ``ComparisonSpec``.

    Parameters
    ----------
    collection, human_maps, store : str, optional
        Where images and maps come from, as for ``gala-viz compare``.
    networks : tuple of str, optional
        Names or folders, two or more; default: the pair that suits the collection.
    images : tuple of str
        Ids of the images.
    width : str
        One of ``WIDTHS_MM``: a journal's column.
    dpi : int
        Dots per inch of the PNG, within ``DPI_RANGE``.
    request : MapRequest
        Settings of the maps.

    Raises
    ------
    ValueError
        A value cannot be drawn; the message says what was expected.

    Examples
    --------
    >>> import gala_viz as gv
    >>> issubclass(gv.TableSpec, gv.FigureSpec)
    True
    """

    kind: ClassVar[str] = ""
    n_images_range: ClassVar[tuple[int, int]] = (1, MAX_IMAGES)
    """Fewest and most images that such a figure names."""

    collection: str | None = None
    human_maps: str | None = None
    store: str | None = None
    networks: tuple[str, ...] | None = None
    images: tuple[str, ...] = ()
    width: str = "double"
    dpi: int = 300
    request: MapRequest = field(default_factory=MapRequest)

    def __post_init__(self) -> None:
        if self.width not in WIDTHS_MM:
            raise ValueError(f"width is one of {', '.join(WIDTHS_MM)}; got {self.width!r}.")
        if isinstance(self.dpi, bool) or not isinstance(self.dpi, int) or not DPI_RANGE[0] <= self.dpi <= DPI_RANGE[1]:
            raise ValueError(f"dpi is a whole number from {DPI_RANGE[0]} to {DPI_RANGE[1]}; got {self.dpi!r}.")
        check_texts("images", self.images, self.n_images_range)
        if self.networks is not None and not _is_one_network_twice(self.networks):
            check_texts("networks", self.networks, (2, MAX_NETWORKS))
        if not isinstance(self.request, MapRequest):
            raise ValueError(f"request says how maps are made, by name; got {self.request!r}.")
        if self.request.second is not None and self.kind not in KINDS_WITH_SECOND_MAPS:
            raise ValueError(
                f"request.second is what the second of two maps has of its own, which a figure of the kind {self.kind} "
                f"does not draw; leave it out, or draw one of the kind {' or '.join(KINDS_WITH_SECOND_MAPS)}."
            )

    @property
    def width_inches(self) -> float:
        """Width of the figure, in inches."""
        return WIDTHS_MM[self.width] / 25.4

    def text(self) -> str:
        """Return the content of the spec's file, with the version of gala_viz; reading it gives the same spec."""
        content = {"format": FIGURE_FORMAT, "version": gala_viz.__version__, "kind": self.kind, **settings(self)}
        return json.dumps(content, indent=2, ensure_ascii=False) + "\n"

    def save(self, path: str | Path) -> None:
        """Write the spec to the file ``path``; reading it gives the same spec."""
        Path(path).write_text(self.text(), encoding="utf-8")


def _is_one_network_twice(networks: object) -> bool:
    """Return whether a network is compared with itself, which shows what is chance alone."""
    return (
        isinstance(networks, tuple) and len(networks) == 2 and isinstance(networks[0], str) and len(set(networks)) == 1
    )


def check_texts(what: str, values: object, count: tuple[int, int]) -> None:
    """Raise ``ValueError`` unless ``values`` are a tuple of ``count[0]`` to ``count[1]`` different texts."""
    ids = "ids" if what == "images" else "names"
    least, most = count
    number = f"{least} to {most:,} {ids}" if least else f"at most {most:,} {ids}"
    if not isinstance(values, tuple) or not all(isinstance(one, str) for one in values):
        raise ValueError(f"{what} are {number}, as texts; got {values!r}.")
    twice = [name for name in dict.fromkeys(values) if values.count(name) > 1]
    if not least <= len(values) <= most or twice:
        told = f"{twice[0]!r} twice" if twice else f"{len(values):,}"
        raise ValueError(f"{what} are {number}, each once; got {told}.")


def check_images(source: MapSource, spec: FigureSpec) -> None:
    """Raise ``UnknownNameError``, with the nearest, for an image that the source does not have."""
    known = set(source.images)
    for image in spec.images:
        if image not in known:
            raise UnknownNameError(unknown_name(f"image of {source.name}", image, list(source.images)))
