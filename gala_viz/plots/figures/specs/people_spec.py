"""Kind "people", figure 1A: photographs seen through what people marked on them, by superclass."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
import xarray as xr

from gala_viz.plots.figures.people_figure import OPACITY_TEXT, PhotographWithMap, opaque_threshold, people_figure
from gala_viz.plots.figures.specs.caption_text import caption_markdown, check_map_kind, human_maps_text, images_text
from gala_viz.plots.figures.specs.figure_result import (
    FigureResult,
    ProgressCallback,
    ignore_progress,
)
from gala_viz.plots.figures.specs.figure_spec import FigureSpec, check_images
from gala_viz.schema import HUMAN_MAP_ATTRS, count_participants, labelled_variable, name_pixels
from gala_viz.specs import settings
from gala_viz.store.source import MapSource

PER_ROW_RANGE = (1, 12)
OTHER_GROUP = "others"
"""Title of the images without a superclass, where others have one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PeopleSpec(FigureSpec):
    """Figure 1A of chosen images: photographs seen through human maps, one block for each superclass.

    Parameters
    ----------
    map_kind : str, optional
        One of the collection's kinds of human maps; default: the collection's default kind.
    per_row : int
        Images side by side in a block.
    **common
        Those of ``FigureSpec``.

    Examples
    --------
    >>> import gala_viz as gv
    >>> gv.PeopleSpec(images=("a",), per_row=3).per_row
    3
    """

    kind: ClassVar[str] = "people"

    map_kind: str | None = None
    per_row: int = 4

    def __post_init__(self) -> None:
        FigureSpec.__post_init__(self)
        least, most = PER_ROW_RANGE
        if isinstance(self.per_row, bool) or not isinstance(self.per_row, int) or not least <= self.per_row <= most:
            raise ValueError(f"per_row is a whole number from {least} to {most}; got {self.per_row!r}.")
        if self.map_kind is not None and not isinstance(self.map_kind, str):
            raise ValueError(f"map_kind names a kind of human maps; got {self.map_kind!r}.")


def draw_people(source: MapSource, spec: PeopleSpec, progress: ProgressCallback = ignore_progress) -> FigureResult:
    """Draw figure 1A as ``spec`` says, with its caption and data.

    Parameters
    ----------
    source : MapSource
        Photographs and human maps come from it.
    spec : PeopleSpec
        Images and kind of human map.
    progress : callable
        Called as ``progress(done, total)`` after each image.

    Returns
    -------
    FigureResult
        With the human maps, and a table of participants and opacity.

    Raises
    ------
    UnknownNameError
        The source does not have an image, or not this kind of human map.
    ValueError
        An image has no human map.
    """
    check_images(source, spec)
    kind = check_map_kind(source, spec.map_kind)
    groups: dict[str, list[PhotographWithMap]] = {}
    maps: list[xr.DataArray] = []
    rows, simulated = [], False
    for done, image in enumerate(spec.images):
        info, human = source.info(image), source.human_map(image, kind)
        if human is None:
            raise ValueError(f"{image} has no human map; choose images that people marked.")
        simulated |= bool(human.attrs.get("simulated"))
        picture = PhotographWithMap(title=info.category or image, view=source.view(image), human_map=human.values)
        groups.setdefault(info.superclass or "", []).append(picture)
        maps.append(human)
        rows.append(
            {
                "image": image,
                "category": info.category,
                "superclass": info.superclass,
                "participants": count_participants(human, source.participants(image, kind)),
                "opaque_from": opaque_threshold(human.values),
                "largest": float(np.nanmax(human.values)),
            }
        )
        progress(done + 1, len(spec.images))
    named = {
        _group_title(name, len(groups)): groups[name] for name in sorted(groups, key=lambda name: (not name, name))
    }
    figure = people_figure(
        list(named.items()),
        columns=spec.per_row,
        width_inches=spec.width_inches,
        with_opacity_bar=True,
        simulated=simulated,
    )
    dataset = xr.Dataset(
        {"human_map": xr.Variable.concat([labelled_variable(one, **HUMAN_MAP_ATTRS) for one in maps], "image")},
        coords={"image": list(spec.images), "y": maps[0]["y"].values, "x": maps[0]["x"].values},
        attrs={"collection": source.title, "settings": json.dumps(settings(spec))},
    )
    name_pixels(dataset)
    caption = _caption(source, spec, list(named), rows, simulated)
    return FigureResult(figure=figure, caption=caption, maps=dataset, table=pd.DataFrame(rows))


def _group_title(superclass: str, count: int) -> str:
    if superclass:
        return f"{superclass}s"
    return OTHER_GROUP if count > 1 else "images"


def _caption(source: MapSource, spec: PeopleSpec, groups: list[str], rows: list[dict], simulated: bool) -> str:
    """Return the caption: images, human maps, participants an image, and what opacity stands for."""
    people = [row["participants"] for row in rows if row["participants"] is not None]
    unknown = len(rows) - len(people)
    parts = []
    if people:
        parts.append(f"{min(people)} to {max(people)}" if max(people) > min(people) else f"{min(people)}")
    if unknown:
        parts.append("number unknown" if not people else f"number unknown on {unknown} of {len(rows)}")
    counted = f"Participants an image: {', '.join(parts)}."
    scales = ", ".join(f"{row['image']} {row['opaque_from']:.3g}" for row in rows)
    return caption_markdown(
        f"{source.title}: photographs seen through {'simulated ' if simulated else ''}human maps",
        [
            f"{images_text(spec.images)} In blocks: {', '.join(groups)}.",
            human_maps_text(source, simulated, spec.map_kind),
            counted,
            f"{OPACITY_TEXT} That percentile, in the maps' own unit: {scales}.",
        ],
    )
